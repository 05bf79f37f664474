"""Optimizers whose state is divided among processes: not supported yet."""

from __future__ import annotations

from typing import Any

from wengert.optim import Optimizer

__all__ = ["ZeroRedundancyOptimizer"]


class ZeroRedundancyOptimizer(Optimizer):
    """Raises RuntimeError: training on several processes is not supported yet."""

    def __init__(self, params: Any, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "ZeroRedundancyOptimizer(): training on several processes is not supported yet; use "
            "the optimizer itself"
        )
