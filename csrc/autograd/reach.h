// Which leaves a recorded result depends on.
#pragma once
#include <vector>

#include "graph/node.h"

namespace wengert {

// Does a gradient of `tensor` flow to a leaf that is none of `leaves`?
bool reaches_other_leaf(const Tensor& tensor, const std::vector<Tensor>& leaves);

}  // namespace wengert
