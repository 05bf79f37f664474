// L-BFGS: the parameters as one vector, and the direction in which to go.
#include <cstring>

#include "kernels/cpu/simd/optimizer.h"
#include "operators/optimizer.h"
#include "operators/view.h"
#include "ops/optimizer_state.h"
#include "tensor/promotion.h"

namespace wengert::ops {

namespace {

Tensor as_real(const Tensor& tensor) {
  return is_complex(tensor.dtype()) ? impl::view_as_real(tensor) : tensor;
}

// The dtype of the vector of all parameters.
DType flat_dtype(const char* op, const std::vector<Tensor>& params) {
  WENGERT_CHECK(!params.empty(), kRuntime, op, ": no parameters");
  DType dtype = to_real(params[0].dtype());
  for (const Tensor& param : params) {
    WENGERT_CHECK(is_inexact(param.dtype()), kRuntime, op,
                  ": only Tensors of floating point and complex dtype can be optimized",
                  describe_argument("param", param));
    dtype = promote(dtype, to_real(param.dtype()));
  }
  return dtype;
}

int64_t flat_size(const std::vector<Tensor>& params) {
  int64_t size = 0;
  for (const Tensor& param : params) size += param.numel() * (is_complex(param.dtype()) ? 2 : 1);
  return size;
}

// Itself, or a dense copy.
Tensor vector_of(const char* op, const char* name, const Tensor& vector, DType dtype,
                 int64_t size) {
  WENGERT_CHECK(vector.ndim() == 1 && vector.numel() == size && vector.dtype() == dtype, kRuntime,
                op, ": expected a vector of ", size, " numbers of dtype ", dtype_name(dtype),
                describe_argument(name, vector));
  return contiguous_values(vector);
}

const void* moved(const void* data, int64_t elements, DType dtype) {
  return static_cast<const char*>(data) + elements * static_cast<int64_t>(item_size(dtype));
}

double value_of(const Tensor& number) {
  return *converted_values(number, DType::float64).data_as<double>();
}

Tensor number(double value, DType dtype) {
  const Tensor result = wengert::empty({}, dtype);
  fill_values(result, Scalar(value));
  return result;
}

}  // namespace

namespace impl {

Tensor _flatten_parameters(const std::vector<Tensor>& tensors, const std::vector<Tensor>& params) {
  const char* op = "LBFGS.step";
  check_counts(op, params.size(), {tensors.size()});
  const DType dtype = flat_dtype(op, params);
  const Tensor flat = wengert::empty({flat_size(params)}, dtype);
  int64_t start = 0;
  for (size_t i = 0; i < params.size(); ++i) {
    const Tensor param = as_real(params[i]);
    const Tensor place = alias(flat, param.sizes(), contiguous_strides(param.sizes()), start);
    start += param.numel();
    if (!tensors[i].defined()) {
      std::memset(place.data(), 0, static_cast<size_t>(param.numel()) * item_size(dtype));
      continue;
    }
    WENGERT_CHECK(tensors[i].sizes() == params[i].sizes(), kRuntime, op,
                  ": parameter and gradient must be of one shape",
                  describe_argument("param", params[i]), describe_argument("grad", tensors[i]));
    copy_values(place, as_real(tensors[i]));
  }
  return flat;
}

std::vector<Tensor> _move_parameters(const std::vector<Tensor>& params, const Tensor& from_,
                                     const Tensor& direction_, double length) {
  const char* op = "LBFGS.step";
  const DType dtype = flat_dtype(op, params);
  const int64_t n = flat_size(params);
  const Tensor direction = vector_of(op, "direction", direction_, dtype, n);
  const Tensor from = from_.defined() ? vector_of(op, "from", from_, dtype, n) : from_;
  int64_t start = 0;
  for (const Tensor& param : params) {
    const Tensor target = as_real(param);
    const int64_t count = target.numel();
    const bool direct = target.is_contiguous() && target.dtype() == dtype;
    const Tensor values = direct           ? target
                          : from.defined() ? wengert::empty(target.sizes(), dtype)
                                           : converted_values(target, dtype);
    cpu::combine(dtype, count, length, moved(direction.data(), start, dtype), 1,
                 from.defined() ? moved(from.data(), start, dtype) : values.data(), values.data(),
                 nullptr);
    if (!direct) copy_values(target, values);
    bump_version(param, op);
    if (watch_mode.on) [[unlikely]]
      watch_step(op, {{"direction", direction}}, param);
    start += count;
  }
  return {};
}

std::vector<Tensor> _lbfgs_direction(const Tensor& grad_, const Tensor& previous_grad_,
                                     const Tensor& direction_, double length,
                                     const std::vector<Tensor>& changes,
                                     const std::vector<Tensor>& moves,
                                     const std::vector<Tensor>& weights, double scale,
                                     int64_t history_size) {
  const char* op = "LBFGS.step";
  check_counts(op, changes.size(), {moves.size(), weights.size()});
  const DType dtype = grad_.dtype();
  const int64_t n = grad_.numel();
  const Tensor grad = vector_of(op, "grad", grad_, dtype, n);
  const Tensor previous_grad = vector_of(op, "previous_grad", previous_grad_, dtype, n);
  const Tensor direction = vector_of(op, "direction", direction_, dtype, n);
  struct Step {
    Tensor change, move;
    double weight, share;
  };
  std::vector<Step> steps;
  for (size_t i = 0; i < changes.size(); ++i) {
    steps.push_back({vector_of(op, "old_dirs", changes[i], dtype, n),
                     vector_of(op, "old_stps", moves[i], dtype, n), value_of(weights[i]), 0});
  }
  // What the last step taught, where the curvature along it is positive.
  std::vector<Tensor> result(1);
  const Tensor change = wengert::empty({n}, dtype), move = wengert::empty({n}, dtype);
  cpu::combine(dtype, n, -1, previous_grad.data(), 1, grad.data(), change.data(), nullptr);
  const double curvature =
      cpu::combine(dtype, n, length, direction.data(), 0, nullptr, move.data(), change.data());
  if (curvature > 1e-10) {
    if (!steps.empty() && static_cast<int64_t>(steps.size()) >= history_size) {
      steps.erase(steps.begin());
    }
    steps.push_back({change, move, 1 / curvature, 0});
    scale =
        curvature / cpu::combine(dtype, n, 1, change.data(), 0, nullptr, nullptr, change.data());
    result.insert(result.end(), {change, move, number(1 / curvature, dtype), number(scale, dtype)});
  }
  // The two loops. Each pass over the vector is also the dot product that the next one needs.
  const Tensor r = wengert::empty({n}, dtype);
  const size_t count = steps.size();
  const auto nearest = [&](size_t i) { return i < count ? steps[i].move.data() : nullptr; };
  double dot = cpu::combine(dtype, n, -1, grad.data(), 0, nullptr, r.data(), nearest(count - 1));
  for (size_t i = count; i-- > 0;) {
    steps[i].share = dot * steps[i].weight;
    dot = cpu::combine(dtype, n, -steps[i].share, steps[i].change.data(), 1, r.data(), r.data(),
                       i > 0 ? nearest(i - 1) : nullptr);
  }
  dot = cpu::combine(dtype, n, scale, r.data(), 0, nullptr, r.data(),
                     count > 0 ? steps[0].change.data() : nullptr);
  for (size_t i = 0; i < count; ++i) {
    dot = cpu::combine(dtype, n, steps[i].share - dot * steps[i].weight, steps[i].move.data(), 1,
                       r.data(), r.data(), i + 1 < count ? steps[i + 1].change.data() : nullptr);
  }
  result[0] = r;
  return result;
}

}  // namespace impl

}  // namespace wengert::ops
