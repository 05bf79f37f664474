// Tensors with a tangent.
#pragma once
#include <utility>

#include "tensor/wrapper.h"

namespace wengert {

// `primal` with a tangent at a level of forward mode. Either may be of higher levels.
Tensor dual_of(const Tensor& primal, const Tensor& tangent, uint64_t level);
// Primal and tangent of that level; no tangent where it is zero.
std::pair<Tensor, Tensor> parts_of_dual(const Tensor& tensor, uint64_t level);

}  // namespace wengert
