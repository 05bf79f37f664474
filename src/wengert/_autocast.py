"""For operators written in Python: float32 inside regions of mixed precision."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from wengert import _C

__all__ = ["in_float32"]

F = TypeVar("F", bound=Callable[..., Any])


def in_float32(function: F) -> F:
    """Lets a function run in float32 where it would be given less inside an autocast region.

    The native operators say the same in the operator table, by ``autocast="high"``.
    """

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not _C._is_autocast_on():
            return function(*args, **kwargs)
        enabled, dtype = _C._get_autocast()
        _C._set_autocast(False, dtype)
        try:
            return function(
                *(_raised(value) for value in args),
                **{name: _raised(value) for name, value in kwargs.items()},
            )
        finally:
            _C._set_autocast(enabled, dtype)

    return wrapped  # type: ignore[return-value]


def _raised(value: Any) -> Any:
    if isinstance(value, _C.Tensor) and value.dtype in (_C.float16, _C.bfloat16):
        return value.float()
    return value
