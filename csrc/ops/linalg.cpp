// Values of factorisations and solvers: checks, column-major copies, LAPACK, verdicts.
#include "ops/linalg.h"

#include <cmath>
#include <string>

#include "kernels/cpu/lapack.h"
#include "operators/basic.h"
#include "operators/comparison.h"
#include "operators/creation.h"
#include "operators/elementwise.h"
#include "operators/linalg.h"
#include "operators/matmul.h"
#include "operators/reduction.h"
#include "operators/shape.h"
#include "operators/transcendental.h"
#include "operators/view.h"
#include "ops/type_names.h"

namespace wengert::ops::impl {

namespace {

int64_t rows_of(const Tensor& x) { return x.size(-2); }
int64_t columns_of(const Tensor& x) { return x.size(-1); }
int64_t batch_of(const Tensor& x) { return product(Dims(x.sizes().data(), x.sizes().size() - 2)); }

// The batch's sizes, followed by others.
Dims batched(const Tensor& x, std::initializer_list<int64_t> last) {
  Dims sizes(x.sizes().data(), x.sizes().size() - 2);
  for (const int64_t size : last) sizes.push_back(size);
  return sizes;
}

void check_matrices(const std::string& name, const Tensor& x) {
  WENGERT_CHECK(is_inexact(x.dtype()), kRuntime, name,
                ": Expected a floating point or complex tensor as input. Got ",
                type_name(x.dtype()), describe_argument("input", x));
  WENGERT_CHECK(item_size(x.dtype()) > 2, kRuntime, name,
                ": Low precision dtypes not supported. Got ", type_name(x.dtype()),
                describe_argument("input", x));
  WENGERT_CHECK(x.ndim() >= 2, kRuntime, name,
                ": The input tensor A must have at least 2 dimensions.",
                describe_argument("input", x));
}

void check_square(const std::string& name, const Tensor& x) {
  check_matrices(name, x);
  WENGERT_CHECK(rows_of(x) == columns_of(x), kRuntime, name,
                ": A must be batches of square matrices, but they are ", rows_of(x), " by ",
                columns_of(x), " matrices", describe_argument("input", x));
}

// Right-hand sides: of the same batch, dtype and height.
void check_right_side(const std::string& name, const Tensor& a, const Tensor& b) {
  WENGERT_CHECK(a.dtype() == b.dtype(), kRuntime, name,
                ": Expected A and B to have the same dtype, but found A of type ",
                type_name(a.dtype()), " and B of type ", type_name(b.dtype()), " instead",
                describe_argument("input", a), describe_argument("other", b));
  WENGERT_CHECK(
      b.ndim() == a.ndim() && batched(a, {}) == batched(b, {}) && rows_of(a) == rows_of(b),
      kRuntime, name, ": Incompatible shapes of A and B for the equation AX = B (", rows_of(a), "x",
      columns_of(a), " and ", b.ndim() < 2 ? 1 : rows_of(b), "x", b.ndim() < 1 ? 1 : columns_of(b),
      ")", describe_argument("input", a), describe_argument("other", b));
}

// A column-major copy: [..., columns, rows] in row-major order.
Tensor flipped_copy(const Tensor& x) {
  Tensor copy = wengert::empty(batched(x, {columns_of(x), rows_of(x)}), x.dtype());
  copy_values(copy, transpose(x, -2, -1));
  return copy;
}

// What LAPACK has left in column-major memory, as matrices.
Tensor unflipped(const Tensor& x) { return transpose(x, -2, -1); }

Tensor zeros_of(const Dims& sizes, DType dtype) {
  Tensor result = wengert::empty(sizes, dtype);
  fill_values(result, Scalar(0));
  return result;
}

// Where the first verdict that is not 0 belongs: "linalg.inv: (Batch element 1): ".
template <typename Sentence>
void check_verdict(const std::string& name, const Tensor& info, const Tensor& input,
                   const Sentence& sentence) {
  const auto* verdicts = info.data_as<int32_t>();
  for (int64_t i = 0; i < info.numel(); ++i) {
    if (verdicts[i] == 0) continue;
    const std::string element = info.ndim() == 0 ? "" : str("(Batch element ", i, "): ");
    throw LinAlgError(
        str(name, ": ", element, sentence(verdicts[i]), describe_argument("input", input)));
  }
}

void check_finite(const std::string& name, const Tensor& input) {
  const GradModeScope no_grad(false);
  if (*all(ops::isfinite(input), {}, false).data_as<bool>()) return;
  throw LinAlgError(str(name,
                        ": The algorithm failed to converge because the input matrix contained "
                        "non-finite values.",
                        describe_argument("input", input)));
}

struct Lu {
  Tensor factors;  // column-major
  Tensor pivots;
  Tensor info;
};

Lu factorised(const Tensor& input) {
  Lu result;
  const int64_t m = rows_of(input), n = columns_of(input);
  result.factors = flipped_copy(input);
  result.pivots = wengert::empty(batched(input, {std::min(m, n)}), DType::int32);
  result.info = wengert::empty(batched(input, {}), DType::int32);
  cpu::lapack_lu(input.dtype(), batch_of(input), m, n, result.factors.data(),
                 result.pivots.data_as<int32_t>(), result.info.data_as<int32_t>());
  return result;
}

// X with input @ X = other, `other` being column-major and given up.
void solve_in_place(const Lu& lu, const Tensor& input, const Tensor& other) {
  cpu::lapack_lu_solve(input.dtype(), batch_of(input), rows_of(input), other.size(-2),
                       lu.factors.data(), lu.pivots.data_as<int32_t>(), other.data());
}

std::string singular_solver(int32_t) {
  return "The solver failed because the input matrix is singular.";
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> _linalg_lu(const Tensor& input, const std::string& name,
                                              bool check) {
  check_matrices(name, input);
  const Lu lu = factorised(input);
  if (check) {
    check_verdict(name, lu.info, input, [](int32_t at) {
      return str("U[", at, ",", at,
                 "] is zero and using it on lu_solve would result in a division ", "by zero.");
    });
  }
  return {unflipped(lu.factors), lu.pivots, lu.info};
}

Tensor _lu_permutation(const Tensor& pivots, int64_t rows) {
  WENGERT_CHECK(pivots.dtype() == DType::int32, kRuntime,
                "lu_unpack(): torch.int32 dtype expected for LU_pivots",
                describe_argument("pivots", pivots));
  WENGERT_CHECK(pivots.ndim() >= 1 && rows >= 0 && pivots.size(-1) <= rows, kRuntime,
                "lu_unpack(): there are more swaps than rows", describe_argument("pivots", pivots),
                "\n  rows: ", rows);
  const int64_t swaps = pivots.size(-1);
  Dims sizes = pivots.sizes();
  sizes[sizes.size() - 1] = rows;
  const Tensor dense = contiguous_values(pivots);
  Tensor result = wengert::empty(sizes, DType::int64);
  const int64_t count = rows == 0 ? 0 : result.numel() / rows;
  for (int64_t i = 0; i < count; ++i) {
    int64_t* order = result.data_as<int64_t>() + i * rows;
    const int32_t* swap = dense.data_as<int32_t>() + i * swaps;
    for (int64_t row = 0; row < rows; ++row) order[row] = row;
    for (int64_t row = 0; row < swaps; ++row) {
      WENGERT_CHECK(swap[row] >= 1 && swap[row] <= rows, kRuntime,
                    "lu_unpack(): pivots must be between 1 and LU.size(-2) inclusive. Did you "
                    "properly pass the result of lu_factor?",
                    describe_argument("pivots", pivots));
      std::swap(order[row], order[swap[row] - 1]);
    }
  }
  return result;
}

std::tuple<Tensor, Tensor> _linalg_solve(const Tensor& input, const Tensor& other,
                                         const std::string& name, bool check) {
  check_square(name, input);
  check_right_side(name, input, other);
  const Lu lu = factorised(input);
  if (check) check_verdict(name, lu.info, input, singular_solver);
  const Tensor solution = flipped_copy(other);
  solve_in_place(lu, input, solution);
  return {unflipped(solution), lu.info};
}

std::tuple<Tensor, Tensor> _linalg_inv(const Tensor& input, const std::string& name, bool check) {
  check_square(name, input);
  const Lu lu = factorised(input);
  if (check) {
    check_verdict(name, lu.info, input, [](int32_t at) {
      return str("The diagonal element ", at, " is zero, the inversion could not be completed ",
                 "because the input matrix is singular.");
    });
  }
  const Tensor result = zeros_of(batched(input, {rows_of(input), rows_of(input)}), input.dtype());
  fill_values(diagonal(result, 0, -2, -1), Scalar(1));
  solve_in_place(lu, input, result);
  return {unflipped(result), lu.info};
}

Tensor _linalg_det(const Tensor& input, const std::string& name) {
  check_square(name, input);
  const GradModeScope no_grad(false);
  const Lu lu = factorised(input);
  const Tensor factors = ops::prod(diagonal(lu.factors, 0, -2, -1), -1);
  // Each swap of two different rows turns the sign.
  const int64_t n = rows_of(input);
  Tensor signs = wengert::empty(lu.info.sizes(), DType::int8);
  const auto* pivots = lu.pivots.data_as<int32_t>();
  for (int64_t i = 0; i < signs.numel(); ++i) {
    bool odd = false;
    for (int64_t row = 0; row < n; ++row) odd ^= pivots[i * n + row] != row + 1;
    signs.data_as<int8_t>()[i] = odd ? -1 : 1;
  }
  return ops::mul(factors, signs);
}

Tensor _linalg_solve_triangular(const Tensor& input, const Tensor& other, bool upper,
                                bool unitriangular, const std::string& name) {
  check_square(name, input);
  check_right_side(name, input, other);
  const Tensor matrix = flipped_copy(input);
  const Tensor solution = flipped_copy(other);
  cpu::blas_solve_triangular(input.dtype(), batch_of(input), rows_of(input), columns_of(other),
                             upper, unitriangular, matrix.data(), solution.data());
  return unflipped(solution);
}

std::tuple<Tensor, Tensor> _linalg_cholesky(const Tensor& input, const std::string& name,
                                            bool check) {
  check_square(name, input);
  const Tensor factor = flipped_copy(input);
  const Tensor info = wengert::empty(batched(input, {}), DType::int32);
  cpu::lapack_cholesky(input.dtype(), batch_of(input), rows_of(input), factor.data(),
                       info.data_as<int32_t>());
  if (check) {
    check_verdict(name, info, input, [](int32_t at) {
      return str("The factorization could not be completed because the input is not ",
                 "positive-definite (the leading minor of order ", at,
                 " is not positive-definite).");
    });
  }
  return {tril(unflipped(factor), 0), info};
}

namespace {

// Reflectors (column-major) and their factors.
std::pair<Tensor, Tensor> reflectors(const Tensor& input) {
  const int64_t m = rows_of(input), n = columns_of(input);
  const Tensor packed = flipped_copy(input);
  const Tensor tau = wengert::empty(batched(input, {std::min(m, n)}), input.dtype());
  cpu::lapack_qr(input.dtype(), batch_of(input), m, n, packed.data(), tau.data());
  return {packed, tau};
}

// The first columns of the product of all reflectors.
Tensor orthonormal(const Tensor& packed, const Tensor& tau, int64_t columns) {
  const int64_t n = packed.size(-2), m = packed.size(-1), k = tau.size(-1);
  Dims sizes = packed.sizes();
  sizes[sizes.size() - 2] = columns;
  const Tensor q = zeros_of(sizes, packed.dtype());
  copy_values(narrow(q, -2, 0, k), n == k ? packed : narrow(packed, -2, 0, k));
  if (k == 0) fill_values(diagonal(q, 0, -2, -1), Scalar(1));
  if (k > 0) {
    cpu::lapack_householder(packed.dtype(), product(sizes) / std::max<int64_t>(columns * m, 1), m,
                            columns, k, q.data(), tau.data());
  }
  return unflipped(q);
}

}  // namespace

std::tuple<Tensor, Tensor> _linalg_qr(const Tensor& input, const std::string& name) {
  check_matrices(name, input);
  const int64_t n = columns_of(input);
  WENGERT_CHECK(rows_of(input) >= n, kRuntime, name, ": expected at least as many rows as columns",
                describe_argument("input", input));
  const auto [packed, tau] = reflectors(input);
  const Tensor r = triu(narrow(unflipped(packed), -2, 0, n), 0);
  return {orthonormal(packed, tau, n), r};
}

std::tuple<Tensor, Tensor> _linalg_qr_complete(const Tensor& input, const std::string& name) {
  check_matrices(name, input);
  const auto [packed, tau] = reflectors(input);
  return {orthonormal(packed, tau, rows_of(input)), triu(unflipped(packed), 0)};
}

std::tuple<Tensor, Tensor> _geqrf(const Tensor& input) {
  check_matrices("geqrf", input);
  const auto [packed, tau] = reflectors(input);
  return {unflipped(packed), tau};
}

std::tuple<Tensor, Tensor> _linalg_eigh(const Tensor& input, const std::string& name) {
  check_square(name, input);
  check_finite(name, input);
  const Tensor vectors = flipped_copy(input);
  const Tensor values = wengert::empty(batched(input, {rows_of(input)}), to_real(input.dtype()));
  const Tensor info = wengert::empty(batched(input, {}), DType::int32);
  cpu::lapack_hermitian_eigen(input.dtype(), batch_of(input), rows_of(input), vectors.data(),
                              values.data(), info.data_as<int32_t>());
  check_verdict(name, info, input, [](int32_t code) {
    return str("The algorithm failed to converge because the input matrix is ill-conditioned or ",
               "has too many repeated eigenvalues (error code: ", code, ").");
  });
  return {values, unflipped(vectors)};
}

std::tuple<Tensor, Tensor> _linalg_eig(const Tensor& input, const std::string& name) {
  check_square(name, input);
  check_finite(name, input);
  const int64_t n = rows_of(input);
  const DType dtype = to_complex(input.dtype());
  const Tensor values = wengert::empty(batched(input, {n}), dtype);
  const Tensor vectors = wengert::empty(batched(input, {n, n}), dtype);
  const Tensor info = wengert::empty(batched(input, {}), DType::int32);
  cpu::lapack_eigen(input.dtype(), batch_of(input), n, flipped_copy(input).data(), values.data(),
                    vectors.data(), info.data_as<int32_t>());
  check_verdict(name, info, input, [](int32_t code) {
    return str("The algorithm failed to converge because the input matrix is ill-conditioned or ",
               "has too many repeated eigenvalues (error code: ", code, ").");
  });
  return {values, unflipped(vectors)};
}

std::tuple<Tensor, Tensor, Tensor> _linalg_svd(const Tensor& input, bool full,
                                               const std::string& name) {
  check_matrices(name, input);
  check_finite(name, input);
  const int64_t m = rows_of(input), n = columns_of(input), k = std::min(m, n);
  const Tensor s = wengert::empty(batched(input, {k}), to_real(input.dtype()));
  const Tensor u = wengert::empty(batched(input, {full ? m : k, m}), input.dtype());
  const Tensor vh = wengert::empty(batched(input, {n, full ? n : k}), input.dtype());
  const Tensor info = wengert::empty(batched(input, {}), DType::int32);
  cpu::lapack_svd(input.dtype(), batch_of(input), m, n, full, flipped_copy(input).data(), s.data(),
                  u.data(), vh.data(), info.data_as<int32_t>());
  if (k == 0) {  // any orthonormal matrix will do
    for (const Tensor* x : {&u, &vh}) {
      fill_values(*x, Scalar(0));
      fill_values(diagonal(*x, 0, -2, -1), Scalar(1));
    }
  }
  check_verdict(name, info, input, [](int32_t code) {
    return str("The algorithm failed to converge because the input matrix is ill-conditioned or ",
               "has too many repeated singular values (error code: ", code, ").");
  });
  return {unflipped(u), s, unflipped(vh)};
}

Tensor _linalg_pinv(const Tensor& input, const std::optional<double>& atol,
                    const std::optional<double>& rtol, bool hermitian, const std::string& name) {
  check_matrices(name, input);
  const GradModeScope no_grad(false);
  const int64_t m = rows_of(input), n = columns_of(input);
  if (input.numel() == 0) return zeros_of(batched(input, {n, m}), input.dtype());
  const bool is_single = to_real(input.dtype()) == DType::float32;
  const double epsilon = is_single ? std::ldexp(1.0, -23) : std::ldexp(1.0, -52);
  const double absolute = atol.value_or(0.0);
  const double relative =
      rtol.value_or(absolute > 0 ? 0.0 : static_cast<double>(std::max(m, n)) * epsilon);
  // V of `values`, U of the same order: the pseudo-inverse is V diag(1 / values) U^H.
  Tensor u, values, v;
  int64_t v_mode = 0;
  if (hermitian) {
    WENGERT_CHECK(m == n, kRuntime, name, ": A must be batches of square matrices, but they are ",
                  m, " by ", n, " matrices", describe_argument("input", input));
    std::tie(values, v) = _linalg_eigh(input, name);
    u = v;
  } else {
    std::tie(u, values, v) = _linalg_svd(input, false, name);
    v_mode = 3;
  }
  const Tensor size = hermitian ? ops::abs(values) : values;
  const Tensor limit = ops::clamp_min(ops::mul(ops::amax(size, Dims{-1}, true), Operand(relative)),
                                      Operand(absolute));
  const Tensor inverse = ops::where(ops::gt(size, limit), ops::reciprocal(values), Operand(0));
  const Tensor scaled = ops::mul(u, ops::unsqueeze(inverse, -2));
  return _matmul(v, scaled, v_mode, 3, {});
}

namespace {

// The approximant of degree [13/13] (Higham, table 10.4).
Tensor pade_exponential(const Tensor& a, const std::string& name) {
  constexpr double kPade[] = {64764752532480000.0,
                              32382376266240000.0,
                              7771770303897600.0,
                              1187353796428800.0,
                              129060195264000.0,
                              10559470521600.0,
                              670442572800.0,
                              33522128640.0,
                              1323241920.0,
                              40840800.0,
                              960960.0,
                              16380.0,
                              182.0,
                              1.0};
  const auto product = [](const Tensor& x, const Tensor& y) { return _matmul(x, y, 0, 0, {}); };
  const Tensor unit = zeros_of(a.sizes(), a.dtype());
  fill_values(diagonal(unit, 0, -2, -1), Scalar(1));
  const Tensor a2 = product(a, a), a4 = product(a2, a2), a6 = product(a2, a4);
  const auto polynomial = [&](int start) {  // of the odd or of the even powers
    const auto sum = [&](double c6, double c4, double c2) {
      return ops::add(ops::add(ops::mul(a6, Operand(c6)), ops::mul(a4, Operand(c4))),
                      ops::mul(a2, Operand(c2)));
    };
    const Tensor high = sum(kPade[12 + start], kPade[10 + start], kPade[8 + start]);
    const Tensor low = ops::add(sum(kPade[6 + start], kPade[4 + start], kPade[2 + start]),
                                ops::mul(unit, Operand(kPade[start])));
    return ops::add(product(a6, high), low);
  };
  const Tensor u = product(a, polynomial(1)), v = polynomial(0);
  return std::get<0>(_linalg_solve(ops::sub(v, u), ops::add(v, u), name, true));
}

}  // namespace

Tensor _linalg_matrix_exp(const Tensor& input, const std::string& name) {
  check_square(name, input);
  const GradModeScope no_grad(false);
  if (input.numel() == 0) return contiguous_values(input);
  // The greatest sum of a column decides how often all matrices are halved.
  const Tensor sums = ops::sum(ops::abs(input), Dims{-2}, false);
  const Tensor largest = converted_values(ops::amax(sums, Dims{}, false), DType::float64);
  const double norm = *largest.data_as<double>();
  if (!std::isfinite(norm)) {
    const Tensor result = wengert::empty(input.sizes(), input.dtype());
    fill_values(result, Scalar(std::numeric_limits<double>::quiet_NaN()));
    return result;
  }
  constexpr double kTheta = 5.371920351148152;
  const int halvings = norm > kTheta ? static_cast<int>(std::ceil(std::log2(norm / kTheta))) : 0;
  Tensor result = pade_exponential(ops::mul(input, Operand(std::ldexp(1.0, -halvings))), name);
  for (int i = 0; i < halvings; ++i) result = _matmul(result, result, 0, 0, {});
  return result;
}

}  // namespace wengert::ops::impl
