// Sorting, searching, scanning and indexing kernels against naive code, with one and with several
// threads, whose results must agree to the bit.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "device/cpu/parallel.h"
#include "kernels/cpu/advanced_index.h"
#include "kernels/cpu/gather.h"
#include "kernels/cpu/index.h"
#include "kernels/cpu/scan.h"
#include "kernels/cpu/search.h"
#include "kernels/cpu/sort.h"

using namespace wengert;

namespace {

int failures = 0;

#define EXPECT(condition)                                         \
  do {                                                            \
    if (!(condition)) {                                           \
      ++failures;                                                 \
      std::printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
    }                                                             \
  } while (0)

std::mt19937 generator(7);

template <typename T>
std::vector<T> random_values(int64_t n, int distinct) {
  std::vector<T> values(n);
  for (T& value : values) {
    value = static_cast<T>(static_cast<int>(generator() % distinct) - distinct / 3);
  }
  if constexpr (std::is_floating_point_v<T>) {
    for (int64_t i = 0; i < n / 10; ++i) {
      values[generator() % n] = std::numeric_limits<T>::quiet_NaN();
      values[generator() % n] = std::numeric_limits<T>::infinity();
      values[generator() % n] = T(-0.0);
    }
  }
  return values;
}

std::vector<int64_t> random_index(int64_t count, int64_t low, int64_t high) {
  std::vector<int64_t> index(count);
  for (int64_t& i : index) i = low + static_cast<int64_t>(generator() % (high - low));
  return index;
}

// NaN is the greatest.
template <typename T>
bool less(T a, T b) {
  if (a != a) return false;
  return b != b || a < b;
}

template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// Runs fn with one and with three threads and compares what it returns.
template <typename Fn>
auto on_any_threads(const Fn& fn) {
  set_num_threads(3);
  const auto many = fn();
  set_num_threads(1);
  const auto one = fn();
  EXPECT(same_bits(many, one));
  return one;
}

template <typename Fn>
std::string message_of(const Fn& fn, ErrorKind kind) {
  try {
    fn();
  } catch (const Error& error) {
    EXPECT(error.kind() == kind);
    return error.what();
  }
  return "no error";
}

template <typename T>
void test_sort(int64_t outer, int64_t n, int64_t inner, int distinct) {
  const auto x = random_values<T>(outer * n * inner, distinct);
  for (const bool descending : {false, true}) {
    std::vector<int64_t> expected(x.size());
    std::vector<int64_t> order(n);
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < inner; ++i) {
        const T* row = x.data() + o * n * inner + i;
        std::iota(order.begin(), order.end(), int64_t{0});
        std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
          return descending ? less(row[b * inner], row[a * inner])
                            : less(row[a * inner], row[b * inner]);
        });
        for (int64_t j = 0; j < n; ++j) expected[o * n * inner + j * inner + i] = order[j];
      }
    }
    std::vector<T> values(x.size());
    const auto indices = on_any_threads([&] {
      std::vector<int64_t> result(x.size());
      cpu::sort(dtype_of_v<T>, x.data(), outer, n, inner, descending, values.data(), result.data());
      return result;
    });
    EXPECT(indices == expected);
    const int64_t k = std::min<int64_t>(n, 3);
    std::vector<T> top(outer * k * inner);
    std::vector<int64_t> top_indices(top.size());
    cpu::topk(dtype_of_v<T>, x.data(), outer, n, inner, k, descending, top.data(),
              top_indices.data());
    for (int64_t o = 0; o < outer; ++o) {
      const size_t bytes = k * inner * sizeof(T);
      EXPECT(std::memcmp(&top[o * k * inner], &values[o * n * inner], bytes) == 0);
      EXPECT(std::equal(&top_indices[o * k * inner], &top_indices[o * k * inner] + k * inner,
                        &expected[o * n * inner]));
    }
    if (descending) continue;
    std::vector<T> kth(outer * inner);
    std::vector<int64_t> kth_index(outer * inner);
    cpu::kthvalue(dtype_of_v<T>, x.data(), outer, n, inner, n / 2 + 1, kth.data(),
                  kth_index.data());
    for (int64_t row = 0; row < outer * inner; ++row) {
      EXPECT(kth_index[row] == expected[row / inner * n * inner + n / 2 * inner + row % inner]);
    }
  }
}

void test_unique() {
  const auto x = random_values<int32_t>(1000, 40);
  std::map<int32_t, int64_t> expected;
  for (const int32_t value : x) ++expected[value];
  std::vector<int32_t> values(1000);
  std::vector<int64_t> inverse(1000), counts(1000);
  const int64_t kinds =
      cpu::unique(DType::int32, x.data(), 1000, values.data(), inverse.data(), counts.data());
  EXPECT(kinds == static_cast<int64_t>(expected.size()));
  int64_t at = 0;
  for (const auto& [value, count] : expected) {
    EXPECT(values[at] == value && counts[at] == count);
    ++at;
  }
  for (int64_t i = 0; i < 1000; ++i) EXPECT(values[inverse[i]] == x[i]);

  const float rows[] = {2, -1, 1, 5, 2, -1, 1, 4};
  int64_t first[4];
  EXPECT(cpu::unique_rows(DType::float32, rows, 4, 2, false, first, inverse.data(),
                          counts.data()) == 3);
  EXPECT(first[0] == 3 && first[1] == 1 && first[2] == 0 && counts[2] == 2 && inverse[2] == 2);
}

void test_search() {
  const double sorted[] = {1, 2, 2, 3};
  const double values[] = {0, 2, 9, std::nan("")};
  int64_t out[4];
  cpu::searchsorted(DType::float64, sorted, nullptr, true, values, 1, 4, 4, false, out);
  EXPECT(out[0] == 0 && out[1] == 1 && out[2] == 4 && out[3] == 4);
  cpu::searchsorted(DType::float64, sorted, nullptr, true, values, 1, 4, 4, true, out);
  EXPECT(out[0] == 0 && out[1] == 3 && out[2] == 4 && out[3] == 4);
  const int64_t items[] = {1, 3, 1};
  EXPECT(cpu::bincount_size(items, 3, 0) == 4);
  cpu::bincount(items, 3, DType::int64, nullptr, out, 4);
  EXPECT(out[0] == 0 && out[1] == 2 && out[2] == 0 && out[3] == 1);
}

void test_scan(int64_t outer, int64_t n, int64_t inner) {
  const auto x = random_values<float>(outer * n * inner, 9);
  const auto sums = on_any_threads([&] {
    std::vector<float> y(x.size());
    cpu::cumsum(DType::float32, x.data(), y.data(), outer, n, inner);
    return y;
  });
  std::vector<float> highest(x.size());
  std::vector<int64_t> positions(x.size());
  cpu::cummax(DType::float32, x.data(), highest.data(), positions.data(), outer, n, inner);
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      double sum = 0;
      int64_t best = 0;
      for (int64_t j = 0; j < n; ++j) {
        const int64_t at = (o * n + j) * inner + i;
        sum += x[at];
        EXPECT(sums[at] == static_cast<float>(sum) || (sums[at] != sums[at] && sum != sum));
        if (!less(x[at], x[(o * n + best) * inner + i])) best = j;
        EXPECT(positions[at] == best);
      }
    }
  }
}

void test_gather_scatter(int64_t outer, int64_t n, int64_t m, int64_t inner) {
  const auto self = random_values<int32_t>(outer * n * inner, 1000);
  const auto source = random_values<int32_t>(outer * m * inner, 1000);
  const auto index = random_index(outer * m * inner, 0, n);
  const int64_t sizes[] = {outer, m, inner};
  const int64_t index_strides[] = {m * inner, inner, 1};
  const int64_t self_strides[] = {n * inner, inner, 1};
  const cpu::GatherPlan plan{
      "scatter", 3, 1, n, sizes, index.data(), index_strides, self_strides, index_strides};
  const auto gathered = on_any_threads([&] {
    std::vector<int32_t> out(source.size());
    cpu::gather(plan, 4, self.data(), out.data());
    return out;
  });
  auto set = self, added = self;
  for (int64_t i = 0; i < outer * m * inner; ++i) {
    const int64_t at = (i / (m * inner) * n + index[i]) * inner + i % inner;
    EXPECT(gathered[i] == self[at]);
    set[at] = source[i];
    added[at] += source[i];
  }
  EXPECT(set == on_any_threads([&] {
           auto out = self;
           cpu::scatter(plan, 4, out.data(), source.data());
           return out;
         }));
  EXPECT(added == on_any_threads([&] {
           auto out = self;
           cpu::scatter_add(plan, DType::int32, out.data(), source.data());
           return out;
         }));
}

void test_sums(int64_t outer, int64_t n, int64_t m, int64_t inner) {
  std::vector<float> self(outer * n * inner), source(outer * m * inner);
  for (float& value : self) value = static_cast<float>(generator()) / 1e9f;
  for (float& value : source) value = static_cast<float>(generator()) / 1e9f;
  const auto index = random_index(m, 0, n);
  auto expected = self;
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t j = 0; j < m; ++j) {
      for (int64_t i = 0; i < inner; ++i) {
        expected[(o * n + index[j]) * inner + i] += source[(o * m + j) * inner + i];
      }
    }
  }
  const auto added = on_any_threads([&] {
    auto out = self;
    cpu::index_add(DType::float32, out.data(), index.data(), source.data(), outer, n, m, inner, 1);
    return out;
  });
  EXPECT(same_bits(added, expected));

  // The same through advanced indexing, self[:, index] += source.
  static cpu::IndexPlan plan;
  const int64_t one = 1;
  plan.index_ndim = 1;
  plan.index_shape[0] = {m, 0, inner * 4};
  plan.kept_ndim = 2;
  plan.kept[0] = {outer, n * inner * 4, m * inner * 4};
  plan.kept[1] = {inner, 4, 4};
  plan.indexed_count = 1;
  plan.indexed[0] = {index.data(), &one, n, inner * 4, 1};
  const auto put = on_any_threads([&] {
    auto out = self;
    cpu::index_put_accumulate(plan, DType::float32, out.data(), source.data());
    return out;
  });
  EXPECT(same_bits(put, expected));
  const auto read = on_any_threads([&] {
    std::vector<float> out(source.size());
    cpu::index_get(plan, 4, self.data(), out.data());
    return out;
  });
  std::vector<float> selected(source.size());
  cpu::index_select(4, self.data(), index.data(), selected.data(), outer, n, m, inner, 1);
  EXPECT(same_bits(read, selected));
  const auto written = on_any_threads([&] {
    auto out = self;
    cpu::index_put(plan, 4, out.data(), source.data());
    return out;
  });
  auto copied = self;
  cpu::index_copy(4, copied.data(), index.data(), source.data(), outer, n, m, inner, 1);
  EXPECT(same_bits(written, copied));
}

void test_masks() {
  const int64_t n = 100000;
  const auto x = random_values<int64_t>(n, 3);
  std::vector<int64_t> expected;
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] != 0) expected.push_back(i);
  }
  const int64_t sizes[] = {n / 10, 10};
  EXPECT(cpu::count_nonzero(DType::int64, x.data(), n) == static_cast<int64_t>(expected.size()));
  const auto coordinates = on_any_threads([&] {
    std::vector<int64_t> out(expected.size() * 2);
    cpu::nonzero(DType::int64, x.data(), sizes, 2, out.data());
    return out;
  });
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT(coordinates[2 * i] * 10 + coordinates[2 * i + 1] == expected[i]);
  }
}

void test_errors() {
  const std::vector<float> source(10, 1.0f);
  std::vector<float> self(10, 0.0f);
  const int64_t good_then_bad[] = {0, 7};
  EXPECT(message_of(
             [&] {
               cpu::index_add(DType::float32, self.data(), good_then_bad, source.data(), 1, 5, 2, 2,
                              0);
             },
             ErrorKind::kIndex) ==
         "index_add(): index 7 is out of bounds for dimension 0 with size 5");
  const int64_t sizes[] = {2}, strides[] = {1};
  const cpu::GatherPlan plan{"scatter_", 1, 0, 5, sizes, good_then_bad, strides, strides, strides};
  EXPECT(
      message_of([&] { cpu::scatter(plan, 4, self.data(), source.data()); }, ErrorKind::kRuntime) ==
      "scatter_(): index 7 is out of bounds for dimension 0 with size 5");
  static cpu::IndexPlan write;
  write.index_ndim = 1;
  write.index_shape[0] = {2, 0, 4};
  write.indexed_count = 1;
  write.indexed[0] = {good_then_bad, strides, 5, 4, 0};
  EXPECT(message_of([&] { cpu::index_put(write, 4, self.data(), source.data()); },
                    ErrorKind::kIndex) == "index 7 is out of bounds for dimension 0 with size 5");
  for (const float value : self) EXPECT(value == 0.0f);
}

}  // namespace

int main() {
  for (const int64_t n : {1, 5, 100, 3000}) {
    for (const int64_t inner : {1, 3}) {
      test_sort<float>(2, n, inner, 50);
      test_sort<double>(2, n, inner, 100000);
      test_sort<int64_t>(2, n, inner, 100000);
      test_sort<uint8_t>(2, n, inner, 50);
      test_scan(3, n, inner * 25);
    }
  }
  test_unique();
  test_search();
  test_gather_scatter(3, 7, 11, 1);
  test_gather_scatter(1, 50, 900, 130);
  test_gather_scatter(300, 5, 40, 3);
  test_sums(1, 30, 500, 64);
  test_sums(4, 3, 50, 1);
  test_sums(2, 1000, 9, 300);
  test_sums(1, 64, 20000, 1);
  test_masks();
  test_errors();
  if (failures == 0) std::printf("ok\n");
  return failures == 0 ? 0 : 1;
}
