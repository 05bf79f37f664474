"""Where NumPy references of operators are kept: what they have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
REFERENCES: dict[str, Callable[..., Any]] = {}


def reference(function: Callable[..., Any]) -> Callable[..., Any]:
    REFERENCES[function.__name__.removesuffix("__")] = function
    return function


def offered(**functions: Callable[..., Any]) -> None:
    REFERENCES.update(functions)


def axes(dim: Any, ndim: int) -> tuple[int, ...]:
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return tuple(range(ndim))
    return tuple(d % max(ndim, 1) for d in ([dim] if isinstance(dim, int) else dim))
