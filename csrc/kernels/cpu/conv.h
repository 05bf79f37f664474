// Convolutions over one to three spatial dimensions, and their two derivatives. A transposed
// convolution is conv_backward_input with its own input in the place of grad_output.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace wengert::cpu {

// All tensors contiguous: input [batch, in_channels, in...], weight [out_channels,
// in_channels / groups, kernel...], output [batch, out_channels, out...]. Only the first
// `dimensions` entries of the arrays mean something. Padding is the same on both sides.
struct Conv {
  DType dtype = DType::float32;
  int dimensions = 2;
  int64_t batch = 0, in_channels = 0, out_channels = 0, groups = 1;
  int64_t in[3] = {1, 1, 1};
  int64_t out[3] = {1, 1, 1};
  int64_t kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1};
  int64_t padding[3] = {0, 0, 0};
  int64_t dilation[3] = {1, 1, 1};
};

// Elements that a window covers fit how often: what `out` of a convolution has to be.
inline int64_t conv_output_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding,
                                int64_t dilation) {
  return (in + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
}

// bias, [out_channels], may be null.
void conv_forward(const Conv& conv, const void* input, const void* weight, const void* bias,
                  void* output);

// grad_input [batch, in_channels, in...] is overwritten. bias, [in_channels] and added to every
// position, serves transposed convolutions; null otherwise.
void conv_backward_input(const Conv& conv, const void* grad_output, const void* weight,
                         const void* bias, void* grad_input);

// grad_weight and grad_bias ([out_channels], may be null) are overwritten.
void conv_backward_weight(const Conv& conv, const void* input, const void* grad_output,
                          void* grad_weight, void* grad_bias);

}  // namespace wengert::cpu
