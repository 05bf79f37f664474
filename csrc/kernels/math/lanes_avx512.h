// Sixteen floats in one AVX-512 register, and the operations that the formulas of lanes.h are made
// of.
#pragma once
#include "kernels/math/basic.h"

// GCC 12 takes the header's deliberately undefined values for mistakes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

struct Lanes {
  static constexpr int kCount = 16;
  static constexpr int kInFlight = 4;  // how many at a time hide the latency of an addition
  Lanes() = default;
  Lanes(__m512 v) : value(v) {}  // NOLINT: implicit on purpose
  explicit Lanes(double x) : value(_mm512_set1_ps(static_cast<float>(x))) {}
  explicit Lanes(const float* from) : value(_mm512_loadu_ps(from)) {}
  Lanes(const float* from, int64_t count) : value(_mm512_maskz_loadu_ps(first(count), from)) {}
  void store(float* to) const { _mm512_storeu_ps(to, value); }
  void store(float* to, int64_t count) const { _mm512_mask_storeu_ps(to, first(count), value); }
  WENGERT_MATH static __mmask16 first(int64_t count) {
    return static_cast<__mmask16>((1u << count) - 1);
  }
  __m512 value;
};

struct LanesSet {
  WENGERT_MATH static Lanes add(Lanes a, Lanes b) { return _mm512_add_ps(a.value, b.value); }
  WENGERT_MATH static Lanes sub(Lanes a, Lanes b) { return _mm512_sub_ps(a.value, b.value); }
  WENGERT_MATH static Lanes mul(Lanes a, Lanes b) { return _mm512_mul_ps(a.value, b.value); }
  WENGERT_MATH static Lanes div(Lanes a, Lanes b) { return _mm512_div_ps(a.value, b.value); }
  WENGERT_MATH static Lanes fma(Lanes a, Lanes b, Lanes c) {
    return _mm512_fmadd_ps(a.value, b.value, c.value);
  }
  WENGERT_MATH static Lanes abs(Lanes a) { return _mm512_abs_ps(a.value); }
  WENGERT_MATH static Lanes neg(Lanes a) {
    const __m512i sign = _mm512_set1_epi32(1 << 31);
    return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a.value), sign));
  }
  // b where either is NaN.
  WENGERT_MATH static Lanes min(Lanes a, Lanes b) { return _mm512_min_ps(a.value, b.value); }
  WENGERT_MATH static Lanes max(Lanes a, Lanes b) { return _mm512_max_ps(a.value, b.value); }
  // x < 0 ? a : b
  WENGERT_MATH static Lanes below_zero(Lanes x, Lanes a, Lanes b) {
    const __mmask16 below = _mm512_cmp_ps_mask(x.value, _mm512_setzero_ps(), _CMP_LT_OQ);
    return _mm512_mask_mov_ps(b.value, below, a.value);
  }
  // 0 where the product is NaN and a is 0.
  WENGERT_MATH static Lanes zero_if_undefined(Lanes product, Lanes a) {
    const __mmask16 undefined = _mm512_cmp_ps_mask(product.value, product.value, _CMP_UNORD_Q);
    const __mmask16 zero = _mm512_cmp_ps_mask(a.value, _mm512_setzero_ps(), _CMP_EQ_OQ);
    return _mm512_mask_mov_ps(product.value, undefined & zero, _mm512_setzero_ps());
  }
  WENGERT_MATH static Lanes zero_past(Lanes x, int64_t count) {
    return _mm512_maskz_mov_ps(Lanes::first(count), x.value);
  }
  // Would a cheaper scaling than the first below do for exp(x)? Here there is none.
  WENGERT_MATH static bool scales_at_once(Lanes) { return false; }
  // The sum of all, by halves.
  WENGERT_MATH static float total(Lanes x) {
    alignas(64) float lanes[Lanes::kCount];
    x.store(lanes);
    for (int width = Lanes::kCount / 2; width > 0; width /= 2) {
      for (int j = 0; j < width; ++j) lanes[j] += lanes[j + width];
    }
    return lanes[0];
  }
  static constexpr double kNoMore = -104;  // exp_below_zero gives 0 from there on
  // x * steps as a whole number.
  struct Whole {
    Lanes n;
  };
  WENGERT_MATH static Whole whole(Lanes x, float steps) {
    const Lanes product = mul(x, Lanes(static_cast<double>(steps)));
    return {_mm512_roundscale_ps(product.value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  }
  WENGERT_MATH static Whole whole_up(Lanes x, float steps) { return whole(x, steps); }
  // y 2^n, for three ranges of n: all that float needs, to 127, and from -126 with 1 added.
  static constexpr double kUp = 1;
  WENGERT_MATH static Lanes scale(Lanes y, const Whole& w) {
    return _mm512_scalef_ps(y.value, w.n.value);
  }
  WENGERT_MATH static Lanes scale_down(Lanes y, const Whole& w) { return scale(y, w); }
  WENGERT_MATH static Lanes scale_up_plus_one(Lanes y, const Whole& w) {
    return add(scale(y, w), Lanes(1));
  }
};

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
