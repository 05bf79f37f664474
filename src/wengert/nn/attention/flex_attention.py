"""Attention whose scores a function changes, and whose mask is a function of positions.

The functions are called once with index tensors that broadcast to all places. Where PyTorch
compiles a kernel that skips masked blocks, all scores are computed here.

Source: Dong et al. (2024), Flex Attention, https://arxiv.org/abs/2412.05496.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import wengert as wg

__all__ = [
    "AuxOutput", "AuxRequest", "BlockMask", "and_masks", "create_block_mask", "create_mask",
    "flex_attention", "noop_mask", "or_masks",
]  # fmt: skip

_mask_mod_signature = Callable[[wg.Tensor, wg.Tensor, wg.Tensor, wg.Tensor], wg.Tensor]
_score_mod_signature = Callable[[wg.Tensor, wg.Tensor, wg.Tensor, wg.Tensor, wg.Tensor], wg.Tensor]
_DEFAULT_SPARSE_BLOCK_SIZE = 128


class AuxRequest:
    """Which results are wanted beside the output.

    Args:
        lse: the logarithm of the sum of the exponentials of the scores.
        max_scores: the largest scores.
    """

    def __init__(self, lse: bool = False, max_scores: bool = False) -> None:
        self.lse, self.max_scores = lse, max_scores


class AuxOutput:
    """These results, or None."""

    def __init__(self, lse: wg.Tensor | None = None, max_scores: wg.Tensor | None = None) -> None:
        self.lse, self.max_scores = lse, max_scores


def _indices(b: int, h: int, q_len: int, kv_len: int, device: Any) -> tuple[wg.Tensor, ...]:
    sizes = (b, h, q_len, kv_len)
    return tuple(
        wg.arange(size, device=device).view([-1 if at == place else 1 for at in range(4)])
        for place, size in enumerate(sizes)
    )


def noop_mask(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> wg.Tensor:
    """Masks nothing."""
    return wg.ones((), dtype=wg.bool)


def and_masks(*mask_mods: _mask_mod_signature) -> _mask_mod_signature:
    """Lets through what all of the masks let through."""

    def mask(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> wg.Tensor:
        result = noop_mask(b, h, q_idx, kv_idx)
        for each in mask_mods:
            result = result & each(b, h, q_idx, kv_idx)
        return result

    return mask


def or_masks(*mask_mods: _mask_mod_signature) -> _mask_mod_signature:
    """Lets through what one of the masks lets through."""

    def mask(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> wg.Tensor:
        result = ~noop_mask(b, h, q_idx, kv_idx)
        for each in mask_mods:
            result = result | each(b, h, q_idx, kv_idx)
        return result

    return mask


def create_mask(
    mod_fn: _mask_mod_signature,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = "cpu",
) -> wg.Tensor:
    """The mask as a bool tensor (B, H, Q_LEN, KV_LEN).

    >>> from wengert.nn.attention.flex_attention import create_mask
    >>> create_mask(lambda b, h, q, kv: q >= kv, 1, 1, 2, 2)[0, 0]
    tensor([[ True, False],
            [ True,  True]])
    """
    sizes = (B or 1, H or 1, Q_LEN, KV_LEN)
    return mod_fn(*_indices(*sizes, device)).to(wg.bool).expand(sizes)


class BlockMask:
    """A mask as a function of positions, made by `create_block_mask`."""

    def __init__(
        self,
        seq_lengths: tuple[int, int],
        mask_mod: _mask_mod_signature,
        block_size: tuple[int, int],
        shape: tuple[int, int, int, int],
        device: Any,
    ) -> None:
        self.seq_lengths, self.mask_mod, self.BLOCK_SIZE = seq_lengths, mask_mod, block_size
        self.shape = shape
        self._device = device

    def to_dense(self) -> wg.Tensor:
        """1 for each block of which a part is let through, (B, H, rows, columns)."""
        mask = create_mask(self.mask_mod, *self.shape, self._device)
        rows, columns = self.BLOCK_SIZE
        pad = (0, -mask.shape[-1] % columns, 0, -mask.shape[-2] % rows)
        padded = wg.nn.functional.pad(mask, pad)
        blocks = padded.unflatten(-1, (-1, columns)).unflatten(-3, (-1, rows))
        return blocks.any(-1).any(-2).to(wg.int32)

    def sparsity(self) -> float:
        """The percentage of blocks that are masked altogether."""
        return 100.0 * (1 - self.to_dense().float().mean().item())

    def to(self, device: Any) -> BlockMask:
        """The same mask for another device."""
        return BlockMask(self.seq_lengths, self.mask_mod, self.BLOCK_SIZE, self.shape, device)

    def __repr__(self) -> str:
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%)"


def create_block_mask(
    mask_mod: _mask_mod_signature,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE,
    _compile: bool = False,
    **others: Any,
) -> BlockMask:
    """The mask of a function of batch, head, query and key positions.

    Args:
        mask_mod: True where a query sees a key.
        B, H: sizes; None where the mask does not depend on it.
        BLOCK_SIZE: of the blocks that `BlockMask.to_dense` shows.
    """
    size = BLOCK_SIZE if isinstance(BLOCK_SIZE, tuple) else (BLOCK_SIZE, BLOCK_SIZE)
    shape = (B or 1, H or 1, Q_LEN, KV_LEN)
    return BlockMask((Q_LEN, KV_LEN), mask_mod, size, shape, device or "cpu")


def flex_attention(
    query: wg.Tensor,
    key: wg.Tensor,
    value: wg.Tensor,
    score_mod: _score_mod_signature | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: Any = None,
    *,
    return_aux: AuxRequest | None = None,
) -> Any:
    """Attention of scores that ``score_mod(score, b, h, q_idx, kv_idx)`` changes.

    Args:
        query: (B, Hq, L, E).
        key: (B, Hkv, S, E), value: (B, Hkv, S, Ev).
        block_mask: which keys a query sees; all if left out. Queries that see none give 0.
        scale: of the scores; 1 / sqrt(E) if left out.
        enable_gqa: Hq may be a multiple of Hkv.
        return_lse: also the logarithm of the sum of the exponentials, (B, Hq, L).
        kernel_options: accepted without effect.
        return_aux: the same and more in an AuxOutput.

    Raises ValueError if numbers of heads, widths or the mask's lengths do not fit.

    >>> from wengert.nn.attention.flex_attention import flex_attention
    >>> q = wg.ones(1, 1, 2, 4)
    >>> flex_attention(q, q, q, lambda s, b, h, i, j: wg.where(i >= j, s, -wg.inf)).shape
    wengert.Size([1, 1, 2, 4])
    """
    if any(each.dim() != 4 for each in (query, key, value)):
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    batch, heads, length, width = query.shape
    if key.shape[-1] != width:
        raise ValueError(
            "Expect query and key/value to have the same embedding dimension but got "
            f"E={width} and E={key.shape[-1]}."
        )
    if key.shape[1] != heads:
        if not enable_gqa or heads % key.shape[1]:
            raise ValueError(
                f"Expect query and key/value to have the same number of heads but got Hq={heads} "
                f"and Hkv={key.shape[1]}. Try setting enable_gqa=True for GQA."
            )
        repeats = heads // key.shape[1]
        key, value = key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1)
    scores = (query @ key.transpose(-2, -1)) * (1 / math.sqrt(width) if scale is None else scale)
    places = _indices(batch, heads, length, key.shape[2], query.device)
    if score_mod is not None:
        scores = score_mod(scores, *places)
    if block_mask is not None:
        if block_mask.seq_lengths != (length, key.shape[2]):
            raise ValueError(
                f"block_mask was created for block_mask.shape={block_mask.shape} but got "
                f"q_len={length} and kv_len={key.shape[2]}. Create it for these lengths."
            )
        scores = scores.masked_fill(~block_mask.mask_mod(*places).to(wg.bool), -math.inf)
    lse = scores.logsumexp(-1)
    seen = lse != -math.inf
    # No key is seen: all scores are -inf, and the weights are 0.
    weights = (scores - lse.masked_fill(~seen, 0.0).unsqueeze(-1)).exp()
    output = weights.to(value.dtype) @ value
    if return_aux is not None:
        return output, AuxOutput(
            lse if return_aux.lse else None, scores.amax(-1) if return_aux.max_scores else None
        )
    return (output, lse) if return_lse else output
