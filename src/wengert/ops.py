"""Operators by namespace: ``ops.namespace.name`` is what :mod:`wengert.library` made.

``ops.aten.name`` is the function of that name, ``ops.aten.name.default`` it, too. Compiled
libraries of operators for PyTorch cannot be loaded.
"""

from __future__ import annotations

from typing import Any, NoReturn

import wengert
from wengert.library import CustomOpDef, _operators

__all__ = ["load_library", "loaded_libraries"]

loaded_libraries: set[str] = set()


class _Namespace:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if (known := _operators.get(f"{self._name}::{name}")) is not None:
            return known
        function = getattr(wengert._C, name, None) if self._name == "aten" else None
        if function is None or not callable(function):
            raise AttributeError(f"'_OpNamespace' '{self._name}' object has no attribute '{name}'")
        return _Known(f"aten::{name}", function)

    def __repr__(self) -> str:
        return f"<ops.{self._name}>"


class _Known(CustomOpDef):
    """A function of our own under the name of an operator."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        assert self._function is not None
        return self._function(*args, **kwargs)


def load_library(path: Any) -> NoReturn:
    """Raises OSError: what was compiled against PyTorch does not run."""
    raise OSError(f"ops.load_library(): {path} was compiled against PyTorch and cannot be loaded")


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'ops' has no attribute '{name}'")
    return _Namespace(name)
