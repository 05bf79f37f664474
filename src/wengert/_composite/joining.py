"""Tensors cut into pieces, put together, and combined into grids."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from ._common import describe, is_tensor, tensor_list, with_out, wrap_dim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wengert import Tensor

__all__ = (
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "cartesian_prod", "chunk",
    "column_stack", "combinations", "dsplit", "dstack", "hsplit", "hstack", "meshgrid", "row_stack",
    "split", "tensor_split", "vsplit", "vstack",
)  # fmt: skip

METHODS = (
    "chunk", "dsplit", "hsplit", "split", "tensor_split", "vsplit",
)  # fmt: skip

PROPERTIES = ()

FUNCTIONAL = ()

# The method calls its argument split_size.
METHOD_BODIES = {"split": "_split"}


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size, the last one perhaps smaller."""
    if input.dim() == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    length = input.shape[wrap_dim("chunk", dim, input.dim())]
    if length == 0:
        return _ops.split_with_sizes(input, [0] * chunks, dim)
    return split(input, -(-length // chunks), dim)


def split(
    tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """Views along `dim`: of one size, the last one perhaps smaller, or of the sizes listed."""
    if not isinstance(split_size_or_sections, int):
        return _ops.split_with_sizes(tensor, list(split_size_or_sections), dim)
    size = split_size_or_sections
    if tensor.dim() == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    length = tensor.shape[wrap_dim("split", dim, tensor.dim())]
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0:
        if length:
            raise RuntimeError(
                "split_size can only be 0 if dimension size is 0, but got dimension size of "
                f"{length}"
            )
        return _ops.split_with_sizes(tensor, [0], dim)
    pieces, rest = divmod(length, size)
    parts = [size] * pieces
    if rest or not length:
        parts.append(rest)
    return _ops.split_with_sizes(tensor, parts, dim)


def _split(input: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    return split(input, split_size, dim)


def tensor_split(
    input: Tensor,
    indices_or_sections: int | Sequence[int] | Tensor,
    dim: int = 0,
) -> tuple[Tensor, ...]:
    """Views along `dim`: as many as given with sizes that differ by one at most, or cut at the
    places listed."""
    if input.dim() == 0:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    dim = wrap_dim("tensor_split", dim, input.dim())
    length = input.shape[dim]
    if is_tensor(indices_or_sections):
        if indices_or_sections.dim() > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
                "one-dimensional tensor, but got a tensor with "
                f"{indices_or_sections.dim()} dims"
            )
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        sections = indices_or_sections
        if sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {sections}")
        size, larger = divmod(length, sections)
        return _ops.split_with_sizes(input, [size + 1] * larger + [size] * (sections - larger), dim)
    starts = [0, *indices_or_sections]
    ends = [*indices_or_sections, length]
    views = []
    for start, end in zip(starts, ends, strict=True):
        start, end, _ = slice(start, end).indices(length)
        views.append(_ops.narrow(input, dim, start, max(end - start, 0)))
    return tuple(views)


def _split_along(
    name: str, input: Tensor, indices_or_sections: int | Sequence[int], dim: int, least: int
) -> tuple[Tensor, ...]:
    if input.dim() < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension"
            f"{'s' if least > 1 else ''}, but got a tensor with {input.dim()} dimensions!"
        )
    length = input.shape[dim]
    if isinstance(indices_or_sections, int) and (
        indices_or_sections == 0 or length % indices_or_sections
    ):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {dim}, but the size of the "
            f"dimension {length} is not divisible by the split_size {indices_or_sections}!"
        )
    return tensor_split(input, indices_or_sections, dim)


def hsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """`tensor_split` along the columns (the only dimension of a vector)."""
    return _split_along("hsplit", input, indices_or_sections, 0 if input.dim() == 1 else 1, 1)


def vsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """`tensor_split` along the rows."""
    return _split_along("vsplit", input, indices_or_sections, 0, 2)


def dsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """`tensor_split` along the third dimension."""
    return _split_along("dsplit", input, indices_or_sections, 2, 3)


def _atleast(tensors: Sequence[Any], grow: Any) -> Any:
    if len(tensors) == 1 and is_tensor(tensors[0]):
        return grow(tensors[0])
    return tuple(grow(tensor) for tensor in tensor_list(tensors))


def _grow_1d(tensor: Tensor) -> Tensor:
    return tensor if tensor.dim() else _ops.reshape(tensor, (1,))


def _grow_2d(tensor: Tensor) -> Tensor:
    ndim = tensor.dim()
    if ndim >= 2:
        return tensor
    return _ops.unsqueeze(tensor, 0) if ndim else _ops.reshape(tensor, (1, 1))


def _grow_3d(tensor: Tensor) -> Tensor:
    ndim = tensor.dim()
    if ndim >= 3:
        return tensor
    return _ops.unsqueeze(_grow_2d(tensor), -1)


def atleast_1d(*tensors: Any) -> Any:
    """Scalars made vectors; a tuple when more than one tensor is given."""
    return _atleast(tensors, _grow_1d)


def atleast_2d(*tensors: Any) -> Any:
    """Vectors made matrices of one row; a tuple when more than one tensor is given."""
    return _atleast(tensors, _grow_2d)


def atleast_3d(*tensors: Any) -> Any:
    """Matrices given a last dimension of size 1; a tuple when more than one tensor is given."""
    return _atleast(tensors, _grow_3d)


def _need_some(name: str, tensors: Sequence[Tensor]) -> None:
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")


@with_out
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Put side by side: joined along the columns (the only dimension of vectors)."""
    _need_some("hstack", tensors)
    grown = [_grow_1d(tensor) for tensor in tensors]
    return _ops.cat(grown, 0 if grown[0].dim() == 1 else 1)


@with_out
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Put on top of each other: joined along the rows."""
    _need_some("vstack", tensors)
    return _ops.cat([_grow_2d(tensor) for tensor in tensors], 0)


row_stack = vstack


@with_out
def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the third dimension."""
    _need_some("dstack", tensors)
    return _ops.cat([_grow_3d(tensor) for tensor in tensors], 2)


@with_out
def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the columns, where a vector is one column."""
    _need_some("column_stack", tensors)
    return _ops.cat(
        [
            tensor if tensor.dim() > 1 else _ops.reshape(tensor, (tensor.numel(), 1))
            for tensor in tensors
        ],
        1,
    )


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of the grid that the vectors span, as views.

    `indexing="xy"` exchanges the first two dimensions, as in plots."""
    given = tensor_list(tensors)
    if not given:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    for tensor in given:
        if tensor.dim() > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: "
                f"{tensor.dim()}D" + describe(tensor=tensor)
            )
        if tensor.dtype != given[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    swap = indexing == "xy" and len(given) > 1
    if swap:
        given[0], given[1] = given[1], given[0]
    shape = tuple(tensor.numel() for tensor in given)
    grids = [
        _ops.expand(_ops.reshape(tensor, (1,) * i + (-1,) + (1,) * (len(given) - i - 1)), shape)
        for i, tensor in enumerate(given)
    ]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def block_diag(*tensors: Any) -> Tensor:
    """A matrix with the given matrices along its diagonal."""
    blocks = [_grow_2d(tensor) for tensor in tensor_list(tensors)]
    for i, block in enumerate(blocks):
        if block.dim() > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                f"Input {i} has {block.dim()} dimensions"
            )
    if not blocks:
        return _ops.zeros((1, 0))
    width = sum(block.shape[1] for block in blocks)
    rows = []
    left = 0
    for block in blocks:
        right = width - left - block.shape[1]
        rows.append(_ops._pad_constant(block, (left, right), 0))
        left += block.shape[1]
    return _ops.cat(rows, 0)


def cartesian_prod(*tensors: Any) -> Tensor:
    """One row for every choice of one element from each vector, the last changing fastest."""
    given = tensor_list(tensors)
    for tensor in given:
        if tensor.dim() != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(tensor.shape)}")
    if len(given) == 1:
        return given[0]
    return _ops.stack([_ops.reshape(grid, (-1,)) for grid in meshgrid(*given)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """One row for every way to take `r` elements in order of place."""
    if input.dim() != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return _ops.zeros((0,), dtype=input.dtype, device=input.device)
    length = input.numel()
    grids = meshgrid(*[_ops.arange(length, device=input.device)] * r)
    mask = _ops.ones((length,) * r, dtype=wengert.bool, device=input.device)
    for left, right in itertools.pairwise(grids):
        ordered = _ops.le(left, right) if with_replacement else _ops.lt(left, right)
        mask = _ops.logical_and(mask, ordered)
    columns = [_ops.index_select(input, 0, _ops.masked_select(grid, mask)) for grid in grids]
    return _ops.stack(columns, 1)
