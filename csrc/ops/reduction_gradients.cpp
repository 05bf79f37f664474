#include "ops/reduction_gradients.h"

#include "operators/basic.h"
#include "operators/comparison.h"
#include "operators/elementwise.h"
#include "operators/gather.h"
#include "operators/reduction.h"
#include "operators/scan.h"
#include "operators/shape.h"
#include "operators/transcendental.h"
#include "operators/view.h"
#include "ops/linalg.h"

namespace wengert::ops {

// Of all samples together, where a transform is running.
bool any_true(const Tensor& mask) {
  if (is_wrapped(mask)) {
    settle(*mask.impl());
    if (is_wrapped(mask)) return any_true(mask->wrapper->inner);
  }
  return *impl::any(mask, {}, false).data_as<bool>();
}

namespace {

Tensor conjugate(const Tensor& tensor) {
  return is_complex(tensor.dtype()) ? ops::conj(tensor) : tensor;
}

constexpr double kLowest = -std::numeric_limits<double>::infinity();

// A mask of what the derivative treats specially: no history.
template <typename Fn>
Tensor constant(const Fn& fn) {
  const GradModeScope no_grad(false);
  return fn();
}

}  // namespace

Tensor _prod_gradient(const Tensor& g, const Tensor& input, const Tensor& y,
                      const std::optional<int64_t>& dim, bool keepdim) {
  const Tensor x = ops::_to_dtype(input, g.dtype());
  const Tensor zero = constant([&] { return ops::eq(x, 0); });
  if (!any_true(zero)) {
    const Tensor total = ops::mul(g, conjugate(y));
    return ops::true_divide(ops::_expand_reduced(total, x.sizes(), optional_dims(dim), keepdim),
                            conjugate(x));
  }
  // The product is the last of the running products.
  const bool flat = !dim.has_value() || x.ndim() == 0;
  const Tensor line = flat ? ops::reshape(x, {-1}) : x;
  const int64_t along = flat ? 0 : wrap_dim(*dim, x.ndim(), "prod");
  Dims last_sizes = line.sizes();
  last_sizes.erase(along);
  const Tensor last = ops::_select_backward(ops::reshape(g, last_sizes), line.sizes(), along,
                                            line.sizes()[along] - 1);
  const Tensor gradient = ops::_cumprod_gradient(last, line, ops::cumprod(line, along), along);
  return ops::reshape(gradient, x.sizes());
}

Tensor _extreme_gradient(const Tensor& g, const Tensor& input, const Tensor& y,
                         const std::optional<Dims>& dim, bool keepdim) {
  const Tensor mask = constant([&] {
    const Tensor most = ops::_expand_reduced(y, input.sizes(), dim, keepdim);
    const Tensor equal = ops::eq(input, most);
    if (!any_true(ops::isnan(y))) return equal;
    return ops::logical_or(equal, ops::logical_and(ops::isnan(input), ops::isnan(most)));
  });
  const Tensor count = constant([&] { return ops::sum(mask, dim, keepdim); });
  const Tensor share = ops::true_divide(g, ops::_to_dtype(count, g.dtype()));
  return ops::where(mask, ops::_expand_reduced(share, input.sizes(), dim, keepdim), 0);
}

Tensor _logsumexp_gradient(const Tensor& g, const Tensor& input, const Tensor& y, const Dims& dim,
                           bool keepdim) {
  Tensor distance = ops::sub(input, ops::_expand_reduced(y, input.sizes(), dim, keepdim));
  const Tensor empty = constant([&] { return ops::eq(ops::real(y), Operand(kLowest)); });
  if (any_true(empty)) {  // exp(-inf - -inf) would be NaN
    const Tensor nothing =
        constant([&] { return ops::_expand_reduced(empty, input.sizes(), dim, keepdim); });
    distance = ops::masked_fill(distance, nothing, Operand(kLowest));
  }
  return ops::_strong_product(ops::_expand_reduced(g, input.sizes(), dim, keepdim),
                              conjugate(ops::exp(distance)));
}

Tensor _variance_gradient(const Tensor& g, const Tensor& input, const std::optional<Dims>& dim,
                          double correction, bool keepdim) {
  const double count = static_cast<double>(_reduced_count(input.sizes(), dim));
  const Tensor scaled = ops::_strong_product(g, Operand(2 / std::max(0.0, count - correction)));
  const Tensor centered = ops::sub(input, ops::mean(input, dim, true));
  return ops::_strong_product(ops::_expand_reduced(scaled, input.sizes(), dim, keepdim), centered);
}

// y = (sum |x|^p)^(1/p), hence dy/dx = sgn(x) |x|^(p-1) / y^(p-1). At 0 the subgradient is 0.
Tensor _norm_gradient(const Tensor& g, const Tensor& input, const Tensor& y, double p,
                      const std::optional<Dims>& dim, bool keepdim) {
  const auto spread = [&](const Tensor& reduced) {
    return ops::_expand_reduced(reduced, input.sizes(), dim, keepdim);
  };
  const auto unless = [](const Tensor& mask, const Tensor& values) {
    return any_true(mask) ? ops::masked_fill(values, mask, 0) : values;
  };
  if (p == 0) return ops::_zeros(input.sizes(), input.dtype());
  if (p == 1) return ops::mul(ops::sgn(input), spread(g));
  if (std::isinf(p)) {
    const Tensor size = constant([&] { return ops::abs(input); });
    const Tensor share = _extreme_gradient(g, size, y, dim, keepdim);
    return ops::mul(ops::sgn(input), share);
  }
  const Tensor zero = constant([&] { return ops::eq(y, 0); });
  if (p == 2) return ops::mul(input, spread(unless(zero, ops::true_divide(g, y))));
  if (p < 1) {
    const Tensor nothing = constant([&] { return ops::eq(input, 0); });
    const Tensor power = unless(nothing, ops::pow(ops::abs(input), Operand(p - 1)));
    return ops::mul(ops::mul(ops::sgn(input), power),
                    spread(ops::mul(g, ops::pow(y, Operand(1 - p)))));
  }
  const Tensor scale = unless(zero, ops::true_divide(g, ops::pow(y, Operand(p - 1))));
  const Tensor power = p < 2 ? ops::mul(ops::sgn(input), ops::pow(ops::abs(input), Operand(p - 1)))
                             : ops::mul(input, ops::pow(ops::abs(input), Operand(p - 2)));
  return ops::mul(power, spread(scale));
}

// d y[j] / d x[i] = product of all x[k], k <= j, but for x[i]: what comes before i is a running
// product, what comes after is collected by a recurrence from the end. Nothing is divided.
Tensor _cumprod_gradient(const Tensor& g, const Tensor& input, const Tensor& y, int64_t dim) {
  const Tensor x = ops::_to_dtype(input, g.dtype());
  const Tensor next = ops::_shift(conjugate(x), dim, -1, Scalar(0));
  const Tensor after = ops::_recurrence(next, g, dim, true);
  return ops::mul(conjugate(ops::_shift(y, dim, 1, Scalar(1))), after);
}

// d y[j] / d x[i] = exp(x[i] - y[j]); exp(x[i] - y[i]) is taken out, and the rest is a recurrence
// whose factors exp(y[i] - y[i + 1]) are at most 1.
Tensor _logcumsumexp_gradient(const Tensor& g, const Tensor& input, const Tensor& y, int64_t dim) {
  const Scalar zero(0);
  const Tensor nothing = constant([&] { return ops::eq(ops::real(y), Operand(kLowest)); });
  const Tensor step = ops::masked_fill(ops::sub(y, ops::_shift(y, dim, -1, zero)), nothing, zero);
  const Tensor own = ops::masked_fill(ops::sub(input, y), nothing, Operand(kLowest));
  const Tensor after = ops::_recurrence(conjugate(ops::exp(step)), g, dim, true);
  return ops::mul(conjugate(ops::exp(own)), after);
}

std::tuple<Tensor, Tensor> _recurrence_gradient(const Tensor& g, const Tensor& coefficient,
                                                const Tensor& y, int64_t dim, bool reverse) {
  const int64_t back = reverse ? 1 : -1;
  const Tensor factors = ops::_shift(conjugate(coefficient), dim, back, Scalar(0));
  const Tensor gradient = ops::_recurrence(factors, g, dim, !reverse);
  return {ops::mul(gradient, conjugate(ops::_shift(y, dim, -back, Scalar(0)))), gradient};
}

Tensor _pick_gradient(const Tensor& g, const Tensor& index, const Dims& size, int64_t dim,
                      bool keepdim) {
  if (size.empty()) return ops::reshape(g, size);
  if (keepdim) return ops::_gather_backward(g, size, dim, index);
  const int64_t along = wrap_dim(dim, static_cast<int64_t>(size.size()), "scatter");
  return ops::_gather_backward(ops::unsqueeze(g, along), size, along, ops::unsqueeze(index, along));
}

}  // namespace wengert::ops
