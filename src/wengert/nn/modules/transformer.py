"""The transformer: encoder, decoder, and their layers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import wengert as wg

from .. import functional as F
from .. import init
from .attention import MultiheadAttention
from .container import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer",
]  # fmt: skip

_Activation = str | Callable[[wg.Tensor], wg.Tensor]


def _get_activation_fn(activation: _Activation) -> Callable[[wg.Tensor], wg.Tensor]:
    if callable(activation):
        return activation
    if activation == "relu":
        return F.relu
    if activation == "gelu":
        return F.gelu
    raise RuntimeError(f"activation should be relu/gelu, not {activation}")


def _copies(module: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(count)])


def _causal_mask(size: int, device: Any = None, dtype: wg.dtype | None = None) -> wg.Tensor:
    mask = wg.full(
        (size, size), float("-inf"), device=device, dtype=dtype or wg.get_default_dtype()
    )
    return mask.triu(1)


def _is_causal(
    mask: wg.Tensor | None, is_causal: bool | None, source: wg.Tensor, batch_first: bool
) -> bool:
    """What the hint says, or, if there is none, whether the mask is the causal one."""
    if is_causal is not None:
        return is_causal
    if mask is None or mask.dtype == wg.bool:
        return False
    size = source.shape[-2 if source.dim() == 2 or batch_first else 0]
    if tuple(mask.shape) != (size, size):
        return False
    return bool((mask == _causal_mask(size, mask.device, mask.dtype)).all())


class TransformerEncoderLayer(Module):
    """Self-attention and two linear maps, each with dropout, a residual and a normalisation.

    Args:
        d_model: width of inputs and outputs. nhead: heads of the attention.
        dim_feedforward: width between the linear maps. dropout: its probability.
        activation: between the linear maps: "relu", "gelu" or a function.
        layer_norm_eps: of the normalisations.
        batch_first: (N, S, d_model) instead of (S, N, d_model).
        norm_first: normalise before attention and maps, instead of after the residual.
        bias: shifts in linear maps and normalisations.

    ``forward(src, src_mask=None, src_key_padding_mask=None, is_causal=False)``; masks are as in
    `MultiheadAttention`.

    Source: Vaswani et al. (2017), Attention is all you need, https://arxiv.org/abs/1706.03762.

    >>> import wengert as wg
    >>> layer = wg.nn.TransformerEncoderLayer(8, 2, dim_feedforward=16)
    >>> layer(wg.zeros(5, 3, 8)).shape
    wengert.Size([5, 3, 8])
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: _Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        options: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__()
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **options
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **options)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **options)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **options)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **options)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = _get_activation_fn(activation)

    def forward(
        self,
        src: wg.Tensor,
        src_mask: wg.Tensor | None = None,
        src_key_padding_mask: wg.Tensor | None = None,
        is_causal: bool = False,
    ) -> wg.Tensor:
        x = src
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), src_mask, src_key_padding_mask, is_causal)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, src_mask, src_key_padding_mask, is_causal))
        return self.norm2(x + self._ff_block(x))

    # Of their own, as in PyTorch, so that a subclass can replace one of them.
    def _sa_block(
        self,
        x: wg.Tensor,
        attn_mask: wg.Tensor | None,
        key_padding_mask: wg.Tensor | None,
        is_causal: bool = False,
    ) -> wg.Tensor:
        output, _ = self.self_attn(
            x,
            x,
            x,
            key_padding_mask=key_padding_mask,
            need_weights=False,
            attn_mask=attn_mask,
            is_causal=is_causal,
        )
        return self.dropout1(output)

    def _ff_block(self, x: wg.Tensor) -> wg.Tensor:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerDecoderLayer(Module):
    """Self-attention, attention to the encoder's output, and two linear maps, each with dropout, a
    residual and a normalisation.

    Arguments are those of `TransformerEncoderLayer`. ``forward(tgt, memory, tgt_mask=None,
    memory_mask=None, tgt_key_padding_mask=None, memory_key_padding_mask=None,
    tgt_is_causal=False, memory_is_causal=False)``.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: _Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        options: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__()
        attention = {"dropout": dropout, "bias": bias, "batch_first": batch_first, **options}
        self.self_attn = MultiheadAttention(d_model, nhead, **attention)
        self.multihead_attn = MultiheadAttention(d_model, nhead, **attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **options)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **options)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **options)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **options)
        self.norm3 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **options)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self.activation = _get_activation_fn(activation)

    def forward(
        self,
        tgt: wg.Tensor,
        memory: wg.Tensor,
        tgt_mask: wg.Tensor | None = None,
        memory_mask: wg.Tensor | None = None,
        tgt_key_padding_mask: wg.Tensor | None = None,
        memory_key_padding_mask: wg.Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> wg.Tensor:
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        other = (memory, memory_mask, memory_key_padding_mask, memory_is_causal)
        x = tgt
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), *other)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(x + self._sa_block(x, *own))
        x = self.norm2(x + self._mha_block(x, *other))
        return self.norm3(x + self._ff_block(x))

    def _sa_block(
        self,
        x: wg.Tensor,
        attn_mask: wg.Tensor | None,
        key_padding_mask: wg.Tensor | None,
        is_causal: bool = False,
    ) -> wg.Tensor:
        output, _ = self.self_attn(
            x,
            x,
            x,
            key_padding_mask=key_padding_mask,
            need_weights=False,
            attn_mask=attn_mask,
            is_causal=is_causal,
        )
        return self.dropout1(output)

    def _mha_block(
        self,
        x: wg.Tensor,
        mem: wg.Tensor,
        attn_mask: wg.Tensor | None,
        key_padding_mask: wg.Tensor | None,
        is_causal: bool = False,
    ) -> wg.Tensor:
        output, _ = self.multihead_attn(
            x,
            mem,
            mem,
            key_padding_mask=key_padding_mask,
            need_weights=False,
            attn_mask=attn_mask,
            is_causal=is_causal,
        )
        return self.dropout2(output)

    def _ff_block(self, x: wg.Tensor) -> wg.Tensor:
        return self.dropout3(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoder(Module):
    """``num_layers`` copies of an encoder layer, one after the other, and perhaps a normalisation.

    ``forward(src, mask=None, src_key_padding_mask=None, is_causal=None)``. The arguments
    ``enable_nested_tensor`` and ``mask_check`` are accepted and have no effect.
    """

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self,
        src: wg.Tensor,
        mask: wg.Tensor | None = None,
        src_key_padding_mask: wg.Tensor | None = None,
        is_causal: bool | None = None,
    ) -> wg.Tensor:
        output = src
        batch_first = bool(self.layers) and self.layers[0].self_attn.batch_first
        is_causal = _is_causal(mask, is_causal, src, batch_first)
        for layer in self.layers:
            output = layer(
                output,
                src_mask=mask,
                is_causal=is_causal,
                src_key_padding_mask=src_key_padding_mask,
            )
        return output if self.norm is None else self.norm(output)


class TransformerDecoder(Module):
    """``num_layers`` copies of a decoder layer, one after the other, and perhaps a normalisation.

    ``forward`` takes the arguments of `TransformerDecoderLayer`.
    """

    def __init__(
        self,
        decoder_layer: TransformerDecoderLayer,
        num_layers: int,
        norm: Module | None = None,
    ) -> None:
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: wg.Tensor,
        memory: wg.Tensor,
        tgt_mask: wg.Tensor | None = None,
        memory_mask: wg.Tensor | None = None,
        tgt_key_padding_mask: wg.Tensor | None = None,
        memory_key_padding_mask: wg.Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> wg.Tensor:
        output = tgt
        batch_first = bool(self.layers) and self.layers[0].self_attn.batch_first
        tgt_is_causal = _is_causal(tgt_mask, tgt_is_causal, tgt, batch_first)
        for layer in self.layers:
            output = layer(
                output,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=tgt_is_causal,
                memory_is_causal=memory_is_causal,
            )
        return output if self.norm is None else self.norm(output)


class Transformer(Module):
    """An encoder and a decoder.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias: as in `TransformerEncoderLayer`.
        num_encoder_layers, num_decoder_layers: how many layers.
        custom_encoder, custom_decoder: modules to use instead.

    ``forward(src, tgt, ...)`` takes (S, N, d_model) and (T, N, d_model) and the masks of both, and
    returns (T, N, d_model).

    Raises:
        RuntimeError: batch sizes or widths that do not fit.

    Source: Vaswani et al. (2017), Attention is all you need, https://arxiv.org/abs/1706.03762.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: _Activation = F.relu,
        custom_encoder: Any | None = None,
        custom_decoder: Any | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        options: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__()
        arguments = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias,
        )  # fmt: skip

        def norm() -> LayerNorm:
            return LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **options)

        if custom_encoder is not None:
            self.encoder = custom_encoder
        else:
            encoder_layer = TransformerEncoderLayer(*arguments, **options)
            self.encoder = TransformerEncoder(encoder_layer, num_encoder_layers, norm())
        if custom_decoder is not None:
            self.decoder = custom_decoder
        else:
            decoder_layer = TransformerDecoderLayer(*arguments, **options)
            self.decoder = TransformerDecoder(decoder_layer, num_decoder_layers, norm())
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        for parameter in self.parameters():
            if parameter.dim() > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: wg.Tensor,
        tgt: wg.Tensor,
        src_mask: wg.Tensor | None = None,
        tgt_mask: wg.Tensor | None = None,
        memory_mask: wg.Tensor | None = None,
        src_key_padding_mask: wg.Tensor | None = None,
        tgt_key_padding_mask: wg.Tensor | None = None,
        memory_key_padding_mask: wg.Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> wg.Tensor:
        batch = 0 if self.batch_first else 1
        if src.dim() == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(
            src,
            mask=src_mask,
            src_key_padding_mask=src_key_padding_mask,
            is_causal=src_is_causal,
        )
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int, device: Any = None, dtype: wg.dtype | None = None
    ) -> wg.Tensor:
        """(sz, sz): minus infinity above the diagonal, so that nothing sees what follows it.

        >>> import wengert as wg
        >>> wg.nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        return _causal_mask(sz, device, dtype)
