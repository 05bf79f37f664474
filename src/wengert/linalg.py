"""Linear algebra: factorisations, solvers, norms and functions of matrices.

Names and signatures are those of PyTorch's `linalg`. LAPACK, which comes with OpenBLAS, does the
work; dtypes are float32, float64, complex64 and complex128. Where the algorithm finds no answer,
`LinAlgError` is raised.
"""

from __future__ import annotations

from wengert._C import _LinAlgError as LinAlgError
from wengert._composite.decompositions import (
    cholesky,
    cholesky_ex,
    cond,
    det,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    householder_product,
    inv,
    inv_ex,
    lstsq,
    lu,
    lu_factor,
    lu_factor_ex,
    lu_solve,
    matrix_exp,
    matrix_rank,
    pinv,
    qr,
    slogdet,
    solve,
    solve_ex,
    solve_triangular,
    svd,
    svdvals,
    tensorinv,
    tensorsolve,
)
from wengert._composite.linalg import matrix_power, multi_dot
from wengert._composite.matrix_norms import (
    cross,
    diagonal,
    matmul,
    matrix_norm,
    norm,
    vander,
    vecdot,
    vector_norm,
)

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh",
    "eigvals", "eigvalsh", "householder_product", "inv", "inv_ex", "lstsq", "lu", "lu_factor",
    "lu_factor_ex", "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power",
    "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "solve_ex",
    "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot",
    "vector_norm",
]  # fmt: skip
