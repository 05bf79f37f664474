"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wengert as wg
from wengert import _ops

from .optimizer import Optimizer, check_not_negative, check_rate, evaluate

__all__ = ["SGD"]


class SGD(Optimizer):
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

    _state_like_parameters = True

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
        check_rate(lr)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            used = [(p, grad) for p in group["params"] if (grad := p.grad) is not None]
            if not used:
                continue
            params, grads = zip(*used, strict=True)
            if group["momentum"] == 0:
                self._update(group, params, grads, (), False)
                continue
            states = [self.state[p] for p in params]
            buffers = [state.get("momentum_buffer") for state in states]
            fresh = [i for i, buffer in enumerate(buffers) if buffer is None]
            if not fresh:
                self._update(group, params, grads, buffers, False)
                continue
            for i in fresh:
                buffers[i] = states[i]["momentum_buffer"] = wg.empty_like(params[i].detach())
            new = set(fresh)
            started = [i for i in range(len(params)) if i not in new]
            for chosen, first in ((started, False), (fresh, True)):
                self._update(
                    group,
                    [params[i] for i in chosen],
                    [grads[i] for i in chosen],
                    [buffers[i] for i in chosen],
                    first,
                )
        return loss

    @staticmethod
    def _update(group: dict[str, Any], params: Any, grads: Any, buffers: Any, first: bool) -> None:
        if params:
            _ops._sgd_step(
                params,
                grads,
                buffers,
                float(group["lr"]),
                float(group["momentum"]),
                float(group["dampening"]),
                float(group["weight_decay"]),
                group["nesterov"],
                group["maximize"],
                first,
            )
