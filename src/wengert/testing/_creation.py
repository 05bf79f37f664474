"""Tensors of random values within bounds."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import wengert as wg

__all__ = ["make_tensor"]


def make_tensor(
    *shape: int | Sequence[int],
    dtype: wg.dtype,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: wg.memory_format | None = None,
) -> wg.Tensor:
    """A tensor of values drawn evenly from ``[low, high)``; complex ones in both parts.

    Args:
        shape: integers, or one sequence of them.
        dtype, device: of the result.
        low, high: bounds, limited to what the dtype holds. By default 0 and 2 for bool, 0 and 10
            for unsigned, -9 and 10 for signed integers, -9 and 9 otherwise.
        requires_grad: for floating and complex dtypes only.
        noncontiguous: a result with gaps in memory, if it has two elements or more.
        exclude_zero: replaces zeros by 1 (integers, bool) or by the smallest normal number.
        memory_format: of the result; not together with ``noncontiguous``.

    Raises:
        ValueError: for bounds that are NaN, in the wrong order or outside the dtype, for
            ``requires_grad`` of integers, and for ``noncontiguous`` with a ``memory_format``.

    >>> from wengert.testing import make_tensor
    >>> x = make_tensor(2, 3, dtype=wg.float32, low=0, high=1, requires_grad=True)
    >>> x.shape, bool((x >= 0).all()), x.requires_grad
    (wengert.Size([2, 3]), True, True)
    """
    sizes: list[int] = (
        list(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else list(shape)  # type: ignore[arg-type]
    )
    inexact = dtype.is_floating_point or dtype.is_complex
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"{noncontiguous=} and {memory_format=}"
        )
    if requires_grad and not inexact:
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"{dtype=}"
        )
    low, high = _bounds(dtype, low, high)
    gaps = noncontiguous and math.prod(sizes) > 1
    drawn = [*sizes[:-1], 2 * sizes[-1]] if gaps else sizes
    if inexact:
        result = wg.empty(drawn, dtype=dtype, device=device)
        real = wg.view_as_real(result) if dtype.is_complex else result
        if high - low < wg.finfo(dtype).max:
            real.uniform_(low, high)
        else:  # their distance overflows
            real.uniform_(low / 2, high / 2).mul_(2)
    else:
        result = wg.randint(int(low), int(high), drawn, dtype=dtype, device=device)
    if gaps:
        result = result[..., 1::2]
    elif memory_format is not None:
        result = result.clone(memory_format=memory_format)
    if exclude_zero:
        result.masked_fill_(result == 0, wg.finfo(dtype).tiny if inexact else 1)
    return result.requires_grad_(requires_grad) if inexact else result


def _bounds(dtype: wg.dtype, low: float | None, high: float | None) -> tuple[float, float]:
    lowest: float
    highest: float  # exclusive
    default: tuple[float, float]
    if dtype == wg.bool:
        lowest, highest, default = 0, 2, (0, 2)
    elif dtype.is_floating_point or dtype.is_complex:
        limits = wg.finfo(dtype)
        lowest, highest, default = limits.min, limits.max, (-9, 9)
    else:
        least, most = wg.iinfo(dtype).min, wg.iinfo(dtype).max
        lowest, highest = least, most + (dtype != wg.int64)
        default = (max(-9, least) if least < 0 else 0, 10)
    low = default[0] if low is None else low
    high = default[1] if high is None else high
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    if low == high and (dtype.is_floating_point or dtype.is_complex):
        warnings.warn(
            "Passing `low==high` to `wengert.testing.make_tensor` for floating or complex types "
            "is deprecated. Use `wengert.full(...)` instead.",
            FutureWarning,
            stacklevel=3,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < lowest or low >= highest:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), "
            f"but {dtype} only supports [{lowest}, {highest})"
        )
    low, high = (min(max(bound, lowest), highest) for bound in (low, high))
    if dtype.is_floating_point or dtype.is_complex:
        return low, high
    return math.ceil(low), math.ceil(high)
