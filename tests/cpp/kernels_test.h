// What the tests of the CPU kernels share.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "base/dtype.h"
#include "device/cpu/parallel.h"

using namespace wengert;

inline int failures = 0;
#define EXPECT(condition, ...)                                   \
  do {                                                           \
    if (!(condition)) {                                          \
      ++failures;                                                \
      std::printf("%s:%d: %s ", __FILE__, __LINE__, #condition); \
      std::printf(__VA_ARGS__);                                  \
      std::printf("\n");                                         \
    }                                                            \
  } while (0)

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline std::mt19937 generator(7);

template <class T>
std::vector<T> random_values(int64_t count, double low = -2, double high = 2) {
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<T> values(count);
  for (auto& value : values) {
    const double x = uniform(generator);
    if constexpr (std::is_same_v<T, bool>) {
      value = x > 0;
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(static_cast<int>(x));
    } else {
      value = T(static_cast<compute_t<T>>(x));
    }
  }
  return values;
}

template <class T>
double as_double(T value) {
  if constexpr (is_complex_v<T>) {
    return value.real() + 1000.0 * value.imag();
  } else {
    return static_cast<double>(static_cast<compute_t<T>>(value));
  }
}

inline bool near(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::fabs(a - b) <= tolerance * (1 + std::fabs(b));
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

// Runs `work` with one and with several threads; the output must agree to the bit.
template <class Buffer>
void twice(Buffer& output, const std::function<void()>& work, const char* name) {
  set_num_threads(1);
  work();
  const Buffer one = output;
  for (int threads : {2, 3}) {
    set_num_threads(threads);
    work();
    EXPECT(same_bits(one, output), "%s: %d threads differ from one", name, threads);
  }
}
