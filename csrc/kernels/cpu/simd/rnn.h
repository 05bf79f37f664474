// What follows the matrix product in a step of a recurrent layer. All arrays are contiguous, and of
// float or double.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"

namespace wengert::cpu {

struct CellShape {
  DType dtype;
  int64_t batch, size;
};

// `gates` [batch, 4 size] holds the product of hidden state and weights, and becomes the values of
// the gates; `given` is what the inputs contribute. Writes the state after the step.
WENGERT_KERNEL(lstm_step, void,
               (const CellShape& shape, const void* given, const void* memory_before, void* gates,
                void* memory, void* hidden));

// The gradients of the step's outputs that are not null are added to `carried_hidden` and
// `carried_memory`, which come from the step after this one. carried_memory then holds the gradient
// of memory_before; d_gates that of `given`.
struct LstmStepGradients {
  const void *hidden, *memory, *gates;
};
WENGERT_KERNEL(lstm_step_backward, void,
               (const CellShape& shape, const LstmStepGradients& gradients, const void* gates,
                const void* memory_before, const void* memory, const void* carried_hidden,
                void* carried_memory, void* d_gates));

}  // namespace wengert::cpu
