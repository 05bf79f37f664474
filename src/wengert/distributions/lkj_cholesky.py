"""The distribution of correlation matrices of Lewandowski, Kurowicka and Joe."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg

from . import constraints
from .distribution import Distribution
from .positive import Beta
from .utils import broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices ``M``, whose density is as ``det(M)**(eta - 1)``.

    Args:
        dim: the number of rows, at least 2.
        concentration: ``eta``; 1 makes all correlation matrices equally likely.
        validate_args: see :class:`Distribution`.

    Draws are made by the onion method (Lewandowski, Kurowicka and Joe, 2009, section 3), row by
    row: a beta number says how far a row lies from the diagonal, in a direction drawn evenly.

    >>> import wengert as wg
    >>> factor = wg.distributions.LKJCholesky(3, 2.0).sample()
    >>> wg.allclose((factor @ factor.T).diagonal(), wg.ones(3))
    True
    """

    arg_constraints: ClassVar[Any] = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _tensors: ClassVar[dict[str, int]] = {"concentration": 0}

    def __init__(
        self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        if dim < 2:
            raise ValueError(
                f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}."
            )
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.size(), (dim, dim), validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new.dim = self.dim
        return new

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        dtype = self.concentration.dtype
        with wg.no_grad():
            # Of row i, a share of Beta(i / 2, eta + (dim - 1 - i) / 2) lies off the diagonal.
            row = wg.arange(1, self.dim, dtype=dtype)
            rest = self.concentration.unsqueeze(-1) + 0.5 * (self.dim - 1 - row)
            share = Beta(0.5 * row.expand(rest.shape), rest, False).sample(sample_shape)
            share = wg.nn.functional.pad(share, (1, 0)).unsqueeze(-1)
            noise = wg.randn(self._extended_shape(sample_shape), dtype=dtype).tril(-1)
            length = noise.norm(dim=-1, keepdim=True)
            length[..., 0, :] = 1  # the first row has nothing off the diagonal
            off = share.sqrt() * noise / length
            left = (1 - off.square().sum(-1)).clamp(min=wg.finfo(dtype).tiny)
            return off + left.sqrt().diag_embed()

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        value = self._checked(value)
        last = self.dim - 1
        below = value.diagonal(dim1=-2, dim2=-1)[..., 1:]
        # The Jacobian from the factor to the matrix has the power dim - i of the i-th entry.
        row = wg.arange(1, self.dim, dtype=self.concentration.dtype)
        power = 2 * (self.concentration - 1).unsqueeze(-1) + last - row
        alpha = self.concentration + 0.5 * last
        normalizer = 0.5 * last * math.log(math.pi) - last * wg.lgamma(alpha)
        normalizer = normalizer + wg.mvlgamma(alpha - 0.5, last)
        return (power * below.log()).sum(-1) - normalizer
