"""NumPy references of the operators whose entry names none: slow, short and independent.

A function has the name and the parameters of the operator; it gets arrays in double precision and
plain values, defaults included. Several results are a tuple.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special

Array = np.ndarray
REFERENCES: dict[str, Callable[..., Any]] = {}


def reference(function: Callable[..., Any]) -> Callable[..., Any]:
    REFERENCES[function.__name__.removesuffix("__")] = function
    return function


def offered(**functions: Callable[..., Any]) -> None:
    REFERENCES.update(functions)


def axes(dim: Any, ndim: int) -> tuple[int, ...]:
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return tuple(range(ndim))
    return tuple(d % max(ndim, 1) for d in ([dim] if isinstance(dim, int) else dim))


# ---- copies, creation, views --------------------------------------------------------------------

offered(
    clone=lambda input, memory_format: input,
    detach=lambda input: input,
    detach_=lambda input: input,
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
    windows = np.lib.stride_tricks.sliding_window_view(input, size, dimension)
    return np.take(windows, range(0, windows.shape[dimension], step), dimension % input.ndim)


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


# ---- convolution and pooling --------------------------------------------------------------------


def _taps(shape: Sequence[int], kernel: Sequence[int], stride: Sequence[int],
          padding: Sequence[int], dilation: Sequence[int]) -> Any:  # fmt: skip
    """For every place of the kernel: the strided part of the padded image that it meets."""
    sizes = [(n + 2 * p - d * (k - 1) - 1) // s + 1
             for n, k, s, p, d in zip(shape, kernel, stride, padding, dilation, strict=True)]  # fmt: skip
    for place in np.ndindex(*kernel):
        yield place, tuple(slice(i * d, i * d + (o - 1) * s + 1, s)
                           for i, d, o, s in zip(place, dilation, sizes, stride, strict=True))  # fmt: skip


def _grouped(groups: int, *channels: int) -> Any:
    for g in range(groups):
        yield tuple(slice(g * c // groups, (g + 1) * c // groups) for c in channels)


def _padded(input: Array, padding: Sequence[int]) -> Array:
    return np.pad(input, [(0, 0), (0, 0), *((p, p) for p in padding)])


@reference
def _convolution(input: Array, weight: Array, bias: Array | None, stride: Any, padding: Any,
                 dilation: Any, groups: int) -> Array:  # fmt: skip
    image, result = _padded(input, padding), None
    for place, part in _taps(input.shape[2:], weight.shape[2:], stride, padding, dilation):
        seen = image[(slice(None), slice(None), *part)]
        if result is None:
            result = np.zeros((input.shape[0], weight.shape[0], *seen.shape[2:]), dtype=seen.dtype)
        for i, o in _grouped(groups, input.shape[1], weight.shape[0]):
            result[:, o] += np.einsum("nc...,oc->no...", seen[:, i], weight[(o, slice(None), *place)])
    assert result is not None
    return result if bias is None else result + bias.reshape(-1, *[1] * (input.ndim - 2))


@reference
def _convolution_input(input: Array, weight: Array, bias: Array | None, size: Any, stride: Any,
                       padding: Any, dilation: Any, groups: int) -> Array:  # fmt: skip
    image = _padded(np.zeros(size, dtype=input.dtype), padding)
    for place, part in _taps(size[2:], weight.shape[2:], stride, padding, dilation):
        target = image[(slice(None), slice(None), *part)]
        for i, o in _grouped(groups, size[1], weight.shape[0]):
            target[:, i] += np.einsum("no...,oc->nc...", input[:, o],
                                      weight[(o, slice(None), *place)])  # fmt: skip
    result = image[(slice(None), slice(None),
                    *(slice(p, p + n) for p, n in zip(padding, size[2:], strict=True)))]  # fmt: skip
    return result if bias is None else result + bias.reshape(-1, *[1] * (input.ndim - 2))


@reference
def _convolution_weight(input: Array, grad_output: Array, size: Any, stride: Any, padding: Any,
                        dilation: Any, groups: int) -> Array:  # fmt: skip
    image, result = _padded(input, padding), np.zeros(size, dtype=input.dtype)
    for place, part in _taps(input.shape[2:], size[2:], stride, padding, dilation):
        seen = image[(slice(None), slice(None), *part)]
        for i, o in _grouped(groups, input.shape[1], size[0]):
            result[(o, slice(None), *place)] = np.einsum("nc...,no...->oc", seen[:, i],
                                                         grad_output[:, o])  # fmt: skip
    return result


@reference
def _convolution_parameters(input: Array, grad_output: Array, size: Any, stride: Any, padding: Any,
                            dilation: Any, groups: int, with_bias: bool) -> Any:  # fmt: skip
    weight = _convolution_weight(input, grad_output, size, stride, padding, dilation, groups)
    bias = _channel_sum(grad_output)
    return weight, bias if with_bias else np.zeros_like(bias)


@reference
def _channel_sum(input: Array) -> Array:
    return input.sum((0, *range(2, input.ndim)))


def _many(value: Any, count: int) -> list[int]:
    if isinstance(value, int):
        return [value] * count
    return list(value) * count if len(value) == 1 else list(value)


@reference
def convolution(input: Array, weight: Array, bias: Array | None, stride: Any, padding: Any,
                dilation: Any, transposed: bool, output_padding: Any, groups: int) -> Array:  # fmt: skip
    n = weight.ndim - 2
    stride, padding, dilation = (_many(v, n) for v in (stride, padding, dilation))
    batched = input if input.ndim == n + 2 else input[None]
    if transposed:
        extra = _many(output_padding, n)
        spatial = [(i - 1) * s - 2 * p + d * (k - 1) + o + 1 for i, s, p, d, k, o in zip(
            batched.shape[2:], stride, padding, dilation, weight.shape[2:], extra, strict=True)]  # fmt: skip
        size = [batched.shape[0], weight.shape[1] * groups, *spatial]
        result = _convolution_input(batched, weight, bias, size, stride, padding, dilation, groups)
    else:
        result = _convolution(batched, weight, bias, stride, padding, dilation, groups)
    return result if batched is input else result[0]


def _plain(input: Array, weight: Array, bias: Any, stride: Any, padding: Any, dilation: Any,
           groups: int) -> Array:  # fmt: skip
    return convolution(input, weight, bias, stride, padding, dilation, False, [0], groups)


def _turned(input: Array, weight: Array, bias: Any, stride: Any, padding: Any,
            output_padding: Any, groups: int, dilation: Any) -> Array:  # fmt: skip
    return convolution(input, weight, bias, stride, padding, dilation, True, output_padding, groups)


for n in "123":
    REFERENCES[f"conv{n}d"], REFERENCES[f"conv_transpose{n}d"] = _plain, _turned


def _pooled(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-span // stride) if ceil else span // stride) + 1
    return count - 1 if ceil and (count - 1) * stride >= size + padding else count


def _windows(shape: Sequence[int], kernel: Any, stride: Any, padding: Any, dilation: Any,
             ceil: bool) -> Any:  # fmt: skip
    """(place of the result, coordinates inside the image, room of the window with its margins)."""
    n = len(shape)
    kernel, padding, dilation = (_many(v, n) for v in (kernel, padding, dilation))
    stride = kernel if not stride else _many(stride, n)
    sizes = [_pooled(*args, ceil) for args in zip(shape, kernel, stride, padding, dilation,
                                                  strict=True)]  # fmt: skip
    for place in np.ndindex(*sizes):
        starts = [o * s - p for o, s, p in zip(place, stride, padding, strict=True)]
        lines = [[a + i * d for i in range(k) if 0 <= a + i * d < m]
                 for a, k, d, m in zip(starts, kernel, dilation, shape, strict=True)]  # fmt: skip
        room = math.prod(min(a + k, m + p) - a
                         for a, k, m, p in zip(starts, kernel, shape, padding, strict=True))  # fmt: skip
        yield sizes, place, list(itertools.product(*lines)), room


def _adaptive(shape: Sequence[int], output_size: Any) -> Any:
    output = [m if o is None else o
              for o, m in zip(_many(output_size, len(shape)), shape, strict=True)]  # fmt: skip
    for place in np.ndindex(*output):
        lines = [range(o * m // k, -(-(o + 1) * m // k))
                 for o, m, k in zip(place, shape, output, strict=True)]  # fmt: skip
        cells = list(itertools.product(*lines))
        yield output, place, cells, len(cells)


def _maxima(input: Array, dimensions: int, windows: Any) -> tuple[Array, Array]:
    shape = input.shape[input.ndim - dimensions :]
    values = at = None
    for sizes, place, cells, _ in windows:
        if values is None:
            values = np.zeros((*input.shape[: input.ndim - dimensions], *sizes))
            at = np.zeros(values.shape, dtype=np.int64)
        seen = np.stack([input[(..., *cell)] for cell in cells])
        best = np.argmax(seen, 0)
        numbers = np.array([np.ravel_multi_index(cell, shape) for cell in cells])
        values[(..., *place)] = np.max(seen, 0)
        at[(..., *place)] = numbers[best]
    assert values is not None and at is not None
    return values, at


def _means(input: Array, dimensions: int, windows: Any, divisor: Callable[[int, int], float]) -> Array:
    result = None
    for sizes, place, cells, room in windows:
        if result is None:
            result = np.zeros((*input.shape[: input.ndim - dimensions], *sizes))
        total = sum((input[(..., *cell)] for cell in cells), np.zeros(()))
        result[(..., *place)] = total / divisor(len(cells), room)
    assert result is not None
    return result


@reference
def _max_pool(input: Array, dimensions: int, kernel_size: Any, stride: Any, padding: Any,
              dilation: Any, ceil_mode: bool) -> Any:  # fmt: skip
    shape = input.shape[input.ndim - dimensions :]
    windows = _windows(shape, kernel_size, stride, padding, dilation, ceil_mode)
    return _maxima(input, dimensions, windows)


@reference
def _adaptive_max_pool(input: Array, dimensions: int, output_size: Any) -> Any:
    windows = _adaptive(input.shape[input.ndim - dimensions :], output_size)
    return _maxima(input, dimensions, windows)


@reference
def _avg_pool(input: Array, dimensions: int, kernel_size: Any, stride: Any, padding: Any,
              ceil_mode: bool, count_include_pad: bool,
              divisor_override: int | None = None) -> Array:  # fmt: skip
    shape = input.shape[input.ndim - dimensions :]
    windows = _windows(shape, kernel_size, stride, padding, [1], ceil_mode)
    return _means(input, dimensions, windows, lambda cells, room: divisor_override
                  or (room if count_include_pad else cells))  # fmt: skip


@reference
def _adaptive_avg_pool(input: Array, dimensions: int, output_size: Any) -> Array:
    windows = _adaptive(input.shape[input.ndim - dimensions :], output_size)
    return _means(input, dimensions, windows, lambda cells, room: cells)


def _adjoint(operator: Callable[[Array], Array], input: Array, size: Any) -> Array:
    """The transpose of a linear operator, one unit vector after another."""
    result = np.zeros(math.prod(size))
    for i in range(result.size):
        unit = np.zeros(result.size)
        unit[i] = 1
        result[i] = np.sum(operator(unit.reshape(size)) * input)
    return result.reshape(size)


@reference
def _avg_pool_backward(input: Array, size: Any, dimensions: int, **window: Any) -> Array:
    return _adjoint(lambda x: _avg_pool(x, dimensions, **window), input, size)


@reference
def _adaptive_avg_pool_backward(input: Array, size: Any, dimensions: int) -> Array:
    output = input.shape[input.ndim - dimensions :]
    return _adjoint(lambda x: _adaptive_avg_pool(x, dimensions, output), input, size)


@reference
def _adaptive_avg_pool_like(input: Array, dimensions: int, size: Any) -> Array:
    return _adaptive_avg_pool(input, dimensions, list(size)[len(size) - dimensions :])


@reference
def _max_pool_gather(input: Array, indices: Array, dimensions: int) -> Array:
    lead = input.shape[: input.ndim - dimensions]
    picked = np.take_along_axis(input.reshape(*lead, -1), indices.reshape(*lead, -1), -1)
    return picked.reshape(indices.shape)


@reference
def _max_pool_backward(input: Array, indices: Array, size: Any, dimensions: int) -> Array:
    lead = tuple(size[: len(size) - dimensions])
    rows = math.prod(lead)
    planes = np.zeros((rows, math.prod(size) // rows))
    for row, at, value in zip(planes, indices.reshape(rows, -1), input.reshape(rows, -1),
                              strict=True):  # fmt: skip
        np.add.at(row, at, value)
    return planes.reshape(size)


def _pool(dimensions: int) -> None:
    def maxima(input: Array, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
               ceil_mode: bool) -> Any:  # fmt: skip
        return _max_pool(input, dimensions, kernel_size, stride, padding, dilation, ceil_mode)

    prefix, suffix = "max_pool", f"{dimensions}d"
    REFERENCES[f"{prefix}{suffix}_with_indices"] = maxima
    REFERENCES[f"{prefix}{suffix}"] = lambda **values: maxima(**values)[0]
    REFERENCES[f"avg_pool{suffix}"] = lambda input, **v: _avg_pool(input, dimensions, **v)
    REFERENCES[f"adaptive_avg_pool{suffix}"] = (
        lambda input, output_size: _adaptive_avg_pool(input, dimensions, output_size))
    REFERENCES[f"adaptive_max_pool{suffix}"] = (
        lambda input, output_size: _adaptive_max_pool(input, dimensions, output_size))


for count in (1, 2, 3):
    _pool(count)


# ---- normalisation, softmax, losses -------------------------------------------------------------


def _channels(value: Array | None, ndim: int, default: float) -> Any:
    return default if value is None else value.reshape(-1, *[1] * (ndim - 2))


def _batch_statistics(input: Array) -> tuple[Array, Array]:
    over = (0, *range(2, input.ndim))
    return input.mean(over), input.var(over)


@reference
def batch_norm(input: Array, running_mean: Any, running_var: Any, weight: Any, bias: Any,
               training: bool, momentum: float, eps: float) -> Array:  # fmt: skip
    mean, spread = _batch_statistics(input) if training else (running_mean, running_var)
    n = input.ndim
    normal = (input - _channels(mean, n, 0)) / np.sqrt(_channels(spread, n, 0) + eps)
    return normal * _channels(weight, n, 1) + _channels(bias, n, 0)


@reference
def _batch_norm(input: Array, weight: Any, bias: Any, running_mean: Any, running_var: Any,
                training: bool, momentum: float, eps: float) -> Any:  # fmt: skip
    mean, spread = _batch_statistics(input) if training else (running_mean, running_var)
    y = batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    return y, mean, 1 / np.sqrt(spread + eps)


def _normal_vjp(grad: Array, normal: Array, weight: Any, rstd: Any, over: tuple[int, ...],
                statistics: bool, centered: bool = True) -> Array:  # fmt: skip
    g = grad * weight
    if not statistics:
        return g * rstd
    inner = np.mean(g * normal, over, keepdims=True)
    middle = np.mean(g, over, keepdims=True) if centered else 0
    return rstd * (g - middle - normal * inner)


@reference
def _batch_norm_vjp(grad: Array, input: Array, weight: Any, mean: Array, rstd: Array,
                    training: bool, eps: float, want_input: bool, want_weight: bool,
                    want_bias: bool) -> Any:  # fmt: skip
    n, over = input.ndim, (0, *range(2, input.ndim))
    scale = _channels(rstd, n, 1)
    normal = (input - _channels(mean, n, 0)) * scale
    dx = _normal_vjp(grad, normal, _channels(weight, n, 1), scale, over, training)
    return dx, np.sum(grad * normal, over), np.sum(grad, over)


def _row_statistics(input: Array, dims: int, centered: bool, eps: float) -> tuple[Array, Array]:
    over = tuple(range(input.ndim - dims, input.ndim))
    mean = input.mean(over, keepdims=True) if centered else np.zeros(())
    return mean, 1 / np.sqrt(np.mean((input - mean) ** 2, over, keepdims=True) + eps)


@reference
def _row_norm(input: Array, weight: Any, bias: Any, dims: int, centered: bool, eps: float) -> Any:
    mean, rstd = _row_statistics(input, dims, centered, eps)
    y = (input - mean) * rstd
    y = y if weight is None else y * weight
    lead = input.shape[: input.ndim - dims]
    return (y if bias is None else y + bias,
            mean.reshape(lead) if centered else np.zeros(0), rstd.reshape(lead))  # fmt: skip


@reference
def _row_norm_vjp(grad: Array, input: Array, weight: Any, mean: Array, rstd: Array, dims: int,
                  centered: bool, eps: float, want_input: bool, want_weight: bool,
                  want_bias: bool) -> Any:  # fmt: skip
    lead = input.shape[: input.ndim - dims]
    over, rows = tuple(range(input.ndim - dims, input.ndim)), tuple(range(input.ndim - dims))
    scale = rstd.reshape(*lead, *[1] * dims)
    middle = mean.reshape(*lead, *[1] * dims) if centered else 0
    normal = (input - middle) * scale
    factor = 1 if weight is None else weight
    dx = _normal_vjp(grad, normal, factor, scale, over, True, centered)
    return dx, np.sum(grad * normal, rows), np.sum(grad, rows)


@reference
def layer_norm(input: Array, normalized_shape: Any, weight: Any, bias: Any, eps: float,
               cudnn_enable: bool) -> Array:  # fmt: skip
    return _row_norm(input, weight, bias, len(normalized_shape), True, eps)[0]


@reference
def rms_norm(input: Array, normalized_shape: Any, weight: Any, eps: float | None) -> Array:
    eps = 2.0**-52 if eps is None else eps
    return _row_norm(input, weight, None, len(normalized_shape), False, eps)[0]


@reference
def group_norm(input: Array, num_groups: int, weight: Any, bias: Any, eps: float,
               cudnn_enabled: bool) -> Array:  # fmt: skip
    grouped = input.reshape(input.shape[0], num_groups, -1)
    normal = _row_norm(grouped, None, None, 1, True, eps)[0].reshape(input.shape)
    return normal * _channels(weight, input.ndim, 1) + _channels(bias, input.ndim, 0)


@reference
def instance_norm(input: Array, weight: Any, bias: Any, running_mean: Any, running_var: Any,
                  use_input_stats: bool, momentum: float, eps: float,
                  cudnn_enabled: bool) -> Array:  # fmt: skip
    if use_input_stats:
        return group_norm(input, input.shape[1], weight, bias, eps, True)
    return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)


@reference
def _softmax_vjp(grad: Array, output: Array, dim: int) -> Array:
    return output * (grad - np.sum(grad * output, dim, keepdims=True))


@reference
def _log_softmax_vjp(grad: Array, output: Array, dim: int) -> Array:
    return grad - np.exp(output) * np.sum(grad, dim, keepdims=True)


def _reduced(losses: Array, total: Any, reduction: str) -> Array:
    if reduction == "none":
        return losses
    return np.sum(losses) if reduction == "sum" else np.sum(losses) / total


def _distribution(input: Array, target: Array, smoothing: float) -> Array:
    """The classes as rows of probabilities, in dimension 1 (0 of a vector)."""
    dim = min(1, input.ndim - 1)
    count = input.shape[dim]
    if target.shape == input.shape:
        rows = target
    else:
        rows = np.moveaxis(np.eye(count)[target], -1, dim)
    return rows * (1 - smoothing) + smoothing / count


@reference
def cross_entropy(input: Array, target: Array, weight: Any, ignore_index: int, reduction: str,
                  label_smoothing: float) -> Array:  # fmt: skip
    dim = min(1, input.ndim - 1)
    logits = scipy.special.log_softmax(input, dim)
    shape = [-1 if i == dim else 1 for i in range(input.ndim)]
    weights = np.ones(input.shape[dim]) if weight is None else weight
    rows = _distribution(input, target, label_smoothing)
    losses = -np.sum(rows * logits * weights.reshape(shape), dim)
    by_class = target.shape != input.shape
    total = np.sum(weights[target]) if by_class else losses.size
    return _reduced(losses, total, reduction)


@reference
def _cross_entropy(input: Array, target: Array, weight: Any, ignore_index: int, reduction: str,
                   label_smoothing: float) -> Any:  # fmt: skip
    weights = np.ones(input.shape[1]) if weight is None else weight
    loss = cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)
    return loss, scipy.special.logsumexp(input, 1), np.sum(weights[target])


@reference
def nll_loss(input: Array, target: Array, weight: Any, ignore_index: int, reduction: str) -> Array:
    dim = min(1, input.ndim - 1)
    weights = np.ones(input.shape[dim]) if weight is None else weight
    picked = np.take_along_axis(input, np.expand_dims(target, dim), dim).squeeze(dim)
    return _reduced(-picked * weights[target], np.sum(weights[target]), reduction)


@reference
def _nll_loss(input: Array, target: Array, weight: Any, ignore_index: int, reduction: str) -> Any:
    weights = np.ones(input.shape[1]) if weight is None else weight
    return (nll_loss(input, target, weight, ignore_index, reduction), np.sum(weights[target]))


@reference
def _nll_loss_vjp(grad: Array, target: Array, weight: Any, total_weight: Array, size: Any,
                  ignore_index: int, reduction: str) -> Array:  # fmt: skip
    weights = np.ones(size[1]) if weight is None else weight
    rows = np.moveaxis(np.eye(size[1])[target], -1, 1) * _channels(weights, len(size), 1)
    scale = np.expand_dims(grad, 1) if grad.ndim else grad
    return -rows * scale / (total_weight if reduction == "mean" else 1)


@reference
def mse_loss(input: Array, target: Array, reduction: str) -> Array:
    losses = (input - target) ** 2
    return _reduced(losses, losses.size, reduction)


# ---- linear algebra -----------------------------------------------------------------------------


@reference
def _matmul(input: Array, other: Array, input_mode: int, other_mode: int, size: Any) -> Array:
    def read(x: Array, mode: int) -> Array:
        x = np.swapaxes(x, -1, -2) if mode & 1 else x
        return np.conj(x) if mode & 2 else x

    product = read(input, input_mode) @ read(other, other_mode)
    return sum_to_size(product, size) if len(size) else product


@reference
def _linear(input: Array, weight: Array, bias: Any) -> Array:
    return input @ weight.T + (0 if bias is None else bias)


def _batches(function: Callable[..., Any], *inputs: Array) -> Any:
    """Over every matrix of a batch."""
    lead = inputs[0].shape[:-2]
    results = [function(*(x[i] for x in inputs)) for i in np.ndindex(*lead)]
    stacked = [np.stack(parts).reshape(*lead, *np.shape(parts[0]))
               for parts in zip(*results, strict=True)]  # fmt: skip
    return tuple(stacked)


@reference
def _linalg_lu(input: Array, name: str, check: bool) -> Any:
    verdict = np.zeros(input.shape[:-2], dtype=np.int32)
    if input.size == 0:
        k = min(input.shape[-2:])
        return input, np.zeros((*input.shape[:-2], k), dtype=np.int32), verdict
    factors, swaps = _batches(lambda a: scipy.linalg.lapack.get_lapack_funcs("getrf", (a,))(a)[:2], input)
    return factors, swaps.astype(np.int32) + 1, verdict


@reference
def _lu_permutation(pivots: Array, rows: int) -> Array:
    order = list(range(rows))
    for i, swap in enumerate(pivots):
        order[i], order[swap - 1] = order[swap - 1], order[i]
    return np.array(order)


@reference
def _linalg_solve(input: Array, other: Array, name: str, check: bool) -> Any:
    return np.linalg.solve(input, other), np.zeros(input.shape[:-2], dtype=np.int32)


@reference
def _linalg_inv(input: Array, name: str, check: bool) -> Any:
    return np.linalg.inv(input), np.zeros(input.shape[:-2], dtype=np.int32)


@reference
def _linalg_solve_triangular(input: Array, other: Array, upper: bool, unitriangular: bool,
                             name: str) -> Array:  # fmt: skip
    return _batches(lambda a, b: (scipy.linalg.solve_triangular(
        a, b, lower=not upper, unit_diagonal=unitriangular),), input, other)[0]  # fmt: skip


@reference
def _linalg_cholesky(input: Array, name: str, check: bool) -> Any:
    return np.linalg.cholesky(input), np.zeros(input.shape[:-2], dtype=np.int32)


# ---- decompositions: what must hold of the results ----------------------------------------------


def _turned_conjugate(x: Array) -> Array:
    return np.conj(np.swapaxes(x, -1, -2))


def _close(a: Array, b: Array) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def _orthonormal(q: Array) -> None:
    _close(_turned_conjugate(q) @ q, np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], q.shape[-1], q.shape[-1])))


def check_qr(values: dict[str, Any], results: Sequence[Array]) -> None:
    q, r = results
    _orthonormal(q)
    _close(np.tril(r, -1), np.zeros_like(r))
    _close(q @ r, values["input"])


def check_householder(values: dict[str, Any], results: Sequence[Array]) -> None:
    packed, tau = results
    expected = _batches(lambda a: (scipy.linalg.qr(a, mode="raw")[0][0],), values["input"])[0]
    _close(packed, expected)
    assert tau.shape[-1] == min(packed.shape[-2:])


def check_eigh(values: dict[str, Any], results: Sequence[Array]) -> None:
    w, v = results
    _close(w, np.linalg.eigvalsh(values["input"]))
    _orthonormal(v)
    _close(values["input"] @ v, v * w[..., None, :])


def check_eig(values: dict[str, Any], results: Sequence[Array]) -> None:
    w, v = results
    _close(np.sort_complex(w), np.sort_complex(np.linalg.eigvals(values["input"])))
    _close(values["input"] @ v, v * w[..., None, :])
    _close(np.linalg.norm(v, axis=-2), np.ones(w.shape))


def check_svd(values: dict[str, Any], results: Sequence[Array]) -> None:
    u, s, vh = results
    k = s.shape[-1]
    _close(s, np.linalg.svd(values["input"], compute_uv=False))
    _orthonormal(u)
    _orthonormal(_turned_conjugate(vh))
    _close(u[..., :k] * s[..., None, :] @ vh[..., :k, :], values["input"])


# Instead of a reference: decompositions are not unique.
PROPERTIES: dict[str, Callable[[dict[str, Any], Sequence[Array]], None]] = {
    "_linalg_qr": check_qr,
    "_linalg_qr_complete": check_qr,
    "_geqrf": check_householder,
    "_linalg_eigh": check_eigh,
    "_linalg_eig": check_eig,
    "_linalg_svd": check_svd,
}


@reference
def _cross_entropy_vjp(grad: Array, input: Array, target: Array, weight: Any, log_sum_exp: Array,
                       total_weight: Array, ignore_index: int, reduction: str,
                       label_smoothing: float) -> Array:  # fmt: skip
    rows = np.exp(input - np.expand_dims(log_sum_exp, 1)) - np.eye(input.shape[1])[target]
    return rows * grad / (total_weight if reduction == "mean" else 1)
