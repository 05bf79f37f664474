// What the engine does with gradients: add, fit to the value they belong to, store in .grad.
#pragma once
#include "graph/node.h"

namespace wengert {

Tensor add_gradients(const Tensor& a, const Tensor& b);
void add_in_place(const Tensor& total, const Tensor& gradient);
Tensor ones_for(const Tensor& root);
// Sums what broadcasting repeated and casts, so that gradient `index` of `producer` fits the value.
void fit_gradient(Tensor& gradient, const OutputInfo& info, const Node* producer, size_t index);
// Of a leaf the gradient may be moved in, and is added to in place; of other tensors it goes on.
void accumulate_into(const Tensor& variable, const Tensor& gradient, bool create_graph, bool leaf);
// Hooks on tensors, then those on the node: before its rule and after.
void run_hooks(Node& node, Few<Tensor>& gradients);
void run_hooks_before(Node& node, Few<Tensor>& gradients);
void run_hooks_after(Node& node, Few<Tensor>& results, const std::vector<Tensor>& gradients);

}  // namespace wengert
