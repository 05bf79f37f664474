"""Convolutions."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg

from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module

__all__ = ["Conv1d", "Conv2d"]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv(Module):
    weight: wg.Tensor
    bias: wg.Tensor | None
    _spatial: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(
                f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}"
            )
        if padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {set(_PADDING_MODES)}, but got "
                f"padding_mode='{padding_mode}'"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = self._per_dimension(kernel_size)
        self.stride = self._per_dimension(stride)
        self.padding = padding if isinstance(padding, str) else self._per_dimension(padding)
        self.dilation = self._per_dimension(dilation)
        self.groups = groups
        self.padding_mode = padding_mode
        if padding == "same" and any(step != 1 for step in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(wg.empty(shape, device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(wg.empty(out_channels, device=device, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def _per_dimension(self, value: Any) -> tuple[int, ...]:
        return (value,) * self._spatial if isinstance(value, int) else tuple(value)

    def reset_parameters(self) -> None:
        """Draws new starting values, evenly within ``1 / sqrt(fan_in)`` of zero."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def _pad(self, input: wg.Tensor) -> wg.Tensor:
        # Modes other than zeros pad first, and the convolution then adds nothing.
        margins: list[int] = []
        for i in reversed(range(self._spatial)):
            if self.padding == "same":
                total = self.dilation[i] * (self.kernel_size[i] - 1)
                margins += [total // 2, total - total // 2]
            elif self.padding == "valid":
                margins += [0, 0]
            else:
                margins += [int(self.padding[i])] * 2
        return F.pad(input, margins, mode=self.padding_mode)

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding not in ("valid", (0,) * self._spatial):
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self._spatial:
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class Conv1d(_Conv):
    """Cross-correlation along one dimension: (N, C_in, L) to (N, C_out, L_out)."""

    _spatial = 1

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = self._pad(input), 0
        return F.conv1d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class Conv2d(_Conv):
    """Cross-correlation of images: (N, C_in, H, W) to (N, C_out, H_out, W_out).

    ``H_out = (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1``, and so for the
    width.

    >>> import wengert as wg
    >>> wg.nn.Conv2d(3, 8, 3, padding=1)(wg.zeros(1, 3, 10, 10)).shape
    wengert.Size([1, 8, 10, 10])
    """

    _spatial = 2

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = self._pad(input), 0
        return F.conv2d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )
