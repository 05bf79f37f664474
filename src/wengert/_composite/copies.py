"""Views that are copied: the function of a view, with memory of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wengert

if TYPE_CHECKING:
    from wengert import Tensor

__all__ = (
    "alias_copy", "as_strided_", "as_strided_copy", "detach_copy", "diagonal_copy", "expand_copy",
    "permute_copy", "select_copy", "slice_copy", "split_copy",
    "split_with_sizes_copy", "squeeze_copy", "t_copy", "transpose_copy", "unbind_copy",
    "unfold_copy", "unsqueeze_copy", "view_as_complex_copy", "view_as_real_copy", "view_copy",
)  # fmt: skip

METHODS = ("as_strided_",)

PROPERTIES = ()

FUNCTIONAL = ()


def as_strided_(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Raises NotImplementedError: a tensor keeps its shape; use `as_strided`."""
    raise NotImplementedError(
        "as_strided_(): a tensor keeps its shape and strides; x = x.as_strided(...) gives a view "
        "with others"
    )


def alias_copy(input: Tensor) -> Tensor:
    """A copy."""
    return input.clone()


def detach_copy(input: Tensor) -> Tensor:
    """A copy without a history."""
    return input.detach().clone()


def as_strided_copy(
    input: Tensor, size: Any, stride: Any, storage_offset: int | None = None
) -> Tensor:
    """A copy of `as_strided`."""
    offset = input.storage_offset() if storage_offset is None else storage_offset
    return input.as_strided(size, stride, offset).clone()


def diagonal_copy(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of `diagonal`."""
    return input.diagonal(offset, dim1, dim2).clone()


def expand_copy(input: Tensor, size: Any, *, implicit: bool = False) -> Tensor:
    """A copy of `Tensor.expand`, in memory of its own shape."""
    return input.expand(size).clone().contiguous()


def permute_copy(input: Tensor, dims: Any) -> Tensor:
    """A copy of `permute`."""
    return input.permute(dims).clone()


def select_copy(input: Tensor, dim: int, index: int) -> Tensor:
    """A copy of `select`."""
    return input.select(dim, index).clone()


def slice_copy(
    input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy of a slice of one dimension.

    >>> wg.slice_copy(wg.arange(5), 0, 1, 4, 2)
    tensor([1, 3])
    """
    places: list[slice] = [slice(None)] * (dim % input.dim())
    return input[(*places, slice(start, end, step))].clone()


def split_copy(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Copies of the parts that `split` gives."""
    return tuple(part.clone() for part in input.split(split_size, dim))


def split_with_sizes_copy(input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Copies of the parts that `split_with_sizes` gives."""
    return tuple(part.clone() for part in input.split_with_sizes(split_sizes, dim))


def squeeze_copy(input: Tensor, dim: Any = None) -> Tensor:
    """A copy of `squeeze`."""
    return (input.squeeze() if dim is None else input.squeeze(dim)).clone()


def t_copy(input: Tensor) -> Tensor:
    """A copy of `t`."""
    return input.t().clone()


def transpose_copy(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A copy of `transpose`.

    >>> wg.transpose_copy(wg.tensor([[1, 2]]), 0, 1).tolist()
    [[1], [2]]
    """
    return input.transpose(dim0, dim1).clone()


def unbind_copy(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Copies of the slices that `unbind` gives."""
    return tuple(part.clone() for part in input.unbind(dim))


def unfold_copy(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A copy of `Tensor.unfold`."""
    return input.unfold(dimension, size, step).clone()


def unsqueeze_copy(input: Tensor, dim: int) -> Tensor:
    """A copy of `unsqueeze`."""
    return input.unsqueeze(dim).clone()


def view_as_complex_copy(input: Tensor) -> Tensor:
    """A copy of `view_as_complex`."""
    return wengert.view_as_complex(input).clone()


def view_as_real_copy(input: Tensor) -> Tensor:
    """A copy of `view_as_real`."""
    return wengert.view_as_real(input).clone()


def view_copy(input: Tensor, size: Any = None, *, dtype: Any = None) -> Tensor:
    """A copy of `Tensor.view`; `size` is a shape or a dtype, which may also be given as `dtype`."""
    return input.view(dtype if size is None else size).clone()
