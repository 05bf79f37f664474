"""Pointwise operators with a choice to make before the native ones are called."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from . import return_types
from ._common import describe, is_inexact, is_tensor, with_out, write_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from wengert import Tensor

__all__ = (
    "clamp", "clamp_", "clip", "clip_", "conj_physical", "conj_physical_", "div", "divide", "fill",
    "float_power", "frexp", "mvlgamma", "nan_to_num", "nan_to_num_", "rsub",
)  # fmt: skip

METHODS = (
    "apply_", "clamp", "clamp_", "clip", "clip_", "conj_physical", "conj_physical_", "div", "div_",
    "divide", "divide_", "float_power", "float_power_", "frexp", "map2_", "map_", "mvlgamma",
    "mvlgamma_", "nan_to_num", "nan_to_num_", "polygamma_",
)  # fmt: skip

PROPERTIES = ()

FUNCTIONAL = ()


def _rounding_error(rounding_mode: object) -> RuntimeError:
    return RuntimeError(
        "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
        f"'{rounding_mode}'"
    )


def div(
    input: Any, other: Any, *, rounding_mode: str | None = None, out: Tensor | None = None
) -> Tensor:
    """The quotient, exact or rounded towards zero ("trunc") or down ("floor")."""
    if rounding_mode is None:
        return _ops.true_divide(input, other, out=out)
    if rounding_mode == "floor":
        return _ops.floor_divide(input, other, out=out)
    if rounding_mode == "trunc":
        return write_out(_ops._div_trunc(input, other), out, "div")
    raise _rounding_error(rounding_mode)


def div_(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """`div` into `input` itself."""
    if rounding_mode is None:
        return _ops.true_divide_(input, other)
    if rounding_mode == "floor":
        return _ops.floor_divide_(input, other)
    if rounding_mode == "trunc":
        return _ops._div_trunc_(input, other)
    raise _rounding_error(rounding_mode)


divide = div
divide_ = div_


_NO_BOUND = "torch.clamp: At least one of 'min' or 'max' must not be None"


def clamp(input: Tensor, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
    """Each element, but at least `min` and at most `max`; `max` wins where they contradict."""
    if min is None:
        if max is None:
            raise RuntimeError(_NO_BOUND)
        return _ops.clamp_max(input, max, out=out)
    if max is None:
        return _ops.clamp_min(input, min, out=out)
    return write_out(_ops.clamp_max(_ops.clamp_min(input, min), max), out, "clamp")


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


@with_out
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


def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension `p`."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    if not is_inexact(input):
        input = input.to(wengert.get_default_dtype())
    shifts = _ops.arange(0, p, dtype=input.dtype, device=input.device) * -0.5
    terms = _ops.lgamma(_ops.add(_ops.unsqueeze(input, -1), shifts))
    return _ops.add(_ops.sum(terms, -1), p * (p - 1) / 4.0 * math.log(math.pi))


def _substitutes(
    dtype: wengert.dtype, nan: float | None, posinf: float | None, neginf: float | None
) -> tuple[float, float, float]:
    limits = wengert.finfo(dtype)
    return (
        0.0 if nan is None else nan,
        limits.max if posinf is None else posinf,
        limits.min if neginf is None else neginf,
    )


def nan_to_num(
    input: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Each NaN replaced by `nan` (0), infinities by `posinf` and `neginf`.

    By default the infinities become the largest and the lowest finite number of the dtype. Complex
    numbers are treated part by part.

    >>> wg.nan_to_num(wg.tensor([float("nan"), 1.0, float("-inf")]), neginf=-9.0)
    tensor([ 0.,  1., -9.])
    """
    if input.is_complex():
        parts = _ops.view_as_real(input)
        return write_out(
            _ops.view_as_complex(nan_to_num(parts, nan, posinf, neginf)), out, "nan_to_num"
        )
    if not input.is_floating_point():
        return write_out(_ops.clone(input), out, "nan_to_num")
    values = _substitutes(input.dtype, nan, posinf, neginf)
    return write_out(_ops._nan_to_num(input, *values), out, "nan_to_num")


def nan_to_num_(
    input: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Tensor:
    """`nan_to_num` into `input` itself."""
    if input.is_complex():
        nan_to_num_(_ops.view_as_real(input), nan, posinf, neginf)
    elif input.is_floating_point():
        _ops._nan_to_num_(input, *_substitutes(input.dtype, nan, posinf, neginf))
    return input


@with_out
def frexp(input: Tensor) -> Any:
    """Mantissas of modulus in [1/2, 1) and exponents (int32), ``input = mantissa * 2**exponent``.

    >>> wg.frexp(wg.tensor([8.0, 0.75])).exponent
    tensor([4, 0], dtype=wengert.int32)
    """
    if not input.is_floating_point():
        raise RuntimeError(
            "torch.frexp() only supports floating-point dtypes" + describe(input=input)
        )
    exponent = _ops._frexp_exponent(input.detach()).to(wengert.int32)
    return return_types.frexp(_ops._frexp_mantissa(input), exponent)


def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """``other - alpha * input``.

    >>> wg.rsub(wg.tensor([1.0]), 3)
    tensor([2.])
    """
    return _ops.sub(other, input, alpha=alpha)


def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor like `input` with one value, a number or a 0-d tensor, everywhere.

    >>> wg.fill(wg.zeros(2), 3)
    tensor([3., 3.])
    """
    return _ops.fill_(_ops.clone(input), value)


def conj_physical(input: Tensor) -> Tensor:
    """`conj`: conjugates are always computed.

    >>> wg.conj_physical(wg.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return _ops.conj(input)


def conj_physical_(input: Tensor) -> Tensor:
    """`conj_physical` into `input` itself."""
    return input.copy_(_ops.conj(input)) if input.is_complex() else input


def mvlgamma_(input: Tensor, p: int) -> Tensor:
    """`mvlgamma` into `input` itself."""
    return input.copy_(mvlgamma(input, p))


def apply_(input: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replaces every element by what `callable` makes of it, one by one in Python: slow."""
    if input.requires_grad:
        raise TypeError(
            "Can't call apply_() on Variable that requires grad. Use var.detach().apply_() instead."
        )
    values = [callable(value) for value in input.flatten().tolist()]
    return input.copy_(wengert.tensor(values, dtype=input.dtype).reshape(input.shape))


def map_(input: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replaces every element by what `callable` makes of it and of `tensor`'s: slow."""
    if input.requires_grad:
        raise TypeError(
            "Can't call map_() on Variable that requires grad. Use var.detach().map_() instead."
        )
    others = _ops.expand(tensor, input.shape).flatten().tolist()
    values = [callable(a, b) for a, b in zip(input.flatten().tolist(), others, strict=True)]
    return input.copy_(wengert.tensor(values, dtype=input.dtype).reshape(input.shape))


def map2_(input: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """Replaces every element by what `callable` makes of it, of `x`'s and of `y`'s: slow."""
    if input.requires_grad:
        raise TypeError(
            "Can't call map2_() on Variable that requires grad. Use var.detach().map2_() instead."
        )
    first = _ops.expand(x, input.shape).flatten().tolist()
    second = _ops.expand(y, input.shape).flatten().tolist()
    rows = zip(input.flatten().tolist(), first, second, strict=True)
    values = [callable(a, b, c) for a, b, c in rows]
    return input.copy_(wengert.tensor(values, dtype=input.dtype).reshape(input.shape))


def polygamma_(input: Tensor, n: int) -> Tensor:
    """`polygamma` into `input` itself."""
    return input.copy_(_ops.polygamma(n, input))
