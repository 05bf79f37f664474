// Memory for tensors on the CPU: 64-byte aligned blocks in size classes, kept for reuse up to a
// bound. Called under Python's lock only.
#pragma once
#include <cstddef>
#include <cstdint>

namespace wengert::allocator {

void* allocate(size_t bytes);
void deallocate(void* block, size_t bytes) noexcept;  // `bytes` as asked for
void empty_cache();

struct Statistics {
  int64_t allocated;       // bytes in use
  int64_t peak_allocated;  // the most that were in use since reset_peak
  int64_t cached;          // bytes kept for reuse
};
Statistics statistics();
void reset_peak();

}  // namespace wengert::allocator
