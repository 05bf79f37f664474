"""Unit vectors, for Jacobians that are computed as one batch."""

from __future__ import annotations

from collections.abc import Sequence

import wengert as wg


def standard_basis(like: Sequence[wg.Tensor], start: int, stop: int) -> list[wg.Tensor]:
    """Rows ``start`` to ``stop`` of the identity over all elements of ``like``.

    One tensor per tensor of ``like``, of its shape behind a dimension of rows.
    """
    result = []
    offset = 0
    for tensor in like:
        block = wg.zeros(stop - start, tensor.numel(), dtype=tensor.dtype, device=tensor.device)
        if offset < stop and start < offset + tensor.numel():
            block.diagonal(start - offset).fill_(1)
        result.append(block.reshape((stop - start, *tensor.shape)))
        offset += tensor.numel()
    return result
