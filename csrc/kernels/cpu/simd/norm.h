// Normalisation: over rows (layer_norm, rms_norm), over groups of channels (group_norm) and over
// channels (batch_norm). All arrays are contiguous and of one floating dtype, except statistics
// (mean, rstd), which have its compute dtype: float32 for the 16-bit types.
#pragma once
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cpu/isa.h"

namespace wengert::cpu {

// [rows, n]. centered: layer_norm; otherwise rms_norm, which has no mean and no bias.
struct RowNormShape {
  DType dtype;
  int64_t rows, n;
  bool centered;
};

// weight and bias may be null. Writes y [rows, n], mean [rows] (if centered) and rstd [rows].
WENGERT_KERNEL(row_norm_forward, void,
               (const RowNormShape& shape, double eps, const void* x, const void* weight,
                const void* bias, void* y, void* mean, void* rstd));
// Any of dx, dweight and dbias may be null: not wanted.
WENGERT_KERNEL(row_norm_backward, void,
               (const RowNormShape& shape, const void* grad, const void* x, const void* weight,
                const void* mean, const void* rstd, void* dx, void* dweight, void* dbias));

// [batch, groups, channels, spatial]; weight and bias [groups, channels] may be null, mean and rstd
// are [batch, groups]. As above otherwise.
struct GroupNormShape {
  DType dtype;
  int64_t batch, groups, channels, spatial;
};
WENGERT_KERNEL(group_norm_forward, void,
               (const GroupNormShape& shape, double eps, const void* x, const void* weight,
                const void* bias, void* y, void* mean, void* rstd));
WENGERT_KERNEL(group_norm_backward, void,
               (const GroupNormShape& shape, const void* grad, const void* x, const void* weight,
                const void* mean, const void* rstd, void* dx, void* dweight, void* dbias));

// [batch, channels, spatial]
struct BatchNormShape {
  DType dtype;
  int64_t batch, channels, spatial;
};

// Training: normalises with the statistics of the batch, which it writes to mean and rstd
// [channels]. running_mean and running_var (of the array's dtype) may be null; they move towards
// the batch's mean and unbiased variance by `momentum`.
WENGERT_KERNEL(batch_norm_forward, void,
               (const BatchNormShape& shape, double eps, double momentum, const void* x,
                const void* weight, const void* bias, void* y, void* mean, void* rstd,
                void* running_mean, void* running_var));
// Evaluation: normalises with given running statistics.
WENGERT_KERNEL(batch_norm_eval, void,
               (const BatchNormShape& shape, double eps, const void* x, const void* weight,
                const void* bias, const void* running_mean, const void* running_var, void* y));
// mean and rstd are those that the forward pass used (evaluation: running_mean and
// 1 / sqrt(running_var + eps), in the compute dtype). Outputs may be null.
WENGERT_KERNEL(batch_norm_backward, void,
               (const BatchNormShape& shape, bool training, const void* grad, const void* x,
                const void* weight, const void* mean, const void* rstd, void* dx, void* dweight,
                void* dbias));

}  // namespace wengert::cpu
