// Range checks of index buffers: branch-free while all is well.
#pragma once
#include <cstdint>

namespace wengert::cpu {

// The sign bit of the result is set where index is not in [0, size).
inline uint64_t out_of_range(int64_t index, int64_t size) {
  return static_cast<uint64_t>(index) |
         (static_cast<uint64_t>(size - 1) - static_cast<uint64_t>(index));
}

// The sign bit of the result is set where index is not in [-size, size).
inline uint64_t out_of_signed_range(int64_t index, int64_t size) {
  return (static_cast<uint64_t>(index) + static_cast<uint64_t>(size)) |
         (static_cast<uint64_t>(size - 1) - static_cast<uint64_t>(index));
}

// The position of the first index that is not in [low, size), or -1. low is 0 or -size.
template <typename I>
int64_t first_out_of_range(const I* index, int64_t count, int64_t low, int64_t size) {
  uint64_t flags = 0;
  if (low == 0) {
    for (int64_t i = 0; i < count; ++i) flags |= out_of_range(index[i], size);
  } else {
    for (int64_t i = 0; i < count; ++i) flags |= out_of_signed_range(index[i], size);
  }
  if (flags >> 63 == 0) return -1;
  for (int64_t i = 0; i < count; ++i) {
    if (index[i] < low || index[i] >= size) return i;
  }
  return -1;
}

}  // namespace wengert::cpu
