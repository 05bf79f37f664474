"""Writes through `.data` are not checked: what programs do with it gives what PyTorch gives."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

import wengert as wg

torch = pytest.importorskip("torch")


def scaled_result(T: ModuleType) -> Any:
    x = T.tensor([0.5, 1.0], requires_grad=True)
    y = x.exp()
    y.data.mul_(2)
    y.sum().backward()  # of the values as they are now
    return x.grad


def one_element(T: ModuleType) -> Any:
    x = T.tensor([0.5, 1.0], requires_grad=True)
    y = x.exp()
    y.data[0] = 3.0
    y.data[1:].zero_()
    y.sum().backward()
    return x.grad


def moving_average(T: ModuleType) -> Any:
    w = T.tensor([0.5, 1.0], requires_grad=True)
    loss = (w * w).sum()
    w.data.mul_(0.9).add_(T.tensor([1.0, 2.0]), alpha=0.1)
    loss.backward()
    return w.grad


def saved_itself(T: ModuleType) -> Any:
    w = T.tensor([0.5, 1.0], requires_grad=True)
    d = T.tensor([1.0, 2.0], requires_grad=True).data
    y = w * d
    d.mul_(2)
    y.sum().backward()
    return w.grad


def recorded_write(T: ModuleType) -> Any:
    z = T.tensor([4.0], requires_grad=True)
    a = T.tensor([1.0, 2.0], requires_grad=True).data
    part = a[:1]
    a[:1] = z * z
    (a * a).sum().backward()
    return [z.grad, part.detach()]


def filled_by_a_function(T: ModuleType) -> Any:
    """A buffer that a custom function fills part by part, unseen, as solvers of torchdiffeq do."""

    class Assign(T.autograd.Function):  # type: ignore[name-defined,misc]
        @staticmethod
        def forward(ctx: Any, scratch: Any, value: Any, index: Any) -> Any:
            ctx.index = index
            scratch.data[index] = value
            return scratch

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad, grad[ctx.index], None

    w = T.tensor([1.0, 2.0], requires_grad=True)
    scratch = T.empty(2, 3)
    total = T.zeros(2)
    for i in range(3):
        scratch = Assign.apply(scratch, w * (i + 1.0), (slice(None), i))
        total = total + (scratch[:, : i + 1] * w[:, None]).sum(1)
    total.sum().backward()
    return w.grad


@pytest.mark.parametrize(
    "program",
    [
        scaled_result,
        one_element,
        moving_average,
        saved_itself,
        recorded_write,
        filled_by_a_function,
    ],
)
def test_the_same_as_in_pytorch(program: Any) -> None:
    def outcome(T: ModuleType) -> Any:
        try:
            result = program(T)
        except RuntimeError:
            return "an error"
        return [t.tolist() for t in (result if isinstance(result, list) else [result])]

    found, expected = outcome(wg), outcome(torch)
    if expected == "an error":
        assert found == expected
    else:
        assert found == [pytest.approx(row, rel=1e-6) for row in expected]
