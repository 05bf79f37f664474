// nonzero, masked_select and masked_scatter: fixed chunks are counted first, so that each chunk
// knows where its part begins and all can be filled in parallel.
#include <algorithm>
#include <vector>

#include "device/cpu/parallel.h"
#include "kernels/cpu/index.h"
#include "kernels/cpu/item.h"

namespace wengert::cpu {

namespace {

constexpr int64_t kChunk = 32768;

template <typename T>
inline bool is_nonzero(const T& value) {
  return convert<bool>(value);
}

template <typename T>
int64_t count_range(const T* x, int64_t first, int64_t last) {
  int64_t count = 0;
  for (int64_t i = first; i < last; ++i) count += is_nonzero(x[i]);
  return count;
}

// starts[c] = how many elements before chunk c are not zero; one more entry has the total.
template <typename T>
std::vector<int64_t> chunk_starts(const T* x, int64_t n) {
  const int64_t chunks = (n + kChunk - 1) / kChunk;
  std::vector<int64_t> starts(chunks + 1, 0);
  parallel_for(chunks, 1, [&](int64_t first, int64_t last) {
    for (int64_t c = first; c < last; ++c) {
      starts[c + 1] = count_range(x, c * kChunk, std::min(n, (c + 1) * kChunk));
    }
  });
  for (int64_t c = 0; c < chunks; ++c) starts[c + 1] += starts[c];
  return starts;
}

// Calls fn(position, rank) for every element that is not zero, chunks in parallel.
template <typename T, typename Fn>
void for_each_nonzero(const T* x, int64_t n, const std::vector<int64_t>& starts, const Fn& fn) {
  parallel_for(static_cast<int64_t>(starts.size()) - 1, 1, [&](int64_t first, int64_t last) {
    for (int64_t c = first; c < last; ++c) {
      int64_t rank = starts[c];
      const int64_t end = std::min(n, (c + 1) * kChunk);
      for (int64_t i = c * kChunk; i < end; ++i) {
        if (is_nonzero(x[i])) fn(i, rank++);
      }
    }
  });
}

}  // namespace

int64_t count_nonzero(DType dtype, const void* x, int64_t n) {
  return visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return chunk_starts(static_cast<const T*>(x), n).back();
  });
}

void nonzero(DType dtype, const void* x, const int64_t* sizes, int ndim, int64_t* out) {
  if (ndim == 0) return;
  int64_t n = 1;
  for (int d = 0; d < ndim; ++d) n *= sizes[d];
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* values = static_cast<const T*>(x);
    for_each_nonzero(values, n, chunk_starts(values, n), [=](int64_t i, int64_t rank) {
      int64_t* coordinates = out + rank * ndim;
      for (int d = ndim - 1; d > 0; --d) {
        coordinates[d] = i % sizes[d];
        i /= sizes[d];
      }
      coordinates[0] = i;
    });
  });
}

void masked_select(size_t item_size, const void* x, const bool* mask, int64_t n, void* out) {
  const std::vector<int64_t> starts = chunk_starts(mask, n);
  visit_item_size(item_size, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_nonzero(mask, n, starts, [=](int64_t i, int64_t rank) {
      static_cast<T*>(out)[rank] = static_cast<const T*>(x)[i];
    });
  });
}

void masked_scatter(size_t item_size, void* self, const bool* mask, int64_t n, const void* source,
                    int64_t source_count) {
  const std::vector<int64_t> starts = chunk_starts(mask, n);
  WENGERT_CHECK(starts.back() <= source_count, kRuntime,
                "masked_scatter(): Number of elements of source < number of ones in mask");
  visit_item_size(item_size, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each_nonzero(mask, n, starts, [=](int64_t i, int64_t rank) {
      static_cast<T*>(self)[i] = static_cast<const T*>(source)[rank];
    });
  });
}

}  // namespace wengert::cpu
