"""Adam and AdamW."""

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
    zeros,
)

__all__ = ["Adam", "AdamW"]


class Adam(NativeOptimizer):
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

    _options = (
        LR,
        BETAS,
        EPS,
        WEIGHT_DECAY,
        Option("amsgrad", None, bool),
        MAXIMIZE,
        DECOUPLED,
        *accepted("foreach", "capturable", "differentiable", "fused"),
    )
    _states = (
        zeros("exp_avg"),
        zeros("exp_avg_sq"),
        zeros("max_exp_avg_sq", lambda group: group["amsgrad"]),
        STEP,
    )
    _native: Any = staticmethod(_ops._adam_step)

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
        super().__init__(params, locals())


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
