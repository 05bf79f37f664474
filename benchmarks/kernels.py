"""Kernels on their own, and the parts of a training loop that are no model."""

from benchmarks.workload import IMPORTS, Workload

# ---- pointwise and rows -------------------------------------------------------------------------

_BOTH = """
def both():
    x.grad = None
    f(x).backward(g)
"""


def _million(name: str, body: str, shape: str = "1_000_000", goal: float = 2.5) -> list[Workload]:
    """Forward, and forward with backward, of a function of a million floats."""
    setup = f"""{IMPORTS}
x = torch.randn({shape}, requires_grad=True)
y = torch.randn({shape})
plain = x.detach()
f = lambda x: {body}
g = torch.randn_like(f(x))
{_BOTH}"""
    return [
        Workload(f"1M: {name}, forward", "f(plain)", setup, "us", goal=goal),
        Workload(f"1M: {name}, forward and backward", "both()", setup, "us", goal=goal),
    ]


_TANH_GELU = "0.5 * x * (1 + torch.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))"
_CROSS_ENTROPY = f"""{IMPORTS}
x = torch.randn(1000, 1000, requires_grad=True)
plain, t = x.detach(), torch.randint(0, 1000, (1000,))
f = lambda x: F.cross_entropy(x, t)
g = torch.ones(())
{_BOTH}"""


def _reduction(name: str, body: str) -> list[Workload]:
    setup = f"{IMPORTS}x = torch.randn(1000, 1000)\nf = lambda x, dim: {body}"
    return [
        Workload(f"1000x1000: {name} of rows", "f(x, 1)", setup, "us", goal=1.5),
        Workload(f"1000x1000: {name} of columns", "f(x, 0)", setup, "us", goal=1.5),
    ]


# ---- products -----------------------------------------------------------------------------------


def _matmul(m: int, k: int, n: int) -> Workload:
    setup = f"{IMPORTS}a, b = torch.randn({m}, {k}), torch.randn({k}, {n})"
    return Workload(f"matmul {m}x{k} @ {k}x{n}", "a @ b", setup, "us", flops=2.0 * m * k * n,
                    goal=1.0)  # fmt: skip


def _conv(
    batch: int, inputs: int, outputs: int, size: int, window: int, stride: int = 1
) -> Workload:
    setup = f"""{IMPORTS}
x = torch.randn({batch}, {inputs}, {size}, {size})
w = torch.randn({outputs}, {inputs}, {window}, {window})"""
    out = (size + 2 * (window // 2) - window) // stride + 1
    flops = 2.0 * batch * inputs * outputs * out * out * window * window
    return Workload(
        f"conv {batch}x{inputs}x{size}x{size}, {outputs} of {window}x{window}, stride {stride}",
        f"F.conv2d(x, w, None, {stride}, {window // 2})", setup, "us", flops=flops, goal=1.0,
    )  # fmt: skip


def _conv_both(batch: int, inputs: int, outputs: int, size: int) -> Workload:
    setup = f"""{IMPORTS}
x = torch.randn({batch}, {inputs}, {size}, {size}, requires_grad=True)
w = torch.randn({outputs}, {inputs}, 3, 3, requires_grad=True)
g = torch.randn({batch}, {outputs}, {size}, {size})

def both():
    x.grad = w.grad = None
    F.conv2d(x, w, None, 1, 1).backward(g)
"""
    name = f"conv {batch}x{inputs}x{size}x{size}, {outputs} of 3x3, forward and backward"
    return Workload(name, "both()", setup, "us", goal=1.0)


# ---- the rest of a loop -------------------------------------------------------------------------


def _optimizer(name: str, arguments: str) -> Workload:
    setup = f"""{IMPORTS}
params = [nn.Parameter(torch.randn(64, 16)) for _ in range(100)]
for p in params:
    p.grad = torch.randn(64, 16)
optimizer = optim.{name}(params, {arguments})
"""
    return Workload(f"{name} over 100 tensors", "optimizer.step()", setup, "us", goal=5)


_FUNCTION = f"""{IMPORTS}
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return 3 * g * x * x

x = torch.randn(4, requires_grad=True)

def both():
    x.grad = None
    y = x
    for _ in range(20):
        y = Cube.apply(y)
    y.sum().backward()
"""
_DEEP = f"""{IMPORTS}
x = torch.ones(1, requires_grad=True)

def both(depth):
    x.grad = None
    y = x
    for _ in range(depth):
        y = y + x
    y.backward()
"""
_HESSIAN = f"""{IMPORTS}
x = torch.randn(20, requires_grad=True)
a = torch.randn(20, 20)

def hessian():
    y = torch.tanh(a @ x).pow(2).sum()
    g, = torch.autograd.grad(y, x, create_graph=True)
    return [torch.autograd.grad(g[i], x, retain_graph=True)[0] for i in range(20)]
"""
_VIEWS = f"""{IMPORTS}
x = torch.randn(8, 16, 32)
i = torch.randint(0, 8, (16,))
m = torch.randn(8, 16) > 0

def views():
    return x[0], x[:, 1], x[..., ::2], x.transpose(0, 1), x.view(8, -1), x[None], x.permute(2, 0, 1)
"""
_LOADER = f"""{IMPORTS}
data = import_module(f"{{torch.__name__}}.utils.data")
dataset = data.TensorDataset(torch.randn(2048, 32), torch.randint(0, 10, (2048,)))
loader = data.DataLoader(dataset, batch_size=64, shuffle=True)

def epoch():
    return sum(len(y) for x, y in loader)
"""

GROUPS: dict[str, list[Workload]] = {
    "pointwise chains": [
        *_million("tanh-GELU written out", _TANH_GELU),
        *_million("x * sigmoid(x) + y", "x * torch.sigmoid(x) + y"),
        *_million("exp(-x * x)", "torch.exp(-x * x)"),
        *_million("GELU", "F.gelu(x)"),
    ],
    "rows": [
        *_million("softmax", "torch.softmax(x, 1)", "1000, 1000"),
        *_million("layer norm", "F.layer_norm(x, (1000,))", "1000, 1000"),
        Workload("1M: cross entropy, forward and backward", "both()", _CROSS_ENTROPY, "us", goal=2.5),
    ],
    "reductions": [
        *_reduction("sum", "x.sum(dim)"),
        *_reduction("max", "x.amax(dim)"),
        *_reduction("mean", "x.mean(dim)"),
        *_reduction("var", "x.var(dim)"),
        *_reduction("argmax", "x.argmax(dim)"),
    ],
    "products": [
        _matmul(64, 64, 64), _matmul(256, 256, 256), _matmul(1024, 1024, 1024),
        _matmul(128, 1024, 1024), _matmul(32, 784, 400), _matmul(2048, 64, 2048),
    ],
    "convolutions": [
        _conv(32, 3, 16, 32, 3), _conv(32, 16, 32, 32, 3, 2), _conv(32, 64, 64, 16, 3),
        _conv(8, 64, 128, 28, 3), _conv(8, 128, 128, 14, 1), _conv(64, 1, 6, 28, 5),
        _conv(1, 3, 64, 224, 7, 2), _conv_both(32, 16, 16, 32), _conv_both(32, 64, 64, 16),
    ],
    "optimizers": [
        _optimizer("SGD", "lr=1e-9, momentum=0.9"), _optimizer("Adam", "lr=1e-9"),
        _optimizer("AdamW", "lr=1e-9"), _optimizer("RMSprop", "lr=1e-9"),
    ],
    "custom functions and graphs": [
        Workload("20 custom functions, forward and backward", "both()", _FUNCTION, "us", goal=2),
        Workload("graph of 1,000 nodes", "both(1_000)", _DEEP, "us"),
        Workload("graph of 100,000 nodes", "both(100_000)", _DEEP, "ms"),
        Workload("Hessian 20x20 by double backward", "hessian()", _HESSIAN, "us"),
    ],
    "views, indexing and data": [
        Workload("seven views", "views()", _VIEWS, "us"),
        Workload("x[index]", "x[i]", _VIEWS, "us"),
        Workload("x[mask]", "x[m]", _VIEWS, "us"),
        Workload("x[mask] = 0", "x[m] = 0", _VIEWS, "us"),
        Workload("DataLoader, 2048 rows in batches of 64", "epoch()", _LOADER, "ms"),
    ],
}  # fmt: skip
