"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import wengert as wg
from wengert import _ops

from ._native import LR, MAXIMIZE, WEIGHT_DECAY, NativeOptimizer, Option, accepted, not_negative

__all__ = ["SGD"]


class SGD(NativeOptimizer):
    """Gradient descent with momentum.

    Every step, with ``g`` the gradient (negated if ``maximize``)::

        g = g + weight_decay * p
        b = momentum * b + (1 - dampening) * g      # the first time b = g
        g = g + momentum * b  if nesterov else  b
        p = p - lr * g

    Args:
        params: the parameters, or groups of them.
        lr: the step size.
        momentum: how much of the last step is kept.
        dampening: how much less of the gradient enters the momentum.
        weight_decay: factor of an L2 penalty.
        nesterov: look ahead along the momentum; needs a momentum and no dampening.
        maximize: climb instead of descend.
        foreach, differentiable, fused: accepted; one step is always one native call per group.

    >>> import wengert as wg
    >>> w = wg.nn.Parameter(wg.ones(2))
    >>> optimizer = wg.optim.SGD([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.tolist()
    [0.0, 0.0]
    """

    _options = (
        LR,
        Option("momentum", not_negative("Invalid momentum value: {}"), float),
        Option("dampening", None, float),
        WEIGHT_DECAY,
        Option("nesterov", None, bool),
        MAXIMIZE,
        *accepted("foreach", "differentiable", "fused"),
    )
    _native: Any = staticmethod(_ops._sgd_step)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, locals())

    def _check(self, options: Mapping[str, Any]) -> None:
        if options["nesterov"] and (options["momentum"] <= 0 or options["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def _update(self, group: dict[str, Any], params: tuple, grads: tuple) -> None:
        options = self._converted(group)
        if group["momentum"] == 0:
            self._native(params, grads, (), *options, False)
            return
        states = [self.state[p] for p in params]
        buffers = [values.get("momentum_buffer") for values in states]
        fresh = {i for i, buffer in enumerate(buffers) if buffer is None}
        if not fresh:
            self._native(params, grads, buffers, *options, False)
            return
        for i in fresh:
            buffers[i] = states[i]["momentum_buffer"] = wg.empty_like(params[i].detach())
        for first in (False, True):
            chosen = [i for i in range(len(params)) if (i in fresh) is first]
            if len(chosen) == len(params):
                self._native(params, grads, buffers, *options, first)
            elif chosen:
                parts = ([values[i] for i in chosen] for values in (params, grads, buffers))
                self._native(*parts, *options, first)
