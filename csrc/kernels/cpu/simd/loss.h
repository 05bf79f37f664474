// Classification losses over contiguous [batch, classes, spatial] arrays of a floating dtype, with
// int64 class indices [batch, spatial]. Per-class weights have the array's dtype and may be null.
// The total weight and the saved log-sum-exps have the compute dtype (float32 for 16-bit types).
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"

namespace wengert::cpu {

enum class LossReduction : uint8_t { kNone, kMean, kSum };

struct LossShape {
  DType dtype;
  int64_t batch, classes, spatial;
  int64_t ignore_index;
  LossReduction reduction;
};

// Raises IndexError unless every target is ignore_index or in [0, classes). The forward kernels
// call it first.
void check_targets(const int64_t* target, int64_t count, int64_t classes, int64_t ignore_index);

// The output is [batch, spatial], or one element. total_weight (one element): the sum of the
// weights of the targets that count; for a mean the sum of losses is divided by it.
WENGERT_KERNEL(nll_loss_forward, void,
               (const LossShape& shape, const void* log_probabilities, const int64_t* target,
                const void* weight, void* output, void* total_weight));
WENGERT_KERNEL(nll_loss_backward, void,
               (const LossShape& shape, const void* grad, const int64_t* target, const void* weight,
                const void* total_weight, void* dx));

// From logits in one pass; log_sum_exp [batch, spatial] is saved for the backward pass, which
// writes (softmax - target distribution) * grad.
WENGERT_KERNEL(cross_entropy_forward, void,
               (const LossShape& shape, double label_smoothing, const void* logits,
                const int64_t* target, const void* weight, void* output, void* log_sum_exp,
                void* total_weight));
WENGERT_KERNEL(cross_entropy_backward, void,
               (const LossShape& shape, double label_smoothing, const void* grad,
                const void* logits, const int64_t* target, const void* weight,
                const void* log_sum_exp, const void* total_weight, void* dx));

}  // namespace wengert::cpu
