// gather and the scatter family: an index tensor of the same number of dimensions as the others
// names positions along one of them.
//
// Indices are checked before anything is written; a bad one raises RuntimeError. Negative indices
// are not allowed. Where indices repeat, scatter lets the last one win and the sums are taken in
// index order, whatever the number of threads.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace wengert::cpu {

// All dimensions and strides are those of the walk over the index. Strides are in elements; any
// strides will do, zero included (a scalar source has only zeros). ndim >= 1: a 0-d tensor is one
// dimension of size 1.
struct GatherPlan {
  const char* name;  // of the operator, for errors
  int ndim;
  int dim;               // the dimension that the index replaces
  int64_t dim_size;      // self's size there
  const int64_t* sizes;  // of the index
  const int64_t* index;
  const int64_t* index_strides;
  const int64_t* self_strides;
  const int64_t* other_strides;  // of gather's output, of scatter's source
};

enum class ScatterReduce : uint8_t { kSum, kProd, kMean, kMax, kMin };

// out[i][j] = self[i][index[i][j]] (for dim 1 of 2).
void gather(const GatherPlan& plan, size_t item_size, const void* self, void* out);

// self[i][index[i][j]] = source[i][j].
void scatter(const GatherPlan& plan, size_t item_size, void* self, const void* source);

// self[i][index[i][j]] += source[i][j]. float16 and bfloat16 sum in float32.
void scatter_add(const GatherPlan& plan, DType dtype, void* self, const void* source);

// include_self false: an element that is met is reduced from its sources alone. Means of integers
// round down. Maximum and minimum propagate NaN and refuse complex.
void scatter_reduce(const GatherPlan& plan, DType dtype, ScatterReduce reduce, bool include_self,
                    void* self, const void* source);

}  // namespace wengert::cpu
