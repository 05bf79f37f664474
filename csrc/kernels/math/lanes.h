// Sixteen floats at a time, for formulas that the compiler's own vectorisation leaves slow.
//
// AVX-512 rounds to a whole number, and scales by a power of two with the right results at both
// ends, in one instruction each; no compiler finds them in scalar code, and an exponential takes
// half as many instructions with them. With AVX2 the gain is that each range of exponents has its
// own way of scaling, and that two registers go through a formula together. The generator writes a
// loop over Lanes for every float kernel whose formula consists of functions that are defined here
// and has one past arithmetic; elsewhere the scalar loops stand. Results agree with theirs to the
// last places.
#pragma once
#include "kernels/math/activation.h"
#include "kernels/math/basic.h"

#if defined(WENGERT_ISA) && defined(__AVX512F__)
#define WENGERT_LANES 1
#include "kernels/math/lanes_avx512.h"
#elif defined(WENGERT_ISA) && defined(__AVX2__) && defined(__FMA__)
#define WENGERT_LANES 1
#define WENGERT_LANES_AVX2 1
#include "kernels/math/lanes_avx2.h"
#endif

#ifdef WENGERT_LANES
namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

// out[i] = value(i), Lanes::kCount elements at once, which divides `total`. Two groups that do not
// wait for one another take a fifth less time than one after the other.
template <class Value>
WENGERT_MATH void fill_by_lanes(float* out, int64_t total, const Value& value) {
  int64_t i = 0;
  for (; i + 2 * Lanes::kCount <= total; i += 2 * Lanes::kCount) {
    const Lanes first = value(i), second = value(i + Lanes::kCount);
    first.store(out + i);
    second.store(out + i + Lanes::kCount);
  }
  if (i < total) value(i).store(out + i);
}

// ---- arithmetic -------------------------------------------------------------------------------
WENGERT_MATH Lanes add(Lanes a, Lanes b) { return LanesSet::add(a, b); }
WENGERT_MATH Lanes sub(Lanes a, Lanes b) { return LanesSet::sub(a, b); }
WENGERT_MATH Lanes mul(Lanes a, Lanes b) { return LanesSet::mul(a, b); }
WENGERT_MATH Lanes div(Lanes a, Lanes b) { return LanesSet::div(a, b); }
WENGERT_MATH Lanes neg(Lanes a) { return LanesSet::neg(a); }
WENGERT_MATH Lanes conj(Lanes a) { return a; }
WENGERT_MATH Lanes strong_product(Lanes a, Lanes b) {
  const Lanes product = math::mul(a, b);
  return strong_zeros ? LanesSet::zero_if_undefined(product, a) : product;
}

// ---- past arithmetic --------------------------------------------------------------------------
struct LanesHelpers {
  using Set = LanesSet;
  // ((c x + ...) x + ...) x + ...
  template <class... More>
  WENGERT_MATH static Lanes polynomial(Lanes x, double first, More... more) {
    Lanes sum(first);
    ((sum = Set::fma(sum, x, Lanes(more))), ...);
    return sum;
  }
  // exp(r) 2^n with x = r + n ln 2, n ln 2 in two pieces. The polynomials are the best of their
  // degree, as a relative error, for (exp(r) - 1) / r on |r| <= ln(2) / 2: 2e-9 and 9e-8.
  static constexpr float kSteps = 1.44269504f;  // 1 / ln(2)
  WENGERT_MATH static Lanes rest(Lanes x, const Set::Whole& w) {
    const Lanes r = Set::fma(w.n, Lanes(-0.693359375), x);
    return Set::fma(w.n, Lanes(2.12194440e-4f), r);
  }
  // exp(r) times a power of two.
  WENGERT_MATH static Lanes exp_of_rest(Lanes r, double times = 1) {
    return polynomial(r, times * 0.0013843635f, times * 0.0083741713f, times * 0.041668002f,
                      times * 0.16666432f, times * 0.49999994f, times, times);
  }
  // r is added last, for the sake of its digits.
  WENGERT_MATH static Lanes exp_minus_one_of_rest(Lanes r) {
    const Lanes p = polynomial(r, 0.0013843635, 0.0083741713, 0.041668002, 0.16666432, 0.49999994);
    return Set::fma(Set::mul(r, r), p, r);
  }
  WENGERT_MATH static Lanes exp_of_rest_roughly(Lanes r) {
    return polynomial(r, 0.0082902974, 0.041898023, 0.16667637, 0.49999148, 0.9999997, 1);
  }
  // The order of the operands lets NaN pass.
  WENGERT_MATH static Lanes clamp(double low, Lanes x, double high) {
    return Set::max(Lanes(low), Set::min(Lanes(high), x));
  }
  WENGERT_MATH static Lanes exp_plus_one(Lanes x) {
    const Lanes c = clamp(-87, x, 89);  // 1 below, infinite above
    const Set::Whole w = Set::whole_up(c, kSteps);
    return Set::scale_up_plus_one(exp_of_rest(rest(c, w), Set::kUp), w);
  }
};

WENGERT_MATH Lanes exp(Lanes x) {
  using H = LanesHelpers;
  if (LanesSet::scales_at_once(x)) {
    const LanesSet::Whole w = LanesSet::whole(x, H::kSteps);
    return LanesSet::scale_down(H::exp_of_rest(H::rest(x, w)), w);
  }
  const Lanes c = H::clamp(-104, x, 89);  // 0 below, infinite above
  const LanesSet::Whole w = LanesSet::whole(c, H::kSteps);
  return LanesSet::scale(H::exp_of_rest(H::rest(c, w)), w);
}
WENGERT_MATH Lanes exp_below_zero(Lanes x) {
  using H = LanesHelpers;
  const Lanes c = LanesSet::max(Lanes(LanesSet::kNoMore), x);
  const LanesSet::Whole w = LanesSet::whole(c, H::kSteps);
  return LanesSet::scale_down(H::exp_of_rest_roughly(H::rest(c, w)), w);
}
WENGERT_MATH Lanes sigmoid(Lanes x) {
  return math::div(Lanes(1), LanesHelpers::exp_plus_one(math::neg(x)));
}
WENGERT_MATH Lanes _mish_gate(Lanes x) {
  const Lanes e = math::exp(LanesSet::min(Lanes(20), x));
  const Lanes n = math::mul(e, math::add(e, Lanes(2)));
  return math::div(n, math::add(n, Lanes(2)));
}
WENGERT_MATH Lanes _gelu_gate(Lanes x) {
  const Lanes cubic = LanesSet::fma(math::mul(x, x), Lanes(0.044715), Lanes(1));
  return math::sigmoid(math::mul(math::mul(x, Lanes(1.5957691216057308)), cubic));
}
WENGERT_MATH Lanes _normal_density(Lanes x) {
  return math::mul(Lanes(0.3989422804014326779),
                   math::exp_below_zero(math::mul(math::mul(x, x), Lanes(-0.5))));
}
WENGERT_MATH Lanes ndtr(Lanes x) {
  const Lanes z = LanesSet::fma(LanesSet::abs(x), Lanes(0.70710678), Lanes(3));
  const Lanes u = math::div(Lanes(1), z);
  Lanes p(kNormalTail[std::size(kNormalTail) - 1]);
#pragma GCC unroll 8
  for (int k = static_cast<int>(std::size(kNormalTail)) - 2; k >= 0; --k) {
    p = LanesSet::fma(p, u, Lanes(kNormalTail[k]));
  }
  const Lanes density = math::exp_below_zero(math::mul(math::mul(x, x), Lanes(-0.5)));
  const Lanes tail = math::mul(density, math::mul(u, p));
  return LanesSet::below_zero(x, tail, math::sub(Lanes(1), tail));
}

// ---- with AVX2 only ----------------------------------------------------------------------------
#ifdef WENGERT_LANES_AVX2
// -tanh|x| = d / (d + 2) with d = exp(-2|x|) - 1, whose digits are right at 0 too.
WENGERT_MATH Lanes tanh(Lanes x) {
  using H = LanesHelpers;
  const Lanes twice = math::mul(LanesSet::abs(x), Lanes(-2));
  const Lanes c = LanesSet::max(Lanes(LanesSet::kNoMore), twice);
  const LanesSet::Whole w = LanesSet::whole(c, H::kSteps);
  const Lanes d = LanesSet::scale_down_minus_one(H::exp_minus_one_of_rest(H::rest(c, w)), w);
  return LanesSet::copysign(math::div(d, math::add(d, Lanes(2))), x);
}
#endif

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
#endif
