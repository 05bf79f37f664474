"""RMSprop."""

from __future__ import annotations

from typing import Any

from wengert import _ops

from ._native import (
    EPS,
    LR,
    MAXIMIZE,
    STEP,
    WEIGHT_DECAY,
    NativeOptimizer,
    Option,
    accepted,
    not_negative,
    zeros,
)

__all__ = ["RMSprop"]


class RMSprop(NativeOptimizer):
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

    _options = (
        LR,
        Option("alpha", not_negative("Invalid alpha value: {}"), float),
        EPS,
        WEIGHT_DECAY,
        Option("momentum", not_negative("Invalid momentum value: {}"), float),
        MAXIMIZE,
        Option("centered"),
        *accepted("capturable", "foreach", "differentiable"),
    )
    _states = (
        zeros("square_avg"),
        zeros("grad_avg", lambda group: group["centered"]),
        zeros("momentum_buffer", lambda group: group["momentum"] > 0),
        STEP,
    )
    _native: Any = staticmethod(_ops._rmsprop_step)

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
        super().__init__(params, locals())
