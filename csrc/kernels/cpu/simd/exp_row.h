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
  const __m512 shift = _mm512_set1_ps(most);
  double total = 0;
  for (int64_t first = 0; first < n; first += kSumChunk) {
    const int64_t last = std::min(n, first + kSumChunk);
    __m512 sum[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                     _mm512_setzero_ps()};
    int64_t i = first;
    for (; i + 64 <= last; i += 64) {
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) {
        const __m512 e =
            math::exp_below_zero(_mm512_sub_ps(_mm512_loadu_ps(x + i + 16 * k), shift));
        if (y != nullptr) _mm512_storeu_ps(y + i + 16 * k, e);
        sum[k] = _mm512_add_ps(sum[k], e);
      }
    }
    for (; i < last; i += 16) {
      const auto rest = static_cast<__mmask16>((1u << std::min<int64_t>(16, last - i)) - 1);
      const __m512 e =
          math::exp_below_zero(_mm512_sub_ps(_mm512_maskz_loadu_ps(rest, x + i), shift));
      if (y != nullptr) _mm512_mask_storeu_ps(y + i, rest, e);
      sum[0] = _mm512_mask_add_ps(sum[0], rest, sum[0], e);
    }
    alignas(64) float lanes[16];
    _mm512_store_ps(lanes,
                    _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
    for (int width = 8; width > 0; width /= 2) {
      for (int j = 0; j < width; ++j) lanes[j] += lanes[j + width];
    }
    total += static_cast<double>(lanes[0]);
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
