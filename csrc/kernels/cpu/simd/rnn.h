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

// `past` [batch, 3 size] holds the product of hidden state and weights for reset, update and new
// value, without `shift` (3 size, or null), which is added to it; `given` is what the inputs
// contribute. `values` [batch, 4 size] becomes reset, update, new value and the past's share of it.
WENGERT_KERNEL(gru_step, void,
               (const CellShape& shape, const void* given, const void* past, const void* shift,
                const void* hidden_before, void* values, void* hidden));

// The gradients of the step's outputs that are not null are added to `carried`, which comes from
// the step after this one; then it holds the part of the gradient of hidden_before that does not go
// through the product. d_given and d_past [batch, 3 size] are the gradients of `given` and `past`.
struct GruStepGradients {
  const void *hidden, *values;
};
WENGERT_KERNEL(gru_step_backward, void,
               (const CellShape& shape, const GruStepGradients& gradients, const void* values,
                const void* hidden_before, void* carried, void* d_given, void* d_past));

}  // namespace wengert::cpu
