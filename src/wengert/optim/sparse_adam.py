"""Adam for parameters of which a step changes few rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wengert as wg

from .optimizer import Optimizer, check_betas, evaluate, zeros_like

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """Adam that leaves alone, moments included, what has no gradient: the rows that are all zero.

    Every step ``t``, for the rows with a gradient ``g`` (negated if ``maximize``)::

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        p = p - lr * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + eps)

    Gradients are dense here, those of ``nn.Embedding(sparse=True)``, too: a row counts as named if
    its gradient is not zero throughout, where PyTorch looks at what the sparse gradient stores.

    Args:
        params: the parameters, or groups of them.
        lr: the step size, a number or a tensor of one.
        betas: how much of the two moments is kept.
        eps: added to the denominator.
        maximize: climb instead of descend.

    >>> import wengert as wg
    >>> table = wg.nn.Embedding.from_pretrained(wg.ones(3, 1), freeze=False, sparse=True)
    >>> optimizer = wg.optim.SparseAdam(table.parameters(), lr=0.5)
    >>> table(wg.tensor([1])).sum().backward()
    >>> optimizer.step()
    >>> [round(x, 4) for x in table.weight.flatten().tolist()]
    [1.0, 0.5, 1.0]
    """

    _state_like_parameters = True

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        if not lr > 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def _start(self, group: dict[str, Any], parameter: Any) -> dict[str, Any]:
        return {"step": 0, "exp_avg": zeros_like(parameter), "exp_avg_sq": zeros_like(parameter)}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once; returns what ``closure`` returned."""
        loss = evaluate(closure)
        with wg.no_grad():
            for group in self.param_groups:
                gathered = self._gather(group, "exp_avg", "exp_avg_sq")
                for values in zip(*gathered, strict=True) if gathered is not None else ():
                    state = self.state[values[0]]
                    state["step"] += 1
                    self._change(group, state["step"], *values)
        return loss

    def _change(
        self, group: dict[str, Any], step: int, parameter: Any, grad: Any, mean: Any, square: Any
    ) -> None:
        beta1, beta2 = group["betas"]
        used = grad != 0
        rows = (used.flatten(1).any(1) if grad.dim() > 1 else used.reshape(-1)).nonzero()[:, 0]
        if not rows.numel():
            return
        g = grad[rows] if grad.dim() else grad.reshape(1)
        if group["maximize"]:
            g = -g
        m = mean.reshape(-1, *grad.shape[1:])[rows].mul_(beta1).add_(g, alpha=1 - beta1)
        v = square.reshape(-1, *grad.shape[1:])[rows].mul_(beta2).addcmul_(g, g, value=1 - beta2)
        size = group["lr"] * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
        for value, new in ((mean, m), (square, v)):
            value.view(-1, *grad.shape[1:]).index_copy_(0, rows, new)
        change = m.div_(v.sqrt_().add_(group["eps"])).mul_(-size)
        parameter.view(-1, *grad.shape[1:]).index_add_(0, rows, change)
