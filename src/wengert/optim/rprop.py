"""Rprop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wengert as wg
from wengert import _ops

from .optimizer import Optimizer, check_rate, evaluate, number, zeros_like

__all__ = ["Rprop"]


class Rprop(Optimizer):
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

    _numbers = ("step",)
    _state_like_parameters = True

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
        check_rate(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _start(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        size: Any = float(group["lr"])
        if parameter.is_complex():
            size = complex(size, size)
        return {
            "step": number(0.0),
            "prev": zeros_like(parameter),
            "step_size": wg.full_like(parameter.detach(), size),
        }

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            gathered = self._gather(group, "prev", "step_size", "step")
            if gathered is None:
                continue
            eta_minus, eta_plus = group["etas"]
            least, most = group["step_sizes"]
            _ops._rprop_step(
                *gathered,
                float(eta_minus),
                float(eta_plus),
                float(least),
                float(most),
                group["maximize"],
            )
        return loss
