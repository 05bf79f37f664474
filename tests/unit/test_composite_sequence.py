"""Distinct values, differences and integrals on small tensors."""

from __future__ import annotations

import math

import wengert
from wengert._composite import sequence


def test_unique() -> None:
    x = wengert.tensor([3, 1, 3, 2, 1])
    values, inverse, counts = sequence.unique(x, return_inverse=True, return_counts=True)
    assert values.tolist() == [1, 2, 3]
    assert inverse.tolist() == [2, 0, 2, 1, 0]
    assert counts.tolist() == [2, 1, 2]


def test_unique_rows() -> None:
    x = wengert.tensor([[2, 1], [1, 9], [2, 1], [1, 3]])
    values, inverse = sequence.unique(x, return_inverse=True, dim=0)
    assert values.tolist() == [[1, 3], [1, 9], [2, 1]]
    assert inverse.tolist() == [2, 1, 2, 0]


def test_every_nan_is_distinct() -> None:
    assert sequence.unique(wengert.tensor([math.nan, math.nan])).numel() == 2


def test_unique_consecutive() -> None:
    values, counts = sequence.unique_consecutive(wengert.tensor([1, 1, 2, 1]), return_counts=True)
    assert values.tolist() == [1, 2, 1]
    assert counts.tolist() == [2, 1, 1]


def test_integral_of_a_line() -> None:
    x = wengert.tensor([0.0, 1.0, 3.0])
    assert sequence.trapezoid(x, x).item() == 4.5
    assert sequence.cumulative_trapezoid(x, x).tolist() == [0.5, 4.5]


def test_cross_is_at_right_angles() -> None:
    a, b = wengert.tensor([1.0, 2.0, 3.0]), wengert.tensor([-2.0, 0.5, 4.0])
    c = sequence.cross(a, b)
    assert c.tolist() == [6.5, -10.0, 4.5]
    assert (a * c).sum().item() == (b * c).sum().item() == 0.0


def test_isin_both_ways() -> None:
    few, many = wengert.tensor([1, 5]), wengert.arange(0, 200)
    assert sequence.isin(many, few).sum().item() == 2
    assert sequence.isin(few, many).tolist() == [True, True]
    assert sequence.isin(wengert.tensor([-1, 300]), many).tolist() == [False, False]
