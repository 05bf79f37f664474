// Scalar functions that the formulas of ops/*.py call: arithmetic, rounding, ordering, tests.
//
// Every header in this directory puts its functions into an inline namespace named after the
// instruction set that the file is compiled for, because the linker would otherwise be free to
// keep the AVX-512 copy of an inline function for the baseline kernels. Functions are total: for
// any argument, integers included, they neither trap nor have undefined behaviour.
//
// Calls between functions are always qualified (math::exp), since an argument of type std::complex
// would make an unqualified call ambiguous with the one in std.
#pragma once
#include "kernels/cpu/simd_math.h"  // before <cmath>

#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/dtype.h"
#include "kernels/cpu/strong_zeros.h"

#ifdef WENGERT_ISA
#define WENGERT_MATH_NAMESPACE WENGERT_ISA
#else
#define WENGERT_MATH_NAMESPACE baseline
#endif

// Loops are vectorised only when the functions in them are inlined.
#define WENGERT_MATH [[gnu::always_inline]] inline

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

template <typename T>
concept Real = std::is_floating_point_v<T>;
template <typename T>
concept Complex = is_complex_v<T>;
template <typename T>
concept Bool = std::is_same_v<T, bool>;
template <typename T>
concept Integer = std::is_integral_v<T> && !Bool<T>;
template <typename T>
concept Exact = std::is_integral_v<T>;  // integers and bool
template <typename T>
concept Ordered = std::is_arithmetic_v<T>;

// The unsigned type in which integers wrap around; narrow ones are widened past int's promotion.
template <Integer T>
using Wrapping = std::conditional_t<sizeof(T) <= 4, uint32_t, uint64_t>;

// ---- arithmetic: what + - * / and unary - in a formula become -------------------------------

template <Ordered T>
WENGERT_MATH T add(T a, T b) {
  if constexpr (Bool<T>) {
    return a | b;
  } else if constexpr (Integer<T>) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
  } else {
    return a + b;
  }
}
template <Ordered T>
WENGERT_MATH T sub(T a, T b) {
  if constexpr (Bool<T>) {
    return a ^ b;
  } else if constexpr (Integer<T>) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
  } else {
    return a - b;
  }
}
template <Ordered T>
WENGERT_MATH T mul(T a, T b) {
  if constexpr (Bool<T>) {
    return a & b;
  } else if constexpr (Integer<T>) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
  } else {
    return a * b;
  }
}
template <Real T>
WENGERT_MATH T div(T a, T b) {
  return a / b;
}
template <Ordered T>
WENGERT_MATH T neg(T a) {
  if constexpr (Exact<T>) {
    return math::sub(T(0), a);
  } else {
    return -a;
  }
}

template <Complex T>
WENGERT_MATH T add(T a, T b) {
  return T(a.real() + b.real(), a.imag() + b.imag());
}
template <Complex T>
WENGERT_MATH T sub(T a, T b) {
  return T(a.real() - b.real(), a.imag() - b.imag());
}
template <Complex T>
WENGERT_MATH T neg(T a) {
  return T(-a.real(), -a.imag());
}
// The plain formula, as NumPy and PyTorch have it: the C library's search for infinities is slow.
template <Complex T>
WENGERT_MATH T mul(T a, T b) {
  return T(a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real());
}
// R. L. Smith, "Algorithm 116: Complex division", CACM 1962.
template <Complex T>
WENGERT_MATH T div(T a, T b) {
  using R = typename T::value_type;
  const R p = std::abs(b.real()), q = std::abs(b.imag());
  if (p == 0 && q == 0) return T(a.real() / p, a.imag() / p);
  if (p >= q) {
    const R ratio = b.imag() / b.real();
    const R scale = 1 / (b.real() + b.imag() * ratio);
    return T((a.real() + a.imag() * ratio) * scale, (a.imag() - a.real() * ratio) * scale);
  }
  const R ratio = b.real() / b.imag();
  const R scale = 1 / (b.real() * ratio + b.imag());
  return T((a.real() * ratio + a.imag()) * scale, (a.imag() * ratio - a.real()) * scale);
}

// A real and a complex operand meet in the derivative formulas of abs, angle and polar.
template <Complex T>
WENGERT_MATH T add(T a, typename T::value_type b) {
  return T(a.real() + b, a.imag());
}
template <Complex T>
WENGERT_MATH T add(typename T::value_type a, T b) {
  return T(a + b.real(), b.imag());
}
template <Complex T>
WENGERT_MATH T sub(T a, typename T::value_type b) {
  return T(a.real() - b, a.imag());
}
template <Complex T>
WENGERT_MATH T sub(typename T::value_type a, T b) {
  return T(a - b.real(), -b.imag());
}
template <Complex T>
WENGERT_MATH T mul(T a, typename T::value_type b) {
  return T(a.real() * b, a.imag() * b);
}
template <Complex T>
WENGERT_MATH T mul(typename T::value_type a, T b) {
  return T(a * b.real(), a * b.imag());
}
template <Complex T>
WENGERT_MATH T div(T a, typename T::value_type b) {
  return T(a.real() / b, a.imag() / b);
}
template <Complex T>
WENGERT_MATH T div(typename T::value_type a, T b) {
  return math::div(T(a, 0), b);
}

template <typename T>
WENGERT_MATH T square(T x) {
  return math::mul(x, x);
}
template <typename T>
WENGERT_MATH T reciprocal(T x) {
  if constexpr (Complex<T>) {
    return math::div(T(1), x);
  } else {
    return 1 / x;
  }
}

// ---- parts of a number ----------------------------------------------------------------------

template <Ordered T>
WENGERT_MATH T conj(T x) {
  return x;
}
template <Complex T>
WENGERT_MATH T conj(T x) {
  return T(x.real(), -x.imag());
}
template <Ordered T>
WENGERT_MATH T real(T x) {
  return x;
}
template <Complex T>
WENGERT_MATH typename T::value_type real(T x) {
  return x.real();
}
template <Ordered T>
WENGERT_MATH T imag(T) {
  return T(0);
}
template <Complex T>
WENGERT_MATH typename T::value_type imag(T x) {
  return x.imag();
}
template <Real T>
WENGERT_MATH std::complex<T> complex(T real, T imag) {
  return std::complex<T>(real, imag);
}
template <Real T>
WENGERT_MATH std::complex<T> polar(T abs, T angle) {
  return std::complex<T>(abs * std::cos(angle), abs * std::sin(angle));
}

template <Ordered T>
WENGERT_MATH T abs(T x) {
  if constexpr (std::is_unsigned_v<T>) {
    return x;
  } else if constexpr (Integer<T>) {
    return x < 0 ? math::neg(x) : x;
  } else {
    return std::abs(x);
  }
}
template <Complex T>
WENGERT_MATH typename T::value_type abs(T x) {
  return std::hypot(x.real(), x.imag());
}
template <Ordered T>
WENGERT_MATH T angle(T x) {
  using limits = std::numeric_limits<T>;
  if constexpr (limits::has_quiet_NaN) {
    return x != x ? x : (x < 0 ? T(3.141592653589793238) : T(0));
  } else {
    return T(0);
  }
}
template <Complex T>
WENGERT_MATH typename T::value_type angle(T x) {
  return std::atan2(x.imag(), x.real());
}

// The sign of NaN is 0, as in PyTorch.
template <Ordered T>
WENGERT_MATH T sgn(T x) {
  if constexpr (Bool<T>) {
    return x;
  } else {
    return static_cast<T>((x > T(0) ? T(1) : T(0)) - (x < T(0) ? T(1) : T(0)));
  }
}
template <Complex T>
WENGERT_MATH T sgn(T x) {
  const auto size = math::abs(x);
  return size == 0 ? T(0) : T(x.real() / size, x.imag() / size);
}
template <Ordered T>
WENGERT_MATH T sign(T x) {
  return math::sgn(x);
}

// d angle(z) = real(dz * (-i / z)) for complex z, and 0 on the real line.
template <Real T>
WENGERT_MATH T _angle_derivative(T) {
  return T(0);
}
template <Complex T>
WENGERT_MATH T _angle_derivative(T x) {
  return x == T(0) ? T(0) : math::div(T(0, -1), x);
}

// ---- tests ----------------------------------------------------------------------------------

template <Ordered T>
WENGERT_MATH bool isnan(T x) {
  return x != x;
}
template <Ordered T>
WENGERT_MATH bool isinf(T x) {
  if constexpr (Exact<T>) {
    return false;
  } else {
    return std::abs(x) == std::numeric_limits<T>::infinity();
  }
}
template <Ordered T>
WENGERT_MATH bool isfinite(T x) {
  if constexpr (Exact<T>) {
    return true;
  } else {
    return std::abs(x) < std::numeric_limits<T>::infinity();
  }
}
template <Complex T>
WENGERT_MATH bool isnan(T x) {
  return math::isnan(x.real()) | math::isnan(x.imag());
}
template <Complex T>
WENGERT_MATH bool isinf(T x) {
  return math::isinf(x.real()) | math::isinf(x.imag());
}
template <Complex T>
WENGERT_MATH bool isfinite(T x) {
  return math::isfinite(x.real()) & math::isfinite(x.imag());
}
template <Ordered T>
WENGERT_MATH bool isposinf(T x) {
  return math::isinf(x) & (x > T(0));
}
template <Ordered T>
WENGERT_MATH bool isneginf(T x) {
  return math::isinf(x) & (x < T(0));
}
template <typename T>
WENGERT_MATH bool isreal(T x) {
  return math::imag(x) == 0;
}
template <Ordered T>
WENGERT_MATH bool signbit(T x) {
  if constexpr (Exact<T>) {
    return x < T(0);
  } else {
    return std::signbit(x);
  }
}
// |input - other| <= atol + |rtol * other|; integers are compared as doubles.
template <typename T>
WENGERT_MATH bool isclose(T input, T other, double rtol, double atol, bool equal_nan) {
  if constexpr (Exact<T>) {
    const double a = static_cast<double>(input), b = static_cast<double>(other);
    return (input == other) | (std::abs(a - b) <= atol + std::abs(rtol * b));
  } else {
    using R = decltype(math::real(input));
    const R allowed = static_cast<R>(atol) + std::abs(static_cast<R>(rtol) * math::abs(other));
    const R error = math::abs(math::sub(input, other));
    const bool both_nan = equal_nan & math::isnan(input) & math::isnan(other);
    return (input == other) | both_nan | (math::isfinite(error) & (error <= allowed));
  }
}

// ---- order ----------------------------------------------------------------------------------

// NaN wins in maximum, minimum and the clamps; the other operand wins in fmax and fmin. Two choices
// in a row, because loops over one choice with two conditions are not vectorised when they nest.
template <Ordered T>
WENGERT_MATH T maximum(T a, T b) {
  const T larger = a > b ? a : b;
  return a != a ? a : larger;
}
template <Ordered T>
WENGERT_MATH T minimum(T a, T b) {
  const T smaller = a < b ? a : b;
  return a != a ? a : smaller;
}
template <Ordered T>
WENGERT_MATH T fmax(T a, T b) {
  const T larger = a > b ? a : b;
  return b != b ? a : larger;
}
template <Ordered T>
WENGERT_MATH T fmin(T a, T b) {
  const T smaller = a < b ? a : b;
  return b != b ? a : smaller;
}
template <Ordered T>
WENGERT_MATH T clamp_min(T x, T min) {
  return math::maximum(x, min);
}
template <Ordered T>
WENGERT_MATH T clamp_max(T x, T max) {
  return math::minimum(x, max);
}
template <Ordered T>
WENGERT_MATH T _clamp(T x, T min, T max) {
  return math::minimum(math::maximum(x, min), max);
}
template <typename T>
WENGERT_MATH T where(bool condition, T a, T b) {
  return condition ? a : b;
}
template <Ordered T>
WENGERT_MATH T heaviside(T x, T values) {
  return x == T(0) ? values : (x > T(0) ? T(1) : (x < T(0) ? T(0) : x));
}
template <Real T>
WENGERT_MATH T copysign(T size, T sign) {
  return std::copysign(size, sign);
}
template <Real T>
WENGERT_MATH T nextafter(T from, T to) {
  return std::nextafter(from, to);
}

// ---- rounding -------------------------------------------------------------------------------

#define WENGERT_ROUNDING(name, std_name) \
  template <Ordered T>                   \
  WENGERT_MATH T name(T x) {             \
    if constexpr (Exact<T>) {            \
      return x;                          \
    } else {                             \
      return std_name(x);                \
    }                                    \
  }
WENGERT_ROUNDING(floor, std::floor)
WENGERT_ROUNDING(ceil, std::ceil)
WENGERT_ROUNDING(trunc, std::trunc)
#undef WENGERT_ROUNDING

// Half to even; with decimals, at that decimal place.
template <Ordered T>
WENGERT_MATH T round(T x, int64_t decimals = 0) {
  if constexpr (Exact<T>) {
    return x;
  } else {
    if (decimals == 0) return std::rint(x);
    const T power = static_cast<T>(std::pow(10.0, static_cast<double>(std::abs(decimals))));
    return decimals > 0 ? std::rint(x * power) / power : std::rint(x / power) * power;
  }
}
template <Real T>
WENGERT_MATH T frac(T x) {
  return x - std::trunc(x);
}

// ---- remainders and whole quotients ----------------------------------------------------------

// The quotient and remainder of integers divided by zero are 0 here: the caller raises the error
// (check="integer_division"). The lowest integer divided by -1 wraps around.
template <Integer T>
WENGERT_MATH T _div_trunc(T a, T b) {
  if (b == T(0)) return T(0);
  if constexpr (std::is_signed_v<T>) {
    if (b == T(-1)) return math::neg(a);
  }
  return static_cast<T>(a / b);
}
template <Integer T>
WENGERT_MATH T fmod(T a, T b) {
  return math::sub(a, math::mul(math::_div_trunc(a, b), b));
}
template <Integer T>
WENGERT_MATH T floor_divide(T a, T b) {
  const T quotient = math::_div_trunc(a, b);
  const T rest = math::sub(a, math::mul(quotient, b));
  return rest != T(0) && ((rest < T(0)) != (b < T(0))) && b != T(0) ? static_cast<T>(quotient - 1)
                                                                    : quotient;
}
template <Integer T>
WENGERT_MATH T remainder(T a, T b) {
  if (b == T(0)) return T(0);
  return math::sub(a, math::mul(math::floor_divide(a, b), b));
}

template <Real T>
WENGERT_MATH T _div_trunc(T a, T b) {
  return std::trunc(a / b);
}
template <Real T>
WENGERT_MATH T fmod(T a, T b) {
  return std::fmod(a, b);
}
// Python's: the remainder has the sign of the divisor.
template <Real T>
WENGERT_MATH T remainder(T a, T b) {
  const T rest = std::fmod(a, b);
  return rest != 0 && ((rest < 0) != (b < 0)) ? rest + b : rest;
}
// From the exact remainder, since floor(a / b) is off by one where a / b rounds up.
template <Real T>
WENGERT_MATH T floor_divide(T a, T b) {
  if (b == 0) return a / b;
  const T rest = std::fmod(a, b);
  T quotient = (a - rest) / b;
  if (rest != 0 && ((rest < 0) != (b < 0))) quotient -= 1;
  if (quotient == 0) return std::copysign(T(0), a / b);
  const T whole = std::floor(quotient);
  return quotient - whole > T(0.5) ? whole + 1 : whole;
}

// ---- integers -------------------------------------------------------------------------------

// Euclid's algorithm on magnitudes.
template <Integer T>
inline T gcd(T a, T b) {
  a = math::abs(a);
  b = math::abs(b);
  while (b != T(0)) {
    const T rest = math::fmod(a, b);
    a = b;
    b = rest;
  }
  return a;
}
template <Integer T>
inline T lcm(T a, T b) {
  const T divisor = math::gcd(a, b);
  return divisor == T(0) ? T(0) : math::abs(math::mul(math::_div_trunc(a, divisor), b));
}
// A shift by a negative count or by the width and more shifts every bit out.
template <Integer T>
WENGERT_MATH T bitwise_left_shift(T a, T b) {
  constexpr T kBits = static_cast<T>(8 * sizeof(T));
  if ((b < T(0)) | (b >= kBits)) return T(0);
  return static_cast<T>(static_cast<Wrapping<T>>(a) << b);
}
template <Integer T>
WENGERT_MATH T bitwise_right_shift(T a, T b) {
  constexpr T kLast = static_cast<T>(8 * sizeof(T) - 1);
  if constexpr (std::is_unsigned_v<T>) {
    return b > kLast ? T(0) : static_cast<T>(a >> b);
  } else {
    return static_cast<T>(a >> ((b < T(0)) | (b > kLast) ? kLast : b));
  }
}
template <Exact T>
WENGERT_MATH T bitwise_not(T a) {
  if constexpr (Bool<T>) {
    return !a;
  } else {
    return static_cast<T>(~a);
  }
}
// By squaring, wrapping around; 1 / base**n truncated for a negative exponent.
template <Integer T>
inline T pow(T base, T exponent) {
  if constexpr (std::is_signed_v<T>) {
    if (exponent < T(0)) {
      if (base == T(1)) return T(1);
      if (base == T(-1)) return exponent % 2 == 0 ? T(1) : T(-1);
      return T(0);
    }
  }
  T result = T(1);
  while (exponent != T(0)) {
    if (exponent & T(1)) result = math::mul(result, base);
    base = math::mul(base, base);
    exponent = static_cast<T>(exponent >> 1);
  }
  return result;
}

// ---- gradients ------------------------------------------------------------------------------

// a * b, but where a is exactly 0 and the product would be NaN (b is infinite or NaN) it is 0: an
// incoming gradient of zero means that the value does not matter. The switch gives NaN back.
template <Real T>
WENGERT_MATH T strong_product(T a, T b) {
  const T product = a * b;
  return product != product && a == T(0) && strong_zeros ? T(0) : product;
}
template <Complex T>
WENGERT_MATH T strong_product(T a, T b) {
  const T product = math::mul(a, b);
  return product != product && a == T(0) && strong_zeros ? T(0) : product;
}

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
