"""Discrete Fourier transforms.

Names and arguments are those of PyTorch's `fft`. Inputs are real or complex, of single or double
precision; integers become the default dtype. ``n`` or ``s`` zero-pads or cuts the dimensions to
these lengths first. ``norm`` says where the factor is: "backward" (default) divides the inverse by
n, "forward" the forward transform, "ortho" both by sqrt(n). All are differentiable to any order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import wengert
from wengert import _ops
from wengert._C import Tensor
from wengert._composite._common import describe, dtype_name, with_out, wrap_dim
from wengert._fourier import is_short, short_from_real, short_to_real, transform

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2",
    "ifftn", "ifftshift", "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft",
    "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip

_Dims = Sequence[int]
_SWAPPED = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


# --- what all share ---


def _scale(norm: str | None, n: int, inverse: bool) -> float:
    if norm not in _SWAPPED:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if norm == "ortho":
        return 1 / math.sqrt(n)
    return 1 / n if inverse == (norm != "forward") else 1.0


def _swapped(norm: str | None) -> str:
    if norm not in _SWAPPED:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return _SWAPPED[norm]


def _inexact(input: Tensor) -> Tensor:
    """As floating-point or complex numbers of single or double precision."""
    dtype = input.dtype
    if dtype in (wengert.float16, wengert.bfloat16):
        raise RuntimeError(
            f"Unsupported dtype {'Half' if dtype is wengert.float16 else 'BFloat16'}"
            + describe(input=input)
        )
    if dtype.is_floating_point or dtype.is_complex:
        return input
    return input.to(wengert.get_default_dtype())


def _complex(input: Tensor) -> Tensor:
    input = _inexact(input)
    return input if input.dtype.is_complex else input.to(input.dtype.to_complex())


def _real(input: Tensor, name: str) -> Tensor:
    if input.dtype.is_complex:
        raise RuntimeError(
            f"{name} expects a real input tensor, but got {dtype_name(input.dtype)}"
            + describe(input=input)
        )
    return _inexact(input)


def _length(input: Tensor, n: int | None, dim: int) -> int:
    length = input.shape[dim] if n is None else n
    if length < 1:
        raise RuntimeError(
            f"Invalid number of data points ({length}) specified" + describe(input=input)
        )
    return length


def _place(name: str, input: Tensor, dim: int) -> int:
    if input.dim() == 0:
        raise IndexError(
            f"{name}(): Dimension specified as {dim} but tensor has no dimensions"
            + describe(input=input)
        )
    return wrap_dim(name, dim, input.dim())


def _resized(input: Tensor, n: int, dim: int) -> Tensor:
    """Cut, or padded with zeros, to n elements along dim."""
    size = input.shape[dim]
    if size == n:
        return input
    if size > n:
        return _ops.narrow(input, dim, 0, n)
    return wengert.nn.functional.pad(input, (0, 0) * (input.dim() - 1 - dim) + (0, n - size))


def _along(input: Tensor, n: int, dim: int, sign: int, scale: float) -> Tensor:
    """The transform of a complex tensor along a dimension."""
    moved = _ops.transpose(_resized(input, n, dim), dim, -1)
    result = _ops.transpose(transform(moved, sign), dim, -1)
    return result if scale == 1 else _ops.mul(result, scale)


# --- one dimension ---


@with_out
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The transform of a signal: sums of ``input[k] * exp(-2j*pi*j*k/n)`` along `dim`.

    >>> wg.fft.fft(wg.tensor([1.0, 2.0, 3.0, 4.0]))
    tensor([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j])
    """
    dim = _place("fft", input, dim)
    n = _length(input, n, dim)
    return _along(_complex(input), n, dim, -1, _scale(norm, n, False))


@with_out
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `fft`.

    >>> wg.fft.ifft(wg.fft.fft(wg.tensor([1.0, 2.0]))).real
    tensor([1., 2.])
    """
    dim = _place("ifft", input, dim)
    n = _length(input, n, dim)
    return _along(_complex(input), n, dim, 1, _scale(norm, n, True))


@with_out
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The first ``n // 2 + 1`` elements of `fft` of a real signal; the others are conjugates.

    >>> wg.fft.rfft(wg.tensor([1.0, 2.0, 3.0, 4.0]))
    tensor([10.+0.j, -2.+2.j, -2.+0.j])
    """
    dim = _place("rfft", input, dim)
    real = _real(input, "rfft")
    n = _length(input, n, dim)
    scale = _scale(norm, n, False)
    if is_short(n):
        moved = _ops.transpose(_resized(real, n, dim), dim, -1)
        half = _ops.transpose(short_from_real(moved), dim, -1)
        return half if scale == 1 else _ops.mul(half, scale)
    whole = _along(_complex(real), n, dim, -1, scale)
    return _ops.narrow(whole, dim, 0, n // 2 + 1)


@with_out
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `rfft`: a real signal of n elements, by default ``2 * (size - 1)``.

    >>> wg.fft.irfft(wg.fft.rfft(wg.tensor([1.0, 2.0, 3.0])), n=3)
    tensor([1., 2., 3.])
    """
    dim = _place("irfft", input, dim)
    n = _length(input, 2 * (input.shape[dim] - 1) if n is None else n, dim)
    half = _resized(_complex(input), n // 2 + 1, dim)
    if is_short(n):
        scale = _scale(norm, n, True)
        result = _ops.transpose(short_to_real(_ops.transpose(half, dim, -1), n), dim, -1)
        return result if scale == 1 else _ops.mul(result, scale)
    # What is left out is the conjugate of what is there: the real part counts those twice.
    weights = [1.0] + [2.0] * (n // 2)
    if n % 2 == 0:
        weights[-1] = 1.0
    shape = [1] * input.dim()
    shape[dim] = len(weights)
    weight = wengert.tensor(weights, dtype=half.dtype.to_real()).reshape(shape)
    whole = _along(_ops.mul(half, weight), n, dim, 1, _scale(norm, n, True))
    return _ops.real(whole)


@with_out
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The real `fft` of a signal of which one half is given, the other being conjugates.

    >>> wg.fft.hfft(wg.tensor([1.0, 2.0]), n=2)
    tensor([ 3., -1.])
    """
    return irfft(_ops.conj(_complex(input)), n, dim, _swapped(norm))


@with_out
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `hfft`.

    >>> wg.fft.ihfft(wg.tensor([3.0, -1.0])).real
    tensor([1., 2.])
    """
    return _ops.conj(rfft(_real(input, "ihfft"), n, dim, _swapped(norm)))


# --- several dimensions ---


def _axes(
    name: str, input: Tensor, s: _Dims | None, dim: _Dims | int | None
) -> tuple[list[int | None], list[int]]:
    """Lengths (None: as it is) and dimensions."""
    if isinstance(dim, int):
        dim = (dim,)
    if dim is not None:
        dims = [wrap_dim(name, each, input.dim()) for each in dim]
        if len(set(dims)) != len(dims):
            raise RuntimeError("FFT dims must be unique" + describe(input=input))
    elif s is not None:
        if len(s) > input.dim():
            raise RuntimeError(
                "Got shape with more dimensions than the input tensor"
                f" ({len(s)} and {input.dim()})" + describe(input=input)
            )
        dims = list(range(input.dim() - len(s), input.dim()))
    else:
        dims = list(range(input.dim()))
    if s is None:
        return [None] * len(dims), dims
    if len(s) != len(dims):
        raise RuntimeError(
            "When given, dim and shape arguments must have the same length"
            f" ({len(dims)} and {len(s)})" + describe(input=input)
        )
    return [None if each == -1 else each for each in s], dims


def _last(name: str, dims: list[int], input: Tensor) -> None:
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis" + describe(input=input))


@with_out
def fftn(
    input: Tensor, s: _Dims | None = None, dim: _Dims | None = None, norm: str | None = None
) -> Tensor:
    """`fft` along several dimensions, by default all.

    >>> wg.fft.fftn(wg.ones(2, 2)).abs()
    tensor([[4., 0.],
            [0., 0.]])
    """
    result = _complex(input)
    for n, axis in zip(*_axes("fftn", input, s, dim), strict=True):
        result = fft(result, n, axis, norm)
    return result


@with_out
def ifftn(
    input: Tensor, s: _Dims | None = None, dim: _Dims | None = None, norm: str | None = None
) -> Tensor:
    """The inverse of `fftn`."""
    result = _complex(input)
    for n, axis in zip(*_axes("ifftn", input, s, dim), strict=True):
        result = ifft(result, n, axis, norm)
    return result


@with_out
def rfftn(
    input: Tensor, s: _Dims | None = None, dim: _Dims | None = None, norm: str | None = None
) -> Tensor:
    """`fftn` of a real tensor; along the last of the dimensions only the half that `rfft` gives."""
    lengths, dims = _axes("rfftn", input, s, dim)
    _last("rfftn", dims, input)
    result = rfft(_real(input, "rfftn"), lengths[-1], dims[-1], norm)
    for n, axis in zip(lengths[:-1], dims[:-1], strict=True):
        result = fft(result, n, axis, norm)
    return result


@with_out
def irfftn(
    input: Tensor, s: _Dims | None = None, dim: _Dims | None = None, norm: str | None = None
) -> Tensor:
    """The inverse of `rfftn`."""
    lengths, dims = _axes("irfftn", input, s, dim)
    _last("irfftn", dims, input)
    result = _complex(input)
    for n, axis in zip(lengths[:-1], dims[:-1], strict=True):
        result = ifft(result, n, axis, norm)
    return irfft(result, lengths[-1], dims[-1], norm)


@with_out
def hfftn(
    input: Tensor, s: _Dims | None = None, dim: _Dims | None = None, norm: str | None = None
) -> Tensor:
    """The real `fftn` of a tensor of which, along the last of the dimensions, half is given."""
    lengths, dims = _axes("hfftn", input, s, dim)
    _last("hfftn", dims, input)
    result = _complex(input)
    for n, axis in zip(lengths[:-1], dims[:-1], strict=True):
        result = fft(result, n, axis, norm)
    return hfft(result, lengths[-1], dims[-1], norm)


@with_out
def ihfftn(
    input: Tensor, s: _Dims | None = None, dim: _Dims | None = None, norm: str | None = None
) -> Tensor:
    """The inverse of `hfftn`."""
    lengths, dims = _axes("ihfftn", input, s, dim)
    _last("ihfftn", dims, input)
    result = ihfft(input, lengths[-1], dims[-1], norm)
    for n, axis in zip(lengths[:-1], dims[:-1], strict=True):
        result = ifft(result, n, axis, norm)
    return result


@with_out
def fft2(
    input: Tensor, s: _Dims | None = None, dim: _Dims = (-2, -1), norm: str | None = None
) -> Tensor:
    """`fft` along two dimensions, by default the last two."""
    return fftn(input, s, dim, norm)


@with_out
def ifft2(
    input: Tensor, s: _Dims | None = None, dim: _Dims = (-2, -1), norm: str | None = None
) -> Tensor:
    """The inverse of `fft2`."""
    return ifftn(input, s, dim, norm)


@with_out
def rfft2(
    input: Tensor, s: _Dims | None = None, dim: _Dims = (-2, -1), norm: str | None = None
) -> Tensor:
    """`fft2` of a real tensor; along the last of the dimensions only the half that `rfft` gives."""
    return rfftn(input, s, dim, norm)


@with_out
def irfft2(
    input: Tensor, s: _Dims | None = None, dim: _Dims = (-2, -1), norm: str | None = None
) -> Tensor:
    """The inverse of `rfft2`."""
    return irfftn(input, s, dim, norm)


@with_out
def hfft2(
    input: Tensor, s: _Dims | None = None, dim: _Dims = (-2, -1), norm: str | None = None
) -> Tensor:
    """The real `fft2` of a tensor of which, along the last of the dimensions, half is given."""
    return hfftn(input, s, dim, norm)


@with_out
def ihfft2(
    input: Tensor, s: _Dims | None = None, dim: _Dims = (-2, -1), norm: str | None = None
) -> Tensor:
    """The inverse of `hfft2`."""
    return ihfftn(input, s, dim, norm)


# --- frequencies ---


def _frequencies(
    name: str, places: list[int], n: int, d: float, dtype: Any, device: Any, requires_grad: bool
) -> Tensor:
    dtype = dtype or wengert.get_default_dtype()
    if not dtype.is_floating_point and not dtype.is_complex:
        raise RuntimeError(f"{name} requires a floating point or complex dtype, got {dtype}")
    values = [place / (n * d) for place in places]
    return wengert.tensor(values, dtype=dtype, device=device, requires_grad=requires_grad)


@with_out
def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequency of every element of `fft`, in cycles per unit of `d`, the sample spacing.

    >>> wg.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    places = [*range((n + 1) // 2), *range(-(n // 2), 0)]
    return _frequencies("fftfreq", places, n, d, dtype, device, requires_grad)


@with_out
def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequency of every element of `rfft`.

    >>> wg.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    places = list(range(n // 2 + 1))
    return _frequencies("rfftfreq", places, n, d, dtype, device, requires_grad)


def _shifted(name: str, input: Tensor, dim: Any, forward: bool) -> Tensor:
    dims = range(input.dim()) if dim is None else (dim,) if isinstance(dim, int) else dim
    dims = [wrap_dim(name, each, input.dim()) for each in dims]
    sizes = [input.shape[each] for each in dims]
    if not dims:
        return input
    shifts = [size // 2 if forward else -(size // 2) for size in sizes]
    return _ops.roll(input, shifts, dims)


def fftshift(input: Tensor, dim: int | _Dims | None = None) -> Tensor:
    """Moves frequency 0 to the middle.

    >>> wg.fft.fftshift(wg.tensor([0, 1, 2, -2, -1]))
    tensor([-2, -1,  0,  1,  2])
    """
    return _shifted("fftshift", input, dim, True)


def ifftshift(input: Tensor, dim: int | _Dims | None = None) -> Tensor:
    """The inverse of `fftshift`.

    >>> wg.fft.ifftshift(wg.tensor([-2, -1, 0, 1, 2]))
    tensor([ 0,  1,  2, -2, -1])
    """
    return _shifted("ifftshift", input, dim, False)
