// What LSTM and GRU layers share: sizes, and the products of a step.
#pragma once
#include "device/cpu/parallel.h"
#include "kernels/cpu/blas.h"
#include "kernels/cpu/simd/direct_gemm.h"
#include "kernels/cpu/simd/rnn.h"
#include "operators/basic.h"
#include "operators/creation.h"
#include "operators/elementwise.h"
#include "tensor/tensor.h"

namespace wengert::ops {

// T steps of B rows with H hidden values, and `gates` times as many sums in each step.
struct RecurrentLayer {
  int64_t steps, batch, size, gates;
  DType dtype;
  int64_t width() const { return gates * size; }
  int64_t state() const { return batch * size; }
  int64_t bytes(int64_t elements) const {
    return elements * static_cast<int64_t>(item_size(dtype));
  }
  cpu::CellShape cell(int64_t rows) const { return {dtype, rows, size}; }
};

// C[m, n] = A @ B + beta * C of contiguous matrices.
inline void product(DType dtype, int64_t m, int64_t n, int64_t k, const void* a, bool turn_a,
                    const void* b, bool turn_b, void* c, double beta) {
  cpu::Gemm g;
  g.dtype = dtype;
  g.m = m, g.n = n, g.k = k;
  g.a = {a, turn_a ? m : k, 0, turn_a, false};
  g.b = {b, turn_b ? k : n, 0, turn_b, false};
  g.c = c;
  g.ldc = n;
  g.beta = beta;
  cpu::gemm(g);
}

// Calls run(first, rows, multiply) for the rows of the batch, where multiply(a, c, beta) is
// c[rows, n] = a[rows, k] @ B + beta * c, and B[k, n] is `b` or, if `turn`, its transpose. A B that
// stays in the cache is laid out once for all steps; then each thread takes some rows of the batch
// through all of them, and none waits for another.
template <typename Run>
void with_recurrent_weight(const RecurrentLayer& layer, int64_t k, int64_t n, const Tensor& b,
                           bool turn, const Run& run) {
  if (layer.batch < 8 || layer.bytes(k * n) > (int64_t{1} << 20)) {
    return run(int64_t{0}, layer.batch, [&](const void* a, void* c, double beta) {
      product(layer.dtype, layer.batch, n, k, a, false, b.data(), turn, c, beta);
    });
  }
  constexpr int64_t kGrain = 8;  // rows: the kernel takes four or six at a time
  const Tensor packed = empty({cpu::packed_elements(k, n)}, layer.dtype);
  cpu::pack_columns(layer.dtype, k, n, b.data(), turn ? 1 : n, turn ? k : 1, packed.data());
  parallel_for(layer.batch, kGrain, [&](int64_t begin, int64_t end) {
    const int64_t rows = end - begin;
    run(begin, rows, [&](const void* a, void* c, double beta) {
      cpu::packed_gemm(layer.dtype, {rows, n, k, a, k, 1, nullptr, 0, 1, c, n, 1, beta, nullptr},
                       packed.data());
    });
  });
}

// The gradient of the recurrent weight: one product for all steps. `d` holds the gradients of the
// sums (T, B, gates * H), `first` the hidden state before them, `hiddens` those after each step.
inline Tensor recurrent_weight_gradient(const RecurrentLayer& layer, const Tensor& d,
                                        const Tensor& first, const Tensor& hiddens) {
  const Tensor dw = empty({layer.width(), layer.size}, layer.dtype);
  const int64_t rest = (layer.steps - 1) * layer.batch;
  product(layer.dtype, layer.width(), layer.size, layer.batch, d.data(), true, first.data(), false,
          dw.data(), 0);
  if (rest > 0) {
    product(layer.dtype, layer.width(), layer.size, rest,
            d.data() + layer.bytes(layer.batch * layer.width()), true, hiddens.data(), false,
            dw.data(), 1);
  }
  return dw;
}

// Gradients that may not be there, and what adjoints out of recorded operators are made of.
inline Tensor dense(const Tensor& tensor) {
  return tensor.defined() ? contiguous_values(tensor) : Tensor();
}
inline const void* bytes_at(const Tensor& tensor, int64_t offset) {
  return tensor.defined() ? tensor.data() + offset : nullptr;
}
inline Tensor plus(const Tensor& a, const Tensor& b) {
  return !a.defined() ? b : !b.defined() ? a : ops::add(a, b);
}
inline Tensor sigmoid_slope(const Tensor& y) { return ops::mul(y, ops::sub(Operand(1), y)); }
inline Tensor tanh_slope(const Tensor& y) { return ops::sub(Operand(1), ops::mul(y, y)); }

}  // namespace wengert::ops
