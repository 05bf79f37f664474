// Are there NaN or infinity in an array? One pass over it, about as fast as memory is read.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"

namespace wengert::cpu {

constexpr unsigned kHoldsNan = 1, kHoldsInfinity = 2;

// Contiguous elements of a floating or complex dtype; other dtypes hold neither.
WENGERT_KERNEL(scan_health, unsigned, (DType dtype, const void* values, int64_t count));

}  // namespace wengert::cpu
