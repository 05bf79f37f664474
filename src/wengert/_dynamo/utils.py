"""What programs ask before they compile."""

from __future__ import annotations

from typing import Any

__all__ = ["is_compile_supported"]


def is_compile_supported(device_type: Any) -> bool:
    """Whether programs can be compiled for such a device: no."""
    return False
