// What a reduction kernel is told about its input: which dimensions stay and which go.
#pragma once
#include <cstdint>
#include <span>

namespace wengert::cpu {

// Strides are in elements of the input. The output is contiguous in the order of the kept
// dimensions. Any number of dimensions, in any order; the fewer (size 1 dropped, neighbours
// collapsed) the faster.
struct ReduceShape {
  std::span<const int64_t> kept_sizes;
  std::span<const int64_t> kept_strides;
  std::span<const int64_t> reduced_sizes;
  std::span<const int64_t> reduced_strides;
};

}  // namespace wengert::cpu
