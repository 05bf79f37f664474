#include "kernels/cpu/index.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "device/cpu/parallel.h"
#include "kernels/cpu/arithmetic.h"
#include "kernels/cpu/index_check.h"
#include "kernels/cpu/index_groups.h"
#include "kernels/cpu/item.h"

namespace wengert::cpu {

namespace {

constexpr int64_t kGrainBytes = 1 << 16;
// How many inner bytes of a slice are written by one thread; whole elements of every size.
constexpr int64_t kPiece = 4096;

// How many slices of so many bytes one thread should take at least.
int64_t grain_of(int64_t bytes) {
  return std::max<int64_t>(1, kGrainBytes / std::max<int64_t>(bytes, 1));
}

char* bytes_of(void* pointer) { return static_cast<char*>(pointer); }
const char* bytes_of(const void* pointer) { return static_cast<const char*>(pointer); }

// Calls fn(index) with the index at its own type.
template <typename Fn>
void visit_index(DType dtype, const void* index, const Fn& fn) {
  if (dtype == DType::int32) return fn(static_cast<const int32_t*>(index));
  WENGERT_CHECK(dtype == DType::int64, kRuntime,
                "embedding(): Expected tensor for argument #1 'indices' to have one of the "
                "following scalar types: Long, Int; but got ",
                dtype_name(dtype), " instead");
  fn(static_cast<const int64_t*>(index));
}

void check_index(const char* name, const int64_t* index, int64_t count, int64_t low, int64_t size,
                 int dim) {
  const int64_t bad = first_out_of_range(index, count, low, size);
  WENGERT_CHECK(bad < 0, kIndex, name, "(): index ", index[bad], " is out of bounds for dimension ",
                dim, " with size ", size);
}

void check_flat_index(const char* name, const int64_t* index, int64_t count, int64_t size) {
  WENGERT_CHECK(count == 0 || size > 0, kIndex, name, "(): tried to take from an empty tensor");
  const int64_t bad = first_out_of_range(index, count, -size, size);
  WENGERT_CHECK(bad < 0, kIndex, name, "(): out of range: tried to access index ", index[bad],
                " on a tensor of ", size, " elements.");
}

// out row i = x row source(i); rows of `bytes` bytes. The common widths of one element are copied
// without a call.
template <typename Source>
void copy_rows(const char* x, char* out, int64_t rows, int64_t bytes, const Source& source) {
  const auto run = [&](auto copy) {
    parallel_for(rows, grain_of(bytes), [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row) {
        copy(out + row * bytes, x + source(row) * bytes);
      }
    });
  };
  switch (bytes) {
    case 0:
      return;
    case 4:
      return run([](char* to, const char* from) { std::memcpy(to, from, 4); });
    case 8:
      return run([](char* to, const char* from) { std::memcpy(to, from, 8); });
    default:
      return run([bytes](char* to, const char* from) { std::memcpy(to, from, bytes); });
  }
}

// self[outer, target, inner] += the rows of source of each group, in order.
template <typename T>
void add_groups(const IndexGroups& index, T* self, const T* source, int64_t outer, int64_t n,
                int64_t m, int64_t inner) {
  using C = compute_t<T>;
  constexpr int64_t kBlock = 256;
  const int64_t groups = static_cast<int64_t>(index.groups.size());
  const int64_t work = std::max<int64_t>(1, inner * (groups > 0 ? m / groups : 1));
  parallel_for(outer * groups, std::max<int64_t>(1, 8192 / work), [&](int64_t first, int64_t last) {
    C sums[kBlock];
    for (int64_t task = first; task < last; ++task) {
      const IndexGroups::Group& group = index.groups[task % groups];
      const int64_t slice = task / groups;
      T* target = self + (slice * n + group.target) * inner;
      const T* terms = source + slice * m * inner;
      if (inner == 1) {
        C sum = convert<C>(*target);
        for (int64_t i = group.begin; i < group.end; ++i) {
          sum = add(sum, convert<C>(terms[index.order[i]]));
        }
        *target = convert<T>(sum);
        continue;
      }
      for (int64_t start = 0; start < inner; start += kBlock) {
        const int64_t length = std::min(kBlock, inner - start);
        for (int64_t j = 0; j < length; ++j) sums[j] = convert<C>(target[start + j]);
        for (int64_t i = group.begin; i < group.end; ++i) {
          const T* row = terms + index.order[i] * inner + start;
          for (int64_t j = 0; j < length; ++j) sums[j] = add(sums[j], convert<C>(row[j]));
        }
        for (int64_t j = 0; j < length; ++j) target[start + j] = convert<T>(sums[j]);
      }
    }
  });
}

// self[outer, index, inner] += source, in index order. A thread owns a range of targets and passes
// over the terms of the others; where rows are single elements it owns whole slices.
template <typename T>
void add_rows(T* self, const int64_t* index, const T* source, int64_t outer, int64_t n, int64_t m,
              int64_t inner) {
  const int64_t slice_work = std::max<int64_t>(1, m * inner);
  if (inner == 1) {
    parallel_for(outer, std::max<int64_t>(1, 16384 / slice_work), [=](int64_t begin, int64_t end) {
      for (int64_t slice = begin; slice < end; ++slice) {
        T* target = self + slice * n;
        const T* terms = source + slice * m;
        for (int64_t i = 0; i < m; ++i) target[index[i]] = add(target[index[i]], terms[i]);
      }
    });
    return;
  }
  parallel_for(outer * n, std::max<int64_t>(1, 16384 * n / slice_work),
               [=](int64_t begin, int64_t end) {
                 for (int64_t slice = begin / n; slice * n < end; ++slice) {
                   const int64_t low = begin - slice * n, high = end - slice * n;
                   for (int64_t i = 0; i < m; ++i) {
                     if (index[i] < low || index[i] >= high) continue;
                     T* to = self + (slice * n + index[i]) * inner;
                     const T* from = source + (slice * m + i) * inner;
#pragma omp simd
                     for (int64_t j = 0; j < inner; ++j) to[j] = add(to[j], from[j]);
                   }
                 }
               });
}

// Calls fn(slice, first byte, last byte) for pieces of the inner bytes of every outer slice: the
// way to write slices in index order and still in parallel.
template <typename Fn>
void for_each_piece(int64_t outer, int64_t m, int64_t inner_bytes, const Fn& fn) {
  const int64_t pieces = (inner_bytes + kPiece - 1) / kPiece;
  parallel_for(outer * pieces, grain_of(m * std::min(inner_bytes, kPiece)),
               [&](int64_t first, int64_t last) {
                 for (int64_t task = first; task < last; ++task) {
                   const int64_t start = task % pieces * kPiece;
                   fn(task / pieces, start, std::min(inner_bytes, start + kPiece));
                 }
               });
}

}  // namespace

void index_select(size_t item_size, const void* x, const int64_t* index, void* out, int64_t outer,
                  int64_t n, int64_t m, int64_t inner, int dim) {
  const int64_t bad = first_out_of_range(index, m, 0, n);
  WENGERT_CHECK(bad < 0, kIndex, "index_select(): index out of range in self: index ", index[bad],
                " is out of bounds for dimension ", dim, " with size ", n);
  const int64_t bytes = inner * static_cast<int64_t>(item_size);
  if (outer == 1) {
    copy_rows(bytes_of(x), bytes_of(out), m, bytes, [=](int64_t row) { return index[row]; });
  } else {
    copy_rows(bytes_of(x), bytes_of(out), outer * m, bytes,
              [=](int64_t row) { return row / m * n + index[row % m]; });
  }
}

void index_add(DType dtype, void* self, const int64_t* index, const void* source, int64_t outer,
               int64_t n, int64_t m, int64_t inner, int dim) {
  check_index("index_add", index, m, 0, n, dim);
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_reduced_v<T>) {
      // Grouped, so that each sum is rounded to 16 bits once.
      add_groups(group_index(index, m, n), static_cast<T*>(self), static_cast<const T*>(source),
                 outer, n, m, inner);
    } else {
      add_rows(static_cast<T*>(self), index, static_cast<const T*>(source), outer, n, m, inner);
    }
  });
}

void index_copy(size_t item_size, void* self, const int64_t* index, const void* source,
                int64_t outer, int64_t n, int64_t m, int64_t inner, int dim) {
  check_index("index_copy", index, m, 0, n, dim);
  const int64_t bytes = inner * static_cast<int64_t>(item_size);
  for_each_piece(outer, m, bytes, [&](int64_t slice, int64_t first, int64_t last) {
    char* to = bytes_of(self) + slice * n * bytes + first;
    const char* from = bytes_of(source) + slice * m * bytes + first;
    for (int64_t i = 0; i < m; ++i) {
      std::memcpy(to + index[i] * bytes, from + i * bytes, last - first);
    }
  });
}

void index_fill(size_t item_size, void* self, const int64_t* index, const void* value,
                int64_t outer, int64_t n, int64_t m, int64_t inner, int dim) {
  check_index("index_fill", index, m, -n, n, dim);
  visit_item_size(item_size, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T element;
    std::memcpy(&element, value, sizeof(T));
    constexpr int64_t kSize = sizeof(T);
    for_each_piece(outer, m, inner * kSize, [&](int64_t slice, int64_t first, int64_t last) {
      T* row = static_cast<T*>(self) + slice * n * inner;
      for (int64_t i = 0; i < m; ++i) {
        const int64_t target = (index[i] < 0 ? index[i] + n : index[i]) * inner;
        std::fill(row + target + first / kSize, row + target + last / kSize, element);
      }
    });
  });
}

void take(size_t item_size, const void* x, int64_t n, const int64_t* index, int64_t m, void* out) {
  check_flat_index("take", index, m, n);
  copy_rows(bytes_of(x), bytes_of(out), m, static_cast<int64_t>(item_size),
            [=](int64_t i) { return index[i] < 0 ? index[i] + n : index[i]; });
}

void put(size_t item_size, void* self, int64_t n, const int64_t* index, int64_t m,
         const void* source) {
  check_flat_index("put_", index, m, n);
  visit_item_size(item_size, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < m; ++i) {
      static_cast<T*>(self)[index[i] < 0 ? index[i] + n : index[i]] =
          static_cast<const T*>(source)[i];
    }
  });
}

void put_accumulate(DType dtype, void* self, int64_t n, const int64_t* index, int64_t m,
                    const void* source) {
  check_flat_index("put_", index, m, n);
  std::vector<int64_t> wrapped(m);
  for (int64_t i = 0; i < m; ++i) wrapped[i] = index[i] < 0 ? index[i] + n : index[i];
  index_add(dtype, self, wrapped.data(), source, 1, n, m, 1, 0);
}

void embedding(size_t item_size, const void* weight, DType index_dtype, const void* index,
               void* out, int64_t rows, int64_t count, int64_t width) {
  visit_index(index_dtype, index, [&](const auto* typed) {
    const int64_t bad = first_out_of_range(typed, count, 0, rows);
    WENGERT_CHECK(bad < 0, kIndex, "embedding(): index out of range in self: index ", typed[bad],
                  ", but the weight has ", rows, " rows");
    copy_rows(bytes_of(weight), bytes_of(out), count, width * static_cast<int64_t>(item_size),
              [=](int64_t row) { return static_cast<int64_t>(typed[row]); });
  });
}

void embedding_backward(DType dtype, const void* grad, DType index_dtype, const void* index,
                        void* grad_weight, int64_t rows, int64_t count, int64_t width,
                        int64_t padding_index, bool scale_by_frequency) {
  WENGERT_CHECK(is_inexact(dtype), kNotImplemented, "embedding_backward(): not implemented for ",
                dtype_name(dtype));
  IndexGroups index_groups;
  visit_index(index_dtype, index, [&](const auto* typed) {
    const int64_t bad = first_out_of_range(typed, count, 0, rows);
    WENGERT_CHECK(bad < 0, kIndex, "embedding_backward(): index out of range in self: index ",
                  typed[bad], ", but the weight has ", rows, " rows");
    index_groups = group_index(typed, count, rows, padding_index < 0 ? -1 : padding_index);
  });
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_complex_v<T> || is_reduced_v<T> || std::is_floating_point_v<T>) {
      T* target = static_cast<T*>(grad_weight);
      const int64_t row_bytes = width * static_cast<int64_t>(sizeof(T));
      parallel_for(rows, grain_of(row_bytes), [&](int64_t first, int64_t last) {
        std::memset(static_cast<void*>(target + first * width), 0, (last - first) * row_bytes);
      });
      add_groups(index_groups, target, static_cast<const T*>(grad), 1, rows, count, width);
      if (!scale_by_frequency) return;
      using C = compute_t<T>;
      for (const IndexGroups::Group& group : index_groups.groups) {
        const C scale = C(1) / convert<C>(static_cast<double>(group.end - group.begin));
        T* row = target + group.target * width;
        for (int64_t i = 0; i < width; ++i) row[i] = convert<T>(convert<C>(row[i]) * scale);
      }
    }
  });
}

void one_hot(const int64_t* index, int64_t count, int64_t classes, int64_t* out) {
  for (int64_t i = 0; i < count; ++i) {
    WENGERT_CHECK(index[i] >= 0, kRuntime, "one_hot(): Class values must be non-negative.");
    WENGERT_CHECK(index[i] < classes, kRuntime,
                  "one_hot(): Class values must be smaller than num_classes.");
  }
  std::fill_n(out, count * classes, int64_t{0});
  for (int64_t i = 0; i < count; ++i) out[i * classes + index[i]] = 1;
}

int64_t repeat_interleave_total(const int64_t* repeats, int64_t n) {
  int64_t total = 0;
  for (int64_t i = 0; i < n; ++i) {
    WENGERT_CHECK(repeats[i] >= 0, kRuntime, "repeat_interleave(): repeats can not be negative");
    total += repeats[i];
  }
  return total;
}

void repeat_interleave_index(const int64_t* repeats, int64_t n, int64_t* out) {
  for (int64_t i = 0; i < n; ++i) out = std::fill_n(out, repeats[i], i);
}

}  // namespace wengert::cpu
