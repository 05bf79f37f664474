"""Distributions made of others."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg

from . import constraints
from .discrete import Categorical
from .distribution import Distribution
from .location_scale import Cauchy, Normal
from .transforms import ComposeTransform, ExpTransform, Transform
from .utils import broadcast_all, sum_rightmost

__all__ = [
    "HalfCauchy",
    "HalfNormal",
    "Independent",
    "LogNormal",
    "MixtureSameFamily",
    "TransformedDistribution",
]


class Independent(Distribution):
    """Counts the last dimensions of a batch as parts of one draw.

    Args:
        base_distribution: the distribution.
        reinterpreted_batch_ndims: how many of its batch dimensions become event dimensions.
        validate_args: see :class:`Distribution`.

    >>> import wengert as wg
    >>> base = wg.distributions.Normal(wg.zeros(3), wg.ones(3))
    >>> wg.distributions.Independent(base, 1).log_prob(wg.zeros(3))
    tensor(-2.7568)
    """

    def __init__(
        self,
        base_distribution: Distribution,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        batch = base_distribution.batch_shape
        if reinterpreted_batch_ndims > len(batch):
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual "
                f"{reinterpreted_batch_ndims} vs {len(batch)}"
            )
        cut = len(batch) - reinterpreted_batch_ndims
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        super().__init__(batch[:cut], (*batch[cut:], *base_distribution.event_shape), validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        own = self._event_shape[: self.reinterpreted_batch_ndims]
        new.base_dist = self.base_dist.expand((*batch_shape, *own))
        new.reinterpreted_batch_ndims = self.reinterpreted_batch_ndims
        return new

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.base_dist.has_rsample

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        return self.reinterpreted_batch_ndims == 0 and self.base_dist.has_enumerate_support

    @constraints.dependent_property
    def support(self) -> Any:
        result = self.base_dist.support
        count = self.reinterpreted_batch_ndims
        return constraints.independent(result, count) if count else result

    @property
    def mean(self) -> wg.Tensor:
        return self.base_dist.mean

    @property
    def mode(self) -> wg.Tensor:
        return self.base_dist.mode

    @property
    def variance(self) -> wg.Tensor:
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> wg.Tensor:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> wg.Tensor:
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.reinterpreted_batch_ndims})"


class TransformedDistribution(Distribution):
    """What becomes of the draws of a distribution.

    Args:
        base_distribution: the distribution.
        transforms: one transform or a list, the first to be applied first.
        validate_args: see :class:`Distribution`.

    >>> import wengert as wg
    >>> d = wg.distributions
    >>> logistic = d.TransformedDistribution(
    ...     d.Uniform(0.0, 1.0),
    ...     [d.transforms.SigmoidTransform().inv, d.transforms.AffineTransform(1.0, 2.0)],
    ... )
    >>> logistic.log_prob(wg.tensor(1.0)).exp()
    tensor(0.1250)
    """

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Any,
        validate_args: bool | None = None,
    ) -> None:
        if isinstance(transforms, Transform):
            transforms = [transforms]
        if not isinstance(transforms, list) or not all(
            isinstance(transform, Transform) for transform in transforms
        ):
            raise ValueError(
                f"transforms must be a Transform or list of Transforms, but was {transforms}"
            )
        self.transforms = transforms
        base = base_distribution
        whole = ComposeTransform(transforms)
        shape = base.batch_shape + base.event_shape
        if len(shape) < whole.domain.event_dim:
            raise ValueError(
                "base_distribution needs to have shape with size at least "
                f"{whole.domain.event_dim}, but got {shape}."
            )
        forward = whole.forward_shape(shape)
        base_shape = whole.inverse_shape(forward)
        if base_shape != shape:
            cut = len(base_shape) - len(base.event_shape)
            base = base.expand(base_shape[:cut])
        extra = whole.domain.event_dim - len(base.event_shape)
        if extra > 0:
            base = Independent(base, extra)
        self.base_dist = base
        event = len(base.event_shape) + whole.codomain.event_dim - whole.domain.event_dim
        event = max(whole.codomain.event_dim, event)
        cut = len(forward) - event
        super().__init__(forward[:cut], forward[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new.transforms = self.transforms
        shape = ComposeTransform(self.transforms).inverse_shape(
            wg.Size((*batch_shape, *self._event_shape))
        )
        new.base_dist = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        return new

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.base_dist.has_rsample

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        extra = len(self._event_shape) - support.event_dim
        return constraints.independent(support, extra) if extra > 0 else support

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        with wg.no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        return self._transformed(self.base_dist.rsample(sample_shape))

    def _transformed(self, value: wg.Tensor) -> wg.Tensor:
        for transform in self.transforms:
            value = transform(value)
        return value

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        y = self._checked(value)
        dims = len(self._event_shape)
        total: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            dims += transform.domain.event_dim - transform.codomain.event_dim
            change = transform.log_abs_det_jacobian(x, y)
            total = total - sum_rightmost(change, dims - transform.domain.event_dim)
            y = x
        base = self.base_dist.log_prob(y)
        return total + sum_rightmost(base, dims - len(self.base_dist.event_shape))

    def _flipped(self, value: wg.Tensor) -> wg.Tensor:
        """Probabilities, from the other side where the transforms fall."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return value
        return sign * (value - 0.5) + 0.5

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value)
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._flipped(self.base_dist.cdf(value))

    def icdf(self, value: wg.Tensor) -> wg.Tensor:
        return self._transformed(self.base_dist.icdf(self._flipped(value)))


class LogNormal(TransformedDistribution):
    """The exponential of a normal number.

    Args:
        loc: the mean of the logarithm.
        scale: its standard deviation.
        validate_args: see :class:`Distribution`.
    """

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    has_rsample = True
    base_dist: Normal

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    @property
    def loc(self) -> wg.Tensor:
        """The mean of the logarithm."""
        return self.base_dist.loc

    @property
    def scale(self) -> wg.Tensor:
        """The standard deviation of the logarithm."""
        return self.base_dist.scale

    @property
    def mean(self) -> wg.Tensor:
        return (self.loc + self.scale.square() / 2).exp()

    @property
    def mode(self) -> wg.Tensor:
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self) -> wg.Tensor:
        square = self.scale.square()
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self) -> wg.Tensor:
        return self.base_dist.entropy() + self.loc


class _Half(Distribution):
    """The absolute value of a draw from a distribution that is symmetric about 0."""

    arg_constraints: ClassVar[Any] = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    base_dist: Any

    def __init__(self, base: Distribution, validate_args: bool | None) -> None:
        self.base_dist = base
        super().__init__(base.batch_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new.base_dist = self.base_dist.expand(batch_shape)
        return new

    @property
    def scale(self) -> wg.Tensor:
        """The scale of the distribution that is folded."""
        return self.base_dist.scale

    @property
    def mode(self) -> wg.Tensor:
        return wg.zeros_like(self.scale)

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        return self.base_dist.rsample(sample_shape).abs()

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = wg.as_tensor(self._checked(value), dtype=self.scale.dtype)
        density = self.base_dist.log_prob(value) + math.log(2)
        return wg.where(value >= 0, density, -math.inf)

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        return 2 * self.base_dist.cdf(self._checked(value)) - 1

    def icdf(self, value: wg.Tensor) -> wg.Tensor:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> wg.Tensor:
        return self.base_dist.entropy() - math.log(2)


class HalfNormal(_Half):
    """The absolute value of a normal number of mean 0.

    Args:
        scale: its standard deviation.
        validate_args: see :class:`Distribution`.
    """

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (scale,) = broadcast_all(scale)
        zero = wg.zeros((), dtype=scale.dtype)
        super().__init__(Normal(zero, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> wg.Tensor:
        return self.scale.square() * (1 - 2 / math.pi)

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        return (self._checked(value) / (self.scale * math.sqrt(2))).erf()


class HalfCauchy(_Half):
    """The absolute value of a Cauchy number around 0.

    Args:
        scale: its scale.
        validate_args: see :class:`Distribution`.
    """

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (scale,) = broadcast_all(scale)
        zero = wg.zeros((), dtype=scale.dtype)
        super().__init__(Cauchy(zero, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return wg.full(self._extended_shape(), math.inf, dtype=self.scale.dtype)

    @property
    def variance(self) -> wg.Tensor:
        return self.base_dist.variance

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        return (self._checked(value) / self.scale).atan() * (2 / math.pi)


class MixtureSameFamily(Distribution):
    """A choice among distributions of one kind, by their places in the last batch dimension.

    Args:
        mixture_distribution: a :class:`Categorical` over the components.
        component_distribution: batch shape [..., k].
        validate_args: see :class:`Distribution`.
    """

    has_rsample = False

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        mixture, component = mixture_distribution, component_distribution
        if not isinstance(mixture, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an instance of "
                "wengert.distributions.Categorical"
            )
        if not isinstance(component, Distribution):
            raise ValueError(
                "The Component distribution need to be an instance of "
                "wengert.distributions.Distribution"
            )
        ours, theirs = mixture.batch_shape, component.batch_shape[:-1]
        for a, b in zip(reversed(ours), reversed(theirs), strict=False):
            if 1 not in (a, b) and a != b:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({ours}) is not compatible with "
                    f"`component_distribution.batch_shape`({theirs})"
                )
        count = mixture.param_shape[-1]
        if component.batch_shape[-1] != count:
            raise ValueError(
                f"`mixture_distribution component` ({count}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({component.batch_shape[-1]})"
            )
        self._mixture_distribution = mixture
        self._component_distribution = component
        self._num_component = count
        super().__init__(theirs, component.event_shape, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new._num_component = self._num_component
        new._component_distribution = self._component_distribution.expand(
            (*batch_shape, self._num_component)
        )
        new._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        return new

    @constraints.dependent_property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """The choice."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """What is chosen from."""
        return self._component_distribution

    def _probs(self) -> wg.Tensor:
        """The probabilities, broadcast against the components' events."""
        probs = self._mixture_distribution.probs
        return probs.reshape(*probs.shape, *(1,) * len(self._event_shape))

    @property
    def _axis(self) -> int:
        return -1 - len(self._event_shape)

    @property
    def mean(self) -> wg.Tensor:
        return (self._probs() * self._component_distribution.mean).sum(self._axis)

    @property
    def variance(self) -> wg.Tensor:
        component = self._component_distribution
        within = (self._probs() * component.variance).sum(self._axis)
        distance = component.mean - self.mean.unsqueeze(self._axis)
        return within + (self._probs() * distance.square()).sum(self._axis)

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        parts = self._component_distribution.cdf(value.unsqueeze(self._axis))
        return (parts * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value).unsqueeze(self._axis)
        parts = self._component_distribution.log_prob(value)
        return (parts + wg.log_softmax(self._mixture_distribution.logits, -1)).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        with wg.no_grad():
            choice = self._mixture_distribution.expand(self._batch_shape).sample(sample_shape)
            values = self._component_distribution.sample(sample_shape)
            dims = len(self._event_shape)
            index = choice.reshape(*choice.shape, *(1,) * (dims + 1))
            index = index.expand(*choice.shape, 1, *self._event_shape)
            return values.gather(self._axis, index).squeeze(self._axis)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(\n  {self._mixture_distribution},\n  "
            f"{self._component_distribution})"
        )
