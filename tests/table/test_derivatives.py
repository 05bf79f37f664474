"""Derivatives of every elementwise entry: against differences, twice, fused, as an adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.table import cases, checker

from opgen.model import Entry
from wengert import _C

COUNT = 10


def differentiated(entry: Entry) -> list[str]:
    names = {k.strip() for key in (*entry.derivatives, *entry.rules) for k in key.split(",")}
    return [p.name for p in entry.inputs if p.name in names - cases.not_implemented(entry)]


def kinds(entry: Entry) -> list[str]:
    return [
        k for k, d in (("float64", "float"), ("complex128", "complex")) if d in cases.groups(entry)
    ]


CASES = [
    pytest.param(e, dtype, id=f"{e.name}-{dtype}")
    for e in cases.table().entries
    if e.kind == "elementwise" and cases.has_derivative(e)
    for dtype in kinds(e)
]


class Case:
    """An entry as a function of the inputs that have a derivative, at smooth points."""

    def __init__(self, entry: Entry, dtype: str, salt: str = ""):
        self.names = differentiated(entry)
        arrays, steps = cases.smooth_inputs(entry, COUNT, dtype, salt)
        self.arrays = [arrays[n] for n in self.names]
        self.steps = [steps[n] for n in self.names]
        fixed = {n: checker.to_tensor(a) for n, a in arrays.items() if n not in self.names}
        self.function = lambda tensors: cases.call(
            entry, {**fixed, **dict(zip(self.names, tensors, strict=True))}
        )


def skip(entry: Entry, check: str) -> None:
    if reason := cases.skip_reason(entry, check):
        pytest.skip(reason)


@pytest.mark.parametrize(("entry", "dtype"), CASES)
def test_gradient(entry: Entry, dtype: str) -> None:
    skip(entry, "gradient")
    case = Case(entry, dtype)
    checker.check_gradient(case.function, case.arrays, steps=case.steps, diagonal=True)


@pytest.mark.parametrize(("entry", "dtype"), CASES)
def test_second_gradient(entry: Entry, dtype: str) -> None:
    skip(entry, "second")
    case = Case(entry, dtype)
    checker.check_second(case.function, case.arrays, steps=case.steps, diagonal=True)


@pytest.mark.parametrize(("entry", "dtype"), CASES)
def test_fused_backward_is_tensor_level_backward(entry: Entry, dtype: str) -> None:
    skip(entry, "fused")
    case = Case(entry, dtype)
    checker.check_fused(case.function, case.arrays)


@pytest.mark.parametrize(("entry", "dtype"), CASES)
def test_adjoint(entry: Entry, dtype: str) -> None:
    """<Jt, g> = <t, J^T g>; Jt comes from differentiating twice until there is a forward mode."""
    skip(entry, "adjoint")
    case = Case(entry, dtype)
    checker.check_adjoint(case.function, case.arrays)


@pytest.mark.parametrize(("entry", "dtype"), CASES)
def test_strong_zeros(entry: Entry, dtype: str) -> None:
    """A cotangent of 0 gives a gradient of 0, whatever the input is."""
    skip(entry, "zeros")
    values = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e308, 0.5])
    names = differentiated(entry)
    arrays = {}
    for i, p in enumerate(entry.inputs):
        if cases.fixed_dtype(entry, p.name) == "bool":
            arrays[p.name] = np.arange(9) % 2 == 0
        else:
            arrays[p.name] = np.roll(values, i).astype(dtype)
    for create_graph in (False, True):
        tensors = {n: checker.to_tensor(a, requires_grad=n in names) for n, a in arrays.items()}
        result = cases.call(entry, tensors)
        if not result.requires_grad:
            continue
        zero = checker.to_tensor(np.zeros(9), checker.dtype_name(result))
        found = _C._run_backward(
            [result], [zero], [tensors[n] for n in names], True, create_graph, False
        )
        for name, g in zip(names, found, strict=True):
            if g is not None:
                array = checker.to_array(g)
                assert np.all(array == 0), f"{name}, create_graph={create_graph}: {array}"


@pytest.mark.parametrize(
    "entry", cases.entries(lambda e: cases.elementwise(e) and cases.has_derivative(e))
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_gradient_in_lower_precision(entry: Entry, dtype: str) -> None:
    """The float64 gradient, rounded: same dtype as the input, as exact as the dtype."""
    if "float" not in cases.groups(entry):
        pytest.skip("complex inputs only")
    skip(entry, "lower")
    names = differentiated(entry)
    arrays, _ = cases.smooth_inputs(entry, COUNT, "float64")
    arrays = {n: a if a.dtype == bool else checker.rounded(a, dtype) for n, a in arrays.items()}
    found: dict[str, list[np.ndarray]] = {}
    for precision in (dtype, "float64"):
        tensors = {
            n: checker.to_tensor(a, "bool" if a.dtype == bool else precision, n in names)
            for n, a in arrays.items()
        }
        try:
            result = cases.call(entry, tensors)
        except RuntimeError as error:
            if "Half, Float or Double" not in str(error):
                raise
            pytest.skip("the operator takes float32 and float64 only")
        if not result.requires_grad:
            pytest.skip("its derivative is zero everywhere")
        g = _C.ones(list(checker.shape(result)), dtype=result.dtype)
        grads = _C._run_backward([result], [g], [tensors[n] for n in names], False, False, False)
        for name, grad in zip(names, grads, strict=True):
            assert grad is None or checker.dtype_name(grad) == precision, name
        found[precision] = [None if x is None else checker.to_array(x) for x in grads]
        found[precision].append(checker.to_array(result))
    *low, _ = found[dtype]
    *high, value = found["float64"]
    for a, b in zip(low, high, strict=True):
        if a is None:
            continue
        # Rounding the output, which the rule may read, moves the gradient in proportion to it.
        allowed = 16 * checker.EPSILON[dtype] * (np.abs(b) + np.abs(value) + 1)
        tail = np.abs(b) > 0.1 * checker.LARGEST[dtype]
        assert np.all((np.abs(a - b) <= allowed) | tail), (a, b)


@pytest.mark.parametrize(
    "entry", cases.entries(lambda e: cases.elementwise(e) and bool(cases.not_implemented(e)))
)
def test_a_derivative_that_is_missing_is_an_error(entry: Entry) -> None:
    arrays = cases.inputs(entry, (3,), "float64")
    for name in cases.not_implemented(entry):
        tensors = {n: checker.to_tensor(a, requires_grad=n == name) for n, a in arrays.items()}
        result = cases.call(entry, tensors)
        with pytest.raises(
            NotImplementedError, match=rf"for '{entry.name}(: {name})?' is not implemented"
        ):
            checker.gradient(
                lambda given, y=result: [y], [tensors[name]], [_C.ones_like(result)], False
            )


def test_every_derivative_is_tested() -> None:
    """The cases are those of the table: what is in it is tested because it is in it."""
    covered: set[Any] = {case.values[0].name for case in CASES}  # type: ignore[union-attr]
    expected = {e.name for e in cases.table().entries
                if e.kind == "elementwise" and cases.has_derivative(e)}  # fmt: skip
    assert covered == expected
