// Elements as plain bytes: what only moves data switches on the item size, not on the dtype.
#pragma once
#include <cstddef>

#include "base/error.h"

namespace wengert::cpu {

// Copies as one load and one store, needs no alignment and may alias anything.
template <size_t kSize>
struct Item {
  unsigned char bytes[kSize];
};

template <typename T>
struct ItemTag {
  using type = T;
};

template <typename Fn>
void visit_item_size(size_t size, Fn&& fn) {
  switch (size) {
    case 1:
      return fn(ItemTag<Item<1>>{});
    case 2:
      return fn(ItemTag<Item<2>>{});
    case 4:
      return fn(ItemTag<Item<4>>{});
    case 8:
      return fn(ItemTag<Item<8>>{});
    case 16:
      return fn(ItemTag<Item<16>>{});
  }
  fail(ErrorKind::kRuntime, "unknown item size ", size);
}

}  // namespace wengert::cpu
