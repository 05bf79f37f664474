// Memory for small objects that come and go in great numbers, such as the nodes of a graph: a free
// list per size. Used under Python's lock only.
#pragma once
#include <cstddef>
#include <new>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace wengert {

// A base that gives a class, and all that derive from it, pooled new and delete.
class Pooled {
 public:
  static void* operator new(size_t bytes) {
    if (bytes > kLargest) [[unlikely]]
      return ::operator new(bytes);
    List& list = lists[index_of(bytes)];
    if (list.first == nullptr) return ::operator new(rounded(bytes));
    Free* block = list.first;
    list.first = block->next;
    --list.count;
    return block;
  }
  static void operator delete(void* block, size_t bytes) noexcept {
    if (bytes > kLargest) [[unlikely]]
      return ::operator delete(block);
    List& list = lists[index_of(bytes)];
    if (list.count >= kMaxFree) {
      freed += rounded(bytes);
      return ::operator delete(block);
    }
    list.first = ::new (block) Free{list.first};
    ++list.count;
  }

  // After a large graph is gone: the C library keeps what lies between blocks in use, unless it is
  // told to give it back.
  static void give_back() {
    if (freed < kWorthwhile) [[likely]]
      return;
    freed = 0;
#ifdef __GLIBC__
    malloc_trim(0);
#endif
  }

 private:
  struct Free {
    Free* next;
  };
  struct List {
    Free* first;
    size_t count;
  };
  static constexpr size_t kStep = 64, kLargest = 1024, kWorthwhile = size_t{64} << 20;
#ifdef __SANITIZE_ADDRESS__
  static constexpr size_t kMaxFree = 0;  // so that a use after the end is noticed
#else
  static constexpr size_t kMaxFree = 4096;
#endif
  static size_t index_of(size_t bytes) { return (bytes + kStep - 1) / kStep; }
  static size_t rounded(size_t bytes) { return index_of(bytes) * kStep; }
  static inline constinit List lists[kLargest / kStep + 1] = {};
  static inline constinit size_t freed = 0;  // bytes, since they were last given back
};

}  // namespace wengert
