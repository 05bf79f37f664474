// The regularised incomplete gamma functions P (igamma) and Q = 1 - P (igammac). The float forms
// compute in double.
#pragma once
#include "kernels/math/gamma.h"

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

// log(gamma(1 + a)) for |a| <= 1/2, exact next to 0 (DLMF 5.7.3).
inline double lgamma_beside_one(double a) {
  // zeta(k) - 1, k = 2 ...
  static constexpr double kZeta[] = {
      0.6449340668482264,     0.2020569031595943,     0.08232323371113819,   0.03692775514336993,
      0.01734306198444914,    0.008349277381922827,   0.00407735619794434,   0.0020083928260822143,
      0.0009945751278180853,  0.0004941886041194645,  0.0002460865533080483, 0.00012271334757848915,
      6.124813505870483e-05,  3.058823630702049e-05,  1.528225940865187e-05, 7.637197637899763e-06,
      3.81729326499984e-06,   1.908212716553939e-06,  9.539620338727962e-07, 4.769329867878064e-07,
      2.38450502727733e-07,   1.1921992596531106e-07, 5.960818905125948e-08, 2.980350351465228e-08,
      1.4901554828365043e-08, 7.45071178983543e-09,   3.725334024788457e-09, 1.862659723513049e-09};
  constexpr double kEuler = 0.57721566490153286061;
  double sum = 0, power = -a;
  for (int k = 2; k < 30; ++k) {
    power *= -a;
    sum -= kZeta[k - 2] * power / k;
  }
  return a * (1 - kEuler) - sum - std::log1p(a);
}

// x^a exp(-x) / gamma(a + 1)
inline double incomplete_gamma_factor(double a, double x) {
  if (a < 10) {
    int sign;
    const double log_gamma = a <= 0.5 ? math::lgamma_beside_one(a) : ::lgamma_r(a + 1, &sign);
    return std::exp(a * std::log(x) - x - log_gamma);
  }
  // Stirling's series (DLMF 5.11.1): no large numbers are subtracted.
  const double distance = (x - a) / a, z = 1 / (a * a);
  const double tail = 1.0 / 1680 - z * (1.0 / 1188 - z * (691.0 / 360360 - z / 156));
  const double series = (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * tail))) / a;
  constexpr double kTwoPi = 6.283185307179586477;
  const double logarithm = std::abs(distance) < 0.5 ? std::log1p(distance) : std::log(x / a);
  return std::exp(a * (logarithm - distance) - series) / std::sqrt(kTwoPi * a);
}

// P where x is not much beyond a (DLMF 8.7.1).
inline double lower_gamma_series(double a, double x) {
  double term = 1, sum = 1;
  for (double n = 1; term > 1e-17 * sum && n < 1e7; ++n) {
    term *= x / (a + n);
    sum += term;
  }
  return math::incomplete_gamma_factor(a, x) * sum;
}

// Q where x is beyond a: a continued fraction (DLMF 8.9.2) by Lentz's method.
inline double upper_gamma_fraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a, c = 1 / kTiny, d = 1 / b, result = d;
  for (double n = 1; n < 1e7; ++n) {
    const double numerator = -n * (n - a);
    b += 2;
    d = numerator * d + b;
    if (std::abs(d) < kTiny) d = kTiny;
    c = b + numerator / c;
    if (std::abs(c) < kTiny) c = kTiny;
    d = 1 / d;
    const double change = d * c;
    result *= change;
    if (std::abs(change - 1) < 1e-16) break;
  }
  return math::incomplete_gamma_factor(a, x) * a * result;
}

// Q where both are small, without the difference 1 - P (DLMF 8.7.3).
inline double upper_gamma_series(double a, double x) {
  double power = 1, sum = 0;
  for (double n = 1; n < 200; ++n) {
    power *= -x / n;
    const double term = power / (a + n);
    sum += term;
    if (std::abs(term) <= 1e-17 * std::abs(sum)) break;
  }
  int sign;
  const double log_gamma = a <= 0.5 ? math::lgamma_beside_one(a) : ::lgamma_r(a + 1, &sign);
  const double exponent = a * std::log(x) - log_gamma;
  return -std::expm1(exponent) - std::exp(exponent) * a * sum;
}

struct IncompleteGamma {
  double lower, upper;
};

// Both for huge a and x near a, where the series would take long (DLMF 8.12.3, the first term).
inline IncompleteGamma incomplete_gamma_huge(double a, double d) {
  // d - log(1 + d), d = x / a - 1.
  const double half =
      d * d *
      (0.5 - d * (1.0 / 3 - d * (0.25 - d * (0.2 - d * (1.0 / 6 - d * (1.0 / 7 - d * 0.125))))));
  const double eta = std::copysign(std::sqrt(2 * half), d);
  const double middle = std::abs(d) < 1e-6 ? -1.0 / 3 : 1 / d - 1 / eta;
  constexpr double kTwoPi = 6.283185307179586477;
  const double rest = std::exp(-a * half) / std::sqrt(kTwoPi * a) * middle;
  const double argument = eta * std::sqrt(a / 2);
  return {0.5 * std::erfc(-argument) - rest, 0.5 * std::erfc(argument) + rest};
}

inline IncompleteGamma incomplete_gamma(double a, double x) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  if (!(a >= 0 && x >= 0) || (a == 0 && x == 0) || (a == kInfinity && x == kInfinity)) {
    return {kNaN, kNaN};
  }
  if (x == 0 || a == kInfinity) return {0, 1};
  if (a == 0 || x == kInfinity) return {1, 0};
  const bool small = x <= 1.1 && !(x <= 0.5 ? -0.4 / std::log(x) < a : x * 1.1 < a);
  if (small) {
    const double upper = math::upper_gamma_series(a, x);
    return {math::lower_gamma_series(a, x), upper};
  }
  if (a > 1e8 && std::abs(x - a) < 0.01 * a) return math::incomplete_gamma_huge(a, (x - a) / a);
  if (x > a && x > 1.1) {
    const double upper = math::upper_gamma_fraction(a, x);
    return {1 - upper, upper};
  }
  const double lower = math::lower_gamma_series(a, x);
  return {lower, 1 - lower};
}

inline double igamma(double a, double x) { return math::incomplete_gamma(a, x).lower; }
inline float igamma(float a, float x) {
  return static_cast<float>(math::incomplete_gamma(a, x).lower);
}
inline double igammac(double a, double x) { return math::incomplete_gamma(a, x).upper; }
inline float igammac(float a, float x) {
  return static_cast<float>(math::incomplete_gamma(a, x).upper);
}

// dx/da where P(a, x) is held: -(dP/da) / (dP/dx). Below a the derivative of the series, term by
// term; above it that of the continued fraction; for huge a that of the expansion in normal
// quantiles (E. A. Cornish and R. A. Fisher, 1938).
inline double standard_gamma_grad(double a, double x) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  if (!(a > 0 && x >= 0)) return kNaN;
  if (x == 0) return 0;
  const double spread = std::sqrt(a);
  if (a > 1e5 && std::abs(x - a) < 20 * spread) {
    const double u = (x - a) / spread;
    double z = u;
    for (int i = 0; i < 6; ++i) {
      z = u - (z * z - 1) / (3 * spread) - z * (z * z - 7) / (36 * a);
    }
    return 1 + z / (2 * spread) - z * (z * z - 7) / (72 * a * spread);
  }
  if (x > a && x > 1.1) {
    // Lentz's method, with derivatives in a beside the values.
    double b = x + 1 - a, c = 1e300, c_a = 0, d = 1 / b, d_a = d * d, q = d, q_a = d_a;
    for (double n = 1; n < 1e6; ++n) {
      const double numerator = -n * (n - a);
      b += 2;
      d_a = n * d + numerator * d_a - 1;
      d = 1 / (numerator * d + b);
      d_a *= -d * d;
      c_a = -1 + (n - numerator * (c_a / c)) / c;
      c = b + numerator / c;
      const double change = c * d, change_a = c_a * d + c * d_a;
      q_a = q_a * change + q * change_a;
      q *= change;
      if (std::abs(change - 1) < 1e-15 && std::abs(q * change_a) <= 1e-15 * std::abs(q_a)) break;
    }
    return x * (q * (std::log(x) - math::digamma(a)) + q_a);
  }
  const double log_x = std::log(x);
  double term = 1 / a, psi = math::digamma(a + 1), sum = 0;
  for (double n = 1; n < 1e6; ++n) {
    const double part = term * (psi - log_x);
    sum += part;
    if (std::abs(part) <= 1e-17 * std::abs(sum) && n > x - a) break;
    term *= x / (a + n);
    psi += 1 / (a + n);
  }
  return x * sum;
}
inline float standard_gamma_grad(float a, float x) {
  return static_cast<float>(
      math::standard_gamma_grad(static_cast<double>(a), static_cast<double>(x)));
}

// x = frexp_mantissa(x) * 2^frexp_exponent(x), with 1/2 <= |mantissa| < 1.
template <Real T>
inline T frexp_mantissa(T x) {
  int exponent;
  return std::frexp(x, &exponent);
}
template <Real T>
inline T frexp_exponent(T x) {
  if (x == 0 || math::isinf(x) || x != x) return 0;
  int exponent;
  (void)std::frexp(x, &exponent);
  return static_cast<T>(exponent);
}

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
