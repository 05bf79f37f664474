// Tells the compiler that glibc has vector forms of these functions (libmvec), so that plain loops
// over them are vectorised with strict floating-point semantics. Include before <cmath>.
#pragma once
#include <features.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
#define WENGERT_SIMD __attribute__((simd("notinbranch")))
extern "C" {
#define WENGERT_VECTOR_1(name)               \
  WENGERT_SIMD double name(double) noexcept; \
  WENGERT_SIMD float name##f(float) noexcept;
#define WENGERT_VECTOR_2(name)                       \
  WENGERT_SIMD double name(double, double) noexcept; \
  WENGERT_SIMD float name##f(float, float) noexcept;
WENGERT_VECTOR_1(sin)
WENGERT_VECTOR_1(cos)
WENGERT_VECTOR_1(exp)
WENGERT_VECTOR_1(log)
WENGERT_VECTOR_2(pow)
#if __GLIBC_PREREQ(2, 35)
WENGERT_VECTOR_1(tan)
WENGERT_VECTOR_1(asin)
WENGERT_VECTOR_1(acos)
WENGERT_VECTOR_1(atan)
WENGERT_VECTOR_1(sinh)
WENGERT_VECTOR_1(cosh)
WENGERT_VECTOR_1(tanh)
WENGERT_VECTOR_1(asinh)
WENGERT_VECTOR_1(acosh)
WENGERT_VECTOR_1(atanh)
WENGERT_VECTOR_1(exp2)
WENGERT_VECTOR_1(expm1)
WENGERT_VECTOR_1(log2)
WENGERT_VECTOR_1(log10)
WENGERT_VECTOR_1(log1p)
WENGERT_VECTOR_1(erf)
WENGERT_VECTOR_1(erfc)
WENGERT_VECTOR_1(cbrt)
WENGERT_VECTOR_2(atan2)
WENGERT_VECTOR_2(hypot)
#endif
#undef WENGERT_VECTOR_1
#undef WENGERT_VECTOR_2
}
#undef WENGERT_SIMD
#endif
