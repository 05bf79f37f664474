"""Values of every elementwise entry against its reference: each dtype, special values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.table import cases, checker

from opgen.model import Entry

SHAPE = (331,)  # several vectors and a tail, some values in every corner of the domain
# What the table promises is for float32. The float64 reference is itself off by a few units.
FLOAT64_BUDGET = 16

ENTRIES = [e for e in cases.table().entries if e.kind == "elementwise" and e.get("ref")]
CASES = [pytest.param(e, d, id=f"{e.name}-{d}") for e in ENTRIES for d in cases.dtypes(e)]
CASES += [
    pytest.param(e, d, id=f"{e.name}-{d}")
    for e in ENTRIES
    if e.get("ints") == "float"
    for d in ("uint8", "int64", "bool")
]


def skip(entry: Entry, check: str, dtype: str = "") -> None:
    for name in (check, f"{check} {dtype}"):
        if reason := cases.skip_reason(entry, name):
            pytest.skip(reason)


def result_dtype(entry: Entry, dtype: str) -> str:
    whole = dtype in (*cases.KINDS["int"], "bool")
    if whole and entry.get("ints") == "float":
        dtype = "float32"
    return {
        "bool": "bool",
        "real": {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype),
        "complex": {"float32": "complex64", "float64": "complex128"}.get(dtype, dtype),
    }.get(entry.get("out"), dtype)


def budget(entry: Entry, dtype: str, expected: np.ndarray) -> np.ndarray:
    """The error that is allowed at each element."""
    ulp = float(entry.get("ulp", 4))
    unit = checker.spacing(np.abs(expected), dtype)
    match dtype:
        case "float64" | "complex128":
            # Beside the ulps: rounding inside the reference.
            scale = FLOAT64_BUDGET if ulp else 0
            return scale * max(ulp, 1) * unit
        case "complex64":
            return 4 * max(ulp, 1) * unit  # of the modulus: normwise
        case "float16" | "bfloat16":
            wide = checker.EPSILON["float32"] / checker.EPSILON[dtype]
            return (0.5 + 1e-3 + ulp * wide) * unit
    # The reference is rounded to float32 by half a unit, which a correct result is free of.
    return np.where(ulp > 0, ulp, 0.5) * unit


def compare(entry: Entry, actual: np.ndarray, expected: np.ndarray, dtype: str, given: Any) -> None:
    """Equal NaNs and infinities, and finite values within the budget."""
    if dtype == "bool" or np.issubdtype(actual.dtype, np.integer):
        wrong = actual != expected.astype(actual.dtype)
    else:
        with np.errstate(all="ignore"):
            error = np.abs(actual - expected)
            wrong = ~(error <= budget(entry, dtype, expected))
            wrong &= actual != expected
            wrong &= ~(np.isnan(actual) & np.isnan(expected))
            if dtype in checker.LARGEST:
                # Beyond the largest number: infinity, or the largest itself.
                limit = checker.LARGEST[dtype] * (
                    1 - float(entry.get("ulp", 4)) * checker.EPSILON[dtype]
                )
                wrong &= ~((np.abs(expected) >= limit) & (np.abs(actual) >= limit)
                           & (np.sign(actual) == np.sign(expected)))  # fmt: skip
    if np.any(wrong):
        at = int(np.argmax(np.ravel(wrong)))
        values = {n: np.ravel(a)[at] for n, a in given.items()}
        raise AssertionError(
            f"{int(np.sum(wrong))} of {wrong.size} differ; {entry.name}({values}) = "
            f"{np.ravel(actual)[at]!r}, reference {np.ravel(expected)[at]!r}"
        )


@pytest.mark.parametrize(("entry", "dtype"), CASES)
def test_value(entry: Entry, dtype: str) -> None:
    skip(entry, "value", dtype)
    arrays = cases.inputs(entry, SHAPE, dtype)
    names = {n: cases.tensor_dtype(entry, n, dtype) for n in arrays}
    tensors = {n: checker.to_tensor(a, names[n]) for n, a in arrays.items()}
    if entry.get("check") == "complex_parts" and dtype not in ("float32", "float64"):
        pytest.skip("the operator takes float32 and float64 only")
    result = cases.call(entry, tensors)
    kind = checker.dtype_name(result)
    assert kind == result_dtype(entry, dtype)
    wide = {"float": np.float64, "complex": np.complex128}
    given = {}
    for n, t in tensors.items():
        array = checker.to_array(t)
        group = next((g for g in wide if names[n].startswith((g, "b" + g))), None)
        if group is not None:
            array = array.astype(wide[group])
        elif entry.get("ints") == "float":
            array = array.astype(np.float64)
        given[n] = array
    expected = cases.reference_value(entry, given)
    if not np.issubdtype(expected.dtype, np.complexfloating) or kind.startswith("complex"):
        compare(entry, checker.to_array(result), expected, kind, given)
    else:
        compare(entry, checker.to_array(result), expected.real, kind, given)


SPECIAL = [0.0, -0.0, 0.5, 1.0, -1.0, 2.0, -2.0, -3.5, np.inf, -np.inf, np.nan, 1e-45, 3e38, -3e38]


@pytest.mark.parametrize(
    ("entry", "dtype"),
    [pytest.param(e, d, id=f"{e.name}-{d}") for e in ENTRIES if "float" in cases.groups(e)
     for d in ("float32", "float64")],
)  # fmt: skip
def test_special_values(entry: Entry, dtype: str) -> None:
    """All pairs of zeros, infinities, NaN and huge numbers: the reference's kind of result."""
    skip(entry, "special", dtype)
    count = len(entry.inputs)
    grid = np.array(np.meshgrid(*[SPECIAL] * min(count, 2))).reshape(min(count, 2), -1)
    arrays = {}
    for i, p in enumerate(entry.inputs):
        row = grid[min(i, 1)] if i < 2 else np.roll(grid[0], 5)
        if cases.fixed_dtype(entry, p.name) == "bool":
            row = np.arange(row.size) % 3 == 0
        arrays[p.name] = checker.rounded(row, dtype) if row.dtype != bool else row
    names = {n: "bool" if a.dtype == bool else dtype for n, a in arrays.items()}
    tensors = {n: checker.to_tensor(a, names[n]) for n, a in arrays.items()}
    result = cases.call(entry, tensors)
    expected = cases.reference_value(entry, arrays)
    loose = entry.settings | {"ulp": max(float(entry.get("ulp", 4)), 8)}
    relaxed = Entry(entry.name, entry.kind, loose, entry.parameters, entry.returns, entry.doc,
                    entry.file, entry.line)  # fmt: skip
    kind = checker.dtype_name(result)
    compare(relaxed, checker.to_array(result), expected, kind, arrays)


def test_entries_have_references() -> None:
    """A public elementwise entry without a reference would go untested."""
    without = [e.name for e in cases.table().entries
               if e.kind == "elementwise" and not e.get("ref") and e.public]  # fmt: skip
    assert not without, without
