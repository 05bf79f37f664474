#include "ops/transform.h"

#include <algorithm>

#include "operators/basic.h"
#include "operators/elementwise.h"
#include "operators/view.h"
#include "ops/watch.h"

namespace wengert {

std::vector<Tensor> (*transposed_vjp)(const std::vector<Tensor>&, const std::vector<Tensor>&,
                                      const Recompute&) = nullptr;

// --- levels ---

void Lift::see(const Tensor& tensor) {
  if (!is_wrapped(tensor)) return;
  settle(*tensor.impl());
  if (tensor->wrapper != nullptr) level_.id = std::max(level_.id, tensor->wrapper->level);
}

void Lift::enter(bool random) {
  if (random && modes.batched != 0) {
    uint32_t count = 0;
    for (const Level& level : levels()) {
      if (level.kind != Wrapper::Kind::kBatched || ++count != modes.batched) continue;
      level_.id = std::max(level_.id, level.id);
    }
  }
  if (level_.id != 0) level_ = *find_level(level_.id);
}

InnerScope::InnerScope(const Lift& at)
    : grad_(modes.grad), split_(modes.split), apart_(set_watching_apart(true)) {
  if (modes.split && at.level().id <= modes.split_level) {
    modes.grad = modes.below;
    modes.split = false;
  }
  modes.grad = modes.grad && at.level().outer_grad;
}

InnerScope::~InnerScope() {
  set_watching_apart(apart_);
  modes.grad = grad_;
  modes.split = split_;
}

LevelGradScope::LevelGradScope(bool enabled, uint64_t level)
    : grad_(modes.grad),
      split_(modes.split),
      below_(modes.below),
      transforming_(modes.transforming),
      level_(modes.split_level) {
  modes.transforming = transforming_ || level != 0;
  modes.below = split_ && level <= level_ ? below_ : grad_;
  modes.split = level != 0;
  modes.split_level = level;
  modes.grad = enabled && may_record();
}

LevelGradScope::~LevelGradScope() {
  modes.grad = grad_;
  modes.split = split_;
  modes.below = below_;
  modes.transforming = transforming_;
  modes.split_level = level_;
}

uint64_t highest_level(const std::vector<Tensor>& tensors) {
  uint64_t result = 0;
  for (const Tensor& tensor : tensors) {
    if (is_wrapped(tensor)) result = std::max(result, tensor->wrapper->level);
  }
  return result;
}

DrawScope::DrawScope(const Lift& at) : before_(modes.batched) {
  modes.batched = 0;
  for (const Level& level : levels()) {
    if (level.id < at.level().id && level.kind == Wrapper::Kind::kBatched) ++modes.batched;
  }
}

void fail_transformed(const char* op) {
  fail(ErrorKind::kNotImplemented, op,
       "(): not supported for tensors inside of vmap or forward mode");
}

void fail_dynamic(const char* op) {
  fail(
      ErrorKind::kRuntime,
      "vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap "
      "over ",
      op);
}

namespace {

bool is_at(const Tensor& tensor, const Level& level) {
  return tensor->wrapper != nullptr && tensor->wrapper->level == level.id;
}

}  // namespace

Tensor Lift::operator()(const Tensor& tensor) const {
  if (!tensor.defined() || !active() || is_at(tensor, level_)) return tensor;
  return make_wrapper(level_.kind, level_.id, tensor, -1);
}

OwnedOperand Lift::operator()(const Operand& operand) const {
  return operand.is_tensor() ? OwnedOperand((*this)(operand.tensor()))
                             : OwnedOperand(operand.scalar());
}

std::vector<Tensor> Lift::operator()(const std::vector<Tensor>& tensors) const {
  std::vector<Tensor> result;
  for (const Tensor& tensor : tensors) result.push_back((*this)(tensor));
  return result;
}

void Lift::adopt(const Tensor& target) const {
  if (is_at(target, level_)) return;
  // What is within takes over memory and history; `target` goes on as a wrapper of it. So does the
  // base of a view: what is written to the one shows in the other.
  Tensor within = alias(target);
  within->grad_fn = target->grad_fn;
  within->output_index = target->output_index;
  within->requires_grad = target->requires_grad;
  within->trail = target->trail;
  if (is_view(target)) {
    const Tensor base = target->extra->view->base;
    adopt(base);
    set_view(within, base->wrapper->inner);
    within->extra->view->version = target->extra->view->version;
    within->extra->view->no_grad = target->extra->view->no_grad;
    target->extra->view->version = target.storage()->version;
  }
  target->grad_fn.reset();
  target->output_index = 0;
  target->requires_grad = false;
  auto* wrapper = new Wrapper();
  wrapper->kind = level_.kind;
  wrapper->level = level_.id;
  wrapper->inner = within;
  delete target->wrapper;
  target->wrapper = wrapper;
}

Tensor Lift::inner(const Tensor& lifted) {
  return lifted.defined() ? lifted->wrapper->inner : Tensor();
}

OwnedOperand Lift::inner(const Operand& lifted) {
  return lifted.is_tensor() ? OwnedOperand(inner(lifted.tensor())) : OwnedOperand(lifted.scalar());
}

std::vector<Tensor> Lift::inner(const std::vector<Tensor>& lifted) {
  std::vector<Tensor> result;
  for (const Tensor& tensor : lifted) result.push_back(inner(tensor));
  return result;
}

// --- batches ---

bool Lift::is_batched(const Tensor& lifted) {
  return lifted.defined() && lifted->wrapper->dim >= 0;
}

bool Lift::is_batched(const std::vector<Tensor>& lifted) {
  return std::any_of(lifted.begin(), lifted.end(), [](const Tensor& t) { return is_batched(t); });
}

Tensor Lift::moved(const Tensor& lifted) {
  if (!lifted.defined()) return lifted;
  const Wrapper& wrapper = *lifted->wrapper;
  if (wrapper.dim <= 0) return wrapper.inner;
  Dims order{wrapper.dim};
  for (int64_t i = 0; i < wrapper.inner.ndim(); ++i) {
    if (i != wrapper.dim) order.push_back(i);
  }
  return ops::permute(wrapper.inner, order);
}

Tensor Lift::front(const Tensor& lifted, bool scalar) const {
  if (!lifted.defined()) return lifted;
  Tensor result = moved(lifted);
  if (!is_batched(lifted)) result = ops::expand(result, grown(result.sizes()));
  return scalar && result.ndim() == 1 ? ops::unsqueeze(result, 1) : result;
}

OwnedOperand Lift::front(const Operand& lifted, bool scalar) const {
  return lifted.is_tensor() ? OwnedOperand(front(lifted.tensor(), scalar))
                            : OwnedOperand(lifted.scalar());
}

std::vector<Tensor> Lift::front(const std::vector<Tensor>& lifted, bool scalar) const {
  std::vector<Tensor> result;
  for (const Tensor& tensor : lifted) result.push_back(front(tensor, scalar));
  return result;
}

int64_t Lift::shift(int64_t dim, int64_t ndim) const {
  return wrap_dim(dim, std::max<int64_t>(ndim, 1), op_) + 1;
}

Dims Lift::shift(const Dims& dims, int64_t ndim, bool empty_is_all) const {
  Dims result;
  if (dims.empty() && empty_is_all) {
    for (int64_t i = 1; i <= std::max<int64_t>(ndim, 1); ++i) result.push_back(i);
  }
  for (const int64_t dim : dims) result.push_back(shift(dim, ndim));
  return result;
}

std::optional<Dims> Lift::shift(const std::optional<Dims>& dims, int64_t ndim,
                                bool empty_is_all) const {
  return dims.has_value() ? shift(*dims, ndim, empty_is_all) : shift(Dims{}, ndim, true);
}

Dims Lift::grown(const Dims& sizes) const {
  Dims result = sizes;
  result.insert(0, level_.size);
  return result;
}

Tensor Lift::wrap(const Tensor& result, bool batched, bool scalar) const {
  if (!result.defined()) return result;
  const bool spare = batched && scalar && result.ndim() == 2;
  return make_wrapper(Wrapper::Kind::kBatched, level_.id,
                      spare ? ops::squeeze(result, Dims{1}) : result, batched ? 0 : -1);
}

std::vector<Tensor> Lift::wrap(const std::vector<Tensor>& results, bool batched,
                               bool scalar) const {
  std::vector<Tensor> wrapped;
  for (const Tensor& result : results) wrapped.push_back(wrap(result, batched, scalar));
  return wrapped;
}

bool Lift::draws_differ(bool any_batched) const {
  WENGERT_CHECK(level_.randomness != Randomness::kError, kRuntime,
                "vmap: called random operation while in randomness error mode. Please either use "
                "the 'same' or 'different' randomness flags on vmap or perform the randomness "
                "operation out of vmap\n  op: ",
                op_);
  WENGERT_CHECK(
      level_.randomness != Randomness::kSame || !any_batched, kRuntime,
      "Vmap does not currently support same randomness with a batched tensor input\n  op: ", op_);
  return level_.randomness == Randomness::kDifferent;
}

BatchedOperands::BatchedOperands(const Lift& at, const Operand* lifted, int count,
                                 const char* codes) {
  const DType dtype = elementwise_dtype(lifted, count, codes, IntegerRule::kKeep);
  int64_t ndim = 0;
  for (int k = 0; k < count; ++k) {
    if (!lifted[k].is_tensor()) continue;
    ndim = std::max(ndim, lifted[k].tensor().ndim());
    batched_ = batched_ || at.is_batched(lifted[k]);
  }
  for (int k = 0; k < count; ++k) {
    if (!lifted[k].is_tensor()) {
      operands_.emplace_back(lifted[k].scalar());
      continue;
    }
    const Tensor& tensor = lifted[k].tensor();
    Tensor within = at.moved(tensor);
    if (batched_ && codes[k + 1] == 'T' && tensor.ndim() == 0 && tensor.dtype() != dtype) {
      // A sample without dimensions takes no part in the choice of the dtype; a batch would.
      within = ops::_to_dtype(within, dtype);
    }
    if (at.is_batched(tensor)) {
      for (int64_t i = tensor.ndim(); i < ndim; ++i) within = ops::unsqueeze(within, 1);
    }
    operands_.emplace_back(within);
  }
}

// --- tangents ---

OwnedOperand Lift::exact(const Operand& lifted) {
  return OwnedOperand(lifted.is_tensor() ? inner(lifted.tensor()) : exact_number(lifted.scalar()));
}

Tensor Lift::tangent(const Tensor& lifted) {
  return lifted.defined() && modes.forward ? lifted->wrapper->tangent : Tensor();
}

bool Lift::any_tangent(const std::vector<Tensor>& lifted) {
  return std::any_of(lifted.begin(), lifted.end(), [](const Tensor& t) { return any_tangent(t); });
}

Tensor Lift::full_tangent(const Tensor& lifted) {
  if (!lifted.defined()) return lifted;
  Tensor result = tangent(lifted);
  if (!result.defined()) result = ops::_zeros(lifted.sizes(), lifted.dtype());
  return result;
}

OwnedOperand Lift::full_tangent(const Operand& lifted) {
  return lifted.is_tensor() ? OwnedOperand(full_tangent(lifted.tensor())) : OwnedOperand(Scalar(0));
}

std::vector<Tensor> Lift::full_tangent(const std::vector<Tensor>& lifted) {
  std::vector<Tensor> result;
  for (const Tensor& tensor : lifted) result.push_back(full_tangent(tensor));
  return result;
}

Tensor Lift::dual(const Tensor& primal, const Tensor& tangent) const {
  if (!primal.defined()) return primal;
  Tensor slope = is_inexact(primal.dtype()) ? tangent : Tensor();
  if (slope.defined()) {
    if (slope.dtype() != primal.dtype()) slope = ops::_to_dtype(slope, primal.dtype());
    if (!(slope.sizes() == primal.sizes())) slope = ops::expand(slope, primal.sizes());
  }
  return make_wrapper(Wrapper::Kind::kDual, level_.id, primal, -1, slope);
}

std::vector<Tensor> Lift::dual(const std::vector<Tensor>& primals,
                               const std::vector<Tensor>& tangents) const {
  std::vector<Tensor> result;
  for (size_t i = 0; i < primals.size(); ++i) {
    result.push_back(dual(primals[i], i < tangents.size() ? tangents[i] : Tensor()));
  }
  return result;
}

void TangentSum::add(const Tensor& term) { total_ = add_tangents(total_, term); }

Tensor add_tangents(const Tensor& a, const Tensor& b) {
  if (!a.defined()) return b;
  return b.defined() ? ops::add(a, b) : a;
}

std::vector<Tensor> add_tangents(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  std::vector<Tensor> result;
  for (size_t i = 0; i < a.size(); ++i) result.push_back(add_tangents(a[i], b[i]));
  return result;
}

Tensor jvp_product(const Tensor& tangent, const Operand& factor) {
  return ops::_strong_product(tangent, factor);
}

// --- writes in place ---

namespace {

// Zeros in the layout of `tensor`, a batch where it is one.
Tensor zeros_as(const Tensor& tensor) {
  if (!is_wrapped(tensor)) {
    const Tensor zeros = empty_strided(tensor.sizes(), tensor.strides(), tensor.dtype());
    fill_values(zeros, Scalar(0));
    return zeros;
  }
  const Wrapper& wrapper = *tensor->wrapper;
  const Tensor within = zeros_as(wrapper.inner);
  return wrapper.kind == Wrapper::Kind::kDual
             ? within
             : make_wrapper(wrapper.kind, wrapper.level, within, wrapper.dim);
}

// A tangent for a tensor that had none: where that is a view, a view of its base's.
Tensor zero_tangent(const Tensor& target) {
  if (!is_view(target)) return zeros_as(target->wrapper->inner);
  const Tensor& base = target->extra->view->base;
  Wrapper& whole = *base->wrapper;
  if (!whole.tangent.defined()) whole.tangent = zeros_as(whole.inner);
  const Tensor& zeros = whole.tangent;
  return ops::_as_strided(zeros, zeros.sizes(), zeros.strides(), zeros.offset(), target.sizes(),
                          target.strides(), zeros.offset() + target.offset() - base.offset());
}

}  // namespace

void Lift::assign(const Tensor& target, const Tensor& result) const {
  Wrapper& to = *target->wrapper;
  const Wrapper& from = *result->wrapper;
  const InnerScope within(*this);
  if (batched()) {
    WENGERT_CHECK(
        from.dim < 0 || to.dim >= 0, kRuntime, "vmap: inplace arithmetic(self, *extra_args)",
        " is not possible because there exists a Tensor `other` in extra_args that has "
        "more elements than `self`. This happened due to `other` being vmapped over but "
        "`self` not being vmapped over in a vmap. Please try to use out-of-place "
        "operators instead of inplace arithmetic, or create `self` with new_zeros and the "
        "like of a tensor that is mapped over.\n  op: ",
        op_, describe_argument("self", target));
    Tensor place = moved(target);
    ops::copy_(place, to.dim >= 0 ? front(result) : moved(result));
    return;
  }
  if (from.tangent.defined() && !to.tangent.defined()) to.tangent = zero_tangent(target);
  Tensor primal = to.inner;
  ops::copy_(primal, from.inner);
  if (!to.tangent.defined()) return;
  if (from.tangent.defined()) {
    ops::copy_(to.tangent, from.tangent);
  } else {
    ops::zero_(to.tangent);
  }
}

// --- for transforms that differentiate backwards ---

Tensor lifted_to_top(const Tensor& tensor) {
  if (is_wrapped(tensor)) settle(*tensor.impl());
  if (levels().empty() || is_at(tensor, levels().back())) return tensor;
  return make_wrapper(levels().back().kind, levels().back().id, tensor, -1);
}

Tensor level_detached(const Tensor& tensor) { return alias(tensor); }

}  // namespace wengert
