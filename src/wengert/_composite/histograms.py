"""Histograms over bins of any width, and slopes of samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from . import return_types
from ._common import describe, is_tensor, with_out, wrap_dim
from .sequence import diff
from .shape import flatten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wengert import Tensor

__all__ = ("gradient", "histogram", "histogramdd")

METHODS = ("histogram",)

PROPERTIES = ()

FUNCTIONAL = ()


def _edges(name: str, values: Tensor, bins: Any, limits: Sequence[float] | None) -> Tensor:
    """The edges of the bins: given, or evenly over the limits (those of the data if none)."""
    if is_tensor(bins):
        if bins.dtype != values.dtype:
            raise RuntimeError(
                f"torch.{name}: input tensor and bins tensors should have the same dtype, but got "
                f"input with dtype {values.dtype} and bins with dtype {bins.dtype}"
            )
        if limits is not None:
            raise TypeError(f"{name}(): range is for a number of bins, not for edges")
        return bins
    if bins <= 0:
        raise RuntimeError(f"torch.{name}(): bins must be > 0, but got {bins}")
    if limits is not None:
        low, high = (float(limit) for limit in limits)
    elif values.numel():
        low, high = float(_ops.amin(values)), float(_ops.amax(values))
    else:
        low, high = 0.0, 0.0
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"torch.{name}: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"torch.{name}: min should not exceed max, but got min {low} max {high}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return _ops.linspace(low, high, bins + 1, dtype=values.dtype)


def _bin_of(values: Tensor, edges: Tensor) -> Tensor:
    """The number of the bin of each value; -1 outside. The last bin has its right edge, too."""
    count = edges.shape[0] - 1
    place = _ops.sub(_ops.searchsorted(edges, values, right=True), 1)
    last = _ops.select(edges, 0, -1)
    place = _ops.where(_ops.eq(values, last), count - 1, place)
    inside = _ops.logical_and(_ops.ge(place, 0), _ops.lt(place, count))
    return _ops.where(inside, place, -1)


def _counted(places: Tensor, weight: Tensor | None, count: int, dtype: Any) -> Tensor:
    """The number, or the sum of the weights, of each place; -1 does not count."""
    ones = _ops.ones(places.shape, dtype=dtype) if weight is None else flatten(weight)
    sums = _ops.scatter_add(_ops.zeros((count + 1,), dtype=dtype), 0, _ops.add(places, 1), ones)
    return _ops.narrow(sums, 0, 1, count)


def _need_weights(name: str, values: Tensor, weight: Tensor | None) -> None:
    if not values.dtype.is_floating_point:
        raise RuntimeError(
            f"torch.{name}: not implemented for {values.dtype}" + describe(input=values)
        )
    if weight is not None and weight.dtype != values.dtype:
        raise RuntimeError(
            f"torch.{name}: if weight tensor is provided, input tensor and weight tensor should "
            f"have the same dtype, but got input(dtype={values.dtype}), and "
            f"weight(dtype={weight.dtype})"
        )


@with_out
def histogram(
    input: Tensor,
    bins: Any = 100,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """How many elements fall into each bin (left edge included, right only in the last), and the
    edges.

    bins: how many, evenly over `range` or over that of the data; or the ascending edges. weight:
    how much each element counts. density: divides by the sum and the widths.

    >>> wg.histogram(wg.tensor([1.0, 2.0, 1.0]), bins=4, range=(0.0, 3.0)).hist
    tensor([0., 2., 1., 0.])
    """
    _need_weights("histogram", input, weight)
    if weight is not None and tuple(weight.shape) != tuple(input.shape):
        raise RuntimeError(
            "torch.histogram(): if weight tensor is provided it should have the same shape as the "
            "input tensor" + describe(input=input, weight=weight)
        )
    values = flatten(input)
    edges = _edges("histogram", values, bins, range)
    hist = _counted(_bin_of(values, edges), weight, edges.shape[0] - 1, values.dtype)
    if density:
        hist = _ops.true_divide(hist, _ops.mul(_ops.sum(hist), diff(edges)))
    return return_types.histogram(hist, edges)


def histogramdd(
    input: Tensor,
    bins: Any,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """`histogram` of points [..., D] in D dimensions: the counts, and the edges of each.

    bins: one number, a number per dimension, or the edges of each. range: low and high of each
    dimension, one after another.

    >>> wg.histogramdd(wg.tensor([[0.0, 1.0], [1.0, 0.0]]), bins=[2, 2]).hist
    tensor([[0., 1.],
            [1., 0.]])
    """
    if input.dim() < 2:
        raise RuntimeError(
            "torch.histogramdd: input tensor should have at least 2 dimensions, but got "
            f"{input.dim()}" + describe(input=input)
        )
    _need_weights("histogramdd", input, weight)
    size = input.shape[-1]
    each = [bins] * size if isinstance(bins, int) else list(bins)
    if len(each) != size:
        raise RuntimeError(
            "torch.histogramdd(): The size of bins must be equal to the innermost dimension "
            f"of the input. Got {len(each)} bins for {size}" + describe(input=input)
        )
    points = _ops.reshape(input, (-1, size))
    edges = [
        _edges("histogramdd", _ops.select(points, 1, d), each[d],
               None if range is None else range[2 * d : 2 * d + 2])
        for d in builtins_range(size)
    ]  # fmt: skip
    shape = [edge.shape[0] - 1 for edge in edges]
    total = _ops.zeros((points.shape[0],), dtype=wengert.int64)
    outside = _ops.zeros((points.shape[0],), dtype=wengert.bool)
    for d, edge in enumerate(edges):
        place = _bin_of(_ops.contiguous(_ops.select(points, 1, d)), edge)
        outside = _ops.logical_or(outside, _ops.lt(place, 0))
        total = _ops.add(_ops.mul(total, shape[d]), place)
    total = _ops.masked_fill(total, outside, -1)
    hist = _ops.reshape(_counted(total, weight, math.prod(shape), input.dtype), shape)
    if density:
        hist = _ops.true_divide(hist, _ops.sum(hist))
        for d, edge in enumerate(edges):
            width = _ops.reshape(diff(edge), [-1 if i == d else 1 for i in builtins_range(size)])
            hist = _ops.true_divide(hist, width)
    return return_types.histogramdd(hist, tuple(edges))


builtins_range = range  # the parameter of that name hides it above


def gradient(
    input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """Slopes of samples along each of `dim` (all): central differences of second order inside, and
    one-sided ones of `edge_order` at the ends.

    spacing: the distance of samples (one number, or one per dimension), or their coordinates (a
    vector per dimension).

    >>> wg.gradient(wg.tensor([1.0, 4.0, 9.0]))
    (tensor([3., 4., 5.]),)
    """
    dims = list(range(input.dim())) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    dims = [wrap_dim("gradient", d, input.dim()) for d in dims]
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    steps = list(spacing) if isinstance(spacing, (list, tuple)) else [spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or it's spacing and dim "
            f"arguments to have the same length, but got a spacing argument of length {len(steps)} "
            f"and a dim argument of length {len(dims)}."
        )
    for d in dims:
        if input.shape[d] < edge_order + 1:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1"
                + describe(input=input)
            )
    return tuple(_slope(input, d, step, edge_order) for d, step in zip(dims, steps, strict=True))


def _slope(input: Tensor, dim: int, spacing: Any, edge_order: int) -> Tensor:
    n = input.shape[dim]

    def part(start: int, length: int) -> Tensor:
        return _ops.narrow(input, dim, start, length)

    if is_tensor(spacing) and spacing.dim() == 1:
        shape = [-1 if i == dim else 1 for i in range(input.dim())]
        widths = _ops.reshape(diff(spacing), shape)
    else:
        shape = [n - 1 if i == dim else 1 for i in range(input.dim())]
        kind = input.dtype if not is_tensor(spacing) else spacing.dtype
        kind = kind if kind.is_floating_point or kind.is_complex else wengert.get_default_dtype()
        value = spacing if not is_tensor(spacing) else float(spacing)
        widths = _ops.full(shape, value, dtype=kind)

    def width(start: int, length: int) -> Tensor:
        return _ops.narrow(widths, dim, start, length)

    slopes = (part(1, n - 1) - part(0, n - 1)) / widths
    first, last = _ops.narrow(slopes, dim, 0, 1), _ops.narrow(slopes, dim, n - 2, 1)
    if n == 2:
        return _ops.cat([first, last], dim)
    before, after = width(0, n - 2), width(1, n - 2)
    left, right = _ops.narrow(slopes, dim, 0, n - 2), _ops.narrow(slopes, dim, 1, n - 2)
    # The slopes of both sides, each weighted by the width of the other.
    inside = (left * after + right * before) / (before + after)
    if edge_order == 2:
        h0, h1 = width(0, 1), width(1, 1)
        g0, g1 = width(n - 2, 1), width(n - 3, 1)
        second = _ops.narrow(slopes, dim, 1, 1)
        fore = _ops.narrow(slopes, dim, n - 3, 1)
        first = first + (first - second) * h0 / (h0 + h1)
        last = last + (last - fore) * g0 / (g0 + g1)
    return _ops.cat([first, inside, last], dim)
