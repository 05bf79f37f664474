"""Distributions on the line that a location and a scale move and stretch, and the uniform one."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg
from wengert import _ops

from . import constraints
from .distribution import Distribution
from .exp_family import ExponentialFamily
from .utils import broadcast_all

__all__ = ["Cauchy", "Gumbel", "Laplace", "Normal", "StudentT", "Uniform"]

EULER = 0.57721566490153286061


class _LocationScale(Distribution):
    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"loc": 0, "scale": 0}
    loc: wg.Tensor
    scale: wg.Tensor

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.size(), validate_args=validate_args)

    def _standard(self, value: wg.Tensor) -> wg.Tensor:
        return (self._checked(value) - self.loc) / self.scale


class Normal(_LocationScale, ExponentialFamily):
    """The normal distribution.

    Args:
        loc: the mean.
        scale: the standard deviation.
        validate_args: see :class:`Distribution`.

    >>> import wengert as wg
    >>> wg.distributions.Normal(0.0, 1.0).log_prob(wg.tensor(0.0))
    tensor(-0.9189)
    """

    @property
    def mean(self) -> wg.Tensor:
        return self.loc

    @property
    def mode(self) -> wg.Tensor:
        return self.loc

    @property
    def stddev(self) -> wg.Tensor:
        return self.scale

    @property
    def variance(self) -> wg.Tensor:
        return self.scale.square()

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        with wg.no_grad():
            return wg.normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        return self.loc + wg.randn(shape, dtype=self.loc.dtype) * self.scale

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        z = self._standard(value)
        return -0.5 * z.square() - self.scale.log() - 0.5 * math.log(2 * math.pi)

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        return _ops.ndtr(self._standard(value))

    def icdf(self, value: wg.Tensor) -> wg.Tensor:
        return self.loc + self.scale * _ops.ndtri(value)

    def entropy(self) -> wg.Tensor:
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()

    _mean_carrier_measure = 0

    @property
    def _natural_params(self) -> tuple[wg.Tensor, ...]:
        precision = self.scale.square().reciprocal()
        return self.loc * precision, -0.5 * precision

    def _log_normalizer(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:  # type: ignore[override]
        return -0.25 * x.square() / y + 0.5 * (-math.pi / y).log()


class Laplace(_LocationScale):
    """The Laplace, or double exponential, distribution.

    Args:
        loc: the mean.
        scale: the mean distance from it.
        validate_args: see :class:`Distribution`.
    """

    @property
    def mean(self) -> wg.Tensor:
        return self.loc

    @property
    def mode(self) -> wg.Tensor:
        return self.loc

    @property
    def variance(self) -> wg.Tensor:
        return 2 * self.scale.square()

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        sign = wg.rand(shape, dtype=self.loc.dtype) - 0.5
        size = wg.empty(shape, dtype=self.loc.dtype).exponential_()
        return self.loc + self.scale * size.copysign(sign)

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        return -(2 * self.scale).log() - self._standard(value).abs()

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        z = self._standard(value)
        return 0.5 - 0.5 * z.sign() * (-z.abs()).expm1()

    def icdf(self, value: wg.Tensor) -> wg.Tensor:
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> wg.Tensor:
        return 1 + (2 * self.scale).log()


class Cauchy(_LocationScale):
    """The Cauchy distribution, which has neither mean nor variance.

    Args:
        loc: the median.
        scale: half the width at half the height.
        validate_args: see :class:`Distribution`.
    """

    @property
    def mean(self) -> wg.Tensor:
        return wg.full(self._extended_shape(), math.nan, dtype=self.loc.dtype)

    @property
    def mode(self) -> wg.Tensor:
        return self.loc

    @property
    def variance(self) -> wg.Tensor:
        return wg.full(self._extended_shape(), math.inf, dtype=self.loc.dtype)

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        return self.loc + wg.empty(shape, dtype=self.loc.dtype).cauchy_() * self.scale

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        return -math.log(math.pi) - self.scale.log() - self._standard(value).square().log1p()

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        return self._standard(value).atan() / math.pi + 0.5

    def icdf(self, value: wg.Tensor) -> wg.Tensor:
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> wg.Tensor:
        return math.log(4 * math.pi) + self.scale.log()


class Gumbel(_LocationScale):
    """The Gumbel distribution, of the greatest of many.

    Args:
        loc: the mode.
        scale: the spread.
        validate_args: see :class:`Distribution`.
    """

    @property
    def mean(self) -> wg.Tensor:
        return self.loc + self.scale * EULER

    @property
    def mode(self) -> wg.Tensor:
        return self.loc

    @property
    def variance(self) -> wg.Tensor:
        return self.scale.square() * (math.pi**2 / 6)

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        # -log of an exponential number.
        size = wg.empty(shape, dtype=self.loc.dtype).exponential_()
        return self.loc - self.scale * size.clamp(min=wg.finfo(self.loc.dtype).tiny).log()

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        z = self._standard(value)
        return -z - (-z).exp() - self.scale.log()

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        return (-(-self._standard(value)).exp()).exp()

    def icdf(self, value: wg.Tensor) -> wg.Tensor:
        return self.loc - self.scale * (-value.log()).log()

    def entropy(self) -> wg.Tensor:
        return self.scale.log() + (1 + EULER)


class StudentT(Distribution):
    """Student's t distribution.

    Args:
        df: the degrees of freedom.
        loc: the centre.
        scale: the spread.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"df": 0, "loc": 0, "scale": 0}

    def __init__(
        self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        super().__init__(self.df.size(), validate_args=validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.loc.masked_fill(self.df <= 1, math.nan)

    @property
    def mode(self) -> wg.Tensor:
        return self.loc

    @property
    def variance(self) -> wg.Tensor:
        inside = self.df > 2
        df = self.df.masked_fill(~inside, 3.0)
        value = self.scale.square() * df / (df - 2)
        return value.masked_fill(~inside, math.inf).masked_fill(self.df <= 1, math.nan)

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        from .positive import Chi2

        shape = self._extended_shape(sample_shape)
        x = wg.randn(shape, dtype=self.df.dtype)
        z = Chi2(self.df, validate_args=False).rsample(sample_shape)
        return self.loc + self.scale * x * (z / self.df).rsqrt()

    def _log_normalizer(self) -> wg.Tensor:
        return (
            0.5 * self.df.log()
            + 0.5 * math.log(math.pi)
            + wg.lgamma(0.5 * self.df)
            - wg.lgamma(0.5 * (self.df + 1))
        )

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        z = (self._checked(value) - self.loc) / self.scale
        power = -0.5 * (self.df + 1) * (z.square() / self.df).log1p()
        return power - self.scale.log() - self._log_normalizer()

    def entropy(self) -> wg.Tensor:
        half = 0.5 * (self.df + 1)
        change = wg.digamma(half) - wg.digamma(0.5 * self.df)
        return self.scale.log() + half * change + self._log_normalizer()


class Uniform(Distribution):
    """The uniform distribution on [low, high).

    Args:
        low: the least value.
        high: the value that all are below.
        validate_args: see :class:`Distribution`.
    """

    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"low": 0, "high": 0}
    arg_constraints: ClassVar[Any] = {
        "low": constraints.dependent(is_discrete=False, event_dim=0),
        "high": constraints.dependent(is_discrete=False, event_dim=0),
    }

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.size(), validate_args=validate_args)
        if self._validate_args and not bool((self.low < self.high).all()):
            raise ValueError("Uniform is not defined when low>= high")

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> wg.Tensor:
        return (self.high + self.low) / 2

    @property
    def mode(self) -> wg.Tensor:
        return math.nan * self.high

    @property
    def stddev(self) -> wg.Tensor:
        return (self.high - self.low) / math.sqrt(12)

    @property
    def variance(self) -> wg.Tensor:
        return (self.high - self.low).square() / 12

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        u = wg.rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + u * (self.high - self.low)

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value)
        inside = (self.low <= value) & (value < self.high)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value)
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value: wg.Tensor) -> wg.Tensor:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> wg.Tensor:
        return (self.high - self.low).log()
