"""What programs ask about an export to ONNX: there is none."""

from __future__ import annotations

import sys
from typing import Any

from wengert import _missing

__all__ = ["is_in_onnx_export"]


def is_in_onnx_export() -> bool:
    """Whether the program is being exported: never."""
    return False


def __getattr__(name: str) -> Any:
    _missing.raise_missing(sys.modules[__name__], name)
