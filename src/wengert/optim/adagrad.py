"""Adagrad."""

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
    filled,
    not_negative,
)

__all__ = ["Adagrad"]


class Adagrad(NativeOptimizer):
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

    _options = (
        LR,
        Option("lr_decay", not_negative("Invalid lr_decay value: {}"), float),
        WEIGHT_DECAY,
        EPS,
        MAXIMIZE,
        Option(
            "initial_accumulator_value",
            not_negative("Invalid initial_accumulator_value value: {}"),
        ),
        *accepted("foreach", "differentiable", "fused"),
    )
    _states = (filled("sum", lambda group: group["initial_accumulator_value"]), STEP)
    _starts_at_once = True
    _native: Any = staticmethod(_ops._adagrad_step)

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
        super().__init__(params, locals())

    def share_memory(self) -> None:
        """Asks the sums for :meth:`wengert.Tensor.share_memory_`.

        Raises:
            NotImplementedError: memory that several processes write to is not supported.
        """
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["sum"].share_memory_()
