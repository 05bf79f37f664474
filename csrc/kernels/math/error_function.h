// The error function and the normal distribution.
#pragma once
#include "kernels/math/elementary.h"
#include "kernels/math/polynomial.h"

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

template <Real T>
WENGERT_MATH T erf(T x) {
  return std::erf(x);
}
template <Real T>
WENGERT_MATH T erfc(T x) {
  return std::erfc(x);
}

// exp(x^2) with x^2 in two pieces: the first exact, the second small.
WENGERT_MATH double exp_square(double x) {
  const double head = static_cast<double>(static_cast<float>(x));
  return std::exp(head * head) * std::exp((x - head) * (x + head));
}

// exp(x^2) erfc(x). M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of
// (1 + 2x) exp(x^2) erfc(x) in 0 <= x < infinity", Mathematics of Computation 36 (1981); the
// coefficients are computed anew, in t = (x - 3.75) / (x + 3.75), to double precision.
inline double erfcx(double x) {
  static constexpr double kSeries[] = {
      1.1775789345674017,     -0.004590054580646478,   -0.08424913336651792,
      0.05920993999819189,    -0.026658668435305753,   0.009074997670705265,
      -0.002413163540417608,  0.0004907758365258086,   -6.916973302501207e-05,
      4.13902798607301e-06,   7.74038306619849e-07,    -2.1886401049234397e-07,
      1.076499946567091e-08,  4.521959811218287e-09,   -7.754400208831351e-10,
      -6.318088340886684e-11, 2.86879501093067e-11,    1.9455868545777347e-13,
      -9.65469674843344e-13,  3.25254814814874e-14,    3.3478119482868056e-14,
      -1.864562880419313e-15, -1.2507950530688648e-15, 7.418235256624044e-17,
      5.068148904796111e-17};
  const double size = std::abs(x);
  const double t = size > 1e17 ? 1.0 : (size - 3.75) / (size + 3.75);
  const double y = chebyshev(kSeries, t) / (1 + 2 * size);
  if (x >= 0) return y;
  if (x < -26.7) return std::numeric_limits<double>::infinity();
  return 2 * exp_square(size) - y;  // NaN comes this way too
}
inline float erfcx(float x) { return static_cast<float>(math::erfcx(static_cast<double>(x))); }

// The quantile of the normal distribution, M. J. Wichura, "Algorithm AS 241", Applied Statistics
// 37 (1988), PPND16. It is given p - 1/2 and the distance of p from the nearer end of [0, 1],
// each of which the callers know exactly. All three pieces are evaluated, so that loops vectorise.
template <Real T>
WENGERT_MATH T normal_quantile(T q, T tail) {
  constexpr T kA[] = {T(3.3871328727963666080e0),  T(1.3314166789178437745e+2),
                      T(1.9715909503065514427e+3), T(1.3731693765509461125e+4),
                      T(4.5921953931549871457e+4), T(6.7265770927008700853e+4),
                      T(3.3430575583588128105e+4), T(2.5090809287301226727e+3)};
  constexpr T kB[] = {T(1),
                      T(4.2313330701600911252e+1),
                      T(6.8718700749205790830e+2),
                      T(5.3941960214247511077e+3),
                      T(2.1213794301586595867e+4),
                      T(3.9307895800092710610e+4),
                      T(2.8729085735721942674e+4),
                      T(5.2264952788528545610e+3)};
  constexpr T kC[] = {T(1.42343711074968357734e0),  T(4.63033784615654529590e0),
                      T(5.76949722146069140550e0),  T(3.64784832476320460504e0),
                      T(1.27045825245236838258e0),  T(2.41780725177450611770e-1),
                      T(2.27238449892691845833e-2), T(7.74545014278341407640e-4)};
  constexpr T kD[] = {T(1),
                      T(2.05319162663775882187e0),
                      T(1.67638483018380384940e0),
                      T(6.89767334985100004550e-1),
                      T(1.48103976427480074590e-1),
                      T(1.51986665636164571966e-2),
                      T(5.47593808499534494600e-4),
                      T(1.05075007164441684324e-9)};
  constexpr T kE[] = {T(6.65790464350110377720e0),  T(5.46378491116411436990e0),
                      T(1.78482653991729133580e0),  T(2.96560571828504891230e-1),
                      T(2.65321895265761230930e-2), T(1.24266094738807843860e-3),
                      T(2.71155556874348757815e-5), T(2.01033439929228813265e-7)};
  constexpr T kF[] = {T(1),
                      T(5.99832206555887937690e-1),
                      T(1.36929880922735805310e-1),
                      T(1.48753612908506148525e-2),
                      T(7.86869131145613259100e-4),
                      T(1.84631831751005468180e-5),
                      T(1.42151175831644588870e-7),
                      T(2.04426310338993978564e-15)};
  const T z = T(0.180625) - q * q;
  const T middle = q * horner(kA, z) / horner(kB, z);
  const T r = std::sqrt(-std::log(tail));
  const T near = r - T(1.6), far = r - T(5);
  const T outer =
      r <= T(5) ? horner(kC, near) / horner(kD, near) : horner(kE, far) / horner(kF, far);
  const T end = tail == 0 ? std::numeric_limits<T>::infinity() : outer;
  return std::abs(q) <= T(0.425) ? middle : std::copysign(end, q);
}
template <Real T>
WENGERT_MATH T ndtri(T p) {
  const T y = math::normal_quantile(p - T(0.5), p < T(0.5) ? p : 1 - p);
  return (p >= 0) & (p <= 1) ? y : std::numeric_limits<T>::quiet_NaN();
}
// erfinv(x) = quantile((1 + x) / 2) / sqrt(2), where (1 + x) / 2 - 1/2 = x / 2.
template <Real T>
WENGERT_MATH T erfinv(T x) {
  const T y = math::normal_quantile(x / 2, (1 - std::abs(x)) / 2) * T(0.7071067811865475244);
  return std::abs(x) <= 1 ? y : std::numeric_limits<T>::quiet_NaN();
}

template <Real T>
WENGERT_MATH T _normal_density(T x) {
  return T(0.3989422804014326779) * math::exp_below_zero(T(-0.5) * x * x);
}
// The normal distribution function. erfc keeps the left tail's digits.
WENGERT_MATH double ndtr(double x) { return 0.5 * std::erfc(x * -0.7071067811865475244); }
// As exp(-z^2) erfcx(z) / 2 with z = |x| / sqrt(2), in half the time of the vectorised erfcf; a
// rule that also needs the density shares the exponential with it. erfcx(z) / 2 is a polynomial of
// u = 1 / (z + 3) times u, the best of its degree, to 1.3e-7.
inline constexpr float kNormalTail[] = {0.28222987f, 0.83792418f, 2.6139433f, 3.2968414f,
                                        41.089462f,  -96.635475f, 440.15359f, -409.97318f};
WENGERT_MATH float ndtr(float x) {
  const float u = 1 / (std::abs(x) * 0.70710678f + 3);
  const float tail = math::exp_below_zero(-0.5f * x * x) * (u * horner(kNormalTail, u));
  return x < 0 ? tail : 1 - tail;
}
inline double log_ndtr(double x) {
  const double z = x * 0.7071067811865475244;
  if (x < -1) return std::log(math::erfcx(-z) / 2) - z * z;
  return std::log1p(-std::erfc(z) / 2);
}
inline float log_ndtr(float x) {
  return static_cast<float>(math::log_ndtr(static_cast<double>(x)));
}

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
