"""Decompositions of matrices that are almost of low rank, by random projections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import wengert
from wengert import _ops

from ._common import describe

if TYPE_CHECKING:
    from wengert import Tensor

__all__ = ("norm_except_dim", "pca_lowrank", "svd_lowrank")

METHODS = ()

PROPERTIES = ()

FUNCTIONAL = ()


def _adjoint(matrix: Tensor) -> Tensor:
    turned = _ops.transpose(matrix, -2, -1)
    return _ops.conj(turned) if matrix.dtype.is_complex else turned


def _basis(A: Tensor, q: int, niter: int) -> Tensor:
    """Orthonormal columns that A's greatest singular vectors almost lie in."""
    Q = wengert.linalg.qr(A @ _ops.randn((A.shape[-1], q), dtype=A.dtype)).Q
    for _ in range(niter):
        Q = wengert.linalg.qr(_adjoint(A) @ Q).Q
        Q = wengert.linalg.qr(A @ Q).Q
    return Q


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """U, S, V with ``A - M`` almost ``U @ diag(S) @ V.mH``, of rank q.

    A: (..., m, n); M, if given, broadcasts with it. niter: steps of subspace iteration, which make
    it better where singular values fall slowly. Source: Halko, Martinsson and Tropp (2011),
    algorithms 4.4 and 5.1.

    >>> A = wg.outer(wg.tensor([1.0, 2.0]), wg.tensor([3.0, 4.0, 5.0]))
    >>> U, S, V = wg.svd_lowrank(A, q=1)
    >>> wg.allclose(U * S @ V.T, A)
    True
    """
    if A.dim() < 2:
        raise ValueError("svd_lowrank(): A must have at least 2 dimensions" + describe(A=A))
    q = 6 if q is None else q
    if not 0 <= q <= min(A.shape[-2:]):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)="
            f"{min(A.shape[-2:])}" + describe(A=A)
        )
    if M is not None:
        A = A - M
    wide = A.shape[-2] < A.shape[-1]
    tall = _adjoint(A) if wide else A
    Q = _basis(tall, q, 2 if niter is None else niter)
    U, S, Vh = wengert.linalg.svd(_adjoint(Q) @ tall, full_matrices=False)
    U, V = Q @ U, _adjoint(Vh)
    return (V, S, U) if wide else (U, S, V)


def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    """U, S, V of the q greatest principal components: the columns of V are their directions.

    A: (..., samples, features). q: at most 6 by default. center: subtracts the mean of each
    feature first. See `svd_lowrank`.

    >>> A = wg.tensor([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    >>> wg.pca_lowrank(A, q=1)[2].abs()
    tensor([[0.4472],
            [0.8944]])
    """
    q = min(6, *A.shape[-2:]) if q is None else q
    if not 0 <= q <= min(A.shape[-2:]):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)="
            f"{min(A.shape[-2:])}" + describe(A=A)
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if center:
        A = A - A.mean(-2, keepdim=True)
    return svd_lowrank(A, q, niter)


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm of order `pow` over all dimensions but `dim`, or over all if that is -1."""
    if dim == -1:
        return wengert.norm(v, pow)
    others = [d for d in range(v.dim()) if d != dim % v.dim()]
    return wengert.norm(v, pow, others, keepdim=True) if others else v.abs()
