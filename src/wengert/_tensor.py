"""Methods of Tensor that are better said in Python."""

from __future__ import annotations

from wengert._C import Tensor, _run_backward


def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    _run_backward([self], [gradient], list(inputs or []), bool(retain_graph or create_graph), create_graph, True)


def __repr__(self):
    from wengert import _tensor_str
    return _tensor_str.tensor_repr(self)


Tensor.backward = backward
