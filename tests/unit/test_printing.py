"""The text of tensors, independent of any other library."""

from __future__ import annotations

import time

import pytest

import wengert
from wengert import _tensor_str
from wengert._tensor_str import (
    get_printoptions,
    parameter_repr,
    printoptions,
    set_printoptions,
    tensor_repr,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "tensor(1.)"),
        (1.5, "tensor(1.5000)"),
        (3, "tensor(3)"),
        (True, "tensor(True)"),
        ([], "tensor([])"),
        ([1.0, 2.0], "tensor([1., 2.])"),
        ([1.0, -2.5], "tensor([ 1.0000, -2.5000])"),
        ([[1, 2], [3, 40]], "tensor([[ 1,  2],\n        [ 3, 40]])"),
        ([True, False], "tensor([ True, False])"),
        ([1.0, float("inf"), float("nan")], "tensor([1., inf, nan])"),
        ([0.00001, 1.0], "tensor([1.0000e-05, 1.0000e+00])"),
        ([1 + 2j, 0.5 - 1j], "tensor([1.0000+2.j, 0.5000-1.j])"),
    ],
    ids=str,
)
def test_values(value: object, text: str) -> None:
    assert tensor_repr(wengert.tensor(value)) == text


def test_summary_shows_the_ends() -> None:
    value = wengert.arange(0, 2000)
    assert tensor_repr(value) == "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"


def test_empty_shows_its_size() -> None:
    assert tensor_repr(wengert.zeros((0, 3))) == "tensor([], size=(0, 3))"


def test_default_dtype_is_not_shown() -> None:
    value = wengert.tensor([1.0], dtype=wengert.float64)
    assert tensor_repr(value) == f"tensor([1.], dtype={wengert.float64})"
    old = wengert.get_default_dtype()
    try:
        wengert.set_default_dtype(wengert.float64)
        assert tensor_repr(value) == "tensor([1.])"
    finally:
        wengert.set_default_dtype(old)


def test_gradient_suffixes() -> None:
    value = wengert.tensor([1.0], requires_grad=True)
    assert tensor_repr(value) == "tensor([1.], requires_grad=True)"
    assert tensor_repr(value * 2) == "tensor([2.], grad_fn=<MulBackward0>)"
    text = "Parameter containing:\ntensor([1.], requires_grad=True)"
    assert parameter_repr(value) == text


def test_options_are_restored() -> None:
    before = get_printoptions()
    with printoptions(precision=2):
        assert get_printoptions()["precision"] == 2
        assert tensor_repr(wengert.tensor([0.125])) == "tensor([0.12])"
    assert get_printoptions() == before
    set_printoptions(profile="default")
    assert _tensor_str.get_printoptions() == before


def test_large_tensors_print_at_once() -> None:
    value = wengert.zeros((2000, 2000))
    tensor_repr(value)
    start = time.perf_counter()
    tensor_repr(value)
    assert time.perf_counter() - start < 0.05
