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

struct AdamaxStep {
  double lr, beta1, beta2, eps, weight_decay;
  double correction1;  // 1 - beta1^t
  bool maximize;
};
WENGERT_KERNEL(adamax_step, void,
               (DType dtype, int64_t n, const AdamaxStep& step, void* param, const void* grad,
                void* exp_avg, void* exp_inf));

struct NAdamStep {
  double lr, beta1, beta2, eps, weight_decay;
  double correction2;       // 1 - beta2^t
  double of_grad, of_mean;  // what the gradient and the first moment are multiplied with
  bool maximize, decoupled_weight_decay;
};
WENGERT_KERNEL(nadam_step, void,
               (DType dtype, int64_t n, const NAdamStep& step, void* param, const void* grad,
                void* exp_avg, void* exp_avg_sq));

struct RAdamStep {
  double lr, beta1, beta2, eps, weight_decay;
  double correction1;  // 1 - beta1^t
  double rectifier;    // with the root of 1 - beta2^t; 0 while the variance is not tractable
  bool maximize, decoupled_weight_decay;
};
WENGERT_KERNEL(radam_step, void,
               (DType dtype, int64_t n, const RAdamStep& step, void* param, const void* grad,
                void* exp_avg, void* exp_avg_sq));

struct AdagradStep {
  double lr, weight_decay, eps;  // lr: that of this step
  bool maximize;
};
WENGERT_KERNEL(adagrad_step, void,
               (DType dtype, int64_t n, const AdagradStep& step, void* param, const void* grad,
                void* sum));

struct AdadeltaStep {
  double lr, rho, eps, weight_decay;
  bool maximize;
};
WENGERT_KERNEL(adadelta_step, void,
               (DType dtype, int64_t n, const AdadeltaStep& step, void* param, const void* grad,
                void* square_avg, void* acc_delta));

struct RMSpropStep {
  double lr, alpha, eps, weight_decay, momentum;
  bool maximize;
};
// `grad_avg` is null unless centered, `momentum_buffer` without momentum.
WENGERT_KERNEL(rmsprop_step, void,
               (DType dtype, int64_t n, const RMSpropStep& step, void* param, const void* grad,
                void* square_avg, void* grad_avg, void* momentum_buffer));

struct RpropStep {
  double eta_minus, eta_plus, least, most;
  bool maximize;
};
WENGERT_KERNEL(rprop_step, void,
               (DType dtype, int64_t n, const RpropStep& step, void* param, const void* grad,
                void* previous, void* step_size));

struct ASGDStep {
  double lambd, weight_decay;
  double eta, mu;  // those of this step
  bool maximize;
};
WENGERT_KERNEL(asgd_step, void,
               (DType dtype, int64_t n, const ASGDStep& step, void* param, const void* grad,
                void* average));

struct AdafactorStep {
  double lr, eps1, eps2, clip, weight_decay;
  double share, rho;      // 1 - beta2 and the relative step size, at this step
  int64_t rows, columns;  // the last two dimensions; one row without factors
  bool maximize;
};
// Row-major arrays. Either `variance` is given, or the factors: a value per row, one per column.
WENGERT_KERNEL(adafactor_step, void,
               (DType dtype, int64_t n, const AdafactorStep& step, void* param, const void* grad,
                void* variance, void* row_variance, void* column_variance));

struct MuonStep {
  double momentum, eps;
  bool nesterov;
};
// Moves the buffer towards the gradient, and writes what is to be made orthogonal to `update`, in
// bfloat16 and divided by its norm, or by eps where the norm is less.
WENGERT_KERNEL(muon_start, void,
               (DType dtype, int64_t n, const MuonStep& step, const void* grad, void* buffer,
                void* update));
// param = keep * param + size * update
WENGERT_KERNEL(muon_apply, void,
               (DType dtype, int64_t n, double keep, double size, const void* update, void* param));

// out = a * x + b * y, and the dot product of that and z. `y` may be null, then it counts as zero;
// so may `out`, to get the product alone, and `z`, then the result is 0. `out` may be any operand.
WENGERT_KERNEL(combine, double,
               (DType dtype, int64_t n, double a, const void* x, double b, const void* y, void* out,
                const void* z));

}  // namespace wengert::cpu
