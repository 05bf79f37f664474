// softmax and log_softmax over the middle of contiguous [outer, n, inner] arrays of a floating
// dtype.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"

namespace wengert::cpu {

struct SoftmaxShape {
  int64_t outer, n, inner;
};

WENGERT_KERNEL(softmax_forward, void,
               (DType dtype, const SoftmaxShape& shape, bool log, const void* x, void* y));
// `y` is the output of the forward pass.
WENGERT_KERNEL(softmax_backward, void,
               (DType dtype, const SoftmaxShape& shape, bool log, const void* grad, const void* y,
                void* dx));
// The output is [outer, inner]; -inf for n == 0.
WENGERT_KERNEL(logsumexp_forward, void,
               (DType dtype, const SoftmaxShape& shape, const void* x, void* y));

}  // namespace wengert::cpu
