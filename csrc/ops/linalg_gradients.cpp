// Gradients of factorisations and solvers. Cotangents follow PyTorch's convention for complex
// numbers, so that the adjoint of a product is a product with the conjugate transpose.
#include "operators/basic.h"
#include "operators/comparison.h"
#include "operators/creation.h"
#include "operators/elementwise.h"
#include "operators/gather.h"
#include "operators/linalg.h"
#include "operators/matmul.h"
#include "operators/reduction.h"
#include "operators/shape.h"
#include "operators/transcendental.h"
#include "operators/view.h"
#include "ops/linalg.h"
#include "ops/record.h"

namespace wengert::ops {

namespace {

constexpr int64_t kAdjoint = 3;  // of ops::_matmul: transposed and conjugated

Tensor product(const Tensor& a, const Tensor& b) { return ops::_matmul(a, b); }
Tensor adjoint_product(const Tensor& a, const Tensor& b) {  // A^H B
  return ops::_matmul(a, b, kAdjoint, 0);
}
Tensor product_adjoint(const Tensor& a, const Tensor& b) {  // A B^H
  return ops::_matmul(a, b, 0, kAdjoint);
}
Tensor conjugate(const Tensor& x) { return is_complex(x.dtype()) ? ops::conj(x) : x; }
Tensor adjoint(const Tensor& x) { return conjugate(ops::transpose(x, -2, -1)); }
Tensor diagonal_of(const Tensor& x) { return ops::diagonal(x, 0, -2, -1); }
Tensor diagonal_matrix(const Tensor& values, const Tensor& like) {
  return ops::_diagonal_backward(values, like.sizes(), 0, -2, -1);
}
Tensor scaled_columns(const Tensor& x, const Tensor& factors) {
  return ops::mul(x, ops::unsqueeze(factors, -2));
}
Tensor scaled_rows(const Tensor& factors, const Tensor& x) {
  return ops::mul(ops::unsqueeze(factors, -1), x);
}
Tensor plus(const Tensor& a, const Tensor& b) { return ops::add(a, b); }
Tensor minus(const Tensor& a, const Tensor& b) { return ops::sub(a, b); }
Tensor halved(const Tensor& x) { return ops::mul(x, Operand(0.5)); }
Tensor typed(const Tensor& x, DType dtype) {
  return x.dtype() == dtype ? x : ops::_to_dtype(x, dtype);
}

// The identity in the shape of square matrices: no history.
Tensor unit_like(const Tensor& x, DType dtype) {
  const Tensor ones = wengert::empty({}, dtype);
  fill_values(ones, Scalar(1));
  const GradModeScope no_grad(false);
  const Dims& sizes = x.sizes();
  const Tensor line = ops::expand(ones, Dims(sizes.data(), sizes.size() - 1));
  return ops::_diagonal_backward(line, sizes, 0, -2, -1);
}

// numerator / denominator, where 0 / 0 is 0.
Tensor strong_quotient(const Tensor& numerator, const Tensor& denominator) {
  return ops::_strong_product(numerator, typed(ops::reciprocal(denominator), numerator.dtype()));
}

// x[j] - x[i] at [i, j], and 1 on the diagonal.
Tensor gaps(const Tensor& x, const Tensor& like) {
  const Tensor difference = minus(ops::unsqueeze(x, -2), ops::unsqueeze(x, -1));
  return plus(difference, unit_like(like, x.dtype()));
}

Tensor solved_triangular(const Tensor& a, const Tensor& b, bool upper, bool unit = false) {
  return ops::_linalg_solve_triangular(a, b, upper, unit, "linalg.solve_triangular");
}
// A^-H B and B A^-H for triangular A.
Tensor adjoint_solved(const Tensor& a, const Tensor& b, bool upper, bool unit = false) {
  return solved_triangular(adjoint(a), b, !upper, unit);
}
Tensor right_adjoint_solved(const Tensor& b, const Tensor& a, bool upper, bool unit = false) {
  return adjoint(solved_triangular(a, adjoint(b), upper, unit));
}

}  // namespace

Tensor _lu_gradient(const Tensor& g, const Tensor& lu, const Tensor& pivots) {
  const int64_t m = lu.size(-2), n = lu.size(-1), k = std::min(m, n);
  const Tensor left = ops::narrow(lu, -2, 0, k), square = ops::narrow(left, -1, 0, k);
  const Tensor g_left = ops::narrow(g, -2, 0, k), g_square = ops::narrow(g_left, -1, 0, k);
  const Tensor g_l = ops::tril(g_square, -1), g_u = ops::triu(g_square, 0);
  const Tensor lower = plus(ops::tril(square, -1), unit_like(square, square.dtype()));
  const Tensor upper = ops::triu(square, 0);
  Tensor result;
  if (m <= n) {
    // With U = [U1 U2] the rows of L see all of U.
    const Tensor inside = minus(adjoint_product(lower, g_l),
                                product_adjoint(ops::triu(g_left, 0), ops::triu(left, 0)));
    const Tensor first = plus(right_adjoint_solved(ops::tril(inside, -1), upper, true), g_u);
    result = m == n ? first : ops::cat({first, ops::narrow(g, -1, k, n - k)}, -1);
    result = adjoint_solved(lower, result, false, true);
  } else {
    const Tensor below = ops::narrow(lu, -2, k, m - k), g_below = ops::narrow(g, -2, k, m - k);
    const Tensor inside = minus(product_adjoint(g_u, upper),
                                plus(adjoint_product(lower, g_l), adjoint_product(below, g_below)));
    const Tensor first = plus(g_l, adjoint_solved(lower, ops::triu(inside, 0), false, true));
    result = right_adjoint_solved(ops::cat({first, g_below}, -2), upper, true);
  }
  // Row i of L U is row order[i] of the matrix.
  Tensor order;
  {
    const GradModeScope no_grad(false);
    order = ops::expand(ops::unsqueeze(ops::_lu_permutation(pivots, m), -1), lu.sizes());
  }
  return ops::_gather_backward(result, lu.sizes(), lu.ndim() - 2, order);
}

std::tuple<Tensor, Tensor> _solve_gradient(const Tensor& g, const Tensor& input, const Tensor& y) {
  const Tensor g_other = std::get<0>(ops::_linalg_solve(adjoint(input), g, "linalg.solve", true));
  return {ops::neg(product_adjoint(g_other, y)), g_other};
}

std::tuple<Tensor, Tensor> _solve_triangular_gradient(const Tensor& g, const Tensor& input,
                                                      const Tensor& y, bool upper,
                                                      bool unitriangular) {
  const Tensor g_other = adjoint_solved(input, g, upper, unitriangular);
  const Tensor whole = ops::neg(product_adjoint(g_other, y));
  const int64_t skipped = unitriangular ? 1 : 0;
  return {upper ? ops::triu(whole, skipped) : ops::tril(whole, -skipped), g_other};
}

Tensor _determinant_gradient(const Tensor& g, const Tensor& input, const Tensor& y) {
  const auto spread = [](const Tensor& x) { return ops::unsqueeze(ops::unsqueeze(x, -1), -1); };
  if (input.numel() == 0) return ops::mul(input, spread(g));
  bool singular;
  {
    const GradModeScope no_grad(false);
    const Tensor u =
        ops::abs(diagonal_of(std::get<0>(ops::_linalg_lu(input, "linalg.det", false))));
    const double epsilon = u.dtype() == DType::float32 ? 1e-6 : 1e-14;
    const Tensor limit = ops::mul(ops::amax(u, Dims{-1}, false), Operand(epsilon));
    singular = any_true(ops::le(ops::amin(u, Dims{-1}, false), limit));
  }
  if (!singular) {
    const Tensor inverse = std::get<0>(ops::_linalg_inv(input, "linalg.det", true));
    return ops::mul(spread(ops::mul(g, conjugate(y))), adjoint(inverse));
  }
  // The cofactors, from A = U S V^H: det(U) det(V^H) U diag(products of the other values) V^H.
  const auto [u, s, vh] = ops::_linalg_svd(input, false, "linalg.det");
  const int64_t n = s.size(-1);
  Dims sizes = s.sizes();
  sizes.push_back(n);
  const Tensor others = ops::where(ops::_to_dtype(unit_like(input, s.dtype()), DType::bool_),
                                   Operand(1), ops::expand(ops::unsqueeze(s, -2), sizes));
  const Tensor cofactors = typed(ops::prod(others, -1), u.dtype());
  const Tensor turn =
      conjugate(ops::mul(ops::_linalg_det(u, "linalg.det"), ops::_linalg_det(vh, "linalg.det")));
  return ops::mul(spread(ops::mul(g, turn)), product(scaled_columns(u, cofactors), vh));
}

Tensor _cholesky_gradient(const Tensor& g, const Tensor& factor) {
  const Tensor inner = ops::tril(adjoint_product(factor, g), 0);
  const Tensor half = minus(inner, halved(diagonal_matrix(diagonal_of(inner), inner)));
  const Tensor both = plus(half, adjoint(half));
  // L^-H (X L^-1) = L^-H (L^-H X^H)^H
  const Tensor right = adjoint(adjoint_solved(factor, adjoint(both), false));
  return halved(adjoint_solved(factor, right, false));
}

Tensor _qr_gradient(const Tensor& g_q, const Tensor& g_r, const Tensor& q, const Tensor& r) {
  const Tensor inside = ops::triu(minus(product_adjoint(g_r, r), adjoint_product(q, g_q)), 0);
  // X + X^H with the real part of the diagonal counted once.
  const Tensor both = plus(inside, adjoint(inside));
  const Tensor symmetric = minus(both, halved(diagonal_matrix(diagonal_of(both), both)));
  return right_adjoint_solved(plus(g_q, product(q, symmetric)), r, true);
}

Tensor _hermitian_eigen_gradient(const Tensor& g_values, const Tensor& g_vectors,
                                 const Tensor& values, const Tensor& vectors) {
  const Tensor inner = adjoint_product(vectors, g_vectors);
  const Tensor off = minus(inner, diagonal_matrix(diagonal_of(inner), inner));
  const Tensor middle = plus(strong_quotient(off, gaps(values, inner)),
                             diagonal_matrix(typed(g_values, inner.dtype()), inner));
  return product_adjoint(product(vectors, middle), vectors);
}

Tensor _eigen_gradient(const Tensor& g_values, const Tensor& g_vectors, const Tensor& values,
                       const Tensor& vectors, DType dtype) {
  const Tensor inner = adjoint_product(vectors, g_vectors);
  // Vectors have length 1: what would change it does not count.
  const Tensor along = typed(ops::_real_part(diagonal_of(inner)), vectors.dtype());
  const Tensor rest = minus(inner, adjoint_product(vectors, scaled_columns(vectors, along)));
  const Tensor off = minus(rest, diagonal_matrix(diagonal_of(rest), rest));
  const Tensor middle =
      plus(strong_quotient(off, conjugate(gaps(values, inner))), diagonal_matrix(g_values, inner));
  const Tensor result = std::get<0>(
      ops::_linalg_solve(adjoint(vectors), product_adjoint(middle, vectors), "linalg.eig", true));
  return is_complex(dtype) ? result : ops::_real_part(result);
}

Tensor _svd_gradient(const Tensor& g_u, const Tensor& g_s, const Tensor& g_vh, const Tensor& u,
                     const Tensor& s, const Tensor& vh) {
  const int64_t m = u.size(-2), n = vh.size(-1), k = s.size(-1);
  WENGERT_CHECK(u.size(-1) == k && vh.size(-2) == k, kRuntime,
                "svd_backward: The singular vectors of a full decomposition (full_matrices=True) "
                "are not determined; differentiate full_matrices=False",
                describe_argument("U", u), describe_argument("Vh", vh));
  const DType dtype = u.dtype();
  const Tensor values = typed(s, dtype);
  const auto skew = [](const Tensor& x) { return minus(x, adjoint(x)); };
  const Tensor from_u = skew(adjoint_product(u, g_u)), from_v = skew(product_adjoint(vh, g_vh));
  const Tensor squares = ops::mul(s, s);
  const Tensor numerator = plus(scaled_columns(from_u, values), scaled_rows(values, from_v));
  Tensor middle = numerator;
  if (is_complex(dtype)) {
    middle = minus(middle, diagonal_matrix(diagonal_of(middle), middle));
  }
  middle = plus(strong_quotient(middle, gaps(squares, middle)),
                diagonal_matrix(typed(g_s, dtype), middle));
  if (is_complex(dtype)) {  // of the phases only the difference between U and V is determined
    middle =
        plus(middle, diagonal_matrix(strong_quotient(diagonal_of(from_u), ops::add(s, s)), middle));
  }
  Tensor result = product(product(u, middle), vh);
  if (m > k) {
    const Tensor scaled = strong_quotient(g_u, ops::expand(ops::unsqueeze(s, -2), g_u.sizes()));
    result = plus(result, product(minus(scaled, product(u, adjoint_product(u, scaled))), vh));
  }
  if (n > k) {
    const Tensor scaled = strong_quotient(g_vh, ops::expand(ops::unsqueeze(s, -1), g_vh.sizes()));
    result = plus(result, product(u, minus(scaled, product(product_adjoint(scaled, vh), vh))));
  }
  return result;
}

Tensor _pseudo_inverse_gradient(const Tensor& g, const Tensor& input, const Tensor& y) {
  const Tensor g_adjoint = adjoint(g), y_adjoint = adjoint(y);
  if (input.size(-2) <= input.size(-1)) {
    const Tensor k = product(g_adjoint, y), right = product(k, y_adjoint);
    const Tensor first = minus(right, adjoint(product(y, k)));
    const Tensor second = product(product(input, y), right);
    return plus(minus(first, second),
                product(product(y_adjoint, y), minus(g_adjoint, product(k, input))));
  }
  const Tensor k = product(y, g_adjoint), left = product(y_adjoint, k);
  const Tensor first = product(product(minus(g_adjoint, product(input, k)), y), y_adjoint);
  const Tensor second = minus(left, adjoint(product(k, y)));
  return minus(plus(first, second), product(product(left, y), input));
}

Tensor _matrix_exp_gradient(const Tensor& g, const Tensor& input) {
  const int64_t n = input.size(-1);
  const Tensor turned = adjoint(input);
  const Tensor above = ops::cat({turned, g}, -1);
  const Tensor below = ops::cat({zeros_matching(g), turned}, -1);
  const Tensor whole = ops::_linalg_matrix_exp(ops::cat({above, below}, -2), "linalg.matrix_exp");
  return ops::narrow(ops::narrow(whole, -2, 0, n), -1, n, n);
}

}  // namespace wengert::ops
