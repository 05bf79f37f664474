"""Exchanging channels for resolution, and channels among groups."""

from __future__ import annotations

import wengert as wg

from .. import functional as F
from .module import Module

__all__ = ["ChannelShuffle", "PixelShuffle", "PixelUnshuffle"]


class PixelShuffle(Module):
    """(..., C r**2, H, W) to (..., C, H r, W r) with ``r = upscale_factor``.

    Source: Shi et al. (2016), Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network, https://arxiv.org/abs/1609.05158.

    >>> import wengert as wg
    >>> wg.nn.PixelShuffle(3)(wg.zeros(1, 9, 4, 4)).shape
    wengert.Size([1, 1, 12, 12])
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """The inverse of `PixelShuffle`: (..., C, H r, W r) to (..., C r**2, H, W)."""

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Deals the channels of (N, C, ...) out over ``groups``.

    Source: Zhang et al. (2018), ShuffleNet, https://arxiv.org/abs/1707.01083.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
