// Maximum and average pooling over one to three spatial dimensions, with their derivatives.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace wengert::cpu {

// All tensors contiguous: input [planes, in...], output [planes, out...], where planes is batch
// times channels. Only the first `dimensions` entries of the arrays mean something. The caller
// computes `out` (and so decides on ceil_mode).
struct Pool {
  DType dtype = DType::float32;
  int dimensions = 2;
  int64_t planes = 0;
  int64_t in[3] = {1, 1, 1};
  int64_t out[3] = {1, 1, 1};
  int64_t kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1};
  int64_t padding[3] = {0, 0, 0};
  int64_t dilation[3] = {1, 1, 1};  // max_pool only
  bool count_include_pad = true;    // avg_pool only
  int64_t divisor_override = 0;     // avg_pool only; 0 for none
};

// The size of one dimension of the output: floor, or ceil without a last window that starts beyond
// the input and its left padding.
int64_t pool_output_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding,
                         int64_t dilation, bool ceil_mode);

// indices [planes, out...]: the flat place in the plane of the first maximum, or of the last NaN;
// -1 where a window lies in the padding alone.
// Every dtype but bool and the complex ones.
void max_pool_forward(const Pool& pool, const void* input, void* output, int64_t* indices);
// grad_input is overwritten with what arrives at each place. Serves every kind of max pooling.
void max_pool_backward(DType dtype, int64_t planes, int64_t in_size, int64_t out_size,
                       const void* grad_output, const int64_t* indices, void* grad_input);

// The other way: what `input` [planes, in...] has at the indices; zero for -1.
void max_pool_gather(DType dtype, int64_t planes, int64_t in_size, int64_t out_size,
                     const void* input, const int64_t* indices, void* output);

// Floating dtypes, and the integers (divided towards zero).
void avg_pool_forward(const Pool& pool, const void* input, void* output);
void avg_pool_backward(const Pool& pool, const void* grad_output, void* grad_input);

// Windows from floor(i * in / out) to ceil((i + 1) * in / out): of `pool` only dtype, dimensions,
// planes, in and out are used.
void adaptive_avg_pool_forward(const Pool& pool, const void* input, void* output);
void adaptive_avg_pool_backward(const Pool& pool, const void* grad_output, void* grad_input);
void adaptive_max_pool_forward(const Pool& pool, const void* input, void* output, int64_t* indices);

}  // namespace wengert::cpu
