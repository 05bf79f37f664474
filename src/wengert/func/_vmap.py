"""vmap."""

from __future__ import annotations

from typing import Any

__all__ = ["vmap"]


def vmap(*args: Any, **kwargs: Any) -> Any:
    """Not there yet."""
    raise NotImplementedError("vmap is not supported yet")
