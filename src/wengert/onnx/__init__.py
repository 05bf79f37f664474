"""What programs ask about an export to ONNX: there is none."""

from __future__ import annotations

import sys
from typing import Any

from wengert import _missing

__all__ = ["is_in_onnx_export", "register_custom_op_symbolic", "unregister_custom_op_symbolic"]


def is_in_onnx_export() -> bool:
    """Whether the program is being exported: never."""
    return False


def register_custom_op_symbolic(
    symbolic_name: str, symbolic_fn: Any, opset_version: int, custom_opsets: Any = None
) -> None:
    """Takes an operator's form in ONNX; nothing uses it."""


def unregister_custom_op_symbolic(symbolic_name: str, opset_version: int) -> None:
    """Forgets an operator's form in ONNX; nothing used it."""


def __getattr__(name: str) -> Any:
    _missing.raise_missing(sys.modules[__name__], name)
