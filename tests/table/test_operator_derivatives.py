"""Derivatives of entries that are not elementwise: differences, twice, fused; the checker."""

from __future__ import annotations

import numpy as np
import pytest
from tests.table import cases, checker, operators
from tests.table.operators import CASES, Call
from tests.table.test_checker import scaled

from opgen.model import Entry
from wengert import _C

DIFFERENTIATED = [c for c in CASES if cases.has_derivative(c.values[0])]  # type: ignore[union-attr]


# Operators whose other results only serve their own rule: they have no derivative.
STATISTICS = {"_batch_norm", "_group_norm", "_row_norm", "_cross_entropy", "_nll_loss",
              "_gelu_with_slope"}  # fmt: skip


def differentiated(call: Call) -> list[tuple[str, int | None]]:
    """Where the tensors are that have a derivative."""
    entry = call.entry
    names = {k.strip() for key in (*entry.derivatives, *entry.rules) for k in key.split(",")}
    return [place for place in call.inexact() if place[0] in names]


def prepared(entry: Entry, number: int, check: str) -> tuple[checker.Function, checker.Arrays]:
    operators.skip(entry, check)
    call = Call(entry, number)
    places = differentiated(call)
    if not places:
        pytest.skip("the sample has no input with a derivative")
    if any(call.array(p).size == 0 for p in places):
        pytest.skip("no elements")
    inner = call.of(places)

    def function(tensors: list[object]) -> object:
        operators.reseed()  # the same random numbers for all differences
        return symmetric(entry, inner, tensors)

    return function, [call.array(p).copy() for p in places]


def symmetric(entry: Entry, function: checker.Function, tensors: list) -> object:
    """Operators that read one triangle of Hermitian matrices see both when it is differentiated."""
    if entry.name in ("_linalg_cholesky", "_linalg_eigh"):
        tensors = [(t + t.transpose(-2, -1).conj()) / 2 for t in tensors]
    results = function(tensors)
    if entry.name in STATISTICS:
        return checker.as_list(results)[0]
    if entry.name == "_linalg_eigh":  # vectors have a free sign: their projectors do not
        values, vectors = results
        return [values, vectors * vectors]
    if entry.name == "_linalg_eig":
        values, vectors = results
        return [values.sum(-1), (vectors * vectors.conj()).real.sum(-1)]
    if entry.name == "_linalg_svd":
        u, s, vh = results
        return [s, u * u, u @ vh]
    return results


@pytest.mark.parametrize(("entry", "number"), DIFFERENTIATED)
def test_gradient(entry: Entry, number: int) -> None:
    function, arrays = prepared(entry, number, "gradient")
    checker.check_gradient(function, arrays)


@pytest.mark.parametrize(("entry", "number"), DIFFERENTIATED)
def test_second_gradient(entry: Entry, number: int) -> None:
    function, arrays = prepared(entry, number, "second")
    checker.check_second(function, arrays)


@pytest.mark.parametrize(("entry", "number"), DIFFERENTIATED)
def test_fused_backward_is_tensor_level_backward(entry: Entry, number: int) -> None:
    function, arrays = prepared(entry, number, "fused")
    checker.check_fused(function, arrays, relative=1e-9)


@pytest.mark.parametrize(("entry", "number"), DIFFERENTIATED)
def test_a_scaled_derivative_is_found(entry: Entry, number: int) -> None:
    function, arrays = prepared(entry, number, "gradient")
    leaves = [checker.to_tensor(a, requires_grad=True) for a in arrays]
    results = [y for y in checker.as_list(function(leaves)) if checker.differentiable(y)]
    ones = [_C.ones_like(y.detach()) for y in results]
    found = checker.gradient(function, leaves, ones, False)
    for which, gradient in enumerate(found):
        if gradient is None or not np.any(checker.to_array(gradient)):
            continue
        with pytest.raises(AssertionError, match=f"gradient of input {which}"):
            checker.check_gradient(function, arrays, gradient=scaled(which))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("entry", "number"), DIFFERENTIATED)
def test_gradient_keeps_the_dtype(entry: Entry, number: int, dtype: str) -> None:
    operators.skip(entry, f"value {dtype}")
    call = Call(entry, number)
    places = differentiated(call)
    if not places or any(call.array(p).dtype.kind == "c" for p in call.inexact()):
        pytest.skip("no real floating-point input")

    def make(place: tuple[str, int | None], array: np.ndarray) -> object:
        if not operators.is_inexact(array):
            return checker.to_tensor(array)
        return checker.to_tensor(array, dtype, place in places)

    arguments = call.tensors(make)
    leaves = [arguments[n] if i is None else arguments[n][i] for n, i in places]
    results = [y for y in call.run(arguments) if y is not None and y.requires_grad]
    if not results:
        pytest.skip("no result with a derivative")
    ones = [_C.ones_like(y.detach()) for y in results]
    for leaf, gradient in zip(
        leaves, _C._run_backward(results, ones, leaves, False, False, False), strict=True
    ):
        if gradient is not None:
            assert checker.dtype_name(gradient) == dtype
            assert checker.shape(gradient) == checker.shape(leaf)
