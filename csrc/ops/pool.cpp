// Pooling: shapes, checks, and calls of the kernels.
#include "kernels/cpu/pool.h"

#include "operators/basic.h"
#include "operators/pool.h"
#include "ops/spatial.h"

namespace wengert::ops {

namespace {

int64_t planes_of(const Dims& sizes, int64_t dimensions) {
  int64_t planes = 1;
  for (size_t i = 0; i + static_cast<size_t>(dimensions) < sizes.size(); ++i) planes *= sizes[i];
  return planes;
}

Dims with_spatial(const Dims& sizes, const int64_t* spatial, int64_t dimensions) {
  Dims result = sizes;
  const size_t first = sizes.size() - static_cast<size_t>(dimensions);
  for (int64_t i = 0; i < dimensions; ++i) result[first + static_cast<size_t>(i)] = spatial[i];
  return result;
}

Dims stride_or_kernel(const std::optional<Dims>& stride, const Dims& kernel_size) {
  return stride.has_value() && !stride->empty() ? *stride : kernel_size;
}

// Geometry of what pools an input of `sizes`; `out` is filled in.
cpu::Pool plan_of(DType dtype, const Dims& sizes, int64_t dimensions, const Dims& kernel_size,
                  const std::optional<Dims>& stride, const Dims& padding, const Dims& dilation,
                  bool ceil_mode) {
  cpu::Pool pool;
  const Dims steps = stride_or_kernel(stride, kernel_size);
  pool.dtype = dtype;
  pool.dimensions = static_cast<int>(dimensions);
  pool.planes = planes_of(sizes, dimensions);
  const size_t first = sizes.size() - static_cast<size_t>(dimensions);
  for (int i = 0; i < pool.dimensions; ++i) {
    pool.in[i] = sizes[first + static_cast<size_t>(i)];
    pool.kernel[i] = kernel_size[i];
    pool.stride[i] = steps[i];
    pool.padding[i] = padding[i];
    pool.dilation[i] = dilation[i];
    pool.out[i] = cpu::pool_output_size(pool.in[i], pool.kernel[i], pool.stride[i], pool.padding[i],
                                        pool.dilation[i], ceil_mode);
  }
  return pool;
}

cpu::Pool average_plan(DType dtype, const Dims& sizes, int64_t dimensions, const Dims& kernel_size,
                       const std::optional<Dims>& stride, const Dims& padding, bool ceil_mode,
                       bool count_include_pad, const std::optional<int64_t>& divisor_override) {
  const Dims ones(static_cast<size_t>(dimensions), 1);
  cpu::Pool pool = plan_of(dtype, sizes, dimensions, kernel_size, stride, padding, ones, ceil_mode);
  pool.count_include_pad = count_include_pad;
  pool.divisor_override = divisor_override.value_or(0);
  return pool;
}

cpu::Pool adaptive_plan(DType dtype, const Dims& sizes, int64_t dimensions, const Dims& out) {
  cpu::Pool pool;
  pool.dtype = dtype;
  pool.dimensions = static_cast<int>(dimensions);
  pool.planes = planes_of(sizes, dimensions);
  const size_t first = sizes.size() - static_cast<size_t>(dimensions);
  for (int i = 0; i < pool.dimensions; ++i) {
    pool.in[i] = sizes[first + static_cast<size_t>(i)];
    pool.out[i] = out[i];
  }
  return pool;
}

// --- the public operators: checks, and numbers made into lists ---

struct Pooling {
  const char* op;
  int dimensions;
  Dims kernel_size;
  std::optional<Dims> stride;
  Dims padding, dilation;
  bool ceil_mode;
};

// All sizes but that of the batch must be positive.
void check_input(const char* op, int n, const Tensor& input) {
  bool fits = input.ndim() == n + 1 || input.ndim() == n + 2;
  if (fits) {
    for (int64_t i = input.ndim() == n + 2 ? 1 : 0; i < input.ndim(); ++i) {
      if (input.sizes()[i] == 0) fits = false;
    }
  }
  WENGERT_CHECK(fits, kRuntime, op, "(): Expected ", n + 1, "D or ", n + 2,
                "D (batch mode) tensor with optional 0 dim batch size for input, but got:",
                to_string(input.sizes()), describe_argument("input", input));
}

void check_pooling(Pooling& p, const Tensor& input) {
  const int n = p.dimensions;
  static constexpr const char* kWords[] = {"one int", "two ints", "three ints"};
  const auto expand = [&](const char* name, Dims& values) {
    if (values.size() == 1) values = Dims(static_cast<size_t>(n), values[0]);
    WENGERT_CHECK(values.size() == static_cast<size_t>(n), kRuntime, p.op, "(): ", name,
                  " must either be a single int, or a tuple of ", kWords[n - 1], ", but got ",
                  to_string(values));
  };
  Dims stride = stride_or_kernel(p.stride, p.kernel_size);
  expand("kernel_size", p.kernel_size);
  expand("stride", stride);
  expand("padding", p.padding);
  expand("dilation", p.dilation);
  p.stride = stride;
  check_input(p.op, n, input);
  Dims out(static_cast<size_t>(n), 0);
  bool fits = true;
  for (int i = 0; i < n; ++i) {
    WENGERT_CHECK(stride[i] != 0, kRuntime, p.op, "(): stride should not be zero");
    WENGERT_CHECK(p.kernel_size[i] > 0, kRuntime, p.op,
                  "(): kernel size should be greater than zero, but got ",
                  to_string(p.kernel_size));
    WENGERT_CHECK(stride[i] > 0, kRuntime, p.op, "(): stride should be greater than zero, but got ",
                  to_string(stride));
    WENGERT_CHECK(p.dilation[i] > 0, kRuntime, p.op,
                  "(): dilation should be greater than zero, but got ", to_string(p.dilation));
    WENGERT_CHECK(p.padding[i] >= 0, kRuntime, p.op,
                  "(): pad must be non-negative, but got pad: ", p.padding[i]);
    WENGERT_CHECK(
        p.padding[i] <= (p.dilation[i] * (p.kernel_size[i] - 1) + 1) / 2, kRuntime, p.op,
        "(): pad should be at most half of effective kernel size, but got pad=", p.padding[i],
        ", kernel_size=", p.kernel_size[i], " and dilation=", p.dilation[i]);
    out[i] = cpu::pool_output_size(input.sizes()[input.sizes().size() - n + i], p.kernel_size[i],
                                   stride[i], p.padding[i], p.dilation[i], p.ceil_mode);
    if (out[i] < 1) fits = false;
  }
  const int64_t channels = input.sizes()[input.sizes().size() - n - 1];
  WENGERT_CHECK(fits, kRuntime, p.op, "(): Given input size: (", channels, "x",
                joined(spatial_sizes(input.sizes(), n), "x"), "). Calculated output size: (",
                channels, "x", joined(out, "x"), "). Output size is too small",
                describe_argument("input", input));
}

std::tuple<Tensor, Tensor> max_pool(Pooling p, const Tensor& input) {
  check_pooling(p, input);
  return ops::_max_pool(input, p.dimensions, p.kernel_size, p.stride, p.padding, p.dilation,
                        p.ceil_mode);
}

Tensor avg_pool(Pooling p, const Tensor& input, bool count_include_pad,
                const std::optional<int64_t>& divisor_override = {}) {
  p.dilation = {1};
  check_pooling(p, input);
  WENGERT_CHECK(divisor_override.value_or(1) != 0, kRuntime, p.op, "(): divisor must be not zero");
  return ops::_avg_pool(input, p.dimensions, p.kernel_size, p.stride, p.padding, p.ceil_mode,
                        count_include_pad, divisor_override);
}

Dims checked_output_size(const char* op, int n, const Tensor& input, const Dims& output_size) {
  WENGERT_CHECK(output_size.size() == 1 || output_size.size() == static_cast<size_t>(n), kRuntime,
                op, "(): output_size must be ", n);
  WENGERT_CHECK(input.ndim() == n + 1 || input.ndim() == n + 2, kRuntime, op, "(): Expected ",
                n + 1, "D or ", n + 2, "D tensor, but got ", to_string(input.sizes()),
                describe_argument("input", input));
  const int64_t last = input.ndim() - 1;
  for (int64_t i = input.ndim() == n + 2 ? 1 : 0; i <= last; ++i) {
    WENGERT_CHECK(input.sizes()[i] > 0, kRuntime, op,
                  "(): Expected input to have non-zero size for non-batch dimensions, but input "
                  "has sizes ",
                  to_string(input.sizes()), " with dimension ", i, " being empty",
                  describe_argument("input", input));
  }
  const Dims result = per_dimension(op, "output_size", output_size, n);
  for (int64_t size : result) {
    WENGERT_CHECK(size >= 0, kRuntime, op,
                  "(): elements of output_size must be greater than or equal to 0 but received {",
                  joined(result, ", "), "}");
  }
  return result;
}

}  // namespace

namespace impl {

std::tuple<Tensor, Tensor> _max_pool(const Tensor& input, int64_t dimensions,
                                     const Dims& kernel_size, const std::optional<Dims>& stride,
                                     const Dims& padding, const Dims& dilation, bool ceil_mode) {
  const cpu::Pool pool = plan_of(input.dtype(), input.sizes(), dimensions, kernel_size, stride,
                                 padding, dilation, ceil_mode);
  const Dims size = with_spatial(input.sizes(), pool.out, dimensions);
  Tensor values = wengert::empty(size, input.dtype());
  Tensor indices = wengert::empty(size, DType::int64);
  const Tensor x = contiguous_values(input);
  cpu::max_pool_forward(pool, x.data(), values.data(), indices.data_as<int64_t>());
  return {std::move(values), std::move(indices)};
}

std::tuple<Tensor, Tensor> _adaptive_max_pool(const Tensor& input, int64_t dimensions,
                                              const Dims& output_size) {
  const cpu::Pool pool = adaptive_plan(input.dtype(), input.sizes(), dimensions, output_size);
  const Dims size = with_spatial(input.sizes(), pool.out, dimensions);
  Tensor values = wengert::empty(size, input.dtype());
  Tensor indices = wengert::empty(size, DType::int64);
  const Tensor x = contiguous_values(input);
  cpu::adaptive_max_pool_forward(pool, x.data(), values.data(), indices.data_as<int64_t>());
  return {std::move(values), std::move(indices)};
}

Tensor _max_pool_backward(const Tensor& input, const Tensor& indices, const Dims& size,
                          int64_t dimensions) {
  Tensor result = wengert::empty(size, input.dtype());
  const Tensor g = contiguous_values(input), places = contiguous_values(indices);
  const int64_t planes = planes_of(size, dimensions);
  if (planes == 0) return result;
  cpu::max_pool_backward(input.dtype(), planes, result.numel() / planes, g.numel() / planes,
                         g.data(), places.data_as<int64_t>(), result.data());
  return result;
}

Tensor _max_pool_gather(const Tensor& input, const Tensor& indices, int64_t dimensions) {
  Tensor result = wengert::empty(indices.sizes(), input.dtype());
  const Tensor x = contiguous_values(input), places = contiguous_values(indices);
  const int64_t planes = planes_of(input.sizes(), dimensions);
  if (planes == 0) return result;
  cpu::max_pool_gather(input.dtype(), planes, x.numel() / planes, places.numel() / planes, x.data(),
                       places.data_as<int64_t>(), result.data());
  return result;
}

Tensor _avg_pool(const Tensor& input, int64_t dimensions, const Dims& kernel_size,
                 const std::optional<Dims>& stride, const Dims& padding, bool ceil_mode,
                 bool count_include_pad, const std::optional<int64_t>& divisor_override) {
  const cpu::Pool pool = average_plan(input.dtype(), input.sizes(), dimensions, kernel_size, stride,
                                      padding, ceil_mode, count_include_pad, divisor_override);
  Tensor result = wengert::empty(with_spatial(input.sizes(), pool.out, dimensions), input.dtype());
  const Tensor x = contiguous_values(input);
  cpu::avg_pool_forward(pool, x.data(), result.data());
  return result;
}

Tensor _avg_pool_backward(const Tensor& input, const Dims& size, int64_t dimensions,
                          const Dims& kernel_size, const std::optional<Dims>& stride,
                          const Dims& padding, bool ceil_mode, bool count_include_pad,
                          const std::optional<int64_t>& divisor_override) {
  const cpu::Pool pool = average_plan(input.dtype(), size, dimensions, kernel_size, stride, padding,
                                      ceil_mode, count_include_pad, divisor_override);
  Tensor result = wengert::empty(size, input.dtype());
  const Tensor g = contiguous_values(input);
  cpu::avg_pool_backward(pool, g.data(), result.data());
  return result;
}

Tensor _adaptive_avg_pool(const Tensor& input, int64_t dimensions, const Dims& output_size) {
  const cpu::Pool pool = adaptive_plan(input.dtype(), input.sizes(), dimensions, output_size);
  Tensor result = wengert::empty(with_spatial(input.sizes(), pool.out, dimensions), input.dtype());
  const Tensor x = contiguous_values(input);
  cpu::adaptive_avg_pool_forward(pool, x.data(), result.data());
  return result;
}

Tensor _adaptive_avg_pool_backward(const Tensor& input, const Dims& size, int64_t dimensions) {
  const cpu::Pool pool = adaptive_plan(input.dtype(), size, dimensions,
                                       spatial_sizes(input.sizes(), static_cast<int>(dimensions)));
  Tensor result = wengert::empty(size, input.dtype());
  const Tensor g = contiguous_values(input);
  cpu::adaptive_avg_pool_backward(pool, g.data(), result.data());
  return result;
}

// These only choose operators, which record themselves.

Tensor _adaptive_avg_pool_like(const Tensor& input, int64_t dimensions, const Dims& size) {
  return ops::_adaptive_avg_pool(input, dimensions,
                                 spatial_sizes(size, static_cast<int>(dimensions)));
}

#define WENGERT_POOLING(n)                                                                     \
  Tensor max_pool##n##d(const Tensor& input, const Dims& kernel_size,                          \
                        const std::optional<Dims>& stride, const Dims& padding,                \
                        const Dims& dilation, bool ceil_mode) {                                \
    return std::get<0>(max_pool(                                                               \
        {"max_pool" #n "d", n, kernel_size, stride, padding, dilation, ceil_mode}, input));    \
  }                                                                                            \
  std::tuple<Tensor, Tensor> max_pool##n##d_with_indices(                                      \
      const Tensor& input, const Dims& kernel_size, const std::optional<Dims>& stride,         \
      const Dims& padding, const Dims& dilation, bool ceil_mode) {                             \
    return max_pool({"max_pool" #n "d", n, kernel_size, stride, padding, dilation, ceil_mode}, \
                    input);                                                                    \
  }                                                                                            \
  Tensor adaptive_avg_pool##n##d(const Tensor& input, const Dims& output_size) {               \
    return ops::_adaptive_avg_pool(                                                            \
        input, n, checked_output_size("adaptive_avg_pool" #n "d", n, input, output_size));     \
  }                                                                                            \
  std::tuple<Tensor, Tensor> adaptive_max_pool##n##d(const Tensor& input,                      \
                                                     const Dims& output_size) {                \
    return ops::_adaptive_max_pool(                                                            \
        input, n, checked_output_size("adaptive_max_pool" #n "d", n, input, output_size));     \
  }
WENGERT_POOLING(1)
WENGERT_POOLING(2)
WENGERT_POOLING(3)
#undef WENGERT_POOLING

Tensor avg_pool1d(const Tensor& input, const Dims& kernel_size, const std::optional<Dims>& stride,
                  const Dims& padding, bool ceil_mode, bool count_include_pad) {
  return avg_pool({"avg_pool1d", 1, kernel_size, stride, padding, {}, ceil_mode}, input,
                  count_include_pad);
}
Tensor avg_pool2d(const Tensor& input, const Dims& kernel_size, const std::optional<Dims>& stride,
                  const Dims& padding, bool ceil_mode, bool count_include_pad,
                  const std::optional<int64_t>& divisor_override) {
  return avg_pool({"avg_pool2d", 2, kernel_size, stride, padding, {}, ceil_mode}, input,
                  count_include_pad, divisor_override);
}
Tensor avg_pool3d(const Tensor& input, const Dims& kernel_size, const std::optional<Dims>& stride,
                  const Dims& padding, bool ceil_mode, bool count_include_pad,
                  const std::optional<int64_t>& divisor_override) {
  return avg_pool({"avg_pool3d", 3, kernel_size, stride, padding, {}, ceil_mode}, input,
                  count_include_pad, divisor_override);
}

}  // namespace impl

}  // namespace wengert::ops
