"""For operators written in Python: their precision inside regions of mixed precision."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from wengert import _C

__all__ = ["in_float32", "in_low_precision"]

F = TypeVar("F", bound=Callable[..., Any])


def in_float32(function: F) -> F:
    """Lets a function run in float32 where it would be given less inside an autocast region.

    The native operators say the same in the operator table, by ``autocast="high"``.
    """
    return _converting(function, low=False)


def in_low_precision(function: F) -> F:
    """Lets a function run in the low dtype of the autocast region; ``autocast="low"`` likewise."""
    return _converting(function, low=True)


def _converting(function: F, low: bool) -> F:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not _C._is_autocast_on():
            return function(*args, **kwargs)
        enabled, dtype = _C._get_autocast()
        target = dtype if low else _C.float32
        _C._set_autocast(False, dtype)
        try:
            return function(
                *(_converted(value, target) for value in args),
                **{name: _converted(value, target) for name, value in kwargs.items()},
            )
        finally:
            _C._set_autocast(enabled, dtype)

    return wrapped  # type: ignore[return-value]


def _converted(value: Any, dtype: Any) -> Any:
    if isinstance(value, _C.Tensor) and value.dtype in (_C.float16, _C.bfloat16, _C.float32):
        return value.to(dtype)
    return value
