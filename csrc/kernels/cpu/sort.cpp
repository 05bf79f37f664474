#include "kernels/cpu/sort.h"

#include <atomic>
#include <memory>

#include "device/cpu/parallel.h"
#include "kernels/cpu/sort_entries.h"

namespace wengert::cpu {

namespace {

// Calls fn(row, buffer) for every row, row = outer index * inner + inner index. Each thread has its
// own buffer of `buffer_size` entries, allocated here because parallel bodies must not throw.
template <typename Entry, typename Fn>
void for_each_row(int64_t rows, int64_t n, int64_t buffer_size, const Fn& fn) {
  if (rows <= 0) return;
  const int64_t grain = std::max<int64_t>(1, 4096 / std::max<int64_t>(n, 1));
  const int64_t pieces = (rows + grain - 1) / grain;
  const int64_t threads = std::min<int64_t>(num_threads(), pieces);
  const auto buffers = std::make_unique_for_overwrite<Entry[]>(threads * buffer_size);
  // parallel_for calls its body at most once per thread, so that a ticket names a buffer.
  std::atomic<int64_t> ticket{0};
  parallel_for(rows, grain, [&](int64_t first, int64_t last) {
    Entry* buffer = buffers.get() + ticket.fetch_add(1) * buffer_size;
    for (int64_t row = first; row < last; ++row) fn(row, buffer);
  });
}

// Calls fn(type tag, entry tag) with the narrowest entry that holds the keys and positions.
template <typename Fn>
void visit_entries(const char* name, DType dtype, int64_t n, const Fn& fn) {
  visit_ordered(name, dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (sizeof(T) <= 4) {
      if (n < kPackedLimit) return fn(tag, TypeTag<PackedEntry>{});
    }
    return fn(tag, TypeTag<WideEntry>{});
  });
}

template <typename T>
constexpr order_key_t<T> flip_mask(bool descending) {
  return descending ? static_cast<order_key_t<T>>(~order_key_t<T>{0}) : order_key_t<T>{0};
}

// Leaves the k first entries of a row, sorted, at the start of the buffer. Where k is small it
// keeps a short list of candidates and a bar that most values fail to pass.
template <typename Entry, typename T>
void select_first(const T* row, int64_t stride, int64_t n, int64_t k, order_key_t<T> flip,
                  Entry* buffer, int64_t capacity) {
  if (capacity >= n) {
    load_entries(row, stride, n, flip, buffer);
    if (k < n) std::nth_element(buffer, buffer + k - 1, buffer + n);
  } else {
    int64_t count = 0;
    Entry bar = Entry::greatest();
    for (int64_t i = 0; i < n; ++i) {
      const auto key = static_cast<order_key_t<T>>(order_key(row[i * stride]) ^ flip);
      const Entry entry = Entry::make(key, i);
      if (!(entry < bar)) continue;
      buffer[count++] = entry;
      if (count == capacity) {
        std::nth_element(buffer, buffer + k - 1, buffer + count);
        bar = buffer[k - 1];
        count = k;
      }
    }
    if (k < count) std::nth_element(buffer, buffer + k - 1, buffer + count);
  }
  std::sort(buffer, buffer + k);
}

}  // namespace

void sort(DType dtype, const void* x, int64_t outer, int64_t n, int64_t inner, bool descending,
          void* values, int64_t* indices) {
  visit_entries("sort", dtype, n, [&](auto type_tag, auto entry_tag) {
    using T = typename decltype(type_tag)::type;
    using Entry = typename decltype(entry_tag)::type;
    for_each_row<Entry>(outer * inner, n, 2 * n, [&](int64_t row, Entry* buffer) {
      const int64_t offset = row / inner * n * inner + row % inner;
      const T* source = static_cast<const T*>(x) + offset;
      load_entries(source, inner, n, flip_mask<T>(descending), buffer);
      const Entry* sorted = sort_entries(buffer, buffer + n, n, sizeof(T));
      if (values != nullptr) {
        T* target = static_cast<T*>(values) + offset;
        for (int64_t i = 0; i < n; ++i) target[i * inner] = source[sorted[i].position() * inner];
      }
      if (indices != nullptr) {
        for (int64_t i = 0; i < n; ++i) indices[offset + i * inner] = sorted[i].position();
      }
    });
  });
}

void topk(DType dtype, const void* x, int64_t outer, int64_t n, int64_t inner, int64_t k,
          bool largest, void* values, int64_t* indices) {
  WENGERT_CHECK(k >= 0 && k <= n, kRuntime, "topk(): selected index k out of range");
  if (k == 0) return;
  visit_entries("topk", dtype, n, [&](auto type_tag, auto entry_tag) {
    using T = typename decltype(type_tag)::type;
    using Entry = typename decltype(entry_tag)::type;
    const int64_t capacity = k <= n / 4 ? std::min(n, std::max<int64_t>(2 * k, 64)) : n;
    for_each_row<Entry>(outer * inner, n, capacity, [&](int64_t row, Entry* buffer) {
      const int64_t block = row / inner;
      const T* source = static_cast<const T*>(x) + block * n * inner + row % inner;
      select_first(source, inner, n, k, flip_mask<T>(largest), buffer, capacity);
      const int64_t target = block * k * inner + row % inner;
      for (int64_t i = 0; i < k; ++i) {
        const int64_t position = buffer[i].position();
        static_cast<T*>(values)[target + i * inner] = source[position * inner];
        indices[target + i * inner] = position;
      }
    });
  });
}

void kthvalue(DType dtype, const void* x, int64_t outer, int64_t n, int64_t inner, int64_t k,
              void* values, int64_t* indices) {
  WENGERT_CHECK(k >= 1 && k <= n, kRuntime, "kthvalue(): selected number k out of range");
  visit_entries("kthvalue", dtype, n, [&](auto type_tag, auto entry_tag) {
    using T = typename decltype(type_tag)::type;
    using Entry = typename decltype(entry_tag)::type;
    for_each_row<Entry>(outer * inner, n, n, [&](int64_t row, Entry* buffer) {
      const T* source = static_cast<const T*>(x) + row / inner * n * inner + row % inner;
      load_entries(source, inner, n, flip_mask<T>(false), buffer);
      std::nth_element(buffer, buffer + k - 1, buffer + n);
      const int64_t position = buffer[k - 1].position();
      static_cast<T*>(values)[row] = source[position * inner];
      indices[row] = position;
    });
  });
}

void median(DType dtype, const void* x, int64_t outer, int64_t n, int64_t inner, bool ignore_nan,
            void* values, int64_t* indices) {
  visit_entries("median", dtype, n, [&](auto type_tag, auto entry_tag) {
    using T = typename decltype(type_tag)::type;
    using Entry = typename decltype(entry_tag)::type;
    for_each_row<Entry>(outer * inner, n, n, [&](int64_t row, Entry* buffer) {
      const T* source = static_cast<const T*>(x) + row / inner * n * inner + row % inner;
      load_entries(source, inner, n, flip_mask<T>(false), buffer);
      int64_t position = -1;
      int64_t valid = n;
      if constexpr (has_nan_v<T>) {
        for (int64_t i = n - 1; i >= 0; --i) {
          if (buffer[i].key() != kNanKey<T>) continue;
          --valid;
          position = i;
        }
      }
      if (position < 0 || (ignore_nan && valid > 0)) {
        const int64_t middle = (valid - 1) / 2;  // NaN keys are above all the valid ones
        std::nth_element(buffer, buffer + middle, buffer + n);
        position = buffer[middle].position();
      }
      static_cast<T*>(values)[row] = source[position * inner];
      indices[row] = position;
    });
  });
}

void mode(DType dtype, const void* x, int64_t outer, int64_t n, int64_t inner, void* values,
          int64_t* indices) {
  visit_entries("mode", dtype, n, [&](auto type_tag, auto entry_tag) {
    using T = typename decltype(type_tag)::type;
    using Entry = typename decltype(entry_tag)::type;
    for_each_row<Entry>(outer * inner, n, 2 * n, [&](int64_t row, Entry* buffer) {
      const T* source = static_cast<const T*>(x) + row / inner * n * inner + row % inner;
      load_entries(source, inner, n, flip_mask<T>(false), buffer);
      const Entry* sorted = sort_entries(buffer, buffer + n, n, sizeof(T));
      int64_t best = 0, best_count = 0;
      for (int64_t start = 0; start < n;) {
        const uint64_t key = sorted[start].key();
        int64_t end = start + 1;
        // NaNs are all different from each other, so that each is a run of one.
        if (!is_nan_key<T>(static_cast<order_key_t<T>>(key))) {
          while (end < n && sorted[end].key() == key) ++end;
        }
        if (end - start > best_count) {
          best_count = end - start;
          best = end - 1;
        }
        start = end;
      }
      const int64_t position = sorted[best].position();
      static_cast<T*>(values)[row] = source[position * inner];
      indices[row] = position;
    });
  });
}

}  // namespace wengert::cpu
