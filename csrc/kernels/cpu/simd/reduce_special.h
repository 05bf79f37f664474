// Reductions that the functor template (reduce.h) does not serve: positions of extremes, variances,
// and norms, whose order is a run-time parameter.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/reduce_shape.h"

namespace wengert::cpu {

// The middle of a contiguous [outer, n, inner] array; outputs are [outer, inner].
struct MiddleShape {
  int64_t outer, n, inner;
};

// Positions of the largest (or smallest) elements: the first one wins, and NaN wins over all. Every
// real dtype; n > 0. `values` may be null.
WENGERT_KERNEL(argreduce, void,
               (DType dtype, const MiddleShape& shape, bool largest, const void* x,
                int64_t* indices, void* values));

// Variance with divisor max(0, n - correction), and the mean; either may be null. Floating dtypes.
// square_root: the standard deviation instead.
WENGERT_KERNEL(variance, void,
               (DType dtype, const MiddleShape& shape, double correction, bool square_root,
                const void* x, void* variance, void* mean));

// (sum |x|^p)^(1/p), with its limits for p = 0, inf and -inf. Floating and complex dtypes; the
// output is real.
WENGERT_KERNEL(vector_norm, void,
               (DType dtype, const ReduceShape& shape, double p, const void* x, void* y));

}  // namespace wengert::cpu
