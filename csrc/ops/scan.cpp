// Running sums, products and extremes, and the recurrence that their gradients are made of.
#include "kernels/cpu/scan.h"

#include "operators/scan.h"
#include "operators/view.h"

namespace wengert::ops {

namespace {

using Scan = void (*)(DType, const void*, void*, int64_t, int64_t, int64_t, bool);

Tensor run_scan(Scan scan, const Tensor& input, int64_t dim, bool reverse) {
  const Middle middle = middle_of(input, dim);
  Tensor result = wengert::empty(input.sizes(), input.dtype());
  scan(input.dtype(), middle.data.data(), result.data(), middle.outer, middle.n, middle.inner,
       reverse);
  return result;
}

// Sums and products of integers are int64.
Tensor run_wide_scan(const char* name, Scan scan, const Tensor& input, int64_t dim,
                     const std::optional<DType>& dtype) {
  const int64_t along = wrap_dim(dim, input.ndim(), name);
  const DType wide = dtype.value_or(is_integral(input.dtype()) ? DType::int64 : input.dtype());
  return run_scan(scan, input.dtype() == wide ? input : converted_values(input, wide), along,
                  false);
}

using Extreme = void (*)(DType, const void*, void*, int64_t*, int64_t, int64_t, int64_t);

std::tuple<Tensor, Tensor> run_extreme(const char* name, Extreme extreme, const Tensor& input,
                                       int64_t dim) {
  const Middle middle = middle_of(input, wrap_dim(dim, input.ndim(), name));
  Tensor values = wengert::empty(input.sizes(), input.dtype());
  Tensor indices = wengert::empty(input.sizes(), DType::int64);
  extreme(input.dtype(), middle.data.data(), values.data(), indices.data_as<int64_t>(),
          middle.outer, middle.n, middle.inner);
  return {values, indices};
}

}  // namespace

namespace impl {

Tensor cumsum(const Tensor& input, int64_t dim, const std::optional<DType>& dtype) {
  return run_wide_scan("cumsum", cpu::cumsum, input, dim, dtype);
}

Tensor _cumsum_reversed(const Tensor& input, int64_t dim) {
  return run_scan(cpu::cumsum, input, wrap_dim(dim, input.ndim(), "cumsum"), true);
}

Tensor cumprod(const Tensor& input, int64_t dim, const std::optional<DType>& dtype) {
  return run_wide_scan("cumprod", cpu::cumprod, input, dim, dtype);
}

std::tuple<Tensor, Tensor> cummax(const Tensor& input, int64_t dim) {
  return run_extreme("cummax", cpu::cummax, input, dim);
}

std::tuple<Tensor, Tensor> cummin(const Tensor& input, int64_t dim) {
  return run_extreme("cummin", cpu::cummin, input, dim);
}

Tensor logcumsumexp(const Tensor& input, int64_t dim) {
  return run_scan(cpu::logcumsumexp, input, wrap_dim(dim, input.ndim(), "logcumsumexp"), false);
}

Tensor _recurrence(const Tensor& coefficient, const Tensor& input, int64_t dim, bool reverse) {
  const int64_t along = wrap_dim(dim, input.ndim(), "recurrence");
  const Middle factors = middle_of(coefficient, along), terms = middle_of(input, along);
  Tensor result = wengert::empty(input.sizes(), input.dtype());
  cpu::recurrence(input.dtype(), factors.data.data(), terms.data.data(), result.data(), terms.outer,
                  terms.n, terms.inner, reverse);
  return result;
}

Tensor _shift(const Tensor& input, int64_t dim, int64_t steps, const Scalar& fill_value) {
  Tensor result = wengert::empty(input.sizes(), input.dtype());
  const int64_t n = input.ndim() == 0 ? 1 : input.size(dim);
  if (n <= 1) {
    fill_values(result, fill_value);
    return result;
  }
  const int64_t from = steps > 0 ? 0 : 1, to = 1 - from;
  copy_values(impl::slice(result, dim, to, to + n - 1, 1),
              impl::slice(input, dim, from, from + n - 1, 1));
  const int64_t free = steps > 0 ? 0 : n - 1;
  fill_values(impl::slice(result, dim, free, free + 1, 1), fill_value);
  return result;
}

}  // namespace impl

}  // namespace wengert::ops
