"""Adam for parameters of which a step changes few rows."""

from __future__ import annotations

from typing import Any

import wengert as wg

from ._native import NativeOptimizer, Option, State, betas, check, zeros

__all__ = ["SparseAdam"]


class SparseAdam(NativeOptimizer):
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

    _options = (
        Option("lr", check(lambda lr: lr > 0.0, "Invalid learning rate: {}")),
        Option("betas", betas),
        Option("eps", check(lambda eps: eps > 0.0, "Invalid epsilon value: {}")),
        Option("maximize"),
    )
    _states = (zeros("exp_avg"), zeros("exp_avg_sq"), State("step", lambda *_: 0))

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def _update(self, group: dict[str, Any], params: tuple, grads: tuple) -> None:
        means, squares, _ = self._gather(group, params)
        with wg.no_grad():
            for values in zip(params, grads, means, squares, strict=True):
                state = self.state[values[0]]
                state["step"] += 1
                self._change(group, state["step"], *values)

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
