"""L-BFGS."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import wengert as wg
from wengert import _ops

from ._native import LR, NativeOptimizer, accepted

__all__ = ["LBFGS"]


class LBFGS(NativeOptimizer):
    """Quasi-Newton steps from the last ``history_size`` changes; for full batches.

    One :meth:`step` makes up to ``max_iter`` iterations, and calls the closure for each.
    All parameters are in one group, which has one state, kept under the first parameter.

    Args:
        params: the parameters.
        lr: the length of a step along the direction (the first to be tried by a line search).
        max_iter: how many iterations a step makes at most.
        max_eval: how many times it calls the closure at most; ``max_iter * 5 // 4`` if None.
        tolerance_grad: stop where no element of the gradient is greater.
        tolerance_change: stop where neither the loss nor a parameter changes by more.
        history_size: how many changes are remembered.
        line_search_fn: "strong_wolfe", or None for steps of fixed length.

    Source: Nocedal and Wright (2006), Numerical optimization, algorithms 7.4, 3.5 and 3.6.

    >>> import wengert as wg
    >>> x = wg.nn.Parameter(wg.tensor([3.0, -2.0]))
    >>> optimizer = wg.optim.LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (x**2).sum()
    ...     loss.backward()
    ...     return loss
    >>> loss = optimizer.step(closure)
    >>> bool(x.abs().max() < 1e-4)
    True
    """

    _state_like_parameters = False
    _options = (
        LR,
        *accepted(
            "max_iter",
            "max_eval",
            "tolerance_grad",
            "tolerance_change",
            "history_size",
            "line_search_fn",
        ),
    )

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(params, locals())
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def _flat_grad(self) -> wg.Tensor:
        params = self.param_groups[0]["params"]
        return _ops._flatten_parameters([p.grad for p in params], params)

    @wg.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:
        """Makes up to ``max_iter`` iterations; returns the first loss.

        Args:
            closure: clears the gradients, computes the loss and its gradients, returns the loss.
        """
        group = self.param_groups[0]
        lr = float(group["lr"])
        max_iter, max_eval = group["max_iter"], group["max_eval"]
        tolerance_grad, tolerance_change = group["tolerance_grad"], group["tolerance_change"]
        search = group["line_search_fn"]
        if search not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        params, history_size = group["params"], group["history_size"]
        state = self.state[params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        def evaluate() -> Any:
            with wg.enable_grad():
                return closure()

        first_loss = evaluate()
        loss = float(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        grad = self._flat_grad()
        if float(grad.abs().max()) <= tolerance_grad:
            return first_loss

        direction, length = state.get("d"), state.get("t")
        changes, moves = state.get("old_dirs"), state.get("old_stps")
        weights, scale = state.get("ro"), state.get("H_diag")
        previous_grad, previous_loss = state.get("prev_flat_grad"), state.get("prev_loss")
        iteration = 0
        while iteration < max_iter:
            iteration += 1
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                direction = grad.neg()
                changes, moves, weights, scale = [], [], [], 1
            else:
                direction, *learnt = _ops._lbfgs_direction(
                    grad,
                    previous_grad,
                    direction,
                    float(length),
                    changes,
                    moves,
                    weights,
                    float(scale),
                    history_size,
                )
                if learnt:
                    if changes and len(changes) >= history_size:
                        del changes[0], moves[0], weights[0]
                    for kept, new in zip((changes, moves, weights), learnt[:3], strict=True):
                        kept.append(new)
                    scale = learnt[3]
            previous_grad, previous_loss = grad, loss

            length = min(1.0, 1.0 / float(grad.abs().sum())) * lr if state["n_iter"] == 1 else lr
            slope = float(grad.dot(direction))
            if slope > -tolerance_change:
                break
            used = 0
            if search is not None:
                start = _ops._flatten_parameters(params, params)

                def try_length(
                    t: float, direction: Any = direction, start: Any = start
                ) -> tuple[float, wg.Tensor]:
                    _ops._move_parameters(params, start, direction, t)
                    return float(evaluate()), self._flat_grad()

                loss, grad, length, used = _strong_wolfe(
                    try_length,
                    length,
                    direction,
                    loss,
                    grad,
                    slope,
                    most=max_eval - evaluations,
                )
                _ops._move_parameters(params, start, direction, length)
                optimal = float(grad.abs().max()) <= tolerance_grad
            else:
                _ops._move_parameters(params, None, direction, length)
                optimal = False
                if iteration != max_iter:  # after the last, nobody would look at the gradient
                    loss = float(evaluate())
                    grad = self._flat_grad()
                    optimal = float(grad.abs().max()) <= tolerance_grad
                    used = 1
            evaluations += used
            state["func_evals"] += used
            if iteration == max_iter or evaluations >= max_eval or optimal:
                break
            if float(direction.mul(length).abs().max()) <= tolerance_change:
                break
            if abs(loss - previous_loss) < tolerance_change:
                break

        state["d"], state["t"] = direction, length
        state["old_dirs"], state["old_stps"] = changes, moves
        state["ro"], state["H_diag"] = weights, scale
        state["prev_flat_grad"], state["prev_loss"] = previous_grad, previous_loss
        return first_loss


def _cubic_minimum(
    x1: float,
    f1: float,
    g1: float,
    x2: float,
    f2: float,
    g2: float,
    bounds: tuple[float, float] | None = None,
) -> float:
    """Where the cubic with these values and slopes is least, kept within the bounds."""
    low, high = bounds if bounds is not None else (min(x1, x2), max(x1, x2))
    if x1 == x2:
        return (low + high) / 2
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - g1 * g2
    if not square >= 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    if x1 > x2:
        x1, g1, x2, g2 = x2, g2, x1, g1
    under = g2 - g1 + 2 * d2
    if under == 0:
        return (low + high) / 2
    return min(max(x2 - (x2 - x1) * ((g2 + d2 - d1) / under), low), high)


def _strong_wolfe(
    evaluate: Callable[[float], tuple[float, wg.Tensor]],
    t: float,
    direction: wg.Tensor,
    f: float,
    grad: wg.Tensor,
    slope: float,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance: float = 1e-9,
    most: int = 25,
) -> tuple[float, wg.Tensor, float, int]:
    """A step that meets the strong Wolfe conditions: loss, gradient, length, calls made."""
    reach = float(direction.abs().max())

    class Point:
        """A length that was tried."""

        def __init__(self, t: float, f: float, grad: wg.Tensor, slope: float) -> None:
            self.t, self.f, self.grad, self.slope = t, f, grad, slope

    def try_length(t: float) -> Point:
        value, gradient = evaluate(t)
        return Point(t, value, gradient, float(gradient.dot(direction)))

    def too_high(point: Point) -> bool:
        return point.f > f + c1 * point.t * slope

    def flat_enough(point: Point) -> bool:
        return abs(point.slope) <= -c2 * slope

    zero = Point(0.0, f, grad.clone(), slope)
    previous, now = zero, try_length(t)
    calls, tries = 1, 0
    low, high = zero, now
    found = False
    # Go further until there is a minimum in between.
    while tries < most:
        if too_high(now) or (tries > 1 and now.f >= previous.f):
            low, high = previous, now
            break
        if flat_enough(now):
            low, found = now, True
            break
        if now.slope >= 0:
            low, high = previous, now
            break
        bounds = (now.t + 0.01 * (now.t - previous.t), now.t * 10)
        t = _cubic_minimum(previous.t, previous.f, previous.slope, now.t, now.f, now.slope, bounds)
        previous, now = now, try_length(t)
        calls += 1
        tries += 1
    if tries == most:
        low, high = zero, now
    if not found and low.f > high.f:
        low, high = high, low
    # Shrink the bracket.
    stuck = False
    while not found and tries < most:
        if abs(high.t - low.t) * reach < tolerance:
            break
        left, right = min(low.t, high.t), max(low.t, high.t)
        t = _cubic_minimum(low.t, low.f, low.slope, high.t, high.f, high.slope)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:  # too near to an end to be of much use
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        now = try_length(t)
        calls += 1
        tries += 1
        if too_high(now) or now.f >= low.f:
            high = now
            if low.f > high.f:
                low, high = high, low
        else:
            if flat_enough(now):
                found = True
            elif now.slope * (high.t - low.t) >= 0:
                high = low
            low = now
    return low.f, low.grad, low.t, calls
