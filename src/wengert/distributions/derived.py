"""Distributions that follow from others in one step."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg

from . import constraints
from .composed import TransformedDistribution
from .discrete import _ByOdds
from .distribution import Distribution
from .location_scale import EULER, Normal, Uniform
from .positive import Chi2, Exponential, Gamma
from .transforms import AffineTransform, ExpTransform, PowerTransform, StickBreakingTransform
from .utils import broadcast_all, log1p_exp

__all__ = [
    "FisherSnedecor",
    "InverseGamma",
    "Kumaraswamy",
    "LogisticNormal",
    "NegativeBinomial",
    "Pareto",
    "Weibull",
]


class _Named(TransformedDistribution):
    """A transformed distribution whose parameters, not those of its base, have names."""

    _tensors: ClassVar[dict[str, int]] = {}

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        shape = wg.Size(batch_shape)
        make: Any = type(self)  # takes its parameters in the order of `_tensors`
        new = make(
            *(getattr(self, name).expand(shape) for name in self._tensors), validate_args=False
        )
        new._validate_args = self._validate_args
        return new


class Weibull(_Named):
    """The Weibull distribution, of lifetimes.

    Args:
        scale: the quantile of ``1 - exp(-1)``.
        concentration: the shape; below 1 the young die more often, above 1 the old.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {
        "scale": constraints.positive,
        "concentration": constraints.positive,
    }
    support = constraints.positive
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"scale": 0, "concentration": 0}

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        base = Exponential(wg.ones_like(self.scale), validate_args=False)
        power = PowerTransform(self.concentration.reciprocal())
        super().__init__(base, [power, AffineTransform(0, self.scale)], validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.scale * wg.lgamma(1 + self.concentration.reciprocal()).exp()

    @property
    def mode(self) -> wg.Tensor:
        c = self.concentration
        return self.scale * ((c - 1) / c).clamp(min=0) ** c.reciprocal()

    @property
    def variance(self) -> wg.Tensor:
        inverse = self.concentration.reciprocal()
        square = wg.lgamma(1 + 2 * inverse).exp() - (2 * wg.lgamma(1 + inverse)).exp()
        return self.scale.square() * square

    def entropy(self) -> wg.Tensor:
        c = self.concentration
        return EULER * (1 - c.reciprocal()) + (self.scale / c).log() + 1


class Pareto(_Named):
    """The Pareto distribution, with a tail that falls as a power.

    Args:
        scale: the least value.
        alpha: the power.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {
        "alpha": constraints.positive,
        "scale": constraints.positive,
    }
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"scale": 0, "alpha": 0}

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=False)
        super().__init__(base, [ExpTransform(), AffineTransform(0, self.scale)], validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> wg.Tensor:
        a = self.alpha.clamp(min=1)  # infinite up to there
        return a * self.scale / (a - 1)

    @property
    def mode(self) -> wg.Tensor:
        return self.scale

    @property
    def variance(self) -> wg.Tensor:
        a = self.alpha.clamp(min=2)
        return self.scale.square() * a / ((a - 1).square() * (a - 2))

    def entropy(self) -> wg.Tensor:
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())


class InverseGamma(_Named):
    """One over a gamma number.

    Args:
        concentration: the shape of the gamma distribution.
        rate: its rate.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }
    support = constraints.positive
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"concentration": 0, "rate": 0}
    base_dist: Gamma

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        minus = -wg.ones((), dtype=base.rate.dtype)
        super().__init__(base, PowerTransform(minus), validate_args)

    @property
    def concentration(self) -> wg.Tensor:
        """The shape of the gamma distribution."""
        return self.base_dist.concentration

    @property
    def rate(self) -> wg.Tensor:
        """The rate of the gamma distribution."""
        return self.base_dist.rate

    @property
    def mean(self) -> wg.Tensor:
        c = self.concentration
        return wg.where(c > 1, self.rate / (c - 1), math.inf)

    @property
    def mode(self) -> wg.Tensor:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> wg.Tensor:
        c = self.concentration
        value = self.rate.square() / ((c - 1).square() * (c - 2))
        return wg.where(c > 2, value, math.inf)

    def entropy(self) -> wg.Tensor:
        c = self.concentration
        return c + self.rate.log() + wg.lgamma(c) - (1 + c) * wg.digamma(c)


class Kumaraswamy(_Named):
    """Kumaraswamy's distribution of a share: like a beta distribution, with a closed cdf.

    Args:
        concentration1: the first shape.
        concentration0: the second.
        validate_args: see :class:`Distribution`.

    >>> import wengert as wg
    >>> wg.distributions.Kumaraswamy(1.0, 1.0).mean
    tensor(0.5000)
    """

    arg_constraints: ClassVar[Any] = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"concentration1": 0, "concentration0": 0}

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        a, b = broadcast_all(concentration1, concentration0)
        self.concentration1, self.concentration0 = a, b
        base = Uniform(wg.zeros_like(a), wg.ones_like(a), validate_args=validate_args)
        # x = (1 - u**(1 / b))**(1 / a)
        steps = [
            PowerTransform(b.reciprocal()),
            AffineTransform(1.0, -1.0),
            PowerTransform(a.reciprocal()),
        ]
        super().__init__(base, steps, validate_args)

    def _moment(self, power: int) -> wg.Tensor:
        a, b = self.concentration1, self.concentration0
        part = 1 + power / a
        return b * (wg.lgamma(part) + wg.lgamma(b) - wg.lgamma(part + b)).exp()

    @property
    def mean(self) -> wg.Tensor:
        return self._moment(1)

    @property
    def mode(self) -> wg.Tensor:
        a, b = self.concentration1, self.concentration0
        # Where both are below 1 the density has no maximum; it ends up at the ends.
        none = (a < 1) | (b < 1)
        log_mode = a.reciprocal() * ((1 - a).neg().log() - (a * b - 1).log())
        return log_mode.exp().masked_fill(none, math.nan)

    @property
    def variance(self) -> wg.Tensor:
        return self._moment(2) - self._moment(1).square()

    def entropy(self) -> wg.Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = wg.digamma(b + 1) + EULER
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic - a.log() - b.log()


class LogisticNormal(TransformedDistribution):
    """Shares, from a normal distribution by breaking a stick.

    Args:
        loc: [..., k], for ``k + 1`` shares.
        scale: [..., k].
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args)

    @property
    def loc(self) -> wg.Tensor:
        """The mean before the stick is broken."""
        return self.base_dist.base_dist.loc  # type: ignore[attr-defined]

    @property
    def scale(self) -> wg.Tensor:
        """The standard deviation before the stick is broken."""
        return self.base_dist.base_dist.scale  # type: ignore[attr-defined]


class FisherSnedecor(Distribution):
    """The F distribution: the ratio of two chi-squared numbers, each over its degrees of freedom.

    Args:
        df1: the degrees of freedom above.
        df2: those below.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"df1": 0, "df2": 0}

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        super().__init__(self.df1.size(), validate_args=validate_args)

    @property
    def mean(self) -> wg.Tensor:
        df2 = self.df2.masked_fill(self.df2 <= 2, math.nan)
        return df2 / (df2 - 2)

    @property
    def mode(self) -> wg.Tensor:
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return mode.masked_fill(self.df1 <= 2, math.nan)

    @property
    def variance(self) -> wg.Tensor:
        df2 = self.df2.masked_fill(self.df2 <= 4, math.nan)
        above = 2 * df2.square() * (self.df1 + df2 - 2)
        return above / (self.df1 * (df2 - 2).square() * (df2 - 4))

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        above = Chi2(self.df1, validate_args=False).rsample(sample_shape) / self.df1
        below = Chi2(self.df2, validate_args=False).rsample(sample_shape) / self.df2
        tiny = wg.finfo(self.df1.dtype).tiny
        return (above / below.clamp(min=tiny)).clamp(min=tiny)

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value)
        half1, half2 = self.df1 / 2, self.df2 / 2
        ratio = self.df1 / self.df2
        constant = wg.lgamma(half1 + half2) - wg.lgamma(half1) - wg.lgamma(half2)
        return (
            constant
            + half1 * ratio.log()
            + (half1 - 1) * value.log()
            - (half1 + half2) * (ratio * value).log1p()
        )


class NegativeBinomial(_ByOdds):
    """The number of successes before ``total_count`` failures, which need not be whole.

    Args:
        total_count: the number of failures to wait for.
        probs: the probability of success, below 1.
        logits: its log odds, instead.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _tensors: ClassVar[dict[str, int]] = {"total_count": 0, "probs": 0, "logits": 0}

    def __init__(
        self,
        total_count: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        name = "logits" if probs is None else "probs"
        given = self._take(probs, logits)
        count = total_count.to(given.dtype) if isinstance(total_count, wg.Tensor) else total_count
        given, self.total_count = broadcast_all(given, count)
        self.__dict__[name] = given
        super().__init__(given.size(), validate_args=validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> wg.Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> wg.Tensor:
        return self.mean / (-self.logits).sigmoid()

    @property
    def param_shape(self) -> wg.Size:
        """The shape of the parameter that was given."""
        return self._given.size()

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        with wg.no_grad():
            rate = Gamma(self.total_count, (-self.logits).exp(), validate_args=False)
            return wg.poisson(rate.sample(sample_shape))

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value)
        n = self.total_count
        terms = -n * log1p_exp(self.logits) - value * log1p_exp(-self.logits)
        ways = wg.lgamma(n + value) - wg.lgamma(1 + value) - wg.lgamma(n)
        return terms + ways.masked_fill((n + value) == 0, 0.0)
