"""`torch._jit_internal`: decorators for TorchScript, which change nothing."""

from __future__ import annotations

from typing import Any, Final

from wengert.jit import export, ignore, unused

__all__ = ["Final", "_copy_to_script_wrapper", "_overload", "_overload_method", "export", "ignore",
           "is_scripting", "unused"]  # fmt: skip


def is_scripting() -> bool:
    """Whether the program is being compiled: never."""
    return False


def _copy_to_script_wrapper(fn: Any) -> Any:
    return fn


_overload = _overload_method = _copy_to_script_wrapper
