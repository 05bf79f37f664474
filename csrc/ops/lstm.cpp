// LSTM layers, all steps at once.
#include "operators/basic.h"
#include "operators/creation.h"
#include "operators/elementwise.h"
#include "operators/matmul.h"
#include "operators/rnn.h"
#include "operators/shape.h"
#include "operators/transcendental.h"
#include "operators/view.h"
#include "ops/batching.h"
#include "ops/recurrent.h"

namespace wengert::ops {

namespace {

using Gradients = std::tuple<Tensor, Tensor, Tensor, Tensor>;

RecurrentLayer layer_of(const Tensor& gates, const Tensor& hidden, const Tensor& memory,
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
  return {s[0], s[1], hidden.sizes()[1], 4, dtype};
}

// The same out of recorded operators, step by step.
Gradients recorded(const Tensor& grad_hidden, const Tensor& grad_memory, const Tensor& grad_gates,
                   const Tensor& hidden, const Tensor& memory, const Tensor& weight,
                   const Tensor& hiddens, const Tensor& memories, const Tensor& gates) {
  const int64_t steps = gates.sizes()[0], size = hidden.sizes()[1];
  const auto part = [&](const Tensor& tensor, int64_t number) {
    return ops::narrow(tensor, 1, number * size, size);
  };
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
    if (dh.defined()) dc = plus(dc, ops::mul(ops::mul(dh, out), tanh_slope(bent)));
    const auto gate = [&](const Tensor& outer, const Tensor& other, int64_t number,
                          const Tensor& derivative) {
      Tensor g = outer.defined() ? ops::mul(outer, other) : Tensor();
      if (e.defined()) g = plus(g, part(e, number));
      return g.defined() ? ops::mul(g, derivative) : ops::zeros_like(derivative);
    };
    const Tensor d = ops::cat(
        {gate(dc, fresh, 0, sigmoid_slope(into)), gate(dc, memory_before, 1, sigmoid_slope(keep)),
         gate(dc, into, 2, tanh_slope(fresh)), gate(dh, bent, 3, sigmoid_slope(out))},
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
  const RecurrentLayer layer = layer_of(gates, hidden, memory, weight);
  const Tensor given = contiguous_values(gates), h = contiguous_values(hidden);
  const Tensor c = contiguous_values(memory), w = contiguous_values(weight);
  Tensor hiddens = empty({layer.steps, layer.batch, layer.size}, layer.dtype);
  Tensor memories = empty(hiddens.sizes(), layer.dtype);
  Tensor values = empty(gates.sizes(), layer.dtype);
  const int64_t state = layer.bytes(layer.state());
  with_recurrent_weight(
      layer, layer.size, layer.width(), w, true,
      [&](int64_t first, int64_t rows, const auto& multiply) {
        const int64_t skip = layer.bytes(first * layer.size);
        const char *hidden_before = h.data() + skip, *memory_before = c.data() + skip;
        for (int64_t t = 0; t < layer.steps; ++t) {
          const int64_t here = t * state + skip;
          char *hidden_now = hiddens.data() + here, *memory_now = memories.data() + here;
          multiply(hidden_before, values.data() + 4 * here, 0.0);
          cpu::lstm_step(layer.cell(rows), given.data() + 4 * here, memory_before,
                         values.data() + 4 * here, memory_now, hidden_now);
          hidden_before = hidden_now;
          memory_before = memory_now;
        }
      });
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
  const RecurrentLayer layer = layer_of(gates, hidden, memory, weight);
  const Tensor g_hidden = dense(grad_hidden), g_memory = dense(grad_memory);
  const Tensor g_gates = dense(grad_gates), h = dense(hidden), c = dense(memory);
  const Tensor w = dense(weight), all_h = dense(hiddens), all_c = dense(memories);
  const Tensor values = dense(gates);
  Tensor d_gates = empty(gates.sizes(), layer.dtype);
  Tensor dh = ops::zeros_like(h), dc = ops::zeros_like(c), dw;
  const int64_t state = layer.bytes(layer.state());
  with_recurrent_weight(
      layer, layer.width(), layer.size, w, false,
      [&](int64_t first, int64_t rows, const auto& multiply) {
        const int64_t skip = layer.bytes(first * layer.size);
        for (int64_t t = layer.steps - 1; t >= 0; --t) {
          const int64_t here = t * state + skip;
          char* d = d_gates.data() + 4 * here;
          const void* memory_before = t > 0 ? bytes_at(all_c, here - state) : c.data() + skip;
          cpu::lstm_step_backward(
              layer.cell(rows),
              {bytes_at(g_hidden, here), bytes_at(g_memory, here), bytes_at(g_gates, 4 * here)},
              values.data() + 4 * here, memory_before, all_c.data() + here, dh.data() + skip,
              dc.data() + skip, d);
          if (t > 0 || want_hidden) multiply(d, dh.data() + skip, 0.0);
        }
      });
  if (want_weight) {
    dw =
        layer.steps == 0 ? ops::zeros_like(w) : recurrent_weight_gradient(layer, d_gates, h, all_h);
  }
  return {d_gates, want_hidden ? dh : Tensor(), want_memory ? dc : Tensor(), dw};
}

}  // namespace impl

}  // namespace wengert::ops
