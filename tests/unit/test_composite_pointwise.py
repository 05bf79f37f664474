"""Pointwise choices: rounding, bounds, closeness, special functions, draws."""

from __future__ import annotations

import math

import pytest

import wengert
from wengert._composite import pointwise


def test_rounding_modes() -> None:
    x = wengert.tensor([7, -7])
    assert pointwise.div(x, 2).tolist() == [3.5, -3.5]
    assert pointwise.div(x, 2, rounding_mode="trunc").tolist() == [3, -3]
    assert pointwise.div(x, 2, rounding_mode="floor").tolist() == [3, -4]


def test_clamp() -> None:
    x = wengert.tensor([-2.0, 0.5, 3.0], requires_grad=True)
    y = pointwise.clamp(x, -2.0, 1.0)
    y.sum().backward()
    assert y.tolist() == [-2.0, 0.5, 1.0]
    assert x.grad.tolist() == [1.0, 1.0, 0.0]
    with pytest.raises(RuntimeError, match="At least one of 'min' or 'max'"):
        pointwise.clamp(x)


def test_infinities_are_close_to_themselves_only() -> None:
    x = wengert.tensor([math.inf, -math.inf, 1.0])
    y = wengert.tensor([math.inf, math.inf, math.inf])
    assert wengert.isclose(x, y).tolist() == [True, False, False]


def test_trigamma() -> None:
    x = wengert.tensor([1.0], dtype=wengert.float64)
    assert abs(wengert.polygamma(1, x).item() - math.pi**2 / 6) < 1e-14
