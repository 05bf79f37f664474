"""Limiting the size of gradients."""

from __future__ import annotations

from collections.abc import Iterable

import wengert as wg

__all__ = ["clip_grad_norm_", "clip_grad_value_", "get_total_norm"]


def _grads(parameters: wg.Tensor | Iterable[wg.Tensor]) -> list[wg.Tensor]:
    each = [parameters] if isinstance(parameters, wg.Tensor) else list(parameters)
    return [p.grad for p in each if p.grad is not None]


def get_total_norm(
    tensors: wg.Tensor | Iterable[wg.Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> wg.Tensor:
    """The norm of all tensors' elements together, as a 0-d tensor."""
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
    """
    grads = _grads(parameters)
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    with wg.no_grad():
        factor = (max_norm / (total + 1e-6)).clamp(max=1.0)
        for grad in grads:
            grad.mul_(factor)
    return total


def clip_grad_value_(
    parameters: wg.Tensor | Iterable[wg.Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Limits every element of the gradients, in place, to ``[-clip_value, clip_value]``."""
    clip_value = float(clip_value)
    with wg.no_grad():
        for grad in _grads(parameters):
            grad.clamp_(min=-clip_value, max=clip_value)
