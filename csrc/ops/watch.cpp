#include "ops/watch.h"

#include <atomic>
#include <cmath>
#include <complex>

#include "device/cpu/parallel.h"
#include "tensor/wrapper.h"

namespace wengert {

constinit WatchMode watch_mode;
constinit WatchStories watch_stories;

namespace {

constexpr int64_t kGrain = 65536;

// Bits of an element that are all set in NaN and infinity, and those that tell the two apart.
template <typename Word, int kMantissa, int kExponent>
struct Layout {
  using word = Word;
  static constexpr Word kSpecial = ((Word{1} << kExponent) - 1) << kMantissa;
  static constexpr Word kMagnitude = static_cast<Word>(~(Word{1} << (kMantissa + kExponent)));
};

// The largest magnitude, as bits: above kSpecial it is NaN, at kSpecial infinity.
template <typename L>
typename L::word greatest(const typename L::word* values, int64_t count) {
  using Word = typename L::word;
  Word result = 0;
#pragma omp simd reduction(max : result)
  for (int64_t i = 0; i < count; ++i) {
    const Word bits = values[i] & L::kMagnitude;
    result = bits > result ? bits : result;
  }
  return result;
}

// Infinity may hide behind a NaN: where one was found, a second look decides.
template <typename L>
bool holds_infinity(const typename L::word* values, int64_t count) {
  bool found = false;
  for (int64_t i = 0; i < count; ++i) found |= (values[i] & L::kMagnitude) == L::kSpecial;
  return found;
}

template <typename L>
Health scan(const void* data, int64_t count) {
  const auto* values = static_cast<const typename L::word*>(data);
  std::atomic<bool> nan = false, inf = false;
  auto piece = [&](int64_t begin, int64_t end) {
    const typename L::word most = greatest<L>(values + begin, end - begin);
    if (most < L::kSpecial) return;
    if (most == L::kSpecial) {
      inf = true;
      return;
    }
    nan = true;
    if (holds_infinity<L>(values + begin, end - begin)) inf = true;
  };
  if (count <= kGrain) {
    piece(0, count);
  } else {
    parallel_for(count, kGrain, piece);
  }
  return {nan, inf};
}

Health scan_values(DType dtype, const void* data, int64_t count) {
  switch (dtype) {
    case DType::float16:
      return scan<Layout<uint16_t, 10, 5>>(data, count);
    case DType::bfloat16:
      return scan<Layout<uint16_t, 7, 8>>(data, count);
    case DType::float32:
      return scan<Layout<uint32_t, 23, 8>>(data, count);
    case DType::float64:
      return scan<Layout<uint64_t, 52, 11>>(data, count);
    case DType::complex64:
      return scan<Layout<uint32_t, 23, 8>>(data, 2 * count);
    case DType::complex128:
      return scan<Layout<uint64_t, 52, 11>>(data, 2 * count);
    default:
      return {};
  }
}

// The watcher's own operations, and those of a backward rule, are not looked at.
thread_local bool watching = false;
class Quiet {
 public:
  Quiet() { watching = true; }
  ~Quiet() { watching = false; }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};
bool awake() { return !watching && modes.engine == 0; }

// Whose backward rule was the first of the running call to make infinity of finite values.
thread_local Ref<GraphObject> infinity;

// Faults that were seen since the mode was switched on.
std::vector<std::shared_ptr<Fault>>& faults() {
  static auto* list = new std::vector<std::shared_ptr<Fault>>();
  return *list;
}

FaultMark* mark_of(const Tensor& tensor) {
  if (!tensor.defined() || tensor->extra == nullptr) return nullptr;
  FaultMark& mark = tensor->extra->fault;
  return mark.fault ? &mark : nullptr;
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
      if (FaultMark* mark = mark_of(argument.tensors[i])) {
        mark->mark_read();
        if (!found || (mark->fault->nan && !found->nan)) found = mark->fault;
      }
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
  faults().push_back(fault);
  return fault;
}

[[noreturn]] void raise(const Fault& fault, const char* where) {
  throw Error(ErrorKind::kRuntime, str(where, fault.story));
}

}  // namespace

Health health_of(const Tensor& tensor) {
  if (!tensor.defined() || !is_inexact(tensor.dtype()) || tensor.numel() == 0) return {};
  if (is_wrapped(tensor)) return {};  // what is within is watched itself
  if (tensor.is_contiguous()) return scan_values(tensor.dtype(), tensor.data(), tensor.numel());
  if (is_dense(tensor.sizes(), tensor.strides())) {
    return scan_values(tensor.dtype(), tensor.data(), tensor.numel());
  }
  const Tensor copy = contiguous_values(tensor);
  return scan_values(copy.dtype(), copy.data(), copy.numel());
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
      const Tensor& y = output.tensors[i];
      if (!health_of(y).fine()) extra(y).fault.set(fault);
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
  if (target->extra != nullptr) target->extra->fault.clear();
  if (made.fine()) return;
  const std::shared_ptr<Fault> fault = blame(op, made, health_, fault_, {}, {{"result", target}});
  if (!fault) return;
  // Parameters are where training ends up: nothing will make them finite again.
  if (target->requires_grad && is_error(made)) {
    raise(*fault, made.nan ? "a parameter became nan." : "a parameter became infinite.");
  }
  extra(target).fault.set(fault);
}

void watch_roots(const std::vector<Tensor>& roots) {
  if (watching) return;
  infinity.reset();
  for (const Tensor& root : roots) {
    const FaultMark* mark = mark_of(root);
    if (mark == nullptr || !is_error(health_of(root))) continue;
    raise(*mark->fault, health_of(root).nan ? "the tensor to differentiate is nan."
                                            : "the tensor to differentiate is infinite.");
  }
}

void watch_gradients(Node& node, const Tensor* incoming, Tensor* outgoing) {
  if (watching) return;
  const Quiet quiet;
  Health given;
  for (size_t i = 0; i < node.outputs.size(); ++i) given.add(health_of(incoming[i]));
  for (size_t i = 0; i < node.edges.size(); ++i) {
    if (!node.needs(i)) continue;
    const Health health = health_of(outgoing[i]);
    if (health.inf && given.fine() && !infinity) infinity = Ref<GraphObject>(&node);
    if (!is_error(health)) continue;
    const bool nan = health.nan && watch_mode.nan;
    std::string text = str("Function '", node.type->name, "' returned ", nan ? "nan" : "inf",
                           " values in its ", i, "th output.");
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
