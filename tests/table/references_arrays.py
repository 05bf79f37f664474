"""NumPy references: copies, views and their adjoints, indexing, reductions, order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.special
from tests.table.registry import REFERENCES, Array, axes, offered, reference

# ---- copies, creation, views --------------------------------------------------------------------

offered(
    clone=lambda input, memory_format: input,
    detach=lambda input: input,
    detach_=lambda input: input,
    set_=lambda input, source: source,
    _alias=lambda input: input,
    _to_dtype=lambda input, dtype, memory_format: input,
    copy_=lambda input, source, non_blocking: np.broadcast_to(source, input.shape),
    _write_out=lambda input, source, name: source,
    fill_=lambda input, value: np.full_like(input, value),
    zero_=lambda input: np.zeros_like(input),
    _zeros=lambda size, dtype: np.zeros(size),
    zeros=lambda size, **_: np.zeros(size),
    ones=lambda size, **_: np.ones(size),
    full=lambda size, fill_value, **_: np.full(size, fill_value),
    zeros_like=lambda input, **_: np.zeros_like(input),
    ones_like=lambda input, **_: np.ones_like(input),
    full_like=lambda input, fill_value, **_: np.full_like(input, fill_value),
    new_zeros=lambda input, size, **_: np.zeros(size),
    new_ones=lambda input, size, **_: np.ones(size),
    new_full=lambda input, size, fill_value, **_: np.full(size, fill_value),
    arange=lambda start, end, step, **_: np.arange(0 if end is None else start,
                                                   start if end is None else end, step),
    linspace=lambda start, end, steps, **_: np.linspace(start, end, steps),
    eye=lambda n, m, **_: np.eye(n, m),
    reshape=lambda input, shape: input.reshape(shape),
    view=lambda input, size: input.reshape(size),
    expand=lambda input, size, implicit: np.broadcast_to(
        input, [o if s == -1 else s for s, o in zip(size, [1] * (len(size) - input.ndim)
                                                    + list(input.shape), strict=True)]),
    transpose=lambda input, dim0, dim1: np.swapaxes(input, dim0, dim1),
    permute=lambda input, dims: np.transpose(input, dims),
    _unpermute=lambda input, dims: np.transpose(input, np.argsort(dims)),
    unsqueeze=lambda input, dim: np.expand_dims(input, dim),
    select=lambda input, dim, index: np.take(input, index, dim),
    real=lambda input: np.real(input),
    imag=lambda input: np.imag(input),
    narrow=lambda input, dim, start, length: np.take(input, range(start, start + length), dim),
    unbind=lambda input, dim: tuple(np.moveaxis(input, dim, 0)),
    _conjugate=lambda input: np.conj(input),
    _scaled=lambda input, factor: input * np.conj(factor),
)  # fmt: skip


@reference
def sum_to_size(input: Array, size: Sequence[int]) -> Array:
    extra = input.ndim - len(size)
    result = input.sum(tuple(range(extra)))
    kept = tuple(i for i, s in enumerate(size) if s == 1)
    return result.sum(kept, keepdims=True)


@reference
def squeeze(input: Array, dim: Any) -> Array:
    gone = [d for d in axes(dim, input.ndim) if input.shape[d] == 1]
    return np.squeeze(input, tuple(gone))


@reference
def slice__(input: Array, dim: int, start: int, end: int, step: int) -> Array:
    return np.take(input, range(start, end, step), dim)


@reference
def split_with_sizes(input: Array, split_sizes: Sequence[int], dim: int) -> tuple[Array, ...]:
    return tuple(np.split(input, np.cumsum(split_sizes)[:-1], dim))


@reference
def unfold(input: Array, dimension: int, size: int, step: int) -> Array:
    dimension %= input.ndim
    windows = np.lib.stride_tricks.sliding_window_view(input, size, dimension)
    return np.take(windows, range(0, windows.shape[dimension], step), dimension)


def places(size: Sequence[int], stride: Sequence[int], offset: int) -> Array:
    """The positions in memory that a geometry shows."""
    result = np.full(tuple(size), offset)
    for i, (n, s) in enumerate(zip(size, stride, strict=True)):
        result += (np.arange(n) * s).reshape([-1 if j == i else 1 for j in range(len(size))])
    return result


@reference
def as_strided(input: Array, size: Any, stride: Any, storage_offset: int | None) -> Array:
    return input.reshape(-1)[places(size, stride, storage_offset or 0)]


def _memory(input: Array, base: Array, view: Array) -> Array:
    memory = np.zeros(max(base.max(initial=0), view.max(initial=0)) + 1, dtype=input.dtype)
    return memory


@reference
def _as_strided_scatter(input: Array, base_size: Any, base_stride: Any, base_offset: int,
                        size: Any, stride: Any, offset: int) -> Array:  # fmt: skip
    base, view = places(base_size, base_stride, base_offset), places(size, stride, offset)
    memory = _memory(input, base, view)
    np.add.at(memory, view, input)
    return memory[base]


@reference
def _as_strided_gather(input: Array, base_size: Any, base_stride: Any, base_offset: int,
                       size: Any, stride: Any, offset: int) -> Array:  # fmt: skip
    base, view = places(base_size, base_stride, base_offset), places(size, stride, offset)
    memory = _memory(input, base, view)
    memory[base] = input
    return memory[view]


REFERENCES["_as_strided"] = _as_strided_gather


@reference
def _as_strided_replace(input: Array, part: Array, base_size: Any, base_stride: Any,
                        base_offset: int, size: Any, stride: Any, offset: int) -> Array:  # fmt: skip
    base, view = places(base_size, base_stride, base_offset), places(size, stride, offset)
    memory = _memory(input, base, view)
    memory[base] = input
    memory[view] = part
    return memory[base]


# ---- adjoints of views, shapes ------------------------------------------------------------------


def _placed(input: Array, size: Sequence[int], where: Any) -> Array:
    result = np.zeros(tuple(size), dtype=input.dtype)
    np.add.at(result, where, input)
    return result


def _along(dim: int, ndim: int, index: Any) -> tuple[Any, ...]:
    return tuple(index if i == dim % ndim else slice(None) for i in range(ndim))


@reference
def _select_backward(input: Array, size: Any, dim: int, index: int) -> Array:
    return _placed(input, size, _along(dim, len(size), index))


@reference
def _slice_backward(input: Array, size: Any, dim: int, start: int, end: int, step: int) -> Array:
    return _placed(input, size, _along(dim, len(size), slice(start, end, step)))


@reference
def _narrow_backward(input: Array, size: Any, dim: int, start: int, length: int) -> Array:
    return _placed(input, size, _along(dim, len(size), slice(start, start + length)))


@reference
def _diagonal_backward(input: Array, size: Any, offset: int, dim1: int, dim2: int) -> Array:
    numbers = np.arange(math.prod(size)).reshape(size)
    flat = _placed(input, [math.prod(size)], np.diagonal(numbers, offset, dim1, dim2))
    return flat.reshape(size)


@reference
def _unfold_backward(input: Array, size: Any, dimension: int, window: int, step: int) -> Array:
    numbers = unfold(np.arange(math.prod(size)).reshape(size), dimension, window, step)
    return _placed(input, [math.prod(size)], numbers).reshape(size)


@reference
def _expand_reduced(input: Array, size: Any, dim: Any, keepdim: bool) -> Array:
    gone = axes(dim, len(size))
    if not keepdim:
        input = np.expand_dims(input, gone) if gone else input
    return np.broadcast_to(input, size)


@reference
def _cat_backward(input: Array, sizes: Any, dim: int) -> tuple[Array, ...]:
    return tuple(np.split(input, np.cumsum(sizes)[:-1], dim))


@reference
def _pad_constant(input: Array, pad: Sequence[int], value: Any) -> Array:
    for i in range(len(pad) // 2):
        dim, (before, after) = input.ndim - 1 - i, pad[2 * i : 2 * i + 2]
        widths = [(0, 0)] * input.ndim
        widths[dim] = (max(before, 0), max(after, 0))
        input = np.pad(input, widths, constant_values=value)
        last = input.shape[dim] - max(-after, 0)
        input = np.take(input, range(max(-before, 0), last), dim)
    return input


@reference
def nonzero(input: Array) -> Array:
    return np.argwhere(input)


def _places_of(indices: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(slice(None) if i is None else i for i in indices)


@reference
def index(input: Array, indices: Any) -> Array:
    return input[_places_of(indices)]


@reference
def _index_backward(input: Array, size: Any, indices: Any) -> Array:
    return _placed(input, size, _places_of(indices))


@reference
def index_put(input: Array, indices: Any, values: Array, accumulate: bool) -> Array:
    result = input.copy()
    if accumulate:
        np.add.at(result, _places_of(indices), values)
    else:
        result[_places_of(indices)] = values
    return result


# ---- gather and scatter -------------------------------------------------------------------------


def _grid(dim: int, index: Array) -> tuple[Array, ...]:
    grid = list(np.indices(index.shape))
    grid[dim % index.ndim] = index
    return tuple(grid)


def _head(src: Any, index: Array) -> Any:
    """The part of `src` that an index of fewer elements reads."""
    return src[tuple(slice(n) for n in index.shape)] if isinstance(src, np.ndarray) else src


@reference
def gather(input: Array, dim: int, index: Array, sparse_grad: bool = False) -> Array:
    return input[_grid(dim, index)]


@reference
def _gather_backward(input: Array, size: Any, dim: int, index: Array) -> Array:
    return _placed(input, size, _grid(dim, index))


@reference
def scatter(input: Array, dim: int, index: Array, src: Any) -> Array:
    result = input.copy()
    result[_grid(dim, index)] = _head(src, index)
    return result


@reference
def scatter_add(input: Array, dim: int, index: Array, src: Array) -> Array:
    result = input.copy()
    np.add.at(result, _grid(dim, index), _head(src, index))
    return result


@reference
def scatter_reduce(input: Array, dim: int, index: Array, src: Array, reduce: str,
                   include_self: bool) -> Array:  # fmt: skip
    groups: dict[tuple[int, ...], list[Any]] = {}
    for place in np.ndindex(index.shape):
        target = list(place)
        target[dim % index.ndim] = int(index[place])
        groups.setdefault(tuple(target), []).append(src[place])
    combine = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}
    result = input.copy()
    for target, values in groups.items():
        own = [input[target]] if include_self else []
        result[target] = combine[reduce](own + values)
    return result


@reference
def index_add(input: Array, dim: int, index: Array, source: Array, alpha: Any) -> Array:
    result = input.copy()
    np.add.at(result, _along(dim, input.ndim, index), alpha * source)
    return result


@reference
def _index_select_backward(input: Array, size: Any, dim: int, index: Array) -> Array:
    return _placed(input, size, _along(dim, len(size), index))


@reference
def index_copy(input: Array, dim: int, index: Array, source: Array) -> Array:
    result = input.copy()
    result[_along(dim, input.ndim, index)] = source
    return result


@reference
def index_fill(input: Array, dim: int, index: Array, value: Any) -> Array:
    result = input.copy()
    result[_along(dim, input.ndim, index)] = value
    return result


@reference
def _index_kept(input: Array, dim: int, index: Array) -> Array:
    result = np.zeros_like(input)
    where = _along(dim, input.ndim, index)
    result[where] = input[where]
    return result


@reference
def _grown(input: Array, size: Any) -> Array:
    return np.pad(input, [(0, max(n - s, 0)) for n, s in zip(size, input.shape, strict=True)])


def _first(input: Array, size: Any) -> Array:
    return input[tuple(slice(n) for n in size)]


offered(_shrunk=_first, _cropped=_first)


@reference
def _take_backward(input: Array, size: Any, index: Array) -> Array:
    return _placed(input, [math.prod(size)], index).reshape(size)


@reference
def put(input: Array, index: Array, source: Array, accumulate: bool) -> Array:
    flat = input.reshape(-1).copy()
    if accumulate:
        np.add.at(flat, index.reshape(-1), source.reshape(-1))
    else:
        flat[index.reshape(-1)] = source.reshape(-1)
    return flat.reshape(input.shape)


@reference
def masked_scatter(input: Array, mask: Array, source: Array) -> Array:
    result, where = (np.array(a) for a in np.broadcast_arrays(input, mask))
    result[where] = source.reshape(-1)[: int(where.sum())]
    return result


@reference
def _masked_scatter_backward(input: Array, mask: Array, size: Any) -> Array:
    result = np.zeros(math.prod(size), dtype=input.dtype)
    chosen = input[np.broadcast_to(mask, input.shape)]
    result[: chosen.size] = chosen
    return result.reshape(size)


@reference
def _embedding_backward(input: Array, size: Any, index: Array, padding_idx: int | None,
                        scale_grad_by_freq: bool) -> Array:  # fmt: skip
    return _placed(_weighted_rows(input, index, padding_idx, scale_grad_by_freq), size, index)


def _weighted_rows(rows: Array, index: Array, padding_idx: int | None, scale: bool) -> Array:
    weight = np.ones(index.shape)
    if padding_idx is not None:
        weight[index == padding_idx] = 0
    if scale:
        weight = weight / np.bincount(index.reshape(-1))[index]
    return rows * weight[..., None]


@reference
def _embedding_rows(input: Array, index: Array, padding_idx: int | None,
                    scale_grad_by_freq: bool) -> Array:  # fmt: skip
    return _weighted_rows(input[index], index, padding_idx, scale_grad_by_freq)


@reference
def _one_hot(input: Array, num_classes: int) -> Array:
    return np.eye(num_classes, dtype=np.int64)[input]


@reference
def _repeat_interleave_index(repeats: Array) -> Array:
    return np.repeat(np.arange(repeats.size), repeats)


# ---- reductions, scans, order -------------------------------------------------------------------


@reference
def sum__(input: Array, dim: Any, keepdim: bool, dtype: Any) -> Array:
    return np.sum(input, axes(dim, input.ndim), keepdims=keepdim)


@reference
def mean(input: Array, dim: Any, keepdim: bool, dtype: Any) -> Array:
    return np.mean(input, axes(dim, input.ndim), keepdims=keepdim)


@reference
def any__(input: Array, dim: Any, keepdim: bool) -> Array:
    return np.any(input, axes(dim, input.ndim), keepdims=keepdim)


@reference
def all__(input: Array, dim: Any, keepdim: bool) -> Array:
    return np.all(input, axes(dim, input.ndim), keepdims=keepdim)


@reference
def count_nonzero(input: Array, dim: Any) -> Array:
    return np.count_nonzero(input, axes(dim, input.ndim))


@reference
def logsumexp(input: Array, dim: Any, keepdim: bool) -> Array:
    return scipy.special.logsumexp(input, axes(dim, input.ndim), keepdims=keepdim)


@reference
def var(input: Array, dim: Any, correction: float, keepdim: bool) -> Array:
    return np.var(input, axes(dim, input.ndim), ddof=correction, keepdims=keepdim)


@reference
def _norm(input: Array, p: float, dim: Any, keepdim: bool) -> Array:
    along = axes(dim, input.ndim)
    size = np.abs(input)
    if p == 0:
        return np.sum(size != 0, along, keepdims=keepdim).astype(size.dtype)
    if math.isinf(p):
        return (np.max if p > 0 else np.min)(size, along, keepdims=keepdim)
    return np.sum(size**p, along, keepdims=keepdim) ** (1 / p)


def _picked(input: Array, dim: int, keepdim: bool, at: Array) -> tuple[Array, Array]:
    at = np.expand_dims(at, dim)
    values = np.take_along_axis(input, at, dim)
    return (values, at) if keepdim else (values.squeeze(dim), at.squeeze(dim))


offered(
    _max_dim=lambda input, dim, keepdim: _picked(input, dim, keepdim, np.argmax(input, dim)),
    _min_dim=lambda input, dim, keepdim: _picked(input, dim, keepdim, np.argmin(input, dim)),
)


@reference
def kthvalue(input: Array, k: int, dim: int, keepdim: bool) -> tuple[Array, Array]:
    order = np.argsort(input, dim, kind="stable")
    return _picked(input, dim, keepdim, np.take(order, k - 1, dim))


@reference
def _median(input: Array, dim: int, keepdim: bool, ignore_nan: bool) -> tuple[Array, Array]:
    return kthvalue(input, (input.shape[dim] + 1) // 2, dim, keepdim)


@reference
def sort(input: Array, dim: int, descending: bool, stable: bool) -> tuple[Array, Array]:
    order = np.argsort(-input if descending else input, dim, kind="stable")
    return np.take_along_axis(input, order, dim), order


@reference
def topk(input: Array, k: int, dim: int, largest: bool, sorted: bool) -> tuple[Array, Array]:
    order = np.take(np.argsort(-input if largest else input, dim, kind="stable"), range(k), dim)
    return np.take_along_axis(input, order, dim), order


@reference
def _cumsum_reversed(input: Array, dim: int) -> Array:
    return np.flip(np.cumsum(np.flip(input, dim), dim), dim)


def _running(input: Array, dim: int, better: Callable[[Any, Any], Any]) -> tuple[Array, Array]:
    values, at = np.moveaxis(input, dim, 0).copy(), np.zeros(input.shape, dtype=np.int64)
    at = np.moveaxis(at, dim, 0)
    for i in range(1, values.shape[0]):
        new = better(values[i], values[i - 1])
        values[i] = np.where(new, values[i], values[i - 1])
        at[i] = np.where(new, i, at[i - 1])
    return np.moveaxis(values, 0, dim), np.moveaxis(at, 0, dim)


offered(
    cummax=lambda input, dim: _running(input, dim, np.greater_equal),
    cummin=lambda input, dim: _running(input, dim, np.less_equal),
)


@reference
def _recurrence(coefficient: Array, input: Array, dim: int, reverse: bool) -> Array:
    if reverse:
        turned = _recurrence(np.flip(coefficient, dim), np.flip(input, dim), dim, False)
        return np.flip(turned, dim)
    factors, result = np.moveaxis(coefficient, dim, 0), np.moveaxis(input, dim, 0).copy()
    for i in range(1, result.shape[0]):
        result[i] += factors[i] * result[i - 1]
    return np.moveaxis(result, 0, dim)


@reference
def _shift(input: Array, dim: int, steps: int, fill_value: Any) -> Array:
    result = np.roll(input, steps, dim)
    result[_along(dim, input.ndim, 0 if steps > 0 else -1)] = fill_value
    return result


@reference
def searchsorted(sorted_sequence: Array, input: Any, out_int32: bool, right: bool,
                 side: str | None, sorter: Array | None) -> Array:  # fmt: skip
    return np.searchsorted(sorted_sequence, input, side or ("right" if right else "left"), sorter)


@reference
def bincount(input: Array, weights: Array | None, minlength: int) -> Array:
    return np.bincount(input, weights, minlength)


@reference
def histc(input: Array, bins: int, min: float, max: float) -> Array:
    limits = None if min == max else (min, max)
    return np.histogram(input, bins, limits)[0]


@reference
def _histc_rows(input: Array, bins: int, min: float, max: float) -> Array:
    return np.apply_along_axis(lambda row: histc(row, bins, min, max), -1, input)


def _unique_parts(values: Array, first: Array, inverse: bool, counts: bool,
                  where: Array, amounts: Array) -> tuple[Array, ...]:  # fmt: skip
    empty = np.zeros(0, dtype=np.int64)
    return values, where if inverse else empty, amounts if counts else empty


@reference
def _unique(input: Array, sorted: bool, return_inverse: bool, return_counts: bool) -> Any:
    values, first, where, amounts = np.unique(input, True, True, True)
    where = where.reshape(input.shape)
    return _unique_parts(values, first, return_inverse, return_counts, where, amounts)


def _runs(equal: Sequence[bool]) -> tuple[list[int], list[int]]:
    """Where runs start, and the number of each element's run."""
    starts = [i for i, same in enumerate(equal) if not same]
    return starts, list(np.cumsum([not same for same in equal]) - 1)


@reference
def _unique_consecutive(input: Array, return_inverse: bool, return_counts: bool) -> Any:
    flat = input.reshape(-1)
    starts, where = _runs([i > 0 and flat[i] == flat[i - 1] for i in range(flat.size)])
    amounts = np.diff([*starts, flat.size])
    inverse = np.array(where).reshape(input.shape)
    return _unique_parts(flat[starts], flat, return_inverse, return_counts, inverse, amounts)


@reference
def _unique_slices(input: Array, dim: int, consecutive: bool, return_inverse: bool,
                   return_counts: bool) -> Any:  # fmt: skip
    if not consecutive:
        values, first, where, amounts = np.unique(input, True, True, True, axis=dim)
        where = where.reshape(-1)
        return _unique_parts(values, first, return_inverse, return_counts, where, amounts)
    rows = np.moveaxis(input, dim, 0)
    starts, numbers = _runs([i > 0 and bool(np.array_equal(rows[i], rows[i - 1]))
                             for i in range(len(rows))])  # fmt: skip
    amounts = np.diff([*starts, len(rows)])
    values = np.moveaxis(rows[starts], 0, dim)
    return _unique_parts(values, rows, return_inverse, return_counts, np.array(numbers), amounts)
