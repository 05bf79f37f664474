// Softmax and its logarithm.
#include "kernels/cpu/simd/softmax.h"

#include "operators/basic.h"
#include "operators/elementwise.h"
#include "operators/reduction.h"
#include "operators/softmax.h"
#include "operators/transcendental.h"

namespace wengert::ops {

namespace {

cpu::SoftmaxShape shape_around(const Tensor& input, int64_t dim) {
  cpu::SoftmaxShape shape{1, 1, 1};
  for (int64_t i = 0; i < input.ndim(); ++i) {
    (i < dim ? shape.outer : i == dim ? shape.n : shape.inner) *= input.sizes()[i];
  }
  return shape;
}

Tensor forward(const char* op, bool log, const Tensor& input, int64_t dim,
               const std::optional<DType>& dtype) {
  const int64_t d = wrap_dim(dim, input.ndim(), op);
  const Tensor dense = converted_values(input, dtype.value_or(input.dtype()));
  WENGERT_CHECK(is_floating(dense.dtype()), kNotImplemented, "\"", op, "\" not implemented for '",
                dtype_name(dense.dtype()), "'", describe_argument("input", input));
  Tensor result = empty(input.sizes(), dense.dtype());
  cpu::softmax_forward(dense.dtype(), shape_around(dense, d), log, dense.data(), result.data());
  return result;
}

Tensor backward(bool log, const Tensor& grad, const Tensor& output, int64_t dim) {
  const int64_t d = wrap_dim(dim, output.ndim(), "softmax");
  const Tensor dense = contiguous_values(grad), y = contiguous_values(output);
  Tensor result = empty(output.sizes(), output.dtype());
  cpu::softmax_backward(output.dtype(), shape_around(y, d), log, dense.data(), y.data(),
                        result.data());
  return result;
}

}  // namespace

namespace impl {

Tensor softmax(const Tensor& input, int64_t dim, const std::optional<DType>& dtype) {
  return forward("softmax", false, input, dim, dtype);
}

Tensor log_softmax(const Tensor& input, int64_t dim, const std::optional<DType>& dtype) {
  return forward("log_softmax", true, input, dim, dtype);
}

Tensor _softmax_vjp(const Tensor& grad, const Tensor& output, int64_t dim) {
  if (!modes.grad && !any_wrapped(grad, output)) return backward(false, grad, output, dim);
  const Tensor product = ops::mul(grad, output);
  return ops::sub(product, ops::mul(output, ops::sum(product, Dims{dim}, true)));
}

Tensor _log_softmax_vjp(const Tensor& grad, const Tensor& output, int64_t dim) {
  if (!modes.grad && !any_wrapped(grad, output)) return backward(true, grad, output, dim);
  return ops::sub(grad, ops::mul(ops::exp(output), ops::sum(grad, Dims{dim}, true)));
}

}  // namespace impl

}  // namespace wengert::ops
