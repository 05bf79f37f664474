"""Attention: `scaled_dot_product_attention` and `multi_head_attention_forward`."""

from __future__ import annotations

import math

import wengert as wg
from wengert import Tensor, _ops

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def _brief(name: str, tensor: Tensor) -> str:
    kind = str(tensor.dtype).rpartition(".")[2]
    return f"\n  {name}: {kind}{list(tensor.shape)} {tensor.device}"


def _additive(mask: Tensor, dtype: wg.dtype) -> tuple[Tensor, Tensor]:
    """A mask to add to scores, and where a query sees no key at all (shape [..., L, 1]).

    Such a query's row is left unmasked: it would be 0 / 0. What it finds is dropped afterwards.
    """
    if mask.dtype == wg.bool:
        blind = ~mask.any(-1, True)
        zeros = wg.zeros((), dtype=dtype, device=mask.device)
        return wg.where(mask | blind, zeros, -math.inf), blind
    blind = (mask == -math.inf).all(-1, True)
    return mask.masked_fill(blind, 0.0), blind


def _attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout_p: float, scale: float
) -> tuple[Tensor, Tensor]:
    """The output, and the weights (with dropout, as PyTorch returns them)."""
    scores = (query * scale) @ key.transpose(-2, -1)
    blind = None
    if mask is not None:
        mask, blind = _additive(mask, scores.dtype)
        scores = scores + mask
    weights = scores.softmax(-1)
    if blind is not None:
        weights = weights.masked_fill(blind, 0.0)
    if dropout_p:
        weights = _ops.dropout(weights, dropout_p, True)
    return weights @ value, weights


def _in_one(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether the operator for all heads at once can serve; it shares heads between threads."""
    return (
        query.dim() == key.dim() == value.dim() == 4
        and query.shape[:2] == key.shape[:2] == value.shape[:2]
        and query.shape[3] == key.shape[3]
        and key.shape[2] == value.shape[2]
        and query.shape[0] * query.shape[1] >= 4
        and query.dtype in (wg.float32, wg.float64)
        and not wg.is_autocast_enabled("cpu")
    )


def _causal(rows: int, columns: int, device: wg.device) -> Tensor:
    return wg.ones(rows, columns, dtype=wg.bool, device=device).tril()


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``softmax(query @ key.T * scale + mask) @ value``.

    Args:
        query: (..., heads, L, E). key: (..., heads, S, E). value: (..., heads, S, Ev).
        attn_mask: bool (True takes part) or a float that is added, broadcast to (..., L, S).
        dropout_p: probability with which a weight is dropped; give 0 in evaluation.
        is_causal: query i sees keys up to i. Excludes ``attn_mask``.
        scale: ``1 / sqrt(E)`` by default.
        enable_gqa: key and value have fewer heads, each of which serves several queries.

    Returns:
        (..., heads, L, Ev). A query that the mask lets see nothing gets zeros.

    Source: Vaswani et al. (2017), Attention is all you need, https://arxiv.org/abs/1706.03762;
    grouped queries: Ainslie et al. (2023), https://arxiv.org/abs/2305.13245.

    >>> q = wg.zeros(1, 2, 4)
    >>> v = wg.tensor([[[1.0], [3.0]]])
    >>> wg.nn.functional.scaled_dot_product_attention(q, q, v, is_causal=True).flatten().tolist()
    [1.0, 2.0]
    """
    arguments = _brief("query", query) + _brief("key", key) + _brief("value", value)
    if is_causal and attn_mask is not None:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True"
        )
    if min(query.dim(), key.dim(), value.dim()) < 2:
        raise RuntimeError(
            "scaled_dot_product_attention: Expected query, key, and value to all be at least 2 "
            "dimensional, but got Query dim: "
            f"{query.dim()}, Key dim: {key.dim()} and Value dim: {value.dim()} instead." + arguments
        )
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{_kind(query)} key.dtype: {_kind(key)} and value.dtype: {_kind(value)} instead."
            + arguments
        )
    if attn_mask is not None and attn_mask.dtype not in (wg.bool, query.dtype):
        if not (attn_mask.is_floating_point() and query.is_floating_point()):
            raise RuntimeError(
                "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                f"attn_mask.dtype: {_kind(attn_mask)} and  query.dtype: {_kind(query)} instead."
                + arguments
            )
        attn_mask = attn_mask.to(query.dtype)
    if not 0.0 <= dropout_p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    if enable_gqa:
        if query.dim() < 3 or query.shape[-3] % key.shape[-3] or query.shape[-3] % value.shape[-3]:
            raise RuntimeError(
                "Number of heads in key and value must divide the number of heads in query"
                + arguments
            )
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if attn_mask is None and not dropout_p and _in_one(query, key, value):
        return _ops._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, is_causal, factor
        )
    if is_causal:
        attn_mask = _causal(query.shape[-2], key.shape[-2], query.device)
    return _attend(query, key, value, attn_mask, dropout_p, factor)[0]


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).rpartition(".")[2]


# ---- several heads -------------------------------------------------------------------------------


def _check_shapes(
    query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None,
    attn_mask: Tensor | None, num_heads: int,
) -> bool:  # fmt: skip
    """Whether there is a batch dimension."""
    if query.dim() not in (2, 3):
        raise AssertionError(
            "query should be unbatched 2D or batched 3D tensor but received "
            f"{query.dim()}-D query tensor"
        )
    batched = query.dim() == 3
    word, count = ("batched", 3) if batched else ("unbatched", 2)
    if key.dim() != count or value.dim() != count:
        raise AssertionError(
            f"For {word} ({count}-D) `query`, expected `key` and `value` to be {count}-D but found "
            f"{key.dim()}-D and {value.dim()}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != count - 1:
        raise AssertionError(
            f"For {word} ({count}-D) `query`, expected `key_padding_mask` to be `None` or "
            f"{count - 1}-D but found {key_padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None:
        if attn_mask.dim() not in (2, 3):
            raise AssertionError(
                f"For {word} ({count}-D) `query`, expected `attn_mask` to be `None`, 2-D or 3-D "
                f"but found {attn_mask.dim()}-D tensor instead"
            )
        if not batched and attn_mask.dim() == 3:
            expected = (num_heads, query.shape[0], key.shape[0])
            if tuple(attn_mask.shape) != expected:
                raise AssertionError(
                    f"Expected `attn_mask` shape to be {expected} but got {tuple(attn_mask.shape)}"
                )
    return batched


def _as_addend(mask: Tensor | None, name: str, dtype: wg.dtype) -> Tensor | None:
    """PyTorch's masks for several heads: True leaves a key out, a float is added."""
    if mask is None or mask.is_floating_point():
        return mask
    if mask.dtype != wg.bool:
        raise AssertionError(f"only bool and floating types of {name} are supported")
    return wg.zeros((), dtype=dtype, device=mask.device).masked_fill(mask, -math.inf)


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of several heads, projections included; see `nn.MultiheadAttention`.

    Args:
        query: (L, N, E) or (L, E). key: (S, N, E_k) or (S, E_k). value: (S, N, E_v) or (S, E_v).
        in_proj_weight: (3 E, E), the projections of query, key and value on top of each other; or
            three weights of their own with ``use_separate_proj_weight``.
        bias_k, bias_v: (1, 1, E), one more key and value. add_zero_attn: one more, of zeros.
        key_padding_mask: (N, S) or (S); True, or minus infinity, leaves a key out.
        attn_mask: (L, S) or (N * num_heads, L, S); True leaves out, a float is added.
        is_causal: a hint that ``attn_mask`` is causal; needs one.
        static_k, static_v: (N * num_heads, S, E / num_heads) instead of projections.

    Returns:
        the output (L, N, E) or (L, E); and the weights, (N, L, S) if averaged over the heads, else
        (N, num_heads, L, S), or ``None`` unless needed. A query that sees nothing has weights 0.
    """
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. Use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    length, batch, width = query.shape
    if width != embed_dim_to_check:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}"
        )
    head = width // num_heads
    if head * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:2]} do not match value's "
                f"{value.shape[:2]}"
            )
    elif key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
    if key.shape[1] != batch:
        raise AssertionError(f"query's batch size {batch} does not match key's {key.shape[1]}")
    q, k, v = _project(
        query, key, value, in_proj_weight, in_proj_bias,
        (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None,
    )  # fmt: skip

    keys = k.shape[0] if static_k is None else static_k.shape[1]
    mask = _as_addend(attn_mask, "attn_mask", q.dtype)
    if mask is not None:
        expected: tuple[int, ...] = (length, keys)
        if mask.dim() == 3:
            expected = (batch * num_heads, *expected)
        if tuple(mask.shape) != expected:
            raise RuntimeError(
                f"The shape of the {mask.dim()}D attn_mask is {tuple(mask.shape)}, but should be "
                f"{expected}."
            )
        if mask.dim() == 3:
            mask = mask.reshape(batch, num_heads, *mask.shape[1:])
    padding = _as_addend(key_padding_mask, "key_padding_mask", q.dtype)
    if padding is not None and tuple(padding.shape) != (batch, keys):
        raise AssertionError(
            f"expecting key_padding_mask shape of {(batch, keys)}, but got {tuple(padding.shape)}"
        )

    extra = 0
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key or value.")
        k = wg.cat([k, bias_k.expand(1, batch, width)])
        v = wg.cat([v, bias_v.expand(1, batch, width)])
        extra += 1

    def split(x: Tensor) -> Tensor:
        # (S, N, E) to (N, heads, S, E / heads).
        return x.reshape(x.shape[0], batch, num_heads, head).permute(1, 2, 0, 3)

    q = split(q)
    k = split(k) if static_k is None else _static(static_k, "static_k", batch, num_heads, head)
    v = split(v) if static_v is None else _static(static_v, "static_v", batch, num_heads, head)
    if add_zero_attn:
        zeros = q.new_zeros(batch, num_heads, 1, head)
        k, v = wg.cat([k, zeros], 2), wg.cat([v, zeros], 2)
        extra += 1
    if padding is not None:
        padding = padding.reshape(batch, 1, 1, -1)
        mask = padding if mask is None else mask + padding
    if mask is not None and extra:
        # The keys that were added are seen by all.
        mask = wg.cat([mask, mask.new_zeros(*mask.shape[:-1], extra)], -1)

    rate = dropout_p if training else 0.0
    output, weights = _attend(q, k, v, mask, rate, 1 / math.sqrt(head))
    output = output.permute(2, 0, 1, 3).reshape(length, batch, width)
    output = _ops.linear(output, out_proj_weight, out_proj_bias)
    if not batched:
        output = output.squeeze(1)
    if not need_weights:
        return output, None
    if average_attn_weights:
        weights = weights.mean(1)
    return output, weights if batched else weights.squeeze(0)


def _project(
    query: Tensor, key: Tensor, value: Tensor, weight: Tensor | None, bias: Tensor | None,
    separate: tuple[Tensor | None, ...] | None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    biases = (None, None, None) if bias is None else bias.chunk(3)
    if separate is not None:
        for name, each in zip("qkv", separate, strict=True):
            if each is None:
                raise AssertionError(
                    f"use_separate_proj_weight is True but {name}_proj_weight is None"
                )
        weights = separate
    else:
        if weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        if query is key and key is value:
            # One product for all three.
            q, k, v = _ops.linear(query, weight, bias).chunk(3, -1)
            return q, k, v
        weights = weight.chunk(3)
    q, k, v = (
        _ops.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)
    )
    return q, k, v


def _static(x: Tensor, name: str, batch: int, heads: int, width: int) -> Tensor:
    if x.shape[0] != batch * heads:
        raise AssertionError(f"expecting {name}.size(0) of {batch * heads}, but got {x.shape[0]}")
    if x.shape[2] != width:
        raise AssertionError(f"expecting {name}.size(2) of {width}, but got {x.shape[2]}")
    return x.reshape(batch, heads, -1, width)
