// Tensors made from sizes and numbers.
#include "operators/creation.h"

#include <cmath>

#include "device/cpu/parallel.h"
#include "tensor/promotion.h"

namespace wengert::ops {

namespace {

constexpr int64_t kGrain = 32768;

Tensor with_grad(Tensor result, bool requires_grad) {
  WENGERT_CHECK(!requires_grad || is_inexact(result.dtype()), kRuntime,
                "Only Tensors of floating point and complex dtype can require gradients",
                describe_argument("result", result));
  result->requires_grad = requires_grad;
  return result;
}

Tensor filled(Tensor result, const Scalar& value, bool requires_grad) {
  fill_values(result, value);
  return with_grad(std::move(result), requires_grad);
}

void check_sizes(const char* op, const Dims& size) {
  for (int64_t length : size) {
    WENGERT_CHECK(length >= 0, kRuntime, op, "(): Trying to create tensor with negative dimension ",
                  length, ": ", to_string(size));
  }
}

Tensor like(const Tensor& input, const std::optional<DType>& dtype,
            const std::optional<MemoryFormat>& format) {
  return wengert::empty_like(input, dtype.value_or(input.dtype()),
                             format.value_or(MemoryFormat::kPreserve));
}

// result[i] = value(i), rounded once.
template <typename Fn>
void fill_by_position(const Tensor& result, const Fn& value) {
  visit_dtype(result.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* out = result.data_as<T>();
    parallel_for(result.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = convert<T>(value(i));
    });
  });
}

}  // namespace

namespace impl {

Tensor empty_like(const Tensor& input, const std::optional<DType>& dtype, int, bool requires_grad,
                  const std::optional<MemoryFormat>& format) {
  return with_grad(like(input, dtype, format), requires_grad);
}
Tensor zeros_like(const Tensor& input, const std::optional<DType>& dtype, int, bool requires_grad,
                  const std::optional<MemoryFormat>& format) {
  return filled(like(input, dtype, format), Scalar(0), requires_grad);
}
Tensor ones_like(const Tensor& input, const std::optional<DType>& dtype, int, bool requires_grad,
                 const std::optional<MemoryFormat>& format) {
  return filled(like(input, dtype, format), Scalar(1), requires_grad);
}
Tensor full_like(const Tensor& input, const Scalar& value, const std::optional<DType>& dtype, int,
                 bool requires_grad, const std::optional<MemoryFormat>& format) {
  return filled(like(input, dtype, format), value, requires_grad);
}

Tensor new_empty(const Tensor& input, const Dims& size, const std::optional<DType>& dtype, int,
                 bool requires_grad) {
  check_sizes("new_empty", size);
  return with_grad(wengert::empty(size, dtype.value_or(input.dtype())), requires_grad);
}
Tensor new_zeros(const Tensor& input, const Dims& size, const std::optional<DType>& dtype, int,
                 bool requires_grad) {
  check_sizes("new_zeros", size);
  return filled(wengert::empty(size, dtype.value_or(input.dtype())), Scalar(0), requires_grad);
}
Tensor new_ones(const Tensor& input, const Dims& size, const std::optional<DType>& dtype, int,
                bool requires_grad) {
  check_sizes("new_ones", size);
  return filled(wengert::empty(size, dtype.value_or(input.dtype())), Scalar(1), requires_grad);
}
Tensor new_full(const Tensor& input, const Dims& size, const Scalar& value,
                const std::optional<DType>& dtype, int, bool requires_grad) {
  check_sizes("new_full", size);
  return filled(wengert::empty(size, dtype.value_or(input.dtype())), value, requires_grad);
}

Tensor empty_strided(const Dims& size, const Dims& stride, const std::optional<DType>& dtype, int,
                     bool requires_grad) {
  check_sizes("empty_strided", size);
  WENGERT_CHECK(size.size() == stride.size(), kRuntime,
                "empty_strided(): mismatch in length of strides and shape: ", to_string(stride),
                " and ", to_string(size));
  for (int64_t step : stride) {
    WENGERT_CHECK(
        step >= 0, kRuntime,
        "empty_strided(): Negative strides are not supported at the moment, got strides: ",
        to_string(stride));
  }
  return with_grad(wengert::empty_strided(size, stride, dtype.value_or(default_dtype())),
                   requires_grad);
}

Tensor arange(const Scalar& start_or_end, const std::optional<Scalar>& given_end,
              const Scalar& step, const std::optional<DType>& dtype, int, bool requires_grad) {
  const Scalar start = given_end.has_value() ? start_or_end : Scalar(0);
  const Scalar end = given_end.value_or(start_or_end);
  WENGERT_CHECK(!start.is_complex() && !end.is_complex() && !step.is_complex(), kNotImplemented,
                "arange(): not implemented for complex numbers");
  const bool integers = start.is_integral() && end.is_integral() && step.is_integral();
  const DType type = dtype.value_or(integers ? DType::int64 : default_dtype());
  const double first = start.real(), last = end.real(), by = step.real();
  WENGERT_CHECK(by != 0, kRuntime, "arange(): step must be nonzero");
  WENGERT_CHECK(std::isfinite(first) && std::isfinite(last), kRuntime,
                "arange(): unsupported range: ", first, " -> ", last);
  WENGERT_CHECK(by > 0 ? last >= first : last <= first, kRuntime,
                "arange(): upper bound and lower bound inconsistent with step sign");
  // int64 counts in integers; the others as PyTorch does, in double.
  const auto a = start.to<int64_t>(), c = step.to<int64_t>();
  double count = std::ceil((last - first) / by);
  if (type == DType::int64) {
    WENGERT_CHECK(c != 0, kRuntime, "arange(): step must be nonzero");
    count = static_cast<double>((end.to<int64_t>() - a + c - (c > 0 ? 1 : -1)) / c);
  }
  WENGERT_CHECK(count >= 0 && count < 9e18, kRuntime, "arange(): invalid size, possible overflow?");
  Tensor result = wengert::empty({static_cast<int64_t>(count)}, type);
  if (is_integral(type)) {
    fill_by_position(result, [=](int64_t i) { return a + i * c; });
  } else {
    fill_by_position(result, [=](int64_t i) { return first + static_cast<double>(i) * by; });
  }
  return with_grad(std::move(result), requires_grad);
}

Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps,
                const std::optional<DType>& dtype, int, bool requires_grad) {
  WENGERT_CHECK(steps >= 0, kRuntime, "linspace(): number of steps must be non-negative");
  const bool complex = start.is_complex() || end.is_complex();
  const DType type = dtype.value_or(complex ? to_complex(default_dtype()) : default_dtype());
  WENGERT_CHECK(!complex || is_complex(type), kRuntime, "linspace(): inferred dtype ",
                dtype_name(to_complex(default_dtype())), " can't be safely cast to passed dtype ",
                dtype_name(type));
  Tensor result = wengert::empty({steps}, type);
  // From both ends towards the middle, so that both are exact.
  const auto fill = [&](auto first, auto last) {
    const auto step = steps > 1 ? (last - first) / static_cast<double>(steps - 1) : last - first;
    fill_by_position(result, [=](int64_t i) {
      return i < steps / 2 || steps == 1 ? first + step * static_cast<double>(i)
                                         : last - step * static_cast<double>(steps - 1 - i);
    });
  };
  if (complex) {
    fill(start.to<std::complex<double>>(), end.to<std::complex<double>>());
  } else if (is_integral(type)) {  // the ends are integers, the steps need not be
    fill(static_cast<double>(start.to<int64_t>()), static_cast<double>(end.to<int64_t>()));
  } else {
    fill(start.real(), end.real());
  }
  return with_grad(std::move(result), requires_grad);
}

Tensor eye(int64_t n, const std::optional<int64_t>& m, const std::optional<DType>& dtype, int,
           bool requires_grad) {
  const int64_t columns = m.value_or(n);
  WENGERT_CHECK(n >= 0, kRuntime, "eye(): n must be greater or equal to 0, got ", n);
  WENGERT_CHECK(columns >= 0, kRuntime, "eye(): m must be greater or equal to 0, got ", columns);
  Tensor result = wengert::empty({n, columns}, dtype.value_or(default_dtype()));
  fill_values(result, Scalar(0));
  fill_values(alias(result, {std::min(n, columns)}, {columns + 1}, 0), Scalar(1));
  return with_grad(std::move(result), requires_grad);
}

}  // namespace impl

}  // namespace wengert::ops
