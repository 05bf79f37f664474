"""Adadelta."""

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
    check,
    zeros,
)

__all__ = ["Adadelta"]


class Adadelta(NativeOptimizer):
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

    _options = (
        LR,
        Option("rho", check(lambda rho: 0.0 <= rho <= 1.0, "Invalid rho value: {}"), float),
        EPS,
        WEIGHT_DECAY,
        MAXIMIZE,
        *accepted("capturable", "foreach", "differentiable"),
    )
    _states = (zeros("square_avg"), zeros("acc_delta"), STEP)
    _native: Any = staticmethod(_ops._adadelta_step)

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
        super().__init__(params, locals())
