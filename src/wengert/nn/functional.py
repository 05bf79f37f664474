"""Functions of neural networks.

What is one operator of the core is passed on to it; the rest is written here out of operators.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import wengert as wg
from wengert import _ops
from wengert._autocast import in_float32
from wengert._composite.images import channel_shuffle, fold, pixel_shuffle, pixel_unshuffle, unfold
from wengert._composite.indexing import one_hot
from wengert._composite.reduction import pdist
from wengert._composite.shape import pad
from wengert.nn._attention import multi_head_attention_forward, scaled_dot_product_attention
from wengert.nn._ctc import ctc_loss
from wengert.nn._fractional import (
    fractional_max_pool2d,
    fractional_max_pool2d_with_indices,
    fractional_max_pool3d,
    fractional_max_pool3d_with_indices,
)
from wengert.nn._lookup import embedding, embedding_bag
from wengert.nn._losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    cosine_similarity,
    cross_entropy,
    gaussian_nll_loss,
    hinge_embedding_loss,
    huber_loss,
    kl_div,
    l1_loss,
    linear_cross_entropy,
    margin_ranking_loss,
    mse_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    nll_loss,
    pairwise_distance,
    poisson_nll_loss,
    smooth_l1_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)  # fmt: skip
from wengert.nn._sampling import (
    affine_grid,
    grid_sample,
    interpolate,
    upsample,
    upsample_bilinear,
    upsample_nearest,
)
from wengert.nn._spatial import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d,
    adaptive_max_pool2d_with_indices,
    adaptive_max_pool3d,
    adaptive_max_pool3d_with_indices,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    conv1d,
    conv2d,
    conv3d,
    conv_tbc,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool2d_with_indices,
    max_pool3d,
    max_pool3d_with_indices,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)  # fmt: skip

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", "affine_grid", "alpha_dropout",
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm", "bilinear", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "celu_", "channel_shuffle", "conv1d", "conv2d",
    "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "ctc_loss", "dropout",
    "dropout1d", "dropout2d", "dropout3d", "elu", "elu_", "embedding", "embedding_bag",
    "feature_alpha_dropout", "fold", "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices", "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices", "gaussian_nll_loss", "gelu", "glu", "grid_sample",
    "group_norm", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "hardtanh_", "hinge_embedding_loss", "huber_loss", "instance_norm", "interpolate", "kl_div",
    "l1_loss", "layer_norm", "leaky_relu", "leaky_relu_", "linear", "linear_cross_entropy",
    "local_response_norm", "log_softmax", "logsigmoid", "lp_pool1d", "lp_pool2d", "lp_pool3d",
    "margin_ranking_loss", "max_pool1d", "max_pool1d_with_indices", "max_pool2d",
    "max_pool2d_with_indices", "max_pool3d", "max_pool3d_with_indices", "max_unpool1d",
    "max_unpool2d", "max_unpool3d", "mish", "mse_loss", "multi_head_attention_forward",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss",
    "native_channel_shuffle", "nll_loss", "normalize", "one_hot", "pad", "pairwise_distance",
    "pdist", "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "relu", "relu6",
    "relu_", "rms_norm", "rrelu", "rrelu_", "scaled_dot_product_attention", "selu", "selu_",
    "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softplus",
    "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
    "triplet_margin_loss", "triplet_margin_with_distance_loss", "unfold", "upsample",
    "upsample_bilinear", "upsample_nearest",
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
    return _ops.hardsigmoid_(input) if inplace else _ops.hardsigmoid(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * relu6(input + 3) / 6``."""
    return _ops.hardswish_(input) if inplace else _ops.hardswish(input)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` outside ``[-lambd, lambd]``, zero inside."""
    return _ops.hardshrink(input, lambd)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``input`` times the normal distribution function of it, exact or by the tanh formula.

    Source: D. Hendrycks and K. Gimpel, Gaussian Error Linear Units, arXiv:1606.08415."""
    return _ops.gelu(input, approximate)


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
    function = _ops.threshold_ if inplace else _ops.threshold
    return function(input, threshold, value)


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
    elif weight.dim() > input.dim():
        weight = weight.reshape(())
    return _ops._prelu_kernel(input, weight)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Leaky ReLU whose slope is drawn from [lower, upper) for each element in training, else their
    mean (Xu et al., 2015).
    """
    # Backward needs the input as it was before.
    result = _rrelu(input.clone() if inplace else input, lower, upper, training, None)
    return _write(input, result) if inplace else result


def _rrelu(
    input: Tensor, lower: float, upper: float, training: bool, generator: wg.Generator | None
) -> Tensor:
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if not training:
        return _ops.leaky_relu(input, (lower + upper) / 2)
    slope = wg.empty_like(input).uniform_(lower, upper, generator=generator)
    return _ops._prelu_kernel(input, slope)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along ``dim`` times the sigmoid of the second half."""
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
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


# ---- in place ----


def relu_(input: Tensor) -> Tensor:
    """`relu` into ``input`` itself."""
    return relu(input, inplace=True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu` into ``input`` itself."""
    return leaky_relu(input, negative_slope, inplace=True)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`elu` into ``input`` itself."""
    return elu(input, alpha, inplace=True)


def selu_(input: Tensor) -> Tensor:
    """`selu` into ``input`` itself."""
    return selu(input, inplace=True)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`celu` into ``input`` itself."""
    return celu(input, alpha, inplace=True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh` into ``input`` itself."""
    return hardtanh(input, min_val, max_val, inplace=True)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """`threshold` into ``input`` itself."""
    return _threshold(input, threshold, value, inplace=True)


def rrelu_(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    generator: wg.Generator | None = None,
) -> Tensor:
    """`rrelu` into ``input`` itself."""
    return _write(input, _rrelu(input, lower, upper, training, generator))


native_channel_shuffle = channel_shuffle

_threshold = threshold  # the parameter of threshold_ hides the function


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


# ---- normalisation and dropout ----


def _check_count(what: str, shape: Sequence[int]) -> None:
    """Raises where statistics would be those of a single number."""
    if math.prod((shape[0], *shape[2:])) == 1:
        raise ValueError(
            f"Expected more than 1 {what} when training, got input size wengert.Size({list(shape)})"
        )


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
        _check_count("value per channel", input.shape)
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


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Divides by the root mean square over the last dimensions (Zhang and Sennrich, 2019).

    ``eps``, by default the spacing of numbers at 1, is added to the mean square.
    """
    return _ops.rms_norm(input, normalized_shape, weight, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises groups of channels of each example (Wu and He, 2018)."""
    if input.dim() >= 2 and num_groups > 0:
        first = input.shape[0] * input.shape[1] // num_groups
        _check_count("value per channel", (first, num_groups, *input.shape[2:]))
    return _ops.group_norm(input, num_groups, weight, bias, eps)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises every channel of each example (Ulyanov et al., 2016)."""
    if use_input_stats and input.dim() >= 2 and math.prod(input.shape[2:]) == 1:
        raise ValueError(
            "Expected more than 1 spatial element when training, got input size "
            f"wengert.Size({list(input.shape)})"
        )
    return _ops.instance_norm(
        input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps
    )


@in_float32
def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divides by ``(k + alpha * mean square of size neighbouring channels)**beta``.

    Source: A. Krizhevsky et al., "ImageNet classification" (2012). Margins count as zeros.
    """
    if input.dim() < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)"
        )
    squares = (input * input).unsqueeze(1)
    margins = [0, 0] * (input.dim() - 2) + [size // 2, (size - 1) // 2]
    windows = pad(squares, margins).unfold(2, size, 1)
    return input / (windows.mean(-1).squeeze(1) * alpha + k) ** beta


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """``input`` divided by its ``p``-norm along ``dim``, or by ``eps`` if that is greater."""
    size = input.norm(p, dim, True).clamp(min=eps)
    return input / size if out is None else wg.div(input, size, out=out)


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
    mask = _ops.dropout(input.new_ones(shape), p, True)
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


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zeroes whole channels of an input (N, C, D, H, W) or (C, D, H, W)."""
    return _dropout_channels(input, p, training, inplace, 5)


def _alpha_scaled(input: Tensor, kept: Tensor, p: float) -> Tensor:
    """What is dropped takes SELU's lowest value; then mean and variance are restored."""
    lowest = -1.7580993408473766
    scale = (1 - p + p * (1 - p) * lowest * lowest) ** -0.5
    return (input * kept + lowest * (1 - kept)) * scale - scale * lowest * p


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps mean and variance behind a SELU (Klambauer et al., 2017)."""
    _check_probability(p)
    if not training or p == 0.0:
        return input
    result = _ops.alpha_dropout(input, p, True)
    return _write(input, result) if inplace else result


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels of an input (N, C, ...)."""
    _check_probability(p)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        result = input * 0.0
    else:
        shape = (*input.shape[:2], *[1] * (input.dim() - 2))
        kept = input.new_empty(shape).bernoulli_(1 - p)
        result = _alpha_scaled(input, kept, p)
    return _write(input, result) if inplace else result


# ---- sampling ----


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A sample from the categorical distribution of ``logits``, relaxed: the softmax of them and
    Gumbel noise, divided by ``tau`` (Jang et al., 2017). hard: one-hot, with the gradient of the
    relaxed sample. ``eps`` has no effect.
    """
    noise = -wg.empty_like(logits).exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    place = soft.argmax(dim, keepdim=True)
    return wg.zeros_like(logits).scatter(dim, place, 1.0) - soft.detach() + soft
