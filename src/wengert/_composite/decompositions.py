"""Factorisations of matrices, solvers and functions of matrices: what `wengert.linalg` offers.

All work on the last two dimensions; the leading ones are a batch. Parameters have the names that
they have in PyTorch's `linalg`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from . import return_types
from ._common import describe, is_tensor, with_out, wrap_dim
from .matrix_norms import matrix_norm
from .shape import broadcast_shapes

if TYPE_CHECKING:
    from wengert import Tensor

__all__ = ()

METHODS = ()

PROPERTIES = ()

FUNCTIONAL = ()


def _hermitian_conjugate(matrix: Tensor) -> Tensor:
    turned = _ops.transpose(matrix, -2, -1)
    return _ops.conj(turned) if matrix.dtype.is_complex else turned


# ---- inverses and solvers -----------------------------------------------------------------------


@with_out
def inv(A: Tensor) -> Tensor:
    """The inverse of square matrices [..., n, n].

    Raises LinAlgError where a matrix is singular.

    >>> wg.linalg.inv(wg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return _ops._linalg_inv(A, "linalg.inv", True)[0]


@with_out
def inv_ex(A: Tensor, *, check_errors: bool = False) -> Any:
    """`inv`, and a number per matrix: 0, or which diagonal element of U is zero.

    >>> wg.linalg.inv_ex(wg.zeros(2, 2)).info
    tensor(1, dtype=wengert.int32)
    """
    return return_types.linalg_inv_ex(*_ops._linalg_inv(A, "linalg.inv", check_errors))


def _is_vector(A: Tensor, B: Tensor) -> bool:
    """Whether `B` holds vectors: one, or a batch that fits that of `A`."""
    return B.dim() == 1 or (A.dim() - 1 == B.dim() and tuple(A.shape[:-1]) == tuple(B.shape))


def _batched(A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the batch dimensions that they broadcast to."""
    if A.dim() < 2 or B.dim() < 2 or tuple(A.shape[:-2]) == tuple(B.shape[:-2]):
        return A, B
    batch = broadcast_shapes(A.shape[:-2], B.shape[:-2])
    return (_ops.expand(A, (*batch, *A.shape[-2:])), _ops.expand(B, (*batch, *B.shape[-2:])))


@with_out
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with ``A @ X = B``, or ``X @ A = B`` if not `left`, for square A [..., n, n].

    B: matrices [..., n, k], or vectors [..., n]. Raises LinAlgError where a matrix is singular.

    >>> wg.linalg.solve(wg.tensor([[2.0, 0.0], [0.0, 4.0]]), wg.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    return _solve(A, B, left, True)[0]


@with_out
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Any:
    """`solve`, and a number per matrix: 0, or which diagonal element of U is zero.

    >>> wg.linalg.solve_ex(wg.eye(2), wg.ones(2)).info
    tensor(0, dtype=wengert.int32)
    """
    return return_types.linalg_solve_ex(*_solve(A, B, left, check_errors))


def _solve(A: Tensor, B: Tensor, left: bool, check: bool) -> tuple[Tensor, Tensor]:
    if _is_vector(A, B):
        if not left:
            raise RuntimeError("linalg.solve: Vector broadcasting of the left hand side is not "
                               "supported for left=False" + describe(A=A, B=B))  # fmt: skip
        X, info = _ops._linalg_solve(*_batched(A, _ops.unsqueeze(B, -1)), "linalg.solve", check)
        return _ops.squeeze(X, -1), info
    if not left:
        X, info = _solve(_ops.transpose(A, -2, -1), _ops.transpose(B, -2, -1), True, check)
        return _ops.transpose(X, -2, -1), info
    return _ops._linalg_solve(*_batched(A, B), "linalg.solve", check)


@with_out
def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """X with ``A @ X = B`` (``X @ A = B`` if not `left`), reading one triangle of A only.

    unitriangular: the diagonal counts as ones. Zeros on the diagonal give inf or NaN.

    >>> wg.linalg.solve_triangular(wg.tensor([[1.0, 2.0], [0.0, 4.0]]), wg.ones(2, 1), upper=True)
    tensor([[0.5000],
            [0.2500]])
    """
    if not left:
        X = solve_triangular(
            _ops.transpose(A, -2, -1), _ops.transpose(B, -2, -1), upper=not upper,
            unitriangular=unitriangular,
        )  # fmt: skip
        return _ops.transpose(X, -2, -1)
    return _ops._linalg_solve_triangular(
        *_batched(A, B), upper, unitriangular, "linalg.solve_triangular"
    )


@with_out
def pinv(
    A: Tensor,
    rcond: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> Tensor:
    """The pseudo-inverse of Moore and Penrose, [..., n, m] for matrices [..., m, n].

    atol, rtol: singular values of at most ``max(atol, rtol * largest)`` count as zero; `rtol` is
    ``max(m, n) * eps`` where neither is given. rcond: an older name of `rtol`. hermitian: A is
    Hermitian, and its lower triangle is read.

    >>> wg.linalg.pinv(wg.tensor([[2.0, 0.0]]))
    tensor([[0.5000],
            [0.0000]])
    """
    rtol = rcond if rtol is None else rtol
    return _ops._linalg_pinv(A, _number(atol), _number(rtol), hermitian, "linalg.pinv")


def _number(value: Any) -> float | None:
    """A tolerance: a number, or a tensor of one element."""
    if value is None:
        return None
    if is_tensor(value) and value.numel() != 1:
        raise NotImplementedError(
            "linalg: a tolerance per matrix is not supported" + describe(tolerance=value)
        )
    return float(value)


def lstsq(A: Tensor, B: Tensor, rcond: Any = None, *, driver: str | None = None) -> Any:
    """X that makes ``A @ X - B`` smallest, the shortest of them where there are many.

    A: [..., m, n]; B: [..., m, k] or, as vectors, [..., m]. rcond: singular values of at most that
    times the largest count as zero (``max(m, n) * eps``). driver: a name that LAPACK has for an
    algorithm; all give the same here, and the rank is found by singular values in any case.
    Returns (solution, residuals, rank, singular_values).

    >>> A = wg.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> wg.linalg.lstsq(A, wg.tensor([[1.0], [3.0], [5.0]])).solution
    tensor([[1.0000],
            [2.0000]])
    """
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    vector = _is_vector(A, B)
    right = _ops.unsqueeze(B, -1) if vector else B
    m, n = A.shape[-2], A.shape[-1]
    rtol = max(m, n) * wengert.finfo(A.dtype).eps if rcond is None else _number(rcond)
    with wengert.no_grad():
        values = svdvals(A)
        largest = _ops.amax(values, -1, True) if min(m, n) else values
        rank = _ops.sum(_ops.gt(values, _ops.mul(largest, rtol)), -1)
    solution = _ops.matmul(_ops._linalg_pinv(A, None, rtol, False, "linalg.lstsq"), right)
    residuals = _ops.empty(0, dtype=values.dtype)
    if m > n and bool(_ops.all(_ops.eq(rank, n))):
        distance = _ops.abs(_ops.sub(_ops.matmul(A, solution), right))
        residuals = _ops.sum(_ops.square(distance), -2)
    if vector:
        solution = _ops.squeeze(solution, -1)
        residuals = _ops.squeeze(residuals, -1) if residuals.dim() > 1 else residuals
    if driver in ("gels", "gelsy", None):
        values = _ops.empty(0, dtype=values.dtype)
    return return_types.linalg_lstsq(solution, residuals, rank, values)


# ---- determinants -------------------------------------------------------------------------------


@with_out
def det(A: Tensor) -> Tensor:
    """The determinants of square matrices [..., n, n]. The gradient of singular ones is right, too.

    >>> wg.linalg.det(wg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.0000)
    """
    return _ops._linalg_det(A, "linalg.det")


@with_out
def slogdet(A: Tensor) -> Any:
    """The sign of the determinant (of modulus 1 if complex) and the logarithm of its modulus.

    A singular matrix has the sign 0 and the logarithm -inf.

    >>> wg.linalg.slogdet(wg.tensor([[-1.0, 0.0], [0.0, 1.0]])).sign
    tensor(-1.)
    """
    if A.dim() >= 2 and A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            "linalg.slogdet: A must be batches of square matrices, but they are "
            f"{A.shape[-2]} by {A.shape[-1]} matrices" + describe(A=A)
        )
    LU, pivots, _ = _ops._linalg_lu(A, "linalg.slogdet", False)
    diagonal = _ops.diagonal(LU, 0, -2, -1)
    swaps = _ops.ne(pivots, _ops.arange(1, A.shape[-1] + 1, dtype=pivots.dtype))
    turns = _ops.sub(1, _ops.mul(_ops.remainder(_ops.sum(swaps, -1), 2), 2))
    sign = _ops.mul(_ops.prod(_ops.sgn(diagonal), -1), turns)
    return return_types.linalg_slogdet(sign, _ops.sum(_ops.log(_ops.abs(diagonal)), -1))


# ---- factorisations -----------------------------------------------------------------------------


@with_out
def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """Lower triangular L with ``A = L @ L.mH``; its conjugate transpose if `upper`.

    A: Hermitian positive-definite matrices [..., n, n], of which the lower triangle is read (the
    upper one if `upper`). Raises LinAlgError where one is not positive-definite.

    >>> wg.linalg.cholesky(wg.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    return _cholesky(A, upper, True)[0]


@with_out
def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    """`cholesky`, and a number per matrix: 0, or which leading minor is not positive-definite.

    >>> wg.linalg.cholesky_ex(-wg.eye(2)).info
    tensor(1, dtype=wengert.int32)
    """
    return return_types.linalg_cholesky_ex(*_cholesky(A, upper, check_errors))


def _cholesky(A: Tensor, upper: bool, check: bool) -> tuple[Tensor, Tensor]:
    if upper and A.dim() >= 2:
        L, info = _ops._linalg_cholesky(_hermitian_conjugate(A), "linalg.cholesky", check)
        return _hermitian_conjugate(L), info
    return _ops._linalg_cholesky(A, "linalg.cholesky", check)


@with_out
def qr(A: Tensor, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and upper triangular R with ``A = Q @ R``.

    mode: "reduced" (Q is [..., m, k], R [..., k, n], k = min(m, n)), "complete" (Q is square) or
    "r" (Q is empty). A "complete" decomposition of more rows than columns has no derivative.

    >>> Q, R = wg.linalg.qr(wg.tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> wg.allclose(Q @ R, wg.tensor([[3.0, 1.0], [4.0, 2.0]]))
    True
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), "
            "'r', or 'complete'"
        )
    if A.dim() >= 2 and A.shape[-2] < A.shape[-1]:
        # Q and the left part of R come from the left columns alone.
        square = A.shape[-2]
        Q, left = _ops._linalg_qr(_ops.narrow(A, -1, 0, square), "linalg.qr")
        rest = _ops.narrow(A, -1, square, A.shape[-1] - square)
        R = _ops.cat([left, _ops.matmul(_hermitian_conjugate(Q), rest)], -1)
    elif mode == "complete" and A.dim() >= 2 and A.shape[-2] > A.shape[-1]:
        if A.requires_grad and wengert.is_grad_enabled():
            raise NotImplementedError(
                "The QR decomposition is not differentiable when mode='complete' and nrows > ncols"
            )
        Q, R = _ops._linalg_qr_complete(A, "linalg.qr")
    else:
        Q, R = _ops._linalg_qr(A, "linalg.qr")
    if mode == "r":
        Q = _ops.empty(0, dtype=A.dtype)
    return return_types.linalg_qr(Q, R)


@with_out
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """U, the descending singular values S, and V^H with ``A = U @ diag(S) @ Vh``.

    full_matrices: U and Vh are square, else they have min(m, n) columns and rows; only then is the
    result differentiable where m and n differ. Gradients in U and Vh are infinite where singular
    values are equal. driver: for CUDA only.

    >>> wg.linalg.svd(wg.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    _no_driver("svd", driver)
    full = full_matrices and A.dim() >= 2 and A.shape[-2] != A.shape[-1]
    return return_types.linalg_svd(*_ops._linalg_svd(A, full, "linalg.svd"))


@with_out
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values, descending, [..., min(m, n)]. Their gradient is stable.

    >>> wg.linalg.svdvals(wg.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    _no_driver("svdvals", driver)
    return _ops._linalg_svd(A, False, "linalg.svdvals")[1]


def _no_driver(name: str, driver: str | None) -> None:
    if driver is not None:
        raise RuntimeError(f"linalg.{name}: keyword argument `driver=` is only supported on CUDA")


@with_out
def eigh(A: Tensor, UPLO: str = "L") -> Any:
    """Ascending real eigenvalues and orthonormal eigenvectors (columns) of Hermitian matrices.

    UPLO: which triangle is read, "L" or "U". Gradients in the vectors are infinite where
    eigenvalues are equal.

    >>> wg.linalg.eigh(wg.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    return return_types.linalg_eigh(*_eigh(A, UPLO, "linalg.eigh"))


@with_out
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The ascending real eigenvalues of Hermitian matrices.

    >>> wg.linalg.eigvalsh(wg.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.])
    """
    return _eigh(A, UPLO, "linalg.eigvalsh")[0]


def _eigh(A: Tensor, UPLO: str, name: str) -> tuple[Tensor, Tensor]:
    if UPLO not in ("L", "U", "l", "u"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    if UPLO in ("U", "u") and A.dim() >= 2:
        A = _hermitian_conjugate(A)
    return _ops._linalg_eigh(A, name)


@with_out
def eig(A: Tensor) -> Any:
    """Complex eigenvalues, in no order, and eigenvectors of length 1 (columns).

    >>> wg.linalg.eig(wg.tensor([[0.0, 1.0], [-1.0, 0.0]])).eigenvalues
    tensor([0.+1.j, 0.-1.j])
    """
    return return_types.linalg_eig(*_ops._linalg_eig(A, "linalg.eig"))


@with_out
def eigvals(A: Tensor) -> Tensor:
    """The complex eigenvalues, in no order.

    >>> wg.linalg.eigvals(wg.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    tensor([0.+1.j, 0.-1.j])
    """
    return _ops._linalg_eig(A, "linalg.eigvals")[0]


def _with_pivots(name: str, pivot: bool) -> None:
    if not pivot:
        raise RuntimeError(f"linalg.{name}: LU without pivoting is not implemented on the CPU")


@with_out
def lu_factor(A: Tensor, *, pivot: bool = True) -> Any:
    """L (below the diagonal, which is ones) and U in one matrix, and the swaps of rows (from 1 on).

    >>> wg.linalg.lu_factor(wg.tensor([[1.0, 2.0], [2.0, 2.0]])).pivots
    tensor([2, 2], dtype=wengert.int32)
    """
    _with_pivots("lu_factor", pivot)
    return return_types.linalg_lu_factor(*_ops._linalg_lu(A, "linalg.lu_factor", True)[:2])


@with_out
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """`lu_factor`, and a number per matrix: 0, or which diagonal element of U is zero.

    >>> wg.linalg.lu_factor_ex(wg.zeros(2, 2)).info
    tensor(1, dtype=wengert.int32)
    """
    _with_pivots("lu_factor", pivot)
    factors = _ops._linalg_lu(A, "linalg.lu_factor", check_errors)
    return return_types.linalg_lu_factor_ex(*factors)


@with_out
def lu(A: Tensor, *, pivot: bool = True) -> Any:
    """P, L and U with ``A = P @ L @ U``: a permutation, ones on L's diagonal, upper triangular U.

    >>> wg.linalg.lu(wg.tensor([[1.0, 2.0], [2.0, 2.0]])).P
    tensor([[0., 1.],
            [1., 0.]])
    """
    _with_pivots("lu", pivot)
    LU, pivots, _ = _ops._linalg_lu(A, "linalg.lu", False)
    return return_types.linalg_lu(*_unpacked(LU, pivots))


def _permutation(pivots: Tensor, rows: int, dtype: Any) -> Tensor:
    order = _ops._lu_permutation(pivots, rows)
    places = _ops.arange(rows, device=pivots.device)
    return _ops.eq(_ops.unsqueeze(order, -2), _ops.unsqueeze(places, -1)).to(dtype)


def _unpacked(LU: Tensor, pivots: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    m, n = LU.shape[-2], LU.shape[-1]
    k = min(m, n)
    unit = _ops.eye(m, k, dtype=LU.dtype)
    L = _ops.add(_ops.tril(_ops.narrow(LU, -1, 0, k), -1), unit)
    return _permutation(pivots, m, LU.dtype), L, _ops.triu(_ops.narrow(LU, -2, 0, k))


@with_out
def lu_solve(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    """X with ``A @ X = B`` from `lu_factor` of A; ``X @ A = B`` if not `left`.

    adjoint: with ``A.mH`` in the place of A.

    >>> LU, pivots = wg.linalg.lu_factor(wg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    >>> wg.linalg.lu_solve(LU, pivots, wg.ones(2, 1))
    tensor([[0.5000],
            [0.2500]])
    """
    if not left:
        # X A = B is A^H X^H = B^H.
        X = lu_solve(LU, pivots, _hermitian_conjugate(B), adjoint=not adjoint)
        return _hermitian_conjugate(X)
    if LU.shape[-1] != LU.shape[-2]:
        raise RuntimeError(
            "linalg.lu_solve: A must be batches of square matrices, but they are "
            f"{LU.shape[-2]} by {LU.shape[-1]} matrices" + describe(LU=LU)
        )
    order = _ops._lu_permutation(pivots, LU.shape[-1])
    LU, B = _batched(LU, B)
    order = _ops.expand(_ops.unsqueeze(order, -1), B.shape)

    def solved(A: Tensor, right: Tensor, upper: bool, unit: bool) -> Tensor:
        return solve_triangular(A, right, upper=upper, unitriangular=unit)

    if not adjoint:
        Y = solved(LU, _ops.gather(B, -2, order), False, True)
        return solved(LU, Y, True, False)
    turned = _hermitian_conjugate(LU)
    Y = solved(turned, solved(turned, B, False, False), True, True)
    return _ops.scatter(_ops.zeros_like(Y), -2, order, Y)


@with_out
def householder_product(A: Tensor, tau: Tensor) -> Tensor:
    """The first n columns of the product of the reflectors ``I - tau[i] * v_i @ v_i.mH``.

    A: [..., m, n], v_i in column i from row i on (with 1 for what stands on the diagonal); tau:
    [..., k].

    >>> wg.linalg.householder_product(wg.zeros(2, 2), wg.tensor([2.0, 0.0]))
    tensor([[-1.,  0.],
            [ 0.,  1.]])
    """
    if A.dim() < 2:
        raise RuntimeError(
            "torch.linalg.householder_product: input must have at least 2 dimensions."
            + describe(A=A)
        )
    m, n = A.shape[-2], A.shape[-1]
    if m < n:
        raise RuntimeError(
            "torch.linalg.householder_product: input.shape[-2] must be greater than or equal to "
            "input.shape[-1]" + describe(A=A)
        )
    if tau.shape[-1] > n:
        raise RuntimeError(
            "torch.linalg.householder_product: input.shape[-1] must be greater than or equal to "
            "tau.shape[-1]" + describe(A=A, tau=tau)
        )
    result = _ops.expand(_ops.eye(m, n, dtype=A.dtype), A.shape)
    for i in range(tau.shape[-1] - 1, -1, -1):
        below = _ops.narrow(_ops.narrow(A, -1, i, 1), -2, i + 1, m - i - 1)
        one = _ops.ones((*A.shape[:-2], 1, 1), dtype=A.dtype)
        vector = _ops.cat([_ops.zeros((*A.shape[:-2], i, 1), dtype=A.dtype), one, below], -2)
        weight = _ops.unsqueeze(_ops.narrow(tau, -1, i, 1), -1)
        row = _ops.matmul(_hermitian_conjugate(vector), result)
        result = _ops.sub(result, _ops.mul(weight, _ops.mul(vector, row)))
    return result


# ---- functions of matrices ----------------------------------------------------------------------


@with_out
def matrix_exp(A: Tensor) -> Tensor:
    """The exponential of square matrices [..., n, n].

    Source: N. J. Higham, "The scaling and squaring method revisited" (2005).

    >>> wg.linalg.matrix_exp(wg.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    return _ops._linalg_matrix_exp(A, "linalg.matrix_exp")


@with_out
def matrix_rank(
    A: Tensor,
    tol: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> Tensor:
    """How many singular values are greater than ``max(atol, rtol * largest)``, as int64.

    rtol: ``max(m, n) * eps`` where no tolerance is given. tol: an older name of `atol`, without
    `rtol`. hermitian: A is Hermitian, and its lower triangle is read.

    >>> wg.linalg.matrix_rank(wg.ones(3, 3))
    tensor(1)
    """
    values = _ops.abs(eigvalsh(A)) if hermitian else svdvals(A)
    if tol is not None:
        atol, rtol = tol, 0.0
    if atol is None:
        atol = 0.0
        if rtol is None:
            rtol = max(A.shape[-2:]) * wengert.finfo(A.dtype).eps
    elif rtol is None:
        rtol = 0.0
    if values.shape[-1] == 0:
        return _ops.zeros(values.shape[:-1], dtype=wengert.int64)

    def column(tolerance: Any) -> Any:
        return _ops.unsqueeze(tolerance, -1) if is_tensor(tolerance) else tolerance

    limit = _ops.mul(_ops.amax(values, -1, True), column(rtol))
    return _ops.sum(_ops.gt(values, _ops.clamp_min(limit, column(atol))), -1)


@with_out
def cond(A: Tensor, p: Any = None) -> Tensor:
    """The condition number: the norm of A times that of its inverse.

    p: None or 2 (greatest by least singular value), -2 (the reverse), "fro", "nuc", inf, -inf, 1
    or -1, as in `matrix_norm`; these need square matrices. Singular ones give inf.

    >>> wg.linalg.cond(wg.tensor([[4.0, 0.0], [0.0, 2.0]]))
    tensor(2.)
    """
    if p is None or p in (2, -2):
        values = svdvals(A)
        if values.shape[-1] == 0:
            return _ops.zeros(values.shape[:-1], dtype=values.dtype)
        first, last = _ops.select(values, -1, 0), _ops.select(values, -1, -1)
        return _ops.div(last, first) if p == -2 else _ops.div(first, last)
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if A.dim() < 2 or A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"linalg.cond: A must be batches of square matrices for p={p}" + describe(A=A)
        )
    inverse, info = inv_ex(A)
    size = _ops.mul(matrix_norm(A, p), matrix_norm(inverse, p))
    return _ops.masked_fill(size, _ops.ne(info, 0), math.inf)


@with_out
def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of `tensordot` with A over its last ``A.dim() - ind`` dimensions.

    >>> wg.linalg.tensorinv(wg.eye(4).reshape(2, 2, 4), ind=2).shape
    wengert.Size([4, 2, 2])
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    first, last = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    rows = math.prod(first)
    if rows != math.prod(last):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {math.prod(last)} != {rows}" + describe(A=A)
        )
    return _ops.reshape(inv(_ops.reshape(A, (rows, rows))), (*last, *first))


@with_out
def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    """X with ``tensordot(A, X, X.dim()) = B``.

    dims: dimensions of A that are moved to its end first.

    >>> wg.linalg.tensorsolve(wg.eye(4).reshape(4, 2, 2), wg.ones(4)).shape
    wengert.Size([2, 2])
    """
    if dims is not None:
        moved = [wrap_dim("linalg.tensorsolve", dim, A.dim()) for dim in dims]
        A = _ops.permute(A, [dim for dim in range(A.dim()) if dim not in moved] + moved)
    sizes = tuple(A.shape[B.dim() :])
    columns = math.prod(sizes)
    if columns != math.prod(A.shape[: B.dim()]):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {columns} != {math.prod(A.shape[: B.dim()])}"
            + describe(A=A, B=B)
        )
    solution = solve(_ops.reshape(A, (columns, columns)), _ops.reshape(B, (-1,)))
    return _ops.reshape(solution, sizes)
