// GELU, whose derivative is worth keeping: it costs little beside the value, and nearly as much as
// that by itself.
#include "operators/activation.h"

#include "kernels/cpu/simd/gelu.h"
#include "operators/basic.h"
#include "operators/elementwise.h"
#include "operators/special.h"
#include "ops/batching.h"

namespace wengert::ops {

namespace {

// The derivative out of recorded operators.
Tensor slope_of(const Tensor& x, bool tanh) {
  if (!tanh) return ops::add(ops::ndtr(x), ops::mul(x, ops::_normal_density(x)));
  const Tensor gate = ops::_gelu_gate(x), rest = ops::sub(Operand(1), gate);
  const Tensor steep =
      ops::add(Operand(1.5957691216057308), ops::mul(ops::mul(Operand(0.21406444881780073), x), x));
  return ops::mul(gate, ops::add(Operand(1), ops::mul(ops::mul(x, rest), steep)));
}

bool has_slope(DType dtype) { return dtype == DType::float32 || dtype == DType::float64; }

// Hooks on saved values see what PyTorch saves, the input alone.
bool keeps_slope(const Tensor& input) {
  return modes.grad && requires_grad(input) && modes.saved_hooks == nullptr &&
         !any_wrapped(input) && input.is_contiguous() && has_slope(input.dtype());
}

}  // namespace

namespace impl {

Tensor gelu(const Tensor& input, const std::string& approximate) {
  const bool tanh = approximate == "tanh";
  WENGERT_CHECK(tanh || approximate == "none", kRuntime,
                "approximate argument must be either none or tanh.");
  if (keeps_slope(input)) return std::get<0>(ops::_gelu_with_slope(input, tanh));
  return tanh ? ops::_gelu_tanh(input) : ops::_gelu_erf(input);
}

std::tuple<Tensor, Tensor> _gelu_with_slope(const Tensor& input, bool tanh) {
  WENGERT_CHECK(has_slope(input.dtype()), kRuntime,
                "gelu_with_slope(): expected float32 or float64",
                describe_argument("input", input));
  const Tensor x = contiguous_values(input);
  const Tensor y = empty(input.sizes(), input.dtype()), slope = empty(input.sizes(), input.dtype());
  cpu::gelu_with_slope(input.dtype(), tanh, x.numel(), x.data(), y.data(), slope.data());
  return {y, slope};
}

Tensor _gelu_vjp(const Tensor& grad, const Tensor& input, const Tensor& slope, bool tanh) {
  if (modes.grad || any_wrapped(grad, input, slope)) {
    return ops::_strong_product(grad, slope_of(input, tanh));
  }
  return ops::_strong_product(grad, slope);
}

}  // namespace impl

std::tuple<Tensor, Tensor> _gelu_with_slope_batch(const Lift& at, const Tensor& input, bool tanh) {
  if (!at.any_batched(input)) return at.wrap(_gelu_with_slope(at.inner(input), tanh), false);
  return at.wrap(_gelu_with_slope(at.front(input), tanh), true);
}

}  // namespace wengert::ops
