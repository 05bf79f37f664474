#include "ops/reduction.h"

#include "kernels/cpu/simd/reduce_special.h"
#include "kernels/cpu/simd/softmax.h"
#include "operators/comparison.h"
#include "operators/elementwise.h"
#include "operators/reduction.h"
#include "operators/transcendental.h"
#include "operators/view.h"

namespace wengert {

namespace {

// Sizes and strides of one group of dimensions, neighbours merged where memory allows.
struct Group {
  Dims sizes, strides;
  void add(int64_t size, int64_t stride) {
    if (size == 1) return;
    if (!sizes.empty() && strides.back() == stride * size) {
      sizes[sizes.size() - 1] *= size;
      strides[strides.size() - 1] = stride;
      return;
    }
    sizes.push_back(size);
    strides.push_back(stride);
  }
  std::span<const int64_t> size_span() const { return {sizes.data(), sizes.size()}; }
  std::span<const int64_t> stride_span() const { return {strides.data(), strides.size()}; }
};

struct Groups {
  Groups(const Tensor& input, const std::vector<bool>& mask) {
    for (size_t i = 0; i < mask.size(); ++i) {
      (mask[i] ? reduced : kept).add(input.sizes()[i], input.strides()[i]);
    }
  }
  cpu::ReduceShape shape() const {
    return {kept.size_span(), kept.stride_span(), reduced.size_span(), reduced.stride_span()};
  }
  Group kept, reduced;
};

DType output_dtype(const ReductionKernel& kernel, DType input) {
  switch (kernel.result) {
    case ReductionResult::kSumOfIntegers:
      return is_integral(input) ? DType::int64 : input;
    case ReductionResult::kBool:
      return input == DType::uint8 ? input : DType::bool_;
    case ReductionResult::kCount:
      return DType::int64;
    case ReductionResult::kFloat:
      WENGERT_CHECK(is_inexact(input), kRuntime, kernel.name,
                    "(): could not infer output dtype. Input dtype must be either a floating point "
                    "or complex dtype. Got: ",
                    dtype_name(input));
      return input;
    default:
      return input;
  }
}

}  // namespace

std::vector<bool> reduced_mask(const char* op, int64_t ndim, const std::optional<Dims>& dims) {
  const bool all = !dims.has_value() || dims->empty();
  std::vector<bool> mask(static_cast<size_t>(ndim), all);
  if (all) return mask;
  const Dims wrapped = wrap_dims(*dims, ndim, op);
  if (ndim == 0) return mask;
  for (int64_t dim : wrapped) mask[static_cast<size_t>(dim)] = true;
  return mask;
}

Dims reduced_sizes(const Dims& sizes, const std::vector<bool>& mask, bool keepdim) {
  Dims result;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (!mask[i]) {
      result.push_back(sizes[i]);
    } else if (keepdim) {
      result.push_back(1);
    }
  }
  return result;
}

std::optional<Dims> optional_dims(const std::optional<int64_t>& dim) {
  return dim.has_value() ? std::optional<Dims>(Dims{*dim}) : std::nullopt;
}

void check_reducible(const char* op, const Tensor& input, const std::vector<bool>& mask) {
  for (size_t i = 0; i < mask.size(); ++i) {
    WENGERT_CHECK(!mask[i] || input.sizes()[i] != 0, kIndex, op, "(): Expected reduction dim ", i,
                  " to have non-zero size.", describe_argument("input", input));
  }
}

Middle middle_of(const Tensor& input, const std::vector<bool>& mask) {
  size_t first = 0, last = mask.size();
  while (first < last && !mask[first]) ++first;
  while (last > first && !mask[last - 1]) --last;
  bool adjacent = true;
  for (size_t i = first; i < last; ++i) adjacent = adjacent && mask[i];
  Middle result{input, 1, 1, 1};
  if (!adjacent) {
    Dims order;
    for (const bool reduced : {false, true}) {
      for (size_t i = 0; i < mask.size(); ++i) {
        if (mask[i] == reduced) order.push_back(static_cast<int64_t>(i));
      }
    }
    result.data = ops::impl::permute(input, order);
  }
  for (size_t i = 0; i < mask.size(); ++i) {
    const int64_t size = input.sizes()[i];
    (mask[i] ? result.n : adjacent && i >= last ? result.inner : result.outer) *= size;
  }
  result.data = contiguous_values(result.data);
  return result;
}

Middle middle_of(const Tensor& input, int64_t dim) {
  std::vector<bool> mask(static_cast<size_t>(input.ndim()));
  if (!mask.empty()) mask[static_cast<size_t>(dim)] = true;
  return middle_of(input, mask);
}

Tensor run_reduction(const ReductionKernel& kernel, const Tensor& input,
                     const std::optional<Dims>& dims, bool keepdim,
                     const std::optional<DType>& dtype) {
  if (dtype.has_value() && is_integral(*dtype) && *dtype != DType::int64 &&
      kernel.result == ReductionResult::kSumOfIntegers) {
    const Tensor values = converted_values(input, *dtype);
    return converted_values(run_reduction(kernel, values, dims, keepdim, std::nullopt), *dtype);
  }
  if (dtype.has_value() && *dtype != input.dtype()) {
    return run_reduction(kernel, converted_values(input, *dtype), dims, keepdim, dtype);
  }
  auto mask = reduced_mask(kernel.name, input.ndim(), dims);
  // Of all reductions, any and all alone take an empty list of dimensions at its word.
  if (kernel.result == ReductionResult::kBool && dims.has_value() && dims->empty()) {
    mask.assign(mask.size(), false);
  }
  const DType out_dtype = output_dtype(kernel, input.dtype());
  const cpu::ReductionLoop loop =
      cpu::reduction_loops()[kernel.number][static_cast<int>(input.dtype())];
  WENGERT_CHECK(loop != nullptr, kNotImplemented, kernel.name, "(): not implemented for ",
                dtype_name(input.dtype()), describe_argument("input", input));
  if (kernel.needs_elements && input.numel() == 0) {
    WENGERT_CHECK(dims.has_value() && !dims->empty(), kRuntime, kernel.name,
                  "(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                  "reduction dim with the 'dim' argument.",
                  describe_argument("input", input));
    check_reducible(kernel.name, input, mask);
  }
  Tensor out = empty(reduced_sizes(input.sizes(), mask, keepdim), out_dtype);
  if (out.numel() == 0) return out;
  const Groups groups(input, mask);
  loop(groups.shape(), input.data(), out.data());
  return out;
}

namespace ops::impl {

Tensor logsumexp(const Tensor& input, const Dims& dim, bool keepdim) {
  const GradModeScope no_grad(false);
  const auto mask = reduced_mask("logsumexp", input.ndim(), dim);
  if (is_integral(input.dtype())) {
    return impl::logsumexp(converted_values(input, default_dtype()), dim, keepdim);
  }
  if (is_complex(input.dtype()) && input.numel() > 0) {
    const Tensor most = ops::amax(ops::real(input), dim, true);
    const Tensor shift = ops::masked_fill(most, ops::logical_not(ops::isfinite(most)), 0);
    const Tensor total = ops::sum(ops::exp(ops::sub(input, shift)), dim, keepdim);
    const Dims sizes = reduced_sizes(input.sizes(), mask, keepdim);
    return ops::add(ops::log(total),
                    alias(shift, sizes, contiguous_strides(sizes), shift.offset()));
  }
  Tensor result = wengert::empty(reduced_sizes(input.sizes(), mask, keepdim), input.dtype());
  if (is_complex(input.dtype())) {  // of no elements
    fill_values(result, Scalar(-std::numeric_limits<double>::infinity()));
    return result;
  }
  const Middle middle = middle_of(input, mask);
  cpu::logsumexp_forward(input.dtype(), {middle.outer, middle.n, middle.inner}, middle.data.data(),
                         result.data());
  return result;
}

namespace {

Tensor position_of_extreme(const char* op, bool largest, const Tensor& input,
                           const std::optional<int64_t>& dim, bool keepdim) {
  WENGERT_CHECK(input.dtype() != DType::bool_ && !is_complex(input.dtype()), kRuntime, op,
                "(): does not support ", is_complex(input.dtype()) ? "complex" : "bool", " input",
                describe_argument("input", input));
  WENGERT_CHECK(dim.has_value() || input.numel() > 0, kIndex, op,
                "(): Expected reduction dim to be specified for input.numel() == 0.",
                describe_argument("input", input));
  const auto mask = reduced_mask(op, input.ndim(), optional_dims(dim));
  check_reducible(op, input, mask);
  Tensor result = wengert::empty(reduced_sizes(input.sizes(), mask, keepdim), DType::int64);
  if (result.numel() == 0) return result;
  const Middle middle = middle_of(input, mask);
  cpu::argreduce(input.dtype(), {middle.outer, middle.n, middle.inner}, largest, middle.data.data(),
                 result.data_as<int64_t>(), nullptr);
  return result;
}

std::tuple<Tensor, Tensor> extreme_along(const char* op, bool largest, const Tensor& input,
                                         int64_t dim, bool keepdim) {
  WENGERT_CHECK(!is_complex(input.dtype()), kRuntime, op, "(): does not support complex input",
                describe_argument("input", input));
  const auto mask = reduced_mask(op, input.ndim(), Dims{dim});
  check_reducible(op, input, mask);
  const Dims sizes = reduced_sizes(input.sizes(), mask, keepdim);
  Tensor values = wengert::empty(sizes, input.dtype());
  Tensor indices = wengert::empty(sizes, DType::int64);
  if (values.numel() > 0) {
    const Middle middle = middle_of(input, mask);
    cpu::argreduce(input.dtype(), {middle.outer, middle.n, middle.inner}, largest,
                   middle.data.data(), indices.data_as<int64_t>(), values.data());
  }
  return {values, indices};
}

}  // namespace

Tensor argmax(const Tensor& input, const std::optional<int64_t>& dim, bool keepdim) {
  return position_of_extreme("argmax", true, input, dim, keepdim);
}

Tensor argmin(const Tensor& input, const std::optional<int64_t>& dim, bool keepdim) {
  return position_of_extreme("argmin", false, input, dim, keepdim);
}

std::tuple<Tensor, Tensor> _max_dim(const Tensor& input, int64_t dim, bool keepdim) {
  return extreme_along("max", true, input, dim, keepdim);
}

std::tuple<Tensor, Tensor> _min_dim(const Tensor& input, int64_t dim, bool keepdim) {
  return extreme_along("min", false, input, dim, keepdim);
}

Tensor var(const Tensor& input, const std::optional<Dims>& dim, double correction, bool keepdim) {
  WENGERT_CHECK(is_inexact(input.dtype()), kRuntime,
                "var(): std and var only support floating point and complex dtypes",
                describe_argument("input", input));
  if (is_complex(input.dtype())) {
    const GradModeScope no_grad(false);
    return ops::add(impl::var(ops::real(input), dim, correction, keepdim),
                    impl::var(ops::imag(input), dim, correction, keepdim));
  }
  const auto mask = reduced_mask("var", input.ndim(), dim);
  Tensor result = wengert::empty(reduced_sizes(input.sizes(), mask, keepdim), input.dtype());
  if (result.numel() == 0) return result;
  const Middle middle = middle_of(input, mask);
  cpu::variance(input.dtype(), {middle.outer, middle.n, middle.inner}, correction, false,
                middle.data.data(), result.data(), nullptr);
  return result;
}

Tensor _norm(const Tensor& input, double p, const std::optional<Dims>& dim, bool keepdim) {
  WENGERT_CHECK(is_inexact(input.dtype()), kRuntime,
                "linalg.vector_norm: Expected a floating point or complex tensor as input. Got ",
                dtype_name(input.dtype()), describe_argument("input", input));
  const auto mask = reduced_mask("norm", input.ndim(), dim);
  if (input.numel() == 0 && (p < 0 || std::isinf(p))) {
    WENGERT_CHECK(dim.has_value() && !dim->empty(), kRuntime,
                  "linalg.vector_norm cannot compute the ", p,
                  " norm on an empty tensor because the operation does not have an identity");
    for (size_t i = 0; i < mask.size(); ++i) {
      WENGERT_CHECK(!mask[i] || input.sizes()[i] != 0, kRuntime,
                    "linalg.vector_norm cannot compute the ", p, " norm on the dimension ", i,
                    " because this dimension is empty and the operation does not have an identity");
    }
  }
  Tensor result =
      wengert::empty(reduced_sizes(input.sizes(), mask, keepdim), to_real(input.dtype()));
  if (result.numel() == 0) return result;
  const Groups groups(input, mask);
  cpu::vector_norm(input.dtype(), groups.shape(), p, input.data(), result.data());
  return result;
}

}  // namespace ops::impl

}  // namespace wengert
