"""Classes and functions that the program allows files to use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "find",
    "get_safe_globals",
    "is_allowed",
    "name_of",
    "safe_globals",
]

# By the name under which a file asks for them: what was given, and the object itself.
_allowed: dict[str, tuple[Any, Any]] = {}


def name_of(value: Any) -> str:
    """The name under which files refer to a class or function."""
    return f"{value.__module__}.{value.__qualname__}"


def _named(entry: Any) -> tuple[str, Any]:
    if isinstance(entry, tuple):
        if len(entry) != 2:
            raise ValueError(f"Expected tuple of length 2 (global, str of callable), got {entry}")
        value, name = entry
        if not isinstance(name, str):
            raise TypeError(f"Expected second item in tuple to be str, got: {name}")
        return name, value
    if not callable(entry):
        raise TypeError(
            "add_safe_globals(): expected a class, a function, or a pair of one and its name in "
            f"the file, got {type(entry).__name__}"
        )
    return name_of(entry), entry


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Lets :func:`load` call these classes and functions when a file asks for them by name.

    Saving and loading named tuples, dataclasses and members of enumerations needs it; and so do
    checkpoints of PyTorch that hold objects. What is allowed here runs with what the file gives it.

    Args:
        safe_globals: classes and functions. In place of one there may be a pair of it and the name
            that files have for it, such as ``(Config, "old_package.Config")``.

    >>> import collections, os, tempfile
    >>> Point = collections.namedtuple("Point", "x y")
    >>> path = os.path.join(tempfile.mkdtemp(), "point.wg")
    >>> with wg.serialization.safe_globals([Point]):
    ...     wg.save(Point(1, 2), path)
    ...     wg.load(path)
    Point(x=1, y=2)
    """
    _allowed.update({name: (entry, value) for entry in safe_globals
                     for name, value in [_named(entry)]})  # fmt: skip


def get_safe_globals() -> list[Any]:
    """What was allowed, as it was given."""
    return [entry for entry, _ in _allowed.values()]


def clear_safe_globals() -> None:
    """Allows nothing any more."""
    _allowed.clear()


@contextmanager
def safe_globals(safe_globals: list[Any]) -> Iterator[None]:
    """Allows classes and functions within a ``with`` block; see :func:`add_safe_globals`."""
    before = dict(_allowed)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _allowed.clear()
        _allowed.update(before)


def find(name: str) -> Callable[..., Any] | None:
    """What a file means by a name, if it is allowed."""
    return _allowed[name][1] if name in _allowed else None


def is_allowed(value: Any) -> bool:
    """Is this class allowed, under any name?"""
    return any(value is allowed for _, allowed in _allowed.values())
