"""A backward rule may write its result into the gradient that it was given, if nobody else has it."""

import numpy as np
import pytest

import wengert as wg
from wengert import memory


class FromArray(wg.autograd.Function):
    """Hands back a gradient whose memory belongs to NumPy."""

    @staticmethod
    def forward(ctx, x, array):
        ctx.array = array
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return wg.from_numpy(ctx.array), None


def test_memory_of_an_array_is_left_alone():
    array = np.full(100, 3.0, np.float32)
    x = wg.full((100,), 0.5, requires_grad=True)
    FromArray.apply(x.exp(), array).sum().backward()
    assert (array == 3).all()
    assert wg.allclose(x.grad, 3 * x.detach().exp())


def test_a_gradient_that_was_passed_in_is_left_alone():
    x = wg.full((100,), 0.5, requires_grad=True)
    given = wg.full((100,), 2.0)
    x.sigmoid().exp().backward(given)
    assert (given == 2).all()


def test_gradients_that_hooks_keep_are_left_alone():
    x = wg.full((100,), 0.5, requires_grad=True)
    kept = []
    y = x.exp()
    y.register_hook(kept.append)
    z = y.sigmoid()
    z.retain_grad()
    z.tanh().backward(wg.ones(100))
    at = z.detach()
    assert wg.allclose(z.grad, 1 - at.tanh() ** 2)
    assert wg.allclose(kept[0], z.grad * at * (1 - at))
    assert wg.allclose(x.grad, kept[0] * y.detach())


@pytest.mark.parametrize("order", [1, -1])
def test_a_gradient_with_two_readers_is_not_written_over(order):
    x = wg.full((100,), 0.5, requires_grad=True)
    w = wg.full((100,), 0.25, requires_grad=True)
    a, b = (x.exp(), w.exp())[::order]
    (a * b + a).backward(wg.ones(100))
    assert wg.allclose(x.grad, x.detach().exp() * (wg.exp(w.detach()) + (order == 1)))
    assert wg.allclose(w.grad, w.detach().exp() * (wg.exp(x.detach()) + (order == -1)))


def test_the_same_graph_twice():
    x = wg.full((100,), 0.5, requires_grad=True)
    y = x.exp().sigmoid().tanh()
    y.backward(wg.ones(100), retain_graph=True)
    first = x.grad.clone()
    x.grad = None
    y.backward(wg.ones(100))
    assert wg.equal(x.grad, first)


def test_a_chain_reuses_the_memory_of_its_gradients():
    size = 1 << 18
    x = wg.ones(size, requires_grad=True)
    y = x
    for _ in range(8):
        y = y.sigmoid()
    memory.reset_peak_memory_stats()
    before = memory.max_memory_allocated()
    y.sum().backward()  # one gradient, which starts as an expanded number and becomes x.grad
    assert memory.max_memory_allocated() - before < 1.5 * 4 * size


@pytest.mark.parametrize("size", [4, 100_000])
def test_two_leaves_with_one_gradient_do_not_share_it(size):
    x, y, z = (wg.ones(size, requires_grad=True) for _ in range(3))
    (x + y + z).sin().backward(wg.ones(size))
    expected = x.grad.clone()
    x.grad.mul_(5)
    y.grad.zero_()
    assert wg.equal(z.grad, expected)
    assert wg.equal(x.grad, expected * 5)


def test_a_gradient_that_nobody_else_has_is_not_copied():
    x = wg.ones(1_000_000, requires_grad=True)
    out = (x * 2).sum()
    memory.reset_peak_memory_stats()
    before = memory.memory_allocated()
    out.backward()
    assert memory.max_memory_allocated() - before < 1.5 * 4_000_000
