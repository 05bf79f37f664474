"""RMSprop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert import _ops

from .optimizer import Optimizer, check_not_negative, check_rate, evaluate, number, zeros_like

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Steps divided by the root mean square of past gradients.

    Every step, with ``g`` the gradient (negated if ``maximize``)::

        g = g + weight_decay * p
        v = alpha * v + (1 - alpha) * g**2
        a = alpha * a + (1 - alpha) * g                 # if centered
        d = g / (sqrt(v - a**2 if centered else v) + eps)
        b = momentum * b + d
        p = p - lr * (b if momentum else d)

    Args:
        params: the parameters, or groups of them.
        lr: the step size, a number or a tensor of one.
        alpha: how slowly the means change.
        eps: added to the denominator.
        weight_decay: factor of an L2 penalty.
        momentum: how much of the last step is kept.
        centered: divide by the standard deviation instead.
        maximize: climb instead of descend.
        foreach, capturable: accepted; one step is one native call per group.
        differentiable: must be False.

    Sources: Hinton's lecture notes, neural networks for machine learning, 6e; centered: Graves
    (2013), https://arxiv.org/abs/1308.0850.
    """

    _numbers = ("step",)
    _state_like_parameters = True

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_rate(lr)
        check_not_negative("epsilon value", eps)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("alpha value", alpha)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def _start(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        state = {"step": number(0.0), "square_avg": zeros_like(parameter)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros_like(parameter)
        if group["centered"]:
            state["grad_avg"] = zeros_like(parameter)
        return state

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            centered, momentum = bool(group["centered"]), float(group["momentum"])
            names = ["square_avg", "step"]
            if centered:
                names.append("grad_avg")
            if momentum > 0:
                names.append("momentum_buffer")
            gathered = self._gather(group, *names)
            if gathered is None:
                continue
            params, grads, squares, steps, *rest = gathered
            _ops._rmsprop_step(
                params,
                grads,
                squares,
                rest[0] if centered else (),
                rest[-1] if momentum > 0 else (),
                steps,
                float(group["lr"]),
                float(group["alpha"]),
                float(group["eps"]),
                float(group["weight_decay"]),
                momentum,
                group["maximize"],
            )
        return loss
