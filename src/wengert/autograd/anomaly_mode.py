"""Anomaly mode: stops where NaN or infinity is born, in the forward or the backward pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from wengert._C import _check_leftovers, _get_watch, _set_watch

__all__ = ["detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled",
           "set_detect_anomaly"]  # fmt: skip

Function = TypeVar("Function", bound=Callable[..., Any])

_enabled = False


def is_anomaly_enabled() -> bool:
    """Is anomaly mode on?

    >>> wg.is_anomaly_enabled()
    False
    """
    return _enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Is anomaly mode on, and does it look for NaN?"""
    return _enabled and _get_watch()[0]


def _switch(mode: bool, check_nan: bool, check_inf: bool) -> tuple[bool, bool, bool]:
    global _enabled
    before = (_enabled, *_set_watch(mode and check_nan, mode and check_inf))
    _enabled = mode
    return before


class set_detect_anomaly(contextlib.ContextDecorator):
    """Switches anomaly mode on or off at once; as a context manager, until it ends.

    With ``check_nan``, a backward rule that returns NaN raises RuntimeError, and so does NaN that
    was born in the forward pass and reaches the tensor to differentiate, a parameter, or the end of
    the ``with`` block. The message names the first operation that made the NaN out of values that
    held none: its line, its module, and the range of each operand. ``check_inf`` does the same for
    infinity. Values that are infinite on purpose, such as a mask of -inf, are no anomaly as long as
    nothing turns them into NaN, and neither is a NaN that ``where()`` or a mask leaves behind.

    >>> x = wg.tensor([-1.0], requires_grad=True)
    >>> with wg.autograd.set_detect_anomaly(True):
    ...     x.log().sum().backward()
    Traceback (most recent call last):
    RuntimeError: the tensor to differentiate is nan...
    """

    def __init__(self, mode: bool, check_nan: bool = True, check_inf: bool = False) -> None:
        self._mode = (bool(mode), bool(check_nan), bool(check_inf))
        self._before: list[tuple[bool, bool, bool]] = [_switch(*self._mode)]
        self._at_once = True

    def __call__(self, function: Function) -> Function:
        if self._at_once:  # the mode is for the function, not for what follows its definition
            self._at_once = False
            _switch(*self._before.pop())
        return super().__call__(function)

    def __enter__(self) -> None:
        if self._at_once:  # what held before the object was made comes back
            self._at_once = False
            return
        self._before.append(_switch(*self._mode))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                _check_leftovers()
        finally:
            _switch(*self._before.pop())


class detect_anomaly(contextlib.ContextDecorator):
    """Anomaly mode for a ``with`` block or a function; see `set_detect_anomaly`.

    >>> @wg.autograd.detect_anomaly()
    ... def half(x):
    ...     return x / 2
    >>> half(wg.ones(1))
    tensor([0.5000])
    """

    def __init__(self, check_nan: bool = True, check_inf: bool = False) -> None:
        self._mode = (True, bool(check_nan), bool(check_inf))
        self._scopes: list[set_detect_anomaly] = []

    def __enter__(self) -> None:
        self._scopes.append(set_detect_anomaly(*self._mode))
        self._scopes[-1].__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._scopes.pop().__exit__(kind, error, traceback)
