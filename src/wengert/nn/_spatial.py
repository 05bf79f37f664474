"""Convolution and pooling: `nn.functional`'s signatures over the operators of the core."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from wengert import Tensor, _ops
from wengert._composite.shape import pad

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", "avg_pool1d", "avg_pool2d",
    "avg_pool3d", "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d",
    "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d",
    "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip

_Size = int | Sequence[int]
_Pooled: TypeAlias = Tensor | tuple[Tensor, Tensor]


def _many(value: _Size, count: int) -> tuple[int, ...]:
    return (value,) * count if isinstance(value, int) else tuple(value)


# ---- convolution --------------------------------------------------------------------------------


def _padding_from_name(
    input: Tensor, name: str, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[Tensor, tuple[int, ...]]:
    if name == "valid":
        return input, (0,) * len(kernel)
    if name != "same":
        raise RuntimeError(f"Invalid padding string: '{name}'")
    if any(step != 1 for step in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if any(total % 2 for total in totals):
        extra = [side for total in reversed(totals) for side in (0, total % 2)]
        input = pad(input, extra)
    return input, tuple(total // 2 for total in totals)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Size = 1,
    padding: _Size | str = 0,
    dilation: _Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of inputs (N, C, L) or (C, L).

    ``weight`` is (out_channels, C / groups, kernel length).
    ``padding`` may be "same" (stride 1 only) or "valid".

    >>> input, weight = wg.ones(1, 1, 3), wg.ones(1, 1, 3)
    >>> wg.nn.functional.conv1d(input, weight).item()
    3.0
    """
    if isinstance(padding, str):
        input, padding = _padding_from_name(
            input, padding, weight.shape[2:], _many(stride, 1), _many(dilation, 1)
        )
    return _ops.conv1d(input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Size = 1,
    padding: _Size | str = 0,
    dilation: _Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of inputs (N, C, H, W) or (C, H, W).

    ``weight`` is (out_channels, C / groups, kernel height, kernel width).
    ``padding`` may be "same" (stride 1 only) or "valid".

    >>> input, weight = wg.ones(1, 1, 3, 3), wg.ones(1, 1, 3, 3)
    >>> wg.nn.functional.conv2d(input, weight).item()
    9.0
    """
    if isinstance(padding, str):
        input, padding = _padding_from_name(
            input, padding, weight.shape[2:], _many(stride, 2), _many(dilation, 2)
        )
    return _ops.conv2d(input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Size = 1,
    padding: _Size | str = 0,
    dilation: _Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of inputs (N, C, D, H, W) or (C, D, H, W).

    ``weight`` is (out_channels, C / groups, kernel depth, height, width).
    ``padding`` may be "same" (stride 1 only) or "valid".

    >>> input, weight = wg.ones(1, 1, 3, 3, 3), wg.ones(1, 1, 3, 3, 3)
    >>> wg.nn.functional.conv3d(input, weight).item()
    27.0
    """
    if isinstance(padding, str):
        input, padding = _padding_from_name(
            input, padding, weight.shape[2:], _many(stride, 3), _many(dilation, 3)
        )
    return _ops.conv3d(input, weight, bias, stride, padding, dilation, groups)


def _not_empty(input: Tensor, result: Tensor, count: int) -> Tensor:
    if 0 in result.shape[-count:]:
        given, found = (" x ".join(map(str, x.shape[-count:])) for x in (input, result))
        raise RuntimeError(
            f"Given input size per channel: ({given}). Calculated output size per channel: "
            f"({found}). Output size is too small"
        )
    return result


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Size = 1,
    padding: _Size = 0,
    output_padding: _Size = 0,
    groups: int = 1,
    dilation: _Size = 1,
) -> Tensor:
    """The adjoint of `conv1d` in its input.

    Inputs are (N, C, L) or (C, L).

    ``weight`` is (C, out_channels / groups, kernel length).
    ``output_padding`` is added to one side of the result, of which a strided convolution does
    not tell the size.

    >>> input, weight = wg.ones(1, 1, 1), wg.ones(1, 1, 3)
    >>> wg.nn.functional.conv_transpose1d(input, weight).sum().item()
    3.0
    """
    result = _ops.conv_transpose1d(
        input, weight, bias, stride, padding, output_padding, groups, dilation
    )
    return _not_empty(input, result, 1)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Size = 1,
    padding: _Size = 0,
    output_padding: _Size = 0,
    groups: int = 1,
    dilation: _Size = 1,
) -> Tensor:
    """The adjoint of `conv2d` in its input.

    Inputs are (N, C, H, W) or (C, H, W).

    ``weight`` is (C, out_channels / groups, kernel height, kernel width).
    ``output_padding`` is added to one side of the result, of which a strided convolution does
    not tell the size.

    >>> input, weight = wg.ones(1, 1, 1, 1), wg.ones(1, 1, 3, 3)
    >>> wg.nn.functional.conv_transpose2d(input, weight).sum().item()
    9.0
    """
    result = _ops.conv_transpose2d(
        input, weight, bias, stride, padding, output_padding, groups, dilation
    )
    return _not_empty(input, result, 2)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Size = 1,
    padding: _Size = 0,
    output_padding: _Size = 0,
    groups: int = 1,
    dilation: _Size = 1,
) -> Tensor:
    """The adjoint of `conv3d` in its input.

    Inputs are (N, C, D, H, W) or (C, D, H, W).

    ``weight`` is (C, out_channels / groups, kernel depth, height, width).
    ``output_padding`` is added to one side of the result, of which a strided convolution does
    not tell the size.

    >>> input, weight = wg.ones(1, 1, 1, 1, 1), wg.ones(1, 1, 3, 3, 3)
    >>> wg.nn.functional.conv_transpose3d(input, weight).sum().item()
    27.0
    """
    result = _ops.conv_transpose3d(
        input, weight, bias, stride, padding, output_padding, groups, dilation
    )
    return _not_empty(input, result, 3)


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """`conv1d` of (length, batch, channels); ``weight`` is (kernel length, channels, outputs)."""
    if input.dim() != 3 or weight.dim() != 3 or bias.dim() != 1:
        raise RuntimeError(
            "conv_tbc(): Input must have 3 dims: time, batch, in_channel, weight kernel_width, "
            f"in_channels, out_channels, and bias out_channels; got {list(input.shape)}, "
            f"{list(weight.shape)} and {list(bias.shape)}"
        )
    result = _ops.conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, 1, pad, 1, 1)
    return result.permute(2, 0, 1)


# ---- pooling ------------------------------------------------------------------------------------


def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    dilation: _Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = True,
) -> tuple[Tensor, Tensor]:
    """`max_pool1d`, and where each value is in its plane, flattened."""
    return _ops.max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool1d(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    dilation: _Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> _Pooled:
    """The greatest value in every window.

    Inputs are (N, C, L) or (C, L).

    ``stride`` is ``kernel_size`` by default. With ``return_indices`` also where each value is in
    its plane, flattened.
    """
    function = _ops.max_pool1d_with_indices if return_indices else _ops.max_pool1d
    return function(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    dilation: _Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = True,
) -> tuple[Tensor, Tensor]:
    """`max_pool2d`, and where each value is in its plane, flattened."""
    return _ops.max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    dilation: _Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> _Pooled:
    """The greatest value in every window.

    Inputs are (N, C, H, W) or (C, H, W).

    ``stride`` is ``kernel_size`` by default. With ``return_indices`` also where each value is in
    its plane, flattened.
    """
    function = _ops.max_pool2d_with_indices if return_indices else _ops.max_pool2d
    return function(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d_with_indices(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    dilation: _Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = True,
) -> tuple[Tensor, Tensor]:
    """`max_pool3d`, and where each value is in its plane, flattened."""
    return _ops.max_pool3d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    dilation: _Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> _Pooled:
    """The greatest value in every window.

    Inputs are (N, C, D, H, W) or (C, D, H, W).

    ``stride`` is ``kernel_size`` by default. With ``return_indices`` also where each value is in
    its plane, flattened.
    """
    function = _ops.max_pool3d_with_indices if return_indices else _ops.max_pool3d
    return function(input, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool1d(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of every window of inputs (N, C, L) or (C, L).

    ``stride`` is ``kernel_size`` by default; ``count_include_pad`` counts the margins.
    """
    return _ops.avg_pool1d(input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of every window of inputs (N, C, H, W) or (C, H, W).

    ``stride`` is ``kernel_size`` by default; ``count_include_pad`` counts the margins.
    ``divisor_override`` replaces the number of elements that sums are divided by.
    """
    return _ops.avg_pool2d(
        input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of every window of inputs (N, C, D, H, W) or (C, D, H, W).

    ``stride`` is ``kernel_size`` by default; ``count_include_pad`` counts the margins.
    ``divisor_override`` replaces the number of elements that sums are divided by.
    """
    return _ops.avg_pool3d(
        input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _output_size(
    input: Tensor, output_size: _Size | Sequence[int | None], count: int
) -> tuple[int, ...]:
    """One number per dimension; None keeps the size."""
    wanted = _many(output_size, count)  # type: ignore[arg-type]
    kept = input.shape[input.dim() - count :]
    return tuple(have if want is None else want for want, have in zip(wanted, kept, strict=True))


def adaptive_avg_pool1d(input: Tensor, output_size: _Size) -> Tensor:
    """Means over windows chosen such that the output has ``output_size``.

    Inputs are (N, C, L) or (C, L).
    """
    return _ops.adaptive_avg_pool1d(input, output_size)


def adaptive_max_pool1d_with_indices(
    input: Tensor, output_size: _Size, return_indices: bool = True
) -> tuple[Tensor, Tensor]:
    """`adaptive_max_pool1d`, and where each value is in its plane, flattened."""
    return _ops.adaptive_max_pool1d(input, output_size)


def adaptive_max_pool1d(input: Tensor, output_size: _Size, return_indices: bool = False) -> _Pooled:
    """The greatest values in windows chosen such that the output has ``output_size``.

    Inputs are (N, C, L) or (C, L).
    """
    result = adaptive_max_pool1d_with_indices(input, output_size)
    return result if return_indices else result[0]


def adaptive_avg_pool2d(input: Tensor, output_size: _Size | Sequence[int | None]) -> Tensor:
    """Means over windows chosen such that the output has ``output_size``.

    Inputs are (N, C, H, W) or (C, H, W). ``None`` keeps a size.
    """
    return _ops.adaptive_avg_pool2d(input, _output_size(input, output_size, 2))


def adaptive_max_pool2d_with_indices(
    input: Tensor, output_size: _Size | Sequence[int | None], return_indices: bool = True
) -> tuple[Tensor, Tensor]:
    """`adaptive_max_pool2d`, and where each value is in its plane, flattened."""
    return _ops.adaptive_max_pool2d(input, _output_size(input, output_size, 2))


def adaptive_max_pool2d(
    input: Tensor, output_size: _Size | Sequence[int | None], return_indices: bool = False
) -> _Pooled:
    """The greatest values in windows chosen such that the output has ``output_size``.

    Inputs are (N, C, H, W) or (C, H, W). ``None`` keeps a size.
    """
    result = adaptive_max_pool2d_with_indices(input, output_size)
    return result if return_indices else result[0]


def adaptive_avg_pool3d(input: Tensor, output_size: _Size | Sequence[int | None]) -> Tensor:
    """Means over windows chosen such that the output has ``output_size``.

    Inputs are (N, C, D, H, W) or (C, D, H, W). ``None`` keeps a size.
    """
    return _ops.adaptive_avg_pool3d(input, _output_size(input, output_size, 3))


def adaptive_max_pool3d_with_indices(
    input: Tensor, output_size: _Size | Sequence[int | None], return_indices: bool = True
) -> tuple[Tensor, Tensor]:
    """`adaptive_max_pool3d`, and where each value is in its plane, flattened."""
    return _ops.adaptive_max_pool3d(input, _output_size(input, output_size, 3))


def adaptive_max_pool3d(
    input: Tensor, output_size: _Size | Sequence[int | None], return_indices: bool = False
) -> _Pooled:
    """The greatest values in windows chosen such that the output has ``output_size``.

    Inputs are (N, C, D, H, W) or (C, D, H, W). ``None`` keeps a size.
    """
    result = adaptive_max_pool3d_with_indices(input, output_size)
    return result if return_indices else result[0]


def _lp_pool(
    average: Callable[..., Tensor], count: int, input: Tensor, norm_type: float, kernel_size: _Size,
    stride: _Size | None, ceil_mode: bool,
) -> Tensor:  # fmt: skip
    """(sum x^p)^(1/p) over windows; as in PyTorch, the sum of the powers keeps its sign."""
    room = 1
    for size in _many(kernel_size, count):
        room *= size
    total = average(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return (total.sign() * total.abs().relu()).mul(room).pow(1.0 / norm_type)


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: _Size,
    stride: _Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The sum of the powers ``norm_type`` in every window of inputs (N, C, L) or (C, L), and
    its root of that order.
    """
    return _lp_pool(avg_pool1d, 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: _Size,
    stride: _Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The sum of the powers ``norm_type`` in every window of inputs (N, C, H, W) or (C, H, W), and
    its root of that order.
    """
    return _lp_pool(avg_pool2d, 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: _Size,
    stride: _Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The sum of the powers ``norm_type`` in every window of inputs (N, C, D, H, W) or
    (C, D, H, W), and
    its root of that order.
    """
    return _lp_pool(avg_pool3d, 3, input, norm_type, kernel_size, stride, ceil_mode)


def _unpool(
    count: int, input: Tensor, indices: Tensor, kernel_size: _Size, stride: _Size | None,
    padding: _Size, output_size: Sequence[int] | None,
) -> Tensor:  # fmt: skip
    kernel = _many(kernel_size, count)
    steps = kernel if stride is None else _many(stride, count)
    margins = _many(padding, count)
    lead = tuple(input.shape[: input.dim() - count])
    inner = input.shape[input.dim() - count :]
    smallest = [
        (n - 1) * s - 2 * p + k for n, s, p, k in zip(inner, steps, margins, kernel, strict=True)
    ]
    sizes = smallest if output_size is None else list(output_size)[-count:]
    for size, least, step in zip(sizes, smallest, steps, strict=True):
        if not least - step < size < least + step:
            raise ValueError(
                f"invalid output_size {sizes} (each has to be within a stride of {smallest})"
            )
    if input.shape != indices.shape:
        raise RuntimeError(
            f"max_unpool{count}d(): Expected shape of indices to be same as that of the input "
            f"tensor ({list(input.shape)}) but got indices tensor with shape: "
            f"{list(indices.shape)}"
        )
    room = math.prod(sizes)
    # Windows that overlap name a place twice, with the same value: it is written, not added up.
    values, places = input.flatten(-count), indices.flatten(-count)
    if places.numel():
        low, high = int(places.min()), int(places.max())
        if low < 0 or high >= room:
            wrong = low if low < 0 else high
            raise RuntimeError(
                f"Found an invalid max index: {wrong} (output volumes are of size "
                f"{'x'.join(map(str, sizes))})"
            )
    zeros = input.new_zeros(*lead, room)
    return zeros.scatter(-1, places, values).reshape(*lead, *sizes)


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Puts values back to where `max_pool1d` found them, among zeros."""
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Puts values back to where `max_pool2d` found them, among zeros."""
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Puts values back to where `max_pool3d` found them, among zeros."""
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)
