"""From samples to batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import wengert as wg

__all__ = ["default_collate", "default_convert"]


def _is_numpy(value: Any) -> bool:
    return type(value).__module__ == "numpy"


def _is_namedtuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def default_convert(data: Any) -> Any:
    """NumPy arrays become tensors, in nested containers too; all else stays as it is."""
    if isinstance(data, wg.Tensor):
        return data
    if _is_numpy(data):
        return data if data.dtype.kind in "SUO" else wg.as_tensor(data)
    if isinstance(data, Mapping):
        return {key: default_convert(value) for key, value in data.items()}
    if _is_namedtuple(data):
        return type(data)(*map(default_convert, data))
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return [default_convert(value) for value in data]
    return data


def default_collate(batch: Sequence[Any]) -> Any:
    """One batch of many samples: tensors are stacked, numbers become a tensor, containers go
    inward.

    >>> wg.utils.data.default_collate([(0, "a"), (1, "b")])
    [tensor([0, 1]), ('a', 'b')]
    """
    first = batch[0]
    if isinstance(first, wg.Tensor):
        return wg.stack(list(batch), 0)
    if _is_numpy(first):
        if first.dtype.kind in "SUO":
            raise TypeError(_unknown(first.dtype))
        return wg.stack([wg.as_tensor(sample) for sample in batch], 0)
    if isinstance(first, float):
        return wg.tensor(batch, dtype=wg.float64)
    if isinstance(first, int):
        return wg.tensor(batch)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in batch]) for key in first}
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [default_collate(column) for column in zip(*batch, strict=True)]
        return type(first)(*columns) if _is_namedtuple(first) else columns
    raise TypeError(_unknown(type(first)))


def _unknown(kind: Any) -> str:
    return (
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {kind}"
    )
