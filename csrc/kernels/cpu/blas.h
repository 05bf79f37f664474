// Matrix products of every dtype.
#pragma once
#include <complex>
#include <cstdint>

#include "base/dtype.h"

namespace wengert::cpu {

// One operand, row-major as stored: rows `ld` elements apart, matrices of a batch `batch_stride`
// elements apart (0 repeats one matrix). With `transpose` the stored matrix is the transpose of the
// operand. `conjugate` only means something for complex dtypes.
struct GemmOperand {
  const void* data = nullptr;
  int64_t ld = 0;
  int64_t batch_stride = 0;
  bool transpose = false;
  bool conjugate = false;
};

// C[m, n] = alpha * op(A)[m, k] @ op(B)[k, n] + beta * C + bias, for each of `batch` matrices.
// beta = 0 does not read C, so k = 0 gives zeros (plus bias). bias is one row of n elements, or
// null. float16 and bfloat16 are summed in float32 and rounded once; integers wrap around; for bool
// the product is "and" and the sum "or", and alpha and beta are taken as one and zero.
struct Gemm {
  DType dtype = DType::float32;
  int64_t m = 0, n = 0, k = 0;
  GemmOperand a, b;
  void* c = nullptr;
  int64_t ldc = 0;
  int64_t c_batch_stride = 0;
  int64_t batch = 1;
  std::complex<double> alpha = 1.0;
  std::complex<double> beta = 0.0;
  const void* bias = nullptr;
};

void gemm(const Gemm& gemm);

}  // namespace wengert::cpu
