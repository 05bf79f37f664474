"""The arithmetic of a step, worked out by hand."""

import math

import pytest

import wengert as wg
from wengert import nn, optim


def _run(make, grads, start=1.0):
    p = nn.Parameter(wg.tensor([start], dtype=wg.float64))
    optimizer = make([p])
    values = []
    for grad in grads:
        p.grad = wg.tensor([grad], dtype=wg.float64)
        optimizer.step()
        values.append(p.item())
    return values


def test_sgd():
    assert _run(lambda p: optim.SGD(p, 0.5), [1.0, -1.0]) == [0.5, 1.0]
    assert _run(lambda p: optim.SGD(p, 0.5, maximize=True), [1.0]) == [1.5]
    assert _run(lambda p: optim.SGD(p, 0.5, weight_decay=0.5), [1.0]) == [0.25]


def test_sgd_momentum():
    # b = 1, then 0.5 * 1 + (1 - 0.25) * 1 = 1.25
    values = _run(lambda p: optim.SGD(p, 0.5, momentum=0.5, dampening=0.25), [1.0, 1.0])
    assert values == [0.5, -0.125]
    # g + 0.5 b = 1.5, then b = 1.5, g + 0.5 b = 1.75
    values = _run(lambda p: optim.SGD(p, 0.5, momentum=0.5, nesterov=True), [1.0, 1.0])
    assert values == [0.25, -0.625]


def test_parameters_may_join_late():
    a, b = nn.Parameter(wg.ones(1)), nn.Parameter(wg.ones(1))
    optimizer = optim.SGD([a, b], 0.5, momentum=0.5)
    a.grad = wg.ones(1)
    optimizer.step()
    b.grad = wg.ones(1)
    optimizer.step()
    assert [a.item(), b.item()] == [-0.25, 0.5]


def test_adam_moves_by_the_step_size_first():
    for scale in (1e-3, 1.0, 1e3):
        assert _run(lambda p: optim.Adam(p, 0.1), [scale])[0] == pytest.approx(0.9, rel=1e-5)


def _reference(grads, lr, beta1, beta2, eps, decay, decoupled, amsgrad):
    p, m, v, greatest = 1.0, 0.0, 0.0, 0.0
    values = []
    for t, g in enumerate(grads, 1):
        if decoupled:
            p -= lr * decay * p
        else:
            g += decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        greatest = max(greatest, v)
        used = (greatest if amsgrad else v) / (1 - beta2**t)
        p -= lr * m / (1 - beta1**t) / (math.sqrt(used) + eps)
        values.append(p)
    return values


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("decoupled", [False, True])
def test_adam(decoupled, amsgrad):
    grads = [3.0, -0.5, 0.25, 0.125, 0.0]
    kind = optim.AdamW if decoupled else optim.Adam
    options = {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1, "amsgrad": amsgrad}
    expected = _reference(grads, 0.1, 0.8, 0.9, 1e-3, 0.1, decoupled, amsgrad)
    assert _run(lambda p: kind(p, **options), grads) == pytest.approx(expected, rel=1e-12)
