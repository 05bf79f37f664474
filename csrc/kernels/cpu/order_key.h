// Orders every real dtype through unsigned integers: a key preserves PyTorch's order of values, in
// which NaN is above everything, all NaNs are alike and -0 equals +0.
#pragma once
#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/dtype.h"

namespace wengert::cpu {

template <typename T>
struct OrderKeyType {
  using type = std::conditional_t<
      sizeof(T) == 1, uint8_t,
      std::conditional_t<sizeof(T) == 2, uint16_t,
                         std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;
};
template <typename T>
using order_key_t = typename OrderKeyType<T>::type;

template <typename T>
inline constexpr bool has_nan_v = std::is_floating_point_v<T> || is_reduced_v<T>;

template <typename T>
inline constexpr order_key_t<T> kNanKey = std::numeric_limits<order_key_t<T>>::max();

template <typename T>
inline order_key_t<T> order_key(T value) {
  using U = order_key_t<T>;
  constexpr U kSign = static_cast<U>(U{1} << (8 * sizeof(U) - 1));
  if constexpr (has_nan_v<T>) {
    // The bits of +infinity: exponent all ones.
    constexpr U kInfinity = std::is_same_v<T, double>     ? static_cast<U>(0x7ff0000000000000ull)
                            : std::is_same_v<T, float>    ? static_cast<U>(0x7f800000u)
                            : std::is_same_v<T, BFloat16> ? static_cast<U>(0x7f80u)
                                                          : static_cast<U>(0x7c00u);
    const U bits = std::bit_cast<U>(value);
    const U magnitude = static_cast<U>(bits & static_cast<U>(~kSign));
    if (magnitude > kInfinity) return kNanKey<T>;
    const U positive = static_cast<U>(kSign | magnitude);
    const U negative = static_cast<U>(kSign - magnitude);  // -0 and +0 both give kSign
    return (bits & kSign) != 0 ? negative : positive;
  } else if constexpr (std::is_same_v<T, bool>) {
    return static_cast<U>(value);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<U>(static_cast<U>(value) ^ kSign);
  } else {
    return value;
  }
}

// True where a key of this type stands for NaN, which equals nothing, not even itself.
template <typename T>
inline bool is_nan_key([[maybe_unused]] order_key_t<T> key) {
  if constexpr (has_nan_v<T>) {
    return key == kNanKey<T>;
  } else {
    return false;
  }
}

// visit_dtype over the dtypes that have an order.
template <typename Fn>
void visit_ordered(const char* name, DType dtype, Fn&& fn) {
  switch (dtype) {
#define WENGERT_CASE(dtype_case, type)   \
  case DType::dtype_case:                \
    if constexpr (!is_complex_v<type>) { \
      return fn(TypeTag<type>{});        \
    }                                    \
    break;
    WENGERT_FORALL_DTYPES(WENGERT_CASE)
#undef WENGERT_CASE
  }
  fail(ErrorKind::kRuntime, name, "(): does not support complex dtypes");
}

}  // namespace wengert::cpu
