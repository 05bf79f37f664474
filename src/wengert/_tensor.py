"""Methods of Tensor that are better said in Python, and the attachment of all of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from wengert import _composite, _interop, _ops, _tensor_str, autograd
from wengert._C import (
    Tensor,
    _add_accumulated_hook,
    _add_hook,
    _RemovableHandle,
    _retain_grad,
)

METHODS = ("backward", "register_hook", "register_post_accumulate_grad_hook", "requires_grad_",
           "retain_grad", "__repr__", "__iter__")  # fmt: skip


def backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Adds the gradients of this tensor to ``.grad`` of the leaves. See ``autograd.backward``.

    >>> x = wg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """
    autograd.backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> _RemovableHandle:
    """Calls ``hook(gradient)`` when the gradient of this tensor is known; a tensor that it returns
    takes the gradient's place. The handle's ``remove()`` undoes it.

    Hooks run in the order in which they were registered, before ``.grad`` is added to. Raises
    RuntimeError if the tensor needs no gradient, or if a hook changes the shape or the dtype.

    >>> x = wg.ones(1, requires_grad=True)
    >>> handle = x.register_hook(lambda g: g * 10)
    >>> x.sum().backward()
    >>> x.grad
    tensor([10.])
    """
    return _add_hook(self, hook)


def register_post_accumulate_grad_hook(
    self: Tensor, hook: Callable[[Tensor], None]
) -> _RemovableHandle:
    """Calls ``hook(tensor)`` after a gradient was added to ``.grad`` of this leaf.

    Raises RuntimeError on other tensors.

    >>> x = wg.ones(1, requires_grad=True)
    >>> handle = x.register_post_accumulate_grad_hook(lambda x: print(x.grad))
    >>> (x * 3).sum().backward()
    tensor([3.])
    """
    return _add_accumulated_hook(self, hook)


def retain_grad(self: Tensor) -> None:
    """Keeps the gradient of this non-leaf tensor in ``.grad``, too.

    >>> x = wg.ones(1, requires_grad=True)
    >>> y = x * 2
    >>> y.retain_grad()
    >>> (y * y).sum().backward()
    >>> y.grad
    tensor([4.])
    """
    _retain_grad(self)


def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Says whether a gradient is wanted for this leaf; returns it.

    Raises RuntimeError for False on a tensor that has a history.

    >>> wg.zeros(2).requires_grad_().requires_grad
    True
    """
    if not requires_grad or self.is_leaf:
        self.requires_grad = requires_grad
    return self


def __repr__(self: Tensor) -> str:
    return _tensor_str.tensor_repr(self)


def __iter__(self: Tensor) -> Any:
    if self.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(_ops.unbind(self, 0))


def attach() -> None:
    """Gives Tensor its Python methods: composite operators first, then those of this module."""
    for module in (*_composite.MODULES, _interop):
        for name in getattr(module, "METHODS", ()):
            setattr(Tensor, name, _composite.method_body(module, name))
        for name in getattr(module, "PROPERTIES", ()):
            setter = getattr(module, "SETTERS", {}).get(name)
            given = (getattr(module, name), getattr(module, setter) if setter else None)
            setattr(Tensor, name, property(*given))
        offered = (getattr(module, "__all__", ()), getattr(module, "FUNCTIONAL", ()))
        for name in itertools.chain.from_iterable(offered):
            if not hasattr(_ops, name):  # composites call the native operator by its name
                setattr(_ops, name, getattr(module, name))
    for name in METHODS:
        setattr(Tensor, name, globals()[name])
