"""Functions of neural networks.

What is one operator of the core is passed on to it; the rest is written here out of operators.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import wengert as wg
from wengert import _ops
from wengert._composite.indexing import one_hot
from wengert._composite.pointwise import gelu
from wengert._composite.shape import pad

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "batch_norm",
    "bilinear", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu", "conv1d",
    "conv2d", "cosine_similarity", "cross_entropy", "dropout", "dropout1d", "dropout2d", "elu",
    "embedding", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "huber_loss",
    "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear", "log_softmax", "logsigmoid",
    "max_pool1d", "max_pool2d", "mish", "mse_loss", "nll_loss", "normalize", "one_hot", "pad",
    "prelu", "relu", "relu6", "selu", "sigmoid", "silu", "smooth_l1_loss", "softmax", "softmin",
    "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
]  # fmt: skip

Tensor = wg.Tensor
_Size = int | Sequence[int]

# ---- activations ----


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """``max(input, 0)``, element by element."""
    return _ops.relu_(input) if inplace else _ops.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """``min(max(input, 0), 6)``."""
    return hardtanh(input, 0.0, 6.0, inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, ``negative_slope * input`` elsewhere."""
    function = _ops.leaky_relu_ if inplace else _ops.leaky_relu
    return function(input, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, ``alpha * (exp(input) - 1)`` elsewhere."""
    return _ops.elu_(input, alpha) if inplace else _ops.elu(input, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The self-normalising ELU of Klambauer et al. (2017)."""
    return _ops.selu_(input) if inplace else _ops.selu(input)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``max(input, 0) + min(0, alpha * (exp(input / alpha) - 1))``."""
    return _ops.celu_(input, alpha) if inplace else _ops.celu(input, alpha)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * sigmoid(input)``, also called swish."""
    return _ops.silu_(input) if inplace else _ops.silu(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * tanh(softplus(input))``."""
    return _ops.mish_(input) if inplace else _ops.mish(input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``log(1 + exp(beta * input)) / beta``; the identity where ``beta * input > threshold``."""
    return _ops.softplus(input, beta, threshold)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """``input`` limited to ``[min_val, max_val]``."""
    function = _ops.hardtanh_ if inplace else _ops.hardtanh
    return function(input, min_val, max_val)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """``relu6(input + 3) / 6``."""
    return _write(input, _ops.hardsigmoid(input)) if inplace else _ops.hardsigmoid(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * relu6(input + 3) / 6``."""
    return _write(input, _ops.hardswish(input)) if inplace else _ops.hardswish(input)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` outside ``[-lambd, lambd]``, zero inside."""
    return _ops.hardshrink(input, lambd)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` moved towards zero by ``lambd``, zero inside ``[-lambd, lambd]``."""
    return _ops.softshrink(input, lambd)


def tanhshrink(input: Tensor) -> Tensor:
    """``input - tanh(input)``."""
    return input - input.tanh()


def softsign(input: Tensor) -> Tensor:
    """``input / (1 + |input|)``."""
    return input / (input.abs() + 1)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """``input`` where it is greater than ``threshold``, ``value`` elsewhere."""
    result = _ops.threshold(input, threshold, value)
    return _write(input, result) if inplace else result


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Leaky ReLU whose slope is learned, one for all or one per channel (dimension 1)."""
    if weight.numel() != 1:
        channels = input.shape[1] if input.dim() > 1 else 1
        if weight.numel() != channels:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.numel()} and channel size = {channels}."
            )
        weight = weight.reshape(-1, *[1] * (input.dim() - 2))
    return _ops._prelu_kernel(input, weight)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along ``dim`` times the sigmoid of the second half."""
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {size}")
    return input.narrow(dim, 0, size // 2) * input.narrow(dim, size // 2, size // 2).sigmoid()


def sigmoid(input: Tensor) -> Tensor:
    """``1 / (1 + exp(-input))``."""
    return _ops.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return _ops.tanh(input)


def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(input))``, accurate where the sigmoid underflows."""
    return _ops.logsigmoid(input)


def _softmax_dim(name: str, dim: int | None, ndim: int) -> int:
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument.",
        stacklevel=4,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: wg.dtype | None = None
) -> Tensor:
    """``exp(input)`` scaled to sum to one along ``dim``."""
    if dim is None:
        dim = _softmax_dim("softmax", dim, input.dim())
    return _ops.softmax(input, dim, dtype=dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: wg.dtype | None = None
) -> Tensor:
    """``softmax(-input)``."""
    if dim is None:
        dim = _softmax_dim("softmin", dim, input.dim())
    return _ops.softmax(-input, dim, dtype=dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: wg.dtype | None = None
) -> Tensor:
    """``log(softmax(input))``, computed without overflow or cancellation."""
    if dim is None:
        dim = _softmax_dim("log_softmax", dim, input.dim())
    return _ops.log_softmax(input, dim, dtype=dtype)


def _write(target: Tensor, value: Tensor) -> Tensor:
    return target.copy_(value)


# ---- linear maps ----


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``; ``weight`` is (out_features, in_features)."""
    return _ops.linear(input, weight, bias)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input1 @ weight[k] @ input2 + bias[k]`` for every output ``k``."""
    out_features, in1, in2 = weight.shape
    if input1.shape[-1] != in1 or input2.shape[-1] != in2:
        raise RuntimeError(
            f"bilinear(): input sizes {input1.shape[-1]} and {input2.shape[-1]} do not match "
            f"weight sizes {in1} and {in2}"
        )
    lead = input1.shape[:-1]
    product = input1 @ weight.permute(1, 0, 2).reshape(in1, out_features * in2)
    result = (product.reshape(*lead, out_features, in2) * input2.unsqueeze(-2)).sum(-1)
    return result if bias is None else result + bias


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of ``weight`` that ``input`` names; row ``padding_idx`` gets no gradient."""
    if scale_grad_by_freq or sparse:
        raise NotImplementedError("embedding(): scale_grad_by_freq and sparse are not available")
    if padding_idx is not None:
        rows = weight.shape[0]
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    if max_norm is not None:
        with wg.no_grad():
            used = input.reshape(-1).unique()
            selected = weight.index_select(0, used)
            norms = selected.norm(norm_type, 1, True)
            scale = wg.where(norms > max_norm, max_norm / (norms + 1e-7), wg.ones_like(norms))
            weight.index_copy_(0, used, selected * scale)
    return _ops.embedding(input, weight, padding_idx)


# ---- convolution and pooling ----


def _pair(value: _Size) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)  # type: ignore[return-value]


def _single(value: _Size) -> int:
    return value if isinstance(value, int) else value[0]


def _padding_from_name(
    input: Tensor, name: str, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[Tensor, tuple[int, ...]]:
    if name == "valid":
        return input, (0,) * len(kernel)
    if name != "same":
        raise RuntimeError(f"Invalid padding string: '{name}'")
    if any(step != 1 for step in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if any(total % 2 for total in totals):
        extra = [side for total in reversed(totals) for side in (0, total % 2)]
        input = pad(input, extra)
    return input, tuple(total // 2 for total in totals)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Size = 1,
    padding: _Size | str = 0,
    dilation: _Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation along one dimension of an input (N, C, L) or (C, L)."""
    step, spread = (1, _single(stride)), (1, _single(dilation))
    image, kernel = input.unsqueeze(-2), weight.unsqueeze(-2)
    if isinstance(padding, str):
        image, margin = _padding_from_name(image, padding, kernel.shape[2:], step, spread)
    else:
        margin = (0, _single(padding))
    return _ops.conv2d(image, kernel, bias, step, margin, spread, groups).squeeze(-2)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: _Size = 1,
    padding: _Size | str = 0,
    dilation: _Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of images (N, C, H, W) or (C, H, W).

    ``weight`` is (out_channels, C / groups, kernel height, kernel width).
    ``padding`` may be "same" (stride 1 only) or "valid".
    """
    if isinstance(padding, str):
        input, padding = _padding_from_name(
            input, padding, weight.shape[2:], _pair(stride), _pair(dilation)
        )
    return _ops.conv2d(input, weight, bias, stride, padding, dilation, groups)


def max_pool2d(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    dilation: _Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The greatest value in every window; with ``return_indices`` also where it is in its plane."""
    function = _ops.max_pool2d_with_indices if return_indices else _ops.max_pool2d
    return function(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool1d(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    dilation: _Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The greatest value in every window of an input (N, C, L) or (C, L)."""
    kernel = _single(kernel_size)
    result = max_pool2d(
        input.unsqueeze(-2),
        (1, kernel),
        (1, kernel if stride is None else _single(stride)),
        (0, _single(padding)),
        (1, _single(dilation)),
        ceil_mode,
        return_indices,
    )
    if return_indices:
        return result[0].squeeze(-2), result[1].squeeze(-2)
    return result.squeeze(-2)  # type: ignore[union-attr]


def avg_pool2d(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of every window."""
    return _ops.avg_pool2d(
        input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool1d(
    input: Tensor,
    kernel_size: _Size,
    stride: _Size | None = None,
    padding: _Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of every window of an input (N, C, L) or (C, L)."""
    kernel = _single(kernel_size)
    step = kernel if stride is None else _single(stride)
    return _ops.avg_pool2d(
        input.unsqueeze(-2),
        (1, kernel),
        (1, step),
        (0, _single(padding)),
        ceil_mode,
        count_include_pad,
        None,
    ).squeeze(-2)


def adaptive_avg_pool2d(input: Tensor, output_size: _Size | Sequence[int | None]) -> Tensor:
    """Means over windows chosen such that the output has ``output_size``; ``None`` keeps a size."""
    wanted = _pair(output_size)  # type: ignore[arg-type]
    sizes = tuple(
        have if want is None else want for want, have in zip(wanted, input.shape[-2:], strict=True)
    )
    return _ops.adaptive_avg_pool2d(input, sizes)


def adaptive_avg_pool1d(input: Tensor, output_size: _Size) -> Tensor:
    """Means over windows chosen such that the output has length ``output_size``."""
    size = (1, _single(output_size))
    return _ops.adaptive_avg_pool2d(input.unsqueeze(-2), size).squeeze(-2)


# ---- normalisation and dropout ----


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises every channel (dimension 1) over all other dimensions (Ioffe and Szegedy, 2015).

    In training the batch's statistics are used and the running ones updated, in place.
    """
    if training:
        count = input.numel() // max(input.shape[1], 1)
        if count == 1:
            raise ValueError(
                "Expected more than 1 value per channel when training, got input size "
                f"wengert.Size({list(input.shape)})"
            )
    return _ops.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises over the last dimensions, of shape ``normalized_shape`` (Ba et al., 2016)."""
    return _ops.layer_norm(input, normalized_shape, weight, bias, eps)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """``input`` divided by its ``p``-norm along ``dim``, or by ``eps`` if that is greater."""
    return input / input.norm(p, dim, True).clamp(min=eps)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between ``x1`` and ``x2`` along ``dim``."""
    norm1 = x1.norm(2.0, dim, True).clamp(min=eps)
    norm2 = x2.norm(2.0, dim, True).clamp(min=eps)
    return ((x1 / norm1) * (x2 / norm2)).sum(dim)


def _check_probability(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training zeroes elements with probability ``p`` and divides the others by ``1 - p``."""
    if not 0.0 <= p <= 1.0:
        _check_probability(p)
    if not training or p == 0.0:
        return input
    result = _ops.dropout(input, p, True)
    return _write(input, result) if inplace else result


def _dropout_channels(
    input: Tensor, p: float, training: bool, inplace: bool, batched: int
) -> Tensor:
    _check_probability(p)
    if not training or p == 0.0:
        return input
    lead = 2 if input.dim() == batched else 1
    shape = [*input.shape[:lead], *[1] * (input.dim() - lead)]
    mask = _ops.dropout(wg.ones(shape, dtype=input.dtype, device=input.device), p, True)
    return input.mul_(mask) if inplace else input * mask


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of an input (N, C, L) or (C, L)."""
    return _dropout_channels(input, p, training, inplace, 3)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of an input (N, C, H, W) or (C, H, W)."""
    return _dropout_channels(input, p, training, inplace, 4)


# ---- losses ----


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
    return _ops.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


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
    return _ops.nll_loss(input, target, weight, ignore_index, reduction)


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
    return _ops.mse_loss(input, target, reduction)


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
