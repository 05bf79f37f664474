"""Norms of vectors and matrices, and the products that only `wengert.linalg` has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from wengert import _ops
from wengert._autocast import in_low_precision

from ._common import describe, dtype_name, is_inexact, with_out, wrap_dim, wrap_dims
from .sequence import cross as _cross

if TYPE_CHECKING:
    from wengert import Tensor

__all__ = ("frobenius_norm", "nuclear_norm")

METHODS = ()

PROPERTIES = ()

FUNCTIONAL = ()


def _converted(name: str, tensor: Tensor, dtype: Any) -> Tensor:
    if dtype is not None:
        tensor = tensor.to(dtype)
    if not is_inexact(tensor):
        raise RuntimeError(
            f"linalg.{name}: Expected a floating point or complex tensor as input. Got "
            f"{dtype_name(tensor.dtype)}" + describe(input=tensor)
        )
    return tensor


@with_out
def vector_norm(
    x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """``sum(abs(x) ** ord) ** (1 / ord)`` over `dim`, or over all elements.

    ord: a number; inf and -inf give the greatest and the least modulus, 0 the number of elements
    that are not 0. dtype: converts x first. The gradient of a norm of zeros is 0.

    >>> wg.linalg.vector_norm(wg.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if isinstance(ord, str):
        raise TypeError("linalg.vector_norm(): argument 'ord' must be Number, not str")
    x = _converted("vector_norm", x, dtype)
    if x.numel() == 0 and (ord < 0 or ord == math.inf):
        dims = range(x.dim()) if dim is None else ([dim] if isinstance(dim, int) else dim)
        if dim is None or any(x.shape[d] == 0 for d in dims):
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because "
                "the operation does not have an identity" + describe(x=x)
            )
    return _ops._norm(x, ord, dim, keepdim)


@with_out
def matrix_norm(
    A: Tensor,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Tensor:
    """The norm of matrices, which lie in the two dimensions `dim`.

    ord: "fro" (root of the sum of squares), "nuc" (sum of the singular values), 2 or -2 (greatest
    or least singular value), 1 or -1 (greatest or least sum of moduli of a column), inf or -inf
    (of a row).

    >>> wg.linalg.matrix_norm(wg.tensor([[3.0, 0.0], [0.0, -4.0]]), ord=1)
    tensor(4.)
    """
    A = _converted("matrix_norm", A, dtype)
    if A.dim() < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions."
            + describe(A=A)
        )
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
    row, column = (wrap_dim("linalg.matrix_norm", d, A.dim()) for d in dim)
    if row == column:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return _ops._norm(A, 2, (row, column), keepdim)
    if ord in (1, -1, math.inf, -math.inf):
        added, chosen = (row, column) if abs(ord) == 1 else (column, row)
        sums = _ops.sum(_ops.abs(A), added, True)
        extreme = _ops.amax if ord > 0 else _ops.amin
        result = extreme(sums, chosen, True)
        return result if keepdim else _ops.squeeze(result, (row, column))
    if ord in ("nuc", 2, -2):
        others = [d for d in range(A.dim()) if d not in (row, column)]
        singular = _ops._linalg_svd(
            _ops.permute(A, [*others, row, column]), False, "linalg.matrix_norm"
        )[1]
        if ord == "nuc":
            result = _ops.sum(singular, -1)
        else:
            result = (_ops.amax if ord == 2 else _ops.amin)(singular, -1)
        for place in sorted((row, column)) if keepdim else ():
            result = _ops.unsqueeze(result, place)
        return result
    raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")


@with_out
def norm(
    input: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """`vector_norm`, or `matrix_norm` where `dim` has two dimensions or `ord` asks for it.

    Without `ord` and `dim`: the 2-norm of all elements. With `ord` alone the input must be a vector
    or a matrix.

    >>> wg.linalg.norm(wg.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5.)
    """
    dims = None if dim is None else ([dim] if isinstance(dim, int) else list(dim))
    if ord is None:
        return vector_norm(input, 2, dims, keepdim, dtype=dtype)
    if dims is None and input.dim() not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{input.dim()}D." + describe(input=input)
        )
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {dims}"
        )
    if isinstance(ord, str) or (len(dims) == 2 if dims is not None else input.dim() == 2):
        return matrix_norm(input, ord, (0, 1) if dims is None else dims, keepdim, dtype=dtype)
    return vector_norm(input, ord, dims, keepdim, dtype=dtype)


@with_out
def frobenius_norm(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """The root of the sum of the squared moduli over one or two dimensions, or over all if `dim`
    is empty. Older than `linalg.matrix_norm`."""
    dims = wrap_dims("frobenius_norm", dim, input.dim())
    if len(dims) > 2 and dim:
        raise RuntimeError(
            f"Expected at most 2 dimensions, but got {len(dims)} dimensions instead."
        )
    return _ops._norm(_converted("vector_norm", input, None), 2, dims, keepdim)


@with_out
def nuclear_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The sum of the singular values. Older than `linalg.matrix_norm`."""
    return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)


@with_out
@in_low_precision
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The sums of products ``conj(x) * y`` along `dim`, with broadcasting.

    >>> wg.linalg.vecdot(wg.ones(2, 3), wg.ones(3))
    tensor([3., 3.])
    """
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found {x.dtype} and "
            f"{y.dtype}" + describe(x=x, y=y)
        )
    return _ops.sum(_ops.mul(_ops.conj(x) if x.dtype.is_complex else x, y), dim)


@with_out
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The cross product of vectors of size 3 along `dim`.

    >>> wg.linalg.cross(wg.tensor([1.0, 0.0, 0.0]), wg.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    return _cross(input, other, dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonal of matrices, as a view.

    >>> wg.linalg.diagonal(wg.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return _ops.diagonal(A, offset, dim1, dim2)


@with_out
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The product of matrices: `wengert.matmul`.

    >>> wg.linalg.matmul(wg.ones(1, 2), wg.ones(2, 1))
    tensor([[2.]])
    """
    return _ops.matmul(input, other)


def vander(x: Tensor, N: int | None = None) -> Tensor:
    """The powers 0, 1, ... N - 1 of each element, in a new last dimension (N: the last size of x).

    >>> wg.linalg.vander(wg.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    if x.dim() == 0:
        raise RuntimeError("Expected dim(x) >= 1, but got a 0-d tensor" + describe(x=x))
    count = x.shape[-1] if N is None else N
    if N is not None and N <= 1:
        raise RuntimeError(f"N must be greater than 1, but got {N}.")
    column = _ops.unsqueeze(x, -1)
    factors = _ops.expand(column, (*x.shape, count - 1))
    return _ops.cat([_ops.ones_like(column), _ops.cumprod(factors, -1)], -1)
