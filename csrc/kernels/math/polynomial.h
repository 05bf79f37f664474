// Sums of powers and of Chebyshev polynomials.
#pragma once
#include "kernels/math/basic.h"

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

// coefficient[0] + coefficient[1] x + ...
template <typename T, int N>
WENGERT_MATH T horner(const T (&coefficient)[N], T x) {
  T sum = coefficient[N - 1];
#pragma GCC unroll 32
  for (int k = N - 2; k >= 0; --k) sum = sum * x + coefficient[k];
  return sum;
}

// coefficient[0] T_0(x) + coefficient[1] T_1(x) + ..., by Clenshaw's recurrence.
template <typename T, int N>
WENGERT_MATH T chebyshev(const T (&coefficient)[N], T x) {
  T next = 0, sum = coefficient[N - 1];
#pragma GCC unroll 32
  for (int k = N - 2; k > 0; --k) {
    const T previous = sum;
    sum = 2 * x * sum - next + coefficient[k];
    next = previous;
  }
  return x * sum - next + coefficient[0];
}

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
