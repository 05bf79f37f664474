"""Operators that pick or place elements by index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from ._common import describe, is_tensor, with_out, wrap_dim
from .shape import broadcast_shapes, flatten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wengert import Tensor

__all__ = (
    "argwhere", "index_put", "index_put_", "index_reduce", "nonzero", "nonzero_static", "scatter",
    "take_along_dim", "unravel_index", "where",
)  # fmt: skip

METHODS = (
    "argwhere", "fill_diagonal_", "index_put", "index_put_", "index_reduce", "index_reduce_",
    "nonzero", "nonzero_static", "scatter", "scatter_", "take_along_dim", "where",
)  # fmt: skip

PROPERTIES = ()

FUNCTIONAL = ("one_hot",)

METHOD_BODIES = {"where": "_where"}


@with_out
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """The elements of `input` at `indices` along `dim`, where the other dimensions broadcast.

    The counterpart of `argmax` and `argsort`. Without `dim`, both count as flat."""
    if indices.dtype != wengert.int64:
        raise RuntimeError(
            "torch.take_along_dim(): dtype of indices should be Long but got "
            f"{indices.dtype}" + describe(indices=indices)
        )
    if dim is None:
        return _ops.gather(flatten(input), 0, flatten(indices))
    if input.dim() != indices.dim():
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of "
            f"dimensions, but got {input.dim()} dimensions for input, and {indices.dim()} "
            "dimensions for indices" + describe(input=input, indices=indices)
        )
    dim = wrap_dim("take_along_dim", dim, input.dim())
    ours, theirs = list(input.shape), list(indices.shape)
    length, count = ours[dim], theirs[dim]
    ours[dim] = theirs[dim] = 1
    common = list(broadcast_shapes(ours, theirs))
    common[dim] = length
    input = _ops.expand(input, common)
    common[dim] = count
    return _ops.gather(input, dim, _ops.expand(indices, common))


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Each class number as a vector of zeros with a single one, in a new last dimension."""
    if tensor.dtype != wengert.int64:
        raise RuntimeError(
            "one_hot is only applicable to index tensor of type LongTensor."
            + describe(tensor=tensor)
        )
    if num_classes == -1:
        if tensor.numel() == 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = int(_ops.amax(tensor)) + 1
    elif num_classes < 1:
        raise RuntimeError("num_classes should be positive")
    return _ops._one_hot(tensor, num_classes)


def argwhere(input: Tensor) -> Tensor:
    """One row of indices for every element that is not zero."""
    return _ops.nonzero(input)


@with_out
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not zero: one row for each, or with `as_tuple` one
    vector for each dimension, ready to index with."""
    if not as_tuple:
        return _ops.nonzero(input)
    rows = _ops.nonzero(input if input.dim() else _ops.unsqueeze(input, 0))
    return tuple(_ops.unbind(rows, 1))


def where(
    condition: Tensor, input: Any = None, other: Any = None, *, out: Tensor | None = None
) -> Any:
    """Elements of `input` where `condition` holds, of `other` elsewhere.

    With a condition only: `nonzero(condition, as_tuple=True)`."""
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if input is None or other is None:
        raise TypeError("where(): input and other must be given together")
    return _ops.where(condition, input, other, out=out)


def _where(input: Tensor, condition: Tensor, other: Any) -> Tensor:
    """The method: `input` is what is chosen where `condition` holds."""
    return _ops.where(condition, input, other)


def _scatter_reduce(reduce: str) -> str:
    if reduce == "add":
        return "sum"
    if reduce == "multiply":
        return "prod"
    raise RuntimeError("reduce argument must be either add or multiply.")


def _scatter_source(input: Tensor, index: Tensor, src: Any, value: Any) -> Tensor:
    if value is None and is_tensor(src):
        return src
    number = src if value is None else value
    return _ops.full(tuple(index.shape), number, dtype=input.dtype, device=input.device)


def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> Tensor:
    """A copy of `input` with `src` (or one number) written at `index` along `dim`.

    reduce: None to replace, "add" or "multiply" to combine with what is there."""
    if reduce is None:
        return _ops.scatter(input, dim, index, src if value is None else value)
    how = _scatter_reduce(reduce)
    return _ops.scatter_reduce(input, dim, index, _scatter_source(input, index, src, value), how)


def scatter_(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> Tensor:
    """`scatter` into `input` itself."""
    if reduce is None:
        return _ops.scatter_(input, dim, index, src if value is None else value)
    how = _scatter_reduce(reduce)
    return _ops.scatter_reduce_(input, dim, index, _scatter_source(input, index, src, value), how)


def _index_columns(input: Tensor, indices: Sequence[Tensor | None]) -> list[Tensor | None]:
    """One integer index, or None, for each of the leading dimensions of `input`."""
    columns: list[Tensor | None] = []
    for index in indices:
        if index is not None and index.dtype in (wengert.bool, wengert.uint8):
            place = len(columns)
            for i, size in enumerate(index.shape):
                if place + i >= input.dim() or input.shape[place + i] != size:
                    raise IndexError(
                        f"The shape of the mask {list(index.shape)} at index {i} does not match "
                        f"the shape of the indexed tensor {list(input.shape)} at index {place + i}"
                    )
            columns += nonzero(index, as_tuple=True)
        else:
            columns.append(index)
    if len(columns) > input.dim():
        raise IndexError(
            f"too many indices for tensor of dimension {input.dim()} (got {len(columns)})"
        )
    return columns


def index_put(
    input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False
) -> Tensor:
    """A copy of `input` with `values` at the indices, as in `input[indices] = values`.

    accumulate: values at equal indices add up, and to what is there."""
    return _ops.index_put(input, _index_columns(input, indices), values, accumulate)


def index_put_(
    input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False
) -> Tensor:
    """`index_put` into `input` itself."""
    return _ops.index_put_(input, _index_columns(input, indices), values, accumulate)


@with_out
def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """`input` with the slices of `source` combined into those that the vector `index` lists.

    reduce: "prod", "mean", "amax" or "amin"; include_self: whether the slices of `input` take part.

    >>> wg.zeros(2).index_reduce(0, wg.tensor([1, 1]), wg.tensor([3.0, 5.0]), "amax")
    tensor([0., 5.])
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    dim = wrap_dim("index_reduce", dim, input.dim())
    if index.dim() > 1:
        raise IndexError(
            f"index_reduce_(): Index is supposed to be a vector, but got dim: {index.dim()}"
            + describe(index=index)
        )
    if input.dim() == 0:
        flat = index_reduce(
            flatten(input), 0, flatten(index), flatten(source), reduce, include_self=include_self
        )
        return _ops.reshape(flat, ())
    shape = [-1 if place == dim else 1 for place in range(input.dim())]
    if index.numel() != source.shape[dim]:
        raise IndexError(
            "index_reduce_(): Number of indices should be equal to self.size(dim)"
            + describe(index=index, source=source)
        )
    places = _ops.expand(_ops.reshape(index, shape), source.shape)
    return _ops.scatter_reduce(input, dim, places, source, reduce, include_self=include_self)


def index_reduce_(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """`index_reduce` into `input` itself."""
    return input.copy_(index_reduce(input, dim, index, source, reduce, include_self=include_self))


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The coordinates, one tensor per dimension of `shape`, of places in the flattened tensor.

    >>> wg.unravel_index(wg.tensor([5]), (2, 3))
    (tensor([1]), tensor([2]))
    """
    if indices.dtype.is_floating_point or indices.dtype.is_complex:
        raise TypeError(
            f"expected 'indices' to be integer dtype, but got {indices.dtype}"
            + describe(indices=indices)
        )
    sizes = [shape] if isinstance(shape, int) else list(shape)
    if any(size < 0 for size in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {tuple(sizes)}")
    coordinates = []
    for size in reversed(sizes):
        coordinates.append(_ops.remainder(indices, size))
        indices = _ops.floor_divide(indices, size)
    return tuple(reversed(coordinates))


def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The first `size` rows of `nonzero`, followed by rows of `fill_value` where there are fewer.

    >>> wg.nonzero_static(wg.tensor([0, 3]), size=2)
    tensor([[ 1],
            [-1]])
    """
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    rows = _ops.nonzero(input)[:size]
    return _ops._pad_constant(rows, (0, 0, 0, size - rows.shape[0]), fill_value)


def fill_diagonal_(input: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Writes one value into the main diagonal; more than two dimensions must have one size.

    wrap: in a tall matrix the diagonal starts anew after a row without it."""
    if input.dim() < 2:
        raise RuntimeError("dimensions must larger than 1" + describe(input=input))
    if input.dim() > 2:
        if len(set(input.shape)) != 1:
            raise RuntimeError(
                "all dimensions of input must be of equal length" + describe(input=input)
            )
        offset = input.storage_offset()
        _ops.as_strided(input, (input.shape[0],), (sum(input.stride()),), offset).fill_(fill_value)
        return input
    rows, columns = input.shape
    for start in range(0, rows, columns + 1) if wrap and columns else (0,):
        _ops.diagonal(_ops.narrow(input, 0, start, rows - start)).fill_(fill_value)
    return input
