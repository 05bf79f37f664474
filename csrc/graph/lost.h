// Tensors without history remember how they lost it: see tensor/trail.h.
#pragma once
#include <vector>

#include "graph/node.h"

namespace wengert {

// Whether anything can be said of where a tensor's history went or would have gone.
inline bool has_past(const Tensor& tensor) {
  return tensor.defined() && (tensor->trail || requires_grad(tensor));
}
// The better known past of two: a history first, then a place where one was lost.
const Tensor* better_past(const Tensor* a, const Tensor* b);
inline const Tensor* past_of(const Tensor& tensor) { return has_past(tensor) ? &tensor : nullptr; }
inline const Tensor* past_of(const std::vector<Tensor>& tensors) {
  const Tensor* best = nullptr;
  for (const Tensor& tensor : tensors) best = better_past(best, past_of(tensor));
  return best;
}
// The best of several arguments (Operand has its own, found by argument-dependent lookup); null
// where none has a past.
template <typename First, typename Second, typename... Rest>
const Tensor* past_of(const First& first, const Second& second, const Rest&... rest) {
  const Tensor* a = past_of(first);
  const Tensor* b = past_of(second, rest...);
  return a == nullptr || b == nullptr ? (a == nullptr ? b : a) : better_past(a, b);
}

// `result` of `op` was not recorded; `source` is the argument that a history would have come from.
void note_lost(const Tensor& result, const char* op, const Tensor& source);
void note_lost(const std::vector<Tensor>& results, const char* op, const Tensor& source);
// `result` begins a history, or ends the one of `source` for a reason that only the caller knows.
void note_created(const Tensor& result, const char* op);
void note_cut(const Tensor& result, Cut cut, const char* op, const Tensor& source);
void note_cut(const Tensor& result, Cut cut, const char* op, Node& source);

// A value of `source` leaves for Python; a tensor made of Python's values may be that one again.
void note_left(const char* op, const Tensor& source);
void note_returned(const Tensor& result, Cut cut, const char* op);

// The way to look back at a node, or at what made a tensor; none where that needs no gradient.
Ref<Upstream> upstream_of(Node& node);
Ref<Upstream> upstream_of(const Tensor& tensor);
// The node goes while someone looks back at it: from now on they see the leaves that it led to.
void leave_leaves(Node& node);

// A record of the node itself, for what its backward rule will record.
Ref<Trail> trail_of(Node& node);

}  // namespace wengert
