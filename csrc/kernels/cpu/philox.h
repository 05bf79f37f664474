// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, 2011): four random words as a function of a key and
// a counter. Nothing is carried from one number to the next, so any thread can make any element.
#pragma once
#include <cstdint>

namespace wengert::cpu {

// Where a generator stands. `offset` counts counters, of four words each; a kernel that has drawn
// from it returns by how much the offset must advance.
struct PhiloxState {
  uint64_t seed, offset;
};

struct PhiloxWords {
  uint32_t a, b, c, d;
};

// Internal linkage: this header is also compiled for several instruction sets.
[[maybe_unused]] static inline __attribute__((always_inline)) PhiloxWords philox(uint64_t seed,
                                                                                 uint64_t counter,
                                                                                 uint32_t draw,
                                                                                 uint32_t stream) {
  PhiloxWords w{static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), draw, stream};
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const uint64_t p = uint64_t{0xD2511F53u} * w.a, q = uint64_t{0xCD9E8D57u} * w.c;
    w = {static_cast<uint32_t>(q >> 32) ^ w.b ^ key0, static_cast<uint32_t>(q),
         static_cast<uint32_t>(p >> 32) ^ w.d ^ key1, static_cast<uint32_t>(p)};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return w;
}

}  // namespace wengert::cpu
