// Where a tensor without history comes from: kept for messages, bounded in length, never owning a
// graph. A tensor that is recorded has no trail; its node says more.
#pragma once
#include <memory>
#include <vector>

#include "base/intrusive.h"
#include "base/pooled.h"
#include "tensor/storage.h"

namespace wengert {

struct GraphObject;
struct TensorImpl;

// Why the history ends here; kStep where it had ended before.
enum class Cut : uint8_t {
  kStep,
  kCreated,            // zeros(), randn(): nothing came before
  kDetach,             // detach(), detach_()
  kData,               // .data
  kNoGrad,             // made while nothing was recorded
  kInference,          // the same, under inference_mode
  kInteger,            // an integer or bool result
  kNotDifferentiable,  // the operator has no derivative
  kLeft,               // .item(), .tolist(), .numpy(): the value went to Python
  kNumbers,            // tensor() of Python's numbers
  kArray,              // shares an array's memory
  kGradient,           // grad() without create_graph
  kMarked,             // a custom function said so
  kFrozen,             // requires_grad was set to False
};

// Looks back at what a gradient would have reached, without keeping it alive: a node, a leaf, or
// the leaves that a node led to which is gone.
struct Upstream : Pooled {
  uint32_t refs = 0;
  GraphObject* node = nullptr;
  TensorImpl* leaf = nullptr;
  std::shared_ptr<const std::vector<Ref<Upstream>>> leaves;
};
void destroy(Upstream* upstream);

struct Trail : Pooled {
  uint32_t refs = 0;
  Cut cut = Cut::kStep;
  bool guess = false;        // `next` is the likely origin, not a known one
  bool ends_in_cut = false;  // somewhere along it history was lost
  bool integer = false;      // the values are integers or truths
  uint8_t length = 1;
  uint32_t skipped = 0;  // steps between this one and `next` that are not kept
  uint32_t custom = 0;   // the call of a custom function's forward that it happened in
  const char* op = "";
  Site site;
  Ref<Trail> next;  // towards the past
  Ref<Upstream> upstream;
};
void destroy(Trail* trail);

}  // namespace wengert
