"""Continuous relaxations of choices, with a temperature.

Sources: Maddison, Mnih and Teh (2017), https://arxiv.org/abs/1611.00712; Jang, Gu and Poole (2017),
https://arxiv.org/abs/1611.01144.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg

from . import constraints
from .composed import TransformedDistribution
from .discrete import _ByOdds, _OverCategories
from .transforms import ExpTransform, SigmoidTransform
from .utils import clamp_probs, log1p_exp

__all__ = [
    "ExpRelaxedCategorical",
    "LogitRelaxedBernoulli",
    "RelaxedBernoulli",
    "RelaxedOneHotCategorical",
]


class LogitRelaxedBernoulli(_ByOdds):
    """The log odds of :class:`RelaxedBernoulli`.

    Args:
        temperature: a tensor; the nearer to 0, the nearer to a choice.
        probs: the probability of one.
        logits: its log odds, instead.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        super().__init__(self._take(probs, logits).size(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new.temperature = self.temperature
        return new

    @property
    def param_shape(self) -> wg.Size:
        """The shape of the parameter that was given."""
        return self._given.size()

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        probs = clamp_probs(self.probs)
        u = clamp_probs(wg.rand(self._extended_shape(sample_shape), dtype=probs.dtype))
        noise = u.log() - (-u).log1p()
        return (noise + probs.log() - (-probs).log1p()) / self.temperature

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        difference = self.logits - self._checked(value) * self.temperature
        temperature = wg.as_tensor(self.temperature)
        return temperature.log() + difference - 2 * log1p_exp(difference)


class _Relaxed(TransformedDistribution):
    """What both relaxed distributions pass on from the one that they transform."""

    has_rsample = True
    base_dist: Any

    @property
    def temperature(self) -> Any:
        """The temperature."""
        return self.base_dist.temperature

    @property
    def logits(self) -> wg.Tensor:
        """The log odds of one, or the logarithms of the probabilities."""
        return self.base_dist.logits

    @property
    def probs(self) -> wg.Tensor:
        """The probability of one, or the probabilities."""
        return self.base_dist.probs


class RelaxedBernoulli(_Relaxed):
    """A number in (0, 1) that is near 0 or 1 where the temperature is low; differentiable.

    Args:
        temperature: a tensor; the nearer to 0, the nearer to a choice.
        probs: the probability of one.
        logits: its log odds, instead.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    support = constraints.unit_interval

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits, validate_args)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)


class ExpRelaxedCategorical(_OverCategories):
    """The logarithm of :class:`RelaxedOneHotCategorical`.

    Args:
        temperature: a tensor; the nearer to 0, the nearer to a choice.
        probs: [..., k], weights that are divided by their sum.
        logits: [..., k], logarithms of weights, instead.
        validate_args: see :class:`Distribution`.
    """

    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new.temperature = self.temperature
        return new

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        size = wg.empty(shape, dtype=self.logits.dtype).exponential_()
        gumbel = -size.clamp(min=wg.finfo(size.dtype).tiny).log()
        scores = (self.logits + gumbel) / self.temperature
        return scores - scores.logsumexp(-1, True)

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        count = self._event_shape[0]
        logits, value = wg.broadcast_tensors(self.logits, self._checked(value))
        temperature = wg.as_tensor(self.temperature, dtype=logits.dtype)
        scale = math.lgamma(count) + (count - 1) * temperature.log()
        score = logits - value * temperature
        return (score - score.logsumexp(-1, True)).sum(-1) + scale


class RelaxedOneHotCategorical(_Relaxed):
    """Shares that are near a one-hot vector where the temperature is low; differentiable.

    Args:
        temperature: a tensor; the nearer to 0, the nearer to a choice.
        probs: [..., k], weights that are divided by their sum.
        logits: [..., k], logarithms of weights, instead.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    support = constraints.simplex

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)
