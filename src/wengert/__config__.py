"""How this package was built, in words."""

from __future__ import annotations

from wengert import _info, get_num_threads

__all__ = ["parallel_info", "show"]


def show() -> str:
    """Versions, processor and libraries: what ``wengert info`` prints."""
    return _info.report()


def parallel_info() -> str:
    """How many threads kernels use."""
    return f"wengert:\n\tget_num_threads() : {get_num_threads()}\n"
