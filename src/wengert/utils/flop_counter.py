"""Counting floating-point operations: not supported yet."""

from __future__ import annotations

from typing import Any

__all__ = ["FlopCounterMode"]


class FlopCounterMode:
    """Raises NotImplementedError: operations of ``backward()`` cannot be counted yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "FlopCounterMode(): floating-point operations are not counted yet; "
            "profiler.profile() shows times"
        )
