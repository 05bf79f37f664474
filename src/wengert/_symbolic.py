"""Sizes and conditions that PyTorch's compiler does not know yet; here all are known numbers."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

from wengert._C import Tensor

__all__ = ("SymBool", "SymFloat", "SymInt", "sym_float", "sym_int", "sym_max", "sym_min", "sym_not")


class SymInt:
    """A size that is not known yet: there are none."""


class SymFloat:
    """A number that is not known yet: there are none."""


class SymBool:
    """A condition that is not known yet: there are none."""


def sym_int(a: Any) -> builtins.int:
    """The number without its fraction.

    >>> wg.sym_int(2.5)
    2
    """
    return math.trunc(a)


def sym_float(a: Any) -> builtins.float:
    """`float`."""
    return builtins.float(a)


def sym_max(a: Any, b: Any) -> Any:
    """The larger number; a float if one of them is."""
    larger = builtins.max(a, b)
    return builtins.float(larger) if isinstance(a, float) or isinstance(b, float) else larger


def sym_min(a: Any, b: Any) -> Any:
    """The smaller number; a float if one of them is."""
    smaller = builtins.min(a, b)
    return builtins.float(smaller) if isinstance(a, float) or isinstance(b, float) else smaller


def sym_not(a: Any) -> builtins.bool:
    """`not`."""
    return not a


def _check_with(
    error_type: type[Exception], cond: Any, message: Callable[[], Any] | None = None
) -> None:
    if isinstance(cond, Tensor):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if not cond:
        raise error_type("Expected cond to be True, but got False" if message is None
                         else str(message()))  # fmt: skip


def _check(cond: Any, message: Callable[[], Any] | None = None) -> None:
    _check_with(RuntimeError, cond, message)


def _check_index(cond: Any, message: Callable[[], Any] | None = None) -> None:
    _check_with(IndexError, cond, message)


def _check_value(cond: Any, message: Callable[[], Any] | None = None) -> None:
    _check_with(ValueError, cond, message)


def _check_type(cond: Any, message: Callable[[], Any] | None = None) -> None:
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond: Any, message: Callable[[], Any] | None = None) -> None:
    _check_with(NotImplementedError, cond, message)


def _check_is_size(i: Any, message: Callable[[], Any] | None = None, *, max: Any = None) -> None:
    _check(i >= 0 and (max is None or i <= max), message)


def _assert(condition: Any, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _assert_async(input: Tensor, assert_msg: str = "") -> None:
    if not input:
        raise RuntimeError(assert_msg or "Expected Tensor with single nonzero value, but got zero")
