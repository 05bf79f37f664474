// The table of generated reduction kernels.
#pragma once
#include "base/dtype.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/reduce_shape.h"

namespace wengert::cpu {

using ReductionLoop = void (*)(const ReduceShape& shape, const void* input, void* output);
using ReductionRow = ReductionLoop[kNumDTypes];  // by the dtype of the input
WENGERT_KERNEL(reduction_loops, const ReductionRow*, ());

}  // namespace wengert::cpu
