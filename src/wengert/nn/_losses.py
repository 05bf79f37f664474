"""Losses: `nn.functional`'s signatures over the operators of the core.

Everywhere ``reduction`` is "mean", "sum" or "none"; ``size_average`` and ``reduce`` are PyTorch's
older way to say the same.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import wengert as wg
from wengert import Tensor, _ops
from wengert._autocast import in_float32

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss",
    "cosine_similarity", "cross_entropy", "gaussian_nll_loss", "hinge_embedding_loss",
    "huber_loss", "kl_div", "l1_loss", "linear_cross_entropy", "margin_ranking_loss", "mse_loss",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss",
    "pairwise_distance", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip


def _legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    # The two flags are PyTorch's older way to say the same.
    if size_average is not None or reduce is not None:
        if reduce is False:
            return "none"
        return "sum" if size_average is False else "mean"
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def _reduce_weighted(loss: Tensor, weight: Tensor, reduction: str) -> Tensor:
    if weight.shape != loss.shape:
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else _reduce(loss, reduction)


def _warn_broadcast(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}). This will likely lead to incorrect results due to "
            "broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """``nll_loss(log_softmax(input, 1), target)``; ``target`` holds classes or class probabilities.

    Args:
        input: scores (N, C), (C) or (N, C, d1, ...).
        target: classes (N), () or (N, d1, ...); or probabilities of the shape of ``input``.
        weight: one factor per class.
        ignore_index: a class that neither counts nor receives a gradient.
        reduction: "mean" (weighted by ``weight``), "sum" or "none".
        label_smoothing: how much of the target is spread evenly over the classes, 0 to 1.
    """
    if size_average is not None or reduce is not None:
        reduction = _legacy_reduction(size_average, reduce, reduction)
    return _ops.cross_entropy(
        input, target, weight,
        ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing,
    )  # fmt: skip


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """`cross_entropy` of ``linear(input, linear_weight, linear_bias)``.

    Args:
        input: (N, D) or (D).
        linear_weight: (C, D), or (C, d1, ..., D) for scores (N, C, d1, ...).
        target: as in `cross_entropy`. linear_bias: (C) or (C, d1, ...).
        ignore_index: -100 for classes if left out; must be left out for probabilities.
        options: how PyTorch saves memory. The whole product is computed, whatever they say.
    """
    *shape, features = linear_weight.shape
    flat = linear_weight.reshape(-1, features)
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    scores = _ops.linear(input, flat, bias).reshape(*input.shape[:-1], *shape)
    if ignore_index is None:
        ignore_index = -100
    elif target.is_floating_point():
        raise ValueError("ignore_index is not supported for floating point target")
    return _ops.cross_entropy(
        scores, target, weight,
        ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing,
    )  # fmt: skip


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative of ``input``, log probabilities, at the target classes."""
    if size_average is not None or reduce is not None:
        reduction = _legacy_reduction(size_average, reduce, reduction)
    return _ops.nll_loss(input, target, weight, ignore_index=ignore_index, reduction=reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """``(input - target)**2``; with ``weight`` the mean is a weighted one."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    _warn_broadcast(input, target)
    if weight is not None:
        return _reduce_weighted((input - target) ** 2, weight, reduction)
    return _ops.mse_loss(input, target, reduction=reduction)


@in_float32
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """``|input - target|``; with ``weight`` the mean is a weighted one."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    _warn_broadcast(input, target)
    loss = (input - target).abs()
    if weight is not None:
        return _reduce_weighted(loss, weight, reduction)
    return _reduce(loss, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """``0.5 d**2 / beta`` where ``d = |input - target| < beta``, ``d - beta / 2`` elsewhere."""
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return l1_loss(input, target, size_average, reduce, reduction)
    reduction = _legacy_reduction(size_average, reduce, reduction)
    _warn_broadcast(input, target)
    return _reduce(_ops._smooth_l1(input, target, beta), reduction)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """``d**2 / 2`` where ``d = |input - target| < delta``, else ``delta * (d - delta / 2)``."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    reduction = _legacy_reduction(None, None, reduction)
    _warn_broadcast(input, target)
    loss = _ops._huber(input, target, delta)
    return _reduce(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``-(target * log(input) + (1 - target) * log(1 - input))``, the logarithms at least -100."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if input.shape != target.shape:
        raise ValueError(
            f"Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}) is deprecated. Please ensure they have the same size."
        )
    loss = _ops._binary_cross_entropy(input, target)
    return _reduce(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """``binary_cross_entropy(sigmoid(input), target)`` without overflow.

    ``pos_weight`` multiplies the part of the positive class.
    """
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if input.shape != target.shape:
        raise ValueError(
            f"Target size ({list(target.shape)}) must be the same as input size "
            f"({list(input.shape)})"
        )
    if pos_weight is None:
        loss = _ops._bce_with_logits(input, target)
    else:
        loss = _ops._bce_with_logits_weighted(input, target, pos_weight)
    return _reduce(loss if weight is None else loss * weight, reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """``target * (log(target) - input)``; ``input`` is a log probability.

    With ``reduction="batchmean"`` the sum is divided by the batch size, which is the divergence
    proper.
    """
    per_batch = reduction == "batchmean"
    reduction = _legacy_reduction(size_average, reduce, "sum" if per_batch else reduction)
    loss = (_ops._kl_div_log_target if log_target else _ops._kl_div)(input, target)
    result = _reduce(loss, reduction)
    return result / input.shape[0] if per_batch and input.dim() else result


# ---- distances ----------------------------------------------------------------------------------


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between ``x1`` and ``x2`` along ``dim``."""
    if x1.shape != x2.shape:
        x1, x2 = wg.broadcast_tensors(x1, x2)
    norm1 = x1.norm(2.0, dim, True).clamp(min=eps)
    norm2 = x2.norm(2.0, dim, True).clamp(min=eps)
    return ((x1 / norm1) * (x2 / norm2)).sum(dim)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The norm of order ``p`` of ``x1 - x2 + eps`` over the last dimension.

    >>> wg.nn.functional.pairwise_distance(wg.tensor([3.0, 0.0]), wg.tensor([0.0, 4.0]), eps=0.0)
    tensor(5.)
    """
    return wg.linalg.vector_norm(x1 - x2 + eps, p, -1, keepdim)


# ---- rates, margins, triples --------------------------------------------------------------------


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``exp(input) - target * input``, the negative log likelihood of counts less a constant.

    log_input: if false, ``input`` is the rate itself: ``input - target * log(input + eps)``.
    full: adds Stirling's approximation of ``log(target!)`` where ``target > 1``.
    """
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if log_input:
        loss = _ops._poisson_nll_log(input, target)
    else:
        loss = _ops._poisson_nll(input, target, eps)
    return _reduce(loss + _ops._stirling(target) if full else loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """``(log(var) + (input - target)**2 / var) / 2``, with ``var`` at least ``eps``.

    var: of the shape of ``input``, or without (or with a single) last dimension. full: adds
    ``log(2 pi) / 2``. Raises ValueError for negative ``var``. No gradient sees that ``var`` was
    raised to ``eps``.
    """
    reduction = _legacy_reduction(None, None, reduction)
    if not isinstance(var, Tensor):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * wg.ones_like(input)
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif not (input.shape[:-1] == var.shape[:-1] and var.shape[-1] == 1):
            raise ValueError("var is of incorrect size")
    with wg.no_grad():
        raised = var.clamp(min=eps)
    var = var + (raised - var).detach()
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    return _reduce(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``log(1 + exp(-target * input))``; the targets are 1 and -1."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    loss = _ops._soft_margin(input, target)
    if loss.shape != input.shape:
        raise RuntimeError(
            f"output with shape {list(input.shape)} doesn't match the broadcast shape "
            f"{list(loss.shape)}" + _pair_lines(input, target)
        )
    return _reduce(loss, reduction)


@in_float32
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``input`` where the target is 1, ``max(0, margin - input)`` where it is -1."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    apart = wg.where(target != 1, (margin - input).clamp(min=0), 0.0)
    near = wg.where(target != -1, input, 0.0)
    return _reduce(apart + near, reduction)


@in_float32
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, -target * (input1 - input2) + margin)``; the targets are 1 and -1."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return _reduce((-target * (input1 - input2) + margin).clamp(min=0), reduction)


@in_float32
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1.

    The inputs are [N, D] with targets [N], or [D] with one target.
    """
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if target.dim() not in (0, 1) or input1.dim() != target.dim() + 1:
        raise RuntimeError(
            f"{target.dim()}D target tensor expects {target.dim() + 1}D input tensors, but found "
            f"inputs with sizes {list(input1.shape)} and {list(input2.shape)}."
        )
    tiny = 1e-12
    product = (input1 * input2).sum(-1)
    size1, size2 = ((x * x).sum(-1) + tiny for x in (input1, input2))
    cosine = product / (size1 * size2).sqrt()
    near = wg.where(target == 1, 1 - cosine, 0.0)
    apart = wg.where(target == -1, (cosine - margin).clamp(min=0), 0.0)
    return _reduce(near + apart, reduction)


@in_float32
def _pair_lines(input: Tensor, target: Tensor) -> str:
    def line(name: str, tensor: Tensor) -> str:
        kind = str(tensor.dtype).rpartition(".")[2]
        return f"\n  {name}: {kind}{list(tensor.shape)} {tensor.device}"

    return line("input", input) + line("target", target)


def _rows(input: Tensor) -> Tensor:
    """[N, C] of that, of [C] or of a single number."""
    if input.dim() > 2 or input.shape[-1:] == (0,):
        raise RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}"
        )
    return input if input.dim() == 2 else input.reshape(1, -1)


@in_float32
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``sum(max(0, margin - input[target] + input[i])**p for i != target) / C``.

    The input is [N, C] with targets [N], or [C] with one; ``weight`` has a factor per class.
    """
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    rows = _rows(input)
    classes = target.reshape(-1, 1)
    if classes.shape[0] != rows.shape[0] or target.dim() > 1:
        raise RuntimeError(
            f"inconsistent target size, expected {rows.shape[0]} but got {list(target.shape)}"
            + _pair_lines(input, target)
        )
    if classes.numel() and not bool(((classes >= 0) & (classes < rows.shape[1])).all()):
        raise RuntimeError("target out of range" + _pair_lines(input, target))
    own = rows.gather(1, classes)
    terms = (margin - own + rows).clamp(min=0) ** p
    if weight is not None:
        terms = terms * weight[classes]
    terms = terms.scatter(1, classes, 0.0)
    loss = terms.sum(1) / rows.shape[1]
    return _reduce(loss if input.dim() == 2 else loss.reshape(target.shape), reduction)


@in_float32
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``sum(max(0, 1 - (input[t] - input[i]))) / C`` over targets t and classes i that are none.

    The input is [N, C] or [C]; the targets, of the same shape, are classes up to the first -1.
    """
    reduction = _legacy_reduction(size_average, reduce, reduction)
    rows, listed = _rows(input), _rows(target)
    if rows.shape != listed.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: "
            f"{list(input.shape)}" + _pair_lines(input, target)
        )
    valid = (listed < 0).cumsum(1) == 0
    places = listed.clamp(min=0)
    counts = wg.zeros_like(listed).scatter_add(1, places, valid.to(listed.dtype))
    other = (counts == 0).unsqueeze(1)
    distance = (1 - (rows.gather(1, places).unsqueeze(2) - rows.unsqueeze(1))).clamp(min=0)
    terms = wg.where(valid.unsqueeze(2) & other, distance, 0.0)
    loss = terms.sum((1, 2)) / rows.shape[1]
    return _reduce(loss if input.dim() == 2 else loss.squeeze(0), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes (the last dimension) of `binary_cross_entropy_with_logits`."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if input.dim() == 0:
        raise IndexError("Dimension specified as -1 but tensor has no dimensions")
    loss = _ops._bce_with_logits(input, target)
    loss = loss if weight is None else loss * weight
    return _reduce(loss.sum(input.dim() - 1) / input.shape[-1], reduction)


def _triplet(near: Tensor, far: Tensor, margin: float, reduction: str) -> Tensor:
    return _reduce((margin + near - far).clamp(min=0), reduction)


@in_float32
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)``, d being `pairwise_distance`.

    swap: with the lesser of ``d(anchor, negative)`` and ``d(positive, negative)``.
    """
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.dim()}D, positive {positive.dim()}D, and "
            f"negative {negative.dim()}D inputs"
        )

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    far = distance(anchor, negative)
    if swap:
        far = wg.minimum(far, distance(positive, negative))
    return _triplet(distance(anchor, positive), far, margin, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of your own."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = pairwise_distance if distance_function is None else distance_function
    far = distance(anchor, negative)
    if swap:
        far = wg.minimum(far, distance(positive, negative))
    return _triplet(
        distance(anchor, positive), far, margin, _legacy_reduction(None, None, reduction)
    )
