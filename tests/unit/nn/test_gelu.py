"""GELU with its derivative kept, and without: the same values, gradients and errors."""

import numpy as np
import pytest

import wengert as wg

F = wg.nn.functional
FORMULAS = pytest.mark.parametrize("approximate", ["none", "tanh"])


def gradient(x: wg.Tensor, approximate: str, weights: wg.Tensor) -> tuple[wg.Tensor, wg.Tensor]:
    leaf = x.clone().requires_grad_()
    y = F.gelu(leaf, approximate)
    y.backward(weights)
    assert leaf.grad is not None
    return y.detach(), leaf.grad


@FORMULAS
@pytest.mark.parametrize("dtype", [wg.float32, wg.float64], ids=str)
@pytest.mark.parametrize("count", [1, 16, 33, 20_003])
def test_no_bit_depends_on_whether_the_slope_is_kept(count, dtype, approximate):
    wg.manual_seed(count)
    x, weights = 2 * wg.randn(count, dtype=dtype), wg.randn(count, dtype=dtype)
    kept = gradient(x, approximate, weights)
    with wg.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):  # what a checkpoint does
        computed = gradient(x, approximate, weights)
    for a, b in zip(kept, computed, strict=True):
        assert np.array_equal(a.numpy(), b.numpy())
    assert np.array_equal(F.gelu(x, approximate).numpy(), kept[0].numpy())


@FORMULAS
def test_all_derivatives(approximate):
    wg.manual_seed(0)
    x = wg.randn(5, dtype=wg.float64, requires_grad=True)
    assert wg.autograd.gradcheck(lambda x: F.gelu(x, approximate), (x,))
    assert wg.autograd.gradgradcheck(lambda x: F.gelu(x, approximate), (x,))


def test_a_strided_input_keeps_its_layout():
    x = wg.randn(3, 5).t().requires_grad_()
    y = F.gelu(x)
    assert y.stride() == x.stride()
    dense = F.gelu(x.detach().contiguous())
    assert np.array_equal(y.detach().numpy(), dense.numpy())


def test_a_gradient_of_zero_is_stronger_than_nan():
    x = wg.tensor([float("-inf"), float("nan"), 1.0], requires_grad=True)
    F.gelu(x).backward(wg.tensor([0.0, 0.0, 1.0]))
    assert x.grad is not None
    assert x.grad[:2].tolist() == [0.0, 0.0]


def test_unknown_formulas_are_refused():
    with pytest.raises(RuntimeError, match="must be either none or tanh"):
        F.gelu(wg.ones(2), "erf")
