// Histories after writes in place: a write through a view becomes part of its base's history.
#include "operators/basic.h"

namespace wengert {

namespace {

struct Geometry {
  Dims sizes, strides;
  int64_t offset = 0;
};

Geometry geometry_of(const Tensor& tensor) {
  return {tensor.sizes(), tensor.strides(), tensor.offset()};
}

// --- the gradient of a view, taken afresh from its base ---

struct ReplayNode : Node {
  using Node::Node;
  Geometry base, view;
};

void replay_backward(Node& node, Tensor* gradients, Tensor* results) {
  auto& self = static_cast<ReplayNode&>(node);
  results[0] = ops::_as_strided_scatter(gradients[0], self.base.sizes, self.base.strides,
                                        self.base.offset, self.view.sizes, self.view.strides,
                                        self.view.offset);
}

const NodeType kReplayType = {"AsStridedBackward0", "as_strided", replay_backward, [](Node&) {},
                              remove_node<ReplayNode>};

// --- a write through a view ---

// Wraps the node of the write so that it acts on a part of the base's gradient.
struct CopySlicesNode : Node {
  using Node::Node;
  Geometry base, view;
  Ref<GraphObject> inner;
};

void copy_slices_backward(Node& node, Tensor* gradients, Tensor* results) {
  auto& self = static_cast<CopySlicesNode&>(node);
  auto* inner = static_cast<Node*>(self.inner.get());
  const Tensor part =
      ops::_as_strided_gather(gradients[0], self.base.sizes, self.base.strides, self.base.offset,
                              self.view.sizes, self.view.strides, self.view.offset);
  const size_t count = inner->edges.size();
  Few<Tensor> inner_results(count);
  Tensor incoming = part;
  inner->type->backward(*inner, &incoming, inner_results.data());
  for (size_t i = 1; i < count; ++i) results[i] = inner_results[i];
  if (!node.needs(0)) return;
  Tensor replacement = inner_results[0].defined() ? inner_results[0] : zeros_matching(part);
  results[0] = ops::_as_strided_replace(gradients[0], replacement, self.base.sizes,
                                        self.base.strides, self.base.offset, self.view.sizes,
                                        self.view.strides, self.view.offset);
}

void copy_slices_release(Node& node) {
  auto* inner = static_cast<Node*>(static_cast<CopySlicesNode&>(node).inner.get());
  inner->type->release(*inner);
  inner->released = true;
  inner->released_at = node.released_at;
}

const NodeType kCopySlicesType = {"CopySlices", "copy_slices", copy_slices_backward,
                                  copy_slices_release, remove_node<CopySlicesNode>};

}  // namespace

Node* grad_fn(const Tensor& tensor) {
  auto* node = static_cast<Node*>(tensor->grad_fn.get());
  if (tensor->extra == nullptr || tensor->extra->view == nullptr) return node;
  ViewInfo& view = *tensor->extra->view;
  const uint32_t version = tensor.storage()->version;
  if (view.version == version) return node;
  if (!requires_grad(view.base) || tensor->requires_grad) return node;
  // The base was written to since: this view's history now leads through the base.
  auto* replay = new ReplayNode(&kReplayType, 1, 1);
  Ref<Node> owner(replay);
  replay->base = geometry_of(view.base);
  replay->view = geometry_of(tensor);
  replay->edges[0] = gradient_edge(view.base);
  view.version = version;
  set_history(tensor, owner);
  return replay;
}

void rebase_history(const Tensor& target, Ref<Node> node) {
  const bool is_view = target->extra != nullptr && target->extra->view != nullptr;
  if (!is_view) {
    set_history(target, node);
    return;
  }
  ViewInfo& view = *target->extra->view;
  const Tensor base = view.base;
  const size_t count = node->edges.size();
  auto* slices = new CopySlicesNode(&kCopySlicesType, count, 1);
  Ref<Node> owner(slices);
  slices->base = geometry_of(base);
  slices->view = geometry_of(target);
  slices->edges[0] = gradient_edge(base);
  for (size_t i = 1; i < count; ++i) slices->edges[i] = node->edges[i];
  node->outputs[0] = {target.dtype(), target.sizes()};
  slices->inner = Ref<GraphObject>(node.get());
  set_history(base, owner);
  // The view's own node is made when it is asked for.
  view.version = target.storage()->version - 1;
}

}  // namespace wengert
