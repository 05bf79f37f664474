"""What programs ask before they train on several processes: that is not supported yet."""

from __future__ import annotations

import sys
from typing import Any

from wengert import _missing

__all__ = ["is_available", "is_initialized", "is_torchelastic_launched"]


def is_available() -> bool:
    """Whether processes can train together: no."""
    return False


def is_initialized() -> bool:
    """Whether processes train together: no."""
    return False


def is_torchelastic_launched() -> bool:
    """Whether a launcher of several processes started this one: no."""
    return False


def __getattr__(name: str) -> Any:
    _missing.raise_missing(sys.modules[__name__], name)
