"""The discrete Fourier transform along the last dimension, out of matrix products.

A length that is a product is done by the recursion of Cooley and Tukey (1965) with factors near 64:
each is a product with a small matrix of roots of unity, which is where the processor is fastest.
Lengths with a large prime factor become a convolution (Bluestein, 1970). Since all of it is made of
differentiable operators, derivatives of every order come with it.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import wengert
from wengert import _ops
from wengert.autograd.grad_mode import inference_mode

if TYPE_CHECKING:
    from wengert import Tensor, dtype

_DIRECT = 64  # up to here one product does it
_LARGEST_PRIME = 256  # beyond, n * prime operations are more than a convolution takes


def transform(x: Tensor, sign: int) -> Tensor:
    """Sums of x[..., k] * exp(sign * 2j * pi * j * k / n) over k, for all j. x is complex."""
    n = x.shape[-1]
    if n == 1:
        return x
    if n <= _DIRECT:
        return _ops.matmul(x, _matrix(n, sign, x.dtype))
    if _prime_factors(n)[-1] > _LARGEST_PRIME:
        return _bluestein(x, sign)
    a = _factor(n)
    if a == n:
        return _ops.matmul(x, _matrix(n, sign, x.dtype))
    b = n // a
    # x[i * b + j] becomes rows i and columns j.
    rows = _ops.reshape(x, (*x.shape[:-1], a, b))
    rows = _ops.mul(_ops.matmul(_matrix(a, sign, x.dtype), rows), _twiddles(a, b, sign, x.dtype))
    return _ops.reshape(_ops.transpose(transform(rows, sign), -1, -2), tuple(x.shape))


def is_short(n: int) -> bool:
    """Whether one product with a matrix is all."""
    return n <= _DIRECT


def short_from_real(x: Tensor) -> Tensor:
    """The first half of the transform of a short real x: a quarter of the complex product."""
    n = x.shape[-1]
    parts = _ops.matmul(x, _matrix_from_real(n, x.dtype))
    return _ops.view_as_complex(_ops.reshape(parts, (*x.shape[:-1], n // 2 + 1, 2)))


def short_to_real(x: Tensor, n: int) -> Tensor:
    """The inverse of `short_from_real`, times n."""
    parts = _ops.reshape(_ops.view_as_real(x), (*x.shape[:-1], 2 * x.shape[-1]))
    return _ops.matmul(parts, _matrix_to_real(n, parts.dtype))


@functools.lru_cache(maxsize=256)
@inference_mode(False)  # what is kept serves all modes
def _matrix_from_real(n: int, dtype: dtype) -> Tensor:
    half = _ops.view_as_real(_matrix(n, -1, dtype.to_complex())[:, : n // 2 + 1].contiguous())
    return _ops.reshape(half, (n, 2 * (n // 2 + 1)))


@functools.lru_cache(maxsize=256)
@inference_mode(False)  # what is kept serves all modes
def _matrix_to_real(n: int, dtype: dtype) -> Tensor:
    count = n // 2 + 1
    # What is left out is the conjugate of what is there: the real part counts those twice.
    weight = _ops.full((count, 1, 1), 2.0, dtype=dtype)
    weight[0] = 1.0
    if n % 2 == 0:
        weight[-1] = 1.0
    waves = _ops.view_as_real(_matrix(n, -1, dtype.to_complex())[:count].contiguous())
    return _ops.reshape(_ops.transpose(_ops.mul(waves, weight), 1, 2), (2 * count, n))


@functools.lru_cache(maxsize=1024)
def _prime_factors(n: int) -> tuple[int, ...]:
    """In ascending order."""
    factors, candidate = [], 2
    while candidate * candidate <= n:
        while n % candidate == 0:
            factors.append(candidate)
            n //= candidate
        candidate += 1
    return tuple(factors) if n == 1 else (*factors, n)


@functools.lru_cache(maxsize=1024)
def _factor(n: int) -> int:
    """A divisor of n to begin with, such that few steps are needed and all are about as large."""
    steps = math.ceil(math.log(n, _DIRECT) - 1e-9)
    wanted = math.log(n) / steps
    divisors = {1}
    for prime in _prime_factors(n):
        divisors |= {d * prime for d in divisors if d * prime <= _LARGEST_PRIME}
    return min(divisors - {1}, key=lambda d: (abs(math.log(d) - wanted), d))


def _roots(powers: Tensor, n: int, sign: int, dtype: dtype) -> Tensor:
    """exp(sign * 2j * pi * powers / n), rounded once."""
    angle = _ops.mul(_ops.remainder(powers, n).to(wengert.float64), sign * 2 * math.pi / n)
    # Multiples of a quarter turn are exact: what is this small can only be a zero.
    parts = [_ops.masked_fill(x, _ops.lt(_ops.abs(x), 1e-14), 0.0)
             for x in (_ops.cos(angle), _ops.sin(angle))]  # fmt: skip
    return wengert.complex(*parts).to(dtype)


@functools.lru_cache(maxsize=256)
@inference_mode(False)  # what is kept serves all modes
def _matrix(n: int, sign: int, dtype: dtype) -> Tensor:
    """All powers j * k of the n-th root of unity; symmetric."""
    k = _ops.arange(n, dtype=wengert.int64)
    return _roots(_ops.mul(_ops.unsqueeze(k, 1), k), n, sign, dtype)


@functools.lru_cache(maxsize=64)
@inference_mode(False)  # what is kept serves all modes
def _twiddles(a: int, b: int, sign: int, dtype: dtype) -> Tensor:
    """The factors between the two halves of a step, (a, b)."""
    i, j = _ops.arange(a, dtype=wengert.int64), _ops.arange(b, dtype=wengert.int64)
    return _roots(_ops.mul(_ops.unsqueeze(i, 1), j), a * b, sign, dtype)


@functools.lru_cache(maxsize=32)
@inference_mode(False)  # what is kept serves all modes
def _chirp(n: int, sign: int, dtype: dtype) -> tuple[Tensor, Tensor, int]:
    """exp(sign * 1j * pi * k**2 / n), the transform of its conjugate, wrapped around, and the
    length of that.
    """
    k = _ops.arange(n, dtype=wengert.int64)
    wave = _roots(_ops.mul(k, k), 2 * n, sign, wengert.complex128)
    length = 1 << (2 * n - 2).bit_length()
    back = _ops.conj(wave)
    middle = _ops._zeros((length - 2 * n + 1,), wengert.complex128)
    kernel = _ops.cat([back, middle, _ops.flip(back[1:], (0,))], 0)
    return wave.to(dtype), transform(kernel, -1).to(dtype), length


def _bluestein(x: Tensor, sign: int) -> Tensor:
    n = x.shape[-1]
    wave, kernel, length = _chirp(n, sign, x.dtype)
    padded = wengert.nn.functional.pad(_ops.mul(x, wave), (0, length - n))
    product = transform(_ops.mul(transform(padded, -1), kernel), 1)
    return _ops.mul(_ops.div(_ops.narrow(product, -1, 0, n), length), wave)
