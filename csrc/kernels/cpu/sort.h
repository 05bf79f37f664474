// Sorting and selection along one dimension of contiguous [outer, n, inner] buffers.
//
// The order is PyTorch's: NaN is the greatest value and -0 equals +0. Every function is stable, so
// that among equal values the lowest position comes first. Complex dtypes raise.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace wengert::cpu {

// Sorts; values or indices may be null where only the other is wanted.
void sort(DType dtype, const void* x, int64_t outer, int64_t n, int64_t inner, bool descending,
          void* values, int64_t* indices);

// The k greatest (or smallest) in sorted order; outputs are [outer, k, inner]. 0 <= k <= n.
void topk(DType dtype, const void* x, int64_t outer, int64_t n, int64_t inner, int64_t k,
          bool largest, void* values, int64_t* indices);

// The k-th smallest, k counted from 1; outputs are [outer, inner]. 1 <= k <= n.
void kthvalue(DType dtype, const void* x, int64_t outer, int64_t n, int64_t inner, int64_t k,
              void* values, int64_t* indices);

// The lower median. A NaN in the row is the result, or with ignore_nan is left out. n >= 1.
void median(DType dtype, const void* x, int64_t outer, int64_t n, int64_t inner, bool ignore_nan,
            void* values, int64_t* indices);

// The most frequent value, the smallest of these in a tie, and its last position. n >= 1.
void mode(DType dtype, const void* x, int64_t outer, int64_t n, int64_t inner, void* values,
          int64_t* indices);

}  // namespace wengert::cpu
