"""`torch._dynamo`: marks for a compiler that is not there."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from wengert import nn
from wengert.compiler import (
    allow_in_graph,
    assume_constant_result,
    disable,
    is_compiling,
    reset,
)

__all__ = [
    "OptimizedModule", "allow_in_graph", "assume_constant_result", "config", "disable",
    "eval_frame", "external_utils", "graph_break", "is_compiling", "mark_dynamic",
    "mark_static", "mark_static_address", "maybe_mark_dynamic", "reset",
]  # fmt: skip


class OptimizedModule(nn.Module):
    """The class of compiled modules: `compile` returns the module itself, so there are none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "there is no compiler; programs run eagerly, and compile(model) is model"
        )


class _Config(ModuleType):
    """Takes all settings; none has an effect."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    @contextlib.contextmanager
    def patch(self, *args: Any, **settings: Any) -> Iterator[None]:
        """A block in which settings are changed."""
        yield


config = _Config("torch._dynamo.config")
eval_frame = external_utils = sys.modules[__name__]
__path__: list[str] = []  # a package there
for _name in ("config", "eval_frame", "external_utils"):
    sys.modules[f"{__name__}.{_name}"] = globals()[_name]


def graph_break(msg: str = "") -> None:
    """Nothing is compiled, so nothing is interrupted."""


def _mark(tensor: Any, index: Any = None, **bounds: Any) -> None:
    """Shapes may change from call to call, whatever is promised."""


mark_dynamic = maybe_mark_dynamic = mark_static = mark_static_address = _mark
