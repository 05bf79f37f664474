"""NAdam."""

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

__all__ = ["NAdam"]


class NAdam(Optimizer):
    """Adam with Nesterov's momentum.

    Every step ``t``, with ``g`` the gradient (negated if ``maximize``) and the momentum
    ``mu(t) = beta1 * (1 - 0.96**(t * momentum_decay) / 2)``, ``mu_product`` its product so far::

        g = g + weight_decay * p            # decoupled: p = p - lr * weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        d = sqrt(v / (1 - beta2**t)) + eps
        p = p - lr * (1 - mu(t)) / (1 - mu_product) * g / d
              - lr * mu(t + 1) / (1 - mu_product * mu(t + 1)) * m / d

    Args:
        params: the parameters, or groups of them.
        lr: the step size, a number or a tensor of one.
        betas: how slowly the two moments change.
        eps: added to the denominator.
        weight_decay: factor of an L2 penalty.
        momentum_decay: how fast the momentum grows towards ``beta1``.
        decoupled_weight_decay: decay the weights apart from the gradient, as AdamW does.
        maximize: climb instead of descend.
        foreach, capturable: accepted; one step is one native call per group.
        differentiable: must be False.

    Source: Dozat (2016), Incorporating Nesterov momentum into Adam.
    """

    _numbers = ("step", "mu_product")
    _state_like_parameters = True

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        check_not_negative("momentum_decay value", momentum_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
            },
        )

    def _start(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {
            "step": number(0.0),
            "mu_product": number(1.0),
            "exp_avg": zeros_like(parameter),
            "exp_avg_sq": zeros_like(parameter),
        }

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            gathered = self._gather(group, "exp_avg", "exp_avg_sq", "mu_product", "step")
            if gathered is None:
                continue
            beta1, beta2 = group["betas"]
            _ops._nadam_step(
                *gathered,
                float(group["lr"]),
                float(beta1),
                float(beta2),
                float(group["eps"]),
                float(group["weight_decay"]),
                float(group["momentum_decay"]),
                group["decoupled_weight_decay"],
                group["maximize"],
            )
        return loss
