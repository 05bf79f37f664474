// Classification losses over [batch, classes, positions...], and the mean squared error.
#include "kernels/cpu/simd/loss.h"

#include "operators/activation.h"
#include "operators/basic.h"
#include "operators/comparison.h"
#include "operators/elementwise.h"
#include "operators/loss.h"
#include "operators/reduction.h"
#include "operators/shape.h"
#include "operators/softmax.h"
#include "operators/view.h"

namespace wengert::ops {

namespace {

cpu::LossReduction parsed(const std::string& reduction) {
  if (reduction == "mean") return cpu::LossReduction::kMean;
  if (reduction == "sum") return cpu::LossReduction::kSum;
  WENGERT_CHECK(reduction == "none", kValue, reduction, " is not a valid value for reduction");
  return cpu::LossReduction::kNone;
}

int64_t class_dim(int64_t ndim) { return ndim == 1 ? 0 : 1; }

cpu::LossShape shape_of_loss(const Dims& size, DType dtype, int64_t ignore_index,
                             const std::string& reduction) {
  const auto ndim = static_cast<int64_t>(size.size());
  cpu::LossShape shape{dtype,        ndim == 1 ? 1 : size[0], size[class_dim(ndim)], 1,
                       ignore_index, parsed(reduction)};
  for (int64_t i = 2; i < ndim; ++i) shape.spatial *= size[i];
  return shape;
}

void check_weight(const char* op, const Tensor& input, const Tensor& weight) {
  if (!weight.defined()) return;
  const int64_t classes = input.sizes()[class_dim(input.ndim())];
  WENGERT_CHECK(
      weight.ndim() == 1 && weight.numel() == classes, kRuntime, op,
      "(): weight tensor should be defined either for all ", classes,
      " classes or no classes but got weight tensor of shape: ", to_string(weight.sizes()));
  WENGERT_CHECK(weight.dtype() == input.dtype(), kRuntime, op, "(): expected scalar type ",
                dtype_name(input.dtype()), " but found ", dtype_name(weight.dtype()),
                describe_argument("input", input), describe_argument("weight", weight));
}

void check_classes(const char* op, const Tensor& input, const Tensor& target,
                   const Tensor& weight) {
  const auto arguments = [&] {
    return describe_argument("input", input) + describe_argument("target", target);
  };
  WENGERT_CHECK(input.ndim() >= 1, kValue, op, "(): Expected 1 or more dimensions (got 0)");
  WENGERT_CHECK(is_floating(input.dtype()), kNotImplemented, "\"", op, "\" not implemented for '",
                dtype_name(input.dtype()), "'", arguments());
  Dims expected = input.sizes();
  expected.erase(class_dim(input.ndim()));
  WENGERT_CHECK(input.ndim() > 2 || target.ndim() <= 1, kRuntime, op,
                "(): 0D or 1D target tensor expected, multi-target not supported", arguments());
  if (input.ndim() == 1) {  // a target of one element is as good as one without dimensions
    WENGERT_CHECK(target.numel() == 1, kValue, op,
                  "(): For 1D input, 1D target must have size 1, but got target size: ",
                  target.numel(), arguments());
  } else {
    WENGERT_CHECK(target.ndim() > 0 && target.sizes()[0] == input.sizes()[0], kValue, op,
                  "(): Expected input batch_size (", input.sizes()[0],
                  ") to match target batch_size (", target.ndim() > 0 ? target.sizes()[0] : 0, ").",
                  arguments());
    WENGERT_CHECK(target.sizes() == expected, kRuntime, op, "(): Expected target size ",
                  to_string(expected), ", got ", to_string(target.sizes()), arguments());
  }
  WENGERT_CHECK(target.dtype() == DType::int64 || target.dtype() == DType::uint8, kRuntime, op,
                "(): expected target dtype to be int64 or uint8, but got ",
                dtype_name(target.dtype()), arguments());
  check_weight(op, input, weight);
}

// Where an error of the kernels lacks the operator's name.
void check_target_values(const char* op, const Tensor& input, const Tensor& target,
                         int64_t ignore_index) {
  const int64_t classes = input.sizes()[class_dim(input.ndim())];
  const int64_t* values = target.data_as<int64_t>();
  for (int64_t i = 0; i < target.numel(); ++i) {
    WENGERT_CHECK(values[i] == ignore_index || (values[i] >= 0 && values[i] < classes), kIndex, op,
                  "(): Target ", values[i], " is out of bounds.", describe_argument("input", input),
                  describe_argument("target", target));
  }
}

void* data_or_null(const Tensor& tensor) { return tensor.defined() ? tensor.data() : nullptr; }
Tensor contiguous_or_none(const Tensor& tensor) {
  return tensor.defined() ? contiguous_values(tensor) : Tensor();
}

Tensor loss_like(const Tensor& target, DType dtype, cpu::LossReduction reduction) {
  return empty(reduction == cpu::LossReduction::kNone ? target.sizes() : Dims{}, dtype);
}

Tensor reduced(const Tensor& loss, const std::string& reduction) {
  switch (parsed(reduction)) {
    case cpu::LossReduction::kMean:
      return ops::mean(loss);
    case cpu::LossReduction::kSum:
      return ops::sum(loss);
    default:
      return loss;
  }
}

// One number per class, aligned with the class dimension.
Tensor per_class(const Tensor& weight, const Tensor& input) {
  Dims shape(input.sizes().size(), 1);
  shape[class_dim(input.ndim())] = weight.numel();
  return ops::reshape(weight, shape);
}

// What the loss compares softmax(input) with, times the weights; zero where the target is ignored.
Tensor target_distribution(const Tensor& input, const Tensor& target, const Tensor& weight,
                           int64_t ignore_index, double label_smoothing) {
  const GradModeScope no_grad(false);
  const Tensor one = empty({}, input.dtype());
  fill_values(one, Scalar(-1));
  Tensor result = ops::_nll_loss_vjp(one, target, weight, one, input.sizes(), ignore_index, "sum");
  if (label_smoothing == 0) return result;
  Tensor kept = ops::_to_dtype(ops::ne(target, Operand(ignore_index)), input.dtype(), {});
  if (input.ndim() > 1) kept = ops::unsqueeze(kept, 1);
  const double share =
      label_smoothing / static_cast<double>(input.sizes()[class_dim(input.ndim())]);
  kept = ops::mul(kept, Operand(share));
  if (weight.defined()) kept = ops::mul(kept, per_class(weight, input));
  return ops::add(ops::mul(result, Operand(1 - label_smoothing)), kept);
}

Tensor cross_entropy_of_probabilities(const Tensor& input, const Tensor& target,
                                      const Tensor& weight, const std::string& reduction,
                                      double label_smoothing) {
  WENGERT_CHECK(is_floating(target.dtype()), kRuntime,
                "cross_entropy(): Expected floating point type for target with class "
                "probabilities, got ",
                dtype_name(target.dtype()), describe_argument("target", target));
  check_weight("cross_entropy", input, weight);
  const int64_t dim = class_dim(input.ndim());
  const int64_t classes = input.sizes()[dim];
  Tensor wanted = target;
  if (label_smoothing > 0) {
    wanted = ops::add(ops::mul(wanted, Operand(1 - label_smoothing)),
                      Operand(label_smoothing / static_cast<double>(classes)));
  }
  Tensor product = ops::mul(ops::log_softmax(input, dim), wanted);
  if (weight.defined()) product = ops::mul(product, per_class(weight, input));
  switch (parsed(reduction)) {
    case cpu::LossReduction::kNone:
      return ops::neg(ops::sum(product, Dims{dim}));
    case cpu::LossReduction::kSum:
      return ops::neg(ops::sum(product));
    default:
      return ops::neg(ops::true_divide(
          ops::sum(product),
          Operand(static_cast<double>(input.numel()) / static_cast<double>(classes))));
  }
}

}  // namespace

namespace impl {

// --- nll_loss ---

Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                int64_t ignore_index, const std::string& reduction) {
  check_classes("nll_loss", input, target, weight);
  return std::get<0>(ops::_nll_loss(input, target, weight, ignore_index, reduction));
}

std::tuple<Tensor, Tensor> _nll_loss(const Tensor& input, const Tensor& target,
                                     const Tensor& weight, int64_t ignore_index,
                                     const std::string& reduction) {
  const cpu::LossShape shape = shape_of_loss(input.sizes(), input.dtype(), ignore_index, reduction);
  const Tensor x = contiguous_values(input), w = contiguous_or_none(weight);
  const Tensor classes = converted_values(target, DType::int64);
  check_target_values("nll_loss", input, classes, ignore_index);
  Tensor result = loss_like(target, input.dtype(), shape.reduction);
  Tensor total = empty({}, compute_dtype(input.dtype()));
  cpu::nll_loss_forward(shape, x.data(), classes.data_as<int64_t>(), data_or_null(w), result.data(),
                        total.data());
  return {result, total};
}

Tensor _nll_loss_vjp(const Tensor& grad, const Tensor& target, const Tensor& weight,
                     const Tensor& total_weight, const Dims& size, int64_t ignore_index,
                     const std::string& reduction) {
  const cpu::LossShape shape = shape_of_loss(size, grad.dtype(), ignore_index, reduction);
  const Tensor g = contiguous_values(grad), w = contiguous_or_none(weight);
  const Tensor classes = converted_values(target, DType::int64);
  Tensor result = empty(size, grad.dtype());
  cpu::nll_loss_backward(shape, g.data(), classes.data_as<int64_t>(), data_or_null(w),
                         total_weight.data(), result.data());
  return result;
}

// --- cross_entropy ---

Tensor cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight,
                     int64_t ignore_index, const std::string& reduction, double label_smoothing) {
  WENGERT_CHECK(
      label_smoothing >= 0 && label_smoothing <= 1, kRuntime,
      "cross_entropy(): label_smoothing must be between 0.0 and 1.0. Got: ", label_smoothing);
  if (input.sizes() == target.sizes()) {
    WENGERT_CHECK(ignore_index < 0, kRuntime,
                  "cross_entropy(): ignore_index is not supported for floating point target");
    WENGERT_CHECK(input.ndim() > 0, kRuntime,
                  "cross_entropy(): Expected 1 or more dimensions (got 0)");
    return cross_entropy_of_probabilities(input, target, weight, reduction, label_smoothing);
  }
  check_classes("cross_entropy", input, target, weight);
  return std::get<0>(
      ops::_cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing));
}

std::tuple<Tensor, Tensor, Tensor> _cross_entropy(const Tensor& input, const Tensor& target,
                                                  const Tensor& weight, int64_t ignore_index,
                                                  const std::string& reduction,
                                                  double label_smoothing) {
  const cpu::LossShape shape = shape_of_loss(input.sizes(), input.dtype(), ignore_index, reduction);
  const Tensor x = contiguous_values(input), w = contiguous_or_none(weight);
  const Tensor classes = converted_values(target, DType::int64);
  check_target_values("cross_entropy", input, classes, ignore_index);
  Tensor result = loss_like(target, input.dtype(), shape.reduction);
  Tensor log_sum_exp = empty(target.sizes(), compute_dtype(input.dtype()));
  Tensor total = empty({}, compute_dtype(input.dtype()));
  cpu::cross_entropy_forward(shape, label_smoothing, x.data(), classes.data_as<int64_t>(),
                             data_or_null(w), result.data(), log_sum_exp.data(), total.data());
  return {result, log_sum_exp, total};
}

Tensor _cross_entropy_vjp(const Tensor& grad, const Tensor& input, const Tensor& target,
                          const Tensor& weight, const Tensor& log_sum_exp,
                          const Tensor& total_weight, int64_t ignore_index,
                          const std::string& reduction, double label_smoothing) {
  const cpu::LossShape shape = shape_of_loss(input.sizes(), input.dtype(), ignore_index, reduction);
  if (modes.grad || any_wrapped(grad, input, target, weight)) {
    const int64_t dim = class_dim(input.ndim());
    const Tensor wanted = target_distribution(input, target, weight, ignore_index, label_smoothing);
    Tensor coefficient = grad;
    if (shape.reduction == cpu::LossReduction::kMean) {
      // A total of zero: nothing counts, and the gradient is zero and not 0 / 0.
      const Tensor total = level_detached(total_weight);
      coefficient = ops::mul(grad, ops::where(ops::eq(total, 0), 1, ops::reciprocal(total)));
    } else if (shape.reduction == cpu::LossReduction::kNone && input.ndim() > 1) {
      coefficient = ops::unsqueeze(grad, 1);
    }
    const Tensor mass = ops::sum(wanted, Dims{dim}, true);
    return ops::mul(coefficient, ops::sub(ops::mul(ops::softmax(input, dim), mass), wanted));
  }
  const Tensor g = contiguous_values(grad), x = contiguous_values(input);
  const Tensor w = contiguous_or_none(weight), classes = converted_values(target, DType::int64);
  Tensor result = empty(input.sizes(), input.dtype());
  cpu::cross_entropy_backward(shape, label_smoothing, g.data(), x.data(),
                              classes.data_as<int64_t>(), data_or_null(w), log_sum_exp.data(),
                              total_weight.data(), result.data());
  return result;
}

// --- mse_loss ---

Tensor mse_loss(const Tensor& input, const Tensor& target, const std::string& reduction) {
  WENGERT_CHECK(is_floating(input.dtype()) || is_floating(target.dtype()), kNotImplemented,
                "\"mse_loss\" not implemented for '", dtype_name(input.dtype()), "'",
                describe_argument("input", input), describe_argument("target", target));
  broadcast_sizes(input.sizes(), target.sizes(), "mse_loss");  // raises under this name
  return reduced(ops::_mse(input, target), reduction);
}

}  // namespace impl

}  // namespace wengert::ops
