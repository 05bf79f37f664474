// tril, triu, roll and flip: only bytes move.
#include <algorithm>
#include <cstring>

#include "device/cpu/parallel.h"
#include "kernels/cpu/index.h"
#include "kernels/cpu/item.h"

namespace wengert::cpu {

namespace {

int64_t grain_of(int64_t bytes) {
  return std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(bytes, 1));
}

// Of each row keeps the columns [first(row), last(row)) and clears the others.
template <typename Range>
void keep_columns(int64_t item_size, const void* x, void* out, int64_t batch, int64_t rows,
                  int64_t cols, const Range& range) {
  const int64_t bytes = cols * item_size;
  parallel_for(batch * rows, grain_of(bytes), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const auto [first, last] = range(row % rows);
      const char* from = static_cast<const char*>(x) + row * bytes;
      char* to = static_cast<char*>(out) + row * bytes;
      std::memset(to, 0, first * item_size);
      if (from != to) {
        std::memcpy(to + first * item_size, from + first * item_size, (last - first) * item_size);
      }
      std::memset(to + last * item_size, 0, (cols - last) * item_size);
    }
  });
}

struct Columns {
  int64_t first, last;
};

}  // namespace

void tril(size_t item_size, const void* x, void* out, int64_t batch, int64_t rows, int64_t cols,
          int64_t diagonal) {
  diagonal = std::clamp(diagonal, -rows, cols);
  keep_columns(static_cast<int64_t>(item_size), x, out, batch, rows, cols, [=](int64_t row) {
    return Columns{0, std::clamp<int64_t>(row + diagonal + 1, 0, cols)};
  });
}

void triu(size_t item_size, const void* x, void* out, int64_t batch, int64_t rows, int64_t cols,
          int64_t diagonal) {
  diagonal = std::clamp(diagonal, -rows, cols);
  keep_columns(static_cast<int64_t>(item_size), x, out, batch, rows, cols, [=](int64_t row) {
    return Columns{std::clamp<int64_t>(row + diagonal, 0, cols), cols};
  });
}

void roll(size_t item_size, const void* x, void* out, int64_t outer, int64_t n, int64_t inner,
          int64_t shift) {
  if (n == 0) return;
  const int64_t bytes = inner * static_cast<int64_t>(item_size);
  const int64_t start = ((shift % n) + n) % n;  // where the first slice goes
  parallel_for(outer, grain_of(n * bytes), [&](int64_t first, int64_t last) {
    for (int64_t slice = first; slice < last; ++slice) {
      const char* from = static_cast<const char*>(x) + slice * n * bytes;
      char* to = static_cast<char*>(out) + slice * n * bytes;
      std::memcpy(to + start * bytes, from, (n - start) * bytes);
      std::memcpy(to, from + (n - start) * bytes, start * bytes);
    }
  });
}

void flip(size_t item_size, const void* x, void* out, int64_t outer, int64_t n, int64_t inner) {
  const int64_t bytes = inner * static_cast<int64_t>(item_size);
  if (inner > 1) {
    parallel_for(outer * n, grain_of(bytes), [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        const int64_t mirrored = row - row % n + (n - 1 - row % n);
        std::memcpy(static_cast<char*>(out) + row * bytes,
                    static_cast<const char*>(x) + mirrored * bytes, bytes);
      }
    });
    return;
  }
  visit_item_size(item_size, [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(outer * inner, grain_of(n * bytes), [&](int64_t first, int64_t last) {
      for (int64_t slice = first; slice < last; ++slice) {
        const T* from = static_cast<const T*>(x) + slice * n;
        T* to = static_cast<T*>(out) + slice * n;
        for (int64_t i = 0; i < n; ++i) to[i] = from[n - 1 - i];
      }
    });
  });
}

}  // namespace wengert::cpu
