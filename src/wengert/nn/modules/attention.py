"""Attention of several heads."""

from __future__ import annotations

from typing import Any

import wengert as wg

from .. import functional as F
from .. import init
from ..parameter import Parameter
from .linear import Linear
from .module import Module

__all__ = ["MultiheadAttention"]


class NonDynamicallyQuantizableLinear(Linear):
    """A `Linear` under the name that PyTorch prints for the output projection of attention."""


class MultiheadAttention(Module):
    """``num_heads`` attentions side by side, each over a projection of its own.

    Args:
        embed_dim: E, divided evenly among the heads. num_heads: how many.
        dropout: probability with which a weight is dropped in training.
        bias: shifts in the projections.
        add_bias_kv: learn one more key and value. add_zero_attn: add one of zeros.
        kdim, vdim: widths of key and value, ``embed_dim`` by default.
        batch_first: inputs and outputs are (N, L, E) instead of (L, N, E).

    ``forward(query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None,
    average_attn_weights=True, is_causal=False)`` returns the output and the weights or ``None``.
    In a bool mask True leaves a key out; a float mask is added to the scores. A batch is optional.

    Raises:
        ValueError: sizes that are not positive. AssertionError: shapes that do not fit.

    Source: Vaswani et al. (2017), Attention is all you need, https://arxiv.org/abs/1706.03762.

    >>> import wengert as wg
    >>> attention = wg.nn.MultiheadAttention(8, 2)
    >>> x = wg.zeros(5, 3, 8)
    >>> output, weights = attention(x, x, x)
    >>> output.shape, weights.shape
    (wengert.Size([5, 3, 8]), wengert.Size([3, 5, 5]))
    """

    in_proj_weight: wg.Tensor | None
    in_proj_bias: wg.Tensor | None
    q_proj_weight: wg.Tensor | None
    k_proj_weight: wg.Tensor | None
    v_proj_weight: wg.Tensor | None
    bias_k: wg.Tensor | None
    bias_v: wg.Tensor | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        options = {"device": device, "dtype": dtype}
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")

        def weight(columns: int, rows: int = embed_dim) -> Parameter:
            return Parameter(wg.empty(rows, columns, **options))

        if self._qkv_same_embed_dim:
            self.in_proj_weight = weight(embed_dim, 3 * embed_dim)
            for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight"):
                self.register_parameter(name, None)
        else:
            self.q_proj_weight = weight(embed_dim)
            self.k_proj_weight = weight(self.kdim)
            self.v_proj_weight = weight(self.vdim)
            self.register_parameter("in_proj_weight", None)
        self.register_parameter(
            "in_proj_bias", Parameter(wg.empty(3 * embed_dim, **options)) if bias else None
        )
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **options)
        for name in ("bias_k", "bias_v"):
            extra = Parameter(wg.empty(1, 1, embed_dim, **options)) if add_bias_kv else None
            self.register_parameter(name, extra)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (
            self.in_proj_weight,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
        ):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            assert self.out_proj.bias is not None
            init.zeros_(self.out_proj.bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query: wg.Tensor,
        key: wg.Tensor,
        value: wg.Tensor,
        key_padding_mask: wg.Tensor | None = None,
        need_weights: bool = True,
        attn_mask: wg.Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[wg.Tensor, wg.Tensor | None]:
        swapped = self.batch_first and query.dim() == 3
        if swapped:
            # One object stays one, so that one product serves all three projections.
            same_key, same_value = key is query, value is key
            query = query.transpose(0, 1)
            key = query if same_key else key.transpose(0, 1)
            value = key if same_value else value.transpose(0, 1)
        output, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (output.transpose(0, 1) if swapped else output), weights

    def __setstate__(self, state: dict[str, Any]) -> None:
        state.setdefault("_qkv_same_embed_dim", True)
        super().__setstate__(state)
