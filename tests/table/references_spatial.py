"""NumPy references: convolution and pooling, place by place of the kernel or window."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tests.table.registry import REFERENCES, Array, reference

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
            result[:, o] += np.einsum(
                "nc...,oc->no...", seen[:, i], weight[(o, slice(None), *place)]
            )
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
            columns = (x.reshape(*x.shape[:2], -1) for x in (seen[:, i], grad_output[:, o]))
            result[(o, slice(None), *place)] = np.einsum("ncs,nos->oc", *columns)
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
    assert values is not None
    assert at is not None
    return values, at


def _means(
    input: Array, dimensions: int, windows: Any, divisor: Callable[[int, int], float]
) -> Array:
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
    REFERENCES[f"adaptive_avg_pool{suffix}"] = lambda input, output_size: _adaptive_avg_pool(
        input, dimensions, output_size
    )
    REFERENCES[f"adaptive_max_pool{suffix}"] = lambda input, output_size: _adaptive_max_pool(
        input, dimensions, output_size
    )


for count in (1, 2, 3):
    _pool(count)
