// Memory for small objects that come and go in great numbers: nodes of a graph, headers and values
// of small tensors. Used under Python's lock only.
//
// Blocks of one size lie side by side in slabs of two megabytes, each with a list of its own free
// blocks, so that a slab without a block in use can be given back. A small program touches the
// first pages of a few slabs. From the second slab of a size on they ask for huge pages: a walk
// along a million nodes waits as long for the lookup of small ones as for the memory itself.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace wengert {

class SmallBlocks {
 public:
  static constexpr size_t kLargest = 1024;  // bytes
  static constexpr size_t kStep = 64;       // between sizes; and all blocks are aligned to it

  static void* allocate(size_t bytes) {
#ifdef __SANITIZE_ADDRESS__  // so that a use after the end is noticed
    return ::operator new(bytes, std::align_val_t{kStep});
#else
    Slab* slab = current[index_of(bytes)];
    Free* block = slab->free;
    if (block == nullptr) [[unlikely]]
      return allocate_slowly(index_of(bytes));
    slab->free = block->next;
    ++slab->live;
    return block;
#endif
  }

  static void deallocate(void* block, [[maybe_unused]] size_t bytes) noexcept {
#ifdef __SANITIZE_ADDRESS__
    ::operator delete(block, std::align_val_t{kStep});
#else
    auto* slab = reinterpret_cast<Slab*>(reinterpret_cast<uintptr_t>(block) & -kSlabBytes);
    slab->free = ::new (block) Free{slab->free};
    if (--slab->live == 0 || slab->exhausted) [[unlikely]]
      sort_in(slab, index_of(bytes));
#endif
  }

  // Returns empty slabs, of which some are kept for reuse, to the system.
  static void give_back() noexcept;

 private:
  struct Free {
    Free* next;
  };
  struct alignas(kStep) Slab {
    Free* free = nullptr;  // blocks that are ready
    Slab *next = nullptr, *previous = nullptr;
    uint32_t live = 0;       // blocks in use
    uint32_t untouched = 0;  // offset of what was never made into blocks
    bool exhausted = false;  // had nothing left, and is in no list
  };
  struct Lists;
  static constexpr size_t kSlabBytes = size_t{2} << 20;

  static size_t index_of(size_t bytes) { return (bytes + kStep - 1) / kStep; }
  static void* allocate_slowly(size_t index);
  static bool cut(Slab* slab, size_t block_bytes) noexcept;
  static Slab* slab_with_room(size_t index);
  static void sort_in(Slab* slab, size_t index) noexcept;

  static std::array<Slab*, kLargest / kStep + 1> current;  // the slabs that blocks are taken from
};

}  // namespace wengert
