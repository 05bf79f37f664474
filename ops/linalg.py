"""Factorisations and solvers over the last two dimensions: what LAPACK does, and its derivatives.

This file is parsed by tools/opgen and never imported. `name` is what error messages call the
operator; `check` makes a failure an error (LinAlgError), else it is reported in the last output.
The public names are composites: see src/wengert/_composite/decompositions.py.
"""

from opgen.stubs import Tensor, opaque


@opaque(autocast="high", d={"input": "_lu_gradient(g0, y0, y1)"}, public="",
        samples=[{"input": "randn(3, 3)", "name": "lu", "check": True},
                 {"input": "randn(2, 4, 3)", "name": "lu", "check": True},
                 {"input": "crandn(2, 3, 4)", "name": "lu", "check": True},
                 {"input": "randn(2, 0, 3)", "name": "lu", "check": True}])
def _linalg_lu(input: Tensor, name: str, check: bool) -> tuple[Tensor, Tensor, Tensor]:
    """L below U in one matrix, the swaps of rows (from 1 on), and LAPACK's verdict.

    Gradient: F. de Hoog et al., "Differentiation of matrix functionals using triangular
    factorization" (2011).
    """


@opaque(public="", samples=[{"pivots": "np.array([[2, 2, 3]], dtype=np.int32)", "rows": 3}])
def _lu_permutation(pivots: Tensor, rows: int) -> Tensor:
    """The order of rows that swaps of rows lead to, [..., rows]: (L U)[i] is A[order[i]]."""


@opaque(node="LinalgSolveEx", autocast="high", d={"input, other": "_solve_gradient(g0, input, y0)"}, public="",
        samples=[{"input": "spd(3, 3)", "other": "randn(3, 2)", "name": "solve", "check": True},
                 {"input": "randn(2, 3, 3)", "other": "randn(2, 3, 1)", "name": "solve",
                  "check": True},
                 {"input": "crandn(2, 3, 3)", "other": "crandn(2, 3, 2)", "name": "solve",
                  "check": True},
                 {"input": "randn(2, 0, 0)", "other": "randn(2, 0, 4)", "name": "solve",
                  "check": True}])
def _linalg_solve(input: Tensor, other: Tensor, name: str, check: bool) -> tuple[Tensor, Tensor]:
    """X with ``input @ X = other`` and LAPACK's verdict, for equal batches of square matrices."""


@opaque(node="LinalgInvEx", autocast="high", d={"input": "neg(_matmul(_matmul(y0, g0, 3, 0), y0, 0, 3))"}, public="",
        samples=[{"input": "randn(3, 3)", "name": "inv", "check": True},
                 {"input": "crandn(2, 3, 3)", "name": "inv", "check": True},
                 {"input": "randn(2, 0, 0)", "name": "inv", "check": True}], jvp={"input": "neg(_matmul(_matmul(y0, t), y0))"})
def _linalg_inv(input: Tensor, name: str, check: bool) -> tuple[Tensor, Tensor]:
    """The inverse and LAPACK's verdict."""


@opaque(autocast="high", d={"input": "_determinant_gradient(g, input, y)"}, public="", ref="lambda input, name: np.linalg.det(input)",
        samples=[{"input": "randn(3, 3)", "name": "det"}, {"input": "crandn(2, 3, 3)", "name": "det"},
                 {"input": "np.outer(np.arange(1.0, 4), [1.0, 2, 4]) + np.diag([0, 1.0, 0])",
                  "name": "det"},
                 {"input": "randn(2, 0, 0)", "name": "det"}])
def _linalg_det(input: Tensor, name: str) -> Tensor:
    """The determinant. The gradient is right for singular matrices, too."""


@opaque(autocast="high", d={"input, other": "_solve_triangular_gradient(g, input, y, upper, unitriangular)"},
        public="",
        samples=[{"input": "randn(3, 3) + 3 * eye(3)", "other": "randn(3, 2)", "upper": True,
                  "unitriangular": False, "name": "solve_triangular"},
                 {"input": "randn(2, 3, 3)", "other": "randn(2, 3, 2)", "upper": False,
                  "unitriangular": True, "name": "solve_triangular"},
                 {"input": "crandn(2, 3, 3) + 3 * eye(3)", "other": "crandn(2, 3, 2)",
                  "upper": False, "unitriangular": False, "name": "solve_triangular"}])
def _linalg_solve_triangular(input: Tensor, other: Tensor, upper: bool, unitriangular: bool,
                             name: str) -> Tensor:
    """X with ``input @ X = other``, where only one triangle of ``input`` is read."""


@opaque(node="LinalgCholeskyEx", autocast="high", d={"input": "_cholesky_gradient(g0, y0)"}, public="",
        samples=[{"input": "spd(3, 3)", "name": "cholesky", "check": True},
                 {"input": "spd(2, 3, 3)", "name": "cholesky", "check": True},
                 {"input": "spd(2, 0, 0)", "name": "cholesky", "check": True}])
def _linalg_cholesky(input: Tensor, name: str, check: bool) -> tuple[Tensor, Tensor]:
    """Lower triangular L with ``input = L @ L.mH``, and LAPACK's verdict.

    Gradient: I. Murray, "Differentiation of the Cholesky decomposition" (2016).
    """


@opaque(autocast="high", d={"input": "_qr_gradient(g0, g1, y0, y1)"}, public="",
        samples=[{"input": "randn(3, 3)", "name": "qr"}, {"input": "randn(2, 4, 3)", "name": "qr"},
                 {"input": "randn(2, 3, 0)", "name": "qr"}])
def _linalg_qr(input: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Q with orthonormal columns and upper triangular R, of matrices [m, n] with m >= n.

    Gradient: S. F. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra
    functions" (2010).
    """


@opaque(autocast="high", public="", samples=[{"input": "randn(4, 2)", "name": "qr"}])
def _linalg_qr_complete(input: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Q square, and R as high as ``input``."""


@opaque(autocast="high", public="", out_variant=False, samples=[{"input": "randn(2, 4, 3)"}])
def _geqrf(input: Tensor) -> tuple[Tensor, Tensor]:
    """Householder reflectors below R, and their factors: LAPACK's geqrf."""


@opaque(autocast="high", d={"input": "_hermitian_eigen_gradient(g0, g1, y0, y1)"}, public="",
        samples=[{"input": "spd(3, 3)", "name": "eigh"}, {"input": "spd(2, 3, 3)", "name": "eigh"},
                 {"input": "spd(2, 0, 0)", "name": "eigh"}])
def _linalg_eigh(input: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Ascending eigenvalues and orthonormal eigenvectors; the lower triangle is read.

    Gradient: M. B. Giles, "An extended collection of matrix derivative results" (2008).
    """


@opaque(autocast="high", d={"input": "_eigen_gradient(g0, g1, y0, y1, input.dtype)"}, public="",
        samples=[{"input": "randn(3, 3)", "name": "eig"}, {"input": "crandn(2, 3, 3)", "name": "eig"}])
def _linalg_eig(input: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Complex eigenvalues and eigenvectors of length 1.

    Gradient: C. Boeddeker et al., "On the computation of complex-valued gradients" (2017).
    """


@opaque(autocast="high", d={"input": "_svd_gradient(g0, g1, g2, y0, y1, y2)"}, public="",
        samples=[{"input": "randn(3, 3)", "full": False, "name": "svd"},
                 {"input": "randn(2, 4, 3)", "full": False, "name": "svd"},
                 {"input": "randn(2, 3, 4)", "full": False, "name": "svd"}])
def _linalg_svd(input: Tensor, full: bool, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """U, descending singular values, and V^H; square or as wide and high as there are values.

    Gradient: J. Townsend, "Differentiating the singular value decomposition" (2016).
    """


@opaque(autocast="high", d={"input": "_pseudo_inverse_gradient(g, input, y)"}, public="",
        ref="lambda input, atol, rtol, hermitian, name: np.linalg.pinv(input)",
        samples=[{"input": "randn(3, 3)", "atol": None, "rtol": None, "hermitian": False,
                  "name": "pinv"},
                 {"input": "crandn(2, 4, 3)", "atol": None, "rtol": None, "hermitian": False,
                  "name": "pinv"},
                 {"input": "randn(3, 4)", "atol": None, "rtol": None, "hermitian": False,
                  "name": "pinv"}])
def _linalg_pinv(input: Tensor, atol: float | None, rtol: float | None, hermitian: bool,
                 name: str) -> Tensor:
    """The pseudo-inverse of Moore and Penrose; singular values below the tolerance are zeros.

    Gradient: G. H. Golub and V. Pereyra (1973), for matrices of constant rank.
    """


@opaque(d={"input": "_matrix_exp_gradient(g, input)"}, public="", ref="lambda input, name: scipy.linalg.expm(input)",
        samples=[{"input": "randn(3, 3)", "name": "matrix_exp"},
                 {"input": "crandn(2, 3, 3)", "name": "matrix_exp"},
                 {"input": "4 * randn(2, 3, 3)", "name": "matrix_exp"},
                 {"input": "randn(2, 0, 0)", "name": "matrix_exp"}])
def _linalg_matrix_exp(input: Tensor, name: str) -> Tensor:
    """The exponential of each matrix.

    From N. J. Higham, "The scaling and squaring method for the matrix exponential revisited"
    (2005); the gradient is a block of the exponential of a matrix of twice the size.
    """
