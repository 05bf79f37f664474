"""Collectives with derivatives: they raise ValueError, since there is no process group."""

from __future__ import annotations

from typing import Any

from wengert import distributed

_NAMES = ("all_gather", "all_reduce", "all_to_all", "all_to_all_single", "broadcast", "gather",
          "reduce", "reduce_scatter", "scatter")  # fmt: skip
__all__: list[Any] = list(_NAMES)
globals().update({name: getattr(distributed, name) for name in _NAMES})
