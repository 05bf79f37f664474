// Runs a generated reduction kernel over any set of dimensions.
#pragma once
#include <optional>
#include <vector>

#include "kernels/cpu/reduction_table.h"
#include "tensor/tensor.h"

namespace wengert {

// What comes out: the input's dtype; int64 for integers; bool (uint8 of uint8); int64 always;
// floating only.
enum class ReductionResult { kSame, kSumOfIntegers, kBool, kCount, kFloat };

struct ReductionKernel {
  const char* name;
  int number;  // row of cpu::reduction_loops()
  ReductionResult result;
  bool needs_elements;  // no value for an empty set
};

Tensor run_reduction(const ReductionKernel& kernel, const Tensor& input,
                     const std::optional<Dims>& dims, bool keepdim,
                     const std::optional<DType>& dtype);

// The dimensions named by `dims` (all where it is absent or empty), as a mask.
std::vector<bool> reduced_mask(const char* op, int64_t ndim, const std::optional<Dims>& dims);
Dims reduced_sizes(const Dims& sizes, const std::vector<bool>& mask, bool keepdim);
std::optional<Dims> optional_dims(const std::optional<int64_t>& dim);
// Raises where an operator that has no value for an empty set would meet one.
void check_reducible(const char* op, const Tensor& input, const std::vector<bool>& mask);

// A tensor as a contiguous [outer, n, inner] array whose middle is reduced.
struct Middle {
  Tensor data;
  int64_t outer, n, inner;
};
Middle middle_of(const Tensor& input, int64_t dim);
Middle middle_of(const Tensor& input, const std::vector<bool>& mask);

}  // namespace wengert
