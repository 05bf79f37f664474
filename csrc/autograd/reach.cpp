#include "autograd/reach.h"

#include <algorithm>
#include <unordered_set>

namespace wengert {

bool reaches_other_leaf(const Tensor& tensor, const std::vector<Tensor>& leaves) {
  const Edge root = gradient_edge(tensor);
  if (!root.target) return false;
  std::unordered_set<Node*> seen = {root.node()};
  std::vector<Node*> pending = {root.node()};
  while (!pending.empty()) {
    Node* node = pending.back();
    pending.pop_back();
    if (node->type == &kAccumulateGrad) {
      const TensorImpl* leaf = static_cast<AccumulateGrad*>(node)->variable.impl();
      const bool own = std::any_of(leaves.begin(), leaves.end(),
                                   [&](const Tensor& known) { return known.impl() == leaf; });
      if (!own) return true;
    }
    for (Edge& edge : node->edges) {
      if (edge.target && seen.insert(edge.node()).second) pending.push_back(edge.node());
    }
  }
  return false;
}

}  // namespace wengert
