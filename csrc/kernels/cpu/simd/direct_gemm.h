// A matrix product of our own: for products so small that calling a library costs more than the
// work, and for the integers, which no library multiplies.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"

namespace wengert::cpu {

// C = alpha * A @ B + beta * C + bias. Strides in elements; the columns of C are contiguous.
// beta = 0 does not read C; bias, one row of n elements, may be null.
struct DirectGemm {
  int64_t m, n, k;
  const void* a;
  int64_t a_row, a_column;
  const void* b;
  int64_t b_row, b_column;
  void* c;
  int64_t ldc;
  double alpha, beta;
  const void* bias;
};

// float32, float64 and the integers (which wrap around), on the calling thread.
WENGERT_KERNEL(direct_gemm, void, (DType dtype, const DirectGemm& gemm));

// For a B that many products share: its columns are laid out once as the kernel reads them; `gemm`
// then says nothing of B. float32 or float64, no bias.
inline int64_t packed_elements(int64_t k, int64_t n) { return (n + 31) / 32 * 32 * k; }
WENGERT_KERNEL(pack_columns, void,
               (DType dtype, int64_t k, int64_t n, const void* b, int64_t b_row, int64_t b_column,
                void* packed));
WENGERT_KERNEL(packed_gemm, void, (DType dtype, const DirectGemm& gemm, const void* packed));

}  // namespace wengert::cpu
