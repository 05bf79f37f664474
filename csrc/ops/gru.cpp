// GRU layers, all steps at once.
#include "operators/basic.h"
#include "operators/creation.h"
#include "operators/elementwise.h"
#include "operators/matmul.h"
#include "operators/reduction.h"
#include "operators/rnn.h"
#include "operators/shape.h"
#include "operators/view.h"
#include "ops/batching.h"
#include "ops/recurrent.h"

namespace wengert::ops {

namespace {

using Gradients = std::tuple<Tensor, Tensor, Tensor, Tensor>;

RecurrentLayer layer_of(const Tensor& shares, const Tensor& hidden, const Tensor& weight,
                        const Tensor& shift) {
  const Dims& s = shares.sizes();
  const bool fits = shares.ndim() == 3 && hidden.ndim() == 2 && weight.ndim() == 2 &&
                    s[2] == 3 * hidden.sizes()[1] && s[1] == hidden.sizes()[0] &&
                    weight.sizes()[0] == s[2] && weight.sizes()[1] == hidden.sizes()[1] &&
                    (!shift.defined() || (shift.ndim() == 1 && shift.sizes()[0] == s[2]));
  WENGERT_CHECK(fits, kRuntime, "gru(): the sizes of shares, state, weight and shift do not fit",
                describe_argument("shares", shares), describe_argument("hidden", hidden),
                describe_argument("weight", weight), describe_argument("shift", shift));
  const DType dtype = shares.dtype();
  const bool same = hidden.dtype() == dtype && weight.dtype() == dtype &&
                    (!shift.defined() || shift.dtype() == dtype);
  WENGERT_CHECK(same && (dtype == DType::float32 || dtype == DType::float64), kRuntime,
                "gru(): expected shares, state, weight and shift of one dtype, float32 or float64",
                describe_argument("shares", shares), describe_argument("hidden", hidden),
                describe_argument("weight", weight), describe_argument("shift", shift));
  return {s[0], s[1], hidden.sizes()[1], 3, dtype};
}

// The same out of recorded operators, step by step.
Gradients recorded(const Tensor& grad_hidden, const Tensor& grad_values, const Tensor& hidden,
                   const Tensor& weight, const Tensor& hiddens, const Tensor& values,
                   bool want_shift) {
  const int64_t steps = values.sizes()[0], size = hidden.sizes()[1];
  const auto part = [&](const Tensor& tensor, int64_t number) {
    return ops::narrow(tensor, 1, number * size, size);
  };
  const auto times = [](const Tensor& a, const Tensor& b) {
    return a.defined() ? ops::mul(a, b) : Tensor();
  };
  Tensor dh, d_weight;
  std::vector<Tensor> d_shares(static_cast<size_t>(steps)), d_pasts(d_shares);
  for (int64_t t = steps - 1; t >= 0; --t) {
    const auto at = [&](const Tensor& tensor) {
      return tensor.defined() ? ops::select(tensor, 0, t) : Tensor();
    };
    const Tensor before = t > 0 ? ops::select(hiddens, 0, t - 1) : hidden;
    const Tensor a = at(values), e = at(grad_values);
    const Tensor reset = part(a, 0), update = part(a, 1), fresh = part(a, 2), share = part(a, 3);
    const auto own = [&](int64_t number) { return e.defined() ? part(e, number) : Tensor(); };
    const auto or_zeros = [&](const Tensor& d) { return d.defined() ? d : ops::zeros_like(fresh); };
    dh = plus(dh, at(grad_hidden));
    const Tensor d_update = plus(times(dh, ops::sub(before, fresh)), own(1));
    const Tensor d_fresh = plus(times(dh, ops::sub(Operand(1), update)), own(2));
    const Tensor inner = times(d_fresh, tanh_slope(fresh));
    const Tensor d_reset = plus(times(inner, share), own(0));
    const Tensor first = or_zeros(times(d_reset, sigmoid_slope(reset)));
    const Tensor second = or_zeros(times(d_update, sigmoid_slope(update)));
    const Tensor d = ops::cat({first, second, or_zeros(plus(times(inner, reset), own(3)))}, 1);
    const auto index = static_cast<size_t>(t);
    d_shares[index] = ops::cat({first, second, or_zeros(inner)}, 1);
    d_pasts[index] = d;
    d_weight = plus(d_weight, ops::mm(ops::transpose(d, 0, 1), before));
    dh = plus(times(dh, update), ops::mm(d, weight));
  }
  const Tensor d_shift =
      want_shift ? ops::sum(ops::stack(d_pasts, 0), Dims{0, 1}, false) : Tensor();
  return {ops::stack(d_shares, 0), dh, d_weight, d_shift};
}

}  // namespace

void check_gru(const Tensor& shares, const Tensor& hidden, const Tensor& weight,
               const Tensor& shift) {
  layer_of(shares, hidden, weight, shift);
}

namespace impl {

std::tuple<Tensor, Tensor> _gru(const Tensor& shares, const Tensor& hidden, const Tensor& weight,
                                const Tensor& shift) {
  const RecurrentLayer layer = layer_of(shares, hidden, weight, shift);
  const Tensor given = contiguous_values(shares), h = contiguous_values(hidden);
  const Tensor w = contiguous_values(weight);
  const Tensor b = dense(shift);
  Tensor hiddens = empty({layer.steps, layer.batch, layer.size}, layer.dtype);
  Tensor values = empty({layer.steps, layer.batch, 4 * layer.size}, layer.dtype);
  const Tensor past = empty({layer.batch, layer.width()}, layer.dtype);  // of one step
  const int64_t state = layer.bytes(layer.state());
  const void* shifts = bytes_at(b, 0);
  with_recurrent_weight(layer, layer.size, layer.width(), w, true,
                        [&](int64_t first, int64_t rows, const auto& multiply) {
                          const int64_t skip = layer.bytes(first * layer.size);
                          const char* before = h.data() + skip;
                          for (int64_t t = 0; t < layer.steps; ++t) {
                            const int64_t here = t * state + skip;
                            multiply(before, past.data() + 3 * skip, 0.0);
                            cpu::gru_step(layer.cell(rows), given.data() + 3 * here,
                                          past.data() + 3 * skip, shifts, before,
                                          values.data() + 4 * here, hiddens.data() + here);
                            before = hiddens.data() + here;
                          }
                        });
  return {hiddens, values};
}

Gradients _gru_vjp(const Tensor& grad_hidden, const Tensor& grad_values, const Tensor& hidden,
                   const Tensor& weight, const Tensor& hiddens, const Tensor& values,
                   bool want_hidden, bool want_weight, bool want_shift) {
  if (modes.grad || any_wrapped(grad_hidden, grad_values, hidden, weight, hiddens, values)) {
    return recorded(grad_hidden, grad_values, hidden, weight, hiddens, values, want_shift);
  }
  const Dims& s = hiddens.sizes();
  const RecurrentLayer layer{s[0], s[1], s[2], 3, hiddens.dtype()};
  const Tensor g_hidden = dense(grad_hidden), g_values = dense(grad_values), h = dense(hidden);
  const Tensor w = dense(weight), all_h = dense(hiddens), a = dense(values);
  const Tensor d_shares = empty({s[0], s[1], layer.width()}, layer.dtype);
  const Tensor d_pasts = empty(d_shares.sizes(), layer.dtype);
  const Tensor dh = ops::zeros_like(h);
  const int64_t state = layer.bytes(layer.state());
  with_recurrent_weight(
      layer, layer.width(), layer.size, w, false,
      [&](int64_t first, int64_t rows, const auto& multiply) {
        const int64_t skip = layer.bytes(first * layer.size);
        for (int64_t t = layer.steps - 1; t >= 0; --t) {
          const int64_t here = t * state + skip;
          cpu::gru_step_backward(
              layer.cell(rows), {bytes_at(g_hidden, here), bytes_at(g_values, 4 * here)},
              a.data() + 4 * here, t > 0 ? bytes_at(all_h, here - state) : h.data() + skip,
              dh.data() + skip, d_shares.data() + 3 * here, d_pasts.data() + 3 * here);
          if (t > 0 || want_hidden) multiply(d_pasts.data() + 3 * here, dh.data() + skip, 1.0);
        }
      });
  Tensor dw, d_shift;
  if (want_weight) {
    dw =
        layer.steps == 0 ? ops::zeros_like(w) : recurrent_weight_gradient(layer, d_pasts, h, all_h);
  }
  if (want_shift) d_shift = ops::sum(d_pasts, Dims{0, 1}, false);
  return {d_shares, want_hidden ? dh : Tensor(), dw, d_shift};
}

}  // namespace impl

}  // namespace wengert::ops
