"""Convolutions and their adjoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import wengert as wg

from .. import functional as F
from .. import init
from ..parameter import Parameter, UninitializedParameter
from .lazy import LazyModuleMixin
from .module import Module
from .utils import _ntuple

__all__ = [
    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d",
    "LazyConv1d", "LazyConv2d", "LazyConv3d", "LazyConvTranspose1d", "LazyConvTranspose2d",
    "LazyConvTranspose3d",
]  # fmt: skip

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all convolutions share; ``_spatial`` is the number of spatial dimensions."""

    weight: wg.Tensor
    bias: wg.Tensor | None
    _spatial: ClassVar[int]
    _function: ClassVar[Callable]
    transposed: bool = False

    def _setup(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: wg.dtype | None,
    ) -> None:
        Module.__init__(self)
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
        self.kernel_size = _ntuple(self._spatial)(kernel_size)
        self.stride = _ntuple(self._spatial)(stride)
        self.padding = padding if isinstance(padding, str) else _ntuple(self._spatial)(padding)
        self.dilation = _ntuple(self._spatial)(dilation)
        self.output_padding = _ntuple(self._spatial)(output_padding)
        self.groups = groups
        self.padding_mode = padding_mode
        if padding == "same" and any(step != 1 for step in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        self.weight = Parameter(wg.empty(self._weight_shape(), device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(wg.empty(out_channels, device=device, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return (first, second // self.groups, *self.kernel_size)

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

    def _conv_forward(
        self, input: wg.Tensor, weight: wg.Tensor, bias: wg.Tensor | None
    ) -> wg.Tensor:
        # Of its own, so that a subclass can convolve with another weight.
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = self._pad(input), 0
        function = type(self)._function
        return function(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding != (0,) * self._spatial:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self._spatial:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self._spatial:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Convolution(_ConvNd):
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
        self._setup(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Convolution):
    """Cross-correlation along one dimension: (N, C_in, L) to (N, C_out, L_out).

    The batch dimension may be left out. Weights and biases start evenly distributed within
    ``1 / sqrt(C_in / groups * kernel_size)`` of zero.

    Args:
        in_channels: C_in. out_channels: C_out. kernel_size: length of the window.
        stride, padding, dilation: numbers; padding may be "valid" or "same".
        groups: channels are split into so many groups that do not see each other.
        bias: whether to learn a shift per output channel.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Raises:
        ValueError: the channels are not divisible by ``groups``, or an unknown padding.

    >>> import wengert as wg
    >>> wg.nn.Conv1d(3, 8, 5, padding=2)(wg.zeros(1, 3, 10)).shape
    wengert.Size([1, 8, 10])
    """

    _spatial = 1
    _function = staticmethod(F.conv1d)


class Conv2d(_Convolution):
    """Cross-correlation of images: (N, C_in, H, W) to (N, C_out, H_out, W_out).

    ``H_out = (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1``, and so for the
    width. Arguments are those of `Conv1d`, numbers or pairs.

    >>> import wengert as wg
    >>> wg.nn.Conv2d(3, 8, 3, padding=1)(wg.zeros(1, 3, 10, 10)).shape
    wengert.Size([1, 8, 10, 10])
    """

    _spatial = 2
    _function = staticmethod(F.conv2d)


class Conv3d(_Convolution):
    """Cross-correlation of volumes: (N, C_in, D, H, W) to (N, C_out, D_out, H_out, W_out).

    Arguments are those of `Conv1d`, numbers or triples.

    >>> import wengert as wg
    >>> wg.nn.Conv3d(2, 4, 3)(wg.zeros(1, 2, 5, 5, 5)).shape
    wengert.Size([1, 4, 3, 3, 3])
    """

    _spatial = 3
    _function = staticmethod(F.conv3d)


class _ConvTransposeNd(_ConvNd):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(
                f'Only "zeros" padding mode is supported for {self.__class__.__name__}'
            )
        self._setup(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding,
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def _output_padding(
        self, input: wg.Tensor, output_size: Sequence[int] | None
    ) -> tuple[int, ...]:
        """What must be added at one side to get ``output_size``."""
        if output_size is None:
            return self.output_padding
        count = self._spatial
        sizes = list(output_size)
        lead = input.dim() - count
        if len(sizes) == lead + count:
            sizes = sizes[lead:]
        if len(sizes) != count:
            raise ValueError(
                f"ConvTranspose{count}D: for {input.dim()}D input, output_size must have {count} "
                f"or {lead + count} elements (got {len(sizes)})"
            )
        least = [
            (input.shape[lead + i] - 1) * self.stride[i]
            - 2 * int(self.padding[i])
            + self.dilation[i] * (self.kernel_size[i] - 1)
            + 1
            for i in range(count)
        ]
        most = [size + step - 1 for size, step in zip(least, self.stride, strict=True)]
        if any(not low <= n <= high for low, n, high in zip(least, sizes, most, strict=True)):
            raise ValueError(
                f"requested an output size of {sizes}, but valid sizes range from {least} to "
                f"{most} (for an input of {list(input.shape[lead:])})"
            )
        return tuple(n - low for n, low in zip(sizes, least, strict=True))

    def forward(self, input: wg.Tensor, output_size: Sequence[int] | None = None) -> wg.Tensor:
        function = type(self)._function
        return function(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self._output_padding(input, output_size),
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTransposeNd):
    """The adjoint of `Conv1d` in its input: (N, C_in, L) to (N, C_out, L_out).

    ``L_out = (L - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1``.
    ``forward(input, output_size)`` picks the ``output_padding`` that leads to a size.

    Raises:
        ValueError: a ``padding_mode`` other than "zeros", or a size that cannot be had.

    >>> import wengert as wg
    >>> wg.nn.ConvTranspose1d(2, 3, 4, stride=2)(wg.zeros(1, 2, 5), output_size=[13]).shape
    wengert.Size([1, 3, 13])
    """

    _spatial = 1
    _function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """The adjoint of `Conv2d` in its input: (N, C_in, H, W) to (N, C_out, H_out, W_out).

    Sizes are as in `ConvTranspose1d`.

    >>> import wengert as wg
    >>> wg.nn.ConvTranspose2d(2, 3, 2, stride=2)(wg.zeros(1, 2, 5, 5)).shape
    wengert.Size([1, 3, 10, 10])
    """

    _spatial = 2
    _function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """The adjoint of `Conv3d` in its input: (N, C_in, D, H, W) to (N, C_out, D_out, H_out, W_out).

    Sizes are as in `ConvTranspose1d`.
    """

    _spatial = 3
    _function = staticmethod(F.conv_transpose3d)


# ---- lazy ----


class _LazyConvNd(LazyModuleMixin, _ConvNd):
    """Learns ``in_channels`` from the first input."""

    def _defer(self, out_channels: int, bias: bool, device: Any, dtype: wg.dtype | None) -> None:
        # The eager constructor ran with no channels and no bias.
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draws new starting values, once the shapes are known."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: wg.Tensor, *args: Any, **kwargs: Any) -> None:
        """Makes weight and bias for the channels of ``input``."""
        if not self.has_uninitialized_params():
            return
        count = self._spatial
        if input.dim() not in (count + 1, count + 2):
            raise RuntimeError(
                f"Expected {count + 1}D (unbatched) or {count + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {list(input.shape)}"
            )
        self.in_channels = input.shape[-count - 1]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        self._materialize("weight", self._weight_shape())
        if self.bias is not None:
            self._materialize("bias", (self.out_channels,))
        self.reset_parameters()


class _LazyConvolution(_LazyConvNd, _Convolution):
    def __init__(
        self,
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
        super().__init__(
            0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype
        )
        self._defer(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyConvNd, _ConvTransposeNd):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation,
            padding_mode, device, dtype,
        )  # fmt: skip
        self._defer(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConvolution, Conv1d):
    """`Conv1d` that learns ``in_channels`` from its first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConvolution, Conv2d):
    """`Conv2d` that learns ``in_channels`` from its first input.

    >>> import wengert as wg
    >>> layer = wg.nn.LazyConv2d(4, 3)
    >>> layer(wg.zeros(1, 2, 5, 5)).shape, layer.in_channels
    (wengert.Size([1, 4, 3, 3]), 2)
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConvolution, Conv3d):
    """`Conv3d` that learns ``in_channels`` from its first input."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """`ConvTranspose1d` that learns ``in_channels`` from its first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """`ConvTranspose2d` that learns ``in_channels`` from its first input."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """`ConvTranspose3d` that learns ``in_channels`` from its first input."""

    cls_to_become = ConvTranspose3d
