"""The distribution of what exceeds a high threshold."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg

from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """The generalized Pareto distribution.

    Args:
        loc: the least value.
        scale: the spread.
        concentration: the shape: 0 gives the exponential distribution, -1 the uniform one, above
            0 there is a tail that falls as a power, below 0 a greatest value.
        validate_args: see :class:`Distribution`.

    >>> import wengert as wg
    >>> wg.distributions.GeneralizedPareto(0.0, 1.0, 0.5).cdf(wg.tensor(2.0))
    tensor(0.7500)
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(
        self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        ends = self.concentration < 0
        shape = self.concentration.masked_fill(~ends, -1.0)
        highest = wg.where(ends, self.loc - self.scale / shape, math.inf)
        return constraints.interval(self.loc, highest)

    def _shape(self) -> tuple[wg.Tensor, wg.Tensor]:
        """Where the shape counts as 0, and the shape with 1 in its stead."""
        zero = self.concentration.abs() <= 1e-8
        return zero, self.concentration.masked_fill(zero, 1.0)

    def _hazard(self, value: wg.Tensor) -> wg.Tensor:
        """Minus the logarithm of the probability of greater values."""
        z = (value - self.loc) / self.scale
        zero, shape = self._shape()
        return wg.where(zero, z, (shape * z).log1p() / shape)

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        hazard = self._hazard(self._checked(value))
        return -self.scale.log() - hazard * (1 + self.concentration)

    def log_survival_function(self, value: wg.Tensor) -> wg.Tensor:
        """The logarithm of the probability of greater values."""
        return -self._hazard(self._checked(value))

    def log_cdf(self, value: wg.Tensor) -> wg.Tensor:
        """The logarithm of :meth:`cdf`."""
        return self.cdf(value).log()

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        return -self.log_survival_function(value).expm1()

    def icdf(self, value: wg.Tensor) -> wg.Tensor:
        hazard = -(-value).log1p()
        zero, shape = self._shape()
        return self.loc + self.scale * wg.where(zero, hazard, (shape * hazard).expm1() / shape)

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        return self.icdf(wg.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    @property
    def mean(self) -> wg.Tensor:
        finite = self.concentration < 1
        value = self.loc + self.scale / (1 - self.concentration.masked_fill(~finite, 0.5))
        return wg.where(finite, value, math.nan)

    @property
    def mode(self) -> wg.Tensor:
        return self.loc

    @property
    def variance(self) -> wg.Tensor:
        finite = self.concentration < 0.5
        shape = self.concentration.masked_fill(~finite, 0.25)
        value = self.scale.square() / ((1 - shape).square() * (1 - 2 * shape))
        return wg.where(finite, value, math.nan)

    def entropy(self) -> wg.Tensor:
        return self.scale.log() + self.concentration + 1
