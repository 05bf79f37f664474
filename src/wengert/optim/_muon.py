"""Muon."""

from __future__ import annotations

from typing import Any

from wengert import _ops

from ._native import NativeOptimizer, Option, check, floats, not_negative, rate, zeros

__all__ = ["Muon"]

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(NativeOptimizer):
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

    _options = (
        Option("lr", rate("Learning rate should be >= 0 but is: {}"), float),
        Option("weight_decay", not_negative("weight decay should be >= 0 but is: {}"), float),
        Option("momentum", not_negative("momentum should be >= 0 but is: {}"), float),
        Option("nesterov", None, bool),
        Option(
            "ns_coefficients",
            check(
                lambda values: len(values) == 3, "Coefficients must be a tuple of exactly 3 values"
            ),
            floats,
        ),
        Option("eps", None, float),
        Option(
            "ns_steps",
            check(
                lambda steps: steps < 100,
                "Number of steps must be less than 100 for computational efficiency",
            ),
            int,
        ),
        Option(
            "adjust_lr_fn",
            check(
                lambda name: name in (None, "original", "match_rms_adamw"),
                "Adjust learning rate function {} is not supported",
            ),
            lambda name: name == "match_rms_adamw",
        ),
    )
    _states = (zeros("momentum_buffer"),)
    _native: Any = staticmethod(_ops._muon_step)

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
        super().__init__(params, locals())

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
