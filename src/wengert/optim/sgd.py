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
            pairs = [(p, p.grad) for p in group["params"]]
            pairs = [(p, grad) for p, grad in pairs if grad is not None]
            if group["momentum"] == 0:
                self._update(group, pairs, [], False)
                continue
            started, fresh, buffers, new_buffers = [], [], [], []
            for pair in pairs:
                state = self.state[pair[0]]
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    buffer = state["momentum_buffer"] = wg.empty_like(pair[0].detach())
                    fresh.append(pair)
                    new_buffers.append(buffer)
                else:
                    started.append(pair)
                    buffers.append(buffer)
            self._update(group, started, buffers, False)
            self._update(group, fresh, new_buffers, True)
        return loss

    @staticmethod
    def _update(group: dict[str, Any], pairs: list, buffers: list, first: bool) -> None:
        if pairs:
            _ops._sgd_step(
                [p for p, _ in pairs],
                [grad for _, grad in pairs],
                buffers,
                float(group["lr"]),
                float(group["momentum"]),
                float(group["dampening"]),
                float(group["weight_decay"]),
                group["nesterov"],
                group["maximize"],
                first,
            )
