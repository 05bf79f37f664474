// Optimizer steps: parameters and state change in place, without history.
#include "kernels/cpu/simd/optimizer.h"

#include <cmath>

#include "operators/basic.h"
#include "operators/optimizer.h"
#include "ops/watch.h"

namespace wengert::ops {

namespace {

// A parameter, its gradient and its state as arrays that a kernel can run over side by side. Where
// layouts or dtypes differ there are copies, and `finish` brings back what was written.
class Arrays {
 public:
  static constexpr size_t kMost = 5;  // param, grad, and up to three of state

  Arrays(const char* op, std::initializer_list<const Tensor*> tensors) : op_(op) {
    const Tensor& param = **tensors.begin();
    WENGERT_CHECK(is_inexact(param.dtype()), kRuntime, op,
                  ": only Tensors of floating point and complex dtype can be optimized",
                  describe_argument("param", param));
    bool alike = true;
    for (const Tensor* tensor : tensors) {
      if (!tensor->defined()) continue;
      WENGERT_CHECK(tensor->sizes() == param.sizes(), kRuntime, op,
                    ": parameter, gradient and state must be of one shape",
                    describe_argument("param", param), describe_argument("other", *tensor));
      alike &= tensor->dtype() == param.dtype() && tensor->strides() == param.strides();
    }
    alike &= param.is_contiguous() || is_dense(param.sizes(), param.strides());
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

void check_counts(const char* op, size_t params, std::initializer_list<size_t> others) {
  for (const size_t count : others) {
    WENGERT_CHECK(count == params, kRuntime, op, ": ", params, " parameters, but ", count,
                  " of their gradients or state");
  }
}

}  // namespace

namespace impl {

std::vector<Tensor> _sgd_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
                              const std::vector<Tensor>& buffers, double lr, double momentum,
                              double dampening, double weight_decay, bool nesterov, bool maximize,
                              bool first) {
  const bool with_momentum = momentum != 0;
  check_counts("SGD.step", params.size(),
               {grads.size(), with_momentum ? buffers.size() : params.size()});
  const cpu::SgdStep step{lr, momentum, dampening, weight_decay, nesterov, maximize, first};
  const Tensor none;
  for (size_t i = 0; i < params.size(); ++i) {
    const Arrays arrays("SGD.step", {&params[i], &grads[i], with_momentum ? &buffers[i] : &none});
    cpu::sgd_step(arrays.dtype, arrays.n, step, arrays[0], arrays[1], arrays[2]);
    arrays.finish();
  }
  return {};
}

std::vector<Tensor> _adam_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
                               const std::vector<Tensor>& exp_avgs,
                               const std::vector<Tensor>& exp_avg_sqs,
                               const std::vector<Tensor>& max_exp_avg_sqs, const Dims& steps,
                               double lr, double beta1, double beta2, double eps,
                               double weight_decay, bool amsgrad, bool maximize,
                               bool decoupled_weight_decay) {
  check_counts("Adam.step", params.size(),
               {grads.size(), exp_avgs.size(), exp_avg_sqs.size(), steps.size(),
                amsgrad ? max_exp_avg_sqs.size() : params.size()});
  cpu::AdamStep step{lr, beta1, beta2, eps, weight_decay, 0, 0, maximize, decoupled_weight_decay};
  const Tensor none;
  for (size_t i = 0; i < params.size(); ++i) {
    step.correction1 = 1 - std::pow(beta1, static_cast<double>(steps[i]));
    step.correction2 = 1 - std::pow(beta2, static_cast<double>(steps[i]));
    const Arrays arrays("Adam.step", {&params[i], &grads[i], &exp_avgs[i], &exp_avg_sqs[i],
                                      amsgrad ? &max_exp_avg_sqs[i] : &none});
    cpu::adam_step(arrays.dtype, arrays.n, step, arrays[0], arrays[1], arrays[2], arrays[3],
                   arrays[4]);
    arrays.finish();
  }
  return {};
}

}  // namespace impl

}  // namespace wengert::ops
