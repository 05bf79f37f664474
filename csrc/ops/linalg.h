// What the operators of linear algebra share: their error, and gradients of more than one line.
#pragma once
#include <tuple>

#include "base/error.h"
#include "tensor/tensor.h"

namespace wengert {

// A matrix for which the algorithm has no answer: Python's linalg.LinAlgError.
class LinAlgError : public Error {
 public:
  explicit LinAlgError(std::string message) : Error(ErrorKind::kRuntime, std::move(message)) {}
};

namespace ops {

// In reduction_gradients.cpp: is any element true, of any sample?
bool any_true(const Tensor& mask);
// These are made of operators, so that they record themselves where that is asked for.
Tensor _lu_gradient(const Tensor& g, const Tensor& lu, const Tensor& pivots);
std::tuple<Tensor, Tensor> _solve_gradient(const Tensor& g, const Tensor& input, const Tensor& y);
std::tuple<Tensor, Tensor> _solve_triangular_gradient(const Tensor& g, const Tensor& input,
                                                      const Tensor& y, bool upper,
                                                      bool unitriangular);
Tensor _determinant_gradient(const Tensor& g, const Tensor& input, const Tensor& y);
Tensor _cholesky_gradient(const Tensor& g, const Tensor& factor);
Tensor _qr_gradient(const Tensor& g_q, const Tensor& g_r, const Tensor& q, const Tensor& r);
Tensor _hermitian_eigen_gradient(const Tensor& g_values, const Tensor& g_vectors,
                                 const Tensor& values, const Tensor& vectors);
Tensor _eigen_gradient(const Tensor& g_values, const Tensor& g_vectors, const Tensor& values,
                       const Tensor& vectors, DType dtype);
Tensor _svd_gradient(const Tensor& g_u, const Tensor& g_s, const Tensor& g_vh, const Tensor& u,
                     const Tensor& s, const Tensor& vh);
Tensor _pseudo_inverse_gradient(const Tensor& g, const Tensor& input, const Tensor& y);
Tensor _matrix_exp_gradient(const Tensor& g, const Tensor& input);

}  // namespace ops

}  // namespace wengert
