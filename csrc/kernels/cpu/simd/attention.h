// softmax(scale * Q K^T) V for each head of a batch, and its adjoint, a block of queries at a time:
// the weights of one block are all that exists of them.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"

namespace wengert::cpu {

struct AttentionShape {
  DType dtype;  // float32 or float64
  int64_t batch, heads, queries, keys, width, value_width;
  double scale;
  bool causal;  // query i sees the keys up to i
};

// One of Q, K, V and their like: strides in elements, a row's elements without gaps.
struct HeadMatrix {
  void* data;
  int64_t batch, head, row;
};

WENGERT_KERNEL(attention_forward, void,
               (const AttentionShape& shape, const HeadMatrix& query, const HeadMatrix& key,
                const HeadMatrix& value, const HeadMatrix& result));
// Writes the gradients; all three are computed.
WENGERT_KERNEL(attention_backward, void,
               (const AttentionShape& shape, const HeadMatrix& query, const HeadMatrix& key,
                const HeadMatrix& value, const HeadMatrix& grad, const HeadMatrix& d_query,
                const HeadMatrix& d_key, const HeadMatrix& d_value));

}  // namespace wengert::cpu
