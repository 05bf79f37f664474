// A base that gives a class, and all that derive from it, new and delete out of SmallBlocks.
#pragma once
#include "base/small_blocks.h"

namespace wengert {

class Pooled {
 public:
  static void* operator new(size_t bytes) {
    if (bytes > SmallBlocks::kLargest) [[unlikely]]
      return ::operator new(bytes);
    return SmallBlocks::allocate(bytes);
  }
  static void operator delete(void* block, size_t bytes) noexcept {
    if (bytes > SmallBlocks::kLargest) [[unlikely]]
      return ::operator delete(block);
    SmallBlocks::deallocate(block, bytes);
  }
};

}  // namespace wengert
