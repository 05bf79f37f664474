// Sums of powers and of Chebyshev polynomials.
#pragma once
#include "kernels/math/basic.h"

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

// coefficient[0] + coefficient[1] x + ...
// A recursion instead of a loop, so that loops around it are vectorised.
template <int K = 0, typename T, int N>
WENGERT_MATH T horner(const T (&coefficient)[N], T x) {
  if constexpr (K == N - 1) {
    return coefficient[K];
  } else {
    return coefficient[K] + x * horner<K + 1>(coefficient, x);
  }
}

// coefficient[0] T_0(x) + coefficient[1] T_1(x) + ..., by Clenshaw's recurrence.
template <int K, typename T, int N>
WENGERT_MATH T clenshaw(const T (&coefficient)[N], T x, T sum, T next) {
  if constexpr (K == 0) {
    return x * sum - next + coefficient[0];
  } else {
    return clenshaw<K - 1>(coefficient, x, 2 * x * sum - next + coefficient[K], sum);
  }
}
template <typename T, int N>
WENGERT_MATH T chebyshev(const T (&coefficient)[N], T x) {
  return clenshaw<N - 2>(coefficient, x, coefficient[N - 1], T(0));
}

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
