// What a generated elementwise loop looks like, and the conversions that feed it.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "base/scalar.h"
#include "kernels/cpu/isa.h"

namespace wengert::cpu {

// operands[0] is the output, then the inputs, each `n` elements without gaps; n is a multiple of
// kLanes. Every element is thus computed by the same vector code wherever it lies in a tensor.
using ElementwiseLoop = void (*)(char* const* operands, int64_t n, const Scalar* parameters);
inline constexpr int64_t kLanes = 16;
// Is an operand, such as the exponent of x**2, the same number everywhere? Common numbers have
// loops of their own.
template <typename T>
inline bool uniform(const T* x, int64_t n) {
  if (n == 0 || !(x[0] == x[n - 1])) return false;
  int64_t others = 0;
  for (int64_t i = 0; i < n; ++i) others += x[i] == x[0] ? 0 : 1;
  return others == 0;
}

using LoopRow = ElementwiseLoop[kNumDTypes];

// Reads n elements at byte stride `from_stride`, converts, writes n elements at `to_stride`.
WENGERT_KERNEL(convert_run, void,
               (DType from, const char* source, int64_t from_stride, DType to, char* target,
                int64_t to_stride, int64_t n));

// kernel number -> compute dtype -> loop; null where the entry declares none. Generated.
WENGERT_KERNEL(elementwise_loops, const LoopRow*, ());

}  // namespace wengert::cpu
