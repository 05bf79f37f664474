#include "ops/reduction.h"

#include "ops/elementwise.h"

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

DType output_dtype(const ReductionKernel& kernel, DType input) {
  switch (kernel.result) {
    case ReductionResult::kSumOfIntegers:
      return is_integral(input) ? DType::int64 : input;
    case ReductionResult::kBool:
      return DType::bool_;
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

Tensor run_reduction(const ReductionKernel& kernel, const Tensor& input,
                     const std::optional<Dims>& dims, bool keepdim,
                     const std::optional<DType>& dtype) {
  if (dtype.has_value() && *dtype != input.dtype()) {
    return run_reduction(kernel, converted_values(input, *dtype), dims, keepdim, dtype);
  }
  const auto mask = reduced_mask(kernel.name, input.ndim(), dims);
  const DType out_dtype = output_dtype(kernel, input.dtype());
  const cpu::ReductionLoop loop =
      cpu::reduction_loops()[kernel.number][static_cast<int>(input.dtype())];
  WENGERT_CHECK(loop != nullptr, kRuntime, "\"", kernel.name, "\" not implemented for '",
                dtype_name(input.dtype()), "'");
  Tensor out = empty(reduced_sizes(input.sizes(), mask, keepdim), out_dtype);
  if (kernel.needs_elements && input.numel() == 0) {
    WENGERT_CHECK(dims.has_value() && !dims->empty(), kRuntime, kernel.name,
                  "(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                  "reduction dim with the 'dim' argument.",
                  describe_argument("input", input));
    for (size_t i = 0; i < mask.size(); ++i) {
      WENGERT_CHECK(!mask[i] || input.sizes()[i] != 0, kIndex, kernel.name,
                    "(): Expected reduction dim ", i, " to have non-zero size.",
                    describe_argument("input", input));
    }
  }
  if (out.numel() == 0) return out;
  Group kept, reduced;
  for (size_t i = 0; i < mask.size(); ++i) {
    (mask[i] ? reduced : kept).add(input.sizes()[i], input.strides()[i]);
  }
  loop({kept.size_span(), kept.stride_span(), reduced.size_span(), reduced.stride_span()},
       input.data(), out.data());
  return out;
}

}  // namespace wengert
