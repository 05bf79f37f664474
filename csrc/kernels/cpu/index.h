// Selecting, adding and copying whole slices by a one-dimensional index, flat indexing, masks and
// rearrangements. Buffers are contiguous and do not overlap unless said otherwise. Indices are
// checked before anything is written; `dim` appears in the errors alone. Where indices repeat, the
// last one wins, and sums are taken in index order, whatever the number of threads.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace wengert::cpu {

// x is [outer, n, inner] and out [outer, m, inner]; indices in [0, n).
void index_select(size_t item_size, const void* x, const int64_t* index, void* out, int64_t outer,
                  int64_t n, int64_t m, int64_t inner, int dim);

// self is [outer, n, inner], source [outer, m, inner]. float16 and bfloat16 sum in float32.
// Indices in [0, n).
void index_add(DType dtype, void* self, const int64_t* index, const void* source, int64_t outer,
               int64_t n, int64_t m, int64_t inner, int dim);
void index_copy(size_t item_size, void* self, const int64_t* index, const void* source,
                int64_t outer, int64_t n, int64_t m, int64_t inner, int dim);

// value is one element; indices in [-n, n).
void index_fill(size_t item_size, void* self, const int64_t* index, const void* value,
                int64_t outer, int64_t n, int64_t m, int64_t inner, int dim);

// Flat positions in a buffer of n elements, in [-n, n).
void take(size_t item_size, const void* x, int64_t n, const int64_t* index, int64_t m, void* out);
void put(size_t item_size, void* self, int64_t n, const int64_t* index, int64_t m,
         const void* source);
void put_accumulate(DType dtype, void* self, int64_t n, const int64_t* index, int64_t m,
                    const void* source);

// Rows of weight [rows, width] by index[count], int32 or int64.
void embedding(size_t item_size, const void* weight, DType index_dtype, const void* index,
               void* out, int64_t rows, int64_t count, int64_t width);

// grad_weight [rows, width] is overwritten with the sums of the rows of grad [count, width] per
// index. padding_index < 0: none. scale_by_frequency divides by how often a row was looked up.
void embedding_backward(DType dtype, const void* grad, DType index_dtype, const void* index,
                        void* grad_weight, int64_t rows, int64_t count, int64_t width,
                        int64_t padding_index, bool scale_by_frequency);

// How many elements are not zero (NaN counts), and their coordinates: out is [count, ndim],
// row-major, and must have been sized by count_nonzero.
int64_t count_nonzero(DType dtype, const void* x, int64_t n);
void nonzero(DType dtype, const void* x, const int64_t* sizes, int ndim, int64_t* out);

// x[mask], flat; out is sized by count_nonzero of the mask.
void masked_select(size_t item_size, const void* x, const bool* mask, int64_t n, void* out);

// self[mask] = the first elements of source, in order.
void masked_scatter(size_t item_size, void* self, const bool* mask, int64_t n, const void* source,
                    int64_t source_count);

// out is [count, classes], int64.
void one_hot(const int64_t* index, int64_t count, int64_t classes, int64_t* out);

// Keeps the lower (upper) triangle of each [rows, cols] matrix; x and out may be the same buffer.
void tril(size_t item_size, const void* x, void* out, int64_t batch, int64_t rows, int64_t cols,
          int64_t diagonal);
void triu(size_t item_size, const void* x, void* out, int64_t batch, int64_t rows, int64_t cols,
          int64_t diagonal);

// Along the middle dimension of [outer, n, inner]; any shift.
void roll(size_t item_size, const void* x, void* out, int64_t outer, int64_t n, int64_t inner,
          int64_t shift);
void flip(size_t item_size, const void* x, void* out, int64_t outer, int64_t n, int64_t inner);

// The sum of repeats (raises if one is negative), and the index that repeats position i
// repeats[i] times.
int64_t repeat_interleave_total(const int64_t* repeats, int64_t n);
void repeat_interleave_index(const int64_t* repeats, int64_t n, int64_t* out);

}  // namespace wengert::cpu
