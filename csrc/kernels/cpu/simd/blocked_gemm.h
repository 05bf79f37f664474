// Larger products of float32 by a loop of our own: both operands are laid out block by block, as
// the caches and the loop in registers like them, whatever their strides.
#pragma once
#include "kernels/cpu/simd/direct_gemm.h"

namespace wengert::cpu {

// On the calling thread. Each element is added up in one order, however C is cut into parts.
WENGERT_KERNEL(blocked_gemm, void, (const DirectGemm& gemm));

}  // namespace wengert::cpu
