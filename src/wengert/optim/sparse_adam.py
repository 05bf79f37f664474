"""SparseAdam, which says what to use instead."""

from __future__ import annotations

from typing import Any

from .optimizer import Optimizer

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """Not available: gradients are never sparse here. Raises NotImplementedError."""

    def __init__(self, params: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "SparseAdam needs sparse gradients, and gradients are dense here (those of embeddings "
            "too). Use Adam: its steps are one pass over parameters and state."
        )
