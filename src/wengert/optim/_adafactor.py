"""Adafactor."""

from __future__ import annotations

from typing import Any

import wengert as wg
from wengert import _ops

from ._native import (
    MAXIMIZE,
    STEP,
    Group,
    NativeOptimizer,
    Option,
    accepted,
    check,
    not_negative,
    rate,
)
from .optimizer import number

__all__ = ["Adafactor"]


def _check_eps(eps: Any) -> None:
    if eps[0] is not None and not eps[0] >= 0.0:
        raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
    if not eps[1] >= 0.0:
        raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")


class Adafactor(NativeOptimizer):
    """Adam-like steps whose state for a matrix is one row and one column.

    Every step ``t``, with ``g`` the gradient (negated if ``maximize``), ``rms`` the root mean
    square and ``b = t**beta2_decay``::

        size = max(eps[1], rms(p)) * min(lr, 1 / sqrt(t))
        p = p - lr * weight_decay * p
        r = r + b * (mean(g**2, dim=-1) - r)
        c = c + b * (mean(g**2, dim=-2) - c)
        v = r * c / max(mean(r), eps[0])            # vectors: v = v + b * (g**2 - v)
        u = g / sqrt(max(v, eps[0]**2))
        p = p - size * u / max(1, rms(u) / d)

    Args:
        params: the real parameters, or groups of them.
        lr: the greatest relative step size, a number or a tensor of one.
        beta2_decay: how the weight of the newest square falls with the steps; at most 0.
        eps: two small numbers; the first is the dtype's epsilon where it is None.
        d: updates of a greater root mean square are scaled down to it.
        weight_decay: factor by which weights decay, apart from the gradient.
        maximize: climb instead of descend.
        foreach: accepted; one step is one native call per group.

    Source: Shazeer and Stern (2018), https://arxiv.org/abs/1804.04235.
    """

    _options = (
        Option("lr", rate("Learning rate should be >= 0 but is: {}"), float),
        Option(
            "beta2_decay",
            check(lambda decay: decay <= 0.0, "beta2_decay should be <= 0 but is: {}"),
            float,
        ),
        Option("eps", _check_eps, tuple),
        Option(
            "d", check(lambda d: d >= 1.0, "Clipping threshold d should be >= 1 but is: {}"), float
        ),
        Option("weight_decay", not_negative("weight_decay should be >= 0 but is: {}"), float),
        MAXIMIZE,
        *accepted("foreach"),
    )
    _states = (STEP,)
    _state_like_parameters = False
    _native: Any = staticmethod(_ops._adafactor_step)

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def _complete(self, group: Group, parameter: Any, values: dict[str, Any]) -> None:
        if parameter.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        values["step"] = number(0.0)
        if parameter.dim() < 2:
            values["variance"] = wg.zeros_like(parameter.detach())
            return
        *batch, rows, columns = parameter.shape
        values["row_var"] = wg.zeros(*batch, rows, 1, dtype=parameter.dtype)
        values["col_var"] = wg.zeros(*batch, 1, columns, dtype=parameter.dtype)

    def _gather(self, group: Group, params: tuple) -> list[Any]:
        (steps,) = super()._gather(group, params)
        states = [self.state[p] for p in params]
        parts = ("variance", "row_var", "col_var")
        return [*[[values.get(name) for values in states] for name in parts], steps]
