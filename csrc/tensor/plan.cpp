#include "tensor/plan.h"

#include <algorithm>

namespace wengert {

Plan::Plan(const Dims& shape)
    : ndim(static_cast<int>(shape.size())), operands(0), numel(product(shape)) {
  WENGERT_CHECK(ndim <= kMaxDims, kRuntime, "tensors of more than ", kMaxDims,
                " dimensions are not supported (got ", ndim, ")");
  for (int d = 0; d < ndim; ++d) sizes[d] = shape[d];
}

void Plan::add(const Tensor& tensor) {
  const Dims& shape = tensor.sizes();
  const auto width = static_cast<int64_t>(tensor.item_size());
  const int shift = ndim - static_cast<int>(shape.size());
  int64_t* row = strides[operands];
  for (int d = 0; d < ndim; ++d) {
    const bool expanded = d < shift || (shape[d - shift] == 1 && sizes[d] != 1);
    row[d] = expanded || sizes[d] == 1 ? 0 : tensor.strides()[d - shift] * width;
  }
  data[operands] = tensor.data();
  dtypes[operands] = tensor.dtype();
  ++operands;
}

void Plan::finish() {
  // Order by the output's strides, largest first; the sort is stable and the lists are short.
  for (int i = 1; i < ndim; ++i) {
    for (int j = i; j > 0 && strides[0][j] > strides[0][j - 1] && sizes[j] > 1; --j) {
      std::swap(sizes[j], sizes[j - 1]);
      for (int k = 0; k < operands; ++k) std::swap(strides[k][j], strides[k][j - 1]);
    }
  }
  int last = -1;
  for (int d = 0; d < ndim; ++d) {
    if (sizes[d] == 1) continue;
    bool merge = last >= 0;
    for (int k = 0; merge && k < operands; ++k) {
      merge = strides[k][last] == strides[k][d] * sizes[d];
    }
    if (!merge) {
      ++last;
      sizes[last] = sizes[d];
    } else {
      sizes[last] *= sizes[d];
    }
    for (int k = 0; k < operands; ++k) strides[k][last] = strides[k][d];
  }
  if (last < 0) {
    last = 0;
    sizes[0] = numel == 0 ? 0 : 1;
    for (int k = 0; k < operands; ++k) strides[k][0] = 0;
  }
  ndim = last + 1;
}

void Plan::locate(int64_t linear, Position* position) const {
  for (int d = ndim - 1; d > 0; --d) {
    position->index[d] = linear % sizes[d];
    linear /= sizes[d];
  }
  position->index[0] = linear;
}

}  // namespace wengert
