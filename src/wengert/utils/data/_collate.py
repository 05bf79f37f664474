"""From samples to batches."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import wengert as wg

__all__ = ["default_collate", "default_convert"]

_NOT_NUMBERS = "SUOMmV"  # kinds of NumPy's dtypes that no tensor has


def _is_numpy(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))


def _is_namedtuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _mapped(like: Mapping, convert: Callable[[Any], Any]) -> Any:
    """A mapping of the same class, with its attributes, if it can be made."""
    items = {key: convert(key) for key in like}
    try:
        if isinstance(like, MutableMapping):
            # A copy keeps what the class has besides the items, such as a default factory.
            result = copy.copy(like)
            result.update(items)
            return result
        return type(like)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


def _listed(like: Sequence, items: list[Any]) -> Any:
    """A sequence of the same class if it can be made, else a list; tuples become lists."""
    if _is_namedtuple(like):
        return type(like)(*items)
    if isinstance(like, tuple):
        return items
    try:
        if isinstance(like, MutableSequence):
            result = copy.copy(like)
            for i, item in enumerate(items):
                result[i] = item
            return result
        return type(like)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


def default_convert(data: Any) -> Any:
    """NumPy arrays become tensors, in nested containers too; all else stays as it is.

    Containers keep their class; but tuples without names become lists.

    >>> import numpy as np
    >>> wg.utils.data.default_convert({"x": np.array([1, 2]), "name": "a"})
    {'x': tensor([1, 2]), 'name': 'a'}
    """
    if isinstance(data, wg.Tensor):
        return data
    if _is_numpy(data):
        return data if data.dtype.kind in _NOT_NUMBERS else wg.as_tensor(data)
    if isinstance(data, Mapping):
        return _mapped(data, lambda key: default_convert(data[key]))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes, bytearray, range)):
        return _listed(data, [default_convert(value) for value in data])
    return data


def default_collate(batch: Sequence[Any]) -> Any:
    """One batch of many samples: tensors and arrays are stacked, numbers become a tensor (floats of
    float64), strings and bytes stay a list, containers go inward.

    Containers keep their class; but tuples without names become lists.

    Raises:
        RuntimeError: sequences, or tensors, of different sizes.
        TypeError: a type that is none of these; the message says which one.

    >>> wg.utils.data.default_collate([(0, "a"), (1, "b")])
    [tensor([0, 1]), ('a', 'b')]
    """
    first = batch[0]
    if isinstance(first, wg.Tensor):
        return wg.stack(list(batch), 0)
    if _is_numpy(first):
        if isinstance(first, (str, bytes)):  # NumPy's scalars of text
            return batch
        if first.dtype.kind in _NOT_NUMBERS:
            raise TypeError(_unknown(first.dtype))
        return wg.stack([wg.as_tensor(sample) for sample in batch], 0)
    if isinstance(first, float):
        return wg.tensor(batch, dtype=wg.float64)
    if isinstance(first, int):
        return wg.tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _mapped(first, lambda key: default_collate([sample[key] for sample in batch]))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = zip(*batch, strict=True)
        return _listed(first, [default_collate(column) for column in columns])
    raise TypeError(_unknown(type(first)))


def _unknown(kind: Any) -> str:
    return (
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {kind}"
    )
