"""Limiting the size of gradients."""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterable

import wengert as wg

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
]


def _listed(parameters: wg.Tensor | Iterable[wg.Tensor]) -> list[wg.Tensor]:
    if isinstance(parameters, wg.Tensor):
        return [parameters]
    found = list(parameters)
    if not found and isinstance(parameters, types.GeneratorType):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3
        )
    return found


def _grads(parameters: Iterable[wg.Tensor]) -> list[wg.Tensor]:
    return [p.grad for p in parameters if p.grad is not None]


def get_total_norm(
    tensors: wg.Tensor | Iterable[wg.Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> wg.Tensor:
    """The norm of all tensors' elements together, as a 0-d tensor.

    Args:
        norm_type: its order, ``inf`` for the greatest magnitude.
        error_if_nonfinite: raise RuntimeError if it is infinite or NaN.
        foreach: has no effect.
    """
    tensors = [tensors] if isinstance(tensors, wg.Tensor) else list(tensors)
    norm_type = float(norm_type)
    with wg.no_grad():
        if not tensors:
            return wg.tensor(0.0)
        norms = [tensor.norm(norm_type) for tensor in tensors]
        total = wg.stack([norm.to(norms[0].dtype) for norm in norms]).norm(norm_type)
    if error_if_nonfinite and not bool(total.isfinite()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite "
            "norm anyway, set `error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(
    parameters: wg.Tensor | Iterable[wg.Tensor],
    max_norm: float,
    total_norm: wg.Tensor,
    foreach: bool | None = None,
) -> None:
    """Scales the gradients, in place, by ``max_norm / total_norm`` if that is less than one.

    With `get_total_norm` before, this is `clip_grad_norm_` in two steps.
    """
    with wg.no_grad():
        factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for grad in _grads(_listed(parameters)):
            grad.mul_(factor.to(grad.device))


def clip_grad_norm_(
    parameters: wg.Tensor | Iterable[wg.Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> wg.Tensor:
    """Scales the gradients, in place, such that their norm together is at most ``max_norm``.

    Returns:
        the norm before.

    Source: Pascanu, Mikolov and Bengio (2013), On the difficulty of training recurrent networks.

    >>> import wengert as wg
    >>> p = wg.zeros(2, requires_grad=True)
    >>> p.grad = wg.tensor([3.0, 4.0])
    >>> wg.nn.utils.clip_grad_norm_([p], 1.0), p.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    listed = _listed(parameters)
    total = get_total_norm(_grads(listed), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(listed, max_norm, total)
    return total


def clip_grad_norm(
    parameters: wg.Tensor | Iterable[wg.Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> wg.Tensor:
    """`clip_grad_norm_` under its older name."""
    warnings.warn(
        "`nn.utils.clip_grad_norm` is now deprecated in favor of `nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(
    parameters: wg.Tensor | Iterable[wg.Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Limits every element of the gradients, in place, to ``[-clip_value, clip_value]``."""
    clip_value = float(clip_value)
    with wg.no_grad():
        for grad in _grads(_listed(parameters)):
            grad.clamp_(min=-clip_value, max=clip_value)
