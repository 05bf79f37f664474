"""Operators that change only the shape, or that copy elements to other places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from ._common import (
    describe,
    is_tensor,
    product,
    sizes,
    tensor_list,
    wrap_dim,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wengert import Tensor

FUNCTIONS = (
    "adjoint", "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes",
    "broadcast_tensors", "broadcast_to", "cartesian_prod", "chunk", "column_stack",
    "combinations", "diag", "diag_embed", "diagflat", "diagonal_scatter", "dsplit", "dstack",
    "flatten", "fliplr", "flipud", "hsplit", "hstack", "meshgrid", "moveaxis", "movedim", "ravel",
    "repeat_interleave", "rot90", "row_stack", "select_scatter", "slice_scatter", "split",
    "swapaxes", "swapdims", "t", "tensor_split", "tile", "unflatten", "vsplit", "vstack",
)  # fmt: skip

METHODS = (
    "adjoint", "broadcast_to", "chunk", "diag", "diag_embed", "diagflat", "diagonal_scatter",
    "dsplit", "expand_as", "flatten", "fliplr", "flipud", "hsplit", "moveaxis", "movedim", "ravel",
    "repeat", "repeat_interleave", "reshape_as", "rot90", "select_scatter", "slice_scatter",
    "split", "swapaxes", "swapdims", "t", "tensor_split", "tile", "unflatten", "view_as", "vsplit",
)  # fmt: skip

PROPERTIES = ("H", "T", "mH", "mT")

FUNCTIONAL = ("pad",)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """One dimension in place of the dimensions `start_dim` to `end_dim`; a view if it can be."""
    shape = input.shape
    ndim = len(shape)
    start = wrap_dim("flatten", start_dim, ndim)
    end = wrap_dim("flatten", end_dim, ndim)
    if ndim == 0:
        return _ops.reshape(input, (1,))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if start == end:
        return input
    merged = product(shape[start : end + 1])
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
        known = product(size for size in wanted if size != -1)
        if known and length % known == 0:
            wanted[unknown[0]] = length // known
    if len(unknown) > 1 or product(wanted) != length or any(size < 0 for size in wanted):
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


def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """`transpose` under NumPy's name."""
    return _ops.transpose(input, dim0, dim1)


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """`transpose` under NumPy's name."""
    return _ops.transpose(input, axis0, axis1)


def t(input: Tensor) -> Tensor:
    """The transposed matrix; a vector or a scalar is returned as it is."""
    ndim = input.dim()
    if ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {ndim}D"
            + describe(input=input)
        )
    return _ops.transpose(input, 0, 1) if ndim == 2 else input


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


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """`input` laid out `repeats[d]` times along each dimension `d`, in new memory."""
    counts = sizes(repeats)
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


def tile(input: Tensor, *dims: Any) -> Tensor:
    """`repeat`, where missing leading counts are 1."""
    counts = sizes(dims)
    missing = input.dim() - len(counts)
    return repeat(input, (1,) * missing + counts if missing > 0 else counts)


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
    shape = list(input.shape)
    spread = _ops.unsqueeze(input, dim + 1)
    copied = _ops.clone(_ops.expand(spread, (*shape[: dim + 1], repeats, *shape[dim + 1 :])))
    shape[dim] *= repeats
    return _ops.reshape(copied, shape)


def _repeat_index(repeats: Tensor, output_size: int | None) -> Tensor:
    if repeats.dim() != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if repeats.numel() == 0:
        return _ops.zeros((0,), dtype=repeats.dtype, device=repeats.device)
    if bool(_ops.any(_ops.lt(repeats, 0))):
        raise RuntimeError("repeats can not be negative")
    ends = _ops.cumsum(repeats, 0)
    total = int(ends[-1])
    if output_size is not None and output_size != total:
        raise RuntimeError(
            f"repeat_interleave: Invalid output_size, expected {total} but got {output_size}"
        )
    places = _ops.arange(total, dtype=ends.dtype, device=repeats.device)
    return _ops.searchsorted(ends, places, right=True)


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


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Put side by side: joined along the columns (the only dimension of vectors)."""
    _need_some("hstack", tensors)
    grown = [_grow_1d(tensor) for tensor in tensors]
    return _ops.cat(grown, 0 if grown[0].dim() == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Put on top of each other: joined along the rows."""
    _need_some("vstack", tensors)
    return _ops.cat([_grow_2d(tensor) for tensor in tensors], 0)


row_stack = vstack


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the third dimension."""
    _need_some("dstack", tensors)
    return _ops.cat([_grow_3d(tensor) for tensor in tensors], 2)


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
    for left, right in zip(grids, grids[1:], strict=False):
        ordered = _ops.le(left, right) if with_replacement else _ops.lt(left, right)
        mask = _ops.logical_and(mask, ordered)
    columns = [_ops.index_select(input, 0, _ops.masked_select(grid, mask)) for grid in grids]
    return _ops.stack(columns, 1)


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
