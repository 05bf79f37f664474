"""Tensors of inference mode: each expression gives the same under wengert and PyTorch."""

from __future__ import annotations

import textwrap
import warnings
from typing import Any

import pytest

import wengert

torch = pytest.importorskip("torch")

SETUP = """
import copy, pickle

p = torch.ones(3, requires_grad=True)
n = torch.arange(3.0)
with torch.inference_mode():
    i = torch.tensor([1.0, 2.0, 3.0])
    learned = torch.ones(2, requires_grad=True)
    view = n.view(3, 1)

def inside(f):
    with torch.inference_mode():
        return f()

def without_grad(f):
    with torch.no_grad():
        return f()

class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g * b, g * a
"""

# The last line is the result; what raises is compared by class and first sentence.
PROGRAMS = {
    "made inside": "[i.is_inference(), torch.is_inference(i), i.requires_grad, i.is_leaf, i.grad_fn]",
    "a leaf made inside": "[learned.is_inference(), learned.requires_grad, learned.is_leaf]",
    "all kinds of results": """
        inside(lambda: [x.is_inference() for x in (
            torch.zeros(2), torch.tensor([1]), n * 2, p + 1, n.clone(), n.sum(), n.double(),
            n.reshape(3), n.contiguous(), n.to(torch.float32), n.detach(), n.data, n[0], n[[0]],
            n.split(1)[0], n.unbind()[0], n.T, n.add_(0), i[0], i.view(3), i.detach(), n.expand(2, 3),
            torch.stack([n, n]), torch.add(n, n, out=torch.empty(3)), torch.nn.Parameter(n.clone()),
            n.diagonal() if n.ndim > 1 else n, p.view(3), torch.nn.functional.relu(n),
        )])
    """,
    "results outside": """
        [x.is_inference() for x in (
            i.view(3), i[0], i.detach(), i.data, i.reshape(3, 1), i.contiguous(), i.cpu(), i.clone(),
            i + 1, i.double(), i.sum(), i[[0]], n.copy_(i), copy.deepcopy(i),
            pickle.loads(pickle.dumps(i)), torch.stack([i, i]), view, view.view(3), i.expand(2, 3),
        )]
    """,
    "no views of inference tensors": "[i._base, i[0]._base, i.view(3)._base is None, view._base is n]",
    "version": "i._version",
    "version of a view": "i.view(3)._version",
    "version inside": "inside(lambda: i._version)",
    "version of a normal tensor inside": "inside(lambda: (n.add_(1), n._version)[1])",
    "version through a view": "inside(lambda: view.add_(1)); [n, n._version]",
    "saved": "p * i",
    "saved by another operator": "(p.reshape(1, 3) @ i.reshape(3, 1))",
    "saved by a function": "Product.apply(p, i)",
    "saved under hooks": """
        with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):
            p * i
    """,
    "not saved": "y = (p + i).sum(); y.backward(); [y, p.grad, p.grad.is_inference()]",
    "a clone is saved": "torch.autograd.grad((p * i.clone()).sum(), p)",
    "not recorded": "[without_grad(lambda: p * i), inside(lambda: p * i), (n * i)]",
    "as a gradient": "torch.autograd.grad(p * 2, p, i)",
    "as a gradient with a graph": "torch.autograd.grad(p * p, p, i, create_graph=True)",
    "a leaf as a factor": "torch.autograd.grad((learned * 2).sum(), learned)",
    "backward inside": "y = (p * p).sum(); inside(lambda: y.backward()); [p.grad, p.grad.is_inference()]",
    "add_": "i.add_(1)",
    "add_ without grad": "without_grad(lambda: i.add_(1))",
    "add_ inside": "inside(lambda: i.add_(1))",
    "add_ to a view": "i[0].add_(1)",
    "zero_": "i.zero_()",
    "fill_": "i.fill_(2)",
    "copy_": "i.copy_(n)",
    "random": "i.uniform_()",
    "normal_": "i.normal_()",
    "assignment": "i[0] = 1.0",
    "assignment of a mask": "i[i > 1] = 1.0",
    "index_add_": "i.index_add_(0, torch.tensor([0]), torch.ones(1))",
    "out": "torch.add(n, n, out=i)",
    "sum out": "torch.sum(n.reshape(1, 3), 0, out=i)",
    "t_": "i.t_()",
    "unsqueeze_": "i.unsqueeze_(0)",
    "resize_": "i.resize_(2)",
    "set_": "i.set_(torch.ones(2))",
    "detach_": "i.detach_()",
    "dropout in place": "torch.nn.functional.dropout(i, 0.5, True, True)",
    "relu in place": "torch.nn.functional.relu(i, inplace=True)",
    "running statistics": """
        m = inside(lambda: torch.nn.BatchNorm1d(2))
        m(torch.ones(3, 2))
    """,
    "an optimizer": """
        learned.grad = torch.ones(2)
        torch.optim.SGD([learned], 0.1, momentum=0.9).step()
    """,
    "adam": """
        learned.grad = torch.ones(2)
        torch.optim.Adam([learned], 0.1).step()
    """,
    "requires_grad_": "i.requires_grad_()",
    "requires_grad": "i.requires_grad = True",
    "requires_grad_ off": "i.requires_grad_(False).requires_grad",
    "requires_grad_ inside": "inside(lambda: i.requires_grad_().requires_grad)",
    "Parameter": "torch.nn.Parameter(i)",
    "Parameter that learns nothing": "torch.nn.Parameter(i, requires_grad=False).is_inference()",
    "moving a module inside": """
        m = torch.nn.Linear(3, 2)
        inside(lambda: m.double())
        [m.weight.is_inference(), m.weight.requires_grad, m.weight.dtype]
    """,
    "loading a state inside": """
        m, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
        inside(lambda: m.load_state_dict(other.state_dict()))
        [m.weight.is_inference(), m.weight.requires_grad]
    """,
    "data": "p.data = i; p.is_inference()",
    "data inside": "inside(lambda: setattr(n, 'data', n.data * 2)); n.is_inference()",
    "a view made inside is written to": """
        y = p * 1
        w = inside(lambda: y.view(3, 1))
        w.add_(1)
    """,
    "a view of a constant made inside": "view.add_(1); [n, view]",
    "a view of a constant takes in a graph": "view.add_(p.view(3, 1))",
    "a view without grad": "without_grad(lambda: (p * 1).view(3, 1)).add_(p.view(3, 1))",
    "its base is written to": """
        y = p * 1
        w = inside(lambda: y.view(3, 1))
        y.add_(1)
        w.grad_fn
    """,
    "a part made inside is written to": """
        y = p * 1
        inside(lambda: y.split(1))[0].add_(1)
    """,
    "a view without grad of a view made inside": """
        y = p * 1
        w = inside(lambda: y.view(3, 1))
        without_grad(lambda: w.view(3)).add_(1)
    """,
    "grad mode": """
        states = []
        def state():
            states.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
        with torch.inference_mode():
            state()
            with torch.enable_grad():
                state()
                with torch.no_grad():
                    state()
            with torch.inference_mode(False):
                state()
                with torch.inference_mode():
                    state()
            state()
            with torch.set_grad_enabled(True):
                state()
        with torch.no_grad(), torch.inference_mode(False):
            state()
        with torch.no_grad():
            with torch.inference_mode():
                pass
            state()
        state()
        states
    """,
    "enable_grad inside": """
        with torch.inference_mode(), torch.enable_grad():
            y = p * 2
        [y.requires_grad, y.is_inference()]
    """,
    "normal mode inside": """
        with torch.inference_mode(), torch.inference_mode(False):
            y = p * 2
            z = torch.ones(2)
        [y.requires_grad, y.is_inference(), z.is_inference()]
    """,
    "decorators": """
        def state():
            return [torch.ones(1).is_inference(), torch.is_inference_mode_enabled()]
        def steps():
            while True:
                yield state()
        made = [torch.inference_mode(state)(), torch.inference_mode()(state)(),
                torch.inference_mode(True)(state)(), torch.inference_mode(False)(state)()]
        g = torch.inference_mode()(steps)()
        [made, next(g), state(), next(g), torch.inference_mode()(state).__name__]
    """,
    "per thread": """
        import threading
        seen = []
        with torch.inference_mode():
            t = threading.Thread(target=lambda: seen.append(torch.ones(1).is_inference()))
            t.start()
            t.join()
        seen
    """,
    "after an error": """
        try:
            inside(lambda: 1 / 0)
        except ZeroDivisionError:
            pass
        [torch.is_inference_mode_enabled(), torch.is_grad_enabled(), (p * 2).requires_grad]
    """,
    "transforms": """
        f = lambda x: (x * x * i).sum()
        [inside(lambda: torch.func.grad(f)(n)), torch.func.grad(f)(i), inside(lambda: torch.func.hessian(f)(n)),
         inside(lambda: torch.func.jacrev(torch.square)(i)), torch.vmap(torch.square)(i),
         inside(lambda: torch.func.jvp(f, (n,), (n,)))]
    """,
    "a gradient of what is recorded nowhere": "inside(lambda: (p * 2).sum().backward())",
    "is_inference of no tensor": "torch.is_inference(3)",
    "printing": "[repr(i), repr(learned), inside(lambda: repr(p + 1))]",
    "hooks on a leaf": "seen = []; learned.register_hook(seen.append); (learned + 1).sum().backward(); seen",
    "retain_grad": "i.retain_grad()",
    "increment_version": "torch.autograd.graph.increment_version(i)",
}  # fmt: skip


def plain(value: Any) -> Any:
    if isinstance(value, (torch.Tensor, wengert.Tensor)):
        return str(value.dtype).split(".")[-1], value.detach().tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value).split(".")[-1] if "float" in str(value) else value


def run(name: str, module: Any) -> tuple[Any, type[Exception] | None, str]:
    values: dict[str, Any] = {"torch": module}
    exec(SETUP, values)
    program = textwrap.dedent(PROGRAMS[name]).strip().replace("; ", "\n")
    lines = program.split("\n")
    start = max(k for k, line in enumerate(lines) if line[:1] not in (" ", "]", ")", ""))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec("\n".join(lines[:start]), values)
            last = "\n".join(lines[start:])
            try:
                code = compile(last, name, "eval")
            except SyntaxError:
                exec(last, values)
                return None, None, ""
            return plain(eval(code, values)), None, ""
        except Exception as error:
            return None, type(error), str(error).partition("\n")[0].partition(".")[0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_same(name: str) -> None:
    result, error, sentence = run(name, wengert)
    expected, wanted, text = run(name, torch)
    assert error is wanted
    assert sentence == text
    assert result == expected


def test_where_pytorch_loses_a_gradient_in_silence_wengert_raises() -> None:
    # PyTorch does not record an operation whose tensors are all of inference mode.
    with wengert.inference_mode():
        learned = wengert.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        learned * learned
    (learned + learned).sum().backward()
    assert learned.grad.tolist() == [2, 2]


def test_detached_tensors_of_inference_mode_stay_read_only() -> None:
    # PyTorch forgets about it there.
    with wengert.inference_mode():
        x = wengert.ones(2)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        x.detach().add_(1)
    assert x.tolist() == [1, 1]
