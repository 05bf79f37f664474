#include "graph/shared.h"

#include <cstring>
#include <mutex>
#include <unordered_map>

namespace wengert {

namespace {

// Beside the storages, few of which are shared.
struct Table {
  std::mutex mutex;
  std::unordered_map<const Storage*, uint64_t> checksums;
};
Table& table() {
  static auto* one = new Table();
  return *one;
}

}  // namespace

// Four independent sums, so that it runs about as fast as memory is read.
uint64_t checksum_of(const char* bytes, size_t count) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15u;
  uint64_t sums[4] = {1, 2, 3, 4};
  size_t at = 0;
  for (; at + sizeof(sums) <= count; at += sizeof(sums)) {
    uint64_t words[4];
    std::memcpy(words, bytes + at, sizeof(words));
    for (int k = 0; k < 4; ++k) sums[k] = (sums[k] ^ words[k]) * kOdd;
  }
  for (; at < count; ++at) sums[0] = (sums[0] ^ static_cast<unsigned char>(bytes[at])) * kOdd;
  return ((sums[0] * kOdd + sums[1]) * kOdd + sums[2]) * kOdd + sums[3];
}

void note_shared(Storage& storage) {
  // What is saved from now on brings a checksum of its own; only what was saved before the first
  // sharing needs this one. A saved value holds the storage, beside the tensor that is shared and
  // the one that shares it: where there are fewer holders nothing need be read.
  if (storage.shared != 1 || storage.refs < 3 || storage.read_only || storage.data == nullptr) {
    return;
  }
  const std::lock_guard lock(table().mutex);
  table().checksums[&storage] = checksum_of(storage.data, storage.bytes);
}

void forget_shared(Storage& storage) {
  const std::lock_guard lock(table().mutex);
  table().checksums.erase(&storage);
}

bool changed_since_shared(const Storage& storage) {
  const std::lock_guard lock(table().mutex);
  const auto found = table().checksums.find(&storage);
  return found != table().checksums.end() &&
         found->second != checksum_of(storage.data, storage.bytes);
}

}  // namespace wengert
