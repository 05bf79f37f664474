#include "autograd/accumulate.h"

#include <chrono>
#include <thread>

#include "device/cpu/parallel.h"
#include "operators/basic.h"
#include "operators/elementwise.h"

namespace wengert {

Tensor add_gradients(const Tensor& a, const Tensor& b) { return ops::add(a, b); }

void add_in_place(const Tensor& total, const Tensor& gradient) {
  const GradModeScope mode(false);
  Tensor target = total;
  ops::add_(target, gradient);
}

Tensor ones_for(const Tensor& root) {
  Tensor ones = empty(root.sizes(), root.dtype());
  fill_values(ones, Scalar(1));
  return ones;
}

void fit_gradient(Tensor& gradient, const OutputInfo& info, const Node* producer, size_t index) {
  if (gradient.dtype() != info.dtype) {
    if (is_complex(gradient.dtype()) && !is_complex(info.dtype)) {
      gradient = ops::_real_part(gradient);
    }
    if (gradient.dtype() != info.dtype) gradient = ops::_to_dtype(gradient, info.dtype);
  }
  if (!(gradient.sizes() == info.sizes)) {
    WENGERT_CHECK(broadcastable_to(info.sizes, gradient.sizes()), kRuntime, "Function ",
                  producer == nullptr ? "backward" : producer->type->name,
                  " returned an invalid gradient at index ", index, " - got ",
                  to_string(gradient.sizes()), " but expected shape compatible with ",
                  to_string(info.sizes), producer == nullptr ? "" : "\n  recorded at ",
                  producer == nullptr ? "" : format_site(producer->site));
    gradient = ops::sum_to_size(gradient, info.sizes);
  }
}

namespace {

// Two threads may add to the gradient of one leaf. An addition is a read and a write with a kernel
// in between, which lets go of Python's lock; so the leaf is marked for that time, under the lock,
// and whoever finds it marked by another thread waits without holding the lock.
class AddingScope {
 public:
  explicit AddingScope(AutogradExtra& more) : more_(more), outer_(more.adding) {
    while (more_.adding != 0 && more_.adding != me()) {
      const LongWorkScope without_lock;
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    outer_ = more_.adding;
    more_.adding = me();
  }
  ~AddingScope() { more_.adding = outer_; }
  AddingScope(const AddingScope&) = delete;
  AddingScope& operator=(const AddingScope&) = delete;

 private:
  static uint64_t me() {  // of an object that each thread has
    return reinterpret_cast<uintptr_t>(&modes);
  }
  AutogradExtra& more_;
  uint64_t outer_;
};

}  // namespace

void accumulate_into(const Tensor& variable, const Tensor& gradient, bool create_graph, bool leaf) {
  AutogradExtra& more = extra(variable);
  if (is_wrapped(gradient)) [[unlikely]] {
    WENGERT_CHECK(is_wrapped(variable), kRuntime,
                  "backward() called inside of vmap or forward mode, for a tensor from outside of "
                  "it: its gradient would be a whole batch, or have a tangent. Use func.grad or "
                  "func.vjp instead, or call backward() outside of the transform",
                  describe_argument("tensor", variable));
    more.grad = more.grad.defined() ? ops::add(more.grad, gradient) : gradient;
    return;
  }
  const AddingScope scope(more);
  if (!more.grad.defined()) {
    // Moved in when nobody else holds it; PyTorch's layout contract: the strides of the variable.
    const bool ours =
        leaf && gradient->refs == 1 && gradient.storage()->refs == 1 && gradient->python == nullptr;
    if (create_graph && (ours || requires_grad(gradient))) {
      more.grad = gradient;  // later ones are added out of place if this one has a history
    } else if (ours && gradient.strides() == variable.strides() && !requires_grad(gradient)) {
      more.grad = gradient;
    } else {
      Tensor copy = empty_like(variable, gradient.dtype());
      copy_values(copy, gradient);
      more.grad = std::move(copy);
    }
    return;
  }
  if (create_graph || !leaf || requires_grad(more.grad)) {
    more.grad = ops::add(more.grad, gradient);
  } else {
    add_in_place(more.grad, gradient);
  }
}

namespace {

void accumulate_backward(Node& node, Tensor* gradients, Tensor*) {
  auto& self = static_cast<AccumulateGrad&>(node);
  if (!gradients[0].defined()) return;
  const Tensor variable = self.variable;
  if (!variable->requires_grad) return;  // it was set to False since
  accumulate_into(variable, gradients[0], modes.grad, true);
  gradients[0] = Tensor();
  if (variable->extra != nullptr) {
    const auto hooks = variable->extra->accumulated;  // a hook may remove itself
    for (const auto& [id, hook] : hooks) hook(variable);
  }
}

void accumulate_remove(Node* node) {
  auto* self = static_cast<AccumulateGrad*>(node);
  if (self->variable.defined() && self->variable->extra != nullptr) {
    self->variable->extra->accumulator = nullptr;
  }
  delete self;
}

}  // namespace

const NodeType kAccumulateGrad = {"AccumulateGrad", "accumulate", accumulate_backward, no_saved,
                                  accumulate_remove};

namespace {

void call_hooks(const std::vector<NodeExtra::Hook>& registered, Few<Tensor>& gradients) {
  if (registered.empty()) return;
  const auto hooks = registered;  // a hook may remove itself
  for (const NodeExtra::Hook& hook : hooks) {
    Tensor& gradient = gradients[hook.output];
    if (!gradient.defined()) continue;
    Tensor replaced = hook.call(gradient);
    if (replaced.defined()) gradient = std::move(replaced);
  }
}

}  // namespace

void run_hooks(Node& node, Few<Tensor>& gradients) {
  if (node.type == &kAccumulateGrad) {
    const Tensor variable = static_cast<AccumulateGrad&>(node).variable;
    if (variable->extra != nullptr) call_hooks(variable->extra->hooks, gradients);
    return;
  }
  if (node.extra == nullptr) return;
  call_hooks(node.extra->hooks, gradients);
  for (const auto& [output, impl] : node.extra->retained) {
    if (gradients[output].defined()) {
      accumulate_into(Tensor(Ref<TensorImpl>(impl)), gradients[output], modes.grad, false);
    }
  }
}

void run_hooks_before(Node& node, Few<Tensor>& gradients) {
  const auto hooks = node.extra->before;
  for (const auto& [id, hook] : hooks) hook(gradients.data(), gradients.size(), nullptr, 0);
}

void run_hooks_after(Node& node, Few<Tensor>& results, const std::vector<Tensor>& gradients) {
  const auto hooks = node.extra->after;
  for (const auto& [id, hook] : hooks) {
    hook(results.data(), results.size(), gradients.data(), gradients.size());
  }
}

}  // namespace wengert
