"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert import _ops

from .optimizer import Optimizer, check_not_negative, check_rate, evaluate, number, zeros_like

__all__ = ["ASGD"]


class ASGD(Optimizer):
    """Gradient descent that also keeps the average of the parameters, in ``state[p]["ax"]``.

    Every step ``t``, with ``g`` the gradient (negated if ``maximize``)::

        g = g + weight_decay * p
        p = (1 - lambd * eta) * p - eta * g
        a = a + (p - a) * mu                        # a = p while mu is 1
        eta = lr / (1 + lambd * lr * t)**alpha
        mu = 1 / max(1, t - t0)

    Args:
        params: the parameters, or groups of them.
        lr: the step size, a number or a tensor of one.
        lambd: how fast the weights and the step size decay.
        alpha: the power with which the step size falls.
        t0: the step at which averaging begins.
        weight_decay: factor of an L2 penalty.
        maximize: climb instead of descend.
        foreach, capturable: accepted; one step is one native call per group.
        differentiable: must be False.

    Source: Polyak and Juditsky (1992), Acceleration of stochastic approximation by averaging.
    """

    _numbers = ("step", "eta", "mu")
    _state_like_parameters = True

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_rate(lr)
        check_not_negative("weight_decay value", weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _start(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {
            "step": number(0.0),
            "eta": number(float(group["lr"])),
            "mu": number(1.0),
            "ax": zeros_like(parameter),
        }

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            gathered = self._gather(group, "ax", "mu", "eta", "step")
            if gathered is None:
                continue
            _ops._asgd_step(
                *gathered,
                float(group["lr"]),
                float(group["lambd"]),
                float(group["alpha"]),
                float(group["t0"]),
                float(group["weight_decay"]),
                group["maximize"],
            )
        return loss
