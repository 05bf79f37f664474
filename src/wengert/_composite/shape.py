"""Operators that change only the shape, or that copy elements to other places."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from ._common import (
    describe,
    is_tensor,
    sizes,
    tensor_list,
    with_out,
    wrap_dim,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wengert import Tensor

__all__ = (
    "adjoint", "as_strided_scatter", "broadcast_shapes", "broadcast_tensors", "broadcast_to",
    "diag", "diag_embed", "diagflat", "diagonal_scatter", "flatten", "fliplr", "flipud", "moveaxis",
    "movedim", "narrow_copy", "ravel", "repeat_interleave", "resize_as_", "rot90", "select_scatter",
    "slice_scatter", "t", "tile", "unflatten", "unsafe_chunk", "unsafe_split",
    "unsafe_split_with_sizes",
)  # fmt: skip

METHODS = (
    "adjoint", "as_strided_scatter", "broadcast_to", "diag", "diag_embed", "diagflat",
    "diagonal_scatter", "expand_as", "flatten", "fliplr", "flipud", "moveaxis", "movedim",
    "narrow_copy", "ravel", "repeat", "repeat_interleave", "reshape_as", "resize_as_", "rot90",
    "select_scatter", "slice_scatter", "t", "t_", "tile", "unflatten", "unsafe_chunk",
    "unsafe_split", "unsafe_split_with_sizes", "view_as",
)  # fmt: skip

PROPERTIES = ("H", "T", "imag", "mH", "mT", "real")

# What an assignment to a property does.
SETTERS = {"imag": "_set_imag", "real": "_set_real"}

FUNCTIONAL = ("pad",)

# The method also takes the counts one by one: x.tile(2, 3).
METHOD_BODIES = {"tile": "_tile"}


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """One dimension in place of the dimensions `start_dim` to `end_dim`; a view if it can be."""
    shape = input.shape
    ndim = len(shape)
    if end_dim == -1 and 0 <= start_dim < ndim - 1:  # the usual call, without detours
        return _ops.reshape(input, (*shape[:start_dim], math.prod(shape[start_dim:])))
    start = wrap_dim("flatten", start_dim, ndim)
    end = wrap_dim("flatten", end_dim, ndim)
    if ndim == 0:
        return _ops.reshape(input, (1,))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if start == end:
        return input
    merged = math.prod(shape[start : end + 1])
    return _ops.reshape(input, (*shape[:start], merged, *shape[end + 1 :]))


def ravel(input: Tensor) -> Tensor:
    """All elements in one contiguous dimension."""
    return _ops.contiguous(_ops.reshape(input, (-1,)))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Several dimensions of the given sizes in place of the dimension `dim`; the inverse of
    `flatten`. One size may be -1."""
    shape = input.shape
    dim = wrap_dim("unflatten", dim, len(shape))
    wanted = list(sizes)
    if not wanted:
        raise RuntimeError("unflatten: sizes must be non-empty")
    length = shape[dim]
    unknown = [i for i, size in enumerate(wanted) if size == -1]
    if len(unknown) == 1:
        known = math.prod(size for size in wanted if size != -1)
        if known and length % known == 0:
            wanted[unknown[0]] = length // known
    if len(unknown) > 1 or math.prod(wanted) != length or any(size < 0 for size in wanted):
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
            f"({length}) in the input tensor"
        )
    return _ops.reshape(input, (*shape[:dim], *wanted, *shape[dim + 1 :]))


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """The dimensions `source` put at the places `destination`, the others in their old order."""
    ndim = input.dim()
    sources = [source] if isinstance(source, int) else list(source)
    destinations = [destination] if isinstance(destination, int) else list(destination)
    if len(sources) != len(destinations):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({sources} dims) should contain the same number of dims as "
            f"destination ({destinations} dims)"
        )
    sources = [wrap_dim("movedim", dim, ndim) for dim in sources]
    destinations = [wrap_dim("movedim", dim, ndim) for dim in destinations]
    for name, dims in (("source", sources), ("destination", destinations)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({dims})")
    if ndim == 0:
        return input
    moved = dict(zip(destinations, sources, strict=True))
    taken = set(sources)
    rest = iter([dim for dim in range(ndim) if dim not in taken])
    order = [moved[dim] if dim in moved else next(rest) for dim in range(ndim)]
    return _ops.permute(input, order)


moveaxis = movedim


def t(input: Tensor) -> Tensor:
    """The transposed matrix, as a view; of a vector or a scalar a view of the same shape."""
    ndim = input.dim()
    if ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {ndim}D"
            + describe(input=input)
        )
    return _ops.transpose(input, 0, 1 if ndim == 2 else 0)


def t_(input: Tensor) -> Tensor:
    """`t` of `input` itself."""
    if input.dim() > 2:
        raise RuntimeError(
            f"t_() expects a tensor with <= 2 dimensions, but self is {input.dim()}D"
            + describe(input=input)
        )
    return _ops.transpose_(input, 0, 1 if input.dim() == 2 else 0)


def T(input: Tensor) -> Tensor:
    """The dimensions in reverse order."""
    return _ops.permute(input, tuple(range(input.dim() - 1, -1, -1)))


def mT(input: Tensor) -> Tensor:
    """The last two dimensions exchanged."""
    if input.dim() < 2:
        raise RuntimeError(
            "tensor.mT is only supported on matrices or batches of matrices. "
            f"Got {input.dim()}-D tensor."
        )
    return _ops.transpose(input, -2, -1)


def mH(input: Tensor) -> Tensor:
    """The last two dimensions exchanged, and the elements conjugated."""
    if input.dim() < 2:
        raise RuntimeError(
            "tensor.mH is only supported on matrices or batches of matrices. "
            f"Got {input.dim()}-D tensor."
        )
    return _adjoint(input)


def H(input: Tensor) -> Tensor:
    """The conjugate transpose of a matrix."""
    if input.dim() not in (0, 2):
        raise RuntimeError(
            "tensor.H is only supported on matrices (2-D tensors). "
            f"Got {input.dim()}-D tensor."
            + (" For batches of matrices, consider using tensor.mH" if input.dim() > 2 else "")
        )
    return _adjoint(input) if input.dim() else input


def adjoint(input: Tensor) -> Tensor:
    """The conjugate transpose of each matrix."""
    if input.dim() < 2:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. "
            f"Got {input.dim()}-D tensor."
        )
    return _adjoint(input)


def _adjoint(input: Tensor) -> Tensor:
    result = _ops.transpose(input, -2, -1)
    return _ops.conj(result) if input.dtype.is_complex else result


def repeat(input: Tensor, *times: Any, repeats: Any = None) -> Tensor:
    """`input` laid out `repeats[d]` times along each dimension `d`, in new memory.

    The counts are given one by one, or as one sequence, which may go by the name `repeats`."""
    counts = sizes(times) if repeats is None else sizes((repeats,))
    shape = tuple(input.shape)
    if len(counts) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions "
            "of tensor" + describe(input=input)
        )
    shape = (1,) * (len(counts) - len(shape)) + shape
    split: list[int] = []
    expanded: list[int] = []
    for count, size in zip(counts, shape, strict=True):
        if count == 1 or size == 1:
            split.append(size)
            expanded.append(size * count)
        else:
            split += (1, size)
            expanded += (count, size)
    copied = _ops.clone(_ops.expand(_ops.reshape(input, split), expanded))
    return _ops.reshape(copied, [c * s for c, s in zip(counts, shape, strict=True)])


def tile(input: Tensor, dims: Sequence[int]) -> Tensor:
    """`repeat`, where missing leading counts are 1."""
    missing = input.dim() - len(dims)
    return repeat(input, (1,) * missing + tuple(dims))


def _tile(input: Tensor, *times: Any, dims: Any = None) -> Tensor:
    return tile(input, sizes(times) if dims is None else sizes((dims,)))


def repeat_interleave(
    input: Tensor,
    repeats: int | Tensor | None = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> Tensor:
    """Each element (or slice along `dim`) `repeats` times in a row.

    With one argument, that is the counts, and the result the index to repeat by."""
    if repeats is None:
        return _repeat_index(input, output_size)
    if dim is None:
        input = flatten(input)
        dim = 0
    elif input.dim() == 0:
        input = flatten(input)
    dim = wrap_dim("repeat_interleave", dim, input.dim())
    if is_tensor(repeats):
        if repeats.dim() > 1 or repeats.numel() not in (1, input.shape[dim]):
            raise RuntimeError(
                "repeats must have the same size as input along dim, but got repeats.size(0) = "
                f"{repeats.numel()} and input.size({dim}) = {input.shape[dim]}"
            )
        if repeats.numel() != 1 or input.shape[dim] == 1:
            return _ops.index_select(input, dim, _repeat_index(flatten(repeats), output_size))
        repeats = int(repeats)
    if repeats < 0:
        raise RuntimeError("Repeats must be non-negative")
    shape: list[Any] = list(input.shape)
    spread = _ops.unsqueeze(input, dim + 1)
    copied = _ops.clone(_ops.expand(spread, (*shape[: dim + 1], repeats, *shape[dim + 1 :])))
    shape[dim] *= repeats
    return _ops.reshape(copied, shape)


def _repeat_index(repeats: Tensor, output_size: int | None) -> Tensor:
    if repeats.dim() != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if repeats.numel() == 0:
        return _ops.zeros((0,), dtype=repeats.dtype, device=repeats.device)
    index = _ops._repeat_interleave_index(repeats)
    if output_size is not None and output_size != index.numel():
        raise RuntimeError(
            "repeat_interleave: Invalid output_size, expected "
            f"{index.numel()} but got {output_size}"
        )
    return index if repeats.dtype == wengert.int64 else index.to(repeats.dtype)


def broadcast_shapes(*shapes: int | Sequence[int]) -> Any:
    """The shape that tensors of these shapes have together; sizes of 1 stretch."""
    result: list[int] = []
    for item in shapes:
        shape = [item] if isinstance(item, int) else list(item)
        if len(shape) > len(result):
            result = [1] * (len(shape) - len(result)) + result
        for place in range(-1, -len(shape) - 1, -1):
            size = shape[place]
            if size < 0:
                raise RuntimeError(
                    f"Trying to create tensor with negative dimension ({size}): ({size})"
                )
            if size != 1:
                if result[place] not in (1, size):
                    raise RuntimeError(
                        "Shape mismatch: objects cannot be broadcast to a single shape"
                        f"\n  shapes: {', '.join(str(one) for one in shapes)}"
                    )
                result[place] = size
    return wengert.Size(result)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors as views of one common shape."""
    given = tensor_list(tensors)
    shape = broadcast_shapes(*(tensor.shape for tensor in given))
    return tuple(_ops.expand(tensor, shape) for tensor in given)


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """A view with the given shape, where sizes of 1 stretch."""
    return _ops.expand(input, tuple(size))


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """A view with the shape of `other`, where sizes of 1 stretch."""
    return _ops.expand(input, other.shape)


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """A view with the shape of `other`."""
    return _ops.view(input, other.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """The elements in the shape of `other`; a view if it can be."""
    return _ops.reshape(input, other.shape)


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turned by `k` quarter turns in the plane of two dimensions, from the first to the second."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.dim() < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.dim()}")
    first, second = (wrap_dim("rot90", dim, input.dim()) for dim in dims)
    if first == second:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    k %= 4
    if k == 1:
        return _ops.transpose(_ops.flip(input, (second,)), first, second)
    if k == 2:
        return _ops.flip(input, (first, second))
    if k == 3:
        return _ops.transpose(_ops.flip(input, (first,)), first, second)
    return _ops.clone(input)


def fliplr(input: Tensor) -> Tensor:
    """The columns in reverse order."""
    if input.dim() < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return _ops.flip(input, (1,))


def flipud(input: Tensor) -> Tensor:
    """The rows in reverse order."""
    if input.dim() < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return _ops.flip(input, (0,))


@with_out
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix with the given diagonal, or the diagonal of a matrix, as a copy."""
    ndim = input.dim()
    if ndim == 1:
        return diag_embed(input, diagonal)
    if ndim == 2:
        return _ops.clone(_ops.diagonal(input, diagonal))
    raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D" + describe(input=input))


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """A matrix whose diagonal are all the elements."""
    return diag_embed(_ops.reshape(input, (-1,)), offset)


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices in the dimensions `dim1` and `dim2` whose diagonals are the last dimension."""
    ndim = input.dim() + 1
    dim1 = wrap_dim("diag_embed", dim1, ndim)
    dim2 = wrap_dim("diag_embed", dim2, ndim)
    if dim1 == dim2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    length = input.shape[-1]
    off_diagonal = _ops.logical_not(_ops.eye(length, dtype=wengert.bool, device=input.device))
    rows = _ops.expand(_ops.unsqueeze(input, -1), (*input.shape, length))
    # A mask and not a product: an infinite element must not make its row NaN.
    result = _ops.masked_fill(rows, off_diagonal, 0)
    if offset > 0:
        result = _ops._pad_constant(result, (offset, 0, 0, offset), 0)
    elif offset < 0:
        result = _ops._pad_constant(result, (0, -offset, -offset, 0), 0)
    if (dim1, dim2) == (ndim - 2, ndim - 1):
        return result
    return movedim(result, (-2, -1), (dim1, dim2))


def _written(name: str, result: Tensor, place: Tensor, src: Tensor) -> Tensor:
    if tuple(place.shape) != tuple(src.shape):
        raise RuntimeError(
            f"{name}(): expected src to have a size equal to the slice of self. "
            f"src size = {list(src.shape)}, slice size = {list(place.shape)}"
        )
    place.copy_(src)
    return result


def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """A copy of `input` with `src` on the diagonal."""
    result = _ops.clone(input)
    place = _ops.diagonal(result, offset, dim1, dim2)
    return _written("diagonal_scatter", result, place, src)


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of `input` with `src` at one index of `dim`."""
    result = _ops.clone(input)
    return _written("select_scatter", result, _ops.select(result, dim, index), src)


def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """A copy of `input` with `src` in the slice `start:end:step` of `dim`."""
    dim = wrap_dim("slice_scatter", dim, input.dim())
    result = _ops.clone(input)
    place = result[(slice(None),) * dim + (slice(start, end, step),)]
    return _written("slice_scatter", result, place, src)


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """Margins around `input`: `pad` lists (before, after) for the last dimension, then for the
    one before it, and so on. Negative margins crop.

    `mode`: "constant" fills with `value`, "reflect" mirrors without repeating the border,
    "replicate" repeats the border, "circular" wraps around."""
    margins = list(pad)
    if len(margins) % 2:
        raise RuntimeError("Padding length must be divisible by 2" + describe(input=input))
    if len(margins) > 2 * input.dim():
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but "
            f"got padding length {len(margins)} and input of dimension {input.dim()}"
        )
    if mode == "constant":
        return _ops._pad_constant(input, margins, 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    padded = len(margins) // 2
    ndim = input.dim()
    if padded not in (1, 2, 3) or ndim not in (padded + 1, padded + 2):
        raise NotImplementedError(
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now"
            + describe(input=input)
        )
    result = input
    for i in range(padded):
        before, after = margins[2 * i : 2 * i + 2]
        if before or after:
            result = _pad_by_index(result, ndim - 1 - i, before, after, mode)
    return _ops.clone(input) if result is input else result


def _pad_by_index(input: Tensor, dim: int, before: int, after: int, mode: str) -> Tensor:
    length = input.shape[dim]
    if mode == "circular":
        if before > length or after > length:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        # What is cropped on one side does not come back on the other.
        length += min(before, 0) + min(after, 0)
        input = _ops.narrow(input, dim, max(-before, 0), length)
        before, after = max(before, 0), max(after, 0)
        if before == after == 0:
            return input
    index = _ops.arange(-before, length + after, device=input.device)
    if mode == "replicate":
        if length == 0:
            raise RuntimeError("pad(): Expected the padded dimensions to be non-zero in size")
        index = _ops.clamp_max(_ops.clamp_min(index, 0), length - 1)
    elif mode == "reflect":
        if before >= length or after >= length:
            raise RuntimeError(
                "pad(): Padding size should be less than the corresponding input dimension, but "
                f"got: padding ({before}, {after}) at dimension {dim} of input "
                f"{list(input.shape)}"
            )
        index = (length - 1) - _ops.abs((length - 1) - _ops.abs(index))
    else:
        index = _ops.remainder(index, length)
    return _ops.index_select(input, dim, index)


def as_strided_scatter(
    input: Tensor,
    src: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> Tensor:
    """A copy of `input` with `src` at the places that ``as_strided(input, ...)`` shows.

    >>> wg.as_strided_scatter(wg.zeros(4), wg.ones(2), (2,), (3,))
    tensor([1., 0., 0., 1.])
    """
    result = _ops.clone(input)
    _ops.as_strided(result, size, stride, storage_offset).copy_(src)
    return result


def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`narrow` into new memory.

    >>> wg.narrow_copy(wg.tensor([1, 2, 3]), 0, 1, 2)
    tensor([2, 3])
    """
    return _ops.clone(_ops.narrow(input, dim, start, length))


def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """`resize_` to the sizes of `the_template`, row after row."""
    return input.resize_(tuple(the_template.shape))


def real(input: Tensor) -> Tensor:
    """The real parts, as a view; a real tensor itself."""
    return _ops.real(input) if input.is_complex() else input


def _set_real(input: Tensor, value: Any) -> None:
    real(input).copy_(value if is_tensor(value) else _ops.full((), value))


def imag(input: Tensor) -> Tensor:
    """The imaginary parts of a complex tensor, as a view."""
    return _ops.imag(input)


def _set_imag(input: Tensor, value: Any) -> None:
    part = imag(input)
    part.copy_(value if is_tensor(value) else _ops.full((), value, dtype=part.dtype))


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`chunk`: in-place writes into its parts are safe here."""
    return input.chunk(chunks, dim)


def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`split`: in-place writes into its parts are safe here."""
    return input.split(split_size, dim)


def unsafe_split_with_sizes(
    input: Tensor, split_sizes: Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """`split_with_sizes`: in-place writes into its parts are safe here."""
    return input.split_with_sizes(split_sizes, dim)
