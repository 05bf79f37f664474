"""Connectionist temporal classification."""

from __future__ import annotations

import math
from collections.abc import Sequence

import wengert as wg
from wengert import Tensor
from wengert.nn._losses import _legacy_reduction, _reduce

__all__ = ["ctc_loss"]

# Stands for log(0): finite, so that differences of two of them are no NaN, and far below any
# logarithm of a probability that a sequence can add up to.
_NEVER = -1e30
_IMPOSSIBLE = 1e29


def _lengths(given: Tensor | Sequence[int], count: int, name: str) -> list[int]:
    lengths = given.reshape(-1).tolist() if isinstance(given, Tensor) else list(given)
    if len(lengths) != count:
        raise RuntimeError(f"ctc_loss(): {name} must be of size batch_size")
    return lengths


def _padded_targets(targets: Tensor, lengths: list[int], batch: int) -> tuple[Tensor, int]:
    """(N, longest), whatever follows the end of a target being 0."""
    longest = max(lengths, default=0)
    if targets.dim() == 1:
        if targets.shape[0] != sum(lengths):
            raise RuntimeError(
                f"ctc_loss(): Expected tensor of targets to have size {sum(lengths)} at dimension "
                f"0 (the sum of target_lengths), but got {targets.shape[0]}"
            )
        rows, start = wg.zeros(batch, longest, dtype=wg.int64, device=targets.device), 0
        for i, length in enumerate(lengths):
            rows[i, :length] = targets[start : start + length]
            start += length
        return rows, longest
    if targets.dim() != 2 or targets.shape[0] != batch:
        raise RuntimeError(
            f"ctc_loss(): Expected targets of shape (N, S) with N = {batch}, or all of them in one "
            f"dimension, but got {list(targets.shape)}"
        )
    if targets.shape[1] < longest:
        raise RuntimeError(
            f"ctc_loss(): Expected tensor of targets to have size at least {longest} at dimension "
            f"1, but got size {targets.shape[1]}"
        )
    ends = wg.tensor(lengths, device=targets.device).unsqueeze(1)
    rows = targets[:, :longest].to(wg.int64)
    return rows * (wg.arange(longest, device=targets.device) < ends), longest


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """The negative log likelihood of the targets, over all their alignments with the input.

    Args:
        log_probs: (T, N, C) or (T, C), logarithms of probabilities, as `log_softmax` gives them.
        targets: classes (N, S), or all targets after each other in one dimension; never ``blank``.
        input_lengths: (N) or (), how much of the T steps counts. target_lengths: (N) or ().
        reduction: "none", "sum", or "mean": the mean of losses divided by the target's length.
        zero_infinity: a loss is 0, not infinite, where the target is too long for the input.

    The gradient is that of the formula for any ``log_probs``. Where no alignment exists it is zero.

    Raises:
        RuntimeError: lengths or shapes that do not fit.

    Source: Graves et al. (2006), Connectionist temporal classification, equations 6 to 8, in
    logarithms.

    >>> steps = wg.full((2, 1, 3), 1 / 3).log()
    >>> loss = wg.nn.functional.ctc_loss(steps, wg.tensor([[1]]), [2], [1], reduction="sum")
    >>> round(loss.exp().item(), 4)  # of nine paths three give [1]
    3.0
    """
    reduction = _legacy_reduction(None, None, reduction)
    if log_probs.dim() not in (2, 3):
        raise RuntimeError(
            f"ctc_loss(): log_probs must be (T, N, C) or (T, C), but got {list(log_probs.shape)}"
        )
    if not log_probs.is_floating_point():
        raise RuntimeError("ctc_loss(): log_probs must have a floating-point dtype")
    batched = log_probs.dim() == 3
    if not batched:
        log_probs = log_probs.unsqueeze(1)
        targets = targets.unsqueeze(0) if targets.dim() == 1 else targets
    steps, batch, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError("ctc_loss(): blank must be in label range")
    in_lengths = _lengths(input_lengths, batch, "input_lengths")
    out_lengths = _lengths(target_lengths, batch, "target_lengths")
    for i, length in enumerate(in_lengths):
        if not 0 <= length <= steps:
            raise RuntimeError(
                f"ctc_loss(): Expected input_lengths to have value at most {steps}, but got value "
                f"{length} (while checking arguments for ctc_loss, example {i})"
            )
    if min(out_lengths, default=0) < 0:
        raise RuntimeError("ctc_loss(): target_lengths must not be negative")
    labels, longest = _padded_targets(targets, out_lengths, batch)
    if longest and not bool(((labels >= 0) & (labels < classes)).all()):
        raise RuntimeError(f"ctc_loss(): targets must be classes between 0 and {classes - 1}")
    device = log_probs.device
    ends = wg.tensor(out_lengths, device=device)
    loss = _negative_log_likelihood(log_probs, labels, in_lengths, ends, blank)
    impossible = loss > _IMPOSSIBLE
    loss = loss.masked_fill(impossible, 0.0 if zero_infinity else math.inf)
    if reduction == "mean":
        return (loss / ends.clamp(min=1).to(loss.dtype)).mean()
    result = _reduce(loss, reduction)
    return result if batched or reduction == "sum" else result.squeeze(0)


def _negative_log_likelihood(
    log_probs: Tensor, labels: Tensor, in_lengths: list[int], ends: Tensor, blank: int
) -> Tensor:
    steps, batch, _ = log_probs.shape
    states = 2 * labels.shape[1] + 1
    device = log_probs.device
    # The target with a blank before, between and after its labels.
    extended = wg.full((batch, states), blank, dtype=wg.int64, device=device)
    extended[:, 1::2] = labels
    # float16 cannot hold what stands for log(0).
    wide = log_probs.dtype in (wg.float16, wg.bfloat16)
    scores = (log_probs.float() if wide else log_probs).clamp(min=_NEVER)
    emitted = scores.gather(2, extended.unsqueeze(0).expand(steps, batch, states)).unbind(0)
    # A blank may be skipped only between two different labels.
    skip = wg.zeros(batch, states, dtype=wg.bool, device=device)
    skip[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    no_skip = ~skip
    never1 = wg.full((batch, 1), _NEVER, dtype=scores.dtype, device=device)
    never2 = wg.full((batch, 2), _NEVER, dtype=scores.dtype, device=device)

    # Before the first step: only the state in front of the first blank, as if it were a blank.
    place = wg.arange(states, device=device)
    alpha = wg.full((batch, states), _NEVER, dtype=scores.dtype, device=device)
    if steps:
        alpha = wg.where(place < 2, emitted[0], alpha)
    shortest = min(in_lengths, default=0)
    remaining = wg.tensor(in_lengths, device=device).unsqueeze(1)
    for t in range(1, max(in_lengths, default=0)):
        one = wg.cat([never1, alpha[:, :-1]], 1)
        two = wg.cat([never2, alpha[:, :-2]], 1)[:, :states].masked_fill(no_skip, _NEVER)
        following = wg.logaddexp(wg.logaddexp(alpha, one), two) + emitted[t]
        alpha = following if t < shortest else wg.where(remaining > t, following, alpha)
    last = (2 * ends).unsqueeze(1)
    final = alpha.gather(1, last)
    before = alpha.gather(1, (last - 1).clamp(min=0)).masked_fill(last == 0, _NEVER)
    loss = -wg.logaddexp(final, before).squeeze(1)
    if shortest == 0:
        # Without any step only the empty target is possible.
        nothing = wg.tensor([n == 0 for n in in_lengths], device=device)
        empty = wg.where(ends == 0, 0.0, math.inf).to(loss.dtype)
        loss = wg.where(nothing, empty, loss)
    return loss.to(log_probs.dtype) if wide else loss
