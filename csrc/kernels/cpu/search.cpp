#include "kernels/cpu/search.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "device/cpu/parallel.h"
#include "kernels/cpu/sort_entries.h"

namespace wengert::cpu {

namespace {

template <typename Entry, typename T>
int64_t unique_values(const T* x, int64_t n, T* values, int64_t* inverse, int64_t* counts) {
  const auto buffer = std::make_unique_for_overwrite<Entry[]>(2 * n);
  load_entries(x, 1, n, order_key_t<T>{0}, buffer.get());
  const Entry* sorted = sort_entries(buffer.get(), buffer.get() + n, n, sizeof(T));
  int64_t kinds = 0;
  for (int64_t start = 0; start < n; ++kinds) {
    const uint64_t key = sorted[start].key();
    int64_t end = start + 1;
    if (!is_nan_key<T>(static_cast<order_key_t<T>>(key))) {
      while (end < n && sorted[end].key() == key) ++end;
    }
    values[kinds] = x[sorted[start].position()];
    if (counts != nullptr) counts[kinds] = end - start;
    if (inverse != nullptr) {
      for (int64_t i = start; i < end; ++i) inverse[sorted[i].position()] = kinds;
    }
    start = end;
  }
  return kinds;
}

// Writes a row's keys most significant byte first, so that memcmp orders rows lexicographically.
// Returns whether the row holds a NaN.
template <typename T>
bool write_row_key(const T* row, int64_t width, unsigned char* out) {
  bool any_nan = false;
  for (int64_t i = 0; i < width; ++i) {
    const order_key_t<T> key = order_key(row[i]);
    any_nan |= is_nan_key<T>(key);
    for (size_t byte = 0; byte < sizeof(T); ++byte) {
      *out++ = static_cast<unsigned char>(key >> (8 * (sizeof(T) - 1 - byte)));
    }
  }
  return any_nan;
}

// Comparisons are IEEE's and written so that NaN, as a value, lands past everything.
template <typename T>
int64_t insertion_point(const T* sorted, const int64_t* sorter, int64_t n, T value, bool right) {
  int64_t first = 0, last = n;
  while (first < last) {
    const int64_t middle = first + (last - first) / 2;
    const T probe = sorted[sorter != nullptr ? sorter[middle] : middle];
    const bool stop = right ? probe > value : probe >= value;
    if (stop) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  return first;
}

}  // namespace

int64_t unique(DType dtype, const void* x, int64_t n, void* values, int64_t* inverse,
               int64_t* counts) {
  int64_t kinds = 0;
  visit_ordered("unique", dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* source = static_cast<const T*>(x);
    T* target = static_cast<T*>(values);
    if constexpr (sizeof(T) <= 4) {
      if (n < kPackedLimit) {
        kinds = unique_values<PackedEntry>(source, n, target, inverse, counts);
        return;
      }
    }
    kinds = unique_values<WideEntry>(source, n, target, inverse, counts);
  });
  return kinds;
}

int64_t unique_consecutive(DType dtype, const void* x, int64_t n, void* values, int64_t* inverse,
                           int64_t* counts) {
  int64_t kinds = 0;
  visit_ordered("unique_consecutive", dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* source = static_cast<const T*>(x);
    T* target = static_cast<T*>(values);
    int64_t start = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (i == 0 || !(source[i] == source[i - 1])) {
        if (i > 0 && counts != nullptr) counts[kinds - 1] = i - start;
        start = i;
        target[kinds++] = source[i];
      }
      if (inverse != nullptr) inverse[i] = kinds - 1;
    }
    if (n > 0 && counts != nullptr) counts[kinds - 1] = n - start;
  });
  return kinds;
}

int64_t unique_rows(DType dtype, const void* x, int64_t rows, int64_t width, bool consecutive,
                    int64_t* first, int64_t* inverse, int64_t* counts) {
  const int64_t row_bytes = width * static_cast<int64_t>(item_size(dtype));
  const auto keys = std::make_unique_for_overwrite<unsigned char[]>(rows * row_bytes);
  const auto has_nan = std::make_unique_for_overwrite<bool[]>(rows);
  visit_ordered(consecutive ? "unique_consecutive" : "unique", dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t row = 0; row < rows; ++row) {
      has_nan[row] = write_row_key(static_cast<const T*>(x) + row * width, width,
                                   keys.get() + row * row_bytes);
    }
  });
  const auto compare = [&](int64_t a, int64_t b) {
    return std::memcmp(keys.get() + a * row_bytes, keys.get() + b * row_bytes, row_bytes);
  };
  std::vector<int64_t> order(rows);
  std::iota(order.begin(), order.end(), int64_t{0});
  if (!consecutive) {
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      const int sign = compare(a, b);
      return sign != 0 ? sign < 0 : a < b;
    });
  }
  int64_t kinds = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = order[i];
    if (i == 0 || has_nan[row] || compare(row, order[i - 1]) != 0) {
      if (counts != nullptr) counts[kinds] = 0;
      first[kinds++] = row;
    }
    if (counts != nullptr) ++counts[kinds - 1];
    if (inverse != nullptr) inverse[row] = kinds - 1;
  }
  return kinds;
}

void searchsorted(DType dtype, const void* sorted, const int64_t* sorter, bool shared,
                  const void* values, int64_t rows, int64_t n, int64_t m, bool right,
                  int64_t* out) {
  if (sorter != nullptr) {
    const int64_t total = shared ? n : rows * n;
    for (int64_t i = 0; i < total; ++i) {
      WENGERT_CHECK(sorter[i] >= 0 && sorter[i] < n, kRuntime,
                    "searchsorted(): sorter index out of range");
    }
  }
  visit_ordered("searchsorted", dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(rows * m, 1024, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const int64_t offset = shared ? 0 : i / m * n;
        out[i] = insertion_point(static_cast<const T*>(sorted) + offset,
                                 sorter != nullptr ? sorter + offset : nullptr, n,
                                 static_cast<const T*>(values)[i], right);
      }
    });
  });
}

int64_t bincount_size(const int64_t* x, int64_t n, int64_t min_length) {
  WENGERT_CHECK(min_length >= 0, kRuntime, "bincount(): minlength should be >= 0");
  int64_t size = min_length;
  for (int64_t i = 0; i < n; ++i) {
    WENGERT_CHECK(x[i] >= 0, kRuntime,
                  "bincount(): bincount only supports 1-d non-negative integral inputs.");
    if (x[i] >= size) size = x[i] + 1;
  }
  return size;
}

void bincount(const int64_t* x, int64_t n, DType weights_dtype, const void* weights, void* out,
              int64_t bins) {
  std::memset(out, 0,
              static_cast<size_t>(bins) * (weights && weights_dtype == DType::float32 ? 4 : 8));
  if (weights == nullptr) {
    int64_t* counts = static_cast<int64_t*>(out);
    for (int64_t i = 0; i < n; ++i) ++counts[x[i]];
    return;
  }
  visit_ordered("bincount", weights_dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using Sum = std::conditional_t<std::is_same_v<T, float>, float, double>;
    Sum* sums = static_cast<Sum*>(out);
    for (int64_t i = 0; i < n; ++i) sums[x[i]] += convert<Sum>(static_cast<const T*>(weights)[i]);
  });
}

void histc(DType dtype, const void* x, int64_t n, int64_t bins, double low, double high,
           void* out) {
  WENGERT_CHECK(is_floating(dtype), kNotImplemented, "histc(): not implemented for ",
                dtype_name(dtype));
  WENGERT_CHECK(bins > 0, kRuntime, "histc(): bins must be > 0, but got ", bins);
  std::vector<int64_t> counts(bins, 0);
  visit_ordered("histc", dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (has_nan_v<T>) {
      using C = compute_t<T>;
      const T* values = static_cast<const T*>(x);
      C left = static_cast<C>(low), right = static_cast<C>(high);
      if (left == right && n > 0) {
        left = right = static_cast<C>(values[0]);
        for (int64_t i = 1; i < n; ++i) {
          const C value = static_cast<C>(values[i]);
          if (!(value >= left)) left = value;
          if (!(value <= right)) right = value;
          if (value != value) break;
        }
      }
      WENGERT_CHECK(std::isfinite(left) && std::isfinite(right), kRuntime, "histc(): range of [",
                    left, ", ", right, "] is not finite");
      WENGERT_CHECK(left <= right, kRuntime, "histc(): max must be larger than min");
      if (left == right) {
        left -= 1;
        right += 1;
      }
      for (int64_t i = 0; i < n; ++i) {
        const C value = static_cast<C>(values[i]);
        if (!(value >= left && value <= right)) continue;
        const auto bin =
            static_cast<int64_t>((value - left) * static_cast<C>(bins) / (right - left));
        ++counts[std::min(bin, bins - 1)];
      }
      for (int64_t i = 0; i < bins; ++i) {
        static_cast<T*>(out)[i] = convert<T>(static_cast<double>(counts[i]));
      }
    }
  });
}

}  // namespace wengert::cpu
