"""The dtypes of results against PyTorch's, for all pairs of dtypes and kinds of operands."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

import wengert  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:(ComplexHalf|Casting complex)")
DTYPES = [
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32",
    "float64", "complex64", "complex128",
]  # fmt: skip
NUMBERS: dict[str, Any] = {"a bool": True, "an int": 1, "a float": 1.0, "a complex": 1 + 0j}
FIRST = [(dtype, shape) for dtype in DTYPES for shape in ((2,), ())]
SECOND = [*FIRST, *((name, None) for name in NUMBERS)]

OPERATORS = {
    "add": lambda m, a, b: a + b,
    "mul": lambda m, a, b: a * b,
    "div": lambda m, a, b: a / b,
    "pow": lambda m, a, b: a**b,
    "reversed pow": lambda m, a, b: b**a,
    "floor division": lambda m, a, b: a // b,
    "remainder": lambda m, a, b: a % b,
    "truncated division": lambda m, a, b: m.div(a, b, rounding_mode="trunc"),
    "less": lambda m, a, b: a < b,
    "equal": lambda m, a, b: a == b,
    "and": lambda m, a, b: a & b,
    "shift": lambda m, a, b: a << b,
    "atan2": lambda m, a, b: m.atan2(a, b),
    "copysign": lambda m, a, b: m.copysign(a, b),
    "xlogy": lambda m, a, b: m.xlogy(a, b),
    "float_power": lambda m, a, b: m.float_power(a, b),
    "maximum": lambda m, a, b: m.maximum(a, b),
    "where": lambda m, a, b: m.where(m.tensor([True, False]), a, b),
    "cat": lambda m, a, b: m.cat([a, b]),
    "stack": lambda m, a, b: m.stack([a, b]),
    "result_type": lambda m, a, b: m.result_type(a, b),
    "add_": lambda m, a, b: a.add_(b),
    "mul_": lambda m, a, b: a.mul_(b),
    "div_": lambda m, a, b: a.div_(b),
    "pow_": lambda m, a, b: a.pow_(b),
    "floor_divide_": lambda m, a, b: a.floor_divide_(b),
    "eq_": lambda m, a, b: a.eq_(b),
    "fill_": lambda m, a, b: a.fill_(b),
    "masked_fill": lambda m, a, b: a.masked_fill(m.tensor([True, False]), b),
    "addcmul": lambda m, a, b: m.addcmul(a, b, b),
}


def operand(module: Any, kind: str, shape: Any) -> Any:
    if shape is None:
        return NUMBERS[kind]
    return module.ones(shape, dtype=getattr(module, kind))


def outcome(module: Any, name: str, a: Any, b: Any) -> str:
    """The dtype of the result, or how it was refused."""
    try:
        result = OPERATORS[name](module, operand(module, *a), operand(module, *b))
    except (RuntimeError, TypeError, NotImplementedError) as error:
        return "TypeError" if isinstance(error, TypeError) else "RuntimeError"
    return str(getattr(result, "dtype", result)).rpartition(".")[2]


def differs_on_purpose(name: str, a: Any, b: Any, theirs: str) -> bool:
    kinds = {a[0], b[0]}
    # There is no complex32 here.
    if "float16" in kinds and kinds & {"complex64", "complex128", "a complex"}:
        return True
    # Powers of bool have one value; they are refused here, for Python's True, too.
    return name in ("pow", "pow_") and kinds == {"bool", "a bool"}


@pytest.mark.parametrize("name", OPERATORS)
def test_dtypes(name: str) -> None:
    wrong = []
    for a in FIRST:
        for b in SECOND:
            theirs = outcome(torch, name, a, b)
            if not differs_on_purpose(name, a, b, theirs):
                ours = outcome(wengert, name, a, b)
                wrong += [(a, b, ours, theirs)] if ours != theirs else []
    assert not wrong


def test_gradients_have_the_dtype_of_their_operand() -> None:
    floats = [d for d in DTYPES if "float" in d or "complex" in d]
    for a in floats:
        for b in floats:
            if "float16" in (a, b) and a[:7] != b[:7]:
                continue
            found = []
            for m in (wengert, torch):
                x, y = (operand(m, d, (2,)).requires_grad_() for d in (a, b))
                (x * y).sum().abs().backward()
                found.append([str(t.grad.dtype).rpartition(".")[2] for t in (x, y)])
            assert found[0] == found[1]
