"""Entries that are not elementwise: values, layouts, in-place and out= forms, leaks."""

from __future__ import annotations

import gc
import math
from typing import Any

import numpy as np
import pytest
from tests.table import cases, checker, operators, references
from tests.table import samples as more
from tests.table.operators import CASES, Call

from opgen.model import Entry
from wengert import _C

# Relative to the greatest result.
TOLERANCE = {"float64": 1e-11, "float32": 2e-5, "float16": 1e-2, "bfloat16": 8e-2}
COMPLEX = {"float64": "complex128", "float32": "complex64"}


def reference(entry: Entry) -> Any:
    return cases.reference(entry.name) or references.REFERENCES.get(entry.name)


def expected(entry: Entry, values: dict[str, Any]) -> list[np.ndarray]:
    function = reference(entry)
    if entry.get("ref"):  # written for NumPy's own signatures: what has a default goes by name
        values = {n: tuple(v) if n == "dim" and isinstance(v, list) else v
                  for n, v in values.items()}  # fmt: skip
        first = [values[p.name] for p in entry.parameters if p.default is None and p.name in values]
        named = {p.name: values[p.name] for p in entry.parameters
                 if p.default is not None and p.name in values}  # fmt: skip
        result = function(*first, **named)
    else:
        missing = {p.name: None for p in entry.parameters if p.name not in values}
        result = function(**{**missing, **cases.literal_defaults(entry), **values})
    return [np.asarray(a) for a in (result if isinstance(result, tuple) else [result])]


def rounded(value: Any, dtype: str) -> Any:
    if isinstance(value, list):
        return [rounded(v, dtype) for v in value]
    return checker.rounded(value, kind_of(value, dtype)) if operators.is_inexact(value) else value


def kind_of(array: np.ndarray, dtype: str) -> str:
    return COMPLEX[dtype] if array.dtype.kind == "c" else dtype


@pytest.mark.parametrize(("entry", "number"), CASES)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_value(entry: Entry, number: int, dtype: str) -> None:
    if reason := more.NO_VALUE.get(entry.name):
        pytest.skip(reason)
    call = Call(entry, number)
    inexact = call.inexact()
    if dtype != "float64" and not inexact:
        pytest.skip("no floating-point input")
    if dtype not in COMPLEX and any(call.array(p).dtype.kind == "c" for p in inexact):
        pytest.skip("there are no complex numbers of this precision")
    operators.skip(entry, f"value {dtype}")

    def make(place: Any, array: np.ndarray) -> Any:
        kind = kind_of(array, dtype) if operators.is_inexact(array) else str(array.dtype)
        return checker.to_tensor(array, kind)

    results = call.run(call.tensors(make))
    values = {name: rounded(value, dtype) for name, value in call.values.items()}
    if check := references.PROPERTIES.get(entry.name):
        if dtype == "float64":
            check(values, operators.arrays(results))
        return
    wanted = expected(entry, values)
    assert len(results) == len(wanted)
    for y, e in zip(results, wanted, strict=True):
        actual = checker.to_array(y)
        assert actual.shape == e.shape
        if operators.is_inexact(e) and operators.is_inexact(actual):
            size = np.max(np.abs(e), initial=0.0)
            assert np.all(np.abs(actual - e) <= TOLERANCE[dtype] * (size + 1e-3)), (actual, e)
        else:
            np.testing.assert_array_equal(actual, e)


def test_every_entry_has_samples_and_a_reference() -> None:
    """What is in the table is tested because it is in it."""
    for entry in cases.table().entries:
        if entry.kind in ("elementwise", "composite"):
            continue
        assert cases.all_samples(entry), f"{entry.file}:{entry.line}: {entry.name}: no sample"
        known = (reference(entry) or entry.name in references.PROPERTIES
                 or entry.name in more.NO_VALUE)  # fmt: skip
        assert known, f"{entry.file}:{entry.line}: {entry.name}: no reference"


def test_no_reference_is_for_nothing() -> None:
    names = {e.name for e in cases.table().entries}
    listed = {*references.REFERENCES, *references.PROPERTIES, *more.NO_VALUE, *more.SAMPLES}
    assert listed <= names, listed - names


# ---- layouts ------------------------------------------------------------------------------------


def strided(array: np.ndarray) -> Any:
    """The same values in memory that is not row-major: every second element, dimensions turned."""
    if array.ndim == 0 or array.size == 0:
        return checker.to_tensor(array)
    wide = np.zeros((*array.shape[::-1], 2), dtype=array.dtype)
    wide[..., 1] = array.T
    tensor = _C.select(checker.to_tensor(wide), -1, 1)
    return _C.permute(tensor, tuple(range(array.ndim))[::-1])


def results_of(call: Call, make: Any) -> list[np.ndarray]:
    operators.reseed()
    return operators.arrays(call.run(call.tensors(make)))


# Operators that show memory: what they give depends on the layout.
MEMORY_VIEWS = {"as_strided", "_as_strided", "_view_dtype", "view", "view_as_complex", "resize_",
                "detach_", "set_"}  # fmt: skip


@pytest.mark.parametrize(("entry", "number"), CASES)
def test_layout_of_inputs_does_not_matter(entry: Entry, number: int) -> None:
    if entry.name in MEMORY_VIEWS:
        pytest.skip("shows memory as it lies")
    if more.NO_VALUE.get(entry.name) == more.MEMORY:
        pytest.skip(more.MEMORY)
    call = Call(entry, number)
    plain = results_of(call, None)
    other = results_of(call, lambda place, array: strided(array))
    for a, b in zip(plain, other, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12)


def repeated(array: np.ndarray) -> np.ndarray:
    """The first slice of the last dimension, everywhere."""
    return np.broadcast_to(array[..., :1], array.shape) if array.ndim and array.size else array


@pytest.mark.parametrize(("entry", "number"), CASES)
def test_expanded_inputs(entry: Entry, number: int) -> None:
    """Strides of 0 are read like copies; writing into such memory is refused."""
    if entry.name in MEMORY_VIEWS or more.NO_VALUE.get(entry.name) == more.MEMORY:
        pytest.skip("shows memory as it lies")
    operators.skip(entry, "expanded")
    call = Call(entry, number)
    places = call.inexact()
    if not places:
        pytest.skip("no floating-point input")

    def expand(place: Any, array: np.ndarray) -> Any:
        if place not in places or array.ndim == 0 or array.size == 0:
            return checker.to_tensor(array)
        return checker.to_tensor(array[..., :1]).expand(array.shape)

    def copy(place: Any, array: np.ndarray) -> Any:
        return checker.to_tensor(repeated(array) if place in places else array)

    outcomes = []
    for make in (copy, expand):
        try:
            outcomes.append(results_of(call, make))
        except RuntimeError as error:  # a value that the operator refuses, or shared memory
            outcomes.append([np.array(0)])
            refused = str(error)
            assert entry.name.endswith("_") or entry.name.startswith("_") or refused, refused
            if make is copy:
                return
            assert "single memory location" in refused or "memory" in refused, refused
            return
    for a, b in zip(*outcomes, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12)


# ---- forms --------------------------------------------------------------------------------------


INPLACE = [c for c in CASES if c.values[0].has_inplace]  # type: ignore[union-attr]
OUT = [c for c in CASES if c.values[0].has_out]  # type: ignore[union-attr]


@pytest.mark.parametrize(("entry", "number"), INPLACE)
def test_inplace_form(entry: Entry, number: int) -> None:
    call = Call(entry, number)
    arguments = call.tensors()
    first = entry.parameters[0].name
    operators.reseed()
    plain = operators.arrays(call.run())
    tensor = arguments.pop(first)
    before = checker.shape(tensor)
    operators.reseed()
    try:
        returned = getattr(_C, entry.name + "_")(tensor, **arguments)
    except RuntimeError:
        assert plain[0].shape != before, "refused although the shape stays"
        return
    assert returned is tensor
    assert checker.same_bits(checker.to_array(tensor), plain[0])


@pytest.mark.parametrize(("entry", "number"), OUT)
def test_out_form(entry: Entry, number: int) -> None:
    """Into an empty tensor that is resized, and into one that fits but is not contiguous."""
    call = Call(entry, number)
    operators.reseed()
    results = call.run()
    plain = operators.arrays(results)
    for make in (lambda y: _C.empty(0, dtype=y.dtype), lambda y: strided(checker.to_array(y))):
        targets = [make(y) for y in results]
        operators.reseed()
        returned = call.run(call.tensors(), out=targets[0] if len(targets) == 1 else targets)
        for target, given, value in zip(targets, returned, plain, strict=True):
            assert given is target
            assert more.NO_VALUE.get(entry.name) == more.MEMORY or checker.same_bits(
                checker.to_array(target), value
            )


@pytest.mark.parametrize(("entry", "number"), OUT)
def test_out_does_not_support_gradients(entry: Entry, number: int) -> None:
    call = Call(entry, number)
    targets = [_C.empty(0, dtype=y.dtype) for y in call.run()]
    if not cases.has_derivative(entry) or not call.inexact():
        pytest.skip("not differentiable")
    arguments = call.tensors(
        lambda place, a: checker.to_tensor(a, requires_grad=operators.is_inexact(a))
    )
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        call.run(arguments, out=targets[0] if len(targets) == 1 else targets)


# ---- leaks --------------------------------------------------------------------------------------


def live() -> tuple[int, int, int]:
    return (*_C._live_objects(), _C._memory_statistics()[0])


@pytest.mark.parametrize(("entry", "number"), CASES)
def test_nothing_is_leaked(entry: Entry, number: int) -> None:
    """After a call, its gradient and the gradient's, all tensors, nodes and bytes are gone."""
    call = Call(entry, number)
    places = call.inexact() if cases.has_derivative(entry) else []
    function = call.of(places)

    def once() -> None:
        leaves = [checker.to_tensor(call.array(p), requires_grad=True) for p in places]
        results = [y for y in checker.as_list(function(leaves)) if y is not None]
        wanted = [y for y in results if y.requires_grad]
        if not wanted:
            return
        ones = [_C.ones_like(y) for y in wanted]
        try:
            _C._run_backward(wanted, ones, leaves, True, True, False)
        except (RuntimeError, NotImplementedError):
            return  # a derivative that does not exist must not leak either

    once()
    gc.collect()  # of other tests
    before = live()
    for _ in range(3):
        once()
    assert live() == before


@pytest.mark.parametrize("entry", cases.entries(cases.elementwise))
def test_nothing_is_leaked_elementwise(entry: Entry) -> None:
    dtype = "float32" if "float" in cases.groups(entry) else cases.dtypes(entry)[0]

    def once() -> None:
        wanted = cases.has_derivative(entry) and dtype == "float32"
        tensors = {}
        for n, a in cases.inputs(entry, (3,), dtype).items():
            kind = cases.tensor_dtype(entry, n, dtype)
            tensors[n] = checker.to_tensor(a, kind, wanted and kind == dtype)
        y = cases.call(entry, tensors)
        if not y.requires_grad:
            return
        leaves = [t for t in tensors.values() if t.requires_grad]
        try:
            _C._run_backward([y], [_C.ones_like(y)], leaves, True, True, False)
        except NotImplementedError:
            return

    once()
    before = live()
    for _ in range(3):
        once()
    assert live() == before


def test_the_leak_test_sees_a_leak() -> None:
    before = live()
    kept = _C.ones(3)
    assert live()[0] == before[0] + 1
    assert live()[2] > before[2]
    del kept
    assert live() == before


# ---- empty and 0-d inputs -----------------------------------------------------------------------


# What has no public name gets operands that a public operator has checked.
PUBLIC = [c for c in CASES if c.values[0].public]  # type: ignore[union-attr]


@pytest.mark.parametrize(("entry", "number"), PUBLIC)
@pytest.mark.parametrize("what", ["empty", "scalar"])
def test_empty_and_scalar_inputs(entry: Entry, number: int, what: str) -> None:
    """One tensor after the other without elements, or without dimensions: an answer or an error."""
    call = Call(entry, number)
    for changed in call.places():

        def make(place: Any, array: np.ndarray, changed: Any = changed) -> Any:
            if place != changed:
                return checker.to_tensor(array)
            if what == "scalar":
                return checker.to_tensor(array.reshape(-1)[:1].sum())
            return checker.to_tensor(np.zeros((0, *array.shape[1:]), dtype=array.dtype))

        try:
            results = call.run(call.tensors(make))
        except (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError) as error:
            assert error.args, "an error without a message"  # noqa: PT017
            continue
        for y in results:
            if y is not None:
                assert checker.to_array(y).size == math.prod(checker.shape(y))
