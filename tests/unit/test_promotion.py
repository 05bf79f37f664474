"""Which dtype an operation computes in: tables that are written down here, and who follows them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import wengert as wg

CODES = {
    "b1": wg.bool, "u1": wg.uint8, "i1": wg.int8, "i2": wg.int16, "i4": wg.int32, "i8": wg.int64,
    "f2": wg.float16, "bf": wg.bfloat16, "f4": wg.float32, "f8": wg.float64, "c8": wg.complex64,
    "cc": wg.complex128,
}  # fmt: skip
NAMES = list(CODES)
INTEGERS, FLOATS, COMPLEX = NAMES[:6], NAMES[6:10], NAMES[10:]


def parsed(text: str) -> dict[str, dict[str, str]]:
    head, *rows = (line.split() for line in text.strip().splitlines())
    return {row[0]: dict(zip(head, row[1:], strict=True)) for row in rows}


# Tensors that both have dimensions, or both have none.
PAIRS = parsed("""
    b1 u1 i1 i2 i4 i8 f2 bf f4 f8 c8 cc
b1  b1 u1 i1 i2 i4 i8 f2 bf f4 f8 c8 cc
u1  u1 u1 i2 i2 i4 i8 f2 bf f4 f8 c8 cc
i1  i1 i2 i1 i2 i4 i8 f2 bf f4 f8 c8 cc
i2  i2 i2 i2 i2 i4 i8 f2 bf f4 f8 c8 cc
i4  i4 i4 i4 i4 i4 i8 f2 bf f4 f8 c8 cc
i8  i8 i8 i8 i8 i8 i8 f2 bf f4 f8 c8 cc
f2  f2 f2 f2 f2 f2 f2 f2 f4 f4 f8 c8 cc
bf  bf bf bf bf bf bf f4 bf f4 f8 c8 cc
f4  f4 f4 f4 f4 f4 f4 f4 f4 f4 f8 c8 cc
f8  f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 cc cc
c8  c8 c8 c8 c8 c8 c8 c8 c8 c8 cc c8 cc
cc  cc cc cc cc cc cc cc cc cc cc cc cc
""")
# The row's tensor has dimensions, the column's has none: only a higher kind counts.
WITH_ZERO_DIM = parsed("""
    b1 u1 i1 i2 i4 i8 f2 bf f4 f8 c8 cc
b1  b1 u1 i1 i2 i4 i8 f2 bf f4 f8 c8 cc
u1  u1 u1 u1 u1 u1 u1 f2 bf f4 f8 c8 cc
i1  i1 i1 i1 i1 i1 i1 f2 bf f4 f8 c8 cc
i2  i2 i2 i2 i2 i2 i2 f2 bf f4 f8 c8 cc
i4  i4 i4 i4 i4 i4 i4 f2 bf f4 f8 c8 cc
i8  i8 i8 i8 i8 i8 i8 f2 bf f4 f8 c8 cc
f2  f2 f2 f2 f2 f2 f2 f2 f2 f2 f2 c8 c8
bf  bf bf bf bf bf bf bf bf bf bf c8 c8
f4  f4 f4 f4 f4 f4 f4 f4 f4 f4 f4 c8 c8
f8  f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 cc cc
c8  c8 c8 c8 c8 c8 c8 c8 c8 c8 c8 c8 c8
cc  cc cc cc cc cc cc cc cc cc cc cc cc
""")
# A tensor, with or without dimensions, and a number of Python.
WITH_NUMBER = parsed("""
    bool int float complex
b1  b1   i8  f4    c8
u1  u1   u1  f4    c8
i1  i1   i1  f4    c8
i2  i2   i2  f4    c8
i4  i4   i4  f4    c8
i8  i8   i8  f4    c8
f2  f2   f2  f2    c8
bf  bf   bf  bf    c8
f4  f4   f4  f4    c8
f8  f8   f8  f8    cc
c8  c8   c8  c8    c8
cc  cc   cc  cc    cc
""")
NUMBERS: dict[str, Any] = {"bool": True, "int": 1, "float": 1.0, "complex": 1 + 0j}


def dim(code: str) -> Any:
    return wg.ones(2, dtype=CODES[code])


def zero_dim(code: str) -> Any:
    return wg.ones((), dtype=CODES[code])


def operands() -> Iterator[tuple[Any, Any, str]]:
    """Two operands, and the code of the dtype that they promote to."""
    for a in NAMES:
        for b in NAMES:
            yield dim(a), dim(b), PAIRS[a][b]
            yield zero_dim(a), zero_dim(b), PAIRS[a][b]
            yield dim(a), zero_dim(b), WITH_ZERO_DIM[a][b]
            yield zero_dim(a), dim(b), WITH_ZERO_DIM[b][a]
        for name, number in NUMBERS.items():
            yield dim(a), number, WITH_NUMBER[a][name]
            yield zero_dim(a), number, WITH_NUMBER[a][name]


def inexact(code: str) -> str:
    return "f4" if code in INTEGERS else code


SAME: dict[str, tuple[Callable[[Any, Any], Any], list[str]]] = {
    "add": (wg.add, NAMES),
    "+": (operator.add, NAMES),
    "+, reversed": (lambda a, b: b + a, NAMES),
    "*": (operator.mul, NAMES),
    "-": (operator.sub, NAMES[1:]),
    "**": (operator.pow, NAMES[1:]),
    "//": (operator.floordiv, NAMES[1:10]),
    "%": (operator.mod, NAMES[1:10]),
    "&": (operator.and_, INTEGERS),
    "where": (lambda a, b: wg.where(wg.tensor([True, False]), a, b), NAMES),
    "result_type": (wg.result_type, NAMES),
}


@pytest.mark.parametrize("name", SAME)
def test_who_keeps_the_promoted_dtype(name: str) -> None:
    function, allowed = SAME[name]
    for a, b, code in operands():
        masks = name == "-" and wg.bool in (getattr(a, "dtype", 0), getattr(b, "dtype", 0))
        if code in allowed and not (masks or (name == "-" and b is True)):
            result = function(a, b)
            found = result if isinstance(result, wg.dtype) else result.dtype
            assert found == CODES[code], (a, b)


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        (wg.maximum, NAMES[:10]),
        (wg.minimum, NAMES[:10]),
        (wg.fmax, NAMES[:10]),
        (wg.mul, NAMES),
        (wg.fmod, NAMES[1:10]),
        (lambda a, b: wg.cat([wg.atleast_1d(a), wg.atleast_1d(b)]), NAMES),
        (lambda a, b: wg.stack([a, b]), NAMES),
    ],
)
def test_operators_of_tensors(function: Callable[[Any, Any], Any], allowed: list[str]) -> None:
    for a in allowed:
        for b in allowed:
            assert function(dim(a), dim(b)).dtype == CODES[PAIRS[a][b]]
            assert function(zero_dim(a), zero_dim(b)).dtype == CODES[PAIRS[a][b]]


def test_division_makes_floating_numbers() -> None:
    for a, b, code in operands():
        assert (a / b).dtype == CODES[inexact(code)], (a, b)
        assert wg.true_divide(a, b).dtype == CODES[inexact(code)]
        if code in NAMES[1:10]:
            for mode in ("floor", "trunc"):
                assert wg.div(a, b, rounding_mode=mode).dtype == CODES[code]
        if code in NAMES[:10]:
            assert wg.atan2(a if isinstance(a, wg.Tensor) else dim("f4"), dim("b1")).dtype in (
                wg.float16, wg.bfloat16, wg.float32, wg.float64)  # fmt: skip


def test_functions_make_floating_numbers() -> None:
    for code in NAMES:
        for function in (wg.exp, wg.sin, wg.sqrt, wg.sigmoid, wg.reciprocal):
            assert function(dim(code)).dtype == CODES[inexact(code)]


def test_comparisons_are_boolean() -> None:
    for a, b, code in operands():
        assert (a == b).dtype == (a != b).dtype == wg.bool
        if code in NAMES[:10]:
            assert (a < b).dtype == (a >= b).dtype == wg.bool
        assert wg.logical_and(a, wg.ones(2)).dtype == wg.bool


def test_comparisons_are_made_in_the_promoted_dtype() -> None:
    assert not (wg.tensor([2**24 + 1]) == wg.tensor([2.0**24 + 2])).item()
    assert (wg.tensor([255], dtype=wg.uint8) == 255).item()
    assert not (wg.tensor([-1], dtype=wg.int8) == wg.tensor([255], dtype=wg.uint8)).item()
    assert (wg.tensor(1, dtype=wg.uint8) - wg.tensor([2], dtype=wg.int8)).item() == -1
    assert (wg.tensor([200], dtype=wg.uint8) + 100).item() == 44
    assert (wg.tensor([True]) + wg.tensor([True])).item() is True


def test_sums_of_integers_are_int64() -> None:
    for code in INTEGERS:
        for function in (wg.sum, wg.prod, wg.cumsum, wg.cumprod):
            result = function(dim(code), 0)
            assert result.dtype == wg.int64
        assert wg.sum(dim(code), dtype=wg.int32).dtype == wg.int32
    for code in FLOATS + COMPLEX:
        assert dim(code).sum().dtype == dim(code).mean().dtype == CODES[code]


IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "add_": lambda a, b: a.add_(b),
    "+=": lambda a, b: operator.iadd(a, b),
    "mul_": lambda a, b: a.mul_(b),
    "/=": lambda a, b: operator.itruediv(a, b),
    "copy_": lambda a, b: a.copy_(b) if isinstance(b, wg.Tensor) else a,
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_writes_in_place_keep_the_dtype_or_are_refused(name: str) -> None:
    write = IN_PLACE[name]
    for a, b, code in operands():
        if not isinstance(a, wg.Tensor) or (isinstance(b, wg.Tensor) and b.dim() > a.dim()):
            continue
        made = CODES[inexact(code) if name == "/=" else code]
        before, shown = a.dtype, a.tolist()
        if name == "copy_" or wg.can_cast(made, before):
            assert write(a, b) is a
            assert a.dtype == before
            continue
        with pytest.raises(RuntimeError) as caught:
            write(a, b)
        first = str(caught.value).split("\n")[0]
        assert first.endswith("can't be cast to the desired output type " + type_name(before))
        assert f"result type {type_name(made)} " in first
        assert a.tolist() == shown
        assert a._version == 0


def type_name(dtype: Any) -> str:
    """PyTorch's names of dtypes in messages."""
    known = {
        "bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int",
        "int64": "Long", "float16": "Half", "bfloat16": "BFloat16", "float32": "Float",
        "float64": "Double", "complex64": "ComplexFloat", "complex128": "ComplexDouble",
    }  # fmt: skip
    return known[str(dtype).rpartition(".")[2]]


def test_out_takes_what_can_be_cast() -> None:
    for code in NAMES:
        for kind in NAMES:
            out = wg.empty(2, dtype=CODES[kind])
            if wg.can_cast(CODES[code], CODES[kind]):
                assert wg.add(dim(code), dim(code), out=out) is out
                assert out.dtype == CODES[kind]
            else:
                with pytest.raises(RuntimeError, match="can't be cast to the desired output type"):
                    wg.add(dim(code), dim(code), out=out)
    out = wg.empty(2, dtype=wg.bool)
    assert wg.lt(dim("f4"), dim("f8"), out=out).dtype == wg.bool
    assert wg.lt(dim("f4"), 2.0, out=wg.empty(2)).tolist() == [1, 1]


def test_promote_types() -> None:
    for a in NAMES:
        for b in NAMES:
            assert wg.promote_types(CODES[a], CODES[b]) == CODES[PAIRS[a][b]]


def test_can_cast() -> None:
    """A cast may not lose the imaginary part, the fraction, or what is neither 0 nor 1."""
    kind = {
        **dict.fromkeys(INTEGERS, 1), "b1": 0, **dict.fromkeys(FLOATS, 2),
        **dict.fromkeys(COMPLEX, 3),
    }  # fmt: skip
    for a in NAMES:
        for b in NAMES:
            assert wg.can_cast(CODES[a], CODES[b]) == (kind[a] <= kind[b]), (a, b)


def test_result_type_takes_numbers() -> None:
    assert wg.result_type(1, 2.0) == wg.float32
    assert wg.result_type(1, True) == wg.int64
    assert wg.result_type(1j, wg.ones(1, dtype=wg.float64)) == wg.complex128
    assert wg.result_type(wg.tensor([1, 2], dtype=wg.int32), 1.0) == wg.float32


@pytest.fixture
def float64_by_default() -> Iterator[None]:
    before = wg.get_default_dtype()
    wg.set_default_dtype(wg.float64)
    yield
    wg.set_default_dtype(before)


@pytest.mark.usefixtures("float64_by_default")
def test_the_default_dtype() -> None:
    assert wg.get_default_dtype() == wg.float64
    assert wg.tensor([1.5]).dtype == wg.zeros(1).dtype == wg.ones(1).dtype == wg.float64
    assert wg.empty(1).dtype == wg.full((1,), 1.0).dtype == wg.linspace(0, 1, 2).dtype == wg.float64
    assert wg.eye(1).dtype == wg.arange(2.0).dtype == wg.rand(1).dtype == wg.float64
    assert wg.tensor([1j]).dtype == wg.complex128
    assert wg.arange(2).dtype == wg.full((1,), 1).dtype == wg.tensor([1]).dtype == wg.int64
    assert (wg.tensor([1]) / 2).dtype == (wg.tensor([1]) * 1.0).dtype == wg.float64
    assert (wg.tensor([True]) + 1j).dtype == wg.complex128
    assert wg.tensor([1]).exp().dtype == wg.float64
    assert wg.result_type(wg.tensor([1]), 1.0) == wg.float64
    assert (wg.ones(1, dtype=wg.float32) * 2.5).dtype == wg.float32
    assert wg.tensor([1]).float().dtype == wg.float32
    assert wg.nn.Linear(1, 1).weight.dtype == wg.float64


def test_default_dtypes_that_are_refused() -> None:
    with pytest.raises(TypeError, match="only floating-point types are supported as the default"):
        wg.set_default_dtype(wg.int64)
    with pytest.raises(TypeError):
        wg.set_default_dtype("float64")
    assert wg.get_default_dtype() == wg.float32
    wg.set_default_dtype(wg.float16)
    try:
        assert wg.tensor([1.0]).dtype == wg.float16
        assert wg.tensor([1]).exp().dtype == wg.float16
    finally:
        wg.set_default_dtype(wg.float32)


def test_gradients_have_the_dtype_of_their_operand() -> None:
    for a in FLOATS + COMPLEX:
        for b in FLOATS + COMPLEX:
            x, y = dim(a).requires_grad_(), dim(b).requires_grad_()
            product = (x * y).sum()
            (product.real if product.is_complex() else product).backward()
            assert (x.grad.dtype, y.grad.dtype) == (x.dtype, y.dtype)
    x = dim("f2").requires_grad_()
    (x * wg.ones(3, 1, dtype=wg.float64)).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (wg.float16, [3, 3])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: wg.ones(1, dtype=wg.bool) - 1, "Subtraction, the `-` operator, with a bool tensor"),
        (lambda: -wg.ones(1, dtype=wg.bool), "Negation, the `-` operator, on a bool tensor"),
        (lambda: 1.5 & wg.ones(1, dtype=wg.int64), "bitwise_and"),
        (lambda: wg.ones(1, dtype=wg.complex64) < 1, "not implemented for 'complex64'"),
        (lambda: wg.tensor([1]).add(1, alpha=0.5), "For integral input tensors, argument alpha must not be a floating point number"),
    ],
)  # fmt: skip
def test_what_has_no_dtype(call: Callable[[], Any], text: str) -> None:
    with pytest.raises((RuntimeError, TypeError)) as caught:
        call()
    assert text in str(caught.value)
