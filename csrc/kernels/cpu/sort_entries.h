// (key, position) pairs and how they are sorted: the shared engine of sort, topk, mode and unique.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/cpu/order_key.h"

namespace wengert::cpu {

// A key of up to 32 bits and a position in one word: comparing words compares both.
struct PackedEntry {
  uint64_t word;
  static constexpr int kKeyShift = 32;
  static PackedEntry make(uint64_t key, int64_t position) {
    return {key << 32 | static_cast<uint64_t>(position)};
  }
  static PackedEntry greatest() { return {~uint64_t{0}}; }
  uint64_t key() const { return word >> 32; }
  int64_t position() const { return static_cast<int64_t>(word & 0xffffffffu); }
  uint64_t radix_word() const { return word; }
  friend bool operator<(PackedEntry a, PackedEntry b) { return a.word < b.word; }
};

struct WideEntry {
  uint64_t word;
  int64_t index;
  static constexpr int kKeyShift = 0;
  static WideEntry make(uint64_t key, int64_t position) { return {key, position}; }
  static WideEntry greatest() { return {~uint64_t{0}, INT64_MAX}; }
  uint64_t key() const { return word; }
  int64_t position() const { return index; }
  uint64_t radix_word() const { return word; }
  friend bool operator<(const WideEntry& a, const WideEntry& b) {
    return a.word != b.word ? a.word < b.word : a.index < b.index;
  }
};

inline constexpr int64_t kPackedLimit = int64_t{1} << 32;

// Below this many entries a comparison sort beats a radix sort.
inline constexpr int64_t kRadixThreshold = 256;

// Sorts entries whose positions ascend already. `scratch` holds n entries; the result is in
// `entries` or in `scratch`, whichever is returned.
template <typename Entry>
Entry* sort_entries(Entry* entries, Entry* scratch, int64_t n, int key_bytes) {
  if (n < kRadixThreshold) {
    std::sort(entries, entries + n);
    return entries;
  }
  // Least significant digit first, eight bits a pass; digits that all keys share cost nothing.
  int64_t histogram[8][256] = {};
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t key = entries[i].radix_word() >> Entry::kKeyShift;
    for (int digit = 0; digit < key_bytes; ++digit) ++histogram[digit][key >> (8 * digit) & 255];
  }
  for (int digit = 0; digit < key_bytes; ++digit) {
    int64_t* counts = histogram[digit];
    const int shift = Entry::kKeyShift + 8 * digit;
    if (counts[entries[0].radix_word() >> shift & 255] == n) continue;
    int64_t start = 0;
    for (int bucket = 0; bucket < 256; ++bucket) {
      const int64_t count = counts[bucket];
      counts[bucket] = start;
      start += count;
    }
    for (int64_t i = 0; i < n; ++i) {
      scratch[counts[entries[i].radix_word() >> shift & 255]++] = entries[i];
    }
    std::swap(entries, scratch);
  }
  return entries;
}

// Fills entries with the keys of a row; flip (all ones or zero) turns the order around.
template <typename Entry, typename T>
void load_entries(const T* row, int64_t stride, int64_t n, order_key_t<T> flip, Entry* entries) {
  for (int64_t i = 0; i < n; ++i) {
    const auto key = static_cast<order_key_t<T>>(order_key(row[i * stride]) ^ flip);
    entries[i] = Entry::make(key, i);
  }
}

}  // namespace wengert::cpu
