"""Linear algebra under the names that it has outside of `wengert.linalg`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from . import decompositions, return_types
from ._common import describe, with_out
from .decompositions import _hermitian_conjugate, _permutation, _unpacked

if TYPE_CHECKING:
    from wengert import Tensor

__all__ = (
    "cholesky", "cholesky_inverse", "cholesky_solve", "det", "geqrf", "inverse", "logdet", "lu",
    "lu_solve", "lu_unpack", "matrix_exp", "orgqr", "ormqr", "pinverse", "qr", "slogdet", "svd",
    "triangular_solve",
)  # fmt: skip

METHODS = (
    "cholesky", "cholesky_inverse", "cholesky_solve", "det", "geqrf", "inverse", "logdet", "lu",
    "lu_solve", "matrix_exp", "orgqr", "ormqr", "pinverse", "qr", "slogdet", "svd",
    "triangular_solve",
)  # fmt: skip

PROPERTIES = ()

FUNCTIONAL = ()


@with_out
def inverse(input: Tensor) -> Tensor:
    """`linalg.inv`.

    >>> wg.inverse(wg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return decompositions.inv(input)


@with_out
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """`linalg.pinv`; singular values of at most `rcond` times the largest count as zero.

    >>> wg.pinverse(wg.tensor([[2.0, 0.0]]))
    tensor([[0.5000],
            [0.0000]])
    """
    return decompositions.pinv(input, rcond)


def det(input: Tensor) -> Tensor:
    """`linalg.det`.

    >>> wg.det(wg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.0000)
    """
    return decompositions.det(input)


@with_out
def slogdet(input: Tensor) -> Any:
    """`linalg.slogdet`.

    >>> wg.slogdet(wg.eye(2)).logabsdet
    tensor(0.)
    """
    return return_types.slogdet(*decompositions.slogdet(input))


def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant: -inf if it is 0, NaN if it is negative.

    >>> wg.logdet(wg.eye(2))
    tensor(0.)
    """
    sign, logarithm = decompositions.slogdet(input)
    if input.dtype.is_complex:
        return _ops.add(_ops.log(sign), logarithm)
    return _ops.where(_ops.lt(sign, 0), float("nan"), logarithm)


def matrix_exp(input: Tensor) -> Tensor:
    """`linalg.matrix_exp`.

    >>> wg.matrix_exp(wg.zeros(1, 1))
    tensor([[1.]])
    """
    return decompositions.matrix_exp(input)


@with_out
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """`linalg.cholesky`.

    >>> wg.cholesky(wg.tensor([[4.0]]))
    tensor([[2.]])
    """
    return decompositions.cholesky(input, upper=upper)


@with_out
def cholesky_solve(input: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """X with ``A @ X = input``, where L is the Cholesky factor of A (upper triangular if `upper`).

    >>> wg.cholesky_solve(wg.tensor([[8.0]]), wg.tensor([[2.0]]))
    tensor([[2.]])
    """
    first, second = (_hermitian_conjugate(L), L) if upper else (L, _hermitian_conjugate(L))
    half = decompositions.solve_triangular(first, input, upper=False)
    return decompositions.solve_triangular(second, half, upper=True)


@with_out
def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """The inverse of the matrix of which `input` is the Cholesky factor.

    >>> wg.cholesky_inverse(wg.tensor([[2.0]]))
    tensor([[0.2500]])
    """
    if input.dim() < 2 or input.shape[-1] != input.shape[-2]:
        raise RuntimeError(
            "cholesky_inverse: A must be batches of square matrices, but they are "
            f"{list(input.shape)}" + describe(input=input)
        )
    unit = _ops.expand(_ops.eye(input.shape[-1], dtype=input.dtype), input.shape)
    return cholesky_solve(unit, input, upper)


@with_out
def qr(input: Tensor, some: bool = True) -> Any:
    """`linalg.qr`; with square Q if not `some`.

    >>> wg.qr(wg.eye(2)).R.abs()
    tensor([[1., 0.],
            [0., 1.]])
    """
    return return_types.qr(*decompositions.qr(input, "reduced" if some else "complete"))


@with_out
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """U, S and V (not V^H: see `linalg.svd`) with ``input = U @ diag(S) @ V.mH``.

    some: U and V have min(m, n) columns. compute_uv: if false, U and V are zeros.

    >>> wg.svd(wg.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    if not compute_uv:
        m, n, batch = input.shape[-2], input.shape[-1], tuple(input.shape[:-2])
        U, V = (_ops.zeros((*batch, size, size), dtype=input.dtype) for size in (m, n))
        return return_types.svd(U, decompositions.svdvals(input), V)
    U, S, Vh = decompositions.svd(input, not some)
    return return_types.svd(U, S, _hermitian_conjugate(Vh))


@with_out
def geqrf(input: Tensor) -> Any:
    """Householder reflectors below R, and their factors: what `orgqr` and `ormqr` take.

    Without derivative: `linalg.qr` has one.

    >>> wg.geqrf(wg.tensor([[3.0], [4.0]])).a[0].abs()
    tensor([5.])
    """
    return return_types.geqrf(*_ops._geqrf(input))


@with_out
def orgqr(input: Tensor, tau: Tensor) -> Tensor:
    """`linalg.householder_product`.

    >>> wg.orgqr(*wg.geqrf(wg.eye(2))).abs()
    tensor([[1., 0.],
            [0., 1.]])
    """
    return decompositions.householder_product(input, tau)


@with_out
def ormqr(
    input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False
) -> Tensor:
    """`other` times the square Q of the reflectors `input`, `tau`: ``Q @ other``.

    left: if false, ``other @ Q``. transpose: Q's conjugate transpose.

    >>> wg.ormqr(*wg.geqrf(wg.eye(2)), wg.ones(2, 1)).abs()
    tensor([[1.],
            [1.]])
    """
    m, k = input.shape[-2], tau.shape[-1]
    if k < m:
        rest = _ops.zeros((*input.shape[:-1], m - input.shape[-1]), dtype=input.dtype)
        input = _ops.cat([input, rest], -1)
    Q = decompositions.householder_product(input, tau)
    if transpose:
        Q = _hermitian_conjugate(Q)
    return _ops.matmul(Q, other) if left else _ops.matmul(other, Q)


@with_out
def lu(input: Tensor, *, pivot: bool = True, get_infos: bool = False) -> Any:
    """`linalg.lu_factor`; with a number per matrix as well if `get_infos`.

    >>> wg.lu(wg.tensor([[1.0, 2.0], [2.0, 2.0]]))[1]
    tensor([2, 2], dtype=wengert.int32)
    """
    LU, pivots, info = decompositions.lu_factor_ex(input, pivot=pivot, check_errors=not get_infos)
    return (LU, pivots, info) if get_infos else (LU, pivots)


@with_out
def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> Any:
    """P, L and U from what `linalg.lu_factor` gives. What is not asked for is empty.

    >>> wg.lu_unpack(*wg.linalg.lu_factor(wg.tensor([[1.0, 2.0], [2.0, 2.0]]))).P
    tensor([[0., 1.],
            [1., 0.]])
    """
    if LU_pivots.dtype != wengert.int32:
        raise RuntimeError(
            "torch.int32 dtype expected for LU_pivots. Note: this function is intended to be used "
            "with the output produced by torch.linalg.lu_factor" + describe(LU_pivots=LU_pivots)
        )
    empty = _ops.empty(0, dtype=LU_data.dtype)
    if not unpack_data:
        P = _permutation(LU_pivots, LU_data.shape[-2], LU_data.dtype) if unpack_pivots else empty
        return return_types.lu_unpack(P, empty, empty)
    P, L, U = _unpacked(LU_data, LU_pivots)
    return return_types.lu_unpack(P if unpack_pivots else empty, L, U)


@with_out
def lu_solve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """X with ``A @ X = input`` from `linalg.lu_factor` of A.

    >>> wg.lu_solve(wg.ones(1, 1), *wg.linalg.lu_factor(wg.tensor([[4.0]])))
    tensor([[0.2500]])
    """
    return decompositions.lu_solve(LU_data, LU_pivots, input)


@with_out
def triangular_solve(
    input: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> Any:
    """X with ``A @ X = input`` for triangular A, and A: older than `linalg.solve_triangular`.

    >>> wg.triangular_solve(wg.ones(1, 1), wg.tensor([[4.0]])).solution
    tensor([[0.2500]])
    """
    matrix, is_upper = (_ops.transpose(A, -2, -1), not upper) if transpose else (A, upper)
    solution = decompositions.solve_triangular(
        matrix, input, upper=is_upper, unitriangular=unitriangular
    )
    return return_types.triangular_solve(solution, _ops.clone(A))
