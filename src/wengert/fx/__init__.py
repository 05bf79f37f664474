"""What programs name of torch.fx at import. There is no graph capture: programs run eagerly.

``wrap`` marks functions and changes nothing. Classes can be derived from and asked for with
``isinstance``; making an object of one raises NotImplementedError.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, NoReturn

from wengert import _C, _missing

__all__ = ["Graph", "GraphModule", "Interpreter", "Node", "Proxy", "Tracer", "Transformer",
           "symbolic_trace", "wrap"]  # fmt: skip


def _refuse(name: str) -> NoReturn:
    raise NotImplementedError(
        f"fx.{name}: {_C._shown_package()} captures no graphs; programs run eagerly\n"
        "  to see intermediate values: Module.register_forward_hook"
    )


class _Absent:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse(type(self).__name__)


class Graph(_Absent):
    """A captured program: none can be made."""


class Node(_Absent):
    """A step of a captured program: none can be made."""


class Proxy(_Absent):
    """A value while a program is captured: none can be made."""


class Tracer(_Absent):
    """Captures programs: none can be made."""


class Interpreter(_Absent):
    """Runs a captured program: none can be made."""


class Transformer(_Absent):
    """Rewrites a captured program: none can be made."""


class GraphModule(_Absent):
    """A module that runs a captured program: none can be made."""


def symbolic_trace(root: Any, concrete_args: Any = None) -> Any:
    """Raises NotImplementedError."""
    _refuse("symbolic_trace")


def wrap(fn_or_name: Any) -> Any:
    """Returns what it is given: a function, or the name of one.

    >>> @wg.fx.wrap
    ... def double(x):
    ...     return 2 * x
    >>> double(3)
    6
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError(
            "Unsupported type for global function! Must be either a callable or string name"
        )
    return fn_or_name


def __getattr__(name: str) -> Any:
    if name in ("experimental", "graph_module", "node", "proxy"):
        return importlib.import_module(f"wengert.fx.{name}")
    _missing.raise_missing(sys.modules[__name__], name)
