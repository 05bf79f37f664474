"""The older names of :mod:`wengert.compiler`, and switches of a compiler that is not there."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

from wengert import _missing, nn
from wengert.compiler import allow_in_graph, assume_constant_result, disable, is_compiling, reset

__all__ = ["OptimizedModule", "allow_in_graph", "assume_constant_result", "config", "disable",
           "disallow_in_graph", "graph_break", "is_compiling", "mark_dynamic", "mark_static",
           "mark_static_address", "maybe_mark_dynamic",
           "optimize", "reset"]  # fmt: skip

# Any switch can be set; nothing depends on one.
config = SimpleNamespace(
    accumulated_cache_size_limit=256,
    cache_size_limit=8,
    capture_scalar_outputs=False,
    optimize_ddp=True,
    recompile_limit=8,
    suppress_errors=False,
)


class OptimizedModule(nn.Module):
    """The class of compiled modules: `compile` returns the module itself, so there are none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("OptimizedModule(): there is no compiler; compile(model) is model")


# Modules of the package there.
eval_frame = external_utils = sys.modules[__name__]
sys.modules[f"{__name__}.eval_frame"] = sys.modules[f"{__name__}.external_utils"] = eval_frame


def disallow_in_graph(fn: Any) -> Any:
    """Returns the function itself."""
    return fn


def graph_break(msg: str = "") -> None:
    """Marks where a captured program should end; nothing depends on it."""


def mark_dynamic(t: Any, index: Any, **bounds: Any) -> None:
    """Marks a dimension whose size varies; nothing depends on it."""


def mark_static(t: Any, index: Any = None) -> None:
    """Marks a dimension whose size is always the same; nothing depends on it."""


def mark_static_address(t: Any, guard: bool = False) -> None:
    """Marks a tensor whose memory stays where it is; nothing depends on it."""


def maybe_mark_dynamic(t: Any, index: Any) -> None:
    """Marks a dimension whose size may vary; nothing depends on it."""


def optimize(*args: Any, **kwargs: Any) -> Any:
    """A decorator that returns the function itself."""
    return lambda function: function


def __getattr__(name: str) -> Any:
    _missing.raise_missing(sys.modules[__name__], name)
