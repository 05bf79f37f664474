"""Pointwise operators with a choice to make before the native ones are called."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from ._common import describe, is_inexact, is_tensor

if TYPE_CHECKING:
    from wengert import Tensor

__all__ = (
    "clamp", "clamp_", "clip", "clip_", "div", "divide", "float_power",
    "floor_divide", "isclose", "mvlgamma", "polygamma", "true_divide",
)  # fmt: skip

METHODS = (
    "clamp", "clamp_", "clip", "clip_", "div", "div_", "divide",
    "divide_", "float_power", "float_power_", "floor_divide", "floor_divide_", "isclose",
    "mvlgamma", "polygamma", "true_divide", "true_divide_",
)  # fmt: skip

PROPERTIES = ()

FUNCTIONAL = ("gelu",)

# polygamma(n, x) takes the order first, the method x.polygamma(n) the tensor.
METHOD_BODIES = {"polygamma": "_polygamma"}


def _rounding_error(rounding_mode: object) -> RuntimeError:
    return RuntimeError(
        "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
        f"'{rounding_mode}'"
    )


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """The quotient, exact or rounded towards zero ("trunc") or down ("floor")."""
    if rounding_mode is None:
        return _ops.div(input, other)
    if rounding_mode == "floor":
        return _ops._div_floor(input, other)
    if rounding_mode == "trunc":
        return _ops._div_trunc(input, other)
    raise _rounding_error(rounding_mode)


def div_(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """`div` into `input` itself."""
    if rounding_mode is None:
        return _ops.div_(input, other)
    if rounding_mode == "floor":
        return _ops._div_floor_(input, other)
    if rounding_mode == "trunc":
        return _ops._div_trunc_(input, other)
    raise _rounding_error(rounding_mode)


divide = div
divide_ = div_


def true_divide(input: Any, other: Any) -> Tensor:
    """The exact quotient."""
    return _ops.div(input, other)


def true_divide_(input: Tensor, other: Any) -> Tensor:
    """`true_divide` into `input` itself."""
    return _ops.div_(input, other)


def floor_divide(input: Any, other: Any) -> Tensor:
    """The quotient rounded down."""
    return _ops._div_floor(input, other)


def floor_divide_(input: Tensor, other: Any) -> Tensor:
    """`floor_divide` into `input` itself."""
    return _ops._div_floor_(input, other)


_NO_BOUND = "torch.clamp: At least one of 'min' or 'max' must not be None"


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Each element, but at least `min` and at most `max`; `max` wins where they contradict."""
    if min is None:
        if max is None:
            raise RuntimeError(_NO_BOUND)
        return _ops.clamp_max(input, max)
    result = _ops.clamp_min(input, min)
    return result if max is None else _ops.clamp_max(result, max)


def clamp_(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`clamp` into `input` itself."""
    if min is None and max is None:
        raise RuntimeError(_NO_BOUND)
    if min is not None:
        input = _ops.clamp_min_(input, min)
    return input if max is None else _ops.clamp_max_(input, max)


clip = clamp
clip_ = clamp_


def _widest(value: Any) -> Any:
    """The double precision type that holds a tensor or a number."""
    is_complex = value.dtype.is_complex if is_tensor(value) else isinstance(value, complex)
    return wengert.complex128 if is_complex else wengert.float64


def float_power(input: Any, exponent: Any) -> Tensor:
    """`input` to the power `exponent`, computed in double precision."""
    both = (_widest(input), _widest(exponent))
    dtype = wengert.complex128 if wengert.complex128 in both else wengert.float64
    if is_tensor(input):
        input = input.to(dtype)
    if is_tensor(exponent):
        exponent = exponent.to(dtype)
    return _ops.pow(input, exponent)


def float_power_(input: Tensor, exponent: Any) -> Tensor:
    """`float_power` into `input` itself, which must be double precision already."""
    both = (_widest(input), _widest(exponent))
    dtype = wengert.complex128 if wengert.complex128 in both else wengert.float64
    if input.dtype != dtype:
        raise RuntimeError(
            f"the base given to float_power_ has dtype {input.dtype} but the operation's result "
            f"requires dtype {dtype}" + describe(input=input)
        )
    return _ops.pow_(input, exponent)


def isclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Where `input` differs from `other` by at most `atol + rtol * abs(other)`."""
    if input.dtype != other.dtype:
        raise RuntimeError(
            f"{input.dtype} did not match {other.dtype}" + describe(input=input, other=other)
        )
    if rtol < 0:
        raise RuntimeError(f"rtol must be greater than or equal to zero, but got {rtol}")
    if atol < 0:
        raise RuntimeError(f"atol must be greater than or equal to zero, but got {atol}")
    close = _ops.eq(input, other)
    inexact = is_inexact(input)
    if equal_nan and inexact:
        both = _ops.logical_and(_ops.isnan(input), _ops.isnan(other))
        close = _ops.logical_or(close, both)
    if rtol == 0 and atol == 0:
        return close
    if not inexact:
        input, other = input.to(wengert.float64), other.to(wengert.float64)
    allowed = _ops.add(_ops.mul(_ops.abs(other), rtol), atol)
    distance = _ops.abs(_ops.sub(input, other))
    near = _ops.logical_and(_ops.le(distance, allowed), _ops.isfinite(distance))
    return _ops.logical_or(close, near)


def polygamma(n: int, input: Tensor) -> Tensor:
    """The derivative of order `n` of the digamma function.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 6.4.10."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    if n == 0:
        return _ops.digamma(input)
    sign = 1.0 if n % 2 else -1.0
    return _ops.mul(_ops.zeta(float(n + 1), input), sign * float(math.factorial(n)))


def _polygamma(input: Tensor, n: int) -> Tensor:
    return polygamma(n, input)


def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension `p`."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    if not is_inexact(input):
        input = input.to(wengert.get_default_dtype())
    shifts = _ops.arange(0, p, dtype=input.dtype, device=input.device) * -0.5
    terms = _ops.lgamma(_ops.add(_ops.unsqueeze(input, -1), shifts))
    return _ops.add(_ops.sum(terms, -1), p * (p - 1) / 4.0 * math.log(math.pi))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """`x` times the normal distribution function of `x`, exact or by the tanh formula.

    Source: Hendrycks and Gimpel, Gaussian Error Linear Units, arXiv:1606.08415."""
    if approximate == "none":
        return _ops._gelu_erf(input)
    if approximate == "tanh":
        return _ops._gelu_tanh(input)
    raise RuntimeError("approximate argument must be either none or tanh.")
