"""Adam and AdamW."""

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

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Adaptive moments.

    Every step ``t``, with ``g`` the gradient (negated if ``maximize``)::

        g = g + weight_decay * p                    # AdamW: p = p - lr * weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        p = p - lr / (1 - beta1**t) * m / (sqrt(v / (1 - beta2**t)) + eps)

    With ``amsgrad`` the greatest ``v`` so far takes the place of ``v`` in the last line.

    Args:
        params: the parameters, or groups of them.
        lr: the step size.
        betas: how slowly the two moments change.
        eps: added to the denominator.
        weight_decay: factor of an L2 penalty.
        amsgrad: see above.
        maximize: climb instead of descend.
        decoupled_weight_decay: decay the weights apart from the gradient, as AdamW does.
        foreach, capturable, differentiable, fused: accepted; one step is one native call per group.

    Sources: Kingma and Ba (2015), https://arxiv.org/abs/1412.6980; Loshchilov and Hutter (2019),
    https://arxiv.org/abs/1711.05101; Reddi, Kale and Kumar (2018), On the convergence of Adam.
    """

    _numbers = ("step",)
    _state_like_parameters = True

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
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
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def _start(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        state = {
            "step": number(0.0),
            "exp_avg": zeros_like(parameter),
            "exp_avg_sq": zeros_like(parameter),
        }
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros_like(parameter)
        return state

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            amsgrad = group["amsgrad"]
            names = ("exp_avg", "exp_avg_sq") + (("max_exp_avg_sq",) if amsgrad else ())
            gathered = self._gather(group, "step", *names)
            if gathered is None:
                continue
            params, grads, steps, means, squares, *greatest = gathered
            beta1, beta2 = group["betas"]
            _ops._adam_step(
                params,
                grads,
                means,
                squares,
                greatest[0] if amsgrad else (),
                steps,
                float(group["lr"]),
                float(beta1),
                float(beta2),
                float(group["eps"]),
                float(group["weight_decay"]),
                amsgrad,
                group["maximize"],
                group["decoupled_weight_decay"],
            )
        return loss


class AdamW(Adam):
    """Adam with weight decay apart from the gradient; the options are those of :class:`Adam`."""

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
