"""Distributions of counts and of choices."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg

from . import constraints
from .distribution import Distribution
from .exp_family import ExponentialFamily
from .utils import (
    broadcast_all,
    lazy_property,
    log1p_exp,
    logits_to_probs,
    probs_to_logits,
    standard_uniform,
)

__all__ = [
    "Bernoulli",
    "Binomial",
    "Categorical",
    "Geometric",
    "Multinomial",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "Poisson",
]


def _one_of(probs: Any, logits: Any) -> None:
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class _ByOdds(Distribution):
    """Has a probability of success, given as such or as log odds."""

    _tensors: ClassVar[dict[str, int]] = {"probs": 0, "logits": 0}

    def _take(self, probs: Any, logits: Any) -> wg.Tensor:
        _one_of(probs, logits)
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
            return self.probs
        (self.logits,) = broadcast_all(logits)
        return self.logits

    @property
    def _given(self) -> wg.Tensor:
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.__dict__["logits"]

    @lazy_property
    def probs(self) -> wg.Tensor:
        """The probability of success."""
        return logits_to_probs(self.logits, is_binary=True)

    @lazy_property
    def logits(self) -> wg.Tensor:
        """The log odds of success."""
        return probs_to_logits(self.probs, is_binary=True)


class Bernoulli(_ByOdds, ExponentialFamily):
    """One with a probability, else zero.

    Args:
        probs: the probability of one.
        logits: its log odds, instead.
        validate_args: see :class:`Distribution`.

    >>> import wengert as wg
    >>> wg.distributions.Bernoulli(0.25).log_prob(wg.tensor(1.0)).exp()
    tensor(0.2500)
    """

    arg_constraints: ClassVar[Any] = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(self._take(probs, logits).size(), validate_args=validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.probs

    @property
    def mode(self) -> wg.Tensor:
        mode = (self.probs >= 0.5).to(self.probs.dtype)
        return mode.masked_fill(self.probs == 0.5, math.nan)

    @property
    def variance(self) -> wg.Tensor:
        return self.probs * (1 - self.probs)

    @property
    def param_shape(self) -> wg.Size:
        """The shape of the parameter that was given."""
        return self._given.size()

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        with wg.no_grad():
            return wg.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        logits, value = broadcast_all(self.logits, self._checked(value))
        return -wg.nn.functional.binary_cross_entropy_with_logits(
            logits, value.to(logits.dtype), reduction="none"
        )

    def entropy(self) -> wg.Tensor:
        return wg.nn.functional.binary_cross_entropy_with_logits(
            self.logits, self.probs, reduction="none"
        )

    def enumerate_support(self, expand: bool = True) -> wg.Tensor:
        values = wg.arange(2, dtype=self._given.dtype)
        return _along_batch(values, self._batch_shape, expand)

    _mean_carrier_measure = 0

    @property
    def _natural_params(self) -> tuple[wg.Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: wg.Tensor) -> wg.Tensor:  # type: ignore[override]
        return log1p_exp(x)


class Geometric(_ByOdds):
    """The number of failures before the first success.

    Args:
        probs: the probability of success, above 0.
        logits: its log odds, instead.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        given = self._take(probs, logits)
        super().__init__(given.size(), validate_args=validate_args)
        if self._validate_args and probs is not None and not bool((given > 0).all()):
            raise ValueError(
                f"Expected parameter probs ({type(given).__name__} of shape {tuple(given.shape)}) "
                f"of distribution {self!r} to be positive but found invalid values:\n"
                f"{given[given <= 0]}"
            )

    @property
    def mean(self) -> wg.Tensor:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> wg.Tensor:
        return wg.zeros_like(self.probs)

    @property
    def variance(self) -> wg.Tensor:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        with wg.no_grad():
            u = standard_uniform(self.probs, self._extended_shape(sample_shape))
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value, probs = broadcast_all(self._checked(value), self.probs)
        probs = probs.masked_fill((probs == 1) & (value == 0), 0.0)
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self) -> wg.Tensor:
        return (
            wg.nn.functional.binary_cross_entropy_with_logits(
                self.logits, self.probs, reduction="none"
            )
            / self.probs
        )


class Poisson(ExponentialFamily):
    """The number of events that come at a rate.

    Args:
        rate: the mean.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer
    _tensors: ClassVar[dict[str, int]] = {"rate": 0}

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.size(), validate_args=validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.rate

    @property
    def mode(self) -> wg.Tensor:
        return self.rate.floor()

    @property
    def variance(self) -> wg.Tensor:
        return self.rate

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        with wg.no_grad():
            return wg.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        rate, value = broadcast_all(self.rate, self._checked(value))
        return wg.xlogy(value, rate) - rate - wg.lgamma(value + 1)

    @property
    def _natural_params(self) -> tuple[wg.Tensor, ...]:
        return (self.rate.log(),)

    def _log_normalizer(self, x: wg.Tensor) -> wg.Tensor:  # type: ignore[override]
        return x.exp()


class Binomial(_ByOdds):
    """The number of successes in independent trials.

    Args:
        total_count: the number of trials.
        probs: the probability of success.
        logits: its log odds, instead.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True
    _tensors: ClassVar[dict[str, int]] = {"total_count": 0, "probs": 0, "logits": 0}

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        name = "logits" if probs is None else "probs"
        given = self._take(probs, logits)
        count = total_count
        if isinstance(count, wg.Tensor):
            count = count.to(given.dtype)
        self.total_count, self.__dict__[name] = broadcast_all(count, given)
        self.total_count = self.total_count.to(given.dtype)
        super().__init__(self.total_count.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> wg.Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> wg.Tensor:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> wg.Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    @property
    def param_shape(self) -> wg.Size:
        """The shape of the parameter that was given."""
        return self._given.size()

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        with wg.no_grad():
            return wg.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value)
        n, logits = self.total_count, self.logits
        choices = wg.lgamma(n + 1) - wg.lgamma(value + 1) - wg.lgamma(n - value + 1)
        # value * log(p) + (n - value) * log(1 - p), without infinities of opposite sign
        return value * logits - n * log1p_exp(logits) + choices

    def entropy(self) -> wg.Tensor:
        most = int(self.total_count.max())
        if int(self.total_count.min()) != most:
            raise NotImplementedError("Inhomogeneous total count not supported by `entropy`.")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> wg.Tensor:
        most = int(self.total_count.max())
        if int(self.total_count.min()) != most:
            raise NotImplementedError(
                "Inhomogeneous total count not supported by `enumerate_support`."
            )
        values = wg.arange(1 + most, dtype=self._given.dtype)
        return _along_batch(values, self._batch_shape, expand)


class Categorical(Distribution):
    """A choice among ``k``, as its number.

    Args:
        probs: [..., k], weights that are divided by their sum.
        logits: [..., k], logarithms of weights, instead.
        validate_args: see :class:`Distribution`.

    >>> import wengert as wg
    >>> choice = wg.distributions.Categorical(wg.tensor([1.0, 3.0]))
    >>> choice.log_prob(wg.tensor(1)).exp()
    tensor(0.7500)
    """

    arg_constraints: ClassVar[Any] = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    has_enumerate_support = True
    _tensors: ClassVar[dict[str, int]] = {"probs": 1, "logits": 1}

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        _one_of(probs, logits)
        name, given = ("logits", logits) if probs is None else ("probs", probs)
        if given.dim() < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, True)
        else:
            self.logits = logits - logits.logsumexp(-1, True)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new._num_events = self._num_events
        return new

    @property
    def _given(self) -> wg.Tensor:
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.__dict__["logits"]

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @lazy_property
    def probs(self) -> wg.Tensor:
        """The probabilities."""
        return logits_to_probs(self.logits)

    @lazy_property
    def logits(self) -> wg.Tensor:
        """The logarithms of the probabilities."""
        return probs_to_logits(self.probs)

    @property
    def param_shape(self) -> wg.Size:
        """The shape of the parameter that was given."""
        return self._given.size()

    @property
    def mean(self) -> wg.Tensor:
        return wg.full(self._extended_shape(), math.nan, dtype=self._given.dtype)

    @property
    def mode(self) -> wg.Tensor:
        return self.probs.argmax(-1)

    @property
    def variance(self) -> wg.Tensor:
        return wg.full(self._extended_shape(), math.nan, dtype=self._given.dtype)

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = wg.Size(sample_shape)
        with wg.no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            if rows.numel() == 0 or shape.numel() == 0:
                return wg.empty(self._extended_shape(shape), dtype=wg.int64)
            drawn = wg.multinomial(rows, shape.numel(), True).T
        return drawn.reshape(self._extended_shape(shape))

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value).long().unsqueeze(-1)
        value, logits = wg.broadcast_tensors(value, self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> wg.Tensor:
        logits = self.logits.clamp(min=wg.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> wg.Tensor:
        values = wg.arange(self._num_events, dtype=wg.int64)
        return _along_batch(values, self._batch_shape, expand)


class _OverCategories(Distribution):
    """Is made of a categorical distribution, whose parameters are its own."""

    arg_constraints: ClassVar[Any] = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    _categorical: Categorical

    def __init__(self, probs: Any, logits: Any, validate_args: bool | None) -> None:
        self._categorical = Categorical(probs, logits, validate_args)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def probs(self) -> wg.Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> wg.Tensor:
        """The logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def param_shape(self) -> wg.Size:
        """The shape of the parameter that was given."""
        return self._categorical.param_shape

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new._categorical = self._categorical.expand(batch_shape)
        return new

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class OneHotCategorical(_OverCategories):
    """A choice among ``k``, as a vector with a one at its place.

    Args:
        probs: [..., k], weights that are divided by their sum.
        logits: [..., k], logarithms of weights, instead.
        validate_args: see :class:`Distribution`.
    """

    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(probs, logits, validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.probs

    @property
    def mode(self) -> wg.Tensor:
        return self._hot(self.probs.argmax(-1))

    @property
    def variance(self) -> wg.Tensor:
        return self.probs * (1 - self.probs)

    def _hot(self, choice: wg.Tensor) -> wg.Tensor:
        count = self._event_shape[0]
        return wg.nn.functional.one_hot(choice, count).to(self.probs.dtype)

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        return self._hot(self._categorical.sample(sample_shape))

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        return self._categorical.log_prob(self._checked(value).argmax(-1))

    def entropy(self) -> wg.Tensor:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> wg.Tensor:
        count = self._event_shape[0]
        values = wg.eye(count, dtype=self.probs.dtype)
        values = values.view(count, *(1,) * len(self._batch_shape), count)
        return values.expand(count, *self._batch_shape, count) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """One-hot draws whose gradient is that of the probabilities (Bengio et al., 2013)."""

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        probs = self.probs
        return self.sample(sample_shape) + (probs - probs.detach())


class Multinomial(_OverCategories):
    """How often each of ``k`` is chosen in independent choices.

    Args:
        total_count: the number of choices, an int.
        probs: [..., k], weights that are divided by their sum.
        logits: [..., k], logarithms of weights, instead.
        validate_args: see :class:`Distribution`.
    """

    def __init__(
        self,
        total_count: int = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        super().__init__(probs, logits, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new.total_count = self.total_count
        return new

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> wg.Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> wg.Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = wg.Size(sample_shape)
        choices = self._categorical.sample((self.total_count, *shape))
        last = choices.movedim(0, -1)
        counts = wg.zeros(self._extended_shape(shape), dtype=self.probs.dtype)
        return counts.scatter_add_(-1, last, wg.ones(last.shape, dtype=counts.dtype))

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        logits, value = broadcast_all(self.logits, self._checked(value))
        factorials = wg.lgamma(value.sum(-1) + 1) - wg.lgamma(value + 1).sum(-1)
        logits = logits.masked_fill((value == 0) & (logits == -math.inf), 0.0)
        return factorials + (logits * value).sum(-1)

    def entropy(self) -> wg.Tensor:
        n = self.total_count
        counts = Binomial(n, self.probs, validate_args=False)
        support = counts.enumerate_support(False)[1:]
        weighted = (counts.log_prob(support).exp() * wg.lgamma(support + 1)).sum((0, -1))
        return n * self._categorical.entropy() - math.lgamma(n + 1) + weighted


def _along_batch(values: wg.Tensor, batch_shape: Any, expand: bool) -> wg.Tensor:
    values = values.view(-1, *(1,) * len(batch_shape))
    return values.expand(-1, *batch_shape) if expand else values
