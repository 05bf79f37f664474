"""flex_attention gives what attention written out gives."""

from __future__ import annotations

import pytest

import wengert as wg
from wengert.nn.attention.flex_attention import (
    and_masks,
    create_block_mask,
    create_mask,
    flex_attention,
    noop_mask,
    or_masks,
)
from wengert.nn.functional import scaled_dot_product_attention


def _inputs(heads: int = 2, shared: int = 2) -> list[wg.Tensor]:
    sizes = ((2, heads, 5, 4), (2, shared, 7, 4), (2, shared, 7, 3))
    return [wg.randn(size, dtype=wg.float64, requires_grad=True) for size in sizes]


def causal(b, h, q, kv):
    return q >= kv


def test_plain() -> None:
    q, k, v = _inputs()
    wg.testing.assert_close(flex_attention(q, k, v), scaled_dot_product_attention(q, k, v))
    expected = scaled_dot_product_attention(q, k, v, scale=0.3)
    wg.testing.assert_close(flex_attention(q, k, v, scale=0.3), expected)


def test_mask_and_scores() -> None:
    q, k, v = _inputs()
    table = wg.randn(2, 5, 7, dtype=wg.float64)
    mask = create_block_mask(causal, None, None, 5, 7)
    result = flex_attention(q, k, v, lambda s, b, h, i, j: s + table[h, i, j], mask)
    bias = table + wg.where(wg.ones(5, 7, dtype=wg.bool).tril(), 0.0, -wg.inf)
    wg.testing.assert_close(result, scaled_dot_product_attention(q, k, v, bias))


def test_derivatives() -> None:
    mask = create_block_mask(causal, None, None, 5, 7)

    def attend(q, k, v):
        return flex_attention(q, k, v, lambda s, b, h, i, j: s * (1 + h) + (i - j), mask)

    assert wg.autograd.gradcheck(attend, _inputs())


def test_shared_heads_and_lse() -> None:
    q, k, v = _inputs(4, 2)
    result, lse = flex_attention(q, k, v, enable_gqa=True, return_lse=True)
    wg.testing.assert_close(result, scaled_dot_product_attention(q, k, v, enable_gqa=True))
    scores = q @ k.repeat_interleave(2, 1).mT / 2
    wg.testing.assert_close(lse, scores.logsumexp(-1))


def test_query_that_sees_nothing() -> None:
    q, k, v = _inputs()
    mask = create_block_mask(lambda b, h, i, j: i > 0, None, None, 5, 7)
    result = flex_attention(q, k, v, block_mask=mask)
    assert (result[:, :, 0] == 0).all()
    result.sum().backward()
    assert q.grad.isfinite().all()


def test_masks() -> None:
    near = or_masks(causal, lambda b, h, q, kv: kv - q < 2)
    assert create_mask(near, None, None, 3, 4)[0, 0].int().tolist() == [
        [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]
    ]  # fmt: skip
    banded = and_masks(causal, lambda b, h, q, kv: q - kv < 1 + b)
    assert create_mask(banded, 2, None, 3, 3)[1, 0].int().tolist() == [
        [1, 0, 0], [1, 1, 0], [0, 1, 1]
    ]  # fmt: skip
    assert create_mask(noop_mask, 2, 3, 4, 5).all()
    mask = create_block_mask(causal, None, None, 8, 8, BLOCK_SIZE=2)
    assert mask.shape == (1, 1, 8, 8)
    assert mask.to_dense()[0, 0].tolist() == wg.ones(4, 4, dtype=wg.int32).tril().tolist()
    assert mask.sparsity() == 37.5


def test_errors() -> None:
    q, k, v = _inputs()
    with pytest.raises(ValueError, match="same number of heads but got Hq=2 and Hkv=1"):
        flex_attention(q, k[:, :1], v[:, :1])
    with pytest.raises(ValueError, match="same embedding dimension but got E=4 and E=3"):
        flex_attention(q, k[..., :3], v)
    with pytest.raises(NotImplementedError, match="must be 4D tensors"):
        flex_attention(q[0], k[0], v[0])
    with pytest.raises(ValueError, match="got q_len=5 and kv_len=7"):
        flex_attention(q, k, v, block_mask=create_block_mask(causal, None, None, 5, 6))
