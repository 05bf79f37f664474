"""Programs that give NaN gradients elsewhere because a branch that was not selected leaks."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

import wengert as wg
from wengert import autograd, nn

INF, NAN = math.inf, math.nan
F = nn.functional


def leaf(values: object) -> wg.Tensor:
    return wg.tensor(values, dtype=wg.float64, requires_grad=True)


# Name: (a loss as a function of one leaf, the values of the leaf, the gradient that is right).
PROGRAMS: dict[str, tuple[Callable[[wg.Tensor], wg.Tensor], object, object]] = {
    "where, log": (
        lambda x: wg.where(x > 0, x.log(), 0.0).sum(), [0.0, 2.0], [0.0, 0.5],
    ),
    "where, log of a negative number": (
        lambda x: wg.where(x > 0, x.log(), x).sum(), [-1.0, 2.0], [1.0, 0.5],
    ),
    "where, sqrt": (
        lambda x: wg.where(x > 0, x.sqrt(), 0.0).sum(), [0.0, 4.0], [0.0, 0.25],
    ),
    "where, one over x": (
        lambda x: wg.where(x != 0, 1 / x, 0.0).sum(), [0.0, 2.0], [0.0, -0.25],
    ),
    "where, sin x over x": (
        lambda x: wg.where(x == 0, 1.0, x.sin() / x).sum(), [0.0, math.pi], [0.0, -1 / math.pi],
    ),
    "where, exp that overflows": (
        lambda x: wg.where(x < 10, x.exp() - 1, x).sum(), [0.0, 1e4], [1.0, 1.0],
    ),
    "where, softplus by hand": (
        lambda x: wg.where(x > 20, x, (1 + x.exp()).log()).sum(), [0.0, 1e4], [0.5, 1.0],
    ),
    "where, a power": (
        lambda x: wg.where(x > 0, x**0.5, 0.0).sum(), [0.0, 4.0], [0.0, 0.25],
    ),
    "where, arcus cosine": (
        lambda x: wg.where(x.abs() < 1, x.acos(), 0.0).sum(), [1.0, 0.0], [0.0, -1.0],
    ),
    "where, arcus sine and a bound": (
        lambda x: wg.where(x.abs() < 1, x.asin(), x).sum(), [-1.0, 0.0], [1.0, 1.0],
    ),
    "where, atan2 of zeros": (
        lambda x: wg.where(x != 0, wg.atan2(x, x), 0.0).sum(), [0.0, 2.0], [0.0, 0.0],
    ),
    "where around a norm": (
        lambda x: wg.where((x * x).sum(1) > 0, (x * x).sum(1).sqrt(), 0.0).sum(),
        [[0.0, 0.0], [3.0, 4.0]], [[0.0, 0.0], [0.6, 0.8]],
    ),
    "masked_fill after log": (
        lambda x: x.log().masked_fill(x <= 0, 0.0).sum(), [0.0, 2.0], [0.0, 0.5],
    ),
    "an index after sqrt": (
        lambda x: x.sqrt()[x > 0].sum(), [0.0, 4.0], [0.0, 0.25],
    ),
    "a slice after sqrt": (lambda x: x.sqrt()[1:].sum(), [0.0, 4.0], [0.0, 0.25]),
    "masked_select after a division": (
        lambda x: (x / x).masked_select(x != 0).sum(), [0.0, 4.0], [0.0, 0.0],
    ),
    "gather after log": (
        lambda x: x.log().gather(0, wg.tensor([1])).sum(), [0.0, 4.0], [0.0, 0.25],
    ),
    "nansum of x log x": (
        lambda x: (x * x.log()).nansum(), [0.0, 1.0], [0.0, 1.0],
    ),
    "max of square roots": (lambda x: x.sqrt().max(), [0.0, 4.0], [0.0, 0.25]),
    "log-sum-exp of nothing": (
        lambda x: wg.where(wg.tensor([False, True]), x.logsumexp(1), 0.0).sum(),
        [[-INF, -INF], [0.0, 0.0]], [[0.0, 0.0], [0.5, 0.5]],
    ),
    "a softmax whose row is masked": (
        lambda x: wg.where(
            wg.tensor([[False, False], [True, True]]),
            x.masked_fill(wg.tensor([[True, True], [False, False]]), -INF).softmax(1), 0.0,
        )[:, 0].sum(),
        [[1.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [0.25, -0.25]],
    ),
    "std of constants, not used": (
        lambda x: wg.where(wg.tensor([False, True]), x.std(1), 0.0).sum(),
        [[1.0, 1.0], [0.0, 2.0]], [[0.0, 0.0], [-0.5 * 2**0.5, 0.5 * 2**0.5]],
    ),
    "std of one number, not used": (
        lambda x: wg.where(wg.tensor([False]), F.relu(x.var(1, correction=0)), x.sum(1)).sum(),
        [[3.0]], [[1.0]],
    ),
    "a normalised vector, not used": (
        lambda x: wg.where(
            x.norm(dim=1, keepdim=True) > 0, x / (x * x).sum(1, keepdim=True).sqrt(), 0.0
        )[:, 0].sum(),
        [[0.0, 0.0], [0.0, 2.0]], [[0.0, 0.0], [0.5, 0.0]],
    ),
    "distances of points to themselves": (
        lambda x: wg.where(
            wg.eye(2, dtype=wg.bool), 0.0, ((x[:, None] - x[None]) ** 2).sum(2).sqrt()
        ).sum(),
        [[0.0], [3.0]], [[-2.0], [2.0]],
    ),
    "a loss that is masked after the logarithm": (
        lambda x: wg.where(x > 0, -(x.log()), 0.0).sum() / (x > 0).sum(), [0.0, 0.5], [0.0, -2.0],
    ),
    "a polar angle": (
        lambda x: wg.where((x * x).sum(1) > 0, wg.atan2(x[:, 1], x[:, 0]), 0.0).sum(),
        [[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]],
    ),
    "lgamma at a pole": (
        lambda x: wg.where(x > 0, x.lgamma(), 0.0).sum(), [0.0, 1.0], [0.0, -0.5772156649015329],
    ),
    "relu before sqrt": (
        lambda x: x.relu().sqrt().sum(), [-1.0, 4.0], [0.0, 0.25],
    ),
    "clamp before log": (
        lambda x: wg.where(x > 0, x.clamp(min=0).log(), 0.0).sum(), [-1.0, 4.0], [0.0, 0.25],
    ),
}  # fmt: skip

# The derivative at a kink is that of least norm, selected or not.
AT_A_KINK: dict[str, tuple[Callable[[wg.Tensor], wg.Tensor], object, object]] = {
    "norm of zeros": (lambda x: x.norm(), [0.0, 0.0], [0.0, 0.0]),
    "vector_norm of zeros": (lambda x: wg.linalg.vector_norm(x), [0.0, 0.0], [0.0, 0.0]),
    "pow at 0": (lambda x: (x**0).sum() + (x**1).sum() + (x**2).sum(), [0.0, 2.0], [1.0, 5.0]),
    "abs": (lambda x: x.abs().sum(), [0.0], [0.0]),
    "atan2 of zeros": (
        lambda x: wg.atan2(x[0], x[1]), [0.0, 0.0], [0.0, 0.0],
    ),
    "std of constants": (lambda x: x.std(), [1.0, 1.0], [0.0, 0.0]),
    "hypot of zeros": (lambda x: wg.hypot(x[0], x[1]), [0.0, 0.0], [0.0, 0.0]),
    "prod with a zero": (lambda x: x.prod(), [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
    "x to the y, by y": (
        lambda y: (wg.tensor([0.0, 2.0], dtype=wg.float64) ** y).sum(), [2.0, 1.0],
        [0.0, 2 * math.log(2)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*PROGRAMS, *AT_A_KINK])
@pytest.mark.parametrize("create_graph", [False, True], ids=["fused", "recorded"])
def test_gradient(name: str, create_graph: bool) -> None:
    program, values, expected = (PROGRAMS | AT_A_KINK)[name]
    x = leaf(values)
    (gradient,) = autograd.grad(program(x), x, create_graph=create_graph)
    wg.testing.assert_close(gradient.detach(), wg.tensor(expected, dtype=wg.float64))


# Elsewhere a rule is written so that it makes no NaN in the first place.
NOT_ABSORBED = {
    "where, log of a negative number", "where, atan2 of zeros", "log-sum-exp of nothing",
    "a softmax whose row is masked", "std of constants, not used", "a polar angle",
    "clamp before log", "relu before sqrt", "max of square roots", "std of one number, not used",
}  # fmt: skip
ABSORBED = [name for name in PROGRAMS if name not in NOT_ABSORBED]


@pytest.mark.parametrize("name", ABSORBED)
def test_without_strong_zeros_there_is_nan(name: str) -> None:
    """Each of these programs needs the rule: with IEEE's arithmetic its gradient has NaN."""
    program, values, _ = PROGRAMS[name]
    x = leaf(values)
    with autograd.set_strong_zeros(False):
        (gradient,) = autograd.grad(program(x), x)
    assert gradient.isnan().any()


def test_genuine_nan_stays() -> None:
    """Where the gradient that arrives is not zero, infinity times zero is NaN as ever."""
    x = leaf([0.0, 1.0])
    (gradient,) = autograd.grad((x * 0).sqrt().sum(), x)
    assert gradient.isnan().all()


def test_nan_rows_of_a_matrix_product_are_named() -> None:
    """pytorch/pytorch#23156: a row of NaN that is masked after a product still reaches the weight,
    for a product adds up all rows; anomaly mode says where."""
    x = wg.tensor([[NAN, NAN], [1.0, 2.0]])
    w = wg.ones(2, 2, requires_grad=True)
    with autograd.detect_anomaly():
        y = x @ w  # here
        loss = wg.where(y.isnan(), 0.0, y).sum()
        with pytest.raises(RuntimeError, match="returned nan values") as caught:
            loss.backward()
    text = Path(__file__).read_text().split("\n")
    line = next(i for i, code in enumerate(text, 1) if "x @ w  # here" in code)
    assert f"test_strong_zeros.py:{line}" in str(caught.value)


def test_switch() -> None:
    assert autograd.is_strong_zeros_enabled()
    with autograd.set_strong_zeros(False):
        assert not autograd.is_strong_zeros_enabled()
        with autograd.set_strong_zeros(True):
            assert autograd.is_strong_zeros_enabled()
        assert not autograd.is_strong_zeros_enabled()
    assert autograd.is_strong_zeros_enabled()
    switch = autograd.set_strong_zeros(False)
    assert not autograd.is_strong_zeros_enabled()
    with switch:
        assert not autograd.is_strong_zeros_enabled()
    assert autograd.is_strong_zeros_enabled()

    @autograd.set_strong_zeros(False)
    def inside() -> bool:
        return autograd.is_strong_zeros_enabled()

    autograd.set_strong_zeros(True)
    assert not inside()
    assert autograd.is_strong_zeros_enabled()
