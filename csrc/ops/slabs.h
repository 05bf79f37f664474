// Sizes as [outer, n, inner] around one dimension, which is how kernels that work along it see a
// row-major tensor. A 0-d tensor is a vector of one.
#pragma once
#include "ops/elementwise.h"
#include "tensor/tensor.h"

namespace wengert {

struct Slabs {
  int64_t outer = 1, n = 1, inner = 1;
  Slabs(const Dims& sizes, int64_t dim) {
    for (size_t i = 0; i < sizes.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      (at < dim ? outer : at == dim ? n : inner) *= sizes[i];
    }
  }
};

// Row-major `values` in the layout of `like`, if that is dense: itself where nothing has to move.
inline Tensor laid_out_like(const Tensor& values, const Tensor& like) {
  if (like.is_contiguous()) return values;
  Tensor copy = empty_like(like);
  if (copy.is_contiguous()) return values;
  copy_values(copy, values);
  return copy;
}

}  // namespace wengert
