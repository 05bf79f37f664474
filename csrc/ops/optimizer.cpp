// Optimizer steps: parameters and state change in place, without history.
#include "kernels/cpu/simd/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "operators/basic.h"
#include "operators/optimizer.h"
#include "ops/optimizer_state.h"

namespace wengert::ops {

namespace {

double epsilon_of(DType dtype) {
  switch (dtype) {
    case DType::float16:
      return 0x1p-10;
    case DType::bfloat16:
      return 0x1p-7;
    case DType::float32:
      return std::numeric_limits<float>::epsilon();
    default:
      return std::numeric_limits<double>::epsilon();
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
                               const std::vector<Tensor>& max_exp_avg_sqs,
                               const std::vector<Tensor>& steps, double lr, double beta1,
                               double beta2, double eps, double weight_decay, bool amsgrad,
                               bool maximize, bool decoupled_weight_decay) {
  check_counts("Adam.step", params.size(),
               {grads.size(), exp_avgs.size(), exp_avg_sqs.size(), steps.size(),
                amsgrad ? max_exp_avg_sqs.size() : params.size()});
  cpu::AdamStep step{lr, beta1, beta2, eps, weight_decay, 0, 0, maximize, decoupled_weight_decay};
  const Tensor none;
  for (size_t i = 0; i < params.size(); ++i) {
    const Arrays arrays("Adam.step", {&params[i], &grads[i], &exp_avgs[i], &exp_avg_sqs[i],
                                      amsgrad ? &max_exp_avg_sqs[i] : &none});
    const double t = Number("Adam.step", "step", steps[i]).count();
    step.correction1 = 1 - std::pow(beta1, t);
    step.correction2 = 1 - std::pow(beta2, t);
    cpu::adam_step(arrays.dtype, arrays.n, step, arrays[0], arrays[1], arrays[2], arrays[3],
                   arrays[4]);
    arrays.finish();
  }
  return {};
}

std::vector<Tensor> _adamax_step(const std::vector<Tensor>& params,
                                 const std::vector<Tensor>& grads,
                                 const std::vector<Tensor>& exp_avgs,
                                 const std::vector<Tensor>& exp_infs,
                                 const std::vector<Tensor>& steps, double lr, double beta1,
                                 double beta2, double eps, double weight_decay, bool maximize) {
  const char* op = "Adamax.step";
  check_counts(op, params.size(), {grads.size(), exp_avgs.size(), exp_infs.size(), steps.size()});
  cpu::AdamaxStep step{lr, beta1, beta2, eps, weight_decay, 0, maximize};
  for (size_t i = 0; i < params.size(); ++i) {
    const Arrays arrays(op, {&params[i], &grads[i], &exp_avgs[i], &exp_infs[i]});
    step.correction1 = 1 - std::pow(beta1, Number(op, "step", steps[i]).count());
    cpu::adamax_step(arrays.dtype, arrays.n, step, arrays[0], arrays[1], arrays[2], arrays[3]);
    arrays.finish();
  }
  return {};
}

std::vector<Tensor> _nadam_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
                                const std::vector<Tensor>& exp_avgs,
                                const std::vector<Tensor>& exp_avg_sqs,
                                const std::vector<Tensor>& mu_products,
                                const std::vector<Tensor>& steps, double lr, double beta1,
                                double beta2, double eps, double weight_decay,
                                double momentum_decay, bool decoupled_weight_decay, bool maximize) {
  const char* op = "NAdam.step";
  check_counts(
      op, params.size(),
      {grads.size(), exp_avgs.size(), exp_avg_sqs.size(), mu_products.size(), steps.size()});
  cpu::NAdamStep step{lr, beta1, beta2, eps,      weight_decay,
                      0,  0,     0,     maximize, decoupled_weight_decay};
  const auto momentum = [&](double t) {
    return beta1 * (1 - 0.5 * std::pow(0.96, t * momentum_decay));
  };
  for (size_t i = 0; i < params.size(); ++i) {
    const Arrays arrays(op, {&params[i], &grads[i], &exp_avgs[i], &exp_avg_sqs[i]});
    const Number product(op, "mu_product", mu_products[i]);
    const double t = Number(op, "step", steps[i]).count();
    const double mu = momentum(t), next = momentum(t + 1);
    const double mu_product = product.multiply(mu);
    step.correction2 = 1 - std::pow(beta2, t);
    step.of_grad = -lr * (1 - mu) / (1 - mu_product);
    step.of_mean = -lr * next / (1 - mu_product * next);
    cpu::nadam_step(arrays.dtype, arrays.n, step, arrays[0], arrays[1], arrays[2], arrays[3]);
    arrays.finish();
  }
  return {};
}

std::vector<Tensor> _radam_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
                                const std::vector<Tensor>& exp_avgs,
                                const std::vector<Tensor>& exp_avg_sqs,
                                const std::vector<Tensor>& steps, double lr, double beta1,
                                double beta2, double eps, double weight_decay,
                                bool decoupled_weight_decay, bool maximize) {
  const char* op = "RAdam.step";
  check_counts(op, params.size(),
               {grads.size(), exp_avgs.size(), exp_avg_sqs.size(), steps.size()});
  cpu::RAdamStep step{lr, beta1, beta2, eps, weight_decay, 0, 0, maximize, decoupled_weight_decay};
  const double longest = 2 / (1 - beta2) - 1;
  for (size_t i = 0; i < params.size(); ++i) {
    const Arrays arrays(op, {&params[i], &grads[i], &exp_avgs[i], &exp_avg_sqs[i]});
    const double t = Number(op, "step", steps[i]).count();
    const double power = std::pow(beta2, t);
    const double length = longest - 2 * t * power / (1 - power);
    step.correction1 = 1 - std::pow(beta1, t);
    step.rectifier = length > 5 ? std::sqrt((length - 4) * (length - 2) * longest /
                                            ((longest - 4) * (longest - 2) * length)) *
                                      std::sqrt(1 - power)
                                : 0;
    cpu::radam_step(arrays.dtype, arrays.n, step, arrays[0], arrays[1], arrays[2], arrays[3]);
    arrays.finish();
  }
  return {};
}

std::vector<Tensor> _adagrad_step(const std::vector<Tensor>& params,
                                  const std::vector<Tensor>& grads, const std::vector<Tensor>& sums,
                                  const std::vector<Tensor>& steps, double lr, double lr_decay,
                                  double weight_decay, double eps, bool maximize) {
  const char* op = "Adagrad.step";
  check_counts(op, params.size(), {grads.size(), sums.size(), steps.size()});
  cpu::AdagradStep step{lr, weight_decay, eps, maximize};
  for (size_t i = 0; i < params.size(); ++i) {
    const Arrays arrays(op, {&params[i], &grads[i], &sums[i]});
    step.lr = lr / (1 + (Number(op, "step", steps[i]).count() - 1) * lr_decay);
    cpu::adagrad_step(arrays.dtype, arrays.n, step, arrays[0], arrays[1], arrays[2]);
    arrays.finish();
  }
  return {};
}

std::vector<Tensor> _adadelta_step(const std::vector<Tensor>& params,
                                   const std::vector<Tensor>& grads,
                                   const std::vector<Tensor>& square_avgs,
                                   const std::vector<Tensor>& acc_deltas,
                                   const std::vector<Tensor>& steps, double lr, double rho,
                                   double eps, double weight_decay, bool maximize) {
  const char* op = "Adadelta.step";
  check_counts(op, params.size(),
               {grads.size(), square_avgs.size(), acc_deltas.size(), steps.size()});
  const cpu::AdadeltaStep step{lr, rho, eps, weight_decay, maximize};
  for (size_t i = 0; i < params.size(); ++i) {
    const Arrays arrays(op, {&params[i], &grads[i], &square_avgs[i], &acc_deltas[i]});
    Number(op, "step", steps[i]).count();
    cpu::adadelta_step(arrays.dtype, arrays.n, step, arrays[0], arrays[1], arrays[2], arrays[3]);
    arrays.finish();
  }
  return {};
}

std::vector<Tensor> _rmsprop_step(const std::vector<Tensor>& params,
                                  const std::vector<Tensor>& grads,
                                  const std::vector<Tensor>& square_avgs,
                                  const std::vector<Tensor>& grad_avgs,
                                  const std::vector<Tensor>& momentum_buffers,
                                  const std::vector<Tensor>& steps, double lr, double alpha,
                                  double eps, double weight_decay, double momentum, bool maximize) {
  const char* op = "RMSprop.step";
  const bool centered = !grad_avgs.empty(), with_momentum = momentum > 0;
  check_counts(
      op, params.size(),
      {grads.size(), square_avgs.size(), steps.size(), centered ? grad_avgs.size() : params.size(),
       with_momentum ? momentum_buffers.size() : params.size()});
  const cpu::RMSpropStep step{lr, alpha, eps, weight_decay, momentum, maximize};
  const Tensor none;
  for (size_t i = 0; i < params.size(); ++i) {
    const Arrays arrays(op,
                        {&params[i], &grads[i], &square_avgs[i], centered ? &grad_avgs[i] : &none,
                         with_momentum ? &momentum_buffers[i] : &none});
    Number(op, "step", steps[i]).count();
    cpu::rmsprop_step(arrays.dtype, arrays.n, step, arrays[0], arrays[1], arrays[2], arrays[3],
                      arrays[4]);
    arrays.finish();
  }
  return {};
}

std::vector<Tensor> _rprop_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
                                const std::vector<Tensor>& prevs,
                                const std::vector<Tensor>& step_sizes,
                                const std::vector<Tensor>& steps, double eta_minus, double eta_plus,
                                double least, double most, bool maximize) {
  const char* op = "Rprop.step";
  check_counts(op, params.size(), {grads.size(), prevs.size(), step_sizes.size(), steps.size()});
  const cpu::RpropStep step{eta_minus, eta_plus, least, most, maximize};
  for (size_t i = 0; i < params.size(); ++i) {
    const Arrays arrays(op, {&params[i], &grads[i], &prevs[i], &step_sizes[i]});
    Number(op, "step", steps[i]).count();
    cpu::rprop_step(arrays.dtype, arrays.n, step, arrays[0], arrays[1], arrays[2], arrays[3]);
    arrays.finish();
  }
  return {};
}

std::vector<Tensor> _asgd_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
                               const std::vector<Tensor>& axs, const std::vector<Tensor>& mus,
                               const std::vector<Tensor>& etas, const std::vector<Tensor>& steps,
                               double lr, double lambd, double alpha, double t0,
                               double weight_decay, bool maximize) {
  const char* op = "ASGD.step";
  check_counts(op, params.size(),
               {grads.size(), axs.size(), mus.size(), etas.size(), steps.size()});
  cpu::ASGDStep step{lambd, weight_decay, 0, 0, maximize};
  for (size_t i = 0; i < params.size(); ++i) {
    const Arrays arrays(op, {&params[i], &grads[i], &axs[i]});
    const Number eta(op, "eta", etas[i]), mu(op, "mu", mus[i]);
    const double t = Number(op, "step", steps[i]).count();
    step.eta = eta.get();
    step.mu = mu.get();
    cpu::asgd_step(arrays.dtype, arrays.n, step, arrays[0], arrays[1], arrays[2]);
    eta.set(lr / std::pow(1 + lambd * lr * t, alpha));
    mu.set(1 / std::max(1.0, t - t0));
    arrays.finish();
  }
  return {};
}

std::vector<Tensor> _adafactor_step(const std::vector<Tensor>& params,
                                    const std::vector<Tensor>& grads,
                                    const std::vector<Tensor>& variances,
                                    const std::vector<Tensor>& row_vars,
                                    const std::vector<Tensor>& col_vars,
                                    const std::vector<Tensor>& steps, double lr, double beta2_decay,
                                    const std::optional<double>& eps1, double eps2, double d,
                                    double weight_decay, bool maximize) {
  const char* op = "Adafactor.step";
  check_counts(op, params.size(),
               {grads.size(), variances.size(), row_vars.size(), col_vars.size(), steps.size()});
  cpu::AdafactorStep step{lr, 0, eps2, d, weight_decay, 0, 0, 1, 0, maximize};
  for (size_t i = 0; i < params.size(); ++i) {
    const Tensor& param = params[i];
    const DType dtype = param.dtype();
    WENGERT_CHECK(is_floating(dtype), kRuntime, "Adafactor does not support complex parameters",
                  describe_argument("param", param));
    const int64_t rank = param.ndim();
    const bool factored = rank > 1;
    step.rows = factored ? param.size(-2) : 1;
    step.columns = factored ? param.size(-1) : param.numel();
    std::array<Tensor, 5> originals{param, grads[i], variances[i], row_vars[i], col_vars[i]};
    std::array<Tensor, 5> values;
    for (size_t k = 0; k < originals.size(); ++k) {
      const Tensor& tensor = originals[k];
      const bool wanted = k < 2 || factored == (k > 2);
      WENGERT_CHECK(tensor.defined() == wanted, kRuntime, op,
                    ": a matrix has factors of its variance, a vector has a variance",
                    describe_argument("param", param));
      if (!wanted) continue;
      Dims sizes = param.sizes();
      if (k > 2) sizes[static_cast<size_t>(rank) - (k == 3 ? 1 : 2)] = 1;
      WENGERT_CHECK(tensor.sizes() == sizes, kRuntime, op,
                    ": gradient and state must have shapes that follow from the parameter's",
                    describe_argument("param", param), describe_argument("other", tensor));
      values[k] = tensor.is_contiguous() && tensor.dtype() == dtype
                      ? tensor
                      : converted_values(tensor, dtype);
    }
    const double t = Number(op, "step", steps[i]).count();
    step.eps1 = eps1.value_or(epsilon_of(dtype));
    step.share = std::pow(t, beta2_decay);
    step.rho = std::min(lr, 1 / std::sqrt(t));
    const auto pointer = [&](size_t k) { return values[k].defined() ? values[k].data() : nullptr; };
    cpu::adafactor_step(dtype, param.numel(), step, pointer(0), pointer(1), pointer(2), pointer(3),
                        pointer(4));
    for (size_t k = 0; k < originals.size(); ++k) {
      if (k == 1 || !values[k].defined()) continue;
      if (!values[k].same(originals[k])) copy_values(originals[k], values[k]);
      bump_version(originals[k], op);
    }
    if (watch_mode.on) [[unlikely]]
      watch_step(op, {{"grad", grads[i]}}, param);
  }
  return {};
}

}  // namespace impl

}  // namespace wengert::ops
