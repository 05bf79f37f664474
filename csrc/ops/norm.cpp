// Normalisation over channels and over rows.
#include "kernels/cpu/simd/norm.h"

#include <cmath>

#include "operators/basic.h"
#include "operators/elementwise.h"
#include "operators/norm.h"
#include "operators/reduction.h"
#include "operators/shape.h"
#include "operators/view.h"

namespace wengert::ops {

namespace {

using Gradients = std::tuple<Tensor, Tensor, Tensor>;

void check_floating(const char* op, const Tensor& input) {
  WENGERT_CHECK(is_floating(input.dtype()), kNotImplemented, "\"", op, "\" not implemented for '",
                dtype_name(input.dtype()), "'", describe_argument("input", input));
}

// Contiguous and of the dtype that the kernel works in; undefined stays undefined.
Tensor prepared(const Tensor& tensor, DType dtype) {
  return tensor.defined() ? converted_values(tensor, dtype) : Tensor();
}
void* data_or_null(const Tensor& tensor) { return tensor.defined() ? tensor.data() : nullptr; }

cpu::BatchNormShape batch_norm_shape(const Tensor& input) {
  int64_t spatial = 1;
  for (int64_t i = 2; i < input.ndim(); ++i) spatial *= input.sizes()[i];
  return {input.dtype(), input.sizes()[0], input.sizes()[1], spatial};
}

void check_channels(const char* name, const Tensor& tensor, int64_t channels) {
  WENGERT_CHECK(!tensor.defined() || tensor.numel() == channels, kRuntime, "batch_norm(): ", name,
                " should contain ", channels, " elements not ", tensor.numel());
}

Tensor reciprocal_deviation(const Tensor& variance, double eps) {
  Tensor result = converted_values(variance, compute_dtype(variance.dtype()));
  if (result.storage() == variance.storage()) result = cloned_values(result);
  visit_dtype(result.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_floating_point_v<T>) {
      T* values = result.data_as<T>();
      for (int64_t i = 0; i < result.numel(); ++i) {
        values[i] = T(1) / std::sqrt(values[i] + static_cast<T>(eps));
      }
    }
  });
  return result;
}

// A running statistic as the kernel can update it, and what brings it back.
Tensor updatable(const Tensor& running, DType dtype) {
  if (!running.defined()) return Tensor();
  check_inference_write("batch_norm", running);
  return running.is_contiguous() && running.dtype() == dtype ? running
                                                             : converted_values(running, dtype);
}
void updated(const Tensor& running, const Tensor& values) {
  if (!running.defined()) return;
  if (!values.same(running)) copy_values(running, values);
  wrote("batch_norm", running);
}

// The adjoint of y = (x - mean) * rstd * weight + bias out of recorded operators. `over` is what
// the statistics are taken over, `shared` what weight and bias are shared by.
struct NormAdjoint {
  Dims over, shared;
  Dims weight_shape;  // of weight as it is broadcast against the input
  bool centered, constant_statistics;
  double eps;
  Tensor mean, rstd;  // where constant

  static Tensor mean_over(const Tensor& tensor, const Dims& dims) {
    return dims.empty() ? tensor : ops::mean(tensor, dims, true);
  }

  Gradients operator()(const Tensor& grad, const Tensor& input, const Tensor& weight,
                       const Dims& parameter_shape, bool want_input, bool want_weight,
                       bool want_bias) const {
    Tensor scale = rstd, normal;
    if (constant_statistics) {
      normal = ops::mul(ops::sub(input, mean), scale);
    } else {
      const Tensor deviation = centered ? ops::sub(input, mean_over(input, over)) : input;
      const Tensor square = mean_over(ops::mul(deviation, deviation), over);
      scale = ops::rsqrt(ops::add(square, Operand(eps)));
      normal = ops::mul(deviation, scale);
    }
    Gradients result;
    if (want_input) {
      Tensor g = weight.defined() ? ops::mul(grad, ops::reshape(weight, weight_shape)) : grad;
      if (!constant_statistics) {
        const Tensor along = ops::mul(normal, mean_over(ops::mul(g, normal), over));
        g = ops::sub(centered ? ops::sub(g, mean_over(g, over)) : g, along);
      }
      std::get<0>(result) = ops::mul(g, scale);
    }
    const auto reduced = [&](const Tensor& tensor) {
      return ops::reshape(shared.empty() ? tensor : ops::sum(tensor, shared), parameter_shape);
    };
    if (want_weight) std::get<1>(result) = reduced(ops::mul(grad, normal));
    if (want_bias) std::get<2>(result) = reduced(grad);
    return result;
  }
};

void check_normalized(const char* op, const Tensor& input, const Dims& shape, const Tensor& weight,
                      const Tensor& bias) {
  check_floating(op, input);
  WENGERT_CHECK(!shape.empty(), kRuntime, op,
                "(): Expected normalized_shape to be at least 1-dimensional, i.e., containing at "
                "least one element, but got normalized_shape = ",
                to_string(shape));
  const auto check_parameter = [&](const char* name, const Tensor& parameter) {
    WENGERT_CHECK(!parameter.defined() || parameter.sizes() == shape, kRuntime, op, "(): Expected ",
                  name, " to be of same shape as normalized_shape, but got ", name, " of shape ",
                  to_string(parameter.sizes()), " and normalized_shape = ", to_string(shape));
  };
  check_parameter("weight", weight);
  check_parameter("bias", bias);
  const int64_t lead = input.ndim() - static_cast<int64_t>(shape.size());
  bool fits = lead >= 0;
  for (size_t i = 0; fits && i < shape.size(); ++i) {
    fits = input.sizes()[lead + static_cast<int64_t>(i)] == shape[i];
  }
  if (!fits) {
    std::string expected = "[*";
    for (const int64_t size : shape) expected += str(", ", size);
    fail(ErrorKind::kRuntime, op, "(): Given normalized_shape=", to_string(shape),
         ", expected input with shape ", expected, "], but got input of size",
         to_string(input.sizes()));
  }
}

// The spacing of numbers at 1 in the dtype that sums are computed in.
double smallest_step(DType dtype) { return dtype == DType::float64 ? 0x1p-52 : 0x1p-23; }

Dims leading(const Tensor& input, int64_t dims) {
  Dims result;
  for (int64_t i = 0; i < input.ndim() - dims; ++i) result.push_back(i);
  return result;
}

int64_t product(const Dims& sizes, int64_t first, int64_t last) {
  int64_t result = 1;
  for (int64_t i = first; i < last; ++i) result *= sizes[i];
  return result;
}

// Sizes that align a vector with the channels of `input`.
Dims channel_shape(const Tensor& input) {
  Dims shape(input.sizes().size(), 1);
  shape[1] = input.sizes()[1];
  return shape;
}

// The channels normalised in groups.
Tensor in_groups(const Tensor& input, int64_t groups, const Tensor& weight, const Tensor& bias,
                 double eps) {
  const Dims& sizes = input.sizes();
  const int64_t channels = groups == 0 ? 0 : sizes[1] / groups;
  const auto parameter = [&](const Tensor& x) {
    return x.defined() ? ops::reshape(x, Dims{groups, channels}) : Tensor();
  };
  const Dims grouped{sizes[0], groups, channels, product(sizes, 2, input.ndim())};
  return ops::reshape(std::get<0>(ops::_group_norm(ops::reshape(input, grouped), parameter(weight),
                                                   parameter(bias), eps)),
                      sizes);
}

// Weight and bias per channel, applied to what is already normalised.
Tensor with_affine(Tensor result, const Tensor& weight, const Tensor& bias, const Dims& shape) {
  if (weight.defined()) result = ops::mul(result, ops::reshape(weight, shape));
  if (bias.defined()) result = ops::add(result, ops::reshape(bias, shape));
  return result;
}

}  // namespace

namespace impl {

// --- batch_norm ---

Tensor batch_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, bool training, double momentum,
                  double eps) {
  check_floating("batch_norm", input);
  WENGERT_CHECK(input.ndim() >= 2, kRuntime,
                "batch_norm(): Expected at least 2 dimensions for input tensor but received ",
                input.ndim(), describe_argument("input", input));
  const int64_t channels = input.sizes()[1];
  WENGERT_CHECK(training || running_mean.defined(), kRuntime,
                "batch_norm(): running_mean must be defined in evaluation mode");
  WENGERT_CHECK(training || running_var.defined(), kRuntime,
                "batch_norm(): running_var must be defined in evaluation mode");
  check_channels("running_mean", running_mean, channels);
  check_channels("running_var", running_var, channels);
  check_channels("weight", weight, channels);
  check_channels("bias", bias, channels);
  return std::get<0>(
      ops::_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps));
}

std::tuple<Tensor, Tensor, Tensor> _batch_norm(const Tensor& input, const Tensor& weight,
                                               const Tensor& bias, const Tensor& running_mean,
                                               const Tensor& running_var, bool training,
                                               double momentum, double eps) {
  const DType dtype = input.dtype();
  const Tensor x = contiguous_values(input);
  const Tensor w = prepared(weight, dtype), b = prepared(bias, dtype);
  const cpu::BatchNormShape shape = batch_norm_shape(input);
  Tensor result = empty(input.sizes(), dtype);
  if (!training) {
    const Tensor mean = prepared(running_mean, dtype), var = prepared(running_var, dtype);
    cpu::batch_norm_eval(shape, eps, x.data(), data_or_null(w), data_or_null(b), mean.data(),
                         var.data(), result.data());
    Tensor used = converted_values(running_mean, compute_dtype(dtype));
    if (used.storage() == running_mean.storage()) used = cloned_values(used);
    return {result, used, reciprocal_deviation(prepared(running_var, compute_dtype(dtype)), eps)};
  }
  Tensor mean = empty({shape.channels}, compute_dtype(dtype)), rstd = empty_like(mean);
  if (input.numel() == 0) {
    fill_values(mean, Scalar(0));
    fill_values(rstd, Scalar(0));
    return {result, mean, rstd};
  }
  const Tensor new_mean = updatable(running_mean, dtype), new_var = updatable(running_var, dtype);
  cpu::batch_norm_forward(shape, eps, momentum, x.data(), data_or_null(w), data_or_null(b),
                          result.data(), mean.data(), rstd.data(), data_or_null(new_mean),
                          data_or_null(new_var));
  updated(running_mean, new_mean);
  updated(running_var, new_var);
  return {result, mean, rstd};
}

std::tuple<Tensor, Tensor, Tensor> _batch_norm_vjp(const Tensor& grad, const Tensor& input,
                                                   const Tensor& weight, const Tensor& mean,
                                                   const Tensor& rstd, bool training, double eps,
                                                   bool want_input, bool want_weight,
                                                   bool want_bias) {
  const cpu::BatchNormShape shape = batch_norm_shape(input);
  const Dims parameter_shape{shape.channels};
  if (modes.grad || any_wrapped(grad, input, weight)) {
    NormAdjoint adjoint;
    for (int64_t i = 0; i < input.ndim(); ++i) {
      if (i != 1) adjoint.over.push_back(i);
    }
    adjoint.shared = adjoint.over;
    adjoint.weight_shape = channel_shape(input);
    adjoint.centered = true;
    adjoint.constant_statistics = !training;
    adjoint.eps = eps;
    adjoint.mean = ops::reshape(level_detached(mean), adjoint.weight_shape);
    adjoint.rstd = ops::reshape(level_detached(rstd), adjoint.weight_shape);
    return adjoint(grad, input, weight, parameter_shape, want_input, want_weight, want_bias);
  }
  const DType dtype = input.dtype();
  const Tensor g = contiguous_values(grad), x = contiguous_values(input);
  const Tensor w = prepared(weight, dtype);
  Gradients result;
  auto& [dx, dweight, dbias] = result;
  if (want_input) dx = empty(input.sizes(), dtype);
  if (want_weight) dweight = empty(parameter_shape, dtype);
  if (want_bias) dbias = empty(parameter_shape, dtype);
  cpu::batch_norm_backward(shape, training, g.data(), x.data(), data_or_null(w), mean.data(),
                           rstd.data(), data_or_null(dx), data_or_null(dweight),
                           data_or_null(dbias));
  return result;
}

// --- layer_norm and rms_norm ---

Tensor layer_norm(const Tensor& input, const Dims& normalized_shape, const Tensor& weight,
                  const Tensor& bias, double eps, bool) {
  check_normalized("layer_norm", input, normalized_shape, weight, bias);
  const auto dims = static_cast<int64_t>(normalized_shape.size());
  return std::get<0>(ops::_row_norm(input, weight, bias, dims, true, eps));
}

Tensor rms_norm(const Tensor& input, const Dims& normalized_shape, const Tensor& weight,
                const std::optional<double>& eps) {
  check_normalized("rms_norm", input, normalized_shape, weight, Tensor());
  const auto dims = static_cast<int64_t>(normalized_shape.size());
  return std::get<0>(ops::_row_norm(input, weight, Tensor(), dims, false,
                                    eps.value_or(smallest_step(input.dtype()))));
}

std::tuple<Tensor, Tensor, Tensor> _row_norm(const Tensor& input, const Tensor& weight,
                                             const Tensor& bias, int64_t dims, bool centered,
                                             double eps) {
  const DType dtype = input.dtype();
  const Tensor x = contiguous_values(input);
  const Tensor w = prepared(weight, dtype), b = prepared(bias, dtype);
  const int64_t rows = product(input.sizes(), 0, input.ndim() - dims);
  const int64_t n = product(input.sizes(), input.ndim() - dims, input.ndim());
  Tensor result = empty(input.sizes(), dtype);
  Tensor mean = empty({centered ? rows : 0}, compute_dtype(dtype));
  Tensor rstd = empty({rows}, compute_dtype(dtype));
  cpu::row_norm_forward({dtype, rows, n, centered}, eps, x.data(), data_or_null(w), data_or_null(b),
                        result.data(), mean.data(), rstd.data());
  return {result, mean, rstd};
}

std::tuple<Tensor, Tensor, Tensor> _row_norm_vjp(const Tensor& grad, const Tensor& input,
                                                 const Tensor& weight, const Tensor& mean,
                                                 const Tensor& rstd, int64_t dims, bool centered,
                                                 double eps, bool want_input, bool want_weight,
                                                 bool want_bias) {
  Dims parameter_shape;
  for (int64_t i = input.ndim() - dims; i < input.ndim(); ++i) {
    parameter_shape.push_back(input.sizes()[i]);
  }
  if (modes.grad || any_wrapped(grad, input, weight)) {
    NormAdjoint adjoint;
    for (int64_t i = input.ndim() - dims; i < input.ndim(); ++i) adjoint.over.push_back(i);
    adjoint.shared = leading(input, dims);
    adjoint.weight_shape = parameter_shape;
    adjoint.centered = centered;
    adjoint.constant_statistics = false;
    adjoint.eps = eps;
    return adjoint(grad, input, weight, parameter_shape, want_input, want_weight, want_bias);
  }
  const DType dtype = input.dtype();
  const Tensor g = contiguous_values(grad), x = contiguous_values(input);
  const Tensor w = prepared(weight, dtype);
  Gradients result;
  auto& [dx, dweight, dbias] = result;
  if (want_input) dx = empty(input.sizes(), dtype);
  if (want_weight) dweight = empty(parameter_shape, dtype);
  if (want_bias) dbias = empty(parameter_shape, dtype);
  const int64_t rows = rstd.numel();
  const int64_t n = product(input.sizes(), input.ndim() - dims, input.ndim());
  cpu::row_norm_backward({dtype, rows, n, centered}, g.data(), x.data(), data_or_null(w),
                         centered ? mean.data() : nullptr, rstd.data(), data_or_null(dx),
                         data_or_null(dweight), data_or_null(dbias));
  return result;
}

// --- group_norm and instance_norm ---

Tensor group_norm(const Tensor& input, int64_t num_groups, const Tensor& weight, const Tensor& bias,
                  double eps, bool) {
  check_floating("group_norm", input);
  WENGERT_CHECK(input.ndim() >= 2, kRuntime,
                "group_norm(): Expected at least 2 dimensions for input tensor but received ",
                input.ndim(), describe_argument("input", input));
  WENGERT_CHECK(num_groups > 0, kRuntime,
                "group_norm(): Expected num groups to be greater than 0, got ", num_groups);
  const int64_t channels = input.sizes()[1];
  WENGERT_CHECK(channels % num_groups == 0, kRuntime,
                "group_norm(): Expected number of channels in input to be divisible by num_groups, "
                "but got input of shape ",
                to_string(input.sizes()), " and num_groups=", num_groups);
  const auto check_parameter = [&](const char* name, const Tensor& parameter) {
    WENGERT_CHECK(!parameter.defined() || (parameter.ndim() == 1 && parameter.numel() == channels),
                  kRuntime, "group_norm(): Expected ", name,
                  " to be a vector of size equal to the number of channels in input, but got ",
                  name, " of shape ", to_string(parameter.sizes()), " and input of shape ",
                  to_string(input.sizes()));
  };
  check_parameter("weight", weight);
  check_parameter("bias", bias);
  return in_groups(input, num_groups, weight, bias, eps);
}

std::tuple<Tensor, Tensor, Tensor> _group_norm(const Tensor& input, const Tensor& weight,
                                               const Tensor& bias, double eps) {
  const DType dtype = input.dtype();
  const Tensor x = contiguous_values(input);
  const Tensor w = prepared(weight, dtype), b = prepared(bias, dtype);
  const Dims& s = input.sizes();
  Tensor result = empty(s, dtype);
  Tensor mean = empty({s[0], s[1]}, compute_dtype(dtype)), rstd = empty_like(mean);
  cpu::group_norm_forward({dtype, s[0], s[1], s[2], s[3]}, eps, x.data(), data_or_null(w),
                          data_or_null(b), result.data(), mean.data(), rstd.data());
  return {result, mean, rstd};
}

std::tuple<Tensor, Tensor, Tensor> _group_norm_vjp(const Tensor& grad, const Tensor& input,
                                                   const Tensor& weight, const Tensor& mean,
                                                   const Tensor& rstd, double eps, bool want_input,
                                                   bool want_weight, bool want_bias) {
  const Dims& s = input.sizes();
  const Dims parameter_shape{s[1], s[2]};
  if (modes.grad || any_wrapped(grad, input, weight)) {
    NormAdjoint adjoint;
    adjoint.over = {2, 3};
    adjoint.shared = {0, 3};
    adjoint.weight_shape = {1, s[1], s[2], 1};
    adjoint.centered = true;
    adjoint.constant_statistics = false;
    adjoint.eps = eps;
    return adjoint(grad, input, weight, parameter_shape, want_input, want_weight, want_bias);
  }
  const DType dtype = input.dtype();
  const Tensor g = contiguous_values(grad), x = contiguous_values(input);
  const Tensor w = prepared(weight, dtype);
  Gradients result;
  auto& [dx, dweight, dbias] = result;
  if (want_input) dx = empty(s, dtype);
  if (want_weight) dweight = empty(parameter_shape, dtype);
  if (want_bias) dbias = empty(parameter_shape, dtype);
  cpu::group_norm_backward({dtype, s[0], s[1], s[2], s[3]}, g.data(), x.data(), data_or_null(w),
                           mean.data(), rstd.data(), data_or_null(dx), data_or_null(dweight),
                           data_or_null(dbias));
  return result;
}

Tensor instance_norm(const Tensor& input, const Tensor& weight, const Tensor& bias,
                     const Tensor& running_mean, const Tensor& running_var, bool use_input_stats,
                     double momentum, double eps, bool) {
  check_floating("instance_norm", input);
  WENGERT_CHECK(input.ndim() >= 2, kRuntime,
                "instance_norm(): Expected at least 2 dimensions for input tensor but received ",
                input.ndim(), describe_argument("input", input));
  WENGERT_CHECK(use_input_stats || (running_mean.defined() && running_var.defined()), kRuntime,
                "instance_norm(): Expected running_mean and running_var to be defined when "
                "use_input_stats is false");
  const int64_t batch = input.sizes()[0], channels = input.sizes()[1];
  if (!running_mean.defined() && !running_var.defined()) {
    return in_groups(input, channels, weight, bias, eps);
  }
  // A batch of one whose channels are the channels of all samples.
  Dims merged = input.sizes();
  merged[0] = 1;
  merged[1] = batch * channels;
  const auto repeated = [&](const Tensor& tensor) {
    if (!tensor.defined()) return Tensor();
    const Tensor rows = ops::expand(level_detached(tensor), Dims{batch, channels});
    return ops::clone(ops::reshape(rows, Dims{batch * channels}));
  };
  const Tensor mean = repeated(running_mean), var = repeated(running_var);
  const Tensor normal = ops::batch_norm(ops::reshape(input, merged), mean, var, Tensor(), Tensor(),
                                        use_input_stats, momentum, eps);
  if (use_input_stats) {
    const auto average = [&](const Tensor& running, const Tensor& each) {
      if (!running.defined()) return;
      const GradModeScope no_grad(false);
      ops::copy_(running, ops::mean(ops::reshape(each, Dims{batch, channels}), Dims{0}));
    };
    average(running_mean, mean);
    average(running_var, var);
  }
  return with_affine(ops::reshape(normal, input.sizes()), weight, bias, channel_shape(input));
}

}  // namespace impl

}  // namespace wengert::ops
