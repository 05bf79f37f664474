// Checks that batching rules share with the operators: they read sizes and dtypes only.
#pragma once
#include "ops/transform.h"

namespace wengert::ops {

void check_mm(const Tensor& input, const Tensor& mat2);
void check_bmm(const Tensor& input, const Tensor& mat2);
void check_mv(const Tensor& input, const Tensor& vec);
void check_dot(const Tensor& input, const Tensor& tensor);
void check_addmm(const Tensor& input, const Tensor& mat1, const Tensor& mat2);
void check_baddbmm(const Tensor& input, const Tensor& batch1, const Tensor& batch2);
void check_linear(const Tensor& input, const Tensor& weight, const Tensor& bias);
void check_lstm(const Tensor& gates, const Tensor& hidden, const Tensor& memory,
                const Tensor& weight);
void check_gru(const Tensor& shares, const Tensor& hidden, const Tensor& weight,
               const Tensor& shift);

}  // namespace wengert::ops
