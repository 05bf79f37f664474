// What the engine does with gradients: add, fit to the value they belong to, store in .grad.
#pragma once
#include "graph/node.h"

namespace wengert {

Tensor add_gradients(const Tensor& a, const Tensor& b);
void add_in_place(const Tensor& total, const Tensor& gradient);
Tensor ones_for(const Tensor& root);
// Sums what broadcasting repeated and casts, so that the gradient fits the value.
void fit_gradient(Tensor& gradient, const OutputInfo& info);
void accumulate_into(const Tensor& variable, const Tensor& gradient, bool create_graph);
void run_hooks(Node& node, Few<Tensor>& gradients);

}  // namespace wengert
