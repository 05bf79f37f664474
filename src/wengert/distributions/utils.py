"""What several distributions need."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Number
from typing import Any

import wengert as wg

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "log1p_exp",
    "logits_to_probs",
    "probs_to_logits",
    "standard_normal",
    "standard_uniform",
    "sum_rightmost",
]


def broadcast_all(*values: Any) -> list[wg.Tensor]:
    """Numbers and tensors as tensors of one shape, and the numbers in the tensors' dtype.

    Raises ValueError for anything else.
    """
    if not all(isinstance(value, wg.Tensor | Number) for value in values):
        raise ValueError(
            "Input arguments must all be instances of Number or Tensor, but got "
            + ", ".join(type(value).__name__ for value in values)
        )
    dtype = wg.get_default_dtype()
    for value in values:
        if isinstance(value, wg.Tensor):
            dtype = value.dtype
            break
    tensors = [
        value if isinstance(value, wg.Tensor) else wg.tensor(value, dtype=dtype) for value in values
    ]
    return list(wg.broadcast_tensors(*tensors))


def sum_rightmost(value: wg.Tensor, count: int) -> wg.Tensor:
    """The sum over the last ``count`` dimensions."""
    if count == 0:
        return value
    return value.reshape(*value.shape[: value.dim() - count], -1).sum(-1)


def logits_to_probs(logits: wg.Tensor, is_binary: bool = False) -> wg.Tensor:
    """Probabilities of log odds, or of unnormalised log probabilities in the last dimension."""
    return wg.sigmoid(logits) if is_binary else wg.softmax(logits, -1)


def clamp_probs(probs: wg.Tensor) -> wg.Tensor:
    """Probabilities that are at least an epsilon away from 0 and 1."""
    eps = wg.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: wg.Tensor, is_binary: bool = False) -> wg.Tensor:
    """The inverse of :func:`logits_to_probs`, finite also at 0 and 1."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


def standard_uniform(like: wg.Tensor, shape: Any) -> wg.Tensor:
    """Uniform numbers in (0, 1), without 0, in the dtype of ``like``."""
    return wg.rand(shape, dtype=like.dtype).clamp_(min=wg.finfo(like.dtype).tiny)


def standard_normal(shape: Any, dtype: Any, device: Any) -> wg.Tensor:
    """Numbers of a normal distribution with mean 0 and variance 1."""
    return wg.normal(wg.zeros(shape, dtype=dtype, device=device), 1)


# Under these names packages import them from PyTorch.
_standard_normal, _sum_rightmost = standard_normal, sum_rightmost


def log1p_exp(x: wg.Tensor) -> wg.Tensor:
    """``log(1 + exp(x))`` to full precision, without overflow."""
    return x.clamp(min=0) + (-x.abs()).exp().log1p()


class lazy_property:
    """An attribute that is computed when it is first read."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with wg.enable_grad():
            value = self.function(instance)
        # An attribute of the object hides this descriptor from now on.
        instance.__dict__[self.function.__name__] = value
        return value
