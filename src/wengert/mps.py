"""What programs ask about Apple's GPUs: there are none in this build."""

from __future__ import annotations

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "synchronize"]


def is_available() -> bool:
    """Whether there is a GPU that can be used: no."""
    return False


def device_count() -> int:
    """The number of GPUs: 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Seeds the generator of the GPU: there is none. See ``wengert.manual_seed``."""


def empty_cache() -> None:
    """Frees memory that is kept for reuse: there is none."""


def synchronize() -> None:
    """Waits for the work that the GPU has been given: there is none."""
