// GELU together with its derivative, which shares most of the work.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"

namespace wengert::cpu {

// Contiguous arrays of `count` elements, float32 or float64; `tanh` chooses the formula of
// ops::_gelu_tanh, otherwise that of ops::_gelu_erf.
WENGERT_KERNEL(gelu_with_slope, void,
               (DType dtype, bool tanh, int64_t count, const void* x, void* y, void* slope));

}  // namespace wengert::cpu
