"""The normal distribution of long vectors that vary in few directions."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg

from . import constraints
from .distribution import Distribution
from .multivariate_normal import half_log_det, solve_lower
from .utils import lazy_property

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Distribution):
    """The normal distribution whose covariance is ``cov_factor @ cov_factor.T + diag(cov_diag)``.

    Args:
        loc: [..., k], the mean.
        cov_factor: [..., k, m], with ``m`` much smaller than ``k``.
        cov_diag: [..., k], positive.
        validate_args: see :class:`Distribution`.

    Only ``m x m`` matrices are factorised (the Woodbury identity and the matrix determinant lemma).

    >>> import wengert as wg
    >>> d = wg.distributions.LowRankMultivariateNormal(wg.zeros(3), wg.ones(3, 1), wg.ones(3))
    >>> d.log_prob(wg.zeros(3))
    tensor(-3.4500)
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _tensors: ClassVar[dict[str, int]] = {
        "loc": 1,
        "cov_factor": 2,
        "cov_diag": 1,
        "covariance_matrix": 2,
        "precision_matrix": 2,
        "scale_tril": 2,
    }

    def __init__(
        self,
        loc: wg.Tensor,
        cov_factor: wg.Tensor,
        cov_diag: wg.Tensor,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = wg.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                f"cov_diag {cov_diag.shape}"
            ) from error
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        scaled = cov_factor.mT / cov_diag.unsqueeze(-2)
        identity = wg.eye(cov_factor.shape[-1], dtype=cov_factor.dtype)
        self._capacitance_tril = wg.linalg.cholesky(identity + scaled @ cov_factor)
        self.loc = loc.expand(*batch, *event)
        self.cov_factor = cov_factor.expand(*batch, *cov_factor.shape[-2:])
        self.cov_diag = cov_diag.expand(*batch, *event)
        super().__init__(batch, event, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new._unbroadcasted_cov_factor = self._unbroadcasted_cov_factor
        new._unbroadcasted_cov_diag = self._unbroadcasted_cov_diag
        new._capacitance_tril = self._capacitance_tril
        return new

    def _whitener(self) -> wg.Tensor:
        """``A`` [..., m, k], with which the precision is ``diag(1 / cov_diag) - A.T @ A``."""
        scaled = self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2)
        return solve_lower(self._capacitance_tril, scaled)

    def _squared_distance(self, difference: wg.Tensor) -> wg.Tensor:
        whole = (difference.square() / self._unbroadcasted_cov_diag).sum(-1)
        part = (self._whitener() @ difference.unsqueeze(-1)).squeeze(-1)
        return whole - part.square().sum(-1)

    def _half_log_det(self) -> wg.Tensor:
        """Half the logarithm of the determinant of the covariance."""
        return half_log_det(self._capacitance_tril) + 0.5 * self._unbroadcasted_cov_diag.log().sum(
            -1
        )

    @property
    def mean(self) -> wg.Tensor:
        return self.loc

    @property
    def mode(self) -> wg.Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> wg.Tensor:
        value = self._unbroadcasted_cov_factor.square().sum(-1) + self._unbroadcasted_cov_diag
        return value.expand(*self._batch_shape, *self._event_shape)

    def _matrix(self, value: wg.Tensor) -> wg.Tensor:
        count = self._event_shape[0]
        return value.expand(*self._batch_shape, count, count)

    @lazy_property
    def scale_tril(self) -> wg.Tensor:
        """The Cholesky factor of the covariance."""
        # Scaled to a unit matrix plus a positive one, which is better conditioned.
        spread = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        factor = self._unbroadcasted_cov_factor / spread
        identity = wg.eye(self._event_shape[0], dtype=factor.dtype)
        return self._matrix(spread * wg.linalg.cholesky(identity + factor @ factor.mT))

    @lazy_property
    def covariance_matrix(self) -> wg.Tensor:
        """The covariance."""
        factor = self._unbroadcasted_cov_factor
        return self._matrix(factor @ factor.mT + self._unbroadcasted_cov_diag.diag_embed())

    @lazy_property
    def precision_matrix(self) -> wg.Tensor:
        """The inverse of the covariance."""
        whitener = self._whitener()
        diagonal = self._unbroadcasted_cov_diag.reciprocal().diag_embed()
        return self._matrix(diagonal - whitener.mT @ whitener)

    def rsample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        dtype, count = self.loc.dtype, self.cov_factor.shape[-1]
        common = wg.randn(*shape[:-1], count, 1, dtype=dtype)
        own = wg.randn(shape, dtype=dtype)
        moved = (self._unbroadcasted_cov_factor @ common).squeeze(-1)
        return self.loc + moved + self._unbroadcasted_cov_diag.sqrt() * own

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        distance = self._squared_distance(self._checked(value) - self.loc)
        constant = self._event_shape[0] * math.log(2 * math.pi)
        return -0.5 * (constant + distance) - self._half_log_det()

    def entropy(self) -> wg.Tensor:
        constant = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi))
        return (constant + self._half_log_det()).expand(self._batch_shape)
