"""Adadelta."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert import _ops

from .optimizer import Optimizer, check_not_negative, check_rate, evaluate, number, zeros_like

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Steps in the ratio of the sizes of past steps and past gradients.

    Every step, with ``g`` the gradient (negated if ``maximize``)::

        g = g + weight_decay * p
        v = rho * v + (1 - rho) * g**2
        d = sqrt(u + eps) / sqrt(v + eps) * g
        u = rho * u + (1 - rho) * d**2
        p = p - lr * d

    Args:
        params: the parameters, or groups of them.
        lr: the step size, a number or a tensor of one.
        rho: how slowly the means of squares change.
        eps: added inside the roots.
        weight_decay: factor of an L2 penalty.
        maximize: climb instead of descend.
        foreach, capturable: accepted; one step is one native call per group.
        differentiable: must be False.

    Source: Zeiler (2012), https://arxiv.org/abs/1212.5701.
    """

    _numbers = ("step",)
    _state_like_parameters = True

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_rate(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative("epsilon value", eps)
        check_not_negative("weight_decay value", weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "capturable": capturable,
                "foreach": foreach,
                "differentiable": differentiable,
            },
        )

    def _start(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {
            "step": number(0.0),
            "square_avg": zeros_like(parameter),
            "acc_delta": zeros_like(parameter),
        }

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            gathered = self._gather(group, "square_avg", "acc_delta", "step")
            if gathered is None:
                continue
            _ops._adadelta_step(
                *gathered,
                float(group["lr"]),
                float(group["rho"]),
                float(group["eps"]),
                float(group["weight_decay"]),
                group["maximize"],
            )
        return loss
