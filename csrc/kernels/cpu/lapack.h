// Factorisations and solvers of LAPACK, over batches of matrices.
//
// All matrices are column-major and dense, and the matrices of a batch lie one after another.
// dtypes: float32, float64, complex64 and complex128. `info` has one number per matrix: 0 for
// success, else what LAPACK says. Raises where OpenBLAS is not found.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace wengert::cpu {

// P A = L U for A [m, n]; pivots: min(m, n) row numbers from 1 on, in the order of the swaps.
void lapack_lu(DType dtype, int64_t batch, int64_t m, int64_t n, void* a, int32_t* pivots,
               int32_t* info);
// B [n, columns] becomes the solution X of A X = B, from the factors that lapack_lu gave.
void lapack_lu_solve(DType dtype, int64_t batch, int64_t n, int64_t columns, const void* lu,
                     const int32_t* pivots, void* b);
// The lower triangle of A becomes L with A = L L^H. The upper one is left as it is.
void lapack_cholesky(DType dtype, int64_t batch, int64_t n, void* a, int32_t* info);
// Householder reflectors of A [m, n] below R, and their min(m, n) factors.
void lapack_qr(DType dtype, int64_t batch, int64_t m, int64_t n, void* a, void* tau);
// The first `columns` columns of the product of k reflectors that lie in A [m, columns].
void lapack_householder(DType dtype, int64_t batch, int64_t m, int64_t columns, int64_t k, void* a,
                        const void* tau);
// Eigenvalues (real, ascending) and vectors of Hermitian matrices, of which the lower triangle is
// read. The vectors take the place of A.
void lapack_hermitian_eigen(DType dtype, int64_t batch, int64_t n, void* a, void* values,
                            int32_t* info);
// Eigenvalues and vectors of any square matrices; both are complex. A is destroyed.
void lapack_eigen(DType dtype, int64_t batch, int64_t n, void* a, void* values, void* vectors,
                  int32_t* info);
// A = U S V^H for A [m, n]; U and V^H are square if `full`, else min(m, n) wide and high. A is
// destroyed.
void lapack_svd(DType dtype, int64_t batch, int64_t m, int64_t n, bool full, void* a, void* s,
                void* u, void* vh, int32_t* info);
// B [n, columns] becomes the solution X of A X = B for triangular A.
void blas_solve_triangular(DType dtype, int64_t batch, int64_t n, int64_t columns, bool upper,
                           bool unitriangular, const void* a, void* b);

}  // namespace wengert::cpu
