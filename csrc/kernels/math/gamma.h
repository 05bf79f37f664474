// The gamma function's logarithm and derivatives, and the Hurwitz zeta function. The float forms
// compute in double.
#pragma once
#include "kernels/math/polynomial.h"

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

// lgamma_r, because std::lgamma writes a global variable.
inline double lgamma(double x) {
  if (math::isinf(x)) return std::numeric_limits<double>::infinity();
  int sign;
  return ::lgamma_r(x, &sign);
}
inline float lgamma(float x) {
  if (math::isinf(x)) return std::numeric_limits<float>::infinity();
  int sign;
  return ::lgammaf_r(x, &sign);
}

// psi(x): reflection below 0 (DLMF 5.5.4), recurrence into the range of a series (5.5.2), then the
// asymptotic expansion (5.11.2) from 10 on. On [1, 2] psi(x) / (x - root) as a polynomial, so that
// the digits next to the root at 1.46 are right.
inline double digamma(double x) {
  static constexpr double kMiddle[] = {
      0.9510558760318328,      -0.21181371064073024,    0.06013562106019684,
      -0.01855061538173984,    0.005936795278301761,    -0.001935066664735652,
      0.0006368880303865817,   -0.00021074841288961643, 6.995018825112794e-05,
      -2.3258232466707952e-05, 7.741234508636364e-06,   -2.578134894751126e-06,
      8.589060721930695e-07,   -2.8620904099739414e-07, 9.543298288278275e-08,
      -3.181266980138485e-08,  1.0527692435026686e-08,  -3.5032218996509724e-09,
      1.2469984616707403e-09,  -4.197772636734229e-10,  8.734528429142953e-11,
      -2.7468150389464952e-11, 2.918622732168261e-11,   -1.0015117602062808e-11};
  constexpr double kPi = 3.141592653589793238;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (x == 0) return std::copysign(kInfinity, -x);
  if (x != x || x == kInfinity) return x;
  if (x < 0) {
    const double rest = x - std::rint(x);  // exact, also next to a pole
    if (rest == 0 || math::isinf(x)) return std::numeric_limits<double>::quiet_NaN();
    // 1 / tan at half a turn is 0 exactly, which pi in floating point would miss.
    const double cotangent = std::abs(rest) == 0.5 ? 0 : 1 / std::tan(kPi * rest);
    return math::digamma(1 - x) - kPi * cotangent;
  }
  double sum = 0;
  if (x < 1) {
    sum = -1 / x;
    x += 1;
  }
  if (x <= 2) {
    constexpr double kRootHead = 1.4616321449683622, kRootTail = 9.549995429965697e-17;
    return sum + ((x - kRootHead) - kRootTail) * horner(kMiddle, 2 * x - 3);
  }
  while (x < 10) {
    sum -= 1 / x;
    x += 1;
  }
  // B_2k / 2k, k = 1 ...
  static constexpr double kSeries[] = {1.0 / 12,  -1.0 / 120,     1.0 / 252, -1.0 / 240,
                                       1.0 / 132, -691.0 / 32760, 1.0 / 12};
  const double z = 1 / (x * x);
  return sum + (std::log(x) - 0.5 / x - z * horner(kSeries, z));
}
inline float digamma(float x) { return static_cast<float>(math::digamma(static_cast<double>(x))); }

// sum over k >= 0 of (q + k)^-s, by Euler and Maclaurin (DLMF 2.10.1) after enough terms.
// For q < 0 and whole s the terms up to the pole are those of two sums with positive q.
inline double zeta(double s, double q) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  if (s == 1) return kInfinity;
  if (!(s > 1) || !(q > -kInfinity)) return kNaN;
  if (q == kInfinity) return 0;
  if (q <= 0) {
    if (q == std::floor(q)) return kInfinity;
    if (s != std::floor(s)) return kNaN;
    const double rest = q - std::rint(q);  // exact, also next to a pole
    const double above = rest < 0 ? 1 + rest : rest, under = rest < 0 ? -rest : 1 - rest;
    const double below = math::zeta(s, under) - math::zeta(s, 1 - q);
    return math::zeta(s, above) + (std::fmod(s, 2) == 0 ? below : -below);
  }
  // The series below converges where q is large beside s.
  const double enough = 10 + s;
  double sum = 0;
  while (q < enough) {
    const double term = std::pow(q, -s);
    sum += term;
    q += 1;
    if (term <= 1e-17 * sum) return sum;  // 0 <= 0 where powers underflow
  }
  // B_2k / (2k)!, k = 1 ...
  static constexpr double kBernoulli[] = {
      0.08333333333333333,    -0.001388888888888889,   3.306878306878307e-05,
      -8.267195767195768e-07, 2.08767569878681e-08,    -5.284190138687493e-10,
      1.3382536530684679e-11, -3.3896802963225827e-13, 8.586062056277845e-15,
      -2.174868698558062e-16, 5.5090028283602295e-18,  -1.3954464685812525e-19};
  const double power = std::pow(q, -s);
  double factor = s * power / q, rest = power * (q / (s - 1) + 0.5);
  for (int k = 0; k < 12; ++k) {
    const double term = kBernoulli[k] * factor;
    rest += term;
    if (std::abs(term) < 1e-17 * rest) break;
    factor *= (s + (2 * k + 1)) * (s + (2 * k + 2)) / (q * q);
  }
  return sum + rest;
}
inline float zeta(float s, float q) {
  return static_cast<float>(math::zeta(static_cast<double>(s), static_cast<double>(q)));
}

// psi^(n)(x) = (-1)^(n+1) n! zeta(n + 1, x), DLMF 25.11.12.
inline double polygamma(int64_t n, double x) {
  if (n == 0) return math::digamma(x);
  int sign;
  const double order = static_cast<double>(n);
  const double factorial =
      n <= 20 ? std::rint(std::tgamma(order + 1)) : std::exp(::lgamma_r(order + 1, &sign));
  const double value = factorial * math::zeta(order + 1, x);
  return n % 2 == 0 ? -value : value;
}
inline float polygamma(int64_t n, float x) {
  return static_cast<float>(math::polygamma(n, static_cast<double>(x)));
}

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
