"""Variable, which tensors that record were once wrapped in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert._C import Tensor, _at_end_of_run, empty

__all__ = ["Variable"]


class _VariableType(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)

    def __call__(cls, data: Tensor | None = None, requires_grad: bool = False) -> Any:
        if data is None:
            data = empty(0)
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        result = data.detach()
        return result.requires_grad_() if requires_grad else result


class _Engine:
    """What libraries reach for to hear of the end of a backward call."""

    @staticmethod
    def queue_callback(callback: Callable[[], None]) -> None:
        """`graph.queue_callback`, by its old name."""
        _at_end_of_run(callback)


class Variable(metaclass=_VariableType):
    """``Variable(data, requires_grad=False)`` gives the tensor over the same memory, without its
    history. Every tensor is an instance. Kept for old programs: tensors need no wrapping.

    >>> wg.autograd.Variable(wg.ones(1), requires_grad=True)
    tensor([1.], requires_grad=True)
    """

    _execution_engine = _Engine()
