"""Tensors that a module registers when they are assigned to it."""

from __future__ import annotations

from typing import Any

import wengert as wg

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]


class Parameter(wg.Tensor):
    """A tensor that is learned: assigned to a :class:`Module`, it becomes one of its parameters.

    Args:
        data: the value; shares memory with the parameter. An empty tensor if left out.
        requires_grad: whether gradients are computed for it.
    """

    # What is computed of parameters is no parameter.
    __torch_function__ = wg.overrides._disabled_torch_function_impl

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
    __torch_function__ = wg.overrides._disabled_torch_function_impl

    def __new__(cls, data: wg.Tensor | None = None, *, persistent: bool = True) -> Buffer:
        if data is None:
            data = wg.empty(0)
        result = wg.Tensor._make_subclass(cls, data.detach(), data.requires_grad)
        result.persistent = persistent
        return result


_NO_SHAPE = (
    "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
    "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. "
    "Call `forward` to initialize the parameters before accessing their attributes."
)
_NO_VALUE = (
    "Attempted to use an uninitialized parameter in {}. This error happens when you are using a "
    "`LazyModule` or explicitly manipulating `wengert.nn.parameter.{}` objects. When using "
    "LazyModules Call `forward` with a dummy batch to initialize the parameters before calling "
    "this method"
)


class UninitializedTensorMixin:
    """What a parameter or buffer without a shape can do: move, change dtype, materialize."""

    _becomes: type = wg.Tensor

    def materialize(self, shape: Any, device: Any = None, dtype: wg.dtype | None = None) -> None:
        """Gets this shape, and arbitrary values; from now on an ordinary parameter or buffer."""
        this: Any = self
        data = wg.empty(shape, device=device or this.device, dtype=dtype or this.dtype)
        this.__class__ = self._becomes
        this.data = data

    def _no_value(self, what: str) -> RuntimeError:
        return RuntimeError(_NO_VALUE.format(what, type(self).__name__))

    def size(self, *args: Any) -> Any:
        """Raises RuntimeError: there is no shape."""
        raise RuntimeError(_NO_SHAPE)

    def numel(self) -> int:
        """Raises RuntimeError: there are no elements."""
        raise RuntimeError(_NO_SHAPE)

    def share_memory_(self) -> Any:
        """Raises RuntimeError: there is no memory."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __add__(self, other: Any) -> Any:
        raise self._no_value("'__add__'")

    def __mul__(self, other: Any) -> Any:
        raise self._no_value("'__mul__'")

    def __matmul__(self, other: Any) -> Any:
        raise self._no_value("'__matmul__'")

    def __len__(self) -> int:
        raise RuntimeError(_NO_SHAPE)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        this: Any = self
        result = type(self)(this.requires_grad, this.device, this.dtype)  # type: ignore[call-arg]
        memo[id(self)] = result
        return result

    def __reduce_ex__(self, protocol: Any) -> Any:
        this: Any = self
        return type(self), (this.requires_grad, None, this.dtype)


def _shape(self: Any) -> Any:
    raise RuntimeError(_NO_SHAPE)


# Not in the class's body: a tensor's own attribute counts as writable for a type checker.
setattr(UninitializedTensorMixin, "shape", property(_shape))  # noqa: B010


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet; `materialize` gives it one.

    >>> import wengert as wg
    >>> p = wg.nn.UninitializedParameter()
    >>> p.materialize((2, 3))
    >>> p.shape, type(p).__name__
    (wengert.Size([2, 3]), 'Parameter')
    """

    _becomes = Parameter

    def __new__(
        cls, requires_grad: bool = True, device: Any = None, dtype: wg.dtype | None = None
    ) -> UninitializedParameter:
        data = wg.empty(0, device=device, dtype=dtype)
        return wg.Tensor._make_subclass(cls, data, requires_grad)


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer whose shape is not known yet; `materialize` gives it one."""

    _becomes = Buffer

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: wg.dtype | None = None,
        persistent: bool = True,
    ) -> UninitializedBuffer:
        data = wg.empty(0, device=device, dtype=dtype)
        result = wg.Tensor._make_subclass(cls, data, requires_grad)
        result.persistent = persistent
        return result


def is_lazy(param: Any) -> bool:
    """Whether ``param`` is a parameter or buffer that has no shape yet."""
    return isinstance(param, UninitializedTensorMixin)
