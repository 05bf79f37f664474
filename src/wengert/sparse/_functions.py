"""Functions of sparse matrices."""

from __future__ import annotations

from typing import Any

import wengert as wg

from ._coo import SparseTensor

__all__ = ["addmm", "log_softmax", "mm", "softmax", "sum"]


def _must_be_sparse(operator: str, value: Any) -> SparseTensor:
    if not isinstance(value, SparseTensor):
        raise TypeError(
            f"{operator}(): expected a sparse tensor, but got {type(value).__name__}; "
            "Tensor.to_sparse() makes one"
        )
    return value


def mm(sparse: Any, dense: Any, reduce: str = "sum") -> Any:
    """The product of a sparse matrix and a dense one (or the other way round), which is dense.

    The product of two sparse matrices is sparse.

    >>> import wengert as wg
    >>> wg.sparse.mm(wg.eye(2).to_sparse(), wg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 2.],
            [3., 4.]])
    """
    if reduce != "sum":
        raise NotImplementedError("sparse.mm(): products are added up; reduce must be 'sum'")
    if isinstance(sparse, SparseTensor):
        product = sparse.matmul(dense)
        return product.to_sparse() if isinstance(dense, SparseTensor) else product
    return _must_be_sparse("sparse.mm", dense).__rmatmul__(sparse)


def addmm(mat: wg.Tensor, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> wg.Tensor:
    """``beta * mat + alpha * mm(mat1, mat2)``; ``mat1`` is sparse."""
    return beta * mat + alpha * _must_be_sparse("sparse.addmm", mat1).matmul(mat2)


def sum(input: Any, dim: Any = None, dtype: Any = None) -> Any:
    """The sum of all entries, or over dimensions; see :meth:`SparseTensor.sum`."""
    return _must_be_sparse("sparse.sum", input).sum(dim, dtype)


def softmax(input: Any, dim: int, *, dtype: Any = None) -> SparseTensor:
    """The softmax over the entries that are stored; the others count as minus infinity.

    >>> import wengert as wg
    >>> wg.sparse.softmax(wg.tensor([[0.0, 2.0, 2.0]]).to_sparse(), 1).to_dense()
    tensor([[0.0000, 0.5000, 0.5000]])
    """
    result = log_softmax(input, dim, dtype=dtype)
    return result._with(result._entries.exp())


def log_softmax(input: Any, dim: int, *, dtype: Any = None) -> SparseTensor:
    """The logarithm of :func:`softmax`."""
    new = _must_be_sparse("sparse.log_softmax", input).coalesce()
    if dtype is not None:
        new = new.to(dtype)
    dim %= new.dim()
    if dim >= new.sparse_dim():
        return new._with(new._entries.log_softmax(dim - new.sparse_dim() + 1))
    # Entries that agree in all other places are normalised together.
    others = [d for d in range(new.sparse_dim()) if d != dim]
    place = wg.zeros(new._nnz(), dtype=wg.int64)
    for d in others:
        place = place * new._size[d] + new._places[d]
    _, group = place.unique(return_inverse=True)
    entries = new._entries
    count = int(group.max()) + 1 if group.numel() else 0
    index = group.reshape(-1, *(1,) * new.dense_dim()).expand(entries.shape)
    start = wg.full((count, *entries.shape[1:]), float("-inf"), dtype=entries.dtype)
    most = start.scatter_reduce(0, index, entries.detach(), "amax")
    shifted = entries - most[group]
    total = wg.zeros_like(most).index_add(0, group, shifted.exp())
    return new._with(shifted - total.log()[group])
