"""Instance normalisation."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import wengert as wg

from .. import functional as F
from .batchnorm import _LazyNormBase, _NormBase

__all__ = [
    "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LazyInstanceNorm1d",
    "LazyInstanceNorm2d", "LazyInstanceNorm3d",
]  # fmt: skip


class _InstanceNorm(_NormBase):
    # Dimensions of an input without the batch: (C, ...).
    _unbatched: ClassVar[int]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: wg.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def _check_input_dim(self, input: wg.Tensor) -> None:
        if input.dim() not in (self._unbatched, self._unbatched + 1):
            raise ValueError(
                f"expected {self._unbatched}D or {self._unbatched + 1}D input (got {input.dim()}D "
                "input)"
            )

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        self._check_input_dim(input)
        batched = input.dim() != self._unbatched
        channels = input.shape[1 if batched else 0]
        if channels != self.num_features:
            if self.affine:
                raise ValueError(
                    f"expected input's size at dim={int(batched)} to match num_features "
                    f"({self.num_features}), but got: {channels}."
                )
            warnings.warn(
                f"input's size at dim={int(batched)} does not match num_features. You can silence "
                "this warning by not passing in num_features, which is not used because "
                "affine=False",
                stacklevel=2,
            )
        result = F.instance_norm(
            input if batched else input.unsqueeze(0),
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0,
            self.eps,
        )
        return result if batched else result.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """Normalises every channel of each example: (N, C, L) or (C, L).

    Arguments are those of `BatchNorm1d`; by default there is no scale and shift, and no running
    statistics.

    Raises:
        ValueError: a wrong number of dimensions, or of channels if there is a scale.

    Source: Ulyanov et al. (2016), Instance normalization, https://arxiv.org/abs/1607.08022.
    """

    _unbatched = 2


class InstanceNorm2d(_InstanceNorm):
    """Normalises every channel of each image: (N, C, H, W) or (C, H, W)."""

    _unbatched = 3


class InstanceNorm3d(_InstanceNorm):
    """Normalises every channel of each volume: (N, C, D, H, W) or (C, D, H, W)."""

    _unbatched = 4


class _LazyInstanceNorm(_LazyNormBase, _InstanceNorm):
    def _features_of(self, input: wg.Tensor) -> int:
        return input.shape[input.dim() - self._unbatched]


class LazyInstanceNorm1d(_LazyInstanceNorm, InstanceNorm1d):
    """`InstanceNorm1d` that learns ``num_features`` from its first input."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm, InstanceNorm2d):
    """`InstanceNorm2d` that learns ``num_features`` from its first input."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm, InstanceNorm3d):
    """`InstanceNorm3d` that learns ``num_features`` from its first input."""

    cls_to_become = InstanceNorm3d
