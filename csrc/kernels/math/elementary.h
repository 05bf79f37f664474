// Exponentials, logarithms, powers and trigonometry of real and complex numbers.
//
// The real ones call the C library, which is vectorised (kernels/cpu/simd_math.h); the complex
// ones call std, which has the special values of the C standard's annex G.
#pragma once
#include <bit>

#include "kernels/math/basic.h"

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

#define WENGERT_REAL_1(name) \
  template <Real T>          \
  WENGERT_MATH T name(T x) { \
    return std::name(x);     \
  }
WENGERT_REAL_1(exp2)
WENGERT_REAL_1(expm1)
WENGERT_REAL_1(log)
WENGERT_REAL_1(log2)
WENGERT_REAL_1(log10)
WENGERT_REAL_1(log1p)
WENGERT_REAL_1(sqrt)
WENGERT_REAL_1(sin)
WENGERT_REAL_1(cos)
WENGERT_REAL_1(tan)
WENGERT_REAL_1(asin)
WENGERT_REAL_1(acos)
WENGERT_REAL_1(atan)
WENGERT_REAL_1(sinh)
WENGERT_REAL_1(cosh)
WENGERT_REAL_1(tanh)
WENGERT_REAL_1(asinh)
WENGERT_REAL_1(acosh)
WENGERT_REAL_1(atanh)
#undef WENGERT_REAL_1

WENGERT_MATH double exp(double x) { return std::exp(x); }
// Inlined, it takes half the time of a call of the vectorised expf, for it keeps to registers what
// surrounds it: softmax and sigmoids are made of it. exp(x) = 2^n exp(r), with n ln 2 taken off x
// in two pieces (W. J. Cody and W. Waite, 1980); the polynomial is the best of its degree for
// (exp(r) - 1 - r) / r^2 on |r| <= ln(2) / 2, and 2^n is applied in two steps for the sake of
// results below 2^-126.
WENGERT_MATH float exp(float x) {
  const float high = x > 89.0f ? 89.0f : x;  // infinite from there on; NaN passes
  const float c = high < -104.0f ? -104.0f : high;
  const float n = std::rint(c * 1.44269504f);
  const float r = (c - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.98756950e-4f;
  p = p * r + 1.39819994e-3f;
  p = p * r + 8.33345186e-3f;
  p = p * r + 4.16657962e-2f;
  p = p * r + 1.66666656e-1f;
  p = p * r + 5.00000000e-1f;
  const float y = (p * (r * r) + r) + 1;
  const int whole = static_cast<int>(n), half = whole >> 1;
  const float low = std::bit_cast<float>((half + 127) << 23);
  return y * low * std::bit_cast<float>((whole - half + 127) << 23);
}

// exp(x) for x <= 0, as in softmax, in half as many instructions: 0 where the result would be below
// 2^-126; the whole part of x / ln 2 is read off the last bits of a sum with a large number, and
// added to the exponent of the result. To 3 units in the last place.
WENGERT_MATH double exp_below_zero(double x) { return std::exp(x); }
WENGERT_MATH float exp_below_zero(float x) {
  constexpr float kLarge = 12582912.0f;  // 1.5 * 2^23
  const float shifted = x * 1.44269504f + kLarge;
  const float n = shifted - kLarge;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 0.0083125152f;
  p = p * r + 0.0418902105f;
  p = p * r + 0.166671149f;
  p = p * r + 0.499992311f;
  const float y = (p * (r * r) + r) + 1;
  const int bits = std::bit_cast<int>(y) + (std::bit_cast<int>(shifted) << 23);
  return x < -87.0f ? 0.0f : std::bit_cast<float>(bits);
}

#define WENGERT_COMPLEX_1(name) \
  template <Complex T>          \
  inline T name(T x) {          \
    return std::name(x);        \
  }
WENGERT_COMPLEX_1(exp)
WENGERT_COMPLEX_1(log)
WENGERT_COMPLEX_1(sqrt)
WENGERT_COMPLEX_1(sin)
WENGERT_COMPLEX_1(cos)
WENGERT_COMPLEX_1(tan)
WENGERT_COMPLEX_1(asin)
WENGERT_COMPLEX_1(acos)
WENGERT_COMPLEX_1(atan)
WENGERT_COMPLEX_1(sinh)
WENGERT_COMPLEX_1(cosh)
WENGERT_COMPLEX_1(tanh)
WENGERT_COMPLEX_1(asinh)
WENGERT_COMPLEX_1(acosh)
WENGERT_COMPLEX_1(atanh)
#undef WENGERT_COMPLEX_1

template <Real T>
WENGERT_MATH T rsqrt(T x) {
  return 1 / std::sqrt(x);
}
template <Complex T>
inline T rsqrt(T x) {
  return math::reciprocal(math::sqrt(x));
}
template <Complex T>
inline T exp2(T x) {
  using R = typename T::value_type;
  if (!math::isfinite(x)) return math::exp(math::mul(x, R(0.6931471805599453)));
  // The angle's rounding error counts in full, so it is made with twice the digits of ln 2.
  const R ln2 = R(0.6931471805599453), rest = R(0.693147180559945309417232121L - ln2);
  const R size = std::exp2(x.real()), angle = x.imag() * ln2;
  const R error = std::fma(x.imag(), ln2, -angle) + x.imag() * rest;
  const R cosine = std::cos(angle), sine = std::sin(angle);
  return T(size * (cosine - error * sine),
           x.imag() == 0 ? x.imag() : size * (sine + error * cosine));
}
template <Complex T>
inline T log2(T x) {
  const T y = math::log(x);
  return math::mul(y, typename T::value_type(1.4426950408889634));
}
template <Complex T>
inline T log10(T x) {
  return math::mul(math::log(x), typename T::value_type(0.43429448190325183));
}
// exp(a + ib) - 1 = (expm1(a) cos b - 2 sin(b/2)^2) + i exp(a) sin b: no cancellation at 0.
template <Complex T>
inline T expm1(T x) {
  using R = typename T::value_type;
  const R half = std::sin(x.imag() / 2);
  return T(std::expm1(x.real()) * std::cos(x.imag()) - 2 * half * half,
           x.imag() == 0 ? x.imag() : std::exp(x.real()) * std::sin(x.imag()));
}
// log|1 + z| = log1p(a (2 + a) + b^2) / 2 near 0, and log(1 + z) where that would overflow.
template <Complex T>
inline T log1p(T x) {
  using R = typename T::value_type;
  const R a = x.real(), b = x.imag();
  if (!(std::abs(a) < R(0.5) && std::abs(b) < R(0.5))) return std::log(T(1 + a, b));
  return T(std::log1p(a * (2 + a) + b * b) / 2, std::atan2(b, 1 + a));
}

template <Real T>
WENGERT_MATH T pow(T base, T exponent) {
  return std::pow(base, exponent);
}
// Small whole exponents by repeated multiplication, which is exact where the result is; a power
// of 0 by its limit; everything else as exp(exponent * log(base)).
template <Complex T>
inline T pow(T base, T exponent) {
  using R = typename T::value_type;
  const R p = exponent.real();
  if (exponent.imag() == 0) {
    if (p == 0) return T(1);
    if (p == R(0.5)) return std::sqrt(base);
    if (p == std::rint(p) && std::abs(p) <= 64) {
      T result(1), factor = base;
      for (unsigned n = static_cast<unsigned>(std::abs(p)); n != 0; n >>= 1) {
        if (n & 1) result = math::mul(result, factor);
        factor = math::mul(factor, factor);
      }
      return p < 0 ? math::reciprocal(result) : result;
    }
  }
  if (base == T(0)) {
    constexpr R kNaN = std::numeric_limits<R>::quiet_NaN();
    return p > 0 ? T(0) : T(kNaN, kNaN);
  }
  return math::exp(math::mul(exponent, math::log(base)));
}

template <Real T>
WENGERT_MATH T atan2(T y, T x) {
  return std::atan2(y, x);
}
template <Real T>
WENGERT_MATH T hypot(T x, T y) {
  return std::hypot(x, y);
}

// sin(pi x) / (pi x), where the nearest whole number is taken off x before pi comes in: the zeros
// are exact, and the digits around them right.
template <typename T>
WENGERT_MATH T sinc(T x) {
  if constexpr (Complex<T>) {
    using R = typename T::value_type;
    const R pi = R(3.141592653589793238), whole = std::rint(x.real());
    const T sine = math::sin(T((x.real() - whole) * pi, x.imag() * pi));
    const bool even = whole == 2 * std::rint(whole / 2);
    return x == T(0) ? T(1) : math::div(even ? sine : -sine, math::mul(x, pi));
  } else {
    const T whole = std::rint(x);
    const T sine = std::sin((x - whole) * T(3.141592653589793238));
    const bool even = whole == 2 * std::rint(whole / 2);
    return x == 0 ? T(1) : (even ? sine : -sine) / (x * T(3.141592653589793238));
  }
}

// input * 2**other, in two steps so that 2**other alone cannot overflow or vanish.
template <Real T>
WENGERT_MATH T ldexp(T input, T other) {
  const T power = math::_clamp(other, T(-5000), T(5000));  // past every range, but not infinite
  const T half = std::trunc(power / 2);
  return input * std::exp2(half) * std::exp2(power - half);
}

// Largest operand first, so that exp cannot overflow; equal infinities have no difference.
template <Real T>
WENGERT_MATH T logaddexp(T a, T b) {
  const T largest = math::maximum(a, b);
  const T sum = largest + std::log1p(math::exp(-std::abs(a - b)));
  return a == b && math::isinf(a) ? a : sum;
}
template <Real T>
WENGERT_MATH T logaddexp2(T a, T b) {
  const T largest = math::maximum(a, b);
  const T sum = largest + std::log1p(std::exp2(-std::abs(a - b))) * T(1.4426950408889634);
  return a == b && math::isinf(a) ? a : sum;
}

// 0 log(anything but NaN) = 0.
template <Real T>
WENGERT_MATH T xlogy(T input, T other) {
  const T product = input * std::log(other);
  return input == 0 && other == other ? T(0) : product;
}
template <Real T>
WENGERT_MATH T xlog1py(T input, T other) {
  const T product = input * std::log1p(other);
  return input == 0 && other == other ? T(0) : product;
}
// -x log(x), continued by 0 at 0 and by -infinity below.
template <Real T>
WENGERT_MATH T entr(T x) {
  const T product = -x * std::log(x);
  return x == 0 ? T(0) : (x < 0 ? -std::numeric_limits<T>::infinity() : product);
}

// The form that is exact at the nearer end.
template <typename T>
WENGERT_MATH T lerp(T start, T end, T weight) {
  const T step = math::sub(end, start);
  return math::abs(weight) < decltype(math::abs(weight))(0.5)
             ? math::add(start, math::mul(weight, step))
             : math::sub(end, math::mul(step, math::sub(T(1), weight)));
}

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
