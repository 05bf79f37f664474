"""Rearrangements of images: channels, pixels, patches and margins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wengert import _ops

from ._common import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wengert import Tensor

__all__ = ("channel_shuffle", "constant_pad_nd", "pixel_shuffle", "pixel_unshuffle")

METHODS = ()

PROPERTIES = ()

FUNCTIONAL = ("channel_shuffle", "fold", "pixel_shuffle", "pixel_unshuffle", "unfold")


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """Margins of `value`: `pad` lists (before, after) for the last dimension, the one before, ...

    >>> wg.constant_pad_nd(wg.ones(2), (1, 0))
    tensor([0., 1., 1.])
    """
    return _ops._pad_constant(input, pad, value)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """[..., C r^2, H, W] as [..., C, H r, W r]: groups of channels become pixels.

    Source: W. Shi et al., "Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network" (2016).

    >>> wg.pixel_shuffle(wg.arange(4).reshape(4, 1, 1), 2)
    tensor([[[0, 1],
             [2, 3]]])
    """
    r = upscale_factor
    if input.dim() < 3:
        raise RuntimeError(
            "pixel_shuffle expects input to have at least 3 dimensions, but got input with "
            f"{input.dim()} dimension(s)" + describe(input=input)
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *batch, channels, height, width = input.shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
            + describe(input=input)
        )
    parts = _ops.reshape(input, (*batch, channels // (r * r), r, r, height, width))
    n = len(batch)
    parts = _ops.permute(parts, [*range(n + 1), n + 3, n + 1, n + 4, n + 2])
    return _ops.reshape(parts, (*batch, channels // (r * r), height * r, width * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """[..., C, H r, W r] as [..., C r^2, H, W]: undoes `pixel_shuffle`.

    >>> wg.pixel_unshuffle(wg.arange(4).reshape(1, 2, 2), 2).flatten()
    tensor([0, 1, 2, 3])
    """
    r = downscale_factor
    if input.dim() < 3:
        raise RuntimeError(
            "pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
            f"{input.dim()} dimension(s)" + describe(input=input)
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *batch, channels, height, width = input.shape
    for name, place, size in (("height", -2, height), ("width", -1, width)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({place})={size} is not divisible by {r}" + describe(input=input)
            )
    parts = _ops.reshape(input, (*batch, channels, height // r, r, width // r, r))
    n = len(batch)
    parts = _ops.permute(parts, [*range(n + 1), n + 2, n + 4, n + 1, n + 3])
    return _ops.reshape(parts, (*batch, channels * r * r, height // r, width // r))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels of [N, C, ...] dealt out: the first of each group, then the second, ...

    Source: X. Zhang et al., "ShuffleNet" (2018).

    >>> wg.channel_shuffle(wg.arange(4).reshape(1, 4, 1), 2).flatten()
    tensor([0, 2, 1, 3])
    """
    if input.dim() < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.shape)}" + describe(input=input)
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    count, channels, *rest = input.shape
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and "
            f"{groups} groups." + describe(input=input)
        )
    parts = _ops.reshape(input, (count, groups, channels // groups, *rest))
    return _ops.reshape(_ops.transpose(parts, 1, 2), (count, channels, *rest))


def _pair(value: Any, name: str = "output_size") -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    if len(value) != 2:
        raise RuntimeError(f"It is expected {name} equals to 2, but got size {len(value)}")
    return value[0], value[1]


def _pairs(*values: Any) -> tuple[tuple[int, int], ...]:
    names = ("kernel_size", "dilation", "padding", "stride")
    return tuple(map(_pair, values, names))


def unfold(
    input: Tensor,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """The patches of images [N, C, H, W] (or [C, H, W]) as columns, [N, C kh kw, patches].

    >>> wg.nn.functional.unfold(wg.arange(4.0).reshape(1, 1, 2, 2), 2).flatten()
    tensor([0., 1., 2., 3.])
    """
    if input.dim() not in (3, 4):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input.shape)}" + describe(input=input)
        )
    if input.dim() == 3:
        columns = unfold(_ops.unsqueeze(input, 0), kernel_size, dilation, padding, stride)
        return _ops.squeeze(columns, 0)
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = _pairs(kernel_size, dilation, padding, stride)
    padded = _ops._pad_constant(input, (pw, pw, ph, ph), 0)
    span_h, span_w = dh * (kh - 1) + 1, dw * (kw - 1) + 1
    if padded.shape[2] < span_h or padded.shape[3] < span_w:
        raise RuntimeError(
            f"Given input with spatial size {list(input.shape[2:])}, kernel_size=({kh}, {kw}), "
            f"dilation=({dh}, {dw}), padding=({ph}, {pw}), calculated shape of the array of "
            "sliding blocks is not positive" + describe(input=input)
        )
    windows = _ops.unfold(_ops.unfold(padded, 2, span_h, sh), 3, span_w, sw)
    windows = windows[..., ::dh, ::dw]
    count, channels, rows, columns_ = windows.shape[:4]
    order = _ops.permute(windows, (0, 1, 4, 5, 2, 3))
    return _ops.reshape(order, (count, channels * kh * kw, rows * columns_))


def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Sums patches, the columns of [N, C kh kw, patches], into images: the adjoint of `unfold`.

    >>> wg.nn.functional.fold(wg.ones(1, 4, 1), 2, 2).shape
    wengert.Size([1, 1, 2, 2])
    """
    if input.dim() == 2:
        image = fold(_ops.unsqueeze(input, 0), output_size, kernel_size, dilation, padding, stride)
        return _ops.squeeze(image, 0)
    if input.dim() != 3:
        raise RuntimeError(
            "Input Error: Only unbatched (2D) or batched (3D) input Tensors are supported, "
            f"but got {input.dim()}D" + describe(input=input)
        )
    height, width = _pair(output_size)
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = _pairs(kernel_size, dilation, padding, stride)
    if input.shape[1] % (kh * kw):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={input.shape[1]} and kernel_size=({kh}, {kw})."
            + describe(input=input)
        )
    rows = (height + 2 * ph - dh * (kh - 1) - 1) // sh + 1
    columns = (width + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    if rows * columns != input.shape[2]:
        raise RuntimeError(
            f"Given output_size=({height}, {width}), kernel_size=({kh}, {kw}), dilation=({dh}, "
            f"{dw}), padding=({ph}, {pw}), stride=({sh}, {sw}), expected size of input's dimension "
            f"2 to match the calculated number of sliding blocks {rows} * {columns} = "
            f"{rows * columns}, but got input.size(2)={input.shape[2]}." + describe(input=input)
        )
    count, channels = input.shape[0], input.shape[1] // (kh * kw)
    patches = _ops.reshape(input, (count, channels, kh, kw, rows, columns))
    image = _ops.zeros((count, channels, height + 2 * ph, width + 2 * pw), dtype=input.dtype)
    for i in range(kh):  # each place in the kernel is one strided sum
        for j in range(kw):
            top, left = i * dh, j * dw
            down = slice(top, top + (rows - 1) * sh + 1, sh)
            across = slice(left, left + (columns - 1) * sw + 1, sw)
            image[:, :, down, across] += patches[:, :, i, j]
    return image[:, :, ph : ph + height, pw : pw + width]
