"""What is measured: small programs, the same text for both frameworks.

The tensors of the first groups are so small that the time is the framework's own overhead. A group
runs in one process, in order; its peak memory is that of the process.
"""

from benchmarks.workload import Workload


def _small(name: str, statement: str, goal: float | None = None) -> list[Workload]:
    plain = "torch.tensor([1.0, 2.0, 3.0, 4.0])"
    tracked = "torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)"
    return [
        Workload(
            f"{name}, {graph}",
            statement,
            f"x, y = {each}, {each}\nm = x.reshape(2, 2)",
            goal=goal,
            overhead=True,
        )
        for graph, each in (("no graph", plain), ("recorded", tracked))
    ]


_CHAIN = """
x = torch.tensor([1.0, 0.5, -0.25, 0.75], requires_grad=True)

def forward():
    y = x
    for _ in range(100):
        y = y * x
    return y

def both():
    x.grad = None
    forward().sum().backward()

def untracked():
    with torch.no_grad():
        return forward()
"""

_MATRICES = """
a, b = torch.ones(4, 4, requires_grad=True), torch.ones(4, 4, requires_grad=True)
w, c = torch.ones(8, 4, requires_grad=True), torch.zeros(8, requires_grad=True)
linear = torch.nn.functional.linear
"""

_MLP = """
from importlib import import_module
nn, optim = (import_module(f"{torch.__name__}.{part}") for part in ("nn", "optim"))
model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = optim.SGD(model.parameters(), lr=0.01)
inputs, targets = torch.ones(4, 8), torch.zeros(4, 1)

def step():
    optimizer.zero_grad()
    nn.functional.mse_loss(model(inputs), targets).backward()
    optimizer.step()
"""

_FUNCTION = """
from importlib import import_module
Function = import_module(f"{torch.__name__}.autograd").Function

class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad

x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
ones = torch.ones(4)
grad = import_module(f"{torch.__name__}.autograd").grad

def both():
    return grad(Square.apply(x), x, ones)
"""

_MILLION = """
x = torch.linspace(-2.0, 2.0, 1_000_000)
y = torch.linspace(1.0, 3.0, 1_000_000)
t = torch.linspace(-2.0, 2.0, 1_000_000, requires_grad=True)

def both():
    t.grad = None
    (t * y).tanh().sum().backward()
"""

CHAIN_FORWARD = "chain of 100 multiplications, forward"
CHAIN_BOTH = "chain of 100 multiplications, forward and backward"

GROUPS: dict[str, list[Workload]] = {
    "operations on 4 floats": [
        *_small("x * y", "x * y", 4),
        *_small("x * 2.0", "x * 2.0"),
        *_small("x + y", "x + y", 4),
        *_small("tanh", "x.tanh()", 4),
        *_small("-x", "-x"),
        *_small("sum", "x.sum()"),
        *_small("x[0]", "x[0]"),
        *_small("reshape", "x.reshape(2, 2)"),
        *_small("transpose", "m.transpose(0, 1)"),
    ],
    "chains on 4 floats": [
        Workload(CHAIN_FORWARD, "forward()", _CHAIN, "us", goal=4, overhead=True),
        Workload(CHAIN_BOTH, "both()", _CHAIN, "us", goal=4, overhead=True),
        Workload(
            "chain of 100 multiplications, no_grad",
            "untracked()",
            _CHAIN,
            "us",
            goal=4,
            overhead=True,
        ),
    ],
    "small matrices": [
        Workload("4x4 @ 4x4, recorded", "a @ b", _MATRICES),
        Workload("linear 4x4 to 4x8, recorded", "linear(a, w, c)", _MATRICES),
    ],
    "a small network": [Workload("training step of 8-16-1, batch of 4", "step()", _MLP, "us")],
    "custom functions on 4 floats": [
        Workload("Function.apply", "Square.apply(x)", _FUNCTION, goal=2),
        Workload("Function.apply, forward and backward", "both()", _FUNCTION, goal=2),
    ],
    "a million floats": [
        Workload("1M: x * y", "x * y", _MILLION, "us"),
        Workload("1M: x + y", "x + y", _MILLION, "us"),
        Workload("1M: tanh", "x.tanh()", _MILLION, "us"),
        Workload("1M: exp", "x.exp()", _MILLION, "us"),
        Workload("1M: sum", "x.sum()", _MILLION, "us"),
        Workload("1M: (x * y).tanh().sum(), forward and backward", "both()", _MILLION, "us"),
    ],
}
