"""RAdam."""

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

__all__ = ["RAdam"]


class RAdam(Optimizer):
    """Adam that adapts only when it has seen enough, and by a rectified amount.

    Every step ``t``, with ``g`` the gradient (negated if ``maximize``)::

        g = g + weight_decay * p            # decoupled: p = p - lr * weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        most = 2 / (1 - beta2) - 1
        n = most - 2 * t * beta2**t / (1 - beta2**t)
        r = sqrt((n - 4) * (n - 2) * most / ((most - 4) * (most - 2) * n))
        l = sqrt(1 - beta2**t) / (sqrt(v) + eps)
        p = p - lr * m / (1 - beta1**t) * (r * l if n > 5 else 1)

    Args:
        params: the parameters, or groups of them.
        lr: the step size, a number or a tensor of one.
        betas: how slowly the two moments change.
        eps: added to the denominator.
        weight_decay: factor of an L2 penalty.
        decoupled_weight_decay: decay the weights apart from the gradient, as AdamW does.
        maximize: climb instead of descend.
        foreach, capturable: accepted; one step is one native call per group.
        differentiable: must be False.

    Source: Liu et al. (2020), https://arxiv.org/abs/1908.03265.
    """

    _numbers = ("step",)
    _state_like_parameters = True

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "decoupled_weight_decay": decoupled_weight_decay,
                "differentiable": differentiable,
            },
        )

    def _start(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {
            "step": number(0.0),
            "exp_avg": zeros_like(parameter),
            "exp_avg_sq": zeros_like(parameter),
        }

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            gathered = self._gather(group, "exp_avg", "exp_avg_sq", "step")
            if gathered is None:
                continue
            beta1, beta2 = group["betas"]
            _ops._radam_step(
                *gathered,
                float(group["lr"]),
                float(beta1),
                float(beta2),
                float(group["eps"]),
                float(group["weight_decay"]),
                group["decoupled_weight_decay"],
                group["maximize"],
            )
        return loss
