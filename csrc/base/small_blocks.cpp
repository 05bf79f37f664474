#include "base/small_blocks.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <utility>

namespace wengert {

namespace {

constexpr size_t kSizes = SmallBlocks::kLargest / SmallBlocks::kStep + 1;
constexpr size_t kKept = 32;     // empty slabs: 64 MB
constexpr uint32_t kCut = 4096;  // bytes that are made into blocks at a time: a page

char* map(size_t bytes) {
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char*>(mapped);
}

// A mapping of `bytes`, a power of two, aligned to them. The system puts one mapping next to the
// last, so that most are aligned as they come.
void* map_aligned(size_t bytes) {
  const auto aligned = [bytes](char* p) {
    return p + (-reinterpret_cast<uintptr_t>(p) & (bytes - 1));
  };
  char* const simple = map(bytes);
  if (aligned(simple) == simple) return simple;
  munmap(simple, bytes);
  char* const start = map(2 * bytes);
  char* const middle = aligned(start);
  if (middle > start) munmap(start, static_cast<size_t>(middle - start));
  if (middle < start + bytes) munmap(middle + bytes, static_cast<size_t>(start + bytes - middle));
  return middle;
}

}  // namespace

struct SmallBlocks::Lists {
  static inline constinit Slab nothing{};        // stands where there is no slab yet
  static inline constinit Slab* open[kSizes]{};  // those with room, but for the current one
  static inline constinit size_t count[kSizes]{};
  static inline constinit Slab* empty = nullptr;
  static inline constinit size_t empties = 0;

  static void add(Slab* slab, Slab*& first) {
    slab->previous = nullptr;
    slab->next = first;
    if (first != nullptr) first->previous = slab;
    first = slab;
  }
  static void remove(Slab* slab, Slab*& first) {
    (slab->previous != nullptr ? slab->previous->next : first) = slab->next;
    if (slab->next != nullptr) slab->next->previous = slab->previous;
  }
  template <size_t... kIndex>
  static constexpr std::array<Slab*, kSizes> nothings(std::index_sequence<kIndex...>) {
    return {{((void)kIndex, &nothing)...}};
  }
};

constinit std::array<SmallBlocks::Slab*, kSizes> SmallBlocks::current =
    SmallBlocks::Lists::nothings(std::make_index_sequence<kSizes>());

// Makes some blocks out of what was never used; false if there is nothing left.
bool SmallBlocks::cut(Slab* slab, size_t block_bytes) noexcept {
  const size_t room = (kSlabBytes - slab->untouched) / block_bytes;
  const size_t count = std::min(room, std::max<size_t>(1, kCut / block_bytes));
  char* block = reinterpret_cast<char*>(slab) + slab->untouched + count * block_bytes;
  for (size_t i = 0; i < count; ++i) {  // the first comes first
    block -= block_bytes;
    slab->free = ::new (block) Free{slab->free};
  }
  slab->untouched += static_cast<uint32_t>(count * block_bytes);
  return count > 0;
}

SmallBlocks::Slab* SmallBlocks::slab_with_room(size_t index) {
  if (Slab* slab = Lists::open[index]) {
    Lists::remove(slab, Lists::open[index]);
    return slab;
  }
  void* memory = Lists::empty;
  if (memory != nullptr) {
    Lists::remove(Lists::empty, Lists::empty);
    --Lists::empties;
  } else {
    memory = map_aligned(kSlabBytes);
  }
#ifdef MADV_HUGEPAGE
  if (Lists::count[index] > 0) madvise(memory, kSlabBytes, MADV_HUGEPAGE);
#endif
  ++Lists::count[index];
  Slab* slab = ::new (memory) Slab;
  slab->untouched = sizeof(Slab);
  return slab;
}

void* SmallBlocks::allocate_slowly(size_t index) {
  index = std::max<size_t>(index, 1);
  Slab*& slab = current[index];
  if (slab == &Lists::nothing || !cut(slab, index * kStep)) {
    Slab* next = slab_with_room(index);
    if (slab != &Lists::nothing) slab->exhausted = true;
    slab = next;
    if (slab->free == nullptr) cut(slab, index * kStep);
  }
  Free* block = slab->free;
  slab->free = block->next;
  ++slab->live;
  return block;
}

// After a block came back: a slab that was exhausted has room again, an empty one is not needed.
void SmallBlocks::sort_in(Slab* slab, size_t index) noexcept {
  index = std::max<size_t>(index, 1);
  if (slab == current[index]) return;
  if (slab->exhausted) {
    slab->exhausted = false;
    Lists::add(slab, Lists::open[index]);
  }
  if (slab->live > 0) return;
  Lists::remove(slab, Lists::open[index]);
  --Lists::count[index];
  if (Lists::empties < kKept) {
    Lists::add(slab, Lists::empty);
    ++Lists::empties;
  } else {
    munmap(slab, kSlabBytes);
  }
}

void SmallBlocks::give_back() noexcept {
  while (Slab* slab = Lists::empty) {
    Lists::remove(slab, Lists::empty);
    munmap(slab, kSlabBytes);
  }
  Lists::empties = 0;
}

}  // namespace wengert
