// Tensors inside of transforms. A wrapper stands for a whole batch of tensors (vmap) or for a
// tensor and its tangent (forward mode). It has the sizes and strides that the transformed function
// sees and shares the storage of the tensor within, but its bytes are out of reach: operators run a
// rule on what is within (ops/transform.h). Wrappers nest; the outermost one is of the highest
// level.
#pragma once
#include <vector>

#include "base/pooled.h"
#include "tensor/tensor.h"

namespace wengert {

struct Wrapper : Pooled {
  enum class Kind : uint8_t { kBatched, kDual };
  Kind kind = Kind::kBatched;
  uint64_t level = 0;
  int64_t dim = -1;  // batched: the dimension of `inner` that is the batch; -1 where all are equal
  Tensor inner;      // dual: the primal
  Tensor tangent;    // dual: undefined where it is zero
};

// How random functions behave under vmap.
enum class Randomness : uint8_t { kError, kSame, kDifferent };

// A transform that is running.
struct Level {
  uint64_t id = 0;  // grows with time: an inner transform has a larger one
  Wrapper::Kind kind = Wrapper::Kind::kBatched;
  int64_t size = 0;  // of the batch
  Randomness randomness = Randomness::kError;
  bool outer_grad = true;  // may what runs outside of this level be recorded?
};

// Those of this thread, outermost first.
std::vector<Level>& levels();
uint64_t next_level_id();
const Level* find_level(uint64_t id);  // null where the transform has ended

Tensor make_wrapper(Wrapper::Kind kind, uint64_t level, const Tensor& inner, int64_t dim,
                    const Tensor& tangent = {});
// Sizes, strides and offset of a wrapper are those of what is within, without the batch.
void follow_inner(TensorImpl& impl);
// A dual tensor whose level has ended is a plain tensor from then on: its primal. So is the tensor
// that all samples of a batch shared. A tensor that stands for a batch raises.
void settle(TensorImpl& impl);

inline bool is_wrapped(const Tensor& tensor) {
  return tensor.defined() && tensor->wrapper != nullptr;
}
inline bool is_wrapped(const std::vector<Tensor>& tensors) {
  for (const Tensor& tensor : tensors) {
    if (is_wrapped(tensor)) return true;
  }
  return false;
}

}  // namespace wengert
