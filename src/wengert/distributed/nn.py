"""Collectives with derivatives: they raise ValueError, since there is no process group."""

from __future__ import annotations

from wengert import distributed

__all__ = ["all_gather", "all_reduce", "all_to_all", "all_to_all_single", "broadcast", "gather",
           "reduce", "reduce_scatter", "scatter"]  # fmt: skip

globals().update({name: getattr(distributed, name) for name in __all__})
