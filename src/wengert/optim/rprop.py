"""Rprop."""

from __future__ import annotations

from typing import Any

from wengert import _ops

from ._native import MAXIMIZE, STEP, NativeOptimizer, Option, accepted, filled, floats, rate, zeros

__all__ = ["Rprop"]


def _check_etas(etas: Any) -> None:
    if not 0.0 < etas[0] < 1.0 < etas[1]:
        raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")


class Rprop(NativeOptimizer):
    """Resilient backpropagation: only the sign of the gradient counts; for full batches.

    Every element has a step size of its own. Where two gradients in a row agree in sign, it grows
    by the second of ``etas``; where they differ it shrinks by the first, and this gradient is
    forgotten. It stays within ``step_sizes``.

    Args:
        params: the parameters, or groups of them.
        lr: the step size at first, a number or a tensor of one.
        etas: the factors by which step sizes shrink and grow.
        step_sizes: the least and the greatest step size.
        maximize: climb instead of descend.
        foreach, capturable: accepted; one step is one native call per group.
        differentiable: must be False.

    Source: Riedmiller and Braun (1993), A direct adaptive method for faster backpropagation
    learning: the RPROP algorithm.
    """

    _options = (
        Option("lr", rate()),
        Option("etas", _check_etas, floats),
        Option("step_sizes", None, floats),
        MAXIMIZE,
        *accepted("foreach", "differentiable", "capturable"),
    )
    _states = (zeros("prev"), filled("step_size", lambda group: float(group["lr"])), STEP)
    _native: Any = staticmethod(_ops._rprop_step)

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, locals())
