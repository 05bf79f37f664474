// Forward mode for operators that have no rule of their own.
#include "autograd/forward.h"

#include <algorithm>

#include "autograd/engine.h"
#include "autograd/reach.h"
#include "operators/basic.h"
#include "operators/view.h"
#include "ops/transform.h"

namespace wengert {

namespace {

Tensor at_level(const Tensor& tensor, uint64_t level) {
  if (level == 0 || (is_wrapped(tensor) && tensor->wrapper->level == level)) return tensor;
  return make_wrapper(find_level(level)->kind, level, tensor, -1);
}

std::vector<Tensor> by_double_backward(const std::vector<Tensor>& primals,
                                       const std::vector<Tensor>& tangents, const Recompute& call) {
  const bool recording = modes.grad;
  const uint64_t level = std::max(highest_level(primals), highest_level(tangents));
  const LevelGradScope mode(true, level);
  std::vector<Tensor> inputs = primals, moving, directions, leaves;
  for (size_t i = 0; i < primals.size(); ++i) {
    if (!tangents[i].defined()) continue;
    Tensor& x = inputs[i];
    x = at_level(x, level);
    if (recording && requires_grad(x)) {
      x = ops::_alias(x);
    } else {
      x = level_detached(x);
      x->requires_grad = true;
      leaves.push_back(x);
    }
    moving.push_back(x);
    directions.push_back(tangents[i]);
  }
  const std::vector<Tensor> outputs = call(inputs);
  BackwardRequest pull;
  std::vector<size_t> places;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].defined() || !requires_grad(outputs[i])) continue;
    Tensor zeros = at_level(ops::_zeros(outputs[i].sizes(), outputs[i].dtype()), level);
    zeros->requires_grad = true;
    leaves.push_back(zeros);
    pull.roots.push_back(outputs[i]);
    pull.gradients.push_back(zeros);
    places.push_back(i);
  }
  std::vector<Tensor> result(outputs.size());
  if (places.empty()) return result;
  pull.inputs = moving;
  pull.keep_graph = pull.create_graph = true;
  pull.accumulate = false;
  const std::vector<Tensor> pulled = run_backward(pull);
  BackwardRequest push;
  push.inputs = pull.gradients;
  push.create_graph = push.keep_graph = recording;
  push.accumulate = false;
  for (size_t i = 0; i < pulled.size(); ++i) {
    if (!pulled[i].defined() || !requires_grad(pulled[i])) continue;
    push.roots.push_back(pulled[i]);
    push.gradients.push_back(directions[i]);
  }
  if (push.roots.empty()) return result;
  const std::vector<Tensor> pushed = run_backward(push);
  for (size_t i = 0; i < places.size(); ++i) {
    Tensor slope = pushed[i];
    // What only leads to leaves of our own is no history.
    if (slope.defined() && requires_grad(slope) && !reaches_other_leaf(slope, leaves)) {
      slope = level_detached(slope);
    }
    result[places[i]] = slope;
  }
  return result;
}

Tensor dual_level_result(const Lift& at, const Tensor& primal, const Tensor& tangent) {
  return tangent.defined() ? at.dual(primal, tangent) : at.dual(primal);
}

[[maybe_unused]] const bool installed = [] {
  transposed_vjp = by_double_backward;
  return true;
}();

}  // namespace

Tensor dual_of(const Tensor& primal, const Tensor& tangent, uint64_t level) {
  const Lift at("make_dual", primal, tangent);
  if (!at.active() || at.level().id <= level) {
    return make_wrapper(Wrapper::Kind::kDual, level, primal, -1, tangent);
  }
  const Tensor p = at(primal), t = at(tangent);
  if (!at.batched()) {
    const Tensor inner = dual_of(at.inner(p), at.inner(t), level);
    if (!at.any_tangent(p) && !at.any_tangent(t)) return at.dual(inner);
    return at.dual(inner, dual_of(at.full_tangent(p), at.full_tangent(t), level));
  }
  const bool any = at.any_batched(p, t);
  return at.wrap(
      any ? dual_of(at.front(p), at.front(t), level) : dual_of(at.inner(p), at.inner(t), level),
      any);
}

std::pair<Tensor, Tensor> parts_of_dual(const Tensor& tensor, uint64_t level) {
  if (!is_wrapped(tensor) || tensor->wrapper->level < level) return {tensor, Tensor()};
  const Wrapper& wrapper = *tensor->wrapper;
  if (wrapper.level == level) return {wrapper.inner, wrapper.tangent};
  const Lift at("unpack_dual", tensor);
  const auto [primal, tangent] = parts_of_dual(wrapper.inner, level);
  if (at.batched()) {
    const auto again = [&](const Tensor& part) {
      return part.defined() ? make_wrapper(wrapper.kind, wrapper.level, part, wrapper.dim) : part;
    };
    return {again(primal), again(tangent)};
  }
  if (!wrapper.tangent.defined()) {
    return {at.dual(primal), tangent.defined() ? at.dual(tangent) : tangent};
  }
  const auto [slope, slope_tangent] = parts_of_dual(wrapper.tangent, level);
  return {at.dual(primal, slope),
          tangent.defined() ? dual_level_result(at, tangent, slope_tangent) : tangent};
}

}  // namespace wengert
