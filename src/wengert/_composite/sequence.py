"""Operators on ordered elements: differences, integrals, distinct values, membership."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from ._common import describe, is_tensor, with_out, wrap_dim
from .shape import broadcast_shapes, flatten

if TYPE_CHECKING:
    from wengert import Tensor

__all__ = (
    "argsort", "bucketize", "cross", "cumulative_trapezoid", "diff", "isin", "msort", "trapezoid",
    "trapz", "unique", "unique_consecutive",
)  # fmt: skip

METHODS = ("argsort", "cross", "diff", "msort", "unique", "unique_consecutive")

PROPERTIES = ()

FUNCTIONAL = ()


@with_out
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The differences of neighbours along `dim`, `n` times over."""
    if input.dim() == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = wrap_dim("diff", dim, input.dim())
    if n == 0:
        return _ops.clone(input)
    if prepend is not None or append is not None:
        parts = [part for part in (prepend, input, append) if part is not None]
        for part in parts:
            if part.dim() != input.dim():
                raise RuntimeError(
                    "diff expects prepend or append to be the same dimension as input"
                    + describe(input=input, other=part)
                )
        input = _ops.cat(parts, dim)
    minus = _ops.logical_xor if input.dtype == wengert.bool else _ops.sub
    for _ in range(min(n, input.shape[dim])):
        length = input.shape[dim] - 1
        input = minus(_ops.narrow(input, dim, 1, length), _ops.narrow(input, dim, 0, length))
    return input


def _trapezoid_terms(name: str, y: Tensor, x: Any, dx: Any, dim: int) -> tuple[Tensor, int]:
    """Twice the areas between neighbours along `dim`, which is counted from the end."""
    if x is not None and dx is not None:
        raise RuntimeError(f"{name}(): only one of x and dx can be given")
    if y.dtype == wengert.bool:
        raise RuntimeError(f"{name}: received a bool input for `y`, but bool is not supported")
    dim = wrap_dim(name, dim, y.dim())
    length = y.shape[dim]
    dim -= y.dim()
    if length == 0:
        return _ops.narrow(y, dim, 0, 0), dim
    pairs = _ops.add(_ops.narrow(y, dim, 1, length - 1), _ops.narrow(y, dim, 0, length - 1))
    if x is None:
        return (pairs if dx is None or dx == 1 else _ops.mul(pairs, dx)), dim
    if not is_tensor(x):
        return _ops.mul(pairs, x), dim
    if x.dtype == wengert.bool:
        raise RuntimeError(f"{name}: received a bool input for `x`, but bool is not supported")
    if x.dim() == 1:
        if x.shape[0] != length:
            raise RuntimeError(
                f"{name}: There must be one `x` value for each sample point" + describe(y=y, x=x)
            )
        widths = _ops.reshape(diff(x), (-1,) + (1,) * (-dim - 1))
    else:
        widths = diff(x, 1, dim)
    return _ops.mul(pairs, widths), dim


def trapezoid(y: Tensor, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral of the samples `y` along `dim` by the trapezoidal rule.

    x: the places of the samples; or dx: their distance (1)."""
    terms, dim = _trapezoid_terms("trapezoid", y, x, dx, dim)
    return _ops.true_divide(_ops.sum(terms, dim), 2)


trapz = trapezoid


def cumulative_trapezoid(y: Tensor, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """`trapezoid` up to every sample but the first."""
    terms, dim = _trapezoid_terms("cumulative_trapezoid", y, x, dx, dim)
    return _ops.true_divide(_ops.cumsum(terms, dim), 2)


@with_out
def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """The number of the interval between sorted `boundaries` that each element falls into."""
    if boundaries.dim() != 1:
        raise RuntimeError(
            f"bucketize(): boundaries tensor must be 1 dimension, but got dim({boundaries.dim()})"
        )
    return _ops.searchsorted(boundaries, input, out_int32=out_int32, right=right)


@with_out
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Where an element is equal to any of `test_elements`."""
    if not is_tensor(elements):
        if not is_tensor(test_elements):
            raise TypeError("isin(): at least one of the arguments must be a tensor")
        elements = _ops.full((), elements, device=test_elements.device)
    if not is_tensor(test_elements):
        found = _ops.eq(elements, test_elements)
        return _ops.logical_not(found) if invert else found
    tests = flatten(test_elements)
    count = tests.numel()
    if count <= 10.0 * math.pow(max(elements.numel(), 1), 0.145):
        found = _ops.any(_ops.eq(_ops.unsqueeze(elements, -1), tests), -1)
    else:
        ordered = _ops.sort(tests)[0]
        place = _ops.clamp_max(_ops.searchsorted(ordered, elements), count - 1)
        found = _ops.eq(_ops.take(ordered, place), elements)
    return _ops.logical_not(found) if invert else found


@with_out
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The cross product of vectors of size 3 along `dim` (the first dimension of that size)."""
    if dim is None:
        shape = broadcast_shapes(input.shape, other.shape)
        if 3 not in shape:
            raise RuntimeError("no dimension of size 3 in input" + describe(input=input))
        dim = list(shape).index(3) - len(shape)
    else:
        if input.dim() != other.dim():
            raise RuntimeError(
                "linalg.cross: inputs must have the same number of dimensions."
                + describe(input=input, other=other)
            )
        dim = wrap_dim("cross", dim, input.dim()) - input.dim()
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got "
            f"{input.shape[dim]} and {other.shape[dim]}"
        )
    first = _ops.mul(_ops.roll(input, -1, dim), _ops.roll(other, -2, dim))
    second = _ops.mul(_ops.roll(input, -2, dim), _ops.roll(other, -1, dim))
    return _ops.sub(first, second)


def argsort(
    input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False
) -> Tensor:
    """The places that sort `input` along `dim`."""
    return _ops.sort(input, dim=dim, descending=descending, stable=stable)[1]


@with_out
def msort(input: Tensor) -> Tensor:
    """Sorted along the first dimension."""
    return _ops.sort(input, dim=0)[0]


def _run_starts(rows: Tensor) -> Tensor:
    """Where an element (or a row) differs from the one before it; the first always does."""
    length = rows.shape[0]
    changed = _ops.ne(_ops.narrow(rows, 0, 1, length - 1), _ops.narrow(rows, 0, 0, length - 1))
    if rows.dim() == 2:
        changed = _ops.any(changed, 1)
    return _ops._pad_constant(changed, (1, 0), 1)


def _runs(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For runs of equal elements (or rows): the place of each first, the run number of each
    element, and the length of each run."""
    length = rows.shape[0]
    if length == 0:
        empty = _ops.zeros((0,), dtype=wengert.int64, device=rows.device)
        return empty, empty, empty
    starts = _run_starts(rows)
    firsts = _ops.reshape(_ops.nonzero(starts), (-1,))
    numbers = _ops.sub(_ops.cumsum(starts, 0), 1)
    end = _ops.full((1,), length, dtype=wengert.int64, device=rows.device)
    return firsts, numbers, diff(firsts, append=end)


def _lexicographic_order(rows: Tensor) -> Tensor:
    """The order that sorts rows by their first column, equal ones by the second, and so on."""
    order = _ops.arange(rows.shape[0], device=rows.device)
    for column in range(rows.shape[1] - 1, -1, -1):
        keys = _ops.index_select(_ops.select(rows, 1, column), 0, order)
        order = _ops.index_select(order, 0, _ops.sort(keys, dim=0, stable=True)[1])
    return order


def _distinct(input: Tensor, in_order: bool, inverse: bool, counts: bool, dim: int | None) -> Any:
    if dim is None:
        lines = flatten(input)
        rows = lines.detach()
    else:
        dim = wrap_dim("unique", dim, input.dim())
        lines = _ops.transpose(input, 0, dim) if input.dim() else flatten(input)
        count = lines.shape[0]
        width = lines.numel() // count if count else 0
        if (count == 0 or width == 0) and lines.numel() == 0 and count:
            raise RuntimeError(
                "unique_dim: there are 0 sized dimensions, and they aren't the selected "
                "dimension, so unique cannot be applied"
            )
        rows = _ops.reshape(lines, (count, width)).detach()
    order = None
    if in_order:
        if rows.dim() == 1:
            rows, order = _ops.sort(rows, 0)
        else:
            order = _lexicographic_order(rows)
            rows = _ops.index_select(rows, 0, order)
    firsts, numbers, lengths = _runs(rows)
    places = firsts if order is None else _ops.index_select(order, 0, firsts)
    values = _ops.index_select(lines.detach(), 0, places)
    if dim is not None and input.dim():
        values = _ops.transpose(values, 0, dim)
    results = [values]
    if inverse:
        if order is not None:
            numbers = _ops.scatter(numbers, 0, order, numbers)
        results.append(_ops.reshape(numbers, tuple(input.shape)) if dim is None else numbers)
    if counts:
        results.append(lengths)
    return results[0] if len(results) == 1 else tuple(results)


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements (or slices along `dim`), sorted in any case.

    return_inverse: also where each element of `input` went; return_counts: also how often each
    occurs. Every NaN is distinct."""
    return _distinct(input, True, return_inverse, return_counts, dim)


def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """`unique`, but only equal neighbours count as the same, and the order stays."""
    return _distinct(input, False, return_inverse, return_counts, dim)
