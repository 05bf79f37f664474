// A call of an elementwise loop whose operands are dense and of the loop's dtypes, or constant.
#pragma once
#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/cpu/elementwise.h"
#include "tensor/plan.h"

namespace wengert {

constexpr int64_t kTile = 1024;    // elements that are gathered, or constants repeated, at a time
constexpr int64_t kGrain = 32768;  // elements below which a second thread does not pay

template <typename Word>
inline void repeat_words(const void* value, char* target, int64_t count) {
  Word word;
  std::memcpy(&word, value, sizeof(Word));
  for (int64_t i = 0; i < count; ++i) std::memcpy(target + i * sizeof(Word), &word, sizeof(Word));
}

// Writes `count` elements of `width` bytes, all equal to `value`. Calls only a few elements long
// are the usual case, so there is no call per element.
[[gnu::always_inline]] inline void repeat(const void* value, int64_t width, char* target,
                                          int64_t count) {
  switch (width) {
    case 1:
      return repeat_words<uint8_t>(value, target, count);
    case 2:
      return repeat_words<uint16_t>(value, target, count);
    case 4:
      return repeat_words<uint32_t>(value, target, count);
    case 8:
      return repeat_words<uint64_t>(value, target, count);
    default:
      return repeat_words<std::array<uint64_t, 2>>(value, target, count);
  }
}

// memcpy, for a count that is usually below 64: at most four moves of 16 bytes, the last of which
// may overlap the one before.
[[gnu::always_inline]] inline void copy_few(char* target, const char* source, size_t bytes) {
  if (bytes < 16 || bytes > 64) {
    std::memcpy(target, source, bytes);
    return;
  }
  for (size_t done = 0; done + 16 <= bytes; done += 16) {
    std::memcpy(target + done, source + done, 16);
  }
  std::memcpy(target + bytes - 16, source + bytes - 16, 16);
}

struct alignas(64) Tile {
  char bytes[kTile * kMaxItemSize];
};

inline int64_t round_up(int64_t n) { return (n + cpu::kLanes - 1) & -cpu::kLanes; }

// All operands dense and of the kernel's dtypes, or constant: no plan is needed.
struct DirectCall {
  cpu::ElementwiseLoop loop;
  const Scalar* parameters;
  int operands;
  char* data[Plan::kMaxOperands];
  int64_t width[Plan::kMaxOperands];  // bytes per element; 0 for a constant

  void run(int64_t begin, int64_t end, bool constants) const {
    char* now[Plan::kMaxOperands];
    const int64_t full = begin + ((end - begin) & -cpu::kLanes);
    const int64_t step = constants ? kTile : full - begin;
    for (int64_t i = begin; i < full; i += step) {
      for (int k = 0; k < operands; ++k) now[k] = data[k] + i * width[k];
      loop(now, std::min(step, full - i), parameters);
    }
    if (full == end) return;
    // The last few elements go through a padded tile and the same vector code.
    alignas(64) char tail[Plan::kMaxOperands][cpu::kLanes * kMaxItemSize];
    const int64_t count = end - full;
    for (int k = 0; k < operands; ++k) {
      if (width[k] == 0) {
        now[k] = data[k];
        continue;
      }
      now[k] = tail[k];
      if (k == 0) continue;
      const char* source = data[k] + full * width[k];
      repeat(source, width[k], tail[k], cpu::kLanes);
      copy_few(tail[k], source, static_cast<size_t>(count * width[k]));
    }
    loop(now, cpu::kLanes, parameters);
    copy_few(data[0] + full * width[0], tail[0], static_cast<size_t>(count * width[0]));
  }
};

}  // namespace wengert
