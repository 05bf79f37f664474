"""Folding batch normalisation, in evaluation, into the layer before it."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import wengert as wg

from ..modules.module import Module
from ..parameter import Parameter

__all__ = [
    "fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights",
]  # fmt: skip

Some = TypeVar("Some", bound=Module)


def fuse_conv_bn_eval(conv: Some, bn: Module, transpose: bool = False) -> Some:
    """A convolution that computes what ``bn(conv(x))`` does.

    Args:
        transpose: ``conv`` is a transposed convolution.

    Raises:
        AssertionError: a module is in training mode.

    >>> import wengert as wg
    >>> conv, bn = wg.nn.Conv2d(1, 2, 3).eval(), wg.nn.BatchNorm2d(2).eval()
    >>> fused, x = wg.nn.utils.fuse_conv_bn_eval(conv, bn), wg.rand(1, 1, 4, 4)
    >>> wg.allclose(fused(x), bn(conv(x)), atol=1e-6)
    True
    """
    if conv.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    fused: Any = copy.deepcopy(conv)
    norm: Any = bn
    if norm.running_mean is None or norm.running_var is None:
        raise AssertionError("Expected bn.running_mean and bn.running_var to be tensors")
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight,
        norm.bias, transpose,
    )  # fmt: skip
    return fused


def _scale_and_shift(
    bias: wg.Tensor | None, mean: wg.Tensor, var: wg.Tensor, eps: float,
    weight: wg.Tensor | None, shift: wg.Tensor | None,
) -> tuple[wg.Tensor, wg.Tensor]:  # fmt: skip
    scale = (var + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    fused = -mean * scale if bias is None else (bias - mean) * scale
    return scale, fused if shift is None else fused + shift


def fuse_conv_bn_weights(
    conv_w: wg.Tensor,
    conv_b: wg.Tensor | None,
    bn_rm: wg.Tensor,
    bn_rv: wg.Tensor,
    bn_eps: float,
    bn_w: wg.Tensor | None,
    bn_b: wg.Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution that normalises too."""
    with wg.no_grad():
        scale, bias = _scale_and_shift(conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
        rest = [1] * (conv_w.dim() - 2)
        shape = [1, -1, *rest] if transpose else [-1, 1, *rest]
        weight = conv_w * scale.reshape(shape).to(conv_w.dtype)
        dtype = conv_w.dtype if conv_b is None else conv_b.dtype
    return (
        Parameter(weight, conv_w.requires_grad),
        Parameter(bias.to(dtype), conv_w.requires_grad if conv_b is None else conv_b.requires_grad),
    )


def fuse_linear_bn_eval(linear: Some, bn: Module) -> Some:
    """A linear layer that computes what ``bn(linear(x))`` does.

    Raises:
        AssertionError: a module is in training mode, or the sizes do not fit.
    """
    if linear.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    fused: Any = copy.deepcopy(linear)
    norm: Any = bn
    if fused.out_features != norm.num_features and norm.num_features != 1:
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1"
        )
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight,
        norm.bias,
    )  # fmt: skip
    return fused


def fuse_linear_bn_weights(
    linear_w: wg.Tensor,
    linear_b: wg.Tensor | None,
    bn_rm: wg.Tensor,
    bn_rv: wg.Tensor,
    bn_eps: float,
    bn_w: wg.Tensor | None,
    bn_b: wg.Tensor | None,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a linear layer that normalises too."""
    with wg.no_grad():
        scale, bias = _scale_and_shift(linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
        weight = linear_w * scale.unsqueeze(-1).to(linear_w.dtype)
        dtype = linear_w.dtype if linear_b is None else linear_b.dtype
    wanted = linear_w.requires_grad if linear_b is None else linear_b.requires_grad
    return Parameter(weight, linear_w.requires_grad), Parameter(bias.to(dtype), wanted)
