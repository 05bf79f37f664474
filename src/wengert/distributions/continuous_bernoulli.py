"""The Bernoulli density on all of [0, 1]."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg

from . import constraints
from .discrete import _ByOdds
from .exp_family import ExponentialFamily
from .utils import clamp_probs

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(_ByOdds, ExponentialFamily):
    """Numbers in [0, 1] with a density as ``probs**x * (1 - probs)**(1 - x)``.

    Args:
        probs: in (0, 1); it is not the mean.
        logits: its log odds, instead.
        lims: between these probabilities, where the closed forms lose all digits, their series
            around 0.5 are taken.
        validate_args: see :class:`Distribution`.

    Source: Loaiza-Ganem and Cunningham (2019), https://arxiv.org/abs/1907.06845.

    >>> import wengert as wg
    >>> wg.distributions.ContinuousBernoulli(0.5).log_prob(wg.tensor(0.3))
    tensor(0.)
    """

    arg_constraints: ClassVar[Any] = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        given = self._take(probs, logits)
        if probs is not None:
            # The base class cannot check this: what is clamped is always valid.
            if validate_args and not bool(self.arg_constraints["probs"].check(given).all()):
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(given)
        self._lims = lims
        super().__init__(given.size(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new._lims = self._lims
        return new

    @property
    def param_shape(self) -> wg.Size:
        """The shape of the parameter that was given."""
        return self._given.size()

    def _near_half(self) -> tuple[wg.Tensor, wg.Tensor, wg.Tensor]:
        """Where the series count; the probabilities moved away from there; the distance to 0.5."""
        low, high = self._lims
        near = (self.probs > low) & (self.probs <= high)
        return near, self.probs.masked_fill(near, low), self.probs - 0.5

    def _cont_bern_log_norm(self) -> wg.Tensor:
        """The logarithm of what the density is multiplied by, to integrate to one."""
        near, probs, x = self._near_half()
        exact = (((-probs).log1p() - probs.log()) / (1 - 2 * probs)).abs().log()
        # 2 atanh(1 - 2p) / (1 - 2p) = 2 + 2/3 u + ..., u = (1 - 2p)**2
        return wg.where(near, math.log(2.0) + (4 / 3 + 104 / 45 * x.square()) * x.square(), exact)

    @property
    def mean(self) -> wg.Tensor:
        near, probs, x = self._near_half()
        exact = probs / (2 * probs - 1) + 1 / ((-probs).log1p() - probs.log())
        return wg.where(near, 0.5 + (1 / 3 + 16 / 45 * x.square()) * x, exact)

    @property
    def variance(self) -> wg.Tensor:
        near, probs, x = self._near_half()
        odds = ((-probs).log1p() - probs.log()).square()
        exact = probs * (probs - 1) / (1 - 2 * probs).square() + 1 / odds
        u = x.square()
        return wg.where(near, 1 / 12 - (1 / 15 + 128 / 945 * u) * u, exact)

    @property
    def stddev(self) -> wg.Tensor:
        return self.variance.sqrt()

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        return self.icdf(wg.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype))

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value)
        logits, value = wg.broadcast_tensors(self.logits, value)
        density = -wg.nn.functional.binary_cross_entropy_with_logits(
            logits, value.to(logits.dtype), reduction="none"
        )
        return density + self._cont_bern_log_norm()

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value)
        near, probs, _ = self._near_half()
        exact = (probs.pow(value) * (1 - probs).pow(1 - value) + probs - 1) / (2 * probs - 1)
        inside = wg.where(near, value, exact)
        return wg.where(value <= 0, 0.0, wg.where(value >= 1, 1.0, inside))

    def icdf(self, value: wg.Tensor) -> wg.Tensor:
        near, probs, _ = self._near_half()
        rest = (-probs).log1p()
        exact = ((-probs + value * (2 * probs - 1)).log1p() - rest) / (probs.log() - rest)
        return wg.where(near, value, exact)

    def entropy(self) -> wg.Tensor:
        rest = (-self.probs).log1p()
        odds = self.probs.log() - rest
        return -self.mean * odds - rest - self._cont_bern_log_norm()

    @property
    def _natural_params(self) -> tuple[wg.Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: wg.Tensor) -> wg.Tensor:  # type: ignore[override]
        low, high = self._lims
        near = (x > low - 0.5) & (x <= high - 0.5)
        away = x.masked_fill(near, low - 0.5)
        # log((exp(x) - 1) / x)
        return wg.where(near, 0.5 * x + x.square() / 24, (away.expm1() / away).log())
