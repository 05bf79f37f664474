// The element types, their C++ types and the questions that are asked about them.
#pragma once
#include <complex>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/error.h"
#include "base/half.h"

namespace wengert {

using complex64 = std::complex<float>;
using complex128 = std::complex<double>;

// name, C++ type. The order is the numbering of DType and of every kernel table.
#define WENGERT_FORALL_DTYPES(_) \
  _(bool_, bool)                 \
  _(uint8, uint8_t)              \
  _(int8, int8_t)                \
  _(int16, int16_t)              \
  _(int32, int32_t)              \
  _(int64, int64_t)              \
  _(float16, Half)               \
  _(bfloat16, BFloat16)          \
  _(float32, float)              \
  _(float64, double)             \
  _(complex64, complex64)        \
  _(complex128, complex128)

enum class DType : uint8_t {
#define WENGERT_ENUM(name, type) name,
  WENGERT_FORALL_DTYPES(WENGERT_ENUM)
#undef WENGERT_ENUM
};
inline constexpr int kNumDTypes = 12;
inline constexpr size_t kMaxItemSize = 16;

template <typename T>
struct dtype_of;
#define WENGERT_DTYPE_OF(name, type)            \
  template <>                                   \
  struct dtype_of<type> {                       \
    static constexpr DType value = DType::name; \
  };
WENGERT_FORALL_DTYPES(WENGERT_DTYPE_OF)
#undef WENGERT_DTYPE_OF
template <typename T>
inline constexpr DType dtype_of_v = dtype_of<T>::value;

inline constexpr uint8_t kItemSizes[kNumDTypes] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16};
inline constexpr const char* kDTypeNames[kNumDTypes] = {
    "bool",    "uint8",    "int8",    "int16",   "int32",     "int64",
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128"};

constexpr size_t item_size(DType dtype) { return kItemSizes[static_cast<int>(dtype)]; }
constexpr const char* dtype_name(DType dtype) { return kDTypeNames[static_cast<int>(dtype)]; }
constexpr bool is_complex(DType dtype) { return dtype >= DType::complex64; }
constexpr bool is_floating(DType dtype) {
  return dtype >= DType::float16 && dtype <= DType::float64;
}
constexpr bool is_inexact(DType dtype) { return dtype >= DType::float16; }
constexpr bool is_integral(DType dtype) { return dtype <= DType::int64; }  // bool included
constexpr bool is_reduced_float(DType dtype) {
  return dtype == DType::float16 || dtype == DType::bfloat16;
}
// float16 and bfloat16 compute in float32; every other dtype in itself.
constexpr DType compute_dtype(DType dtype) {
  return is_reduced_float(dtype) ? DType::float32 : dtype;
}
constexpr DType to_real(DType dtype) {
  return dtype == DType::complex64    ? DType::float32
         : dtype == DType::complex128 ? DType::float64
                                      : dtype;
}
constexpr DType to_complex(DType dtype) {
  return dtype == DType::float64 || dtype == DType::complex128 ? DType::complex128
                                                               : DType::complex64;
}

template <typename T>
inline constexpr bool is_complex_v = std::is_same_v<T, complex64> || std::is_same_v<T, complex128>;
template <typename T>
inline constexpr bool is_reduced_v = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

template <typename T>
struct counterparts {
  using real = T;
  using complex = std::complex<std::conditional_t<std::is_same_v<T, double>, double, float>>;
};
template <typename R>
struct counterparts<std::complex<R>> {
  using real = R;
  using complex = std::complex<R>;
};
template <typename T>
using real_t = typename counterparts<T>::real;
template <typename T>
using complex_t = typename counterparts<T>::complex;

// The type that sums and products of T are carried out in.
template <typename T>
using compute_t = std::conditional_t<is_reduced_v<T>, float, T>;

// Converts between any two element types, as PyTorch does: complex to real drops the imaginary
// part, anything to bool asks "is it non-zero".
template <typename To, typename From>
[[gnu::always_inline]] constexpr To convert(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (is_reduced_v<From>) {
    return convert<To>(static_cast<float>(value));
  } else if constexpr (is_complex_v<From> && is_complex_v<To>) {
    using R = typename To::value_type;
    return To(static_cast<R>(value.real()), static_cast<R>(value.imag()));
  } else if constexpr (is_complex_v<From>) {
    if constexpr (std::is_same_v<To, bool>) {
      return value.real() != 0 || value.imag() != 0;
    } else {
      return convert<To>(value.real());
    }
  } else if constexpr (is_complex_v<To>) {
    return To(static_cast<typename To::value_type>(value), 0);
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != From(0);
  } else if constexpr (is_reduced_v<To>) {
    return To(static_cast<float>(value));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To> && sizeof(To) < 8) {
    // Through int64, so that out-of-range values wrap instead of being undefined.
    return static_cast<To>(convert<int64_t>(value));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    constexpr From kLimit = static_cast<From>(9223372036854775808.0);
    if (!(value >= -kLimit && value < kLimit)) return static_cast<To>(INT64_MIN);
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

// visit(dtype, [](auto tag) { using T = typename decltype(tag)::type; ... });
template <typename T>
struct TypeTag {
  using type = T;
};

template <typename Fn>
decltype(auto) visit_dtype(DType dtype, Fn&& fn) {
  switch (dtype) {
#define WENGERT_CASE(name, type) \
  case DType::name:              \
    return fn(TypeTag<type>{});
    WENGERT_FORALL_DTYPES(WENGERT_CASE)
#undef WENGERT_CASE
  }
  fail(ErrorKind::kRuntime, "unknown dtype ", static_cast<int>(dtype));
}

}  // namespace wengert
