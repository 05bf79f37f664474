// Histories after writes in place: a write through a view becomes part of its base's history.
#include "ops/inplace.h"

#include "operators/basic.h"
#include "operators/elementwise.h"
#include "operators/view.h"

namespace wengert {

namespace {

struct Geometry {
  Dims sizes, strides;
  int64_t offset = 0;
};

// Where a view lies in the memory of its base. Where only one of the two is complex, both are
// described as real numbers, and their gradients are taken as such.
struct Placement {
  Geometry base, view;
  bool base_as_real = false, view_as_real = false;

  Placement() = default;
  Placement(const Tensor& of_base, const Tensor& of_view)
      : base_as_real(is_complex(of_base.dtype()) && !is_complex(of_view.dtype())),
        view_as_real(is_complex(of_view.dtype()) && !is_complex(of_base.dtype())) {
    base = geometry_of(of_base, base_as_real);
    view = geometry_of(of_view, view_as_real);
  }

  // The gradient of the base, where that of the view is known and the rest is zero.
  Tensor spread(const Tensor& of_view) const {
    return result(ops::_as_strided_scatter(operand(of_view, view_as_real), base.sizes, base.strides,
                                           base.offset, view.sizes, view.strides, view.offset),
                  base_as_real);
  }
  // The part of the base's gradient that belongs to the view.
  Tensor part(const Tensor& of_base) const {
    return result(ops::_as_strided_gather(operand(of_base, base_as_real), base.sizes, base.strides,
                                          base.offset, view.sizes, view.strides, view.offset),
                  view_as_real);
  }
  Tensor replace(const Tensor& of_base, const Tensor& of_view) const {
    return result(ops::_as_strided_replace(operand(of_base, base_as_real),
                                           operand(of_view, view_as_real), base.sizes, base.strides,
                                           base.offset, view.sizes, view.strides, view.offset),
                  base_as_real);
  }

 private:
  static Geometry geometry_of(const Tensor& tensor, bool as_real) {
    Geometry result{tensor.sizes(), tensor.strides(), tensor.offset()};
    if (!as_real) return result;
    for (int64_t& stride : result.strides) stride *= 2;
    result.sizes.push_back(2);
    result.strides.push_back(1);
    result.offset *= 2;
    return result;
  }
  static Tensor operand(const Tensor& tensor, bool as_real) {
    return as_real ? ops::view_as_real(tensor) : tensor;
  }
  static Tensor result(const Tensor& tensor, bool was_real) {
    if (!was_real) return tensor;
    return ops::complex(ops::select(tensor, -1, 0), ops::select(tensor, -1, 1));
  }
};

// --- the gradient of a view, taken afresh from its base ---

struct ReplayNode : Node {
  using Node::Node;
  Placement place;
};

void replay_backward(Node& node, Tensor* gradients, Tensor* results) {
  results[0] = static_cast<ReplayNode&>(node).place.spread(gradients[0]);
}

const NodeType kReplayType = {"AsStridedBackward0", "as_strided", replay_backward, no_saved,
                              remove_node<ReplayNode>};

// --- a write through a view ---

// Wraps the node of the write so that it acts on a part of the base's gradient.
struct CopySlicesNode : Node {
  using Node::Node;
  Placement place;
  Ref<GraphObject> inner;
  size_t position = 0;   // of the edge of `inner` that leads to the old value
  bool watched = false;  // the last edge leads to a node that looks at the old value's gradient
};

void copy_slices_backward(Node& node, Tensor* gradients, Tensor* results) {
  auto& self = static_cast<CopySlicesNode&>(node);
  auto* inner = static_cast<Node*>(self.inner.get());
  inner->released = node.released;
  inner->run = node.run;
  const size_t count = inner->edges.size(), position = self.position;
  Few<Tensor> inner_results(count);
  const Tensor gradient = gradients[0];
  Tensor incoming = self.place.part(gradient);
  const Tensor part = incoming;
  inner->type->backward(*inner, &incoming, inner_results.data());
  for (size_t i = 0; i < count; ++i) {
    if (i != position) results[i] = inner_results[i];
  }
  Tensor& old_value = inner_results[position];
  if (self.watched) results[count] = std::exchange(old_value, Tensor());
  if (!node.needs(position)) return;
  Tensor replacement = old_value.defined() ? old_value : zeros_matching(part);
  results[position] = self.place.replace(gradient, replacement);
}

void copy_slices_saved(Node& node, SavedVisitor visit, void* context) {
  auto* inner = static_cast<Node*>(static_cast<CopySlicesNode&>(node).inner.get());
  inner->type->saved(*inner, visit, context);
}

const NodeType kCopySlicesType = {"CopySlices", "copy_slices", copy_slices_backward,
                                  copy_slices_saved, remove_node<CopySlicesNode>};

// A tensor that keeps its gradient keeps that of its newest value.
void move_retained(const Tensor& tensor) {
  if (tensor->extra == nullptr || !tensor->extra->retains_grad) return;
  AutogradExtra& more = *tensor->extra;
  auto* node = static_cast<Node*>(tensor->grad_fn.get());
  if (node == nullptr || more.retained_by.get() == node) return;
  if (more.retained_by) {
    auto& before = static_cast<Node*>(more.retained_by.get())->extra->retained;
    std::erase_if(before, [&](const auto& entry) { return entry.second == tensor.impl(); });
  }
  extra(*node).retained.emplace_back(tensor->output_index, tensor.impl());
  more.retained_by = Ref<GraphObject>(node);
}

}  // namespace

Node* inner_of(Node& node) {
  if (node.type != &kCopySlicesType) return nullptr;
  return static_cast<Node*>(static_cast<CopySlicesNode&>(node).inner.get());
}

bool leads_forward(const TensorImpl& view) {
  const auto* own = static_cast<const Node*>(view.grad_fn.get());
  if (own != nullptr && own->type == &kReplayType) return true;
  const auto* base = static_cast<const Node*>(view.extra->view->base->grad_fn.get());
  return base != nullptr && (own == nullptr || base->sequence > own->sequence);
}

Node* grad_fn(const Tensor& tensor) {
  auto* node = static_cast<Node*>(tensor->grad_fn.get());
  if (!is_view(tensor)) return node;
  ViewInfo& view = *tensor->extra->view;
  const uint32_t version = tensor.storage()->version;
  if (view.version == version) return node;
  if (!requires_grad(view.base)) return node;
  WENGERT_CHECK(!view.no_grad, kRuntime, view_made_in_mode(view),
                "its base or another view of its base has been", sides_of_mode(view),
                describe_argument("view", tensor), describe_argument("base", view.base));
  check_custom_view(tensor);
  // The base was written to since: this view's history now leads through the base.
  auto* replay = new ReplayNode(&kReplayType, 1, 1);
  Ref<Node> owner(replay);
  replay->place = Placement(view.base, tensor);
  replay->edges[0] = gradient_edge(view.base);
  view.version = version;
  set_history(tensor, owner);
  tensor->requires_grad = false;  // no leaf any more
  move_retained(tensor);
  return replay;
}

void rebase_history(const Tensor& target, Ref<Node> node, uint32_t output, size_t position) {
  if (!is_view(target)) {
    set_history(target, node, output);
    move_retained(target);
    return;
  }
  WENGERT_CHECK(node->outputs.size() == 1, kRuntime,
                "Functions which modify views in-place must return a single Variable",
                describe_argument("view", target));
  ViewInfo& view = *target->extra->view;
  const Tensor base = view.base;
  const size_t count = node->edges.size();
  const Edge old_value = node->edges[position];
  const bool watched = old_value.target && old_value.node()->type->watches;
  auto* slices = new CopySlicesNode(&kCopySlicesType, watched ? count + 1 : count, 1);
  Ref<Node> owner(slices);
  slices->place = Placement(base, target);
  slices->position = position;
  slices->watched = watched;
  for (size_t i = 0; i < count; ++i) slices->edges[i] = node->edges[i];
  slices->edges[position] = gradient_edge(base);
  if (watched) slices->edges[count] = old_value;
  node->outputs[0] = {target.dtype(), target.sizes()};
  slices->inner = Ref<GraphObject>(node.get());
  set_history(base, owner);
  move_retained(base);
  // The view's own node is made when it is asked for.
  view.version = target.storage()->version - 1;
  if (target->extra->retains_grad) grad_fn(target);
}

// --- what in-place forms are made of ---

namespace {

void adopt_history(const Tensor& twin, const Tensor& tensor) {
  if (Node* node = grad_fn(tensor)) {
    twin->grad_fn = Ref<GraphObject>(node);
    twin->output_index = tensor->output_index;
  }
}

}  // namespace

Tensor original_of(const Tensor& tensor) {
  Tensor copy = cloned_values(tensor);
  adopt_history(copy, tensor);
  return copy;
}

Tensor twin_with_history(const Tensor& tensor) {
  Tensor twin = alias(tensor);
  adopt_history(twin, tensor);
  return twin;
}

void become(const char* op, const Tensor& tensor, const Tensor& view) {
  const Ref<Node> node(grad_fn(view));  // before the write makes it look out of date
  if (is_wrapped(tensor)) *tensor->wrapper = *view->wrapper;
  set_geometry(*tensor.impl(), view.sizes(), view.strides(), view.offset());
  bump_version(tensor, op);  // what was saved of this tensor no longer has its shape
  if (tensor->extra != nullptr) {
    AutogradExtra& more = *tensor->extra;
    if (more.accumulator != nullptr) more.accumulator->outputs[0].sizes = tensor.sizes();
    if (more.view != nullptr) more.view->version = tensor.storage()->version;
  }
  if (node) set_history(tensor, node, view->output_index);
  move_retained(tensor);
}

void take_memory(const Tensor& tensor, const Tensor& data) {
  const bool elsewhere = tensor.storage() != data.storage();
  tensor->storage = data.storage();
  tensor->dtype = data.dtype();
  set_geometry(*tensor.impl(), data.sizes(), data.strides(), data.offset());
  if (tensor->extra == nullptr) return;
  AutogradExtra& more = *tensor->extra;
  if (more.accumulator != nullptr) {
    more.accumulator->outputs[0] = {tensor.dtype(), tensor.sizes()};
  }
  if (elsewhere) {  // no view of anything any more
    delete more.view;
    more.view = nullptr;
  }
}

namespace ops::impl {

Tensor set_(const Tensor& input, const Tensor& source) {
  check_inplace("set_", input);
  WENGERT_CHECK(!modes.grad || !(requires_grad(input) || requires_grad(source)), kRuntime,
                "set_(): the derivative for 'set_' is not implemented",
                describe_argument("input", input), describe_argument("source", source));
  WENGERT_CHECK(input.dtype() == source.dtype(), kRuntime, "set_(): Could not set tensor of type ",
                dtype_name(source.dtype()), " to a tensor of type ", dtype_name(input.dtype()));
  take_memory(input, source);
  bump_version(input, "set_");
  return input;
}

Tensor detach_(const Tensor& input) {
  WENGERT_CHECK(!is_view(input), kRuntime,
                "detach_(): Can't detach views in-place. Use detach() instead",
                describe_argument("input", input));
  const bool had_history = requires_grad(input);
  if (had_history) note_cut(input, Cut::kDetach, "detach_", input);
  input->grad_fn.reset();
  input->output_index = 0;
  input->requires_grad = false;
  return input;
}

Tensor resize_(const Tensor& input, const Dims& size) {
  check_inference_write("resize_", input);
  WENGERT_CHECK(!requires_grad(input), kRuntime,
                "resize_(): cannot resize variables that require grad",
                describe_argument("input", input));
  for (int64_t length : size) {
    WENGERT_CHECK(length >= 0, kRuntime, "resize_(): negative dimension in size ", to_string(size));
  }
  resize_output(input, size, "resize_");
  bump_version(input, "resize_");
  return input;
}

}  // namespace ops::impl

}  // namespace wengert
