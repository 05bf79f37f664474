"""Max pooling over windows at random steps: `fractional_max_pool2d` and `3d`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import wengert as wg
from wengert import Tensor
from wengert.nn._spatial import _many

__all__ = [
    "fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
]  # fmt: skip


def _starts(sample: Tensor, size: int, wanted: int, kernel: int) -> Tensor:
    """Where the windows start: steps of nearly equal length, shifted by ``sample`` (N, C)."""
    if wanted == 1:
        return wg.full((*sample.shape, 1), size - kernel, dtype=wg.int64, device=sample.device)
    step = (size - kernel) / (wanted - 1)
    shifted = wg.arange(wanted, dtype=sample.dtype, device=sample.device) + sample[..., None]
    starts = (shifted * step).floor() - (sample[..., None] * step).floor()
    starts[..., -1] = size - kernel
    return starts.to(wg.int64)


def _pool(
    count: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any,
    samples: Tensor | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    name = f"fractional_max_pool{count}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if input.dim() not in (count + 1, count + 2):
        raise RuntimeError(
            f"{name}(): Expected {count + 1}D or {count + 2}D tensor, but got: {list(input.shape)}"
        )
    batched = input.dim() == count + 2
    x = input if batched else input.unsqueeze(0)
    batch, channels, *sizes = x.shape
    kernel = _many(kernel_size, count)
    if output_size is not None:
        wanted = _many(output_size, count)
    else:
        ratio = (output_ratio,) * count if isinstance(output_ratio, float) else output_ratio
        wanted = tuple(int(n * part) for n, part in zip(sizes, ratio, strict=True))
    for n, k, out in zip(sizes, kernel, wanted, strict=True):
        if out < 1 or out + k - 1 > n:
            raise RuntimeError(
                f"{name}(): pool size {list(kernel)} and output size {list(wanted)} are too large "
                f"relative to input {list(input.shape)}: output + pool - 1 must not exceed it"
            )
    if samples is None:
        samples = wg.rand(batch, channels, count, dtype=x.dtype, device=x.device)
    elif tuple(samples.shape) != (batch, channels, count):
        raise RuntimeError(
            f"{name}(): expected _random_samples of shape {[batch, channels, count]}, but got "
            f"{list(samples.shape)}"
        )
    with wg.no_grad():
        flat = wg.zeros((), dtype=wg.int64, device=x.device)
        for i, (n, k, out) in enumerate(zip(sizes, kernel, wanted, strict=True)):
            # Of two samples PyTorch takes the first for the width, of three for the depth.
            sample = samples[..., count - 1 - i if count == 2 else i]
            place = _starts(sample, n, out, k).unsqueeze(-1) + wg.arange(k, device=x.device)
            shape = [1] * (2 * count)
            shape[i], shape[count + i] = out, k
            flat = flat * n + place.reshape(batch, channels, *shape)
        full = flat.expand(batch, channels, *wanted, *kernel).flatten(2 + count)
        places = full.flatten(2)
    values = x.flatten(2).gather(2, places).reshape(full.shape)
    best, which = values.max(-1)
    indices = full.gather(-1, which.unsqueeze(-1)).squeeze(-1)
    return (best, indices) if batched else (best.squeeze(0), indices.squeeze(0))


def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio: float | Sequence[float] | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """`fractional_max_pool2d`, and where each value is in its plane, flattened."""
    return _pool(2, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio: float | Sequence[float] | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """The greatest values in windows of ``kernel_size`` whose starts are drawn at random such that
    the output has ``output_size``, or ``output_ratio`` of the input's size.

    Inputs are (N, C, H, W) or (C, H, W).

    Source: Graham (2014), Fractional max-pooling, https://arxiv.org/abs/1412.6071.

    >>> wg.nn.functional.fractional_max_pool2d(wg.rand(1, 2, 9, 9), 2, output_size=5).shape
    wengert.Size([1, 2, 5, 5])
    """
    result = _pool(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return result if return_indices else result[0]


def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio: float | Sequence[float] | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """`fractional_max_pool3d`, and where each value is in its volume, flattened."""
    return _pool(3, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio: float | Sequence[float] | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """`fractional_max_pool2d` of volumes (N, C, D, H, W) or (C, D, H, W)."""
    result = _pool(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return result if return_indices else result[0]
