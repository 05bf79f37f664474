"""From samples to batches."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import wengert as wg

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]

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


def collate(
    batch: Sequence[Any], *, collate_fn_map: Mapping[Any, Callable[..., Any]] | None = None
) -> Any:
    """One batch of many samples, by a function for each type of sample.

    Args:
        batch: the samples; the first one's type decides.
        collate_fn_map: for a type, or a tuple of types, the function that is called as
            ``function(batch, collate_fn_map=collate_fn_map)``. The type itself comes before those
            that it derives from.

    Containers and NumPy's arrays need no function.

    >>> from wengert.utils.data._utils.collate import collate
    >>> collate([[1, "a"], [2, "b"]], collate_fn_map={int: lambda batch, **_: sum(batch),
    ...                                               str: lambda batch, **_: "".join(batch)})
    [3, 'ab']
    """
    first = batch[0]
    functions = {} if collate_fn_map is None else collate_fn_map
    function = functions.get(type(first))
    if function is None and not _is_numpy(first):
        function = next((f for kind, f in functions.items() if isinstance(first, kind)), None)
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)
    if _is_numpy(first):
        if isinstance(first, (str, bytes)):  # NumPy's scalars of text
            return batch
        if first.dtype.kind in _NOT_NUMBERS:
            raise TypeError(_unknown(first.dtype))
        return collate([wg.as_tensor(sample) for sample in batch], collate_fn_map=collate_fn_map)

    def inside(column: Sequence[Any]) -> Any:
        return collate(column, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        return _mapped(first, lambda key: inside([sample[key] for sample in batch]))
    if isinstance(first, Sequence) and not isinstance(first, (str, bytes)):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return _listed(first, [inside(column) for column in zip(*batch, strict=True)])
    raise TypeError(_unknown(type(first)))


def _stacked(batch: Sequence[wg.Tensor], *, collate_fn_map: Any = None) -> wg.Tensor:
    return wg.stack(list(batch), 0)


def _of_floats(batch: Sequence[float], *, collate_fn_map: Any = None) -> wg.Tensor:
    return wg.tensor(batch, dtype=wg.float64)


def _of_integers(batch: Sequence[int], *, collate_fn_map: Any = None) -> wg.Tensor:
    return wg.tensor(batch)


def _as_they_are(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return batch


# What default_collate does with each type; programs add types of their own.
default_collate_fn_map: dict[Any, Callable[..., Any]] = {
    wg.Tensor: _stacked,
    float: _of_floats,
    int: _of_integers,
    str: _as_they_are,
    bytes: _as_they_are,
}


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
    return collate(batch, collate_fn_map=default_collate_fn_map)


def _unknown(kind: Any) -> str:
    return (
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {kind}"
    )
