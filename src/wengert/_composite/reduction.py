"""Reductions with several forms, order statistics and norms."""

from __future__ import annotations

import builtins
import math
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops
from wengert._autocast import in_float32

from . import return_types
from ._common import (
    describe,
    dtype_name,
    is_inexact,
    is_tensor,
    with_out,
    wrap_dim,
    write_out,
)
from .matrix_norms import matrix_norm
from .shape import flatten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wengert import Tensor

    Dims = int | Sequence[int] | None

__all__ = (
    "allclose", "aminmax", "cdist", "corrcoef", "cov", "dist", "equal", "max", "median", "min",
    "mode", "nanmean", "nanmedian", "nanquantile", "norm", "pdist", "quantile", "renorm", "std",
    "std_mean", "var", "var_mean",
)  # fmt: skip

METHODS = (
    "allclose", "aminmax", "corrcoef", "cov", "dist", "equal", "max", "median", "min", "mode",
    "nanmean", "nanmedian", "nanquantile", "norm", "quantile", "renorm", "renorm_", "std", "var",
)  # fmt: skip

PROPERTIES = ()

FUNCTIONAL = ()


def _need_elements(name: str, input: Tensor) -> None:
    if input.numel() == 0:
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
            "Specify the reduction dim with the 'dim' argument." + describe(input=input)
        )


def max(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, out: Any = None
) -> Any:
    """The largest element; or along `dim`, with its place; or of each pair of elements.

    Forms: `max(input)`, `max(input, dim, keepdim=False)`, `max(input, other)`."""
    if is_tensor(dim):
        other, dim = dim, None
    if other is not None:
        return _ops.maximum(input, other, out=out)
    if dim is None:
        _need_elements("max", input)
        return _ops.amax(input, out=out)
    values, indices = _ops._max_dim(input, dim, keepdim)
    return write_out(return_types.max(values, indices), out, "max")


def min(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, out: Any = None
) -> Any:
    """The smallest element; or along `dim`, with its place; or of each pair of elements.

    Forms: `min(input)`, `min(input, dim, keepdim=False)`, `min(input, other)`."""
    if is_tensor(dim):
        other, dim = dim, None
    if other is not None:
        return _ops.minimum(input, other, out=out)
    if dim is None:
        _need_elements("min", input)
        return _ops.amin(input, out=out)
    values, indices = _ops._min_dim(input, dim, keepdim)
    return write_out(return_types.min(values, indices), out, "min")


@with_out
def aminmax(input: Tensor, *, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest and the largest elements."""
    if dim is None:
        _need_elements("aminmax", input)
        dim = tuple(range(input.dim()))
    return return_types.aminmax(_ops.amin(input, dim, keepdim), _ops.amax(input, dim, keepdim))


def _spread_arguments(
    dim: Any, unbiased: bool | None, correction: float | None
) -> tuple[Any, float]:
    """The dimensions and the correction, from any of the forms that `var` and `std` have."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    return dim, correction


def _finite_sqrt(squared: Tensor) -> Tensor:
    """The square root with the derivative 0 at 0, as a subgradient of a norm."""
    if not squared.requires_grad:
        return _ops.sqrt(squared)
    zero = _ops.eq(squared, 0)
    return _ops.masked_fill(_ops.sqrt(_ops.masked_fill(squared, zero, 1)), zero, 0)


@with_out
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The variance over `dim`: squares from the mean, divided by their number less `correction`.

    Forms: `var(input, dim, unbiased, keepdim)`, `var(input, unbiased)`, and with `correction`."""
    dim, correction = _spread_arguments(dim, unbiased, correction)
    return _ops.var(input, dim, correction=correction, keepdim=keepdim)


@with_out
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The standard deviation over `dim`, in the forms of `var`. Its gradient at 0 is 0."""
    dim, correction = _spread_arguments(dim, unbiased, correction)
    return _finite_sqrt(_ops.var(input, dim, correction, keepdim))


def _mean(input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    if dim is None and keepdim:
        dim = tuple(range(input.dim()))
    return _ops.mean(input) if dim is None else _ops.mean(input, dim, keepdim)


def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The variance, in the forms of `var`, and the mean."""
    dim, correction = _spread_arguments(dim, unbiased, correction)
    return _ops.var(input, dim, correction, keepdim), _mean(input, dim, keepdim)


def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The standard deviation, in the forms of `var`, and the mean."""
    dim, correction = _spread_arguments(dim, unbiased, correction)
    return _finite_sqrt(_ops.var(input, dim, correction, keepdim)), _mean(input, dim, keepdim)


def _median(name: str, input: Tensor, dim: int | None, keepdim: bool) -> Any:
    ignore_nan = name == "nanmedian"
    if dim is None:
        if input.numel() == 0:
            kind = math.nan if is_inexact(input) else 0
            return _ops.full((), kind, dtype=input.dtype, device=input.device)
        return _ops._median(flatten(input), 0, False, ignore_nan)[0]
    values, indices = _ops._median(input, dim, keepdim, ignore_nan)
    return getattr(return_types, name)(values, indices)


def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element, the lower one of two; or along `dim`, with its place. NaN wins."""
    return _median("median", input, dim, keepdim)


def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """`median` of the elements that are not NaN."""
    return _median("nanmedian", input, dim, keepdim)


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(
    name: str,
    input: Tensor,
    q: Any,
    dim: int | None,
    keepdim: bool,
    interpolation: str,
) -> Tensor:
    if input.numel() == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if input.dtype not in (wengert.float32, wengert.float64):
        raise RuntimeError(
            f"{name}() input tensor must be either float or double dtype" + describe(input=input)
        )
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    if not is_tensor(q):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        q = _ops.full((), q, dtype=input.dtype, device=input.device)
    elif q.dim() > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    elif q.dtype != input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    elif q.numel() and not (float(_ops.amin(q)) >= 0 and float(_ops.amax(q)) <= 1):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")

    ndim = input.dim()
    if dim is None:
        rows = flatten(input)
        kept = [1] * ndim
    else:
        dim = wrap_dim(name, dim, ndim)
        rows = _ops.transpose(flatten(input) if ndim == 0 else input, dim, -1)
        kept = [1 if place == dim else size for place, size in enumerate(input.shape)]
    length = rows.shape[-1]
    ordered = _ops.sort(rows, -1)[0]

    flat_q = flatten(q)
    plain = ordered.detach()
    if name == "nanquantile":
        valid = _ops.logical_not(_ops.isnan(plain)).to(input.dtype)
        last = _ops.clamp_min(_ops.sub(_ops.sum(valid, -1, True), 1), 0)
        ranks = _ops.mul(last, flat_q)
    else:
        # NaN sorts to the end; a row that has one gets it as every quantile.
        has_nan = _ops.isnan(_ops.narrow(plain, -1, length - 1, 1))
        ranks = _ops.mul(flat_q, length - 1)
        ranks = _ops.expand(ranks, (*rows.shape[:-1], flat_q.shape[0]))
        ranks = _ops.masked_fill(ranks, has_nan, length - 1)
    if interpolation == "lower":
        ranks = _ops.floor(ranks)
    elif interpolation == "higher":
        ranks = _ops.ceil(ranks)
    elif interpolation == "nearest":
        ranks = _ops.round(ranks)
    floor = _ops.floor(ranks)
    result = _ops.gather(ordered, -1, floor.detach().to(wengert.int64))
    if interpolation in ("linear", "midpoint"):
        above = _ops.gather(ordered, -1, _ops.ceil(ranks.detach()).to(wengert.int64))
        weight = _ops.sub(ranks, floor) if interpolation == "linear" else 0.5
        result = _ops.lerp(result, above, weight)

    # (..., q) with the reduced dimension exchanged to the end, to (q, ...).
    if dim is not None and ndim:
        result = _ops.transpose(_ops.unsqueeze(result, -2), dim, -2)
    result = _ops.permute(result, (result.dim() - 1, *range(result.dim() - 1)))
    shape = [size for place, size in enumerate(kept) if place != dim] if dim is not None else []
    if keepdim:
        shape = kept
    return _ops.reshape(result, (*q.shape, *shape))


@with_out
@in_float32
def quantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """The elements at the fractions `q` of the sorted order, over `dim` or over all.

    A vector `q` gives the result a first dimension. interpolation, where a fraction falls between
    two elements: "linear", "lower", "higher", "midpoint" or "nearest". NaN wins."""
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


@with_out
@in_float32
def nanquantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """`quantile` of the elements that are not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


@with_out
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent element along `dim`, the smallest of several, and its last place."""
    if input.dim() == 0:
        zero = _ops.zeros((), dtype=wengert.int64, device=input.device)
        return return_types.mode(_ops.clone(input), zero)
    dim = wrap_dim("mode", dim, input.dim())
    length = input.shape[dim]
    if length == 0:
        raise IndexError(
            f"mode(): Expected reduction dim {dim} to have non-zero size." + describe(input=input)
        )
    rows = _ops.transpose(input, dim, -1)
    ordered, places = _ops.sort(rows.detach(), dim=-1, stable=True)
    steps = _ops.arange(length, device=input.device)
    changed = _ops.ne(
        _ops.narrow(ordered, -1, 1, length - 1), _ops.narrow(ordered, -1, 0, length - 1)
    )
    starts = _ops.mul(_ops._pad_constant(changed, (1, 0), 0).to(wengert.int64), steps)
    run = _ops.sub(steps, _ops.cummax(starts, -1)[0])
    indices = _ops.gather(places, -1, _ops.argmax(run, -1, True))
    values = _ops.gather(rows, -1, indices)
    values, indices = _ops.transpose(values, dim, -1), _ops.transpose(indices, dim, -1)
    if not keepdim:
        values, indices = _ops.squeeze(values, dim), _ops.squeeze(indices, dim)
    return return_types.mode(values, indices)


@with_out
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of the elements that are not NaN."""
    if not is_inexact(input):
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{dtype_name(input.dtype)}"
        )
    if dtype is not None:
        input = input.to(dtype)
    if dim is None:
        dim = tuple(range(input.dim()))
    count = _ops.sum(_ops.logical_not(_ops.isnan(input)), dim, keepdim)
    return _ops.true_divide(_ops.nansum(input, dim, keepdim), count)


@with_out
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Tensor:
    """The vector norm of order `p` over `dim`, or over all elements.

    p: a number, inf, -inf, "fro" (2) or "nuc" (the sum of the singular values of a matrix). The
    gradient of a norm of zeros is 0."""
    if dtype is not None:
        input = input.to(dtype)
    if p == "nuc":
        return _nuclear_norm(input, dim, keepdim)
    if p is None or p == "fro":
        p = 2
    elif isinstance(p, str):
        p = float(p)
    if not is_inexact(input):
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            f"{dtype_name(input.dtype)}" + describe(input=input)
        )
    return _ops._norm(input, p, dim, keepdim)


def _nuclear_norm(input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    dims = (-2, -1) if dim is None else dim
    if isinstance(dims, int) or len(dims) != 2 or (dim is None and input.dim() != 2):
        raise RuntimeError(
            "linalg.matrix_norm: dim must be a 2-tuple. Got "
            f"{dim if dim is not None else tuple(range(input.dim()))}"
        )
    return matrix_norm(input, "nuc", dims, keepdim)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The norm of order `p` of the difference."""
    return _ops._norm(_ops.sub(input, other), p, None, False)


@with_out
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Each slice along `dim` shrunk, where it has to be, to a norm of at most `maxnorm`."""
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if input.dim() < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.dim()} dimensions"
        )
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    dim = wrap_dim("renorm", dim, input.dim())
    others = [place for place in range(input.dim()) if place != dim]
    size = _ops._norm(input, p, others, True)
    # The tiny addend keeps rounding from leaving a norm just above the limit.
    shrink = maxnorm / _ops.add(size, 1e-7)
    factor = _ops.masked_fill(shrink, _ops.le(size, maxnorm), 1)
    return _ops.mul(input, factor)


def renorm_(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """`renorm` into `input` itself."""
    return input.copy_(renorm(input, p, dim, maxnorm))


@in_float32
def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """The distance of every row of `x1` from every row of `x2`, batch by batch."""
    if x1.dim() < 2 or x2.dim() < 2:
        name, wrong = ("X1", x1) if x1.dim() < 2 else ("X2", x2)
        raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {wrong.dim()}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}"
        )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    modes = {
        "use_mm_for_euclid_dist_if_necessary": builtins.max(x1.shape[-2], x2.shape[-2]) > 25,
        "use_mm_for_euclid_dist": True,
        "donot_use_mm_for_euclid_dist": False,
    }
    if compute_mode not in modes:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    if p == 2 and modes[compute_mode]:
        return _cdist_by_product(x1, x2)
    difference = _ops.sub(_ops.unsqueeze(x1, -2), _ops.unsqueeze(x2, -3))
    return _ops._norm(difference, p, -1, False)


def _cdist_by_product(x1: Tensor, x2: Tensor) -> Tensor:
    """From (a - b)^2 = a^2 - 2 a b + b^2 in a single matrix product."""
    square1 = _ops.sum(_ops.mul(x1, x1), -1, True)
    square2 = _ops.sum(_ops.mul(x2, x2), -1, True)
    left = _ops.cat([_ops.mul(x1, -2), square1, _ops.ones_like(square1)], -1)
    right = _ops.cat([x2, _ops.ones_like(square2), square2], -1)
    squared = _ops.matmul(left, _ops.transpose(right, -2, -1))
    return _finite_sqrt(_ops.clamp_min(squared, 0))


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The distances of order `p` between all pairs of rows of a matrix, [n (n - 1) / 2].

    >>> wg.pdist(wg.tensor([[0.0], [3.0], [4.0]]))
    tensor([3., 4., 1.])
    """
    if input.dim() != 2:
        raise RuntimeError(
            f"pdist only supports 2D tensors, got: {input.dim()}D" + describe(input=input)
        )
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    first, second = _ops.triu_indices(input.shape[0], input.shape[0], 1)
    rows = (_ops.index_select(input, 0, place) for place in (first, second))
    return _ops._norm(_ops.sub(*rows), p, -1, False)


def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """The covariance matrix of the variables in the rows, over the observations in the columns.

    fweights: how often each observation counts. aweights: how much it counts."""
    if input.dim() > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{input.dim()} dimensions"
        )
    if input.dtype == wengert.bool:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    rows = input if input.dim() == 2 else _ops.reshape(input, (1, -1))
    observations = rows.shape[1]
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is None:
            continue
        if weights.dim() > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
                f"{weights.dim()} dimensions"
            )
        if weights.numel() != observations:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the "
                f"input but got {weights.numel()} != {observations}"
            )
        if observations and float(_ops.amin(weights)) < 0:
            raise RuntimeError(f"cov(): {name} cannot be negative")
    if not is_inexact(rows):
        rows = rows.to(wengert.get_default_dtype())

    weights = fweights if aweights is None else aweights
    if fweights is not None and aweights is not None:
        weights = _ops.mul(fweights, aweights)
    if weights is None:
        mean = _ops.mean(rows, 1, True)
        total: Any = observations
    else:
        weights = weights.to(rows.dtype)
        total = _ops.sum(weights)
        if observations and float(total) == 0:
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        mean = _ops.true_divide(_ops.sum(_ops.mul(rows, weights), 1, True), total)
    if aweights is not None and correction:
        mass = aweights if fweights is None else weights
        squared = _ops.sum(_ops.mul(mass, aweights))
        norm_factor = _ops.sub(total, _ops.mul(_ops.true_divide(squared, total), correction))
    else:
        norm_factor = total - correction
    norm_factor = builtins.max(float(norm_factor), 0.0)
    centered = _ops.sub(rows, mean)
    scaled = centered if weights is None else _ops.mul(centered, weights)
    transposed = _ops.transpose(scaled, 0, 1)
    if rows.dtype.is_complex:
        transposed = _ops.conj(transposed)
    result = _ops.true_divide(_ops.matmul(centered, transposed), norm_factor)
    return result if result.shape[0] != 1 else _ops.reshape(result, ())


def corrcoef(input: Tensor) -> Tensor:
    """The correlation matrix of the variables in the rows."""
    if input.dim() > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input.dim()} dimensions"
        )
    covariance = cov(input)
    if covariance.dim() == 0:
        return _ops.true_divide(covariance, covariance)
    variances = _ops.diagonal(covariance)
    scale = _ops.sqrt(_ops.real(variances) if covariance.dtype.is_complex else variances)
    result = _ops.true_divide(_ops.true_divide(covariance, _ops.unsqueeze(scale, 1)), scale)
    if result.dtype.is_complex:
        return result
    return _ops.clamp_max(_ops.clamp_min(result, -1), 1)


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all elements are equal."""
    if input is other and not is_inexact(input):
        return True
    return tuple(input.shape) == tuple(other.shape) and bool(_ops.all(_ops.eq(input, other)))


def allclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> bool:
    """Whether `isclose` holds for all elements."""
    return bool(_ops.all(_ops.isclose(input, other, rtol, atol, equal_nan)))
