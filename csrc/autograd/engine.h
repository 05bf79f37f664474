// Reverse mode: walks the recorded graph from roots to leaves.
#pragma once
#include <vector>

#include "graph/node.h"

namespace wengert {

struct BackwardRequest {
  std::vector<Tensor> roots;
  std::vector<Tensor> gradients;  // one per root; undefined means ones, for one element only
  bool keep_graph = false;
  bool create_graph = false;
  // Where gradients are wanted. Empty: added to .grad of every leaf. Otherwise returned in this
  // order, or, with `accumulate`, added to .grad of these tensors alone.
  std::vector<Tensor> inputs;
  bool accumulate = true;
};

// The gradients of `inputs` (undefined where the roots do not depend on one), or nothing.
std::vector<Tensor> run_backward(const BackwardRequest& request);

}  // namespace wengert
