"""Dropout."""

from __future__ import annotations

import wengert as wg

from .. import functional as F
from .module import Module

__all__ = [
    "AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout",
]  # fmt: skip


class _DropoutNd(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        F._check_probability(p)
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training zeroes elements with probability ``p`` and divides the others by ``1 - p``."""

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Zeroes whole channels of an input (N, C, L)."""

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Zeroes whole channels of an input (N, C, H, W)."""

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Zeroes whole channels of an input (N, C, D, H, W) or (C, D, H, W)."""

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance behind a `SELU`.

    Source: Klambauer et al. (2017), Self-normalizing neural networks,
    https://arxiv.org/abs/1706.02515.
    """

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels of an input (N, C, ...)."""

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
