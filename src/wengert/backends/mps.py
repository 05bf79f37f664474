"""Apple's GPUs, for which this build has no kernels."""

from __future__ import annotations

__all__ = ["is_available", "is_built"]


def is_available() -> bool:
    """Whether there is such a GPU that can be used: no."""
    return False


def is_built() -> bool:
    """Whether there are kernels for such a GPU: no."""
    return False
