#include "device/allocator.h"

#include <bit>
#include <cstdlib>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "base/error.h"
#include "base/small_blocks.h"

namespace wengert::allocator {

namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kMaxCachedBlock = size_t{64} << 20;
constexpr int64_t kCacheBound = int64_t{512} << 20;
constexpr int kClasses = 128;
constexpr size_t kHugePage = size_t{2} << 20;

struct FreeBlock {
  FreeBlock* next;
};

struct State {
  FreeBlock* lists[kClasses] = {};
  Statistics numbers = {0, 0, 0};
};
State state;

// Four classes per power of two: at most 25 % of a block is unused.
struct SizeClass {
  int index;
  size_t bytes;
};
SizeClass size_class(size_t bytes) {
  if (bytes <= kAlignment) return {0, kAlignment};
  const int log = std::bit_width(bytes - 1) - 1;  // bytes is in (2^log, 2^(log+1)]
  const int shift = log >= 8 ? log - 2 : 6;       // steps are never below the alignment
  const size_t steps = (bytes + (size_t{1} << shift) - 1) >> shift;
  const size_t rounded = steps << shift;
  const int index = shift == 6 ? static_cast<int>(steps) : (log - 8) * 4 + static_cast<int>(steps);
  return {index, rounded};
}

void* fresh(size_t bytes) {
  const size_t alignment = bytes < kHugePage ? kAlignment : kHugePage;
  void* block = std::aligned_alloc(alignment, bytes);
  if (block == nullptr) {
    empty_cache();
    block = std::aligned_alloc(alignment, bytes);
  }
  WENGERT_CHECK(block != nullptr, kMemory, "not enough memory: tried to allocate ", bytes,
                " bytes (", state.numbers.allocated, " bytes are in use by tensors)");
#if defined(MADV_HUGEPAGE)
  // Kernels that stream through memory spend a tenth of their time on finding small pages. Where
  // the system has no large ones it says so here, and nothing is lost.
  if (bytes >= kHugePage) madvise(block, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return block;
}

}  // namespace

void* allocate(size_t bytes) {
  WENGERT_CHECK(bytes < (size_t{1} << 62), kMemory, "not enough memory: tried to allocate ", bytes,
                " bytes");
  const SizeClass c = size_class(bytes);
  void* block;
  FreeBlock** list = c.bytes <= kMaxCachedBlock ? &state.lists[c.index] : nullptr;
  if (bytes <= SmallBlocks::kLargest) {
    block = SmallBlocks::allocate(bytes);
  } else if (list != nullptr && *list != nullptr) {
    block = *list;
    *list = (*list)->next;
    state.numbers.cached -= static_cast<int64_t>(c.bytes);
  } else {
    block = fresh(c.bytes);
  }
  state.numbers.allocated += static_cast<int64_t>(c.bytes);
  if (state.numbers.allocated > state.numbers.peak_allocated) {
    state.numbers.peak_allocated = state.numbers.allocated;
  }
  return block;
}

void deallocate(void* block, size_t bytes) noexcept {
  const SizeClass c = size_class(bytes);
  state.numbers.allocated -= static_cast<int64_t>(c.bytes);
  if (bytes <= SmallBlocks::kLargest) return SmallBlocks::deallocate(block, bytes);
  if (c.bytes > kMaxCachedBlock ||
      state.numbers.cached + static_cast<int64_t>(c.bytes) > kCacheBound) {
    std::free(block);
    return;
  }
  auto* free_block = static_cast<FreeBlock*>(block);
  free_block->next = state.lists[c.index];
  state.lists[c.index] = free_block;
  state.numbers.cached += static_cast<int64_t>(c.bytes);
}

void empty_cache() {
  for (FreeBlock*& list : state.lists) {
    while (list != nullptr) {
      FreeBlock* next = list->next;
      std::free(list);
      list = next;
    }
  }
  state.numbers.cached = 0;
  SmallBlocks::give_back();
}

Statistics statistics() { return state.numbers; }
void reset_peak() { state.numbers.peak_allocated = state.numbers.allocated; }

}  // namespace wengert::allocator
