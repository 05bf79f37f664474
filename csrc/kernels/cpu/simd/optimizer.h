// Optimizer steps, one pass over a parameter and its state. All arrays are contiguous, of one
// floating dtype (complex numbers are pairs); 16-bit types compute in float and round on store.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"

namespace wengert::cpu {

struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize;
  bool first;  // the buffer is written without being read
};

// `buffer` is null without momentum.
WENGERT_KERNEL(sgd_step, void,
               (DType dtype, int64_t n, const SgdStep& step, void* param, const void* grad,
                void* buffer));

struct AdamStep {
  double lr, beta1, beta2, eps, weight_decay;
  double correction1, correction2;  // 1 - beta^t
  bool maximize, decoupled_weight_decay;
};

// `max_exp_avg_sq` is null without amsgrad.
WENGERT_KERNEL(adam_step, void,
               (DType dtype, int64_t n, const AdamStep& step, void* param, const void* grad,
                void* exp_avg, void* exp_avg_sq, void* max_exp_avg_sq));

}  // namespace wengert::cpu
