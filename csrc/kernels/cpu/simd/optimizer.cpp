#include "kernels/cpu/simd_math.h"
// simd_math.h comes before anything that includes <cmath>.
#include "kernels/cpu/simd/optimizer.h"

#include <cmath>

#include "kernels/cpu/simd/row_tools.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

template <class T, bool kMomentum, bool kFirst>
void sgd_range(int64_t begin, int64_t end, const SgdStep& step, T* param, const T* grad,
               T* buffer) {
  using C = compute_t<T>;
  const C lr = static_cast<C>(-step.lr), decay = static_cast<C>(step.weight_decay);
  const C keep = static_cast<C>(step.momentum), take = static_cast<C>(1 - step.dampening);
  const C sign = step.maximize ? C(-1) : C(1);
  const bool decays = step.weight_decay != 0, nesterov = step.nesterov;
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    const C p = convert<C>(param[i]);
    C g = sign * convert<C>(grad[i]);
    g = decays ? g + decay * p : g;
    if constexpr (kMomentum) {
      const C b = kFirst ? g : keep * convert<C>(buffer[i]) + take * g;
      buffer[i] = convert<T>(b);
      g = nesterov ? g + keep * b : b;
    }
    param[i] = convert<T>(p + lr * g);
  }
}

template <class T, bool kGreatest>
void adam_range(int64_t begin, int64_t end, const AdamStep& step, T* param, const T* grad,
                T* exp_avg, T* exp_avg_sq, T* greatest) {
  using C = compute_t<T>;
  const C decay = static_cast<C>(step.decoupled_weight_decay ? 0 : step.weight_decay);
  const C shrink =
      static_cast<C>(step.decoupled_weight_decay ? 1 - step.lr * step.weight_decay : 1);
  const C sign = step.maximize ? C(-1) : C(1);
  const C take1 = static_cast<C>(1 - step.beta1), beta2 = static_cast<C>(step.beta2);
  const C take2 = static_cast<C>(1 - step.beta2), eps = static_cast<C>(step.eps);
  const C size = static_cast<C>(-step.lr / step.correction1);
  const C root = static_cast<C>(std::sqrt(step.correction2));
  const bool decays = decay != 0;
  const bool mostly_new = take1 >= C(0.5);  // interpolate from the nearer end
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    const C p = shrink * convert<C>(param[i]);
    C g = sign * convert<C>(grad[i]);
    g = decays ? g + decay * p : g;
    const C old = convert<C>(exp_avg[i]), change = g - old;
    const C m = mostly_new ? g - change * (C(1) - take1) : old + take1 * change;
    const C v = beta2 * convert<C>(exp_avg_sq[i]) + take2 * g * g;
    exp_avg[i] = convert<T>(m);
    exp_avg_sq[i] = convert<T>(v);
    C scale = v;
    if constexpr (kGreatest) {
      const C most = convert<C>(greatest[i]);
      scale = !(v <= most) ? v : most;  // a NaN wins
      scale = most != most ? most : scale;
      greatest[i] = convert<T>(scale);
    }
    param[i] = convert<T>(p + size * (m / (std::sqrt(scale) / root + eps)));
  }
}

}  // namespace

void sgd_step(DType dtype, int64_t n, const SgdStep& step, void* param, const void* grad,
              void* buffer) {
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* p = static_cast<T*>(param);
    T* b = static_cast<T*>(buffer);
    const T* g = static_cast<const T*>(grad);
    parallel_for(n, kRowGrain, [&](int64_t begin, int64_t end) {
      if (b == nullptr) {
        sgd_range<T, false, false>(begin, end, step, p, g, b);
      } else if (step.first) {
        sgd_range<T, true, true>(begin, end, step, p, g, b);
      } else {
        sgd_range<T, true, false>(begin, end, step, p, g, b);
      }
    });
  });
}

void adam_step(DType dtype, int64_t n, const AdamStep& step, void* param, const void* grad,
               void* exp_avg, void* exp_avg_sq, void* max_exp_avg_sq) {
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* p = static_cast<T*>(param);
    T* m = static_cast<T*>(exp_avg);
    T* v = static_cast<T*>(exp_avg_sq);
    T* greatest = static_cast<T*>(max_exp_avg_sq);
    const T* g = static_cast<const T*>(grad);
    parallel_for(n, kRowGrain, [&](int64_t begin, int64_t end) {
      if (greatest == nullptr) {
        adam_range<T, false>(begin, end, step, p, g, m, v, greatest);
      } else {
        adam_range<T, true>(begin, end, step, p, g, m, v, greatest);
      }
    });
  });
}

}  // namespace wengert::cpu::WENGERT_ISA
