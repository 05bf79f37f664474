// The smooth activations, in forms that neither overflow nor cancel.
#pragma once
#include "kernels/math/elementary.h"
#include "kernels/math/error_function.h"

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

template <Real T>
WENGERT_MATH T sigmoid(T x) {
  return 1 / (1 + math::exp(-x));
}
template <Complex T>
inline T sigmoid(T x) {
  return math::reciprocal(math::add(T(1), math::exp(math::neg(x))));
}

template <Real T>
WENGERT_MATH T logsigmoid(T x) {
  return math::minimum(x, T(0)) - std::log1p(math::exp(-std::abs(x)));
}

// log(x / (1 - x)), with x first moved into [eps, 1 - eps] unless eps is NaN.
template <Real T>
WENGERT_MATH T logit(T x, T eps = std::numeric_limits<T>::quiet_NaN()) {
  const T low = x < eps ? eps : x;
  const T p = low > 1 - eps ? 1 - eps : low;
  // Near 1/2 the quotient is near 1, and its logarithm needs the digits behind that.
  const T middle = std::log1p((2 * p - 1) / (1 - p));
  return std::abs(p - T(0.5)) < T(0.25) ? middle : std::log(p / (1 - p));
}

template <Real T>
WENGERT_MATH T softplus(T x, T beta, T threshold) {
  const T z = x * beta;
  return z > threshold ? x : std::log1p(math::exp(z)) / beta;
}

// tanh(log(1 + exp(x))) = n / (n + 2) with n = exp(x) (exp(x) + 2); 1 in every precision past 20.
template <Real T>
WENGERT_MATH T _mish_gate(T x) {
  const T e = math::exp(x > T(20) ? T(20) : x);
  const T n = e * (e + 2);
  return n / (n + 2);
}

// (1 + tanh(u)) / 2 = sigmoid(2u) with u = sqrt(2 / pi) (x + 0.044715 x^3).
template <Real T>
WENGERT_MATH T _gelu_gate(T x) {
  const T z = T(1.5957691216057308) * (x + T(0.044715) * x * x * x);
  return 1 / (1 + math::exp(-z));
}

// x - tanh(x). Near 0 by Lambert's continued fraction, tanh(x) = x / (1 + c),
// c = x^2 / (3 + x^2 / (5 + ...)), so that the difference is x c / (1 + c).
template <Real T>
WENGERT_MATH T tanhshrink(T x) {
  const T z = x * x;
  T c = T(17);
  for (int n = 15; n >= 3; n -= 2) c = T(n) + z / c;
  c = z / c;
  return std::abs(x) < 1 ? x * (c / (1 + c)) : x - std::tanh(x);
}

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
