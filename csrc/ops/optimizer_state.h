// What the steps of optimizers read and write: parameters with their gradients and states.
#pragma once
#include <initializer_list>

#include "ops/watch.h"

namespace wengert::ops {

// A parameter, its gradient and its state as arrays that a kernel can run over side by side. Where
// layouts or dtypes differ there are copies, and `finish` brings back what was written.
class Arrays {
 public:
  static constexpr size_t kMost = 5;  // param, grad, and up to three of state

  // `row_major`: elements lie in the order of their indices; otherwise all in the same order.
  Arrays(const char* op, std::initializer_list<const Tensor*> tensors, bool row_major = false)
      : op_(op) {
    const Tensor& param = **tensors.begin();
    WENGERT_CHECK(is_inexact(param.dtype()), kRuntime, op,
                  ": only Tensors of floating point and complex dtype can be optimized",
                  describe_argument("param", param));
    check_inference_write(op, param);
    bool alike = true;
    for (const Tensor* tensor : tensors) {
      if (!tensor->defined()) continue;
      WENGERT_CHECK(tensor->sizes() == param.sizes(), kRuntime, op,
                    ": parameter, gradient and state must be of one shape",
                    describe_argument("param", param), describe_argument("other", *tensor));
      alike &= tensor->dtype() == param.dtype() && tensor->strides() == param.strides();
    }
    alike &= param.is_contiguous() || (!row_major && is_dense(param.sizes(), param.strides()));
    for (const Tensor* tensor : tensors) {
      originals_[count_] = *tensor;
      values_[count_] =
          alike || !tensor->defined() ? *tensor : converted_values(*tensor, param.dtype());
      ++count_;
    }
    dtype = to_real(param.dtype());
    n = param.numel() * (is_complex(param.dtype()) ? 2 : 1);
  }

  void* operator[](size_t i) const { return values_[i].defined() ? values_[i].data() : nullptr; }

  // All but the gradient, which is the second, were written.
  void finish() const {
    for (size_t i = 0; i < count_; ++i) {
      if (i == 1 || !originals_[i].defined()) continue;
      if (!values_[i].same(originals_[i])) copy_values(originals_[i], values_[i]);
      bump_version(originals_[i], op_);
    }
    if (watch_mode.on) [[unlikely]]
      watch_step(op_, {{"grad", originals_[1]}}, originals_[0]);
  }

  DType dtype;
  int64_t n;

 private:
  const char* op_;
  size_t count_ = 0;
  Tensor originals_[kMost], values_[kMost];
};

// A number of the state that is kept as a tensor, such as the count of steps.
class Number {
 public:
  Number(const char* op, const char* name, const Tensor& tensor) : op_(op), tensor_(tensor) {
    WENGERT_CHECK(tensor.numel() == 1 && (is_single() || tensor.dtype() == DType::float64),
                  kRuntime, op, ": state must be one number of dtype float32 or float64",
                  describe_argument(name, tensor));
  }
  double get() const {
    return is_single() ? static_cast<double>(*tensor_.data_as<float>())
                       : *tensor_.data_as<double>();
  }
  double set(double value) const {
    if (is_single()) {
      *tensor_.data_as<float>() = static_cast<float>(value);
    } else {
      *tensor_.data_as<double>() = value;
    }
    bump_version(tensor_, op_);
    return get();
  }
  double count() const { return set(get() + 1); }
  // Rounded as a product of two numbers of the dtype.
  double multiply(double factor) const {
    return set(get() * (is_single() ? static_cast<double>(static_cast<float>(factor)) : factor));
  }

 private:
  bool is_single() const { return tensor_.dtype() == DType::float32; }

  const char* op_;
  const Tensor& tensor_;
};

inline void check_counts(const char* op, size_t params, std::initializer_list<size_t> others) {
  for (const size_t count : others) {
    WENGERT_CHECK(count == params, kRuntime, op, ": ", params, " parameters, but ", count,
                  " of their gradients or state");
  }
}

}  // namespace wengert::ops
