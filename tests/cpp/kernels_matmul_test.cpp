// Matrix products against plain double loops, over random shapes, layouts and dtypes.
// Usage: kernels_matmul_test [directory with the libraries]...
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu/blas.h"
#include "kernels/cpu/libraries.h"

namespace {

using wengert::DType;
using Wide = std::complex<double>;
namespace cpu = wengert::cpu;

std::mt19937_64 generator(7);
int failures = 0;

int64_t pick(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(generator);
}

template <typename T>
T random_value() {
  if constexpr (std::is_same_v<T, bool>) return pick(0, 3) == 0;
  if constexpr (std::is_integral_v<T>) return static_cast<T>(pick(-9, 9));
  const double x = std::uniform_real_distribution<double>(-1, 1)(generator);
  const double y = std::uniform_real_distribution<double>(-1, 1)(generator);
  return wengert::convert<T>(wengert::is_complex_v<T> ? Wide(x, y) : Wide(x, 0));
}

template <typename T>
std::vector<char> random_data(int64_t count) {
  std::vector<char> data(std::max<int64_t>(count, 1) * sizeof(T));
  for (int64_t i = 0; i < count; ++i) reinterpret_cast<T*>(data.data())[i] = random_value<T>();
  return data;
}

template <typename T>
double tolerance() {
  if (std::is_same_v<T, wengert::BFloat16>) return 1e-2;
  if (std::is_same_v<T, wengert::Half>) return 1.5e-3;
  if (std::is_same_v<T, float> || std::is_same_v<T, wengert::complex64>) return 3e-6;
  return 1e-13;
}

void report(const char* what, const cpu::Gemm& g, int64_t i, int64_t j, Wide got, Wide want) {
  if (++failures > 20) return;
  std::printf(
      "%s %s m=%ld n=%ld k=%ld batch=%ld ta=%d tb=%d bias=%d [%ld, %ld]: %g%+gi, not %g%+gi\n",
      what, wengert::dtype_name(g.dtype), long(g.m), long(g.n), long(g.k), long(g.batch),
      g.a.transpose, g.b.transpose, g.bias != nullptr, long(i), long(j), got.real(), got.imag(),
      want.real(), want.imag());
}

template <typename T>
void check_gemm(int64_t m, int64_t n, int64_t k, int64_t batch) {
  cpu::Gemm g;
  g.dtype = wengert::dtype_of_v<T>;
  g.m = m, g.n = n, g.k = k, g.batch = batch;
  auto operand = [&](cpu::GemmOperand& x, int64_t rows, int64_t columns) {
    x.transpose = pick(0, 1);
    if (x.transpose) std::swap(rows, columns);
    x.ld = columns + pick(0, 1) * pick(0, 5);
    x.batch_stride = batch > 1 && pick(0, 2) == 0 ? 0 : rows * x.ld + pick(0, 1) * 3;
    x.conjugate = wengert::is_complex_v<T> && pick(0, 1);
    return random_data<T>(x.batch_stride == 0 ? rows * x.ld : batch * x.batch_stride);
  };
  const std::vector<char> a = operand(g.a, m, k), b = operand(g.b, k, n);
  g.a.data = a.data(), g.b.data = b.data();
  g.ldc = n + pick(0, 1) * 3;
  g.c_batch_stride = m * g.ldc;
  std::vector<char> c = random_data<T>(batch * g.c_batch_stride);
  const std::vector<char> before = c;
  g.c = c.data();
  const std::vector<char> bias = random_data<T>(n);
  if (pick(0, 2) == 0) g.bias = bias.data();
  if (!std::is_same_v<T, bool> && pick(0, 1)) {
    g.alpha = double(pick(-2, 2));
    g.beta = double(pick(-2, 2));
    if (wengert::is_complex_v<T>) g.alpha += Wide(0, 1);
  }
  if constexpr (std::is_floating_point_v<T>) {  // beta = 0 must not read C
    if (g.beta == 0.0) {
      for (int64_t i = 0; i < batch * m * g.ldc; ++i) reinterpret_cast<T*>(c.data())[i] = NAN;
    }
  }
  cpu::gemm(g);
  auto value = [](const std::vector<char>& data, int64_t i) {
    return wengert::convert<Wide>(reinterpret_cast<const T*>(data.data())[i]);
  };
  for (int64_t index = 0; index < batch; ++index) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < g.ldc; ++j) {
        const int64_t place = index * g.c_batch_stride + i * g.ldc + j;
        if (j >= n) {  // the gap between rows is not ours
          if (g.beta != 0.0 && value(c, place) != value(before, place)) {
            report("gap", g, i, j, value(c, place), value(before, place));
          }
          continue;
        }
        Wide sum = 0;
        double size = 1;
        for (int64_t p = 0; p < k; ++p) {
          Wide x = value(
              a, index * g.a.batch_stride + (g.a.transpose ? p * g.a.ld + i : i * g.a.ld + p));
          Wide y = value(
              b, index * g.b.batch_stride + (g.b.transpose ? j * g.b.ld + p : p * g.b.ld + j));
          if (g.a.conjugate) x = std::conj(x);
          if (g.b.conjugate) y = std::conj(y);
          sum += x * y;
          size += std::abs(x * y);
        }
        Wide want = g.alpha * sum;
        if (g.beta != 0.0) want += g.beta * value(before, place);
        if (g.bias != nullptr) want += value(bias, j);
        Wide got = value(c, place);
        if constexpr (std::is_same_v<T, bool>) {
          want = want.real() != 0;
        } else if constexpr (std::is_integral_v<T>) {
          want = double(static_cast<T>(static_cast<int64_t>(want.real())));
        }
        size += std::abs(want);
        if (!(std::abs(got - want) <= tolerance<T>() * size)) report("gemm", g, i, j, got, want);
      }
    }
  }
}

template <typename T>
void check_dtype() {
  for (int round = 0; round < 150; ++round) {
    check_gemm<T>(pick(0, 9), pick(0, 40), pick(0, 20), pick(0, 3));
    check_gemm<T>(pick(1, 2), pick(1, 70), pick(1, 70), pick(1, 9));
  }
  for (int round = 0; round < 20; ++round) {
    check_gemm<T>(pick(1, 90), pick(1, 90), pick(1, 90), pick(1, 12));
    check_gemm<T>(pick(1, 70), 1, pick(1, 90), 1);
  }
  check_gemm<T>(300, 3, 700, 1);
  check_gemm<T>(150, 300, 40, 2);
  check_gemm<T>(3, 1100, 20, 1);
}

}  // namespace

int main(int count, char** arguments) {
  cpu::set_library_paths(std::vector<std::string>(arguments + 1, arguments + count));
  using namespace wengert;
#define WENGERT_CHECK_DTYPE(name, type) check_dtype<type>();
  WENGERT_FORALL_DTYPES(WENGERT_CHECK_DTYPE)
  std::printf(failures == 0 ? "ok\n" : "%d failures\n", failures);
  return failures != 0;
}
