"""Tensors that a module registers when they are assigned to it."""

from __future__ import annotations

import wengert as wg

__all__ = ["Buffer", "Parameter"]


class Parameter(wg.Tensor):
    """A tensor that is learned: assigned to a :class:`Module`, it becomes one of its parameters.

    Args:
        data: the value; shares memory with the parameter. An empty tensor if left out.
        requires_grad: whether gradients are computed for it.
    """

    def __new__(cls, data: wg.Tensor | None = None, requires_grad: bool = True) -> Parameter:
        if data is None:
            data = wg.empty(0)
        return wg.Tensor._make_subclass(cls, data.detach(), requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(wg.Tensor):
    """A tensor that belongs to a module's state but is not learned, such as a running mean.

    Args:
        data: the value; shares memory with the buffer. An empty tensor if left out.
        persistent: whether the buffer is part of the module's ``state_dict``.
    """

    persistent: bool

    def __new__(cls, data: wg.Tensor | None = None, *, persistent: bool = True) -> Buffer:
        if data is None:
            data = wg.empty(0)
        result = wg.Tensor._make_subclass(cls, data.detach(), data.requires_grad)
        result.persistent = persistent
        return result
