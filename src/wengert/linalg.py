"""Linear algebra: factorisations, solvers, norms and functions of matrices.

Names and signatures are those of PyTorch's `linalg`. LAPACK, which comes with OpenBLAS, does the
work; dtypes are float32, float64, complex64 and complex128. Where the algorithm finds no answer,
`LinAlgError` is raised.
"""

from __future__ import annotations

from wengert._composite import decompositions, linalg, matrix_norms

__all__ = sorted(
    ("LinAlgError", "matrix_power", *decompositions.LINALG, *linalg.LINALG, *matrix_norms.LINALG)
)
