"""The flat names of sparse tensors, which live in `wengert.sparse`; imported when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._common import describe

if TYPE_CHECKING:
    from wengert import Tensor
    from wengert.sparse import SparseTensor

__all__ = ("dsmm", "hspmm", "smm", "sparse_coo", "sparse_coo_tensor", "spmm")

METHODS = ("coalesce", "indices", "is_coalesced", "to_sparse", "to_sparse_coo", "values")

PROPERTIES = ()

FUNCTIONAL = ()


class _Layout:
    """The layout of sparse tensors in coordinate format."""

    def __repr__(self) -> str:
        return "wengert.sparse_coo"


sparse_coo = _Layout()


def sparse_coo_tensor(
    indices: Any,
    values: Any = None,
    size: Any = None,
    *,
    dtype: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> SparseTensor:
    """A sparse tensor in coordinate format: zero but for the entries that are given.

    Args:
        indices: [sparse_dim, nnz] whole numbers, the place of each entry. Always checked.
        values: [nnz, ...], the entries; those of one place count as their sum.
        size: the shape; the least that holds the entries, if not given.
        requires_grad: the entries get a gradient.
        check_invariants: accepted; indices are always checked.
        is_coalesced: the places are sorted, and each is there once.

    >>> wg.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    from wengert.sparse._coo import make

    result = make(
        indices,
        values,
        size,
        dtype=dtype,
        requires_grad=requires_grad,
        is_coalesced=is_coalesced,
    )
    return result if device is None else result.to(device)


def spmm(input: Any, mat2: Any) -> Any:
    """The product of a sparse matrix and a dense one: `sparse.mm`.

    >>> wg.spmm(wg.eye(2).to_sparse(), wg.tensor([[1.0], [2.0]])).tolist()
    [[1.0], [2.0]]
    """
    from wengert import sparse

    return sparse.mm(input, mat2)


def dsmm(input: Any, mat2: Any) -> Any:
    """`sparse.mm` under an older name."""
    return spmm(input, mat2)


def smm(input: Any, mat2: Any) -> Any:
    """The product of a sparse matrix and a dense one, as a sparse matrix."""
    product = spmm(input, mat2)
    return product.to_sparse()


def hspmm(mat1: Any, mat2: Any) -> Any:
    """The product of a sparse matrix and a dense one, as a matrix whose rows are sparse."""
    return spmm(mat1, mat2).to_sparse(1)


def to_sparse(
    input: Tensor, sparse_dim: int | None = None, *, layout: Any = None, blocksize: Any = None,
    dense_dim: int | None = None,
) -> SparseTensor:  # fmt: skip
    """The entries that are not zero, as a sparse tensor in coordinate format.

    sparse_dim: so many dimensions make a place; the others are stored in full.
    """
    from wengert.sparse._coo import of_dense

    if blocksize is not None or (layout is not None and layout is not sparse_coo):
        raise NotImplementedError(
            "to_sparse(): the coordinate format is the only one that is there"
            + describe(input=input)
        )
    if dense_dim is not None:
        sparse_dim = input.dim() - dense_dim
    return of_dense(input, sparse_dim)


def to_sparse_coo(input: Tensor) -> SparseTensor:
    """The entries that are not zero, as a sparse tensor in coordinate format."""
    return to_sparse(input)


def _strided(name: str, input: Tensor, kind: str = "coordinate ") -> Any:
    raise RuntimeError(
        f"{name} expected sparse {kind}tensor layout but got Strided" + describe(input=input)
    )


def coalesce(input: Tensor) -> Any:
    """Raises RuntimeError: a method of sparse tensors."""
    return _strided("coalesce", input)


def is_coalesced(input: Tensor) -> Any:
    """Raises RuntimeError: a method of sparse tensors."""
    return _strided("is_coalesced", input)


def indices(input: Tensor) -> Any:
    """Raises RuntimeError: a method of sparse tensors."""
    return _strided("indices", input)


def values(input: Tensor) -> Any:
    """Raises RuntimeError: a method of sparse tensors."""
    return _strided("values", input, "")
