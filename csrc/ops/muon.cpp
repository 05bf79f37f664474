// Steps of Muon: matrices of one shape go through their Newton-Schulz iterations together.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "kernels/cpu/blas.h"
#include "kernels/cpu/simd/optimizer.h"
#include "operators/optimizer.h"
#include "ops/optimizer_state.h"

namespace wengert::ops {

namespace {

// Elements that are worked on together; more gain nothing and take memory.
constexpr int64_t kMost = int64_t{1} << 20;

// Matrices [count, rows, columns], row-major and dense, of bfloat16.
struct Matrices {
  Matrices(int64_t count, int64_t rows, int64_t columns)
      : rows(rows),
        columns(columns),
        values(wengert::empty({count, rows, columns}, DType::bfloat16)) {}
  void* at(int64_t i) const { return values.data_as<BFloat16>() + i * rows * columns; }
  void copy_from(const Matrices& other) const {
    std::memcpy(values.data(), other.values.data(),
                static_cast<size_t>(values.numel()) * sizeof(BFloat16));
  }
  cpu::GemmOperand operand(bool transpose) const {
    return {values.data(), columns, rows * columns, transpose, false};
  }
  int64_t rows, columns;
  Tensor values;
};

// c = alpha * a @ b + beta * c
void multiply(const Matrices& c, const Matrices& a, bool a_transposed, const Matrices& b,
              bool b_transposed, double alpha = 1, double beta = 0) {
  cpu::Gemm g;
  g.dtype = DType::bfloat16;
  g.m = c.rows;
  g.n = c.columns;
  g.k = a_transposed ? a.rows : a.columns;
  g.a = a.operand(a_transposed);
  g.b = b.operand(b_transposed);
  g.c = c.values.data();
  g.ldc = c.columns;
  g.c_batch_stride = c.rows * c.columns;
  g.batch = c.values.size(0);
  g.alpha = alpha;
  g.beta = beta;
  cpu::gemm(g);
}

// Brings the singular values of all matrices near one: in each iteration, with `gram` the product
// along the longer side, x = a * x + (b * gram + c * gram @ gram) @ x. Tall matrices are those of
// the formula transposed.
void orthogonalise(Matrices& x, int64_t steps, double a, double b, double c) {
  const bool tall = x.rows > x.columns;
  const int64_t count = x.values.size(0), side = std::min(x.rows, x.columns);
  const Matrices gram(count, side, side), change(count, side, side);
  Matrices next(count, x.rows, x.columns);
  for (int64_t step = 0; step < steps; ++step) {
    multiply(gram, x, tall, x, !tall);
    change.copy_from(gram);
    multiply(change, gram, false, gram, false, c, b);
    next.copy_from(x);
    if (tall) {
      multiply(next, x, false, change, true, 1, a);
    } else {
      multiply(next, change, false, x, false, 1, a);
    }
    std::swap(x, next);
  }
}

}  // namespace

namespace impl {

std::vector<Tensor> _muon_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
                               const std::vector<Tensor>& buffers, double lr, double weight_decay,
                               double momentum, bool nesterov, double a, double b, double c,
                               double eps, int64_t ns_steps, bool match_rms) {
  const char* op = "Muon.step";
  check_counts(op, params.size(), {grads.size(), buffers.size()});
  std::map<std::pair<int64_t, int64_t>, std::vector<size_t>> shapes;
  for (size_t i = 0; i < params.size(); ++i) {
    WENGERT_CHECK(!is_complex(params[i].dtype()), kRuntime,
                  "Muon does not support complex parameters",
                  describe_argument("param", params[i]));
    WENGERT_CHECK(params[i].ndim() == 2, kValue, op, ": parameters must be matrices",
                  describe_argument("param", params[i]));
    if (params[i].numel() != 0) shapes[{params[i].size(0), params[i].size(1)}].push_back(i);
  }
  const cpu::MuonStep step{momentum, eps, nesterov};
  for (const auto& [shape, members] : shapes) {
    const auto [rows, columns] = shape;
    const double longer = static_cast<double>(std::max(rows, columns));
    const double factor =
        match_rms
            ? 0.2 * std::sqrt(longer)
            : std::sqrt(std::max(1.0, static_cast<double>(rows) / static_cast<double>(columns)));
    const size_t together = static_cast<size_t>(std::max<int64_t>(1, kMost / (rows * columns)));
    for (size_t first = 0; first < members.size(); first += together) {
      const size_t count = std::min(together, members.size() - first);
      Matrices updates(static_cast<int64_t>(count), rows, columns);
      std::vector<Arrays> arrays;
      arrays.reserve(count);
      for (size_t k = 0; k < count; ++k) {
        const size_t i = members[first + k];
        const Arrays& each = arrays.emplace_back(
            op, std::initializer_list<const Tensor*>{&params[i], &grads[i], &buffers[i]}, true);
        cpu::muon_start(each.dtype, each.n, step, each[1], each[2],
                        updates.at(static_cast<int64_t>(k)));
      }
      orthogonalise(updates, ns_steps, a, b, c);
      for (size_t k = 0; k < count; ++k) {
        const Arrays& each = arrays[k];
        cpu::muon_apply(each.dtype, each.n, 1 - lr * weight_decay, -lr * factor,
                        updates.at(static_cast<int64_t>(k)), each[0]);
        each.finish();
      }
    }
  }
  return {};
}

}  // namespace impl

}  // namespace wengert::ops
