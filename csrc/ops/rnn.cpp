// Recurrent layers, all steps at once.
#include "kernels/cpu/simd/rnn.h"

#include "device/cpu/parallel.h"
#include "kernels/cpu/blas.h"
#include "kernels/cpu/simd/direct_gemm.h"
#include "operators/basic.h"
#include "operators/creation.h"
#include "operators/elementwise.h"
#include "operators/matmul.h"
#include "operators/rnn.h"
#include "operators/shape.h"
#include "operators/transcendental.h"
#include "operators/view.h"
#include "ops/batching.h"

namespace wengert::ops {

namespace {

using Gradients = std::tuple<Tensor, Tensor, Tensor, Tensor>;

struct Layer {
  int64_t steps, batch, size;
  DType dtype;
  int64_t state() const { return batch * size; }
  int64_t bytes(int64_t elements) const {
    return elements * static_cast<int64_t>(wengert::item_size(dtype));
  }
  cpu::CellShape cell() const { return {dtype, batch, size}; }
};

Layer layer_of(const Tensor& gates, const Tensor& hidden, const Tensor& memory,
               const Tensor& weight) {
  const Dims& s = gates.sizes();
  const bool fits = gates.ndim() == 3 && hidden.ndim() == 2 && weight.ndim() == 2 &&
                    hidden.sizes() == memory.sizes() && s[2] == 4 * hidden.sizes()[1] &&
                    s[1] == hidden.sizes()[0] && weight.sizes()[0] == s[2] &&
                    weight.sizes()[1] == hidden.sizes()[1];
  WENGERT_CHECK(fits, kRuntime, "lstm(): the sizes of gates, state and weight do not fit",
                describe_argument("gates", gates), describe_argument("hidden", hidden),
                describe_argument("memory", memory), describe_argument("weight", weight));
  const DType dtype = gates.dtype();
  const bool same = hidden.dtype() == dtype && memory.dtype() == dtype && weight.dtype() == dtype;
  WENGERT_CHECK(same && (dtype == DType::float32 || dtype == DType::float64), kRuntime,
                "lstm(): expected gates, state and weight of one dtype, float32 or float64",
                describe_argument("gates", gates), describe_argument("hidden", hidden),
                describe_argument("memory", memory), describe_argument("weight", weight));
  return {s[0], s[1], hidden.sizes()[1], dtype};
}

// C[m, n] = A @ B + beta * C of contiguous matrices.
void product(const Layer& layer, int64_t m, int64_t n, int64_t k, const void* a, bool turn_a,
             const void* b, bool turn_b, void* c, double beta) {
  cpu::Gemm g;
  g.dtype = layer.dtype;
  g.m = m, g.n = n, g.k = k;
  g.a = {a, turn_a ? m : k, 0, turn_a, false};
  g.b = {b, turn_b ? k : n, 0, turn_b, false};
  g.c = c;
  g.ldc = n;
  g.beta = beta;
  cpu::gemm(g);
}

// A weight that stays in the cache is laid out once for all steps; then each thread takes some rows
// of the batch through all of them, and none waits for another.
bool fits_cache(const Layer& layer) {
  return layer.batch >= 8 && layer.bytes(4 * layer.size * layer.size) <= (int64_t{1} << 20);
}

// C[m, n] = A[m, k] times a packed weight, on the calling thread.
void times_packed(const Layer& layer, int64_t m, int64_t n, int64_t k, const void* a,
                  const Tensor& packed, void* c) {
  cpu::packed_gemm(layer.dtype, {m, n, k, a, k, 1, nullptr, 0, 1, c, n, 1, 0, nullptr},
                   packed.data());
}

// fn(first, rows) for the rows of the batch.
template <typename Fn>
void for_rows(const Layer& layer, const Fn& fn) {
  constexpr int64_t kGrain = 8;  // rows: the kernel takes four at a time
  parallel_for(layer.batch, kGrain, [&](int64_t begin, int64_t end) { fn(begin, end - begin); });
}

// The same out of recorded operators, step by step.
Gradients recorded(const Tensor& grad_hidden, const Tensor& grad_memory, const Tensor& grad_gates,
                   const Tensor& hidden, const Tensor& memory, const Tensor& weight,
                   const Tensor& hiddens, const Tensor& memories, const Tensor& gates) {
  const int64_t steps = gates.sizes()[0], size = hidden.sizes()[1];
  const auto part = [&](const Tensor& tensor, int64_t number) {
    return ops::narrow(tensor, 1, number * size, size);
  };
  const auto plus = [](const Tensor& a, const Tensor& b) {
    return !a.defined() ? b : !b.defined() ? a : ops::add(a, b);
  };
  const auto bend = [](const Tensor& y) { return ops::sub(Operand(1), ops::mul(y, y)); };
  const auto slope = [](const Tensor& y) { return ops::mul(y, ops::sub(Operand(1), y)); };
  Tensor dh, dc, d_weight;
  std::vector<Tensor> d_gates(static_cast<size_t>(steps));
  for (int64_t t = steps - 1; t >= 0; --t) {
    const auto at = [&](const Tensor& tensor) {
      return tensor.defined() ? ops::select(tensor, 0, t) : Tensor();
    };
    const Tensor hidden_before = t > 0 ? ops::select(hiddens, 0, t - 1) : hidden;
    const Tensor memory_before = t > 0 ? ops::select(memories, 0, t - 1) : memory;
    const Tensor a = at(gates), e = at(grad_gates), bent = ops::tanh(at(memories));
    const Tensor into = part(a, 0), keep = part(a, 1), fresh = part(a, 2), out = part(a, 3);
    dh = plus(dh, at(grad_hidden));
    dc = plus(dc, at(grad_memory));
    if (dh.defined()) dc = plus(dc, ops::mul(ops::mul(dh, out), bend(bent)));
    const auto gate = [&](const Tensor& outer, const Tensor& other, int64_t number,
                          const Tensor& derivative) {
      Tensor g = outer.defined() ? ops::mul(outer, other) : Tensor();
      if (e.defined()) g = plus(g, part(e, number));
      return g.defined() ? ops::mul(g, derivative) : ops::zeros_like(derivative);
    };
    const Tensor d =
        ops::cat({gate(dc, fresh, 0, slope(into)), gate(dc, memory_before, 1, slope(keep)),
                  gate(dc, into, 2, bend(fresh)), gate(dh, bent, 3, slope(out))},
                 1);
    d_gates[static_cast<size_t>(t)] = d;
    d_weight = plus(d_weight, ops::mm(ops::transpose(d, 0, 1), hidden_before));
    dh = ops::mm(d, weight);
    if (dc.defined()) dc = ops::mul(dc, keep);
  }
  return {ops::stack(d_gates, 0), dh, dc, d_weight};
}

}  // namespace

void check_lstm(const Tensor& gates, const Tensor& hidden, const Tensor& memory,
                const Tensor& weight) {
  layer_of(gates, hidden, memory, weight);
}

namespace impl {

std::tuple<Tensor, Tensor, Tensor> _lstm(const Tensor& gates, const Tensor& hidden,
                                         const Tensor& memory, const Tensor& weight) {
  const Layer layer = layer_of(gates, hidden, memory, weight);
  const Tensor given = contiguous_values(gates), h = contiguous_values(hidden);
  const Tensor c = contiguous_values(memory), w = contiguous_values(weight);
  Tensor hiddens = empty({layer.steps, layer.batch, layer.size}, layer.dtype);
  Tensor memories = empty(hiddens.sizes(), layer.dtype);
  Tensor values = empty(gates.sizes(), layer.dtype);
  const int64_t state = layer.bytes(layer.state());
  if (fits_cache(layer)) {
    const int64_t size = layer.size, width = 4 * size;
    const Tensor packed = empty({cpu::packed_elements(size, width)}, layer.dtype);
    cpu::pack_columns(layer.dtype, size, width, w.data(), 1, size, packed.data());
    for_rows(layer, [&](int64_t first, int64_t rows) {
      const int64_t skip = layer.bytes(first * size);
      const char *hidden_before = h.data() + skip, *memory_before = c.data() + skip;
      for (int64_t t = 0; t < layer.steps; ++t) {
        char* at = values.data() + 4 * (t * state + skip);
        char* hidden_now = hiddens.data() + t * state + skip;
        char* memory_now = memories.data() + t * state + skip;
        times_packed(layer, rows, width, size, hidden_before, packed, at);
        cpu::lstm_step({layer.dtype, rows, size}, given.data() + 4 * (t * state + skip),
                       memory_before, at, memory_now, hidden_now);
        hidden_before = hidden_now;
        memory_before = memory_now;
      }
    });
    return {hiddens, memories, values};
  }
  const char *hidden_before = h.data(), *memory_before = c.data();
  for (int64_t t = 0; t < layer.steps; ++t) {
    char *at = values.data() + 4 * t * state, *hidden_now = hiddens.data() + t * state;
    char* memory_now = memories.data() + t * state;
    product(layer, layer.batch, 4 * layer.size, layer.size, hidden_before, false, w.data(), true,
            at, 0);
    cpu::lstm_step(layer.cell(), given.data() + 4 * t * state, memory_before, at, memory_now,
                   hidden_now);
    hidden_before = hidden_now;
    memory_before = memory_now;
  }
  return {hiddens, memories, values};
}

Gradients _lstm_vjp(const Tensor& grad_hidden, const Tensor& grad_memory, const Tensor& grad_gates,
                    const Tensor& hidden, const Tensor& memory, const Tensor& weight,
                    const Tensor& hiddens, const Tensor& memories, const Tensor& gates,
                    bool want_hidden, bool want_memory, bool want_weight) {
  if (modes.grad ||
      any_wrapped(grad_hidden, grad_memory, grad_gates, hidden, memory, weight, gates)) {
    return recorded(grad_hidden, grad_memory, grad_gates, hidden, memory, weight, hiddens, memories,
                    gates);
  }
  const Layer layer = layer_of(gates, hidden, memory, weight);
  const auto dense = [](const Tensor& tensor) {
    return tensor.defined() ? contiguous_values(tensor) : Tensor();
  };
  const Tensor g_hidden = dense(grad_hidden), g_memory = dense(grad_memory);
  const Tensor g_gates = dense(grad_gates), h = dense(hidden), c = dense(memory);
  const Tensor w = dense(weight), all_h = dense(hiddens), all_c = dense(memories);
  const Tensor values = dense(gates);
  Tensor d_gates = empty(gates.sizes(), layer.dtype);
  Tensor dh = ops::zeros_like(h), dc = ops::zeros_like(c), dw;
  const int64_t state = layer.bytes(layer.state());
  const auto at = [&](const Tensor& tensor, int64_t offset) -> const void* {
    return tensor.defined() ? tensor.data() + offset : nullptr;
  };
  // Step t of `rows` rows from `first` on.
  const auto step = [&](int64_t t, int64_t first, int64_t rows, const auto& times_weight) {
    const int64_t skip = layer.bytes(first * layer.size), here = t * state + skip;
    char* d = d_gates.data() + 4 * here;
    const void* memory_before = t > 0 ? at(all_c, here - state) : c.data() + skip;
    cpu::lstm_step_backward({layer.dtype, rows, layer.size},
                            {at(g_hidden, here), at(g_memory, here), at(g_gates, 4 * here)},
                            values.data() + 4 * here, memory_before, all_c.data() + here,
                            dh.data() + skip, dc.data() + skip, d);
    if (t > 0 || want_hidden) times_weight(d, dh.data() + skip, rows);
  };
  if (fits_cache(layer)) {
    const int64_t width = 4 * layer.size;
    const Tensor packed = empty({cpu::packed_elements(width, layer.size)}, layer.dtype);
    cpu::pack_columns(layer.dtype, width, layer.size, w.data(), layer.size, 1, packed.data());
    for_rows(layer, [&](int64_t first, int64_t rows) {
      for (int64_t t = layer.steps - 1; t >= 0; --t) {
        step(t, first, rows, [&](const char* d, char* to, int64_t m) {
          times_packed(layer, m, layer.size, width, d, packed, to);
        });
      }
    });
  } else {
    for (int64_t t = layer.steps - 1; t >= 0; --t) {
      step(t, 0, layer.batch, [&](const char* d, char* to, int64_t m) {
        product(layer, m, layer.size, 4 * layer.size, d, false, w.data(), false, to, 0);
      });
    }
  }
  if (want_weight && layer.steps == 0) dw = ops::zeros_like(w);
  if (want_weight && layer.steps > 0) {  // one product for all steps
    dw = empty(weight.sizes(), layer.dtype);
    const int64_t rest = (layer.steps - 1) * layer.batch;
    product(layer, 4 * layer.size, layer.size, layer.batch, d_gates.data(), true, h.data(), false,
            dw.data(), 0);
    if (rest > 0) {
      product(layer, 4 * layer.size, layer.size, rest, d_gates.data() + 4 * state, true,
              all_h.data(), false, dw.data(), 1);
    }
  }
  return {d_gates, want_hidden ? dh : Tensor(), want_memory ? dc : Tensor(), dw};
}

}  // namespace impl

}  // namespace wengert::ops
