// How an operator runs inside of vmap and forward mode.
//
// An operator that meets a wrapped argument lifts all its arguments to the highest level among
// them, runs the rule of that level on what the wrappers hold, and wraps the results. The rule
// calls operators, which may meet wrappers of lower levels: so transforms nest. What a rule calls
// is recorded on the tensors within; in the end the operator records itself on the wrappers, for
// gradients that were asked for inside of the transform.
#pragma once
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "ops/record.h"
#include "tensor/wrapper.h"

namespace wengert {

inline bool is_wrapped(const Operand& operand) {
  return operand.is_tensor() && is_wrapped(operand.tensor());
}
template <typename... T>
bool any_wrapped(const T&... values) {
  return (is_wrapped(values) || ...);
}

inline bool any_wrapped_operand(const Operand* operands, int count) {
  for (int k = 0; k < count; ++k) {
    if (is_wrapped(operands[k])) return true;
  }
  return false;
}

// Of operators that have no meaning inside of a transform, or none for batches.
[[noreturn, gnu::cold]] void fail_transformed(const char* op);
[[noreturn, gnu::cold]] void fail_dynamic(const char* op);

class Lift {
 public:
  enum Random { kRandom };  // the operator draws random numbers: the innermost vmap has a say
  template <typename... T>
  explicit Lift(const char* op, const T&... inputs) : op_(op) {
    (see(inputs), ...);
    enter(false);
  }
  template <typename... T>
  Lift(Random, const char* op, const T&... inputs) : op_(op) {
    (see(inputs), ...);
    enter(true);
  }

  // False where the transforms of all arguments have ended.
  bool active() const { return level_.id != 0; }
  bool batched() const { return level_.kind == Wrapper::Kind::kBatched; }
  const Level& level() const { return level_; }
  int64_t size() const { return level_.size; }
  const char* op() const { return op_; }

  // --- to this level ---
  Tensor operator()(const Tensor& tensor) const;
  OwnedOperand operator()(const Operand& operand) const;
  std::vector<Tensor> operator()(const std::vector<Tensor>& tensors) const;
  // Makes `target` itself a tensor of this level: it is about to be written to.
  void adopt(const Tensor& target) const;

  // --- out of the wrappers of this level ---
  static Tensor inner(const Tensor& lifted);
  static OwnedOperand inner(const Operand& lifted);
  static std::vector<Tensor> inner(const std::vector<Tensor>& lifted);

  // --- batches ---
  static bool is_batched(const Tensor& lifted);
  static bool is_batched(const Operand& lifted) {
    return lifted.is_tensor() && is_batched(lifted.tensor());
  }
  static bool is_batched(const std::vector<Tensor>& lifted);
  template <typename... T>
  static bool any_batched(const T&... lifted) {
    return (is_batched(lifted) || ...);
  }
  // With the batch in front, expanded where all samples are equal.
  Tensor front(const Tensor& lifted, bool scalar = false) const;
  OwnedOperand front(const Operand& lifted, bool scalar = false) const;
  std::vector<Tensor> front(const std::vector<Tensor>& lifted, bool scalar = false) const;
  // With the batch in front, if there is one.
  static Tensor moved(const Tensor& lifted);
  // A dimension of a sample as one of the batch.
  int64_t shift(int64_t dim, int64_t ndim) const;
  Dims shift(const Dims& dims, int64_t ndim, bool empty_is_all = false) const;
  std::optional<Dims> shift(const std::optional<Dims>& dims, int64_t ndim,
                            bool empty_is_all = false) const;
  Dims grown(const Dims& sizes) const;  // the sizes of a sample as those of the batch
  Tensor wrap(const Tensor& result, bool batched, bool scalar = false) const;
  std::vector<Tensor> wrap(const std::vector<Tensor>& results, bool batched,
                           bool scalar = false) const;
  template <typename... T>
  std::tuple<T...> wrap(const std::tuple<T...>& results, bool batched, bool scalar = false) const {
    return std::apply(
        [&](const auto&... each) { return std::make_tuple(wrap(each, batched, scalar)...); },
        results);
  }
  // Before random numbers are drawn: raises unless `randomness` was given. True where every sample
  // is to get its own.
  bool draws_differ(bool any_batched) const;

  // --- tangents ---
  static OwnedOperand exact(const Operand& lifted);  // the primal; numbers as 0-d tensors
  static Tensor tangent(const Tensor& lifted);
  static Tensor tangent(const Operand& lifted) {
    return lifted.is_tensor() ? tangent(lifted.tensor()) : Tensor();
  }
  static bool any_tangent(const Tensor& lifted) { return tangent(lifted).defined(); }
  static bool any_tangent(const Operand& lifted) { return tangent(lifted).defined(); }
  static bool any_tangent(const std::vector<Tensor>& lifted);
  // The tangent, zeros where there is none.
  static Tensor full_tangent(const Tensor& lifted);
  static OwnedOperand full_tangent(const Operand& lifted);
  static std::vector<Tensor> full_tangent(const std::vector<Tensor>& lifted);
  Tensor dual(const Tensor& primal, const Tensor& tangent = {}) const;
  std::vector<Tensor> dual(const std::vector<Tensor>& primals,
                           const std::vector<Tensor>& tangents = {}) const;
  template <typename... T>
  std::tuple<T...> dual(const std::tuple<T...>& primals) const {
    return std::apply([&](const auto&... each) { return std::make_tuple(dual(each)...); }, primals);
  }
  template <typename... T>
  std::tuple<T...> dual(const std::tuple<T...>& primals, const std::tuple<T...>& tangents) const {
    return dual_each(primals, tangents, std::index_sequence_for<T...>());
  }

  // After a write in place: puts the values of `result` into `target`, which was adopted.
  void assign(const Tensor& target, const Tensor& result) const;

 private:
  void see(const Tensor& tensor);
  void see(const Operand& operand) {
    if (operand.is_tensor()) see(operand.tensor());
  }
  void see(const std::vector<Tensor>& tensors) {
    for (const Tensor& tensor : tensors) see(tensor);
  }
  void enter(bool random);
  template <typename Tuple, size_t... I>
  Tuple dual_each(const Tuple& primals, const Tuple& tangents, std::index_sequence<I...>) const {
    return {dual(std::get<I>(primals), std::get<I>(tangents))...};
  }

  const char* op_;
  Level level_;
};

// While the rule of a level runs: may what it calls be recorded?
class InnerScope {
 public:
  explicit InnerScope(const Lift& at);
  ~InnerScope();
  InnerScope(const InnerScope&) = delete;
  InnerScope& operator=(const InnerScope&) = delete;

 private:
  bool grad_, split_, apart_;
};
// A mode for one level and those above; what lies outside keeps the one it has. Level 0 is that of
// plain tensors.
class LevelGradScope {
 public:
  LevelGradScope(bool enabled, uint64_t level);
  ~LevelGradScope();
  LevelGradScope(const LevelGradScope&) = delete;
  LevelGradScope& operator=(const LevelGradScope&) = delete;

 private:
  bool grad_, split_, below_, transforming_;
  uint64_t level_;
};
// The highest level among some tensors; 0 where all are plain.
uint64_t highest_level(const std::vector<Tensor>& tensors);

// While the rule of a random operator runs: its level, and those within, are out of sight.
class DrawScope {
 public:
  explicit DrawScope(const Lift& at);
  ~DrawScope() { modes.batched = before_; }
  DrawScope(const DrawScope&) = delete;
  DrawScope& operator=(const DrawScope&) = delete;

 private:
  uint32_t before_;
};

// The operands of an elementwise operator, such that they broadcast as the samples do.
class BatchedOperands {
 public:
  BatchedOperands(const Lift& at, const Operand* lifted, int count, const char* codes);
  const OwnedOperand& operator[](size_t k) const { return operands_[k]; }
  bool batched() const { return batched_; }

 private:
  std::vector<OwnedOperand> operands_;
  bool batched_ = false;
};

// A sum of tangents; undefined while nothing was added.
class TangentSum {
 public:
  void add(const Tensor& term);
  const Tensor& get() const { return total_; }

 private:
  Tensor total_;
};
// t * factor, with strong zeros as in vjp_product.
Tensor jvp_product(const Tensor& tangent, const Operand& factor);
Tensor add_tangents(const Tensor& a, const Tensor& b);
std::vector<Tensor> add_tangents(const std::vector<Tensor>& a, const std::vector<Tensor>& b);
template <typename... T, size_t... I>
std::tuple<T...> add_tangents(const std::tuple<T...>& a, const std::tuple<T...>& b,
                              std::index_sequence<I...>) {
  return {add_tangents(std::get<I>(a), std::get<I>(b))...};
}
template <typename... T>
std::tuple<T...> add_tangents(const std::tuple<T...>& a, const std::tuple<T...>& b) {
  return add_tangents(a, b, std::index_sequence_for<T...>());
}

// The derivative of any operator in the direction of tangents, by differentiating backwards twice:
// the vector-Jacobian product is linear in the vector, and its transpose is what is wanted.
// `call` runs the operator on its tensor arguments. Installed by autograd/forward.cpp.
using Recompute = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;
extern std::vector<Tensor> (*transposed_vjp)(const std::vector<Tensor>& primals,
                                             const std::vector<Tensor>& tangents,
                                             const Recompute& call);
inline std::vector<Tensor> listed(const Tensor& result) { return {result}; }
template <typename... T>
std::vector<Tensor> listed(const std::tuple<T...>& results) {
  return std::apply([](const auto&... each) { return std::vector<Tensor>{each...}; }, results);
}
template <typename Result>
Result as_result(const std::vector<Tensor>& values) {
  if constexpr (std::is_same_v<Result, Tensor>) {
    return values[0];
  } else {
    return [&]<size_t... I>(std::index_sequence<I...>) {
      return Result{values[I]...};
    }(std::make_index_sequence<std::tuple_size_v<Result>>());
  }
}

// A tensor of the highest level of this thread: `tensor` itself where it is one.
Tensor lifted_to_top(const Tensor& tensor);
// The same values without the history of its level; what wrappers hold keeps its own.
Tensor level_detached(const Tensor& tensor);

}  // namespace wengert
