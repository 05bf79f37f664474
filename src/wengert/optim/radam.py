"""RAdam."""

from __future__ import annotations

from typing import Any

from wengert import _ops

from ._native import (
    BETAS,
    DECOUPLED,
    EPS,
    LR,
    MAXIMIZE,
    STEP,
    WEIGHT_DECAY,
    NativeOptimizer,
    accepted,
    zeros,
)

__all__ = ["RAdam"]


class RAdam(NativeOptimizer):
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

    _options = (
        LR,
        BETAS,
        EPS,
        WEIGHT_DECAY,
        DECOUPLED,
        MAXIMIZE,
        *accepted("foreach", "capturable", "differentiable"),
    )
    _states = (zeros("exp_avg"), zeros("exp_avg_sq"), STEP)
    _native: Any = staticmethod(_ops._radam_step)

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
        super().__init__(params, locals())
