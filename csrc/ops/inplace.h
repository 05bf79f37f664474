// What the collector of garbage needs to know of histories after writes in place.
#pragma once
#include "graph/node.h"

namespace wengert {

// The node of the write itself, where `node` stands for a write through a view.
Node* inner_of(Node& node);
// Does a view lead forward in time, to a history that its base got later?
bool leads_forward(const TensorImpl& view);

}  // namespace wengert
