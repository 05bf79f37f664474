// Running sums, products and extremes along one dimension of contiguous [outer, n, inner] buffers.
// x and y may be the same buffer. Sums and products of float32 are carried in float64 and those of
// float16 and bfloat16 in float32; each output is rounded once. reverse: from the end.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace wengert::cpu {

// x and y have one dtype; the caller has widened small integers already where that is wanted.
void cumsum(DType dtype, const void* x, void* y, int64_t outer, int64_t n, int64_t inner,
            bool reverse = false);
void cumprod(DType dtype, const void* x, void* y, int64_t outer, int64_t n, int64_t inner,
             bool reverse = false);

// y[i] = x[i] + coefficient[i] * y[i - 1], where a zero y wins over any coefficient. Floating and
// complex dtypes.
void recurrence(DType dtype, const void* coefficient, const void* x, void* y, int64_t outer,
                int64_t n, int64_t inner, bool reverse);

// Of equal values the last one's position is reported; once met, NaN stays.
void cummax(DType dtype, const void* x, void* values, int64_t* indices, int64_t outer, int64_t n,
            int64_t inner);
void cummin(DType dtype, const void* x, void* values, int64_t* indices, int64_t outer, int64_t n,
            int64_t inner);

// log(cumsum(exp(x))) without overflow. Floating and complex dtypes.
void logcumsumexp(DType dtype, const void* x, void* y, int64_t outer, int64_t n, int64_t inner,
                  bool reverse = false);

}  // namespace wengert::cpu
