"""Does it work at all? Under two seconds, before every commit."""

import math
import subprocess
import sys

import pytest

import wengert
from wengert import nn


def test_arithmetic_and_broadcasting() -> None:
    column = wengert.tensor([[1.0], [2.0]])
    row = wengert.tensor([10.0, 20.0, 30.0])
    assert (column * row + 1).tolist() == [[11.0, 21.0, 31.0], [21.0, 41.0, 61.0]]


def test_gradient_of_a_chain() -> None:
    x = wengert.tensor([0.5, -1.0], requires_grad=True)
    (wengert.tanh(x) * x).sum().backward()
    expected = [math.tanh(v) + v * (1 - math.tanh(v) ** 2) for v in (0.5, -1.0)]
    assert x.grad.tolist() == pytest.approx(expected, rel=1e-6)


def test_gradient_through_python_control_flow() -> None:
    x = wengert.tensor(3.0, requires_grad=True)
    y = x
    while y < 100:
        y = y * x
    y.backward()
    assert x.grad.item() == 5 * 3.0**4


def test_second_derivative() -> None:
    x = wengert.tensor(2.0, requires_grad=True)
    (first,) = wengert.autograd.grad(x**3, x, create_graph=True)
    (second,) = wengert.autograd.grad(first, x)
    assert (first.item(), second.item()) == (12.0, 12.0)


def test_unselected_branch_does_not_poison_the_gradient() -> None:
    x = wengert.tensor([0.0, 4.0], requires_grad=True)
    wengert.where(x > 0, x.sqrt(), 0.0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


def test_matrix_product_error_names_the_shapes() -> None:
    message = r"matmul\(\): .*shapes cannot be multiplied \(2x3 and 4x5\)"
    with pytest.raises(RuntimeError, match=message):
        wengert.zeros(2, 3) @ wengert.zeros(4, 5)


def test_small_network_learns() -> None:
    wengert.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = wengert.optim.Adam(model.parameters(), lr=0.02)
    x = wengert.linspace(-1, 1, 32).reshape(32, 1)
    target = wengert.sin(3 * x)
    losses = []
    for _ in range(200):
        loss = nn.functional.mse_loss(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


def test_import_needs_no_numpy() -> None:
    code = "import sys; sys.modules['numpy'] = None; import wengert; wengert.ones(2).sum().item()"
    subprocess.run([sys.executable, "-c", code], check=True)
