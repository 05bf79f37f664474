"""Margins around inputs."""

from __future__ import annotations

from typing import Any, ClassVar

import wengert as wg

from .. import functional as F
from .module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d",
    "ConstantPad3d", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d",
    "ReplicationPad2d", "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _Pad(Module):
    """Margins before and after, for the last dimension first."""

    _spatial: ClassVar[int]

    def __init__(self, padding: Any) -> None:
        super().__init__()
        count = 2 * self._spatial
        self.padding = (padding,) * count if isinstance(padding, int) else tuple(padding)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """Margins of ``value`` at the last dimension: one number for both ends, or (left, right).

    >>> import wengert as wg
    >>> wg.nn.ConstantPad1d((1, 2), 3.5)(wg.zeros(1, 2))
    tensor([[3.5000, 0.0000, 0.0000, 3.5000, 3.5000]])
    """

    _spatial = 1


class ConstantPad2d(_ConstantPad):
    """Margins of ``value`` at the last two dimensions: one number, or
    (left, right, top, bottom).
    """

    _spatial = 2


class ConstantPad3d(_ConstantPad):
    """Margins of ``value`` at the last three dimensions: one number, or
    (left, right, top, bottom, front, back).
    """

    _spatial = 3


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad, ConstantPad1d):
    """Margins of zeros at the last dimension."""


class ZeroPad2d(_ZeroPad, ConstantPad2d):
    """Margins of zeros at the last two dimensions."""


class ZeroPad3d(_ZeroPad, ConstantPad3d):
    """Margins of zeros at the last three dimensions."""


class _ReflectionPad(_Pad):
    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.pad(input, self.padding, "reflect")


class ReflectionPad1d(_ReflectionPad):
    """Margins that mirror (N, C, L) or (C, L) without repeating the border.

    >>> import wengert as wg
    >>> wg.nn.ReflectionPad1d(2)(wg.arange(4.0).reshape(1, 4))
    tensor([[2., 1., 0., 1., 2., 3., 2., 1.]])
    """

    _spatial = 1


class ReflectionPad2d(_ReflectionPad):
    """Margins that mirror (N, C, H, W) or (C, H, W) without repeating the border."""

    _spatial = 2


class ReflectionPad3d(_ReflectionPad):
    """Margins that mirror (N, C, D, H, W) or (C, D, H, W) without repeating the border."""

    _spatial = 3


class _ReplicationPad(_Pad):
    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.pad(input, self.padding, "replicate")


class ReplicationPad1d(_ReplicationPad):
    """Margins that repeat the border of (N, C, L) or (C, L)."""

    _spatial = 1


class ReplicationPad2d(_ReplicationPad):
    """Margins that repeat the border of (N, C, H, W) or (C, H, W)."""

    _spatial = 2


class ReplicationPad3d(_ReplicationPad):
    """Margins that repeat the border of (N, C, D, H, W) or (C, D, H, W)."""

    _spatial = 3


class _CircularPad(_Pad):
    def forward(self, input: wg.Tensor) -> wg.Tensor:
        dims = (self._spatial + 1, self._spatial + 2)
        if input.dim() not in dims:
            raise ValueError(f"expected {dims[0]}D or {dims[1]}D input (got {input.dim()}D input)")
        return F.pad(input, self.padding, "circular")


class CircularPad1d(_CircularPad):
    """Margins that wrap around (N, C, L) or (C, L)."""

    _spatial = 1


class CircularPad2d(_CircularPad):
    """Margins that wrap around (N, C, H, W) or (C, H, W)."""

    _spatial = 2


class CircularPad3d(_CircularPad):
    """Margins that wrap around (N, C, D, H, W) or (C, D, H, W)."""

    _spatial = 3
