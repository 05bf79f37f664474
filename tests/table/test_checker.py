"""The checker is checked: one derivative that is 0.1 % off must make it fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.table import cases, checker
from tests.table.test_derivatives import CASES, Case

from opgen.model import Entry
from wengert import _C


def scaled(which: int) -> checker.Gradient:
    """The library's gradient with that of one input multiplied by 1.001."""

    def wrong(function: Any, tensors: list[Any], cotangents: list[Any], create: bool) -> list[Any]:
        found = checker.gradient(function, tensors, cotangents, create)
        found[which] = found[which] * 1.001 if found[which] is not None else None
        return found

    return wrong


def is_zero(case: Case, which: int) -> bool:
    """Is the derivative 0 at all points, so that scaling changes nothing?"""
    leaves = [checker.to_tensor(a, requires_grad=True) for a in case.arrays]
    ones = [_C.ones(list(checker.shape(y)), dtype=y.dtype)
            for y in checker.as_list(case.function(leaves))]  # fmt: skip
    found = checker.gradient(case.function, leaves, ones, False)[which]
    return found is None or not np.any(checker.to_array(found))


@pytest.mark.parametrize(("entry", "dtype"), CASES)
def test_a_scaled_derivative_is_found(entry: Entry, dtype: str) -> None:
    if reason := cases.skip_reason(entry, "gradient"):
        pytest.skip(reason)
    case = Case(entry, dtype)
    for which in range(len(case.arrays)):
        if is_zero(case, which):
            continue
        with pytest.raises(AssertionError, match=f"gradient of input {which}"):
            checker.check_gradient(
                case.function, case.arrays, steps=case.steps, diagonal=True, gradient=scaled(which)
            )


@pytest.mark.parametrize("name", ["tanh", "mul", "pow", "sigmoid"])
def test_a_scaled_second_derivative_is_found(name: str) -> None:
    """The rule for g is right here; what is wrong is the derivative of the gradient."""
    case = Case(cases.table()[name], "float64")
    calls = 0

    def wrong(function: Any, tensors: list[Any], cotangents: list[Any], create: bool) -> list[Any]:
        nonlocal calls
        calls += 1
        found = checker.gradient(function, tensors, cotangents, create)
        outermost = len(tensors) > len(case.arrays)
        return [f * 1.001 if outermost and f is not None else f for f in found]

    with pytest.raises(AssertionError, match="second derivative"):
        checker.check_second(
            case.function, case.arrays, steps=case.steps, diagonal=True, gradient=wrong
        )
    assert calls > 1


SUMS = {
    "sum": lambda t: _C.sum(t[0] * t[0], [0]),
    "mean": lambda t: _C.mean(_C.exp(t[0]), [1]),
    "index": lambda t: _C.index(t[0], [_C.tensor([0, 2, 2])]) * t[0].sum(),
}


@pytest.mark.parametrize("name", SUMS)
def test_a_scaled_derivative_is_found_along_directions(name: str) -> None:
    """The same where output elements depend on many inputs."""
    array = np.random.default_rng(0).standard_normal((3, 4))
    checker.check_gradient(SUMS[name], [array])
    checker.check_second(SUMS[name], [array])
    with pytest.raises(AssertionError, match="gradient of input 0"):
        checker.check_gradient(SUMS[name], [array], gradient=scaled(0))


def test_a_missing_derivative_is_found() -> None:
    with pytest.raises(AssertionError, match="gradient of input 0"):
        checker.check_gradient(lambda t: t[0].detach() * 2, [np.ones(3)])


def test_a_wrong_adjoint_is_found() -> None:
    """A rule whose second derivative belongs to another function breaks <Jt, g> = <t, J^T g>."""

    def broken(tensors: list[Any]) -> Any:
        y = tensors[0] * 2
        _C._add_hook(y, lambda g: g.detach() * 1.5 + g * 0.5)
        return y

    with pytest.raises(AssertionError, match="<Jt, g>"):
        checker.check_adjoint(broken, [np.ones(3)])


def test_differences_of_fused_and_plain_backward_are_found() -> None:
    def uneven(tensors: list[Any]) -> Any:
        y = tensors[0] * 2
        _C._add_hook(y, lambda g: g * (1 + 1e-9) if _C.is_grad_enabled() else None)
        return y

    with pytest.raises(AssertionError, match="fused backward"):
        checker.check_fused(uneven, [np.ones(3)])


def test_same_bits() -> None:
    a = np.array([0.0, np.nan, 1.0])
    assert checker.same_bits(a, a.copy())
    assert not checker.same_bits(a, np.array([-0.0, np.nan, 1.0]))
    assert not checker.same_bits(a, a.astype(np.float32))
    assert not checker.same_bits(a, a[:2])
