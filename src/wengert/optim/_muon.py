"""Muon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert import _ops

from .optimizer import Optimizer, check_rate, evaluate, zeros_like

__all__ = ["Muon"]

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(Optimizer):
    """Momentum whose matrix is made nearly orthogonal before it is applied; for matrices only.

    Every step, with ``g`` the gradient::

        b = momentum * b + (1 - momentum) * g
        u = (1 - momentum) * g + momentum * b  if nesterov else  b
        u = orthogonalised(u)
        p = (1 - lr * weight_decay) * p - adjusted(lr) * u

    The singular values of ``u`` are brought near one by ``ns_steps`` quintic Newton-Schulz
    iterations ``x = a * x + (b * x @ x.T + c * (x @ x.T) @ (x @ x.T)) @ x``, in bfloat16.

    Args:
        params: matrices, or groups of them; leave vectors, embeddings and heads to AdamW.
        lr: the step size.
        weight_decay: factor by which weights decay, apart from the gradient.
        momentum: how much of the last step is kept.
        nesterov: look ahead along the momentum.
        ns_coefficients: the three coefficients of the iteration.
        eps: the least norm that is divided by.
        ns_steps: the number of iterations, below 100.
        adjust_lr_fn: "original" (also None) multiplies ``lr`` with
            ``sqrt(max(1, rows / columns))``, "match_rms_adamw" with
            ``0.2 * sqrt(max(rows, columns))``.

    Sources: Jordan et al. (2024), https://kellerjordan.github.io/posts/muon; Liu et al. (2025),
    https://arxiv.org/abs/2502.16982.
    """

    _state_like_parameters = True

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = _COEFFICIENTS,
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_rate(lr, "Learning rate should be >= 0 but is: {}")
        if not momentum >= 0.0:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        if len(ns_coefficients) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        if ns_steps >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": ns_coefficients,
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group, of matrices alone."""
        super().add_param_group(param_group)
        for parameter in param_group["params"]:
            if parameter.ndim != 2 or parameter.is_complex():
                self.param_groups.pop()
                if parameter.is_complex():
                    raise RuntimeError("Muon does not support complex parameters")
                raise ValueError(
                    "Muon only supports 2D parameters whereas we found a parameter with size: "
                    f"{parameter.size()}"
                )

    def _start(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {"momentum_buffer": zeros_like(parameter)}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        for group in self.param_groups:
            gathered = self._gather(group, "momentum_buffer")
            if gathered is None:
                continue
            a, b, c = group["ns_coefficients"]
            _ops._muon_step(
                *gathered,
                float(group["lr"]),
                float(group["weight_decay"]),
                float(group["momentum"]),
                group["nesterov"],
                float(a),
                float(b),
                float(c),
                float(group["eps"]),
                group["ns_steps"],
                group["adjust_lr_fn"] == "match_rms_adamw",
            )
        return loss
