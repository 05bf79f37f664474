// Looking for NaN and infinity while a program runs: what anomaly mode is made of.
//
// In the forward pass the first operation that makes a non-finite value of finite ones is noted on
// its result, and the note travels with the values. It becomes an error only where they matter, in
// the loss that is differentiated, in a parameter, or at the end of the mode's block: a NaN that
// where() leaves behind is harmless. In the backward pass a bad gradient is an error at once.
#pragma once
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "graph/node.h"
#include "ops/elementwise.h"

namespace wengert {

struct WatchMode {
  bool on = false;   // any of the two
  bool nan = false;  // is NaN an error?
  bool inf = false;  // is infinity?
};
extern constinit WatchMode watch_mode;

// What a tensor holds besides finite values.
struct Health {
  bool nan = false, inf = false;
  bool fine() const { return !nan && !inf; }
  void add(const Health& other) {
    nan = nan || other.nan;
    inf = inf || other.inf;
  }
};
Health health_of(const Tensor& tensor);

// An argument of an operator: a tensor, a list of them, or a number.
struct Argument {
  Argument(const char* of, const Tensor& tensor) : name(of), tensors(&tensor), count(1) {}
  Argument(const char* of, const std::vector<Tensor>& list)
      : name(of), tensors(list.data()), count(list.size()) {}
  Argument(const char* of, const Operand& operand);
  const char* name;
  const Tensor* tensors = nullptr;
  size_t count = 0;
  Health number;
};
using Arguments = std::initializer_list<Argument>;

// After an operator ran.
[[gnu::cold]] void watch(const char* op, Arguments inputs, Arguments outputs);

// The operators that one inside of a transform is made of are not looked at: it is, as a whole.
bool set_watching_apart(bool apart);

// Around a write in place, which destroys what it reads.
class WatchedWrite {
 public:
  WatchedWrite() = default;
  [[gnu::cold]] void before(Arguments inputs);
  [[gnu::cold]] void after(const char* op, const Tensor& target);

 private:
  Health health_;
  std::shared_ptr<Fault> fault_;
};

// After an optimizer's step, which writes parameters of its own.
[[gnu::cold]] void watch_step(const char* op, Arguments inputs, const Tensor& parameter);

// Before backward: raises if a root holds values that a fault led to, or a given gradient is bad.
[[gnu::cold]] void watch_roots(const std::vector<Tensor>& roots,
                               const std::vector<Tensor>& gradients);
// After the rule of a node.
[[gnu::cold]] void watch_gradients(Node& node, const Tensor* incoming, Tensor* outgoing);
// Raises if there are live tensors with the values of a fault that nothing has read.
void watch_leftovers();
void forget_faults();

// Composes the messages; installed by the bindings, which leave it to Python.
struct WatchStories {
  std::string (*produced)(const char* op, Health made, Arguments inputs,
                          Arguments outputs) = nullptr;
  std::string (*gradient)(Node& node, size_t output, Health made, const Tensor* incoming,
                          Tensor* outgoing, Node* infinity) = nullptr;
};
extern constinit WatchStories watch_stories;

}  // namespace wengert
