"""Attention whose scores are changed and masked by functions of the positions.

All scores are computed: a mask saves no work here. Derivatives of all orders are those of the
operators that are used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import wengert as wg

__all__ = ["BlockMask", "and_masks", "create_block_mask", "create_mask", "flex_attention",
           "noop_mask", "or_masks"]  # fmt: skip

_MaskMod = Callable[[wg.Tensor, wg.Tensor, wg.Tensor, wg.Tensor], wg.Tensor]
_ScoreMod = Callable[[wg.Tensor, wg.Tensor, wg.Tensor, wg.Tensor, wg.Tensor], wg.Tensor]


def noop_mask(batch: Any, head: Any, token_q: Any, token_kv: Any) -> wg.Tensor:
    """The mask that lets all pairs through."""
    return batch.new_ones(size=(), dtype=wg.bool, device=batch.device)


def and_masks(*mask_mods: _MaskMod) -> _MaskMod:
    """The pairs that all of the masks let through."""
    _check_callable("and_masks", mask_mods)

    def mask(b: Any, h: Any, q: Any, kv: Any) -> wg.Tensor:
        result = b.new_ones((), dtype=wg.bool)
        for each in mask_mods:
            result = result & each(b, h, q, kv)
        return result

    return mask


def or_masks(*mask_mods: _MaskMod) -> _MaskMod:
    """The pairs that any of the masks lets through."""
    _check_callable("or_masks", mask_mods)

    def mask(b: Any, h: Any, q: Any, kv: Any) -> wg.Tensor:
        result = b.new_zeros((), dtype=wg.bool)
        for each in mask_mods:
            result = result | each(b, h, q, kv)
        return result

    return mask


def _check_callable(name: str, functions: tuple[Any, ...]) -> None:
    if not all(callable(each) for each in functions):
        raise RuntimeError(f"{name}: All inputs should be callable mask_mods: {functions}")


def _over_positions(function: Callable[..., wg.Tensor], first: tuple[int, ...]) -> Any:
    """Calls a function of numbers for all batches, heads, queries and keys.

    first: of its leading arguments, a batch dimension each, or nothing.
    """
    for varying in (3, 2, 1, 0):
        places = tuple(0 if place == varying else None for place in range(4))
        function = wg.vmap(function, in_dims=(*first, *places))
    return function


def create_mask(
    mod_fn: _MaskMod | _ScoreMod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
) -> wg.Tensor:
    """The mask (B, H, Q_LEN, KV_LEN) of bool that a function of the four positions gives.

    B, H: None where the mask does not depend on the batch or the head; then 1.

    >>> def causal(b, h, q, kv):
    ...     return q >= kv
    >>> wg.nn.attention.flex_attention.create_mask(causal, None, None, 2, 3)
    tensor([[[[ True, False, False],
              [ True,  True, False]]]])
    """
    places = [wg.arange(size, device=device) for size in (B or 1, H or 1, Q_LEN, KV_LEN)]
    mask = _over_positions(mod_fn, ())(*places)
    if mask.dtype != wg.bool:
        raise AssertionError(f"mask_mod should return bool, but returned {mask.dtype}")
    return mask


class BlockMask:
    """A mask for :func:`flex_attention`, with what programs ask about it. See `create_block_mask`.

    Attributes: ``mask_mod``, ``seq_lengths`` (queries, keys), ``BLOCK_SIZE``.
    """

    def __init__(
        self, mask: wg.Tensor, mask_mod: _MaskMod | None, block_size: tuple[int, int]
    ) -> None:
        self._mask = mask
        self.mask_mod = mask_mod
        self.BLOCK_SIZE = block_size
        self.seq_lengths = (mask.shape[-2], mask.shape[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, H, queries, keys)"""
        return tuple(self._mask.shape)

    def numel(self) -> int:
        """The number of pairs."""
        return self._mask.numel()

    def to_dense(self) -> wg.Tensor:
        """(B, H, blocks of queries, blocks of keys) of int32: 1 where a block lets any pair through."""
        rows, columns = self.BLOCK_SIZE
        b, h, q, kv = self._mask.shape
        padded = wg.nn.functional.pad(self._mask.int(), (0, -kv % columns, 0, -q % rows))
        blocks = padded.view(b, h, padded.shape[2] // rows, rows, -1, columns)
        return blocks.amax(dim=(3, 5))

    def sparsity(self) -> float:
        """The percentage of blocks that let no pair through."""
        return 100 * (1 - self.to_dense().double().mean().item())

    def to(self, device: Any) -> BlockMask:
        """The mask on a device."""
        return BlockMask(self._mask.to(device), self.mask_mod, self.BLOCK_SIZE)

    def __repr__(self) -> str:
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%)"


def create_block_mask(
    mask_mod: _MaskMod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = 128,
    **options: Any,
) -> BlockMask:
    """A mask from ``mask_mod(batch, head, query, key)``, which says whether the key is seen.

    B, H: None where the mask does not depend on the batch or the head.
    """
    size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
    return BlockMask(create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device), mask_mod, size)


def _check_inputs(query: wg.Tensor, key: wg.Tensor, value: wg.Tensor, enable_gqa: bool) -> None:
    if any(each.dim() != 4 for each in (query, key, value)):
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    if query.size(-1) != key.size(-1):
        raise ValueError(
            "Expect query and key/value to have the same embedding dimension but got "
            f"E={query.size(-1)} and E={key.size(-1)}."
        )
    heads, shared = query.size(1), key.size(1)
    if not enable_gqa and heads != shared:
        raise ValueError(
            f"Expect query and key/value to have the same number of heads but got Hq={heads} and "
            f"Hkv={shared}. Try setting enable_gqa=True for GQA."
        )
    if enable_gqa and heads % shared:
        raise ValueError(
            "Expect number of query heads to be a multiple of kv heads for GQA but got "
            f"Hq={heads} and Hkv={shared}."
        )


def flex_attention(
    query: wg.Tensor,
    key: wg.Tensor,
    value: wg.Tensor,
    score_mod: _ScoreMod | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: dict[str, Any] | None = None,
) -> Any:
    """Attention with scores ``score_mod(score, batch, head, query, key)``.

    query (B, Hq, L, E), key (B, Hkv, S, E), value (B, Hkv, S, Ev); the result is (B, Hq, L, Ev).
    score_mod and the function of the mask work on numbers: tensors of no dimension. scale is
    1/sqrt(E) by default. With enable_gqa several heads of the query share one of the key. A query
    that sees no key gives 0. With return_lse also the logarithm of the sum of the exponentials of
    the scores (B, Hq, L). Raises ValueError for sizes that do not fit.

    >>> from wengert.nn.attention.flex_attention import flex_attention
    >>> x = wg.ones(1, 1, 3, 4)
    >>> flex_attention(x, x, x, score_mod=lambda score, b, h, q, kv: score + (q - kv)).shape
    wengert.Size([1, 1, 3, 4])
    """
    _check_inputs(query, key, value, enable_gqa)
    if enable_gqa:
        group = query.size(1) // key.size(1)
        key, value = (each.repeat_interleave(group, dim=1) for each in (key, value))
    scale = 1 / math.sqrt(query.size(-1)) if scale is None else scale
    working = wg.float64 if query.dtype == wg.float64 else wg.float32
    scores = (query @ key.transpose(-2, -1)).to(working) * scale
    b, h, rows, columns = scores.shape
    if score_mod is not None:
        places = [wg.arange(size, device=query.device) for size in (b, h, rows, columns)]
        scores = _over_positions(score_mod, (0,))(scores, *places).to(working)
    if block_mask is not None:
        if block_mask.seq_lengths != (rows, columns):
            raise ValueError(
                f"block_mask was created for block_mask.shape={block_mask.shape} but got "
                f"q_len={rows} and kv_len={columns}. As the block mask was created for other "
                "lengths, create it anew."
            )
        scores = scores.masked_fill(~block_mask._mask, -math.inf)
    seen = (scores != -math.inf).any(-1, keepdim=True)
    weights = wg.softmax(wg.where(seen, scores, 0.0), -1) * seen
    result = weights.to(query.dtype) @ value
    return (result, wg.logsumexp(scores, -1)) if return_lse else result
