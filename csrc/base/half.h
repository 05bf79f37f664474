// float16 and bfloat16 as storage types: arithmetic is done in float.
#pragma once
#include <bit>
#include <cstdint>

namespace wengert {

struct Half {
  uint16_t bits = 0;
  Half() = default;
  Half(float value) : bits(from_float(value)) {}  // NOLINT: implicit on purpose
  operator float() const { return to_float(bits); }

  // Round to nearest even; overflow goes to infinity, NaN stays NaN.
  [[gnu::always_inline]] static uint16_t from_float(float value) {
    uint32_t x = std::bit_cast<uint32_t>(value);
    const uint32_t sign = (x >> 16) & 0x8000u;
    x &= 0x7fffffffu;
    if (x >= 0x47800000u) {  // 65536 and above, infinity or NaN
      return static_cast<uint16_t>(sign | (x > 0x7f800000u ? 0x7e00u : 0x7c00u));
    }
    if (x < 0x38800000u) {  // below 2^-14: subnormal; the float unit does the rounding
      const float magic = std::bit_cast<float>(0x3f000000u);
      const float shifted = std::bit_cast<float>(x) + magic;
      return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
    }
    const uint32_t odd = (x >> 13) & 1u;
    x += 0xc8000fffu + odd;  // rebias the exponent and round
    return static_cast<uint16_t>(sign | (x >> 13));
  }

  [[gnu::always_inline]] static float to_float(uint16_t h) {
    const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
    uint32_t x = static_cast<uint32_t>(h & 0x7fffu) << 13;
    const uint32_t exponent = x & 0x0f800000u;
    x += 0x38000000u;
    if (exponent == 0x0f800000u) {
      x += 0x38000000u;  // infinity or NaN
    } else if (exponent == 0) {
      x += 0x00800000u;  // subnormal
      x = std::bit_cast<uint32_t>(std::bit_cast<float>(x) - std::bit_cast<float>(0x38800000u));
    }
    return std::bit_cast<float>(sign | x);
  }
};

struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  BFloat16(float value) : bits(from_float(value)) {}  // NOLINT: implicit on purpose
  operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

  [[gnu::always_inline]] static uint16_t from_float(float value) {
    const uint32_t x = std::bit_cast<uint32_t>(value);
    if ((x & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((x >> 16) | 0x40u);
    return static_cast<uint16_t>((x + 0x7fffu + ((x >> 16) & 1u)) >> 16);
  }
};

}  // namespace wengert
