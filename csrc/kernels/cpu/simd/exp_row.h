// Exponentials of a row and their sum, what softmax and its kin spend their time on.
#pragma once
#include <cmath>

#include "kernels/cpu/simd/row_tools.h"
#include "kernels/math/elementary.h"
#include "kernels/math/lanes.h"

namespace wengert::cpu::WENGERT_ISA {

// The sum of exp(x[i] - most); writes the terms to y unless it is null. No x[i] is above `most`.
template <class T>
inline double exp_row(const T* x, compute_t<T> most, compute_t<T>* y, int64_t n) {
  using C = compute_t<T>;
  if (y == nullptr) {
    return sum_terms<C>(0, n,
                        [=](int64_t i) { return math::exp_below_zero(convert<C>(x[i]) - most); });
  }
  return sum_terms<C>(0, n, [=](int64_t i) {
    const C e = math::exp_below_zero(convert<C>(x[i]) - most);
    y[i] = e;
    return e;
  });
}

#ifdef WENGERT_LANES
template <>
inline double exp_row<float>(const float* x, float most, float* y, int64_t n) {
  using L = math::Lanes;
  constexpr int64_t kStep = L::kCount * L::kInFlight;
  const L shift(static_cast<double>(most));
  double total = 0;
  for (int64_t first = 0; first < n; first += kSumChunk) {
    const int64_t last = std::min(n, first + kSumChunk);
    L sum[4] = {L(0.0), L(0.0), L(0.0), L(0.0)};
    int64_t i = first;
    for (; i + kStep <= last; i += kStep) {
      L e[L::kInFlight];
#pragma GCC unroll 4
      for (int k = 0; k < L::kInFlight; ++k) {
        e[k] = math::exp_below_zero(math::sub(L(x + i + L::kCount * k), shift));
      }
#pragma GCC unroll 4
      for (int k = 0; k < L::kInFlight; ++k) {
        if (y != nullptr) e[k].store(y + i + L::kCount * k);
        sum[k] = math::add(sum[k], e[k]);
      }
    }
    for (; i < last; i += L::kCount) {
      const int64_t count = std::min<int64_t>(L::kCount, last - i);
      const L e = math::exp_below_zero(math::sub(L(x + i, count), shift));
      if (y != nullptr) e.store(y + i, count);
      sum[0] = math::add(sum[0], math::LanesSet::zero_past(e, count));
    }
    const L all = math::add(math::add(sum[0], sum[1]), math::add(sum[2], sum[3]));
    total += static_cast<double>(math::LanesSet::total(all));
  }
  return total;
}
#endif

// log(sum(exp(x))) of a row. An infinite maximum is the result by itself; subtracting it would give
// NaN.
template <class T>
compute_t<T> row_log_sum_exp(const T* x, int64_t n) {
  using C = compute_t<T>;
  const C most = max_term<C>(0, n, [=](int64_t i) { return convert<C>(x[i]); });
  if (std::isinf(most)) {
    return static_cast<C>(
        std::log(sum_terms<C>(0, n, [=](int64_t i) { return math::exp(convert<C>(x[i])); })));
  }
  return most + std::log(static_cast<C>(exp_row<T>(x, most, nullptr, n)));
}

}  // namespace wengert::cpu::WENGERT_ISA
