"""What programs reach for around graphs: nodes, edges, hooks and versions. Each gives the same under
wengert and PyTorch."""

from __future__ import annotations

import importlib
import textwrap
import warnings
from typing import Any

import pytest

import wengert

torch = pytest.importorskip("torch")

# The last line is the result; errors are compared by class and first sentence.
PROGRAMS = {
    "hooks after a write": """
        y = x * 2
        y.register_hook(lambda g: seen.append(("old", g.tolist())))
        y.mul_(3)
        y.register_hook(lambda g: seen.append(("new", g.tolist())))
        y.sum().backward()
        seen
    """,
    "retain_grad and a write": """
        y = x * 2
        y.retain_grad()
        y.mul_(3)
        y.sum().backward()
        [y.grad, y.retains_grad]
    """,
    "a view that retains its gradient": """
        y = x * 2
        v = y[:1]
        v.retain_grad()
        y.mul_(3)
        v.sum().backward()
        v.grad
    """,
    "detach_ of a view": "(x * 2).view(-1).detach_()",
    "a part of a split made without grad": """
        with torch.no_grad():
            a, b = (x * 1).split(1)
        a.mul_(x[:1])
    """,
    "an edge": """
        edge = graph.get_gradient_edge(x * 2)
        [edge.output_nr, edge.node.name(), edge._fields]
    """,
    "no edge": "graph.get_gradient_edge(torch.ones(1))",
    "the gradient of an edge": """
        y = x * 2
        torch.autograd.grad((y * y).sum(), graph.get_gradient_edge(y))
    """,
    "the gradient of edges and tensors": """
        y = x * 2
        torch.autograd.grad([(y * y).sum()], [graph.get_gradient_edge(y), x])
    """,
    "an edge as output": """
        torch.autograd.grad(graph.get_gradient_edge((x * 2).sum()), x, grad_outputs=torch.ones(()))
    """,
    "backward from an edge": """
        torch.autograd.backward(graph.get_gradient_edge((x * 2).sum()))
        x.grad
    """,
    "backward to an edge": """
        torch.autograd.backward((x * 2).sum(), inputs=[graph.get_gradient_edge(x)])
        x.grad
    """,
    "several roots": "torch.autograd.backward([x * 1, (x * x).sum()], [torch.ones(2), None]); x.grad",
    "one root twice": "y = (x * x).sum(); torch.autograd.backward([y, y]); x.grad",
    "roots and gradients": "torch.autograd.backward([x * 1, (x * x).sum()], [torch.ones(2)])",
    "grad_variables": "torch.autograd.backward([x * 1], grad_variables=[torch.ones(2)]); x.grad",
    "both names": """
        torch.autograd.backward([x * 1], [torch.ones(2)], grad_variables=[torch.ones(2)])
    """,
    "an input that is none": "torch.autograd.grad(x.sum(), [None])",
    "increment_version": """
        a = torch.ones(1)
        graph.increment_version(a)
        graph.increment_version([a, a])
        a._version
    """,
    "increment_version of no tensor": "graph.increment_version(3)",
    "a preserved version": """
        a = torch.ones(1)
        with torch.autograd._unsafe_preserve_version_counter(a):
            a.add_(1)
        a._version
    """,
    "preserved versions": """
        a, b = torch.ones(1), torch.ones(1)
        b.add_(1)
        with torch.autograd._unsafe_preserve_version_counter((a, b)):
            a.add_(1), b.add_(1)
        [a._version, b._version]
    """,
    "multithreading": """
        states = [torch.autograd.is_multithreading_enabled()]
        with torch.autograd.set_multithreading_enabled(False):
            states.append(torch.autograd.is_multithreading_enabled())
            (x * 2).sum().backward()
        states.append(torch.autograd.is_multithreading_enabled())
        [states, x.grad]
    """,
    "callbacks by their old name": """
        engine = torch.autograd.Variable._execution_engine
        x.register_hook(lambda g: engine.queue_callback(lambda: seen.append(1)))
        x.sum().backward()
        seen
    """,
    "nodes": """
        node = (x * 2).grad_fn
        [isinstance(node, graph.Node), node.requires_grad, node.name()]
    """,
    "hooks of one saved value": """
        y = x * x
        y.grad_fn._raw_saved_self.register_hooks(lambda t: t.tolist(), lambda l: torch.tensor(l) * 10)
        y.sum().backward()
        x.grad
    """,
    "hooks of one saved value, twice": """
        y = x * x
        y.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t)
        y.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t)
    """,
    "multi hooks": """
        a, b = x * 2, x * 3
        graph.register_multi_grad_hook((a, b), lambda g: seen.append([i is None for i in g]))
        a.sum().backward()
        seen
    """,
    "backward twice": """
        y = (x * x).sum()
        y.backward()
        y.backward()
    """,
}


def plain(value: Any) -> Any:
    if isinstance(value, (torch.Tensor, wengert.Tensor)):
        return str(value.dtype).split(".")[-1], value.detach().tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def run(name: str, module: Any) -> tuple[Any, type[Exception] | None, str]:
    values = {
        "torch": module,
        "graph": importlib.import_module(module.__name__ + ".autograd.graph"),
        "x": module.tensor([1.0, 2.0], requires_grad=True),
        "seen": [],
    }
    lines = textwrap.dedent(PROGRAMS[name]).strip().replace("; ", "\n").split("\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec("\n".join(lines[:-1]), values)
            try:
                code = compile(lines[-1], name, "eval")
            except SyntaxError:
                exec(lines[-1], values)
                return None, None, ""
            return plain(eval(code, values)), None, ""
        except Exception as error:
            sentence = str(error).partition("\n")[0].partition(".")[0].partition(":")
            return None, type(error), sentence[2].strip() or sentence[0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_same(name: str) -> None:
    result, error, sentence = run(name, wengert)
    expected, wanted, text = run(name, torch)
    assert error is wanted
    assert sentence == text
    assert result == expected
