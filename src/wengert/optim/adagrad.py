"""Adagrad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wengert as wg
from wengert import _ops

from .optimizer import Optimizer, check_not_negative, check_rate, evaluate, number

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Steps that shrink with the sum of all squared gradients so far.

    Every step ``t``, with ``g`` the gradient (negated if ``maximize``)::

        g = g + weight_decay * p
        s = s + g**2
        p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)

    Args:
        params: the parameters, or groups of them.
        lr: the step size, a number or a tensor of one.
        lr_decay: how fast the step size falls.
        weight_decay: factor of an L2 penalty.
        initial_accumulator_value: where the sum starts.
        eps: added to the denominator.
        maximize: climb instead of descend.
        foreach, fused: accepted; one step is one native call per group.
        differentiable: must be False.

    Source: Duchi, Hazan and Singer (2011), Adaptive subgradient methods.
    """

    _numbers = ("step",)
    _state_like_parameters = True

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_rate(lr)
        check_not_negative("lr_decay value", lr_decay)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("initial_accumulator_value value", initial_accumulator_value)
        check_not_negative("epsilon value", eps)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter] = self._start(group, parameter)

    def _start(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        value = self.defaults["initial_accumulator_value"]
        if parameter.is_complex():
            value = complex(value, value)
        return {"step": number(0.0), "sum": wg.full_like(parameter.detach(), value)}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            gathered = self._gather(group, "sum", "step")
            if gathered is None:
                continue
            _ops._adagrad_step(
                *gathered,
                float(group["lr"]),
                float(group["lr_decay"]),
                float(group["weight_decay"]),
                float(group["eps"]),
                group["maximize"],
            )
        return loss
