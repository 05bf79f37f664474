"""Reductions: forms, result types, and gradients at the points where formulas break."""

from __future__ import annotations

import math

import pytest

import wengert
from wengert._composite import reduction, return_types


def test_forms_of_max() -> None:
    x = wengert.tensor([[1.0, 5.0], [7.0, 2.0]])
    assert reduction.max(x).item() == 7.0
    result = reduction.max(x, 1)
    assert isinstance(result, return_types.max)
    assert result.values.tolist() == [5.0, 7.0]
    assert result.indices.tolist() == [1, 0]
    assert reduction.max(x, wengert.tensor(3.0)).tolist() == [[3.0, 5.0], [7.0, 3.0]]


def test_results_print_their_fields() -> None:
    text = repr(return_types.max(1, 2))
    assert text == "wengert.return_types.max(\nvalues=1,\nindices=2)"


@pytest.mark.parametrize("name", ["std", "norm", "dist", "cdist"])
def test_gradient_at_zero_is_zero(name: str) -> None:
    x = wengert.tensor([[1.0, 1.0], [1.0, 1.0]], requires_grad=True)
    if name == "std":
        result = reduction.std(x)
    elif name == "norm":
        result = reduction.norm(x - 1.0)
    elif name == "dist":
        result = reduction.dist(x, wengert.ones((2, 2)))
    else:
        result = reduction.cdist(x, wengert.ones((2, 2)), 2.0, "use_mm_for_euclid_dist")
    result.sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_std_of_one_element_is_nan() -> None:
    assert math.isnan(reduction.std(wengert.tensor([1.0])).item())
    assert reduction.std(wengert.tensor([1.0]), correction=0).item() == 0.0


def test_quantile() -> None:
    x = wengert.tensor([3.0, 1.0, 2.0, 4.0])
    assert reduction.quantile(x, 0.5).item() == 2.5
    assert reduction.quantile(x, 0.5, interpolation="lower").item() == 2.0
    assert math.isnan(reduction.quantile(wengert.tensor([1.0, math.nan]), 0.0).item())
    assert reduction.nanquantile(wengert.tensor([1.0, math.nan]), 0.9).item() == 1.0


def test_mode_takes_the_smallest_of_the_most_frequent() -> None:
    values, indices = reduction.mode(wengert.tensor([3, 1, 3, 1, 2]))
    assert (values.item(), indices.item()) == (1, 3)


def test_nan_is_equal_to_nothing() -> None:
    x = wengert.tensor([math.nan])
    assert not reduction.equal(x, x)
    assert not reduction.allclose(x, x)
    assert reduction.allclose(x, x, equal_nan=True)
