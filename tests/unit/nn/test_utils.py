"""Gradient clipping and flat parameter vectors."""

import pytest

import wengert as wg
from wengert import nn
from wengert.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    parameters_to_vector,
    vector_to_parameters,
)


def _with_grad(*values):
    parameter = nn.Parameter(wg.zeros(len(values)))
    parameter.grad = wg.tensor(values)
    return parameter


def test_clip_grad_norm():
    a, b = _with_grad(3.0), _with_grad(0.0, 4.0)
    assert clip_grad_norm_([a, b], 1.0).item() == pytest.approx(5.0)
    assert a.grad.tolist() == pytest.approx([0.6], rel=1e-5)
    assert b.grad.tolist() == pytest.approx([0.0, 0.8], rel=1e-5)
    assert clip_grad_norm_([a, b], 10.0, norm_type=float("inf")).item() == pytest.approx(0.8)
    assert a.grad.tolist() == pytest.approx([0.6], rel=1e-5)
    assert clip_grad_norm_([], 1.0).item() == 0.0
    with pytest.raises(RuntimeError, match="non-finite"):
        clip_grad_norm_(_with_grad(float("nan")), 1.0, error_if_nonfinite=True)


def test_clip_grad_value():
    parameter = _with_grad(-3.0, 0.5)
    clip_grad_value_(parameter, 1)
    assert parameter.grad.tolist() == [-1.0, 0.5]


def test_vectors():
    net = nn.Linear(2, 1)
    vector = wg.tensor([1.0, 2.0, 3.0])
    vector_to_parameters(vector, net.parameters())
    assert net.weight.tolist() == [[1.0, 2.0]]
    assert net.bias.tolist() == [3.0]
    assert parameters_to_vector(net.parameters()).tolist() == [1.0, 2.0, 3.0]
