#include "ops/watch.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <utility>

#include "kernels/cpu/simd/health.h"
#include "ops/watch_rules.h"
#include "tensor/wrapper.h"

namespace wengert {

constinit WatchMode watch_mode;
constinit WatchStories watch_stories;

namespace {

// The watcher's own operations, and those of a backward rule, are not looked at.
thread_local bool watching = false;
class Quiet {
 public:
  Quiet() { watching = true; }
  ~Quiet() { watching = false; }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};
bool awake() { return !watching && (modes.engine == 0 || in_user_rule()); }

thread_local uint32_t user_rule = 0;  // how many backward calls were running where it began

// Whose backward rule was the first of the running call to make infinity of finite values.
thread_local Ref<GraphObject> infinity;

// Faults that were seen since the mode was switched on and whose values may be alive.
std::vector<std::shared_ptr<Fault>>& faults() {
  static auto* list = new std::vector<std::shared_ptr<Fault>>();
  return *list;
}

// A program that makes harmless infinities in each step must not fill the memory with them.
void remember(const std::shared_ptr<Fault>& fault) {
  auto& list = faults();
  if (list.size() >= 64 && list.size() == list.capacity()) {
    std::erase_if(list, [](const auto& old) { return old.use_count() == 1; });
  }
  list.push_back(fault);
}

// The tensors with bytes that one inside of transforms stands for: values and tangents.
template <typename Visit>
void each_within(const Tensor& tensor, const Visit& visit) {
  if (!tensor.defined()) return;
  if (!is_wrapped(tensor)) return visit(tensor);
  each_within(tensor->wrapper->inner, visit);
  each_within(tensor->wrapper->tangent, visit);
}

// The fault behind the values of a tensor; one that made NaN, if there are several.
std::shared_ptr<Fault> fault_of(const Tensor& tensor, bool read) {
  std::shared_ptr<Fault> found;
  each_within(tensor, [&](const Tensor& within) {
    if (within->extra == nullptr || !within->extra->fault.fault) return;
    FaultMark& mark = within->extra->fault;
    if (read) mark.mark_read();
    if (!found || (mark.fault->nan && !found->nan)) found = mark.fault;
  });
  return found;
}

void mark(const Tensor& tensor, const std::shared_ptr<Fault>& fault) {
  each_within(tensor, [&](const Tensor& within) {
    if (!health_of(within).fine()) extra(within).fault.set(fault);
  });
}

Health health_of(Arguments arguments) {
  Health health;
  for (const Argument& argument : arguments) {
    health.add(argument.number);
    for (size_t i = 0; i < argument.count; ++i) health.add(wengert::health_of(argument.tensors[i]));
  }
  return health;
}

std::shared_ptr<Fault> fault_of(Arguments arguments) {
  std::shared_ptr<Fault> found;
  for (const Argument& argument : arguments) {
    for (size_t i = 0; i < argument.count; ++i) {
      const std::shared_ptr<Fault> one = fault_of(argument.tensors[i], true);
      if (one && (!found || (one->nan && !found->nan))) found = one;
    }
  }
  return found;
}

bool is_error(const Health& health) {
  return (health.nan && watch_mode.nan) || (health.inf && watch_mode.inf);
}

// The fault behind non-finite results: the one that the inputs brought along, or a new one.
std::shared_ptr<Fault> blame(const char* op, const Health& made, const Health& given,
                             std::shared_ptr<Fault> known, Arguments inputs, Arguments outputs) {
  const bool newly_nan = made.nan && !given.nan;
  if (known && !newly_nan) return known;
  if (!newly_nan && !given.fine()) {
    // Infinity on purpose, such as a mask of -inf. Data with NaN is nobody's purpose.
    if (!made.nan) return nullptr;
  }
  const std::string story = watch_stories.produced == nullptr
                                ? std::string(op)
                                : watch_stories.produced(op, made, inputs, outputs);
  auto fault = std::make_shared<Fault>();
  fault->nan = made.nan;
  fault->story = known ? known->story + "\n  and then, of the infinity:" + story : story;
  remember(fault);
  return fault;
}

const char* parameter_sentence(const Health& made) {
  return made.nan ? "a parameter became nan." : "a parameter became infinite.";
}

[[noreturn]] void raise(const Fault& fault, const char* where) {
  throw Error(ErrorKind::kRuntime, str(where, fault.story));
}

}  // namespace

bool in_user_rule() { return user_rule != 0 && user_rule == modes.engine; }
UserRuleScope::UserRuleScope() : outer_(user_rule) { user_rule = modes.engine; }
UserRuleScope::~UserRuleScope() { user_rule = outer_; }
bool set_watching_apart(bool apart) { return std::exchange(watching, apart); }

Health health_of(const Tensor& tensor) {
  if (!tensor.defined() || !is_inexact(tensor.dtype()) || tensor.numel() == 0) return {};
  if (is_wrapped(tensor)) {
    Health health;
    each_within(tensor, [&](const Tensor& within) { health.add(health_of(within)); });
    return health;
  }
  const bool dense = tensor.is_contiguous() || is_dense(tensor.sizes(), tensor.strides());
  const Tensor values = dense ? tensor : contiguous_values(tensor);
  const unsigned found = cpu::scan_health(values.dtype(), values.data(), values.numel());
  return {(found & cpu::kHoldsNan) != 0, (found & cpu::kHoldsInfinity) != 0};
}

Argument::Argument(const char* of, const Operand& operand) : name(of) {
  if (operand.is_tensor()) {
    tensors = &operand.tensor();
    count = 1;
    return;
  }
  const auto value = operand.scalar().to<std::complex<double>>();
  number.nan = std::isnan(value.real()) || std::isnan(value.imag());
  number.inf = std::isinf(value.real()) || std::isinf(value.imag());
}

void watch(const char* op, Arguments inputs, Arguments outputs) {
  if (!awake()) return;
  const Quiet quiet;
  const std::shared_ptr<Fault> known = faults().empty() ? nullptr : fault_of(inputs);
  Health made;
  for (const Argument& output : outputs) {
    for (size_t i = 0; i < output.count; ++i) {
      const Tensor& y = output.tensors[i];
      if (!y.defined() || !is_inexact(y.dtype())) continue;
      bool view = false;  // shows what was looked at before
      for (const Argument& input : inputs) {
        for (size_t k = 0; k < input.count; ++k) {
          view = view || (input.tensors[k].defined() && input.tensors[k].storage() == y.storage());
        }
      }
      if (view && !known) continue;
      made.add(health_of(y));
    }
  }
  if (made.fine()) return;
  const std::shared_ptr<Fault> fault = blame(op, made, health_of(inputs), known, inputs, outputs);
  if (!fault) return;
  for (const Argument& output : outputs) {
    for (size_t i = 0; i < output.count; ++i) {
      mark(output.tensors[i], fault);
    }
  }
}

void WatchedWrite::before(Arguments inputs) {
  if (!awake()) return;
  const Quiet quiet;
  health_ = health_of(inputs);
  fault_ = fault_of(inputs);
}

void WatchedWrite::after(const char* op, const Tensor& target) {
  if (!awake()) return;
  const Quiet quiet;
  const Health made = health_of(target);
  each_within(target, [](const Tensor& within) {
    if (within->extra != nullptr) within->extra->fault.clear();
  });
  if (made.fine()) return;
  const std::shared_ptr<Fault> fault = blame(op, made, health_, fault_, {}, {{"result", target}});
  if (!fault) return;
  // Parameters are where training ends up: nothing will make them finite again.
  if (target->requires_grad && is_error(made)) {
    raise(*fault, parameter_sentence(made));
  }
  mark(target, fault);
}

void watch_roots(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients) {
  if (watching) return;
  infinity.reset();
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (!is_error(health_of(gradients[i]))) continue;
    fail(ErrorKind::kRuntime, "the gradient that was given for output ", i, " is not finite.",
         describe_argument("gradient", gradients[i]));
  }
  for (const Tensor& root : roots) {
    const std::shared_ptr<Fault> fault = fault_of(root, false);
    if (!fault || !is_error(health_of(root))) continue;
    raise(*fault, health_of(root).nan ? "the tensor to differentiate is nan."
                                      : "the tensor to differentiate is infinite.");
  }
}

void watch_step(const char* op, Arguments inputs, const Tensor& parameter) {
  if (!awake()) return;
  const Quiet quiet;
  const Health made = health_of(parameter);
  if (!is_error(made)) return;
  const std::string story = watch_stories.produced == nullptr
                                ? std::string(op)
                                : watch_stories.produced(op, made, inputs, {{"param", parameter}});
  raise({story, made.nan}, parameter_sentence(made));
}

void watch_gradients(Node& node, const Tensor* incoming, Tensor* outgoing) {
  if (watching) return;
  const Quiet quiet;
  const size_t count = node.outputs.size();
  auto passed_on = [&](const Tensor& gradient) {  // looked at when it was made
    return std::any_of(incoming, incoming + count, [&](const Tensor& given) {
      return given.defined() && given.storage() == gradient.storage();
    });
  };
  for (size_t i = 0; i < node.edges.size(); ++i) {
    if (!node.needs(i) || !outgoing[i].defined() || passed_on(outgoing[i])) continue;
    const Health health = health_of(outgoing[i]);
    if (health.fine()) continue;
    Health given;
    for (size_t k = 0; k < count; ++k) given.add(health_of(incoming[k]));
    if (health.inf && given.fine() && !infinity) infinity = Ref<GraphObject>(&node);
    if (!is_error(health)) continue;
    const bool nan = health.nan && watch_mode.nan;
    std::string text = str("Function '", node.type->name, "' returned ", nan ? "nan" : "inf",
                           " values in its ", i, "th output.");
    if (const auto fault = fault_of(outgoing[i], false)) text += fault->story;
    if (watch_stories.gradient != nullptr) {
      const Ref<GraphObject> made = given.inf ? std::move(infinity) : nullptr;
      text += watch_stories.gradient(node, i, health, incoming, outgoing,
                                     static_cast<Node*>(made.get()));
    }
    throw Error(ErrorKind::kRuntime, text);
  }
}

void watch_leftovers() {
  for (const auto& fault : faults()) {
    if (fault->reaching > 0 && (fault->nan ? watch_mode.nan : watch_mode.inf)) {
      const Fault found = *fault;
      forget_faults();
      raise(found, found.nan ? "a result is nan." : "a result is infinite.");
    }
  }
}

void forget_faults() { faults().clear(); }

}  // namespace wengert
