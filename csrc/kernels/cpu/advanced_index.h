// Advanced indexing, x[i, :, j]: index tensors replace some dimensions of x, the others are kept.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace wengert::cpu {

// The walk of x[i, :, j] and of writing to it. The index tensors have a common shape, the index
// shape (broadcast by zero strides). The other operand, "values", is the result of a read or what
// a write writes; its dimensions are those of the index shape and the kept dimensions of x, in
// whatever order, which the strides tell. A write may broadcast values by zero strides.
struct IndexPlan {
  static constexpr int kMaxDims = 64;

  struct Dim {
    int64_t size;
    int64_t self_stride;   // bytes; kept dimensions only
    int64_t value_stride;  // bytes
  };
  struct Indexed {
    const int64_t* index;
    const int64_t* index_strides;  // elements, over the index shape
    int64_t size;                  // of x's dimension
    int64_t self_stride;           // bytes, of x's dimension
    int dim;                       // of x, for errors
  };

  int index_ndim = 0;  // 0: every index is one number
  Dim index_shape[kMaxDims];
  int kept_ndim = 0;
  Dim kept[kMaxDims];
  int indexed_count = 0;
  Indexed indexed[kMaxDims];
};

// Indices in [-size, size) are allowed; others raise IndexError before anything is written.
void index_get(const IndexPlan& plan, size_t item_size, const void* self, void* values);

// Where positions repeat the last one in row-major order wins.
void index_put(const IndexPlan& plan, size_t item_size, void* self, const void* values);

// Adds instead; terms are summed in row-major order, in float32 for float16 and bfloat16. self must
// not overlap itself, nor values.
void index_put_accumulate(const IndexPlan& plan, DType dtype, void* self, const void* values);

}  // namespace wengert::cpu
