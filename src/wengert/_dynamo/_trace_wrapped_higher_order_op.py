"""Indexing by 0-d tensors under `vmap`."""

from __future__ import annotations

from typing import Any

from wengert import Tensor, _ops
from wengert.overrides import TorchFunctionMode

__all__ = ["TransformGetItemToIndex"]


class TransformGetItemToIndex(TorchFunctionMode):
    """A block in which ``x[i, j]`` with 0-d tensors gathers, so that it works under `vmap`.

    >>> from wengert._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex
    >>> x = wg.arange(10)
    >>> with TransformGetItemToIndex():
    ...     wg.vmap(lambda i: x[i])(wg.tensor([1, 3]))
    tensor([1, 3])
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What the function gives; an index by tensors is the operator `index`."""
        if func == Tensor.__getitem__:
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            if all(isinstance(each, Tensor) and each.dim() == 0 for each in index):
                return _ops.index(args[0], list(index))
        return func(*args, **(kwargs or {}))
