"""Strong zeros change a gradient only where it would be NaN; see autograd.set_strong_zeros."""

from __future__ import annotations

import numpy as np
import pytest
from tests.table import cases, checker
from tests.table.test_derivatives import differentiated, skip

from opgen.model import Entry
from wengert import _C, autograd

COUNT = 4096
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-38, 3e38]
ENTRIES = cases.entries(lambda e: cases.elementwise(e) and cases.has_derivative(e))


def gradients(
    entry: Entry, arrays: dict[str, np.ndarray], cotangent: np.ndarray, create_graph: bool
) -> list[np.ndarray] | None:
    names = differentiated(entry)
    tensors = {n: checker.to_tensor(a, requires_grad=n in names) for n, a in arrays.items()}
    result = cases.call(entry, tensors)
    if not result.requires_grad:
        return None
    g = checker.to_tensor(cotangent, checker.dtype_name(result))
    found = _C._run_backward([result], [g], [tensors[n] for n in names], True, create_graph, False)
    return [np.zeros(0) if each is None else checker.to_array(each.detach()) for each in found]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("create_graph", [False, True], ids=["fused", "recorded"])
def test_finite_gradients_are_the_same_bits(entry: Entry, dtype: str, create_graph: bool) -> None:
    if ("complex" if dtype == "complex64" else "float") not in cases.groups(entry):
        pytest.skip(f"not for {dtype}")
    skip(entry, "zeros")
    generator = np.random.default_rng(cases.seed(entry, dtype))
    arrays = {}
    for p in entry.inputs:
        values = cases.points(entry, p.name, (COUNT,), dtype)
        if values.dtype != bool:
            odd = generator.random(COUNT) < 0.2
            values[odd] = generator.choice(SPECIAL, int(odd.sum()))
            values = values.astype(dtype)
        arrays[p.name] = values
    cotangent = generator.standard_normal(COUNT)
    cotangent[generator.random(COUNT) < 0.3] = 0
    on = gradients(entry, arrays, cotangent, create_graph)
    with autograd.set_strong_zeros(False):
        off = gradients(entry, arrays, cotangent, create_graph)
    if on is None or off is None:
        pytest.skip("no gradient for this dtype")
    for a, b in zip(on, off, strict=True):
        bits_a, bits_b = (each.view(np.uint8).reshape(each.size, -1) for each in (a, b))
        changed = np.any(bits_a != bits_b, axis=1)
        absorbed = changed & ~(np.isnan(a) & np.isnan(b))
        assert np.all(np.isnan(b[absorbed])), "a finite or infinite gradient was changed"
        if dtype == "complex64" or entry.get("out") == "complex":
            continue  # there each part of a number counts for itself
        assert np.all(a[absorbed] == 0)
        assert np.all(cotangent[absorbed] == 0), "absorbed where the gradient is not zero"


def test_the_switch_has_something_to_do() -> None:
    """The property above would hold for a switch that does nothing."""
    arrays = {"input": np.array([0.0, 1.0])}
    entry = next(e for e in cases.table().entries if e.name == "sqrt")
    on = gradients(entry, arrays, np.zeros(2), False)
    with autograd.set_strong_zeros(False):
        off = gradients(entry, arrays, np.zeros(2), False)
    assert on is not None
    assert off is not None
    assert np.array_equal(on[0], [0.0, 0.0])
    assert np.isnan(off[0][0])
