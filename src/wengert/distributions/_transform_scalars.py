"""Transforms of numbers, each by itself."""

from __future__ import annotations

import math
from typing import Any

import wengert as wg

from . import constraints
from ._transform_base import Transform
from .utils import log1p_exp, sum_rightmost

__all__ = [
    "AbsTransform",
    "AffineTransform",
    "CumulativeDistributionTransform",
    "ExpTransform",
    "PowerTransform",
    "SigmoidTransform",
    "SoftplusTransform",
    "TanhTransform",
]


class ExpTransform(Transform):
    """``y = exp(x)``."""

    codomain = constraints.positive
    bijective = True
    sign = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExpTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return x.exp()

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return x


class PowerTransform(Transform):
    """``y = x**exponent`` of positive numbers.

    Args:
        exponent: a number or a tensor.
        cache_size: see :class:`Transform`.
    """

    domain = constraints.positive
    codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent = wg.as_tensor(exponent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and bool(self.exponent.eq(other.exponent).all())

    __hash__ = Transform.__hash__

    @property
    def sign(self) -> Any:
        return self.exponent.sign()

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return x.pow(self.exponent)

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return (self.exponent * y / x).abs().log()


def _clipped_sigmoid(x: wg.Tensor) -> wg.Tensor:
    info = wg.finfo(x.dtype)
    return x.sigmoid().clamp(min=info.tiny, max=1.0 - info.eps)


class SigmoidTransform(Transform):
    """``y = 1 / (1 + exp(-x))``."""

    codomain = constraints.unit_interval
    bijective = True
    sign = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigmoidTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return _clipped_sigmoid(x)

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        info = wg.finfo(y.dtype)
        y = y.clamp(min=info.tiny, max=1.0 - info.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return -log1p_exp(-x) - log1p_exp(x)


class SoftplusTransform(Transform):
    """``y = log(1 + exp(x))``."""

    codomain = constraints.positive
    bijective = True
    sign = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SoftplusTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return log1p_exp(x)

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        return (-(-y).expm1()).log() + y

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return -log1p_exp(-x)


class TanhTransform(Transform):
    """``y = tanh(x)``. The inverse is inexact near the ends: use ``cache_size=1``."""

    codomain = constraints.interval(-1.0, 1.0)
    bijective = True
    sign = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TanhTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return x.tanh()

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return 2.0 * (math.log(2.0) - x - log1p_exp(-2.0 * x))


class AbsTransform(Transform):
    """``y = abs(x)``; its inverse gives the positive one."""

    codomain = constraints.positive

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbsTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return x.abs()

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        return y


class AffineTransform(Transform):
    """``y = loc + scale * x``.

    Args:
        loc: a number or a tensor.
        scale: a number or a tensor.
        event_dim: how many dimensions one value has.
        cache_size: see :class:`Transform`.
    """

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc = loc
        self.scale = scale
        self._event_dim = event_dim

    @property
    def event_dim(self) -> int:
        """How many dimensions one value has."""
        return self._event_dim

    @property
    def domain(self) -> Any:
        if self._event_dim == 0:
            return constraints.real
        return constraints.independent(constraints.real, self._event_dim)

    @property
    def codomain(self) -> Any:
        return self.domain

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AffineTransform):
            return False
        pairs = ((self.loc, other.loc), (self.scale, other.scale))
        return all(bool((wg.as_tensor(a) == wg.as_tensor(b)).all()) for a, b in pairs)

    __hash__ = Transform.__hash__

    @property
    def sign(self) -> Any:
        if isinstance(self.scale, wg.Tensor):
            return self.scale.sign()
        return 1 if self.scale > 0 else -1 if self.scale < 0 else 0

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        scale = wg.as_tensor(self.scale, dtype=x.dtype)
        return sum_rightmost(scale.abs().log().expand(x.shape), self._event_dim)

    def forward_shape(self, shape: Any) -> Any:
        return wg.broadcast_shapes(
            shape, getattr(self.loc, "shape", ()), getattr(self.scale, "shape", ())
        )

    inverse_shape = forward_shape


class CumulativeDistributionTransform(Transform):
    """``y = distribution.cdf(x)``, which makes draws of the distribution uniform.

    Args:
        distribution: a distribution of numbers with ``cdf``; the inverse needs ``icdf``.
        cache_size: see :class:`Transform`.

    >>> import wengert as wg
    >>> d = wg.distributions
    >>> d.transforms.CumulativeDistributionTransform(d.Normal(0.0, 1.0))(wg.tensor(0.0))
    tensor(0.5000)
    """

    codomain = constraints.unit_interval
    bijective = True
    sign = 1

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Any:
        return self.distribution.support

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return self.distribution.cdf(x)

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return self.distribution.log_prob(x)
