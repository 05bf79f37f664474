"""The distribution of sums of squares and products of normal vectors."""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar

import wengert as wg

from . import constraints
from .exp_family import ExponentialFamily
from .multivariate_normal import FromFactor, half_log_det
from .positive import Chi2

__all__ = ["Wishart"]


class Wishart(FromFactor, ExponentialFamily):
    """Positive definite matrices: ``df`` samples of a normal distribution, times their transpose.

    Args:
        df: the degrees of freedom, above ``k - 1``; below ``k``, draws may be singular.
        covariance_matrix: [..., k, k], of the normal distribution.
        precision_matrix: its inverse, instead.
        scale_tril: its lower triangular Cholesky factor, instead; the fastest of the three.
        validate_args: see :class:`Distribution`.

    Draws are differentiable; they are made from a lower triangular matrix of chi and normal
    numbers (Bartlett's decomposition).

    >>> import wengert as wg
    >>> wg.distributions.Wishart(3.0, wg.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _tensors: ClassVar[dict[str, int]] = {"df": 0, **FromFactor._tensors}

    @property
    def arg_constraints(self) -> Any:
        """What the parameters must be; the bound of ``df`` depends on the size."""
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._event_shape[-1] - 1),
        }

    def __init__(
        self,
        df: Any,
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
        if len(present) != 1:
            raise AssertionError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        name, matrix = present[0]
        if matrix.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        freedom = df if isinstance(df, wg.Tensor) else wg.tensor(df, dtype=matrix.dtype)
        batch = wg.broadcast_shapes(matrix.shape[:-2], freedom.shape)
        self.df = freedom.expand(batch)
        size = matrix.shape[-1]
        if bool((self.df <= size - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {size - 1}.")
        if bool((self.df < size).any()):
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for "
                "ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        self._take_matrix(name, matrix, batch)
        super().__init__(batch, matrix.shape[-2:], validate_args=validate_args)

    @property
    def mean(self) -> wg.Tensor:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> wg.Tensor:
        factor = self.df - self._event_shape[-1] - 1
        factor = factor.masked_fill(factor <= 0, math.nan)
        return factor[..., None, None] * self.covariance_matrix

    @property
    def variance(self) -> wg.Tensor:
        covariance = self.covariance_matrix
        diagonal = covariance.diagonal(0, -2, -1)
        outer = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self.df[..., None, None] * (covariance.square() + outer)

    def _draw(self, sample_shape: Any) -> wg.Tensor:
        size = self._event_shape[-1]
        dtype = self._unbroadcasted_scale_tril.dtype
        freedom = self.df.to(dtype).unsqueeze(-1) - wg.arange(size, dtype=dtype)
        square = Chi2(freedom, validate_args=False).rsample(sample_shape)
        diagonal = square.sqrt().clamp(min=wg.finfo(dtype).eps)
        noise = wg.randn(self._extended_shape(sample_shape), dtype=dtype).tril(-1)
        factor = self._unbroadcasted_scale_tril @ (noise + diagonal.diag_embed())
        return factor @ factor.mT

    def rsample(self, sample_shape: Any = (), max_try_correction: int | None = None) -> wg.Tensor:
        """Draws. What rounding has made singular is drawn again, ``max_try_correction`` times.

        The default is 10 times. What is singular still is returned, with a warning.
        """
        tries = 10 if max_try_correction is None else max_try_correction
        shape = wg.Size(sample_shape)
        sample = self._draw(shape)
        for _ in range(tries):
            singular = wg.linalg.cholesky_ex(sample.detach())[1] != 0
            if not bool(singular.any()):
                return sample
            sample = wg.where(singular[..., None, None], self._draw(shape), sample)
        if bool((wg.linalg.cholesky_ex(sample.detach())[1] != 0).any()):
            warnings.warn("Singular sample detected.", stacklevel=2)
        return sample

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value)
        df, size = self.df, self._event_shape[-1]
        factor = self._unbroadcasted_scale_tril
        batch = wg.broadcast_shapes(factor.shape[:-2], value.shape[:-2])
        solved = wg.cholesky_solve(
            value.expand(*batch, size, size), factor.expand(*batch, size, size)
        )
        trace = solved.diagonal(0, -2, -1).sum(-1)
        log_det = wg.linalg.slogdet(value).logabsdet
        normalizer = df * self._half_log_det() + wg.mvlgamma(df / 2, size)
        return (df - size - 1) / 2 * log_det - trace / 2 - normalizer

    def _half_log_det(self) -> wg.Tensor:
        """Half the logarithm of the determinant of twice the covariance."""
        size = self._event_shape[-1]
        return size * math.log(2) / 2 + half_log_det(self._unbroadcasted_scale_tril)

    def entropy(self) -> wg.Tensor:
        df, size = self.df, self._event_shape[-1]
        halves = df.unsqueeze(-1) / 2 - wg.arange(size, dtype=df.dtype) / 2
        return (
            (size + 1) * self._half_log_det()
            + wg.mvlgamma(df / 2, size)
            - (df - size - 1) / 2 * wg.digamma(halves).sum(-1)
            + df * size / 2
        )

    @property
    def _natural_params(self) -> tuple[wg.Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:  # type: ignore[override]
        size = self._event_shape[-1]
        half = y + (size + 1) / 2
        log_det = wg.linalg.slogdet(-2 * x).logabsdet
        return half * (size * math.log(2) - log_det) + wg.mvlgamma(half, size)
