"""Memory of tensors on the CPU: how much is in use, and the cache of free blocks.

Freed blocks up to 64 MiB are kept for reuse, at most 512 MiB of them.
"""

from __future__ import annotations

from wengert._C import _empty_cache as empty_cache
from wengert._C import _memory_statistics
from wengert._C import _reset_peak as reset_peak_memory_stats

__all__ = [
    "empty_cache", "max_memory_allocated", "memory_allocated", "memory_reserved",
    "reset_peak_memory_stats",
]  # fmt: skip


def memory_allocated() -> int:
    """Bytes that tensors use now, rounded up to the sizes of blocks.

    >>> before = wg.memory.memory_allocated()
    >>> x = wg.zeros(1000, dtype=wg.float32)
    >>> wg.memory.memory_allocated() - before >= 4000
    True
    """
    return _memory_statistics()[0]


def max_memory_allocated() -> int:
    """The most bytes that were in use at once since `reset_peak_memory_stats`."""
    return _memory_statistics()[1]


def memory_reserved() -> int:
    """Bytes in use and bytes that are kept for reuse, together."""
    allocated, _, cached = _memory_statistics()
    return allocated + cached
