"""The recorded graph: its nodes, and `wengert.autograd.graph(loss)`, which shows it."""

from __future__ import annotations

import sys
import types
from typing import Any

from wengert._C import Node

from ._drawing import Drawing
from ._hooks import (
    GradientEdge,
    GradientObserver,
    RunningBackward,
    SavedTensor,
    allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks,
    get_gradient_edge,
    increment_version,
    queue_callback,
    register_multi_grad_hook,
    running_backward,
    save_on_cpu,
    saved_tensors_hooks,
)

__all__ = [
    "Drawing",
    "GradientEdge",
    "GradientObserver",
    "Node",
    "RunningBackward",
    "SavedTensor",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "queue_callback",
    "register_multi_grad_hook",
    "running_backward",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class _GraphModule(types.ModuleType):
    """A module that can be called, for ``autograd.graph`` is both in PyTorch's vocabulary."""

    def __call__(self, outputs: Any, *, fold: bool | int = False) -> Drawing:
        """The operations behind ``outputs``, to print or to draw.

        ``outputs`` is a tensor or any nest of dictionaries, lists and tuples of tensors. With
        ``fold`` the operations of a module are one vertex; a number says how deep modules are
        shown (``True`` is 1: the children of the outermost module). Raises RuntimeError where
        nothing was recorded, and says why.

        >>> x = wg.ones(2, requires_grad=True)
        >>> loss = (x.exp() * 3).sum()
        >>> drawing = wg.autograd.graph(loss)
        >>> [vertex.name for vertex in drawing.vertices]
        ['x', 'exp', 'mul', 'sum']
        >>> drawing
        <graph of 3 operations, 1 leaf, 8 B saved>
        """
        return Drawing(outputs, fold)


sys.modules[__name__].__class__ = _GraphModule
