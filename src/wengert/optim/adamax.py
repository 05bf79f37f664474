"""Adamax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert import _ops

from .optimizer import (
    Optimizer,
    check_betas,
    check_not_negative,
    check_rate,
    evaluate,
    number,
    zeros_like,
)

__all__ = ["Adamax"]


class Adamax(Optimizer):
    """Adam with the greatest gradient, in place of the mean square.

    Every step ``t``, with ``g`` the gradient (negated if ``maximize``)::

        g = g + weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        u = max(beta2 * u, abs(g) + eps)
        p = p - lr / (1 - beta1**t) * m / u

    Args:
        params: the parameters, or groups of them.
        lr: the step size, a number or a tensor of one.
        betas: how slowly the moment and the greatest gradient change.
        eps: keeps the denominator from zero.
        weight_decay: factor of an L2 penalty.
        maximize: climb instead of descend.
        foreach, capturable: accepted; one step is one native call per group.
        differentiable: must be False.

    Source: Kingma and Ba (2015), section 7.1, https://arxiv.org/abs/1412.6980.
    """

    _numbers = ("step",)
    _state_like_parameters = True

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_rate(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
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
            "exp_avg": zeros_like(parameter),
            "exp_inf": zeros_like(parameter),
        }

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            gathered = self._gather(group, "exp_avg", "exp_inf", "step")
            if gathered is None:
                continue
            beta1, beta2 = group["betas"]
            _ops._adamax_step(
                *gathered,
                float(group["lr"]),
                float(beta1),
                float(beta2),
                float(group["eps"]),
                float(group["weight_decay"]),
                group["maximize"],
            )
        return loss
