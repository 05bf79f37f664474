"""Functions of `nn.functional` that PyTorch also has in its flat namespace, as they are there:
other orders of arguments, and numbers that stand for reductions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert import _ops
from wengert._C import Tensor
from wengert.nn import functional as F

__all__ = (
    "addmv_", "affine_grid_generator", "alpha_dropout_", "batch_norm",
    "binary_cross_entropy_with_logits", "cosine_embedding_loss", "ctc_loss", "detach", "dropout_",
    "embedding", "embedding_renorm_", "feature_alpha_dropout",
    "feature_alpha_dropout_", "feature_dropout", "feature_dropout_", "grid_sampler",
    "hinge_embedding_loss", "kl_div", "margin_ranking_loss", "native_channel_shuffle",
    "native_dropout", "native_layer_norm", "poisson_nll_loss", "triplet_margin_loss",
)  # fmt: skip

_REDUCTIONS = {0: "none", 1: "mean", 2: "sum"}


def _reduction(value: int | str) -> str:
    if value in _REDUCTIONS:
        return _REDUCTIONS[int(value)]
    if value in _REDUCTIONS.values():
        return str(value)
    raise ValueError(f"{value} is not a valid value for reduction")


def detach(input: Tensor) -> Tensor:
    """`Tensor.detach`: the same memory without a history.

    >>> wg.detach(wg.ones(1, requires_grad=True)).requires_grad
    False
    """
    return input.detach()


def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` that `indices` name. padding_idx: a row that does not learn, or -1."""
    padding = None if padding_idx == -1 else padding_idx
    options = {"scale_grad_by_freq": scale_grad_by_freq, "sparse": sparse}
    return F.embedding(indices, weight, padding, **options)


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Tensor:
    """`nn.functional.batch_norm` with the parameters in another order."""
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def _into(function: Callable[..., Tensor], input: Tensor, p: float, train: bool) -> Tensor:
    return input.copy_(function(input, p, train)) if train else input


def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.dropout` into `input` itself."""
    return _into(F.dropout, input, p, train)


def alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.alpha_dropout` into `input` itself."""
    return _into(F.alpha_dropout, input, p, train)


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Zeroes whole channels, as `nn.functional.dropout1d`, `dropout2d` and `dropout3d` do."""
    if input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    shape = tuple(input.shape[:2]) + (1,) * (input.dim() - 2)
    return input * F.dropout(_ops.ones(shape, dtype=input.dtype), p, train)


def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.feature_alpha_dropout`."""
    return F.feature_alpha_dropout(input, p, train)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: Any = 1,
) -> Tensor:
    """The loss of `nn.BCEWithLogitsLoss`. reduction: 0 none, 1 mean, 2 sum."""
    return F.binary_cross_entropy_with_logits(
        input, target, weight, reduction=_reduction(reduction), pos_weight=pos_weight
    )


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: Any = 1
) -> Tensor:
    """The loss of `nn.CosineEmbeddingLoss`. reduction: 0 none, 1 mean, 2 sum."""
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=_reduction(reduction))


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: Any = 1,
    zero_infinity: bool = False,
) -> Tensor:
    """The loss of `nn.CTCLoss`. reduction: 0 none, 1 mean, 2 sum."""
    return F.ctc_loss(
        log_probs,
        targets,
        input_lengths,
        target_lengths,
        blank,
        _reduction(reduction),
        zero_infinity,
    )


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, reduction: Any = 1
) -> Tensor:
    """The loss of `nn.HingeEmbeddingLoss`. reduction: 0 none, 1 mean, 2 sum."""
    return F.hinge_embedding_loss(input, target, margin, reduction=_reduction(reduction))


def kl_div(
    input: Tensor, target: Tensor, reduction: Any = 1, *, log_target: bool = False
) -> Tensor:
    """The loss of `nn.KLDivLoss`. reduction: 0 none, 1 mean, 2 sum."""
    reduction = _reduction(reduction)
    loss = F.kl_div(input, target, reduction="none", log_target=log_target)
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: Any = 1
) -> Tensor:
    """The loss of `nn.MarginRankingLoss`. reduction: 0 none, 1 mean, 2 sum."""
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=_reduction(reduction))


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: Any
) -> Tensor:
    """The loss of `nn.PoissonNLLLoss`. reduction: 0 none, 1 mean, 2 sum."""
    return F.poisson_nll_loss(
        input, target, log_input, full, eps=eps, reduction=_reduction(reduction)
    )


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: Any = 1,
) -> Tensor:
    """The loss of `nn.TripletMarginLoss`. reduction: 0 none, 1 mean, 2 sum."""
    return F.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=_reduction(reduction)
    )


def addmv_(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`Tensor.addmv_`."""
    return input.addmv_(mat, vec, beta=beta, alpha=alpha)


def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`feature_dropout` into `input` itself."""
    return _into(feature_dropout, input, p, train)


def feature_alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`feature_alpha_dropout` into `input` itself."""
    return _into(feature_alpha_dropout, input, p, train)


def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """`nn.functional.dropout` and where elements were kept."""
    if not train or p == 0:
        return input.clone(), _ops.ones(tuple(input.shape), dtype=_ops.isnan(input).dtype)
    kept = F.dropout(_ops.ones(tuple(input.shape), dtype=input.dtype), p, True)
    return input * kept, kept != 0


def native_layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """`nn.functional.layer_norm`, the means, and one over the standard deviations."""
    dims = list(range(-len(normalized_shape), 0))
    mean = input.mean(dims, True)
    spread = (input - mean).square().mean(dims, True)
    output = F.layer_norm(input, normalized_shape, weight, bias, eps)
    return output, mean, (spread + eps).rsqrt()


def native_channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """`nn.functional.channel_shuffle`."""
    return F.channel_shuffle(input, groups)


def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Scales the rows that `indices` name down to a norm, in place."""
    F.embedding(indices, input.detach(), max_norm=max_norm, norm_type=norm_type)
    return input


def affine_grid_generator(theta: Tensor, size: Any, align_corners: bool) -> Tensor:
    """`nn.functional.affine_grid`."""
    return F.affine_grid(theta, size, align_corners)


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """`nn.functional.grid_sample`; modes: 0 bilinear, 1 nearest, 2 bicubic.

    padding_mode: 0 zeros, 1 border, 2 reflection.
    """
    mode = ("bilinear", "nearest", "bicubic")[interpolation_mode]
    padding = ("zeros", "border", "reflection")[padding_mode]
    return F.grid_sample(input, grid, mode, padding, align_corners)
