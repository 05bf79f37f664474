"""autograd.grad and autograd.backward: results, options, errors."""

import pytest

import wengert as wg


def test_grad_returns_and_leaves_grad_alone() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    (g,) = wg.autograd.grad((x * x).sum(), x)
    assert g.tolist() == [2.0, 4.0]
    assert x.grad is None


def test_grad_with_respect_to_an_intermediate() -> None:
    x = wg.tensor(3.0, requires_grad=True)
    y = x * x
    z = y * y + y
    gy, gx = wg.autograd.grad(z, (y, x))
    assert (gy.item(), gx.item()) == (19.0, 114.0)


def test_unused_inputs() -> None:
    x = wg.ones(2, requires_grad=True)
    y = wg.ones(3, requires_grad=True)
    loss = x.sum()
    with pytest.raises(
        RuntimeError, match=r"not have been used in the graph.*\n  input 1: .*\[3\]"
    ):
        wg.autograd.grad(loss, (x, y), retain_graph=True)
    assert wg.autograd.grad(loss, (x, y), retain_graph=True, allow_unused=True)[1] is None
    zeros = wg.autograd.grad(loss, (x, y), materialize_grads=True)[1]
    assert zeros.tolist() == [0.0] * 3


def test_inputs_must_require_grad() -> None:
    x = wg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        wg.autograd.grad(x.sum(), wg.ones(2))


def test_outputs_must_require_grad() -> None:
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad"):
        wg.ones(()).backward()


def test_several_outputs_and_cotangents() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    wg.autograd.backward([x * 2, x * 3], [wg.ones(2), wg.tensor([10.0, 100.0])])
    assert x.grad.tolist() == [32.0, 302.0]


def test_backward_into_chosen_inputs() -> None:
    x = wg.ones(2, requires_grad=True)
    w = wg.ones(2, requires_grad=True)
    (x * w).sum().backward(inputs=[w])
    assert x.grad is None
    assert w.grad.tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (x * w).sum().backward(inputs=[])


def test_scalar_outputs_only_without_a_cotangent() -> None:
    x = wg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (x * 2).backward(wg.ones(3))


def test_third_derivative() -> None:
    x = wg.tensor(2.0, requires_grad=True)
    g = x**4
    for expected in (32.0, 48.0, 48.0):
        (g,) = wg.autograd.grad(g, x, create_graph=True)
        assert g.item() == pytest.approx(expected)
