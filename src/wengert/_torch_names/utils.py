"""`torch._utils`: tensors laid one after the other, and back."""

from __future__ import annotations

from collections.abc import Sequence

import wengert as wg


def _flatten_dense_tensors(tensors: Sequence[wg.Tensor]) -> wg.Tensor:
    """One vector of all elements, in order."""
    return wg.cat([tensor.contiguous().view(-1) for tensor in tensors])


def _unflatten_dense_tensors(
    flat: wg.Tensor, tensors: Sequence[wg.Tensor]
) -> tuple[wg.Tensor, ...]:
    """Views of a vector with the shapes of the tensors."""
    parts, start = [], 0
    for tensor in tensors:
        parts.append(flat.narrow(0, start, tensor.numel()).view_as(tensor))
        start += tensor.numel()
    return tuple(parts)
