"""The switch of strong zeros."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from wengert._C import _get_strong_zeros, _set_strong_zeros

Function = TypeVar("Function", bound=Callable[..., Any])

__all__ = ["is_strong_zeros_enabled", "set_strong_zeros"]


def is_strong_zeros_enabled() -> bool:
    """Is a gradient of exactly zero stronger than infinity and NaN?"""
    return _get_strong_zeros()


class set_strong_zeros(contextlib.ContextDecorator):
    """Switches strong zeros on (the default) or off at once; as a context manager, until it ends.

    With strong zeros a backward rule multiplies as IEEE 754 says, except that an incoming gradient
    of exactly 0 gives 0 where the product would be NaN: a value that was not selected, by ``where``
    or by an index, cannot put NaN into the gradient. Finite gradients are the same bits either way.
    Off, gradients have PyTorch's NaN. The switch holds for all threads.

    >>> x = wg.tensor([0.0, 4.0], requires_grad=True)
    >>> wg.autograd.grad(wg.where(x > 0, x.sqrt(), 0.0).sum(), x)
    (tensor([0.0000, 0.2500]),)
    >>> with wg.autograd.set_strong_zeros(False):
    ...     wg.autograd.grad(wg.where(x > 0, x.sqrt(), 0.0).sum(), x)
    (tensor([   nan, 0.2500]),)
    """

    def __init__(self, mode: bool) -> None:
        self._mode = bool(mode)
        self._before: list[bool] = [_set_strong_zeros(self._mode)]
        self._at_once = True

    def __call__(self, function: Function) -> Function:
        if self._at_once:  # the mode is for the function, not for what follows its definition
            self._at_once = False
            _set_strong_zeros(self._before.pop())
        return super().__call__(function)

    def __enter__(self) -> None:
        if self._at_once:  # what held before the object was made comes back
            self._at_once = False
            return
        self._before.append(_set_strong_zeros(self._mode))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _set_strong_zeros(self._before.pop())
