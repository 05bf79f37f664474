// Random numbers: known answers, the same bits for any number of threads, moments.
#include "kernels/cpu/random.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/cpu/simd/random.h"
#include "kernels_test.h"

namespace {

constexpr int64_t kCount = 400003;
const cpu::PhiloxState kState{42, 7};

struct Moments {
  double mean, variance, least, most;
};

template <class T>
Moments moments(const std::vector<T>& values) {
  double sum = 0, squares = 0, least = kInf, most = -kInf;
  for (T value : values) {
    const double x = as_double(value);
    sum += x;
    squares += x * x;
    least = std::min(least, x);
    most = std::max(most, x);
  }
  const double n = static_cast<double>(values.size());
  return {sum / n, squares / n - sum / n * (sum / n), least, most};
}

// Draws with one and with several threads, and checks mean and variance within five or so standard
// errors; `tolerance` is relative to the standard deviation.
template <class T>
Moments draw(const char* name, const std::function<uint64_t(T*)>& fill, double mean,
             double variance, double tolerance = 0.012) {
  std::vector<T> values(kCount);
  uint64_t used = 0;
  twice(values, [&] { used = fill(values.data()); }, name);
  EXPECT(used > 0, "%s does not advance", name);
  const Moments m = moments(values);
  EXPECT(near(m.mean, mean, 0) || std::fabs(m.mean - mean) <= tolerance * std::sqrt(variance),
         "%s: mean %.6g instead of %.6g", name, m.mean, mean);
  EXPECT(std::fabs(m.variance - variance) <= 6 * tolerance * variance,
         "%s: variance %.6g instead of %.6g", name, m.variance, variance);
  return m;
}

void test_known_answers() {
  const cpu::PhiloxWords zero = cpu::philox(0, 0, 0, 0);
  EXPECT(zero.a == 0x6627e8d5u && zero.b == 0xe169c58du && zero.c == 0xbc57ac4cu &&
             zero.d == 0x9b00dbd8u,
         "philox of zeros");
  const cpu::PhiloxWords ones = cpu::philox(~uint64_t{0}, ~uint64_t{0}, ~0u, ~0u);
  EXPECT(ones.a == 0x408f276du && ones.b == 0x41c83b0eu && ones.c == 0xa20bc7c6u &&
             ones.d == 0x6d5451fdu,
         "philox of ones");
}

template <class T>
void test_continuous(const char* name, double rounding) {
  const DType dtype = dtype_of_v<T>;
  const Moments u = draw<T>(
      name, [&](T* out) { return cpu::random_uniform(dtype, kState, kCount, -1, 3, out); }, 1,
      16.0 / 12, 0.012 + rounding);
  EXPECT(u.least >= -1 && u.most < 3, "%s: uniform outside of its range", name);
  const Moments z = draw<T>(
      name, [&](T* out) { return cpu::random_normal(dtype, kState, kCount, 2, 3, out); }, 2, 9);
  EXPECT(z.most > 2 + 3 * 4 && z.least < 2 - 3 * 4 && z.most < 2 + 3 * 7, "%s: normal tails", name);
  const Moments e = draw<T>(
      name, [&](T* out) { return cpu::random_exponential(dtype, kState, kCount, 2, out); }, 0.5,
      0.25);
  EXPECT(e.least >= 0 && e.most > 4, "%s: exponential range", name);
  draw<T>(
      name, [&](T* out) { return cpu::random_log_normal(dtype, kState, kCount, 0.1, 0.4, out); },
      std::exp(0.1 + 0.08), (std::exp(0.16) - 1) * std::exp(0.2 + 0.16));
  draw<T>(
      name, [&](T* out) { return cpu::random_bernoulli(dtype, kState, kCount, 0.3, out); }, 0.3,
      0.21);
  draw<T>(
      name, [&](T* out) { return cpu::random_geometric(dtype, kState, kCount, 0.25, out); }, 4, 12);
  std::vector<T> values(kCount);
  cpu::random_cauchy(dtype, kState, kCount, 1, 2, values.data());
  int64_t inside = 0;  // half of them lie within sigma of the median
  for (T value : values) inside += std::fabs(as_double(value) - 1) < 2;
  EXPECT(std::fabs(inside / double(kCount) - 0.5) < 0.01, "%s: cauchy quartiles", name);
}

void test_integers() {
  const Moments m = draw<int64_t>(
      "integers",
      [&](int64_t* out) { return cpu::random_integers(DType::int64, kState, kCount, -3, 10, out); },
      1.5, 99.0 / 12);
  EXPECT(m.least == -3 && m.most == 6, "integers outside of their range");
  draw<uint8_t>(
      "bytes",
      [&](uint8_t* out) {
        return cpu::random_integers(DType::uint8, kState, kCount, 0,
                                    cpu::random_full_span(DType::uint8), out);
      },
      127.5, 65535.0 / 12);
  const double wide = std::ldexp(1.0, 40);
  draw<int64_t>(
      "wide integers",
      [&](int64_t* out) {
        return cpu::random_integers(DType::int64, kState, kCount, 0, uint64_t{1} << 40, out);
      },
      wide / 2, wide * wide / 12);
  const double all = std::ldexp(1.0, 64);
  std::vector<int64_t> values(kCount);
  cpu::random_integers(DType::int64, kState, kCount, INT64_MIN, 0, values.data());
  const Moments whole = moments(values);
  EXPECT(std::fabs(whole.mean) < 0.01 * all, "all int64: mean %g", whole.mean);
  EXPECT(whole.least < -0.49 * all && whole.most > 0.49 * all, "all int64: range");
}

// A prefix does not depend on the length, and the next call continues elsewhere.
void test_offsets() {
  std::vector<float> all(5000), prefix(777), next(5000);
  const uint64_t used = cpu::random_normal(DType::float32, kState, 5000, 0, 1, all.data());
  cpu::random_normal(DType::float32, kState, 777, 0, 1, prefix.data());
  EXPECT(std::equal(prefix.begin(), prefix.end(), all.begin()), "a prefix changed");
  cpu::random_normal(DType::float32, {kState.seed, kState.offset + used}, 5000, 0, 1, next.data());
  double product = 0;
  for (int i = 0; i < 5000; ++i) product += all[i] * next[i];
  EXPECT(std::fabs(product / 5000) < 0.07, "consecutive fills are correlated: %g", product / 5000);
}

void test_dropout() {
  std::vector<float> x(kCount, 2.0f), y(kCount);
  std::vector<char> mask(kCount);
  bool* flags = reinterpret_cast<bool*>(mask.data());
  const auto run = [&](double p) {
    return cpu::dropout_forward(DType::float32, kState, kCount, p, x.data(), y.data(), flags);
  };
  twice(y, [&] { run(0.25); }, "dropout");
  int64_t kept = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    kept += flags[i];
    EXPECT(near(y[i], flags[i] ? 2 / 0.75 : 0, 1e-6), "dropout at %ld", static_cast<long>(i));
    if (failures) break;
  }
  EXPECT(std::fabs(kept / double(kCount) - 0.75) < 0.005, "dropout keeps %ld", long(kept));
  run(0);
  EXPECT(y == x, "dropout with p = 0");
  run(1);
  EXPECT(std::all_of(y.begin(), y.end(), [](float v) { return v == 0; }), "dropout with p = 1");
}

void test_rejection() {
  std::vector<double> parameter(kCount), chance(kCount);
  const auto fill = [&](double value) { std::fill(parameter.begin(), parameter.end(), value); };
  for (double rate : {0.3, 4.0, 10.0, 12.5, 300.0}) {
    fill(rate);
    draw<double>(
        "poisson",
        [&](double* out) {
          return cpu::random_poisson(DType::float64, kState, kCount, parameter.data(), out);
        },
        rate, rate);
  }
  for (double shape : {0.2, 1.0, 3.5, 50.0}) {
    fill(shape);
    draw<double>(
        "gamma",
        [&](double* out) {
          return cpu::random_gamma(DType::float64, kState, kCount, parameter.data(), out);
        },
        shape, shape);
  }
  for (double n : {1.0, 7.0, 40.0, 1000.0}) {
    for (double p : {0.05, 0.3, 0.5, 0.9}) {
      fill(n);
      std::fill(chance.begin(), chance.end(), p);
      const Moments m = draw<double>(
          "binomial",
          [&](double* out) {
            return cpu::random_binomial(DType::float64, kState, kCount, parameter.data(),
                                        chance.data(), out);
          },
          n * p, n * p * (1 - p));
      EXPECT(m.least >= 0 && m.most <= n, "binomial outside of its range");
    }
  }
  std::fill(chance.begin(), chance.end(), 0.7);
  draw<uint8_t>(
      "bernoulli array",
      [&](uint8_t* out) {
        return cpu::random_bernoulli_array(DType::uint8, kState, kCount, DType::float64,
                                           chance.data(), out);
      },
      0.7, 0.21);
}

void test_choices() {
  std::vector<int64_t> order(1000);
  cpu::random_permutation(kState, 1000, order.data());
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < 1000; ++i) EXPECT(sorted[i] == i, "no permutation");
  EXPECT(!std::is_sorted(order.begin(), order.end()), "the permutation is the identity");

  const int64_t rows = 20000;
  const double given[4] = {1, 0, 5, 2};
  std::vector<float> weights;
  for (int64_t r = 0; r < rows; ++r) weights.insert(weights.end(), given, given + 4);
  for (bool replacement : {true, false}) {
    std::vector<int64_t> chosen(rows * 3);
    const auto run = [&] {
      cpu::multinomial(DType::float32, kState, weights.data(), rows, 4, 3, replacement,
                       chosen.data());
    };
    twice(chosen, run, "multinomial");
    double counts[4] = {};
    for (int64_t r = 0; r < rows; ++r) {
      ++counts[chosen[3 * r]];
      if (!replacement) {
        EXPECT(chosen[3 * r] != chosen[3 * r + 1] && chosen[3 * r + 1] != chosen[3 * r + 2] &&
                   chosen[3 * r] != chosen[3 * r + 2],
               "chosen twice");
      }
    }
    for (int c = 0; c < 4; ++c) {
      EXPECT(std::fabs(counts[c] / rows - given[c] / 8) < 0.015, "multinomial of category %d", c);
    }
    EXPECT(counts[1] == 0, "a category without weight was chosen");
  }
  const float bad[3][2] = {{1, -1}, {0, 0}, {1, 0}};
  for (const auto& row : bad) {
    int64_t out[2];
    bool raised = false;
    try {
      cpu::multinomial(DType::float32, kState, row, 1, 2, 2, false, out);
    } catch (const Error& error) {
      raised = error.kind() == ErrorKind::kRuntime;
    }
    EXPECT(raised, "bad weights were taken");
  }
}

}  // namespace

int main() {
  test_known_answers();
  test_continuous<float>("float32", 0);
  test_continuous<double>("float64", 0);
  test_continuous<Half>("float16", 0.002);
  test_continuous<BFloat16>("bfloat16", 0.02);
  test_integers();
  test_offsets();
  test_dropout();
  test_rejection();
  test_choices();
  if (failures == 0) std::printf("kernels_random_test: all passed\n");
  return failures != 0;
}
