// Conversions between element types, and strided moves.
#include <algorithm>
#include <cstring>

#include "kernels/cpu/elementwise.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

using ConvertFn = void (*)(const char* source, char* target, int64_t n);

template <typename From, typename To>
void convert_dense(const char* source, char* target, int64_t n) {
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(target, source, static_cast<size_t>(n) * sizeof(From));
  } else {
    auto* out = reinterpret_cast<To*>(target);
    if constexpr (std::is_same_v<From, bool>) {
      // Bytes that others wrote, or nobody, may be neither 0 nor 1.
      const auto* in = reinterpret_cast<const uint8_t*>(source);
      for (int64_t i = 0; i < n; ++i) out[i] = convert<To>(in[i] != 0);
    } else {
      const auto* in = reinterpret_cast<const From*>(source);
      for (int64_t i = 0; i < n; ++i) out[i] = convert<To>(in[i]);
    }
  }
}

#define ROW_ENTRY(name, type) convert_dense<From, type>,
template <typename From>
constexpr ConvertFn kRow[kNumDTypes] = {WENGERT_FORALL_DTYPES(ROW_ENTRY)};
#undef ROW_ENTRY
#define TABLE_ENTRY(name, type) kRow<type>,
constexpr const ConvertFn* kTable[kNumDTypes] = {WENGERT_FORALL_DTYPES(TABLE_ENTRY)};
#undef TABLE_ENTRY

struct Wide {
  uint64_t half[2];
};

template <typename Unit>
void move_strided(const char* source, int64_t from_stride, char* target, int64_t to_stride,
                  int64_t n) {
  if (from_stride == 0 && to_stride == sizeof(Unit) && n > 0) {  // a loop of stores alone
    Unit unit;
    std::memcpy(&unit, source, sizeof(Unit));
    for (int64_t i = 0; i < n; ++i) std::memcpy(target + i * sizeof(Unit), &unit, sizeof(Unit));
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    Unit unit;
    std::memcpy(&unit, source + i * from_stride, sizeof(Unit));
    std::memcpy(target + i * to_stride, &unit, sizeof(Unit));
  }
}

// Same dtype, any strides.
void move(size_t size, const char* source, int64_t from_stride, char* target, int64_t to_stride,
          int64_t n) {
  switch (size) {
    case 1:
      return move_strided<uint8_t>(source, from_stride, target, to_stride, n);
    case 2:
      return move_strided<uint16_t>(source, from_stride, target, to_stride, n);
    case 4:
      return move_strided<uint32_t>(source, from_stride, target, to_stride, n);
    case 8:
      return move_strided<uint64_t>(source, from_stride, target, to_stride, n);
    default:
      return move_strided<Wide>(source, from_stride, target, to_stride, n);
  }
}

}  // namespace

void convert_run(DType from, const char* source, int64_t from_stride, DType to, char* target,
                 int64_t to_stride, int64_t n) {
  const auto from_size = static_cast<int64_t>(item_size(from));
  const auto to_size = static_cast<int64_t>(item_size(to));
  const ConvertFn dense = kTable[static_cast<int>(from)][static_cast<int>(to)];
  const bool dense_in = from_stride == from_size, dense_out = to_stride == to_size;
  if (dense_in && dense_out) return dense(source, target, n);
  if (from_stride == 0 && dense_out && n > 0) {  // one element for all: converted once
    alignas(16) char value[kMaxItemSize];
    dense(source, value, 1);
    return move(item_size(to), value, 0, target, to_size, n);
  }
  if (from == to) return move(item_size(from), source, from_stride, target, to_stride, n);
  constexpr int64_t kTile = 256;
  alignas(64) char in_tile[kTile * kMaxItemSize];
  alignas(64) char out_tile[kTile * kMaxItemSize];
  for (int64_t i = 0; i < n; i += kTile) {
    const int64_t count = std::min(kTile, n - i);
    const char* in = source + i * from_stride;
    if (!dense_in) {
      move(item_size(from), in, from_stride, in_tile, from_size, count);
      in = in_tile;
    }
    char* out = target + i * to_stride;
    dense(in, dense_out ? out : out_tile, count);
    if (!dense_out) move(item_size(to), out_tile, to_size, out, to_stride, count);
  }
}

}  // namespace wengert::cpu::WENGERT_ISA
