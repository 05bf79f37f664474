// Automatic mixed precision: inside an autocast region, operators that the table marks convert
// their floating arguments first: autocast="low" to the dtype of the region, autocast="high" to
// float32. float64 is left alone. The casts are operators, so gradients come back in the dtype of
// the original. Outside a region an operator pays for one test.
#pragma once
#include <vector>

#include "ops/elementwise.h"

namespace wengert {

struct Autocast {
  bool on = false;
  DType low = DType::bfloat16;
};
// One load away, as graph/node.h's modes are.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local Autocast autocast;

// While an operator runs with converted arguments, what it calls takes them as they are.
class AutocastPause {
 public:
  AutocastPause() : before_(autocast.on) { autocast.on = false; }
  ~AutocastPause() { autocast.on = before_; }
  AutocastPause(const AutocastPause&) = delete;
  AutocastPause& operator=(const AutocastPause&) = delete;

 private:
  bool before_;
};

[[gnu::cold]] Tensor autocast_to(const Tensor& tensor, DType dtype);
[[gnu::cold]] std::vector<Tensor> autocast_to(const std::vector<Tensor>& tensors, DType dtype);

}  // namespace wengert
