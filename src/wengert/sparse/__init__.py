"""Matrices of which only the non-zero entries are stored: their places and their values.

A :class:`SparseTensor` in coordinate format, made by :func:`wengert.sparse_coo_tensor` or
``Tensor.to_sparse()``, is no Tensor. It has the methods of PyTorch's that graph networks need, with
derivatives in the values and in the dense operands; everything else wants ``to_dense()``.
Compressed formats (CSR and others) are not there. Gradients are dense, those of
``nn.Embedding(sparse=True)``, too.

>>> import wengert as wg
>>> adjacency = wg.sparse_coo_tensor([[0, 1, 1], [1, 0, 2]], [1.0, 2.0, 3.0], (2, 3))
>>> adjacency @ wg.tensor([[1.0], [10.0], [100.0]])
tensor([[ 10.],
        [302.]])
"""

import sys
from typing import TYPE_CHECKING

from wengert import _missing

from ._coo import SparseTensor
from ._functions import addmm, log_softmax, mm, softmax, sum
from ._legacy import DoubleTensor, FloatTensor, IntTensor, LongTensor

__all__ = [
    "DoubleTensor",
    "FloatTensor",
    "IntTensor",
    "LongTensor",
    "SparseTensor",
    "addmm",
    "log_softmax",
    "mm",
    "softmax",
    "sum",
]

if not TYPE_CHECKING:

    def __getattr__(name):
        _missing.raise_missing(sys.modules[__name__], name)
