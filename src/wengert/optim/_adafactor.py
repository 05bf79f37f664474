"""Adafactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wengert as wg
from wengert import _ops

from .optimizer import Optimizer, check_rate, evaluate, number, zeros_like

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
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

    _numbers = ("step",)

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
        check_rate(lr, "Learning rate should be >= 0 but is: {}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        super().__init__(
            params,
            {
                "lr": lr,
                "beta2_decay": beta2_decay,
                "eps": eps,
                "d": d,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
            },
        )

    def _start(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        if parameter.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        if parameter.dim() < 2:
            return {"step": number(0.0), "variance": zeros_like(parameter)}
        *batch, rows, columns = parameter.shape
        return {
            "step": number(0.0),
            "row_var": wg.zeros(*batch, rows, 1, dtype=parameter.dtype),
            "col_var": wg.zeros(*batch, 1, columns, dtype=parameter.dtype),
        }

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            gathered = self._gather(group, "step")
            if gathered is None:
                continue
            params, grads, steps = gathered
            states = [self.state[p] for p in params]
            eps1, eps2 = group["eps"]
            _ops._adafactor_step(
                params,
                grads,
                [values.get("variance") for values in states],
                [values.get("row_var") for values in states],
                [values.get("col_var") for values in states],
                steps,
                float(group["lr"]),
                float(group["beta2_decay"]),
                eps1,
                float(eps2),
                float(group["d"]),
                float(group["weight_decay"]),
                group["maximize"],
            )
        return loss
