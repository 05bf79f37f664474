"""Special functions.

Names and arguments are those of PyTorch's `special`. All are differentiable, the orthogonal
polynomials, too, except `airy_ai` (and `zeta`, `gammainc` in their first argument).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _missing, _ops
from wengert._C import Tensor
from wengert._composite._common import with_out
from wengert._ops import (
    airy_ai,
    bessel_j0,
    bessel_j1,
    bessel_y0,
    bessel_y1,
    digamma,
    entr,
    erf,
    erfc,
    erfcx,
    erfinv,
    exp2,
    expm1,
    i0,
    i0e,
    i1,
    i1e,
    log1p,
    log_ndtr,
    log_softmax,
    logit,
    logsumexp,
    modified_bessel_k0,
    modified_bessel_k1,
    ndtr,
    ndtri,
    polygamma,
    round,
    scaled_modified_bessel_k0,
    scaled_modified_bessel_k1,
    sinc,
    softmax,
    xlog1py,
    xlogy,
    zeta,
)

__all__ = [
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "chebyshev_polynomial_t",
    "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w", "digamma",
    "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc", "gammaincc",
    "gammaln", "hermite_polynomial_h", "hermite_polynomial_he", "i0", "i0e", "i1", "i1e",
    "laguerre_polynomial_l", "legendre_polynomial_p", "log1p", "log_ndtr", "log_softmax", "logit",
    "logsumexp", "modified_bessel_i0", "modified_bessel_i1", "modified_bessel_k0",
    "modified_bessel_k1", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round",
    "scaled_modified_bessel_k0", "scaled_modified_bessel_k1", "shifted_chebyshev_polynomial_t",
    "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w", "sinc", "softmax", "spherical_bessel_j0", "xlog1py", "xlogy",
    "zeta",
]  # fmt: skip

# The same functions under two names.
expit = _ops.sigmoid
gammainc = _ops.igamma
gammaincc = _ops.igammac
gammaln = _ops.lgamma
modified_bessel_i0 = _ops.i0
modified_bessel_i1 = _ops.i1
multigammaln = _ops.mvlgamma
psi = _ops.digamma


@with_out
def spherical_bessel_j0(input: Tensor) -> Tensor:
    """sin(x) / x, and 1 at 0.

    >>> wg.special.spherical_bessel_j0(wg.tensor([0.0, 1.0]))
    tensor([1.0000, 0.8415])
    """
    return _ops.sinc(_ops.div(input, wengert.pi))


# ---- orthogonal polynomials ---------------------------------------------------------------------


def _floating(value: Any) -> Any:
    if isinstance(value, Tensor) and not value.dtype.is_floating_point:
        return value.to(wengert.get_default_dtype())
    return value


def _polynomial(
    x: Any, n: Any, first: Callable[[Tensor], Tensor], following: Callable[..., Tensor]
) -> Tensor:
    """P_n(x) from P_0 = 1, P_1 and ``P_k+1 = following(k, x, P_k, P_k-1)``; 0 where n < 0.

    n: an int, or a tensor that is broadcast with x; fractions are cut off.
    """
    if not isinstance(x, Tensor) and not isinstance(n, Tensor):
        raise TypeError("a polynomial needs a tensor: x or n")
    like = x if isinstance(x, Tensor) else n
    if not isinstance(x, Tensor):
        dtype = like.dtype if like.dtype.is_floating_point else wengert.get_default_dtype()
        x = wengert.tensor(x, dtype=dtype)
    x = _floating(x)
    one = _ops.add(_ops.mul(x, 0), 1)
    if not isinstance(n, Tensor):
        order = int(n)
        if order < 0:
            return _ops.mul(x, 0)
        before, now = one, first(x)
        for k in range(1, order):
            before, now = now, following(k, x, now, before)
        return one if order == 0 else now
    orders = n.to(wengert.int64)
    result = _ops.where(_ops.eq(orders, 0), one, _ops.mul(one, 0))
    before, now = one, first(x)
    for k in range(1, (int(orders.max()) if orders.numel() else 0) + 1):
        result = _ops.where(_ops.eq(orders, k), now, result)
        before, now = now, following(k, x, now, before)
    return result


def _chebyshev(k: int, x: Tensor, now: Tensor, before: Tensor) -> Tensor:
    return 2 * x * now - before


@with_out
def chebyshev_polynomial_t(input: Any, n: Any) -> Tensor:
    """The Chebyshev polynomial of the first kind: cos(n * acos(x)).

    >>> wg.special.chebyshev_polynomial_t(wg.tensor([0.5]), 3)
    tensor([-1.])
    """
    return _polynomial(input, n, lambda x: x, _chebyshev)


@with_out
def chebyshev_polynomial_u(input: Any, n: Any) -> Tensor:
    """The Chebyshev polynomial of the second kind."""
    return _polynomial(input, n, lambda x: 2 * x, _chebyshev)


@with_out
def chebyshev_polynomial_v(input: Any, n: Any) -> Tensor:
    """The Chebyshev polynomial of the third kind."""
    return _polynomial(input, n, lambda x: 2 * x - 1, _chebyshev)


@with_out
def chebyshev_polynomial_w(input: Any, n: Any) -> Tensor:
    """The Chebyshev polynomial of the fourth kind."""
    return _polynomial(input, n, lambda x: 2 * x + 1, _chebyshev)


def _shifted(input: Any) -> Any:
    return 2 * _floating(input) - 1


@with_out
def shifted_chebyshev_polynomial_t(input: Any, n: Any) -> Tensor:
    """`chebyshev_polynomial_t` of 2x - 1: on [0, 1]."""
    return chebyshev_polynomial_t(_shifted(input), n)


@with_out
def shifted_chebyshev_polynomial_u(input: Any, n: Any) -> Tensor:
    """`chebyshev_polynomial_u` of 2x - 1: on [0, 1]."""
    return chebyshev_polynomial_u(_shifted(input), n)


@with_out
def shifted_chebyshev_polynomial_v(input: Any, n: Any) -> Tensor:
    """`chebyshev_polynomial_v` of 2x - 1: on [0, 1]."""
    return chebyshev_polynomial_v(_shifted(input), n)


@with_out
def shifted_chebyshev_polynomial_w(input: Any, n: Any) -> Tensor:
    """`chebyshev_polynomial_w` of 2x - 1: on [0, 1]."""
    return chebyshev_polynomial_w(_shifted(input), n)


@with_out
def hermite_polynomial_h(input: Any, n: Any) -> Tensor:
    """The Hermite polynomial of physicists, whose weight is exp(-x**2).

    >>> wg.special.hermite_polynomial_h(wg.tensor([2.0]), 2)
    tensor([14.])
    """
    return _polynomial(input, n, lambda x: 2 * x, lambda k, x, p, q: 2 * x * p - 2 * k * q)


@with_out
def hermite_polynomial_he(input: Any, n: Any) -> Tensor:
    """The Hermite polynomial of probability theory, whose weight is exp(-x**2 / 2)."""
    return _polynomial(input, n, lambda x: x, lambda k, x, p, q: x * p - k * q)


@with_out
def laguerre_polynomial_l(input: Any, n: Any) -> Tensor:
    """The Laguerre polynomial, whose weight is exp(-x)."""
    return _polynomial(
        input, n, lambda x: 1 - x, lambda k, x, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1)
    )


@with_out
def legendre_polynomial_p(input: Any, n: Any) -> Tensor:
    """The Legendre polynomial, of constant weight on [-1, 1].

    >>> wg.special.legendre_polynomial_p(wg.tensor([0.5]), 2)
    tensor([-0.1250])
    """
    return _polynomial(
        input, n, lambda x: x, lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1)
    )


if not TYPE_CHECKING:

    def __getattr__(name):
        _missing.raise_missing(sys.modules[__name__], name)
