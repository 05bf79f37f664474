// Sixteen floats at a time, for formulas that the compiler's own vectorisation leaves slow.
//
// AVX-512 rounds to a whole number, and scales by a power of two with the right results at both
// ends, in one instruction each; no compiler finds them in scalar code, and an exponential takes
// half as many instructions with them. The generator writes a loop over Lanes for every float
// kernel whose formula consists of functions that are defined here and has one past arithmetic;
// elsewhere the scalar loops stand. Results agree with theirs to the last places.
#pragma once
#include "kernels/math/activation.h"
#include "kernels/math/basic.h"

#if defined(__AVX512F__) && defined(WENGERT_ISA)
#define WENGERT_LANES 1
// GCC 12 takes the header's deliberately undefined values for mistakes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

struct Lanes {
  static constexpr int kCount = 16;
  Lanes(__m512 v) : value(v) {}  // NOLINT: implicit on purpose
  explicit Lanes(double x) : value(_mm512_set1_ps(static_cast<float>(x))) {}
  explicit Lanes(const float* from) : value(_mm512_loadu_ps(from)) {}
  void store(float* to) const { _mm512_storeu_ps(to, value); }
  operator __m512() const { return value; }
  __m512 value;
};

// ---- arithmetic -------------------------------------------------------------------------------
WENGERT_MATH Lanes add(Lanes a, Lanes b) { return _mm512_add_ps(a, b); }
WENGERT_MATH Lanes sub(Lanes a, Lanes b) { return _mm512_sub_ps(a, b); }
WENGERT_MATH Lanes mul(Lanes a, Lanes b) { return _mm512_mul_ps(a, b); }
WENGERT_MATH Lanes div(Lanes a, Lanes b) { return _mm512_div_ps(a, b); }
WENGERT_MATH Lanes neg(Lanes a) {
  return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a), _mm512_set1_epi32(1 << 31)));
}
WENGERT_MATH Lanes conj(Lanes a) { return a; }
WENGERT_MATH Lanes strong_product(Lanes a, Lanes b) {
  const __m512 product = _mm512_mul_ps(a, b);
  if (!strong_zeros) return product;
  const __mmask16 undefined = _mm512_cmp_ps_mask(product, product, _CMP_UNORD_Q);
  const __mmask16 zero = _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_EQ_OQ);
  return _mm512_mask_mov_ps(product, undefined & zero, _mm512_setzero_ps());
}

// ---- past arithmetic --------------------------------------------------------------------------
struct LanesHelpers {
  static __m512 fma(__m512 a, __m512 b, double c) {
    return _mm512_fmadd_ps(a, b, _mm512_set1_ps(static_cast<float>(c)));
  }
  // exp(r) 2^n with x = r + n ln 2, n ln 2 in two pieces. The polynomials are the best of their
  // degree, as a relative error, for (exp(r) - 1) / r on |r| <= ln(2) / 2: 2e-9 and 9e-8.
  static __m512 whole(__m512 x) {
    return _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)),
                                _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static __m512 rest(__m512 x, __m512 n) {
    const __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    return _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4f), r);
  }
  static __m512 exp_finite(__m512 x) {
    const __m512 n = whole(x), r = rest(x, n);
    __m512 p = fma(_mm512_set1_ps(0.0013843635f), r, 0.0083741713);
    p = fma(p, r, 0.041668002);
    p = fma(p, r, 0.16666432);
    p = fma(p, r, 0.49999994);
    p = fma(p, r, 1);
    return _mm512_scalef_ps(fma(p, r, 1), n);
  }
};

WENGERT_MATH Lanes exp(Lanes x) {
  // Past these ends lies infinity or zero; the order of the operands lets NaN pass.
  const __m512 high = _mm512_min_ps(_mm512_set1_ps(89.0f), x);
  return LanesHelpers::exp_finite(_mm512_max_ps(_mm512_set1_ps(-104.0f), high));
}
WENGERT_MATH Lanes exp_below_zero(Lanes x) {
  const __m512 c = _mm512_max_ps(_mm512_set1_ps(-104.0f), x);
  const __m512 n = LanesHelpers::whole(c), r = LanesHelpers::rest(c, n);
  __m512 p = LanesHelpers::fma(_mm512_set1_ps(0.0082902974f), r, 0.041898023);
  p = LanesHelpers::fma(p, r, 0.16667637);
  p = LanesHelpers::fma(p, r, 0.49999148);
  p = LanesHelpers::fma(p, r, 0.9999997);
  return _mm512_scalef_ps(LanesHelpers::fma(p, r, 1), n);
}
WENGERT_MATH Lanes sigmoid(Lanes x) {
  return math::div(Lanes(1), math::add(Lanes(1), math::exp(math::neg(x))));
}
WENGERT_MATH Lanes _mish_gate(Lanes x) {
  const Lanes e = math::exp(_mm512_min_ps(_mm512_set1_ps(20.0f), x));
  const Lanes n = math::mul(e, math::add(e, Lanes(2)));
  return math::div(n, math::add(n, Lanes(2)));
}
WENGERT_MATH Lanes _gelu_gate(Lanes x) {
  const Lanes cubic = LanesHelpers::fma(_mm512_mul_ps(x, x), _mm512_set1_ps(0.044715f), 1);
  return math::sigmoid(math::mul(math::mul(x, Lanes(1.5957691216057308)), cubic));
}
WENGERT_MATH Lanes _normal_density(Lanes x) {
  return math::mul(Lanes(0.3989422804014326779),
                   math::exp_below_zero(math::mul(math::mul(x, x), Lanes(-0.5))));
}
WENGERT_MATH Lanes ndtr(Lanes x) {
  const __m512 size = _mm512_abs_ps(x);
  const __m512 u = math::div(Lanes(1), LanesHelpers::fma(size, _mm512_set1_ps(0.70710678f), 3));
  __m512 p = _mm512_set1_ps(kNormalTail[std::size(kNormalTail) - 1]);
#pragma GCC unroll 8
  for (int k = static_cast<int>(std::size(kNormalTail)) - 2; k >= 0; --k) {
    p = _mm512_fmadd_ps(p, u, _mm512_set1_ps(kNormalTail[k]));
  }
  const __m512 density = math::exp_below_zero(math::mul(math::mul(x, x), Lanes(-0.5)));
  const __m512 tail = _mm512_mul_ps(density, _mm512_mul_ps(u, p));
  const __mmask16 below = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
  return _mm512_mask_mov_ps(_mm512_sub_ps(_mm512_set1_ps(1.0f), tail), below, tail);
}

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
#endif
