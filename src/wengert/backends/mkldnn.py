"""oneDNN, which multiplies and convolves in float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["deterministic", "enabled", "flags", "is_available"]

enabled = True
deterministic = False


def is_available() -> bool:
    """Whether oneDNN is used: yes."""
    return True


@contextmanager
def flags(enabled: bool = False, deterministic: bool = False) -> Iterator[None]:
    """Sets the switches for the block; they do not change what is computed."""
    given = {"enabled": enabled, "deterministic": deterministic}
    before = {name: globals()[name] for name in given}
    globals().update(given)
    try:
        yield
    finally:
        globals().update(before)
