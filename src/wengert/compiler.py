"""What programs tell a compiler: there is none, so the marks change nothing."""

from __future__ import annotations

from typing import Any

__all__ = [
    "allow_in_graph", "assume_constant_result", "cudagraph_mark_step_begin", "disable",
    "is_compiling", "is_dynamo_compiling", "reset", "set_stance",
]  # fmt: skip


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """A decorator, with or without arguments, that returns the function itself."""
    return fn if fn is not None else lambda function: function


def allow_in_graph(fn: Any) -> Any:
    """Returns the function itself."""
    return fn


def assume_constant_result(fn: Any) -> Any:
    """Returns the function itself."""
    return fn


def is_compiling() -> bool:
    """Whether the program is being compiled: never."""
    return False


def is_dynamo_compiling() -> bool:
    """Whether the program is being compiled: never."""
    return False


def reset() -> None:
    """Forgets compiled programs: there are none."""


def cudagraph_mark_step_begin() -> None:
    """Marks the start of a step of training; nothing depends on it."""


class set_stance:
    """How a compiler should behave, at once or for a block; nothing depends on it."""

    def __init__(self, stance: str = "default", **options: Any) -> None:
        self.stance = stance

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass
