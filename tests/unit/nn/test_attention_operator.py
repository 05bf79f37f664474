"""Attention in one operator: the same as out of separate ones, in any layout and size."""

import math

import pytest

import wengert as wg
from wengert import Tensor

F = wg.nn.functional


def separate(q: Tensor, k: Tensor, v: Tensor, is_causal: bool) -> Tensor:
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if is_causal:
        later = wg.ones(scores.shape[-2:], dtype=wg.bool).triu(1)
        scores = scores.masked_fill(later, -math.inf)
    return scores.softmax(-1) @ v


def heads(batch: int, length: int, count: int, width: int) -> Tensor:
    """What a model has: heads cut out of the rows of one matrix."""
    x = wg.randn(batch, length, count * width, dtype=wg.float64, requires_grad=True)
    return x.view(batch, length, count, width).transpose(1, 2)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize(
    ("queries", "keys", "width", "values"),
    [(5, 5, 4, 4), (70, 70, 3, 7), (65, 9, 16, 33), (9, 65, 40, 2), (2, 530, 8, 8), (1, 1, 1, 1)],
)
def test_values_and_gradients(
    queries: int, keys: int, width: int, values: int, is_causal: bool
) -> None:
    wg.manual_seed(0)
    q, k, v = heads(2, queries, 3, width), heads(2, keys, 3, width), heads(2, keys, 3, values)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
    assert y.grad_fn.name() == "ScaledDotProductFlashAttentionForCpuBackward0"
    expected = separate(q, k, v, is_causal)
    wg.testing.assert_close(y, expected, rtol=1e-10, atol=1e-10)
    g = wg.randn(y.shape, dtype=wg.float64)
    found = wg.autograd.grad(y, (q, k, v), g)
    for a, b in zip(found, wg.autograd.grad(expected, (q, k, v), g), strict=True):
        wg.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def test_columns_that_have_gaps() -> None:
    q, k, v = (wg.randn(2, 2, 6, 8)[..., ::2] for _ in range(3))
    y = F.scaled_dot_product_attention(q, k, v)
    wg.testing.assert_close(y, separate(q, k, v, False))


def test_only_what_is_wanted() -> None:
    q, k, v = (wg.randn(2, 2, 6, 8) for _ in range(3))
    k.requires_grad_()
    F.scaled_dot_product_attention(q, k, v).sum().backward()
    assert k.grad is not None
    assert q.grad is None
    assert v.grad is None


def test_gradgradcheck() -> None:
    wg.manual_seed(0)
    inputs = [
        wg.randn(2, 2, n, d, dtype=wg.float64, requires_grad=True)
        for n, d in [(3, 2), (4, 2), (4, 3)]
    ]

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    assert wg.autograd.gradcheck(attend, inputs, check_forward_ad=True, check_batched_grad=True)
    assert wg.autograd.gradgradcheck(attend, inputs)


def test_vmap() -> None:
    q, k, v = wg.randn(5, 2, 2, 3, 4), wg.randn(2, 2, 3, 4), wg.randn(5, 2, 2, 3, 4)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    y = wg.func.vmap(attend, (0, None, 0))(q, k, v)
    expected = wg.stack([attend(a, k, b) for a, b in zip(q, v, strict=True)])
    wg.testing.assert_close(y, expected)


def test_no_bit_depends_on_threads() -> None:
    q, k, v = (wg.randn(4, 4, 64, 16, requires_grad=True) for _ in range(3))
    before = wg.get_num_threads()
    found = []
    for threads in (1, 2):
        wg.set_num_threads(threads)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        found.append([y, *wg.autograd.grad(y.square().sum(), (q, k, v))])
    wg.set_num_threads(before)
    assert all(wg.equal(a, b) for a, b in zip(*found, strict=True))


def test_nothing_to_see() -> None:
    q, k = wg.randn(2, 2, 3, 4, requires_grad=True), wg.randn(2, 2, 0, 4)
    y = F.scaled_dot_product_attention(q, k, k)
    assert (y == 0).all()
    assert F.scaled_dot_product_attention(q[:, :, :0], k, k).shape == (2, 2, 0, 4)
