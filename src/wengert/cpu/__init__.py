"""The processor, under the names that programs use for devices."""

from __future__ import annotations

from typing import Any

from wengert.cpu import amp

__all__ = ["amp", "current_device", "device_count", "is_available", "synchronize"]


def is_available() -> bool:
    """Whether tensors can be made on the processor: yes."""
    return True


def device_count() -> int:
    """The number of devices: 1."""
    return 1


def current_device() -> str:
    """The name of the device: "cpu"."""
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Waits for the work that was begun: an operator returns when its work is done."""
