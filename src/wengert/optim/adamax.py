"""Adamax."""

from __future__ import annotations

from typing import Any

from wengert import _ops

from ._native import BETAS, EPS, LR, MAXIMIZE, STEP, WEIGHT_DECAY, NativeOptimizer, accepted, zeros

__all__ = ["Adamax"]


class Adamax(NativeOptimizer):
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

    _options = (
        LR,
        BETAS,
        EPS,
        WEIGHT_DECAY,
        MAXIMIZE,
        *accepted("foreach", "differentiable", "capturable"),
    )
    _states = (zeros("exp_avg"), zeros("exp_inf"), STEP)
    _native: Any = staticmethod(_ops._adamax_step)

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
        super().__init__(params, locals())
