// Sixteen floats in two AVX2 registers, and the operations that the formulas of lanes.h are made
// of. Two chains of instructions side by side take a few percent less than one after the other.
#pragma once
#include <immintrin.h>

#include "kernels/math/basic.h"

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

struct Lanes {
  static constexpr int kCount = 16;
  static constexpr int kInFlight = 2;  // how many at a time hide the latency of an addition
  Lanes() = default;
  Lanes(__m256 a, __m256 b) : low(a), high(b) {}
  explicit Lanes(__m256 both) : low(both), high(both) {}
  explicit Lanes(double x) : Lanes(_mm256_set1_ps(static_cast<float>(x))) {}
  explicit Lanes(const float* from) : low(_mm256_loadu_ps(from)), high(_mm256_loadu_ps(from + 8)) {}
  Lanes(const float* from, int64_t count)
      : low(_mm256_maskload_ps(from, first(count))),
        high(_mm256_maskload_ps(from + 8, first(count - 8))) {}
  void store(float* to) const {
    _mm256_storeu_ps(to, low);
    _mm256_storeu_ps(to + 8, high);
  }
  void store(float* to, int64_t count) const {
    // Stores with a mask are slow, and most rows are whole registers.
    if (count < 8) return _mm256_maskstore_ps(to, first(count), low);
    _mm256_storeu_ps(to, low);
    if (count > 8) _mm256_maskstore_ps(to + 8, first(count - 8), high);
  }
  WENGERT_MATH static __m256i first(int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  __m256 low, high;
};

struct LanesSet {
  WENGERT_MATH static Lanes add(Lanes a, Lanes b) { return {a.low + b.low, a.high + b.high}; }
  WENGERT_MATH static Lanes sub(Lanes a, Lanes b) { return {a.low - b.low, a.high - b.high}; }
  WENGERT_MATH static Lanes mul(Lanes a, Lanes b) { return {a.low * b.low, a.high * b.high}; }
  WENGERT_MATH static Lanes div(Lanes a, Lanes b) { return {a.low / b.low, a.high / b.high}; }
  WENGERT_MATH static Lanes fma(Lanes a, Lanes b, Lanes c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  WENGERT_MATH static Lanes abs(Lanes a) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
  }
  WENGERT_MATH static Lanes neg(Lanes a) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return {_mm256_xor_ps(a.low, sign), _mm256_xor_ps(a.high, sign)};
  }
  // b where either is NaN.
  WENGERT_MATH static Lanes min(Lanes a, Lanes b) {
    return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
  }
  WENGERT_MATH static Lanes max(Lanes a, Lanes b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }
  // x < 0 ? a : b, but a at -0.
  WENGERT_MATH static Lanes below_zero(Lanes x, Lanes a, Lanes b) {
    return {_mm256_blendv_ps(b.low, a.low, x.low), _mm256_blendv_ps(b.high, a.high, x.high)};
  }
  WENGERT_MATH static Lanes copysign(Lanes size, Lanes sign) {
    const Lanes magnitude = abs(size);
    const __m256 bit = _mm256_set1_ps(-0.0f);
    return {_mm256_or_ps(magnitude.low, _mm256_and_ps(sign.low, bit)),
            _mm256_or_ps(magnitude.high, _mm256_and_ps(sign.high, bit))};
  }
  // 0 where the product is NaN and a is 0.
  WENGERT_MATH static Lanes zero_if_undefined(Lanes product, Lanes a) {
    return {zero_if_undefined(product.low, a.low), zero_if_undefined(product.high, a.high)};
  }
  WENGERT_MATH static Lanes zero_past(Lanes x, int64_t count) {
    return {_mm256_and_ps(x.low, _mm256_castsi256_ps(Lanes::first(count))),
            _mm256_and_ps(x.high, _mm256_castsi256_ps(Lanes::first(count - 8)))};
  }

  // The sum of all, by halves.
  WENGERT_MATH static float total(Lanes x) {
    const __m256 eight = x.low + x.high;
    const __m128 four = _mm256_castps256_ps128(eight) + _mm256_extractf128_ps(eight, 1);
    const __m128 two = four + _mm_movehl_ps(four, four);
    return two[0] + two[1];
  }
  // Is exp(x) a normal number, or NaN, everywhere, so that scale_down will do? It hardly ever is
  // not, and a branch costs less than a second factor.
  WENGERT_MATH static bool scales_at_once(Lanes x) {
    const Lanes size = abs(x);
    const __m256 far = _mm256_set1_ps(87.0f);
    const __m256 past = _mm256_or_ps(_mm256_cmp_ps(size.low, far, _CMP_GT_OQ),
                                     _mm256_cmp_ps(size.high, far, _CMP_GT_OQ));
    return _mm256_movemask_ps(past) == 0;
  }
  static constexpr double kNoMore = -88;  // exp_below_zero gives 0 from there on
  // x * steps as a whole number, read off the last bits of a sum with a large one; moved up, these
  // bits are the exponent of a factor 2^n, or of 2^(n - 1).
  struct Whole {
    Lanes n, sum;
  };
  WENGERT_MATH static Whole whole(Lanes x, float steps) { return whole_from(x, steps, kLarge); }
  WENGERT_MATH static Whole whole_up(Lanes x, float steps) {
    return whole_from(x, steps, kLarge - 1);
  }
  // y 2^n, for three ranges of n: all that float needs, from -127 for 0 to 127, and, of a whole_up,
  // from -126 to 128 with 1 added. The first takes two factors, each a normal number; for the third
  // y comes times kUp, so that the addition may overflow.
  static constexpr double kUp = 2;
  WENGERT_MATH static Lanes scale(Lanes y, const Whole& w) {
    return {scale(y.low, w.n.low), scale(y.high, w.n.high)};
  }
  WENGERT_MATH static Lanes scale_down(Lanes y, const Whole& w) { return mul(y, power(w)); }
  WENGERT_MATH static Lanes scale_up_plus_one(Lanes y, const Whole& w) {
    return fma(y, power(w), Lanes(1));
  }
  // (y + 1) 2^n - 1 for n from -127 to 0.
  WENGERT_MATH static Lanes scale_down_minus_one(Lanes y, const Whole& w) {
    const Lanes factor = power(w);
    return fma(factor, y, sub(factor, Lanes(1)));
  }

 private:
  static constexpr float kLarge = 12582912.0f + 127;  // 1.5 * 2^23, and what makes an exponent
  WENGERT_MATH static Whole whole_from(Lanes x, float steps, float large) {
    const Lanes sum = fma(x, Lanes(static_cast<double>(steps)), Lanes(static_cast<double>(large)));
    return {sub(sum, Lanes(static_cast<double>(large))), sum};
  }
  WENGERT_MATH static __m256 power(__m256 sum) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(sum), 23));
  }
  WENGERT_MATH static Lanes power(const Whole& w) { return {power(w.sum.low), power(w.sum.high)}; }
  WENGERT_MATH static __m256 scale(__m256 y, __m256 n) {
    const __m256 half = _mm256_fmadd_ps(n, _mm256_set1_ps(0.5f), _mm256_set1_ps(kLarge));
    const __m256i whole = _mm256_castps_si256(n + _mm256_set1_ps(kLarge + 127));
    const __m256i rest = _mm256_sub_epi32(whole, _mm256_castps_si256(half));
    return y * power(half) * _mm256_castsi256_ps(_mm256_slli_epi32(rest, 23));
  }
  WENGERT_MATH static __m256 zero_if_undefined(__m256 product, __m256 a) {
    const __m256 undefined = _mm256_cmp_ps(product, product, _CMP_UNORD_Q);
    const __m256 zero = _mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_EQ_OQ);
    return _mm256_andnot_ps(_mm256_and_ps(undefined, zero), product);
  }
};

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
