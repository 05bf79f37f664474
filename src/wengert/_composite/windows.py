"""Windows of signal processing, as vectors.

A periodic window is the symmetric one of one more element without the last: what spectra want.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from wengert import Tensor

__all__ = (
    "bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window",
)  # fmt: skip

METHODS = ()

PROPERTIES = ()

FUNCTIONAL = ()


def _window(
    name: str, length: int, periodic: bool, dtype: Any, requires_grad: bool,
    value: Callable[[Tensor, int], Tensor],
) -> Tensor:  # fmt: skip
    """`value(n, last)` of the places n = 0, 1, ...: computed in float64, then rounded once."""
    dtype = dtype or wengert.get_default_dtype()
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if length < 0:
        raise RuntimeError(
            f"{name} requires non-negative window_length, got window_length={length}"
        )
    if length <= 1:
        result = _ops.ones((length,), dtype=dtype)
    else:
        places = _ops.arange(0, length, dtype=wengert.float64)
        result = value(places, length if periodic else length - 1).to(dtype)
    return result.requires_grad_() if requires_grad else result


def _cosines(places: Tensor, last: int, *weights: float) -> Tensor:
    """w0 - w1 cos(x) + w2 cos(2 x) - ..., x = 2 pi n / last."""
    angle = _ops.mul(places, 2 * math.pi / last)
    result = _ops.full_like(places, weights[0])
    for k, weight in enumerate(weights[1:], 1):
        result = _ops.add(result, _ops.cos(_ops.mul(angle, k)), alpha=(-1) ** k * weight)
    return result


def hann_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """``(1 - cos(2 pi n / N)) / 2``.

    >>> wg.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window("hann_window", window_length, periodic, dtype, requires_grad,
                   lambda n, last: _cosines(n, last, 0.5, 0.5))  # fmt: skip


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *,
    dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """``alpha - beta cos(2 pi n / N)``.

    >>> wg.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    return _window("hamming_window", window_length, periodic, dtype, requires_grad,
                   lambda n, last: _cosines(n, last, alpha, beta))  # fmt: skip


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """``0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)``.

    >>> wg.blackman_window(4)[2]
    tensor(1.)
    """
    return _window("blackman_window", window_length, periodic, dtype, requires_grad,
                   lambda n, last: _cosines(n, last, 0.42, 0.5, 0.08))  # fmt: skip


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A triangle, ``1 - |2 n / N - 1|``.

    >>> wg.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window("bartlett_window", window_length, periodic, dtype, requires_grad,
                   lambda n, last: 1 - (n * 2 / last - 1).abs())  # fmt: skip


def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None,
    layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """``i0(beta sqrt(1 - (2 n / N - 1)^2)) / i0(beta)``.

    >>> wg.kaiser_window(4)[2]
    tensor(1.)
    """

    def value(n: Tensor, last: int) -> Tensor:
        inside = (1 - (n * 2 / last - 1).square()).clamp(min=0)
        top = _ops.i0(_ops.full((), beta, dtype=wengert.float64))
        return _ops.i0(inside.sqrt() * beta) / top

    return _window("kaiser_window", window_length, periodic, dtype, requires_grad, value)
