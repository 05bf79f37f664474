"""NAdam."""

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
    Option,
    accepted,
    not_negative,
    scalar,
    zeros,
)

__all__ = ["NAdam"]


class NAdam(NativeOptimizer):
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

    _options = (
        LR,
        BETAS,
        EPS,
        WEIGHT_DECAY,
        Option("momentum_decay", not_negative("Invalid momentum_decay value: {}"), float),
        DECOUPLED,
        MAXIMIZE,
        *accepted("foreach", "capturable", "differentiable"),
    )
    _states = (zeros("exp_avg"), zeros("exp_avg_sq"), scalar("mu_product", 1.0), STEP)
    _native: Any = staticmethod(_ops._nadam_step)

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
        super().__init__(params, locals())
