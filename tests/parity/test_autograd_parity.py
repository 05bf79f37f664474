"""Custom functions, hooks, graphs and the arguments of grad and backward: the same small programs
under wengert and PyTorch give the same values, or the same kind of error."""

from __future__ import annotations

import importlib
import textwrap
import warnings
from typing import Any

import pytest

import wengert

torch = pytest.importorskip("torch")

# Each assigns to `result`, or raises.
PROGRAMS = {
    "gradient of an argument that is no tensor": """
        F = function(lambda ctx, x, n: x * n, lambda ctx, g: (g * 3, None))
        F.apply(x, 3).sum().backward()
        result = x.grad
    """,
    "broadcast gradient": """
        F = function(lambda ctx, x: x + torch.zeros(4, 2), lambda ctx, g: g)
        F.apply(x).sum().backward()
        result = x.grad
    """,
    "too few gradients": """
        F = function(lambda ctx, x, y: x * y, lambda ctx, g: g)
        F.apply(x, x).sum().backward()
    """,
    "gradient of no tensor": """
        F = function(lambda ctx, x, n: x * n, lambda ctx, g: (g, g))
        F.apply(x, 2).sum().backward()
    """,
    "gradient of a wrong shape": """
        F = function(lambda ctx, x: x * 2, lambda ctx, g: g.sum())
        F.apply(x).sum().backward()
    """,
    "integer gradient": """
        F = function(lambda ctx, x: x * 2, lambda ctx, g: g.long())
        F.apply(x).sum().backward()
        result = x.grad
    """,
    "no backward": """
        function(lambda ctx, x: x * 2).apply(x).sum().backward()
    """,
    "unused outputs": """
        seen = []
        F = function(lambda ctx, x: (x * 2, x * 3, 4), lambda ctx, *g: (seen.append(g), g[1])[1])
        F.apply(x)[1].sum().backward()
        result = [x.grad, seen]
    """,
    "the input itself": """
        y = function(lambda ctx, x: x, lambda ctx, g: g * 2).apply(x)
        result = [y is x, y._base is x, torch.autograd.grad(y.sum(), x)]
        y.mul_(2)
    """,
    "dirty": """
        def forward(ctx, x):
            x.mul_(3)
            ctx.mark_dirty(x)
            return x
        y = x * 1
        z = function(forward, lambda ctx, g: g * 3).apply(y)
        result = [z is y, torch.autograd.grad(z.sum(), x)]
    """,
    "dirty view": """
        def forward(ctx, x):
            x.mul_(3)
            ctx.mark_dirty(x)
            return x
        y = x * 1
        function(forward, lambda ctx, g: g * 3).apply(y[:1])
        result = [y, torch.autograd.grad(y.sum(), x)]
    """,
    "dirty leaf": """
        def forward(ctx, x):
            x.mul_(3)
            ctx.mark_dirty(x)
            return x
        function(forward).apply(x)
    """,
    "dirty and not returned": """
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x * 1
        function(forward).apply(x * 1)
    """,
    "saving no tensor": """
        function(lambda ctx, x: ctx.save_for_backward(3)).apply(x)
    """,
    "view of an input": """
        y = function(lambda ctx, x: x[:1], lambda ctx, g: torch.cat([g, g])).apply(x)
        result = torch.autograd.grad(y.sum(), x)
        y.add_(1)
    """,
    "what ctx knows": """
        def forward(ctx, x, y, n):
            ctx.n = n
            return x * n
        y = function(forward).apply(x, torch.ones(2), 3)
        f = y.grad_fn
        result = [f.n, f.needs_input_grad, f.name(), len(f.next_functions), f.next_functions[1]]
    """,
    "instance": """
        function(lambda ctx, x: x)()(x)
    """,
    "hooks on tensors": """
        y = x * 2
        y.register_hook(lambda g: g * 10)
        h = y.register_hook(lambda g: g + 1)
        y.retain_grad()
        h.remove()
        y.sum().backward()
        result = [x.grad, y.grad]
    """,
    "hooks on nodes": """
        y = x * x
        y.grad_fn.register_prehook(lambda got: (got[0] * 10,))
        y.grad_fn.register_hook(lambda given, got: (given[0] + got[0], given[1]))
        y.sum().backward()
        result = x.grad
    """,
    "hook that changes the shape": """
        x.register_hook(lambda g: g[:1])
        x.sum().backward()
    """,
    "hook that returns a number": """
        x.register_hook(lambda g: 3)
        x.sum().backward()
    """,
    "hook on a constant": "torch.ones(2).register_hook(print)",
    "post accumulate": """
        seen = []
        x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
        (x * 2).sum().backward()
        (x * 2).sum().backward()
        result = seen
    """,
    "post accumulate on others": "(x * 2).register_post_accumulate_grad_hook(print)",
    "retained gradient after a write": """
        y = x * 2
        y.retain_grad()
        y.mul_(3)
        (y * 5).sum().backward()
        result = [y.grad, x.grad]
    """,
    "several hooks": """
        y, z, w = x * 2, x * 3, x * 4
        seen = []
        graph.register_multi_grad_hook((y, z, w), seen.append)
        (y * z).sum().backward()
        result = seen
    """,
    "one of several hooks": """
        y, z = x * 2, x * 3
        seen = []
        graph.register_multi_grad_hook((y, z), seen.append, mode="any")
        (y + z).sum().backward()
        result = seen
    """,
    "gradient edges": """
        y = x * 2
        z = (y * y).sum()
        edge = graph.get_gradient_edge(y)
        result = [torch.autograd.grad(z, edge, retain_graph=True), edge.output_nr,
                  torch.autograd.grad(graph.get_gradient_edge(z), x)]
    """,
    "edge of a constant": "graph.get_gradient_edge(torch.ones(2))",
    "saved tensors": """
        seen = []
        with graph.saved_tensors_hooks(lambda t: (seen.append(t.clone()), t * 3)[1], lambda t: t):
            y = x * x
        y.sum().backward()
        result = [seen, x.grad]
    """,
    "saved tensors and second derivatives": """
        with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t.clone()):
            y = (x * x).exp()
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        result = [g, torch.autograd.grad(g.sum(), x)]
    """,
    "pack that writes": """
        with graph.saved_tensors_hooks(lambda t: t.add_(1), lambda t: t):
            (x * 1).exp()
    """,
    "unpack of no tensor": """
        with graph.saved_tensors_hooks(lambda t: t, lambda t: 3):
            y = x.exp()
        y.sum().backward()
    """,
    "disabled": """
        with graph.disable_saved_tensors_hooks("no"):
            with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
                pass
    """,
    "increment": """
        y = x * 1
        z = (y * y).sum()
        graph.increment_version(y)
        z.backward()
    """,
    "backward of a vector": "(x * 2).backward()",
    "gradient of another shape": "(x * 2).backward(torch.ones(3))",
    "gradient of another dtype": """
        (x * 2).backward(torch.ones(2, dtype=torch.float64))
        result = x.grad
    """,
    "complex gradient": "(x * 2).backward(torch.ones(2, dtype=torch.complex64))",
    "complex output": "(x * 1j).sum().backward()",
    "no inputs": "x.sum().backward(inputs=[])",
    "inputs": """
        y = x * 2
        y.sum().backward(inputs=[y])
        result = [x.grad, y.grad]
    """,
    "nothing to differentiate by": "torch.autograd.grad(x.sum(), [])",
    "unused": "torch.autograd.grad(x.sum(), torch.ones(2, requires_grad=True))",
    "unused as zeros": """
        y = torch.ones(3, requires_grad=True)
        result = torch.autograd.grad(x.sum(), (x, y), materialize_grads=True)
    """,
    "by a constant": "torch.autograd.grad(x.sum(), torch.ones(2))",
    "the same twice": "result = torch.autograd.grad((x * x).sum(), (x, x))",
    "assigned gradient of another shape": "x.grad = torch.ones(3)",
    "assigned gradient of another dtype": "x.grad = torch.ones(2).double()",
    "assigned number": "x.grad = 3",
    "assigned itself": "x.grad = x",
    "deleted gradient": """
        x.sum().backward()
        del x.grad
        result = x.grad
    """,
    "in place or not": """
        x.sum().backward()
        first = x.grad
        x.sum().backward()
        same = first is x.grad
        (x * x).sum().backward(create_graph=True)
        result = [same, first, x.grad, x.grad.requires_grad]
        x.grad = None
    """,
    "frozen after recording": """
        y = (x * 2).sum()
        x.requires_grad_(False)
        y.backward()
        result = x.grad
    """,
}

SETUP = """
def function(forward, backward=None):
    members = {"forward": staticmethod(forward)}
    if backward is not None:
        members["backward"] = staticmethod(backward)
    return type("Made", (torch.autograd.Function,), members)

x = torch.tensor([1.0, 2.0], requires_grad=True)
result = None
"""


def plain(value: Any) -> Any:
    """Without what belongs to one of the libraries."""
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return (str(value.dtype).rpartition(".")[2], plain(value.tolist()))
    if isinstance(value, float):
        return f"{value:.5g}"
    return value if isinstance(value, bool | int | float | str | None) else "object"


def run(name: str, module: Any) -> tuple[Any, type[Exception] | None]:
    values = {
        "torch": module,
        "graph": importlib.import_module(module.__name__ + ".autograd.graph"),
    }
    exec(SETUP, values)
    error = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(textwrap.dedent(PROGRAMS[name]), values)
        except Exception as raised:
            error = type(raised)
    return plain(values["result"]), error


@pytest.mark.parametrize("name", PROGRAMS)
def test_same(name: str) -> None:
    ours, error = run(name, wengert)
    theirs, expected = run(name, torch)
    assert ours == theirs
    if expected is None:
        assert error is None
    else:
        assert error is not None
        assert issubclass(error, expected)
