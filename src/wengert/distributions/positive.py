"""Distributions of positive numbers, and of shares of a whole."""

from __future__ import annotations

from typing import Any, ClassVar

import wengert as wg
from wengert import _ops

from . import constraints
from .exp_family import ExponentialFamily
from .utils import broadcast_all

__all__ = ["Beta", "Chi2", "Dirichlet", "Exponential", "Gamma"]


def standard_gamma(concentration: wg.Tensor) -> wg.Tensor:
    """Draws with scale 1, at least the dtype's least normal number; differentiable."""
    value = _ops._standard_gamma(concentration)
    return value.clamp(min=wg.finfo(value.dtype).tiny)


class Gamma(ExponentialFamily):
    """The gamma distribution.

    Args:
        concentration: the shape.
        rate: one over the scale.
        validate_args: see :class:`Distribution`.

    Draws are differentiable by implicit reparameterisation (Figurnov, Mohamed and Mnih, 2018).

    >>> import wengert as wg
    >>> wg.distributions.Gamma(2.0, 4.0).mean
    tensor(0.5000)
    """

    arg_constraints: ClassVar[Any] = {
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }
    support = constraints.nonnegative
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"concentration": 0, "rate": 0}

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.size(), validate_args=validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> wg.Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> wg.Tensor:
        return self.concentration / self.rate.square()

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        value = standard_gamma(self.concentration.expand(shape)) / self.rate
        return value.clamp(min=wg.finfo(value.dtype).tiny)

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = wg.as_tensor(value, dtype=self.rate.dtype)
        self._checked(value)
        return (
            wg.xlogy(self.concentration, self.rate)
            + wg.xlogy(self.concentration - 1, value)
            - self.rate * value
            - wg.lgamma(self.concentration)
        )

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        return _ops.igamma(self.concentration, self.rate * self._checked(value))

    def entropy(self) -> wg.Tensor:
        return (
            self.concentration
            - self.rate.log()
            + wg.lgamma(self.concentration)
            + (1 - self.concentration) * wg.digamma(self.concentration)
        )

    _mean_carrier_measure = 0

    @property
    def _natural_params(self) -> tuple[wg.Tensor, ...]:
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:  # type: ignore[override]
        return wg.lgamma(x + 1) - (x + 1) * (-y).log()


class Chi2(Gamma):
    """The chi-squared distribution: a sum of ``df`` squared normal numbers.

    Args:
        df: the degrees of freedom.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self) -> wg.Tensor:
        """The degrees of freedom."""
        return self.concentration * 2


class Exponential(ExponentialFamily):
    """The exponential distribution.

    Args:
        rate: one over the mean.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"rate": 0}

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.size(), validate_args=validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.rate.reciprocal()

    @property
    def mode(self) -> wg.Tensor:
        return wg.zeros_like(self.rate)

    @property
    def stddev(self) -> wg.Tensor:
        return self.rate.reciprocal()

    @property
    def variance(self) -> wg.Tensor:
        return self.rate.pow(-2)

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        return wg.empty(shape, dtype=self.rate.dtype).exponential_() / self.rate

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        return self.rate.log() - self.rate * self._checked(value)

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        return -(-self.rate * self._checked(value)).expm1()

    def icdf(self, value: wg.Tensor) -> wg.Tensor:
        return -(-value).log1p() / self.rate

    def entropy(self) -> wg.Tensor:
        return 1.0 - self.rate.log()

    _mean_carrier_measure = 0

    @property
    def _natural_params(self) -> tuple[wg.Tensor, ...]:
        return (-self.rate,)

    def _log_normalizer(self, x: wg.Tensor) -> wg.Tensor:  # type: ignore[override]
        return -(-x).log()


class Dirichlet(ExponentialFamily):
    """The Dirichlet distribution of shares that sum to one.

    Args:
        concentration: [..., k], one number per share.
        validate_args: see :class:`Distribution`.

    Draws are gamma numbers divided by their sum, and differentiable as those are.
    """

    arg_constraints: ClassVar[Any] = {
        "concentration": constraints.independent(constraints.positive, 1)
    }
    support = constraints.simplex
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"concentration": 1}

    def __init__(self, concentration: wg.Tensor, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> wg.Tensor:
        inner = (self.concentration - 1).clamp(min=0.0)
        mode = inner / inner.sum(-1, True)
        # All below one: the corners are most probable, the one of the greatest most of all.
        corners = (self.concentration < 1).all(-1, True)
        count = self.concentration.shape[-1]
        corner = wg.nn.functional.one_hot(mode.nan_to_num().argmax(-1), count).to(mode.dtype)
        return wg.where(corners, corner, mode)

    @property
    def variance(self) -> wg.Tensor:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.square() * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        values = standard_gamma(self.concentration.expand(shape))
        return values / values.sum(-1, True)

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        return (
            wg.xlogy(self.concentration - 1.0, self._checked(value)).sum(-1)
            + wg.lgamma(self.concentration.sum(-1))
            - wg.lgamma(self.concentration).sum(-1)
        )

    def entropy(self) -> wg.Tensor:
        count = self.concentration.shape[-1]
        total = self.concentration.sum(-1)
        return (
            wg.lgamma(self.concentration).sum(-1)
            - wg.lgamma(total)
            - (count - total) * wg.digamma(total)
            - ((self.concentration - 1.0) * wg.digamma(self.concentration)).sum(-1)
        )

    _mean_carrier_measure = 0

    @property
    def _natural_params(self) -> tuple[wg.Tensor, ...]:
        return (self.concentration - 1,)

    def _log_normalizer(self, x: wg.Tensor) -> wg.Tensor:  # type: ignore[override]
        return wg.lgamma(x + 1).sum(-1) - wg.lgamma((x + 1).sum(-1))


class Beta(ExponentialFamily):
    """The beta distribution of a share.

    Args:
        concentration1: the first shape, often called alpha.
        concentration0: the second, beta.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"_both": 1}

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        self._both = wg.stack(broadcast_all(concentration1, concentration0), -1)
        super().__init__(self._both.shape[:-1], validate_args=validate_args)

    @property
    def concentration1(self) -> wg.Tensor:
        """The first shape."""
        return self._both[..., 0]

    @property
    def concentration0(self) -> wg.Tensor:
        """The second shape."""
        return self._both[..., 1]

    @property
    def mean(self) -> wg.Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> wg.Tensor:
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> wg.Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.square() * (total + 1))

    @property
    def _dirichlet(self) -> Dirichlet:
        return Dirichlet(self._both, validate_args=False)

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        return self._dirichlet.rsample(sample_shape)[..., 0]

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value)
        return self._dirichlet.log_prob(wg.stack([value, 1.0 - value], -1))

    def entropy(self) -> wg.Tensor:
        return self._dirichlet.entropy()

    _mean_carrier_measure = 0

    @property
    def _natural_params(self) -> tuple[wg.Tensor, ...]:
        return self.concentration1 - 1, self.concentration0 - 1

    def _log_normalizer(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:  # type: ignore[override]
        return wg.lgamma(x + 1) + wg.lgamma(y + 1) - wg.lgamma(x + y + 2)
