"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from wengert import _ops

from ._native import (
    LR,
    MAXIMIZE,
    STEP,
    WEIGHT_DECAY,
    NativeOptimizer,
    Option,
    accepted,
    scalar,
    zeros,
)

__all__ = ["ASGD"]


class ASGD(NativeOptimizer):
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

    _options = (
        LR,
        Option("lambd", None, float),
        Option("alpha", None, float),
        Option("t0", None, float),
        WEIGHT_DECAY,
        MAXIMIZE,
        *accepted("foreach", "differentiable", "capturable"),
    )
    _states = (
        zeros("ax"),
        scalar("mu", 1.0),
        scalar("eta", lambda group: float(group["lr"])),
        STEP,
    )
    _native: Any = staticmethod(_ops._asgd_step)

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
        super().__init__(params, locals())
