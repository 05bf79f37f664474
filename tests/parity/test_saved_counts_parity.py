"""How often hooks on saved values run: each value is packed once, and unpacked once per backward
call, as in PyTorch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.table import cases, checker, operators

import wengert
from opgen.model import Entry

torch = pytest.importorskip("torch")

# Operators that save as many values as PyTorch's.
EXPRESSIONS = [
    "x * y", "x / y", "x**2", "x**3", "x**y", "2**x", "x.exp()", "x.tanh()", "x.sigmoid()", "x.log()",
    "x.sin()", "x @ y", "torch.atan2(x, y)", "torch.hypot(x, y)", "x.sqrt()", "x.reciprocal()",
    "torch.addcmul(z, x, y)", "torch.addcdiv(z, x, y)", "x * x", "x / x", "x + y", "x.sum()",
    "torch.where(x > 0.5, x, y)", "x.abs()", "x.prod()", "torch.xlogy(x, y)",
    "torch.lerp(x, y, z)", "x * 2", "x / 2", "torch.nn.functional.gelu(x)",
]  # fmt: skip


def counted(module: Any) -> tuple[Counter[str], Callable[[], Any]]:
    counts: Counter[str] = Counter()

    def pack(tensor: Any) -> Any:
        counts["pack"] += 1
        return tensor

    def unpack(tensor: Any) -> Any:
        counts["unpack"] += 1
        return tensor

    graph = module.autograd.graph
    return counts, lambda: graph.saved_tensors_hooks(pack, unpack)


def counts_of(expression: str, module: Any) -> list[int]:
    names: dict[str, Any] = {"torch": module}
    for name, start in (("x", 0.25), ("y", 0.5), ("z", 0.75)):
        values = module.linspace(start, start + 1, 4, dtype=module.float64).reshape(2, 2)
        names[name] = values.clone().requires_grad_()
    counts, hooks = counted(module)
    with hooks():
        result = eval(expression, names)
    seen = [counts["pack"]]
    for _ in range(2):
        result.sum().backward(retain_graph=True)
        seen.append(counts["unpack"])
    return seen


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_as_often_as_in_pytorch(expression: str) -> None:
    assert counts_of(expression, wengert) == counts_of(expression, torch)


def check_once(run: Callable[[], list[Any]]) -> None:
    """Runs an operator backwards twice, with and without a graph of that."""
    unpacked: Counter[int] = Counter()
    packed: list[Any] = []

    def pack(tensor: Any) -> int:
        packed.append(tensor)
        return len(packed) - 1

    def unpack(number: int) -> Any:
        unpacked[number] += 1
        return packed[number]

    with wengert.autograd.graph.saved_tensors_hooks(pack, unpack):
        outputs = [y for y in run() if y.requires_grad]
        count = len(packed)
    if not outputs:
        return
    ones = [wengert.ones_like(y) for y in outputs]
    for times, create_graph in ((1, False), (2, True)):
        wengert.autograd.backward(outputs, ones, retain_graph=True, create_graph=create_graph)
        assert {number: unpacked[number] for number in range(count)} == dict.fromkeys(
            range(count), times
        )


def differentiable(entry: Entry) -> bool:
    real = not cases.elementwise(entry) or "float64" in cases.dtypes(entry)
    return real and cases.has_derivative(entry) and not cases.not_implemented(entry)


def tensor_of(array: Any) -> Any:
    return checker.to_tensor(array, requires_grad=operators.is_inexact(array))


@pytest.mark.parametrize(
    "entry", cases.entries(lambda e: cases.elementwise(e) and differentiable(e))
)
def test_elementwise_rules_unpack_once(entry: Entry) -> None:
    arrays, _ = cases.smooth_inputs(entry, 3, "float64")
    tensors = {name: tensor_of(array) for name, array in arrays.items()}
    check_once(lambda: [cases.call(entry, tensors)])


SAMPLED = [p for p in operators.CASES if differentiable(p.values[0]) and p.values[1] < 3]


@pytest.mark.parametrize(("entry", "number"), SAMPLED)
def test_other_rules_unpack_once(entry: Entry, number: int) -> None:
    call = operators.Call(entry, number)
    tensors = call.tensors(lambda place, array: tensor_of(array))
    check_once(lambda: [y for y in call.run(tensors) if y is not None])
