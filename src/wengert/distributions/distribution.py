"""The base class of all distributions."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, TypeVar

import wengert as wg

from . import constraints
from .utils import lazy_property

__all__ = ["Distribution"]

D = TypeVar("D", bound="Distribution")


class Distribution:
    """A batch of distributions of one kind.

    A sample has the shape ``sample_shape + batch_shape + event_shape``: how many were asked for,
    how many parameters there are, and what one draw is.

    Args:
        batch_shape: the shape of the parameters.
        event_shape: the shape of one draw.
        validate_args: check parameters and values; raises ValueError where they are out of range.
            None means the default (see :meth:`set_default_validate_args`), which is to check.
    """

    has_rsample = False
    has_enumerate_support = False
    arg_constraints: ClassVar[Any] = {}
    # The names of the tensors that make up a distribution, and how many of the dimensions of each
    # belong to one event.
    _tensors: ClassVar[dict[str, int]] = {}
    _validate_args = __debug__

    def __init__(
        self,
        batch_shape: Any = (),
        event_shape: Any = (),
        validate_args: bool | None = None,
    ) -> None:
        super().__init__()  # of another class that a distribution is, too
        self._batch_shape = wg.Size(batch_shape)
        self._event_shape = wg.Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Sets whether distributions that are made from now on check, if not told otherwise."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def _check_parameters(self) -> None:
        for name, constraint in self.arg_constraints.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(
                getattr(type(self), name, None), lazy_property
            ):
                continue  # the other of two ways to say the same
            value = getattr(self, name)
            if not bool(constraint.check(value).all()):
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape "
                    f"{tuple(value.shape)}) of distribution {self!r} to satisfy the constraint "
                    f"{constraint!r}, but found invalid values:\n{value}"
                )

    # ---- shapes ----

    @property
    def batch_shape(self) -> wg.Size:
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> wg.Size:
        """The shape of one draw."""
        return self._event_shape

    def _extended_shape(self, sample_shape: Any = ()) -> wg.Size:
        return wg.Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def expand(self: D, batch_shape: Any, _instance: Any = None) -> D:
        """The same distributions, broadcast to a greater batch; no memory is copied."""
        new = self._get_checked_instance(Distribution, _instance)
        shape = wg.Size(batch_shape)
        for name, dims in self._tensors.items():
            if name in self.__dict__:
                value = self.__dict__[name]
                own = value.shape[value.dim() - dims :]
                new.__dict__[name] = value.expand((*shape, *own))
        Distribution.__init__(new, shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _get_checked_instance(self, cls: Any, _instance: Any = None) -> Any:
        return type(self).__new__(type(self)) if _instance is None else _instance

    # ---- moments ----

    @property
    def support(self) -> Any:
        """The constraint that values satisfy."""
        raise NotImplementedError

    @property
    def mean(self) -> wg.Tensor:
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self) -> wg.Tensor:
        """The most probable value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> wg.Tensor:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> wg.Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    # ---- draws ----

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        """Draws, without a gradient."""
        with wg.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        """Draws that are differentiable in the parameters, where ``has_rsample``."""
        raise NotImplementedError

    def sample_n(self, n: int) -> wg.Tensor:
        """``n`` draws; the older way to write ``sample((n,))``."""
        warnings.warn("sample_n(n) will be deprecated. Use .sample((n,)) instead", stacklevel=2)
        return self.sample((n,))

    # ---- densities ----

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        """The logarithm of the density, or of the probability, of each value."""
        raise NotImplementedError

    def cdf(self, value: wg.Tensor) -> wg.Tensor:
        """The probability of values up to this one."""
        raise NotImplementedError

    def icdf(self, value: wg.Tensor) -> wg.Tensor:
        """The value up to which there is this probability."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> wg.Tensor:
        """All values, in a new first dimension; where ``has_enumerate_support``."""
        raise NotImplementedError

    def entropy(self) -> wg.Tensor:
        """The entropy in nats, of shape ``batch_shape``."""
        raise NotImplementedError

    def perplexity(self) -> wg.Tensor:
        """``exp(entropy())``."""
        return self.entropy().exp()

    def _validate_sample(self, value: Any) -> None:
        if not isinstance(value, wg.Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        start = value.dim() - len(self._event_shape)
        if value.shape[start:] != self._event_shape:
            raise ValueError(
                "The right-most size of value must match event_shape: "
                f"{value.size()} vs {self._event_shape}."
            )
        expected = self._extended_shape()
        for i, j in zip(reversed(value.shape), reversed(expected), strict=False):
            if i not in (1, j) and j != 1:
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{value.size()} vs {expected}."
                )
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please "
                "initialize the distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        if not bool(support.check(value).all()):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) "
                f"to be within the support ({support!r}) of the distribution {self!r}, but found "
                f"invalid values:\n{value}"
            )

    def _checked(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return value

    def __repr__(self) -> str:
        parts = []
        for name in self.arg_constraints:
            value = self.__dict__.get(name)
            if isinstance(value, wg.Tensor):
                if value.numel() != 1:
                    value = value.size()
                shown = value.item() if isinstance(value, wg.Tensor) and not value.dim() else value
                parts.append(f"{name}: {shown}")
        return f"{type(self).__name__}({', '.join(parts)})"
