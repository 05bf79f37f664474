// Gradients of reductions and scans that take more than one line. They are made of operators, so
// that they record themselves where that is asked for.
#pragma once
#include <optional>
#include <tuple>

#include "tensor/tensor.h"

namespace wengert::ops {

Tensor _prod_gradient(const Tensor& g, const Tensor& input, const Tensor& y,
                      const std::optional<int64_t>& dim, bool keepdim);
Tensor _extreme_gradient(const Tensor& g, const Tensor& input, const Tensor& y,
                         const std::optional<Dims>& dim, bool keepdim);
Tensor _logsumexp_gradient(const Tensor& g, const Tensor& input, const Tensor& y, const Dims& dim,
                           bool keepdim);
Tensor _variance_gradient(const Tensor& g, const Tensor& input, const std::optional<Dims>& dim,
                          double correction, bool keepdim);
Tensor _norm_gradient(const Tensor& g, const Tensor& input, const Tensor& y, double p,
                      const std::optional<Dims>& dim, bool keepdim);
// Of an operator that picks one element along `dim`, at `index`.
Tensor _pick_gradient(const Tensor& g, const Tensor& index, const Dims& size, int64_t dim,
                      bool keepdim);

Tensor _cumprod_gradient(const Tensor& g, const Tensor& input, const Tensor& y, int64_t dim);
Tensor _logcumsumexp_gradient(const Tensor& g, const Tensor& input, const Tensor& y, int64_t dim);
std::tuple<Tensor, Tensor> _recurrence_gradient(const Tensor& g, const Tensor& coefficient,
                                                const Tensor& y, int64_t dim, bool reverse);

}  // namespace wengert::ops
