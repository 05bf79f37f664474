"""The normal distribution of vectors."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg

from . import constraints
from .distribution import Distribution
from .utils import lazy_property

__all__ = ["MultivariateNormal"]


def solve_lower(factor: wg.Tensor, matrix: wg.Tensor) -> wg.Tensor:
    """``L^-1 M`` for lower triangular ``L`` [..., k, k] and ``M`` [..., k, n], which broadcast."""
    shape = wg.broadcast_shapes(factor.shape[:-2], matrix.shape[:-2])
    factor = factor.expand(*shape, *factor.shape[-2:])
    matrix = matrix.expand(*shape, *matrix.shape[-2:])
    return wg.linalg.solve_triangular(factor, matrix, upper=False)


def squared_distance(factor: wg.Tensor, difference: wg.Tensor) -> wg.Tensor:
    """``|L^-1 d|**2`` for triangular ``L`` [..., k, k] and ``d`` [..., k], which broadcast."""
    return solve_lower(factor, difference.unsqueeze(-1)).square().sum((-2, -1))


def factor_of_inverse(precision: wg.Tensor) -> wg.Tensor:
    """The Cholesky factor of the inverse of a matrix, without inverting it."""
    turned = wg.linalg.cholesky(precision.flip(-2, -1)).flip(-2, -1).mT
    return solve_lower(turned, wg.eye(precision.shape[-1], dtype=precision.dtype))


class FromFactor(Distribution):
    """Has a matrix parameter, given as a covariance, its inverse or its Cholesky factor."""

    _tensors: ClassVar[dict[str, int]] = {
        "covariance_matrix": 2,
        "precision_matrix": 2,
        "scale_tril": 2,
        "_unbroadcasted_scale_tril": 2,
    }

    def _take_matrix(self, name: str, matrix: wg.Tensor, batch: Any) -> None:
        """Keeps the matrix that was given, broadcast, and the factor that it leads to."""
        self.__dict__[name] = matrix.expand(*batch, *matrix.shape[-2:])
        if name == "scale_tril":
            factor = matrix
        elif name == "covariance_matrix":
            factor = wg.linalg.cholesky(matrix)
        else:
            factor = factor_of_inverse(matrix)
        self._unbroadcasted_scale_tril = factor

    def _broadcast(self, matrix: wg.Tensor) -> wg.Tensor:
        return matrix.expand(*self._batch_shape, *matrix.shape[-2:])

    @lazy_property
    def scale_tril(self) -> wg.Tensor:
        """The Cholesky factor of the covariance."""
        return self._broadcast(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> wg.Tensor:
        """The covariance."""
        factor = self._unbroadcasted_scale_tril
        return self._broadcast(factor @ factor.mT)

    @lazy_property
    def precision_matrix(self) -> wg.Tensor:
        """The inverse of the covariance."""
        factor = self._unbroadcasted_scale_tril
        inverse = solve_lower(factor, wg.eye(factor.shape[-1], dtype=factor.dtype))
        return self._broadcast(inverse.mT @ inverse)


def half_log_det(factor: wg.Tensor) -> wg.Tensor:
    """``log det L`` of triangular matrices."""
    return factor.diagonal(0, -2, -1).log().sum(-1)


class MultivariateNormal(FromFactor):
    """The normal distribution of vectors of ``k`` numbers.

    Args:
        loc: [..., k], the mean.
        covariance_matrix: [..., k, k].
        precision_matrix: its inverse, instead.
        scale_tril: its lower triangular Cholesky factor, instead; the fastest of the three.
        validate_args: see :class:`Distribution`.

    >>> import wengert as wg
    >>> d = wg.distributions.MultivariateNormal(wg.zeros(2), wg.eye(2))
    >>> d.log_prob(wg.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {"loc": 1, **FromFactor._tensors}

    def __init__(
        self,
        loc: wg.Tensor,
        covariance_matrix: wg.Tensor | None = None,
        precision_matrix: wg.Tensor | None = None,
        scale_tril: wg.Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        given = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        present = [(name, matrix) for name, matrix in given.items() if matrix is not None]
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        if len(present) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        name, matrix = present[0]
        if matrix.dim() < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        count = loc.shape[-1]
        batch = wg.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.loc = loc.expand(*batch, count)
        self._take_matrix(name, matrix, batch)
        super().__init__(batch, (count,), validate_args=validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.loc

    @property
    def mode(self) -> wg.Tensor:
        return self.loc

    @property
    def variance(self) -> wg.Tensor:
        variance = self._unbroadcasted_scale_tril.square().sum(-1)
        return variance.expand(*self._batch_shape, *self._event_shape)

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        noise = wg.randn(shape, dtype=self.loc.dtype).unsqueeze(-1)
        return self.loc + (self._unbroadcasted_scale_tril @ noise).squeeze(-1)

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        factor = self._unbroadcasted_scale_tril
        distance = squared_distance(factor, self._checked(value) - self.loc)
        constant = self._event_shape[0] * math.log(2 * math.pi)
        return -0.5 * (constant + distance) - half_log_det(factor)

    def entropy(self) -> wg.Tensor:
        constant = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi))
        value = constant + half_log_det(self._unbroadcasted_scale_tril)
        return value.expand(self._batch_shape)
