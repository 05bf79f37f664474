"""Classes that take part in calls of wengert's functions: the protocol ``__torch_function__``.

A class of any kind that defines the class method ``__torch_function__(func, types, args, kwargs)``
is asked what a function makes of its objects. Subclasses of Tensor inherit one that keeps their
class: what is computed of them is of that class, too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from wengert import _C
from wengert._C import Tensor

__all__ = [
    "BaseTorchFunctionMode", "TorchFunctionMode", "get_default_nowrap_functions",
    "handle_torch_function", "has_torch_function", "is_tensor_like",
    "is_tensor_method_or_property", "wrap_torch_function",
]  # fmt: skip

_disabled_torch_function_impl = _C._disabled_torch_function_impl


class DisableTorchFunctionSubclass:
    """In this block subclasses of Tensor are computed with like tensors; modes stay active."""

    _all_off = False

    def __enter__(self) -> None:
        off, all_off = _C._get_torch_function()
        self._before = (off, all_off)
        _C._set_torch_function(True, all_off or self._all_off)

    def __exit__(self, *error: object) -> None:
        _C._set_torch_function(*self._before)


class DisableTorchFunction(DisableTorchFunctionSubclass):
    """In this block there is no ``__torch_function__``, of classes or of modes."""

    _all_off = True


def _of_class(result: Any, cls: type) -> Any:
    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, (tuple, list)):
        parts = [_of_class(each, cls) for each in result]
        kind: Any = type(result)
        return kind(parts) if kind in (tuple, list) else kind(*parts)
    return result


def _default(
    cls: type, func: Any, types: Iterable[type], args: Any = (), kwargs: Any = None
) -> Any:
    """What a function makes of this class's tensors: its usual result, as objects of this class.

    >>> class Named(wg.Tensor):
    ...     pass
    >>> x = wg.ones(2).as_subclass(Named)
    >>> type(x + 1).__name__
    'Named'
    """
    if not all(issubclass(cls, each) for each in types):
        return NotImplemented
    before = _C._get_torch_function()
    _C._set_torch_function(True, before[1])
    try:
        result = func(*args, **(kwargs or {}))
        return result if func in get_default_nowrap_functions() else _of_class(result, cls)
    finally:
        _C._set_torch_function(*before)


def _note_subclass(cls: Any, **kwargs: Any) -> None:
    super(Tensor, cls).__init_subclass__(**kwargs)
    if cls.__torch_function__ is not _disabled_torch_function_impl:
        _C._expect_overrides()


setattr(Tensor, "__torch_function__", classmethod(_default))  # noqa: B010
setattr(Tensor, "__init_subclass__", classmethod(_note_subclass))  # noqa: B010


@functools.cache
def get_default_nowrap_functions() -> set[Any]:
    """Functions whose results stay plain tensors in the default ``__torch_function__``."""
    names = ("_base", "grad", "_grad")
    return {getattr(Tensor, name).__get__ for name in names if hasattr(Tensor, name)}


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether one of the arguments, or a mode, wants to take part in a call.

    >>> wg.overrides.has_torch_function((wg.ones(1), 2))
    False
    """
    modes = bool(_C._function_modes()) and not _C._get_torch_function()[1]
    return modes or bool(_C._overloaded(tuple(relevant_args)))


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """What the arguments' classes make of ``public_api(*args, **kwargs)``.

    Raises TypeError if none of them has an answer.
    """
    return _C._handle_torch_function(public_api, tuple(relevant_args), args, kwargs)


def wrap_torch_function(dispatcher: Callable[..., Iterable[Any]]) -> Callable[..., Any]:
    """A decorator for functions that take part in the protocol.

    dispatcher: gives the arguments that matter; it gets what the function gets.

    >>> @wg.overrides.wrap_torch_function(lambda a: (a,))
    ... def double(a):
    ...     return a + a
    >>> double(wg.ones(1))
    tensor([2.])
    """

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            relevant = tuple(dispatcher(*args, **kwargs))
            if has_torch_function(relevant):
                return handle_torch_function(call, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return call

    return decorated


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a tensor, or of a class with ``__torch_function__``."""
    return isinstance(inp, Tensor) or hasattr(inp, "__torch_function__")


def is_tensor_method_or_property(func: Callable[..., Any]) -> bool:
    """Whether the function is a method, or the reader of a property, of Tensor."""
    name = getattr(func, "__name__", "")
    return name == "__get__" or getattr(Tensor, name, None) is func


class TorchFunctionMode:
    """A block in which all of wengert's functions are asked of this object first.

    A subclass defines ``__torch_function__(self, func, types, args=(), kwargs=None)``; in it the
    mode is not active.

    >>> class Count(wg.overrides.TorchFunctionMode):
    ...     calls = 0
    ...     def __torch_function__(self, func, types, args=(), kwargs=None):
    ...         self.calls += 1
    ...         return func(*args, **(kwargs or {}))
    >>> with Count() as count:
    ...     x = wg.ones(2) + 1
    >>> count.calls
    2
    """

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """What the function gives; every subclass defines it."""
        raise NotImplementedError

    def __enter__(self) -> Any:
        _C._push_function_mode(self)
        return self

    def __exit__(self, *error: object) -> None:
        _C._pop_function_mode()


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """What the function gives."""
        return func(*args, **(kwargs or {}))
