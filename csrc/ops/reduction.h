// Runs a generated reduction kernel over any set of dimensions.
#pragma once
#include <optional>
#include <vector>

#include "kernels/cpu/reduction_table.h"
#include "tensor/tensor.h"

namespace wengert {

// What comes out: the input's dtype; int64 for integers; bool; int64 always; floating only.
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

}  // namespace wengert
