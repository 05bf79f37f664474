"""The accelerator, whatever kind it is: there is none in this build."""

from __future__ import annotations

from typing import Any, NoReturn

from wengert._devices import Unavailable

__all__ = [
    "current_accelerator", "current_device_index", "device_count", "empty_cache", "is_available",
    "set_device_index", "synchronize",
]  # fmt: skip


def _refuse() -> NoReturn:
    raise Unavailable(
        "Cannot access accelerator device when none is available."
        "\n  wengert: this build has the device cpu only"
    )


def is_available() -> bool:
    """Whether there is an accelerator: no."""
    return False


def device_count() -> int:
    """The number of accelerators: 0."""
    return 0


def current_accelerator(check_available: bool = False) -> Any:
    """The accelerator in use: None."""
    return None


def current_device_index() -> int:
    """Raises: there is no accelerator."""
    _refuse()


def set_device_index(device: Any) -> None:
    """Raises: there is no accelerator."""
    _refuse()


def synchronize(device: Any = None) -> None:
    """Raises: there is no accelerator."""
    _refuse()


def empty_cache() -> None:
    """Frees memory that is kept for reuse: there is none."""
