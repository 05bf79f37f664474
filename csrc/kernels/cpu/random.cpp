#include "kernels/cpu/random.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "device/cpu/parallel.h"

namespace wengert::cpu {

namespace {

constexpr int64_t kGrain = 1024;

// The draws of one element: counters (offset + element, draw, 1). Array fills use stream 0, so the
// two kinds never share a counter.
class Substream {
 public:
  Substream(PhiloxState state, uint64_t element)
      : seed_(state.seed), counter_(state.offset + element) {}

  uint64_t bits() {
    if (second_) {
      second_ = false;
      return kept_;
    }
    const PhiloxWords w = philox(seed_, counter_, draw_++, 1);
    kept_ = (static_cast<uint64_t>(w.c) << 32) | w.d;
    second_ = true;
    return (static_cast<uint64_t>(w.a) << 32) | w.b;
  }
  // In (0, 1).
  double uniform() { return static_cast<double>(bits() >> 12) * 0x1p-52 + 0x1p-53; }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(6.283185307179586477 * uniform());
  }
  // An even choice among 0 ... n - 1.
  int64_t below(int64_t n) {
    return static_cast<int64_t>(
        (static_cast<unsigned __int128>(bits()) * static_cast<uint64_t>(n)) >> 64);
  }

 private:
  uint64_t seed_, counter_, kept_ = 0;
  uint32_t draw_ = 0;
  bool second_ = false;
};

// Transformed rejection for a rate of at least 10: PTRS (W. Hörmann, 1993, "The transformed
// rejection method for generating Poisson random variables").
double poisson_large(double rate, Substream& random) {
  const double root = std::sqrt(rate), log_rate = std::log(rate);
  const double b = 0.931 + 2.53 * root;
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = random.uniform() - 0.5;
    const double v = random.uniform();
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <=
        k * log_rate - rate - std::lgamma(k + 1)) {
      return k;
    }
  }
}

double poisson(double rate, Substream& random) {
  if (!(rate >= 0)) return std::numeric_limits<double>::quiet_NaN();
  if (rate == 0) return 0;
  if (rate >= 10) return poisson_large(rate, random);
  const double limit = std::exp(-rate);
  double k = 0;
  for (double product = random.uniform(); product > limit; product *= random.uniform()) ++k;
  return k;
}

// G. Marsaglia and W. W. Tsang, 2000, "A simple method for generating gamma variables".
double gamma(double shape, Substream& random) {
  if (!(shape >= 0)) return std::numeric_limits<double>::quiet_NaN();
  if (shape == 0) return 0;
  double scale = 1;
  if (shape < 1) {
    scale = std::pow(random.uniform(), 1 / shape);
    shape += 1;
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    const double u = random.uniform();
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return scale * d * v;
  }
}

// Stirling's remainder: log(k!) - [log(sqrt(2 pi)) + (k + 1/2) log(k + 1) - (k + 1)].
double stirling_rest(double k) {
  const double next = k + 1;
  return std::lgamma(next) - (0.91893853320467274178 + (k + 0.5) * std::log(next) - next);
}

// Transformed rejection for n * p of at least 10 and p of at most 1/2: BTRS (W. Hörmann, 1993,
// "The generation of binomial random variates").
double binomial_large(double n, double p, Substream& random) {
  const double q = 1 - p, root = std::sqrt(n * p * q);
  const double b = 1.15 + 2.53 * root;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double c = n * p + 0.5;
  const double v_r = 0.92 - 4.2 / b;
  const double alpha = (2.83 + 5.1 / b) * root;
  const double mode = std::floor((n + 1) * p);
  for (;;) {
    const double u = random.uniform() - 0.5;
    double v = random.uniform();
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + c);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || k > n) continue;
    v = std::log(v * alpha / (a / (us * us) + b));
    const double bound = (mode + 0.5) * std::log((mode + 1) / (p / q * (n - mode + 1))) +
                         (n + 1) * std::log((n - mode + 1) / (n - k + 1)) +
                         (k + 0.5) * std::log(p / q * (n - k + 1) / (k + 1)) + stirling_rest(mode) +
                         stirling_rest(n - mode) - stirling_rest(k) - stirling_rest(n - k);
    if (v <= bound) return k;
  }
}

double binomial(double n, double p, Substream& random) {
  if (!(n >= 0 && p >= 0 && p <= 1)) return std::numeric_limits<double>::quiet_NaN();
  if (n == 0 || p == 0) return 0;
  if (p == 1) return n;
  if (p > 0.5) return n - binomial(n, 1 - p, random);
  if (n * p >= 10) return binomial_large(n, p, random);
  // The gaps between successes are geometric.
  const double scale = 1 / std::log1p(-p);
  double successes = 0, trials = 0;
  for (;;) {
    trials += std::ceil(std::log(random.uniform()) * scale);
    if (trials > n) return successes;
    ++successes;
  }
}

template <class Fn>
void visit_floats(DType dtype, const Fn& fn) {
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_reduced_v<T> || std::is_floating_point_v<T>) fn(tag);
  });
}

template <class T>
double load(const void* data, int64_t i) {
  return static_cast<double>(convert<compute_t<T>>(static_cast<const T*>(data)[i]));
}

// out[i] = draw(i, substream of i)
template <class T, class Draw>
uint64_t fill_elements(PhiloxState state, int64_t n, void* out, const Draw& draw) {
  parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Substream random(state, static_cast<uint64_t>(i));
      static_cast<T*>(out)[i] = convert<T>(static_cast<compute_t<T>>(draw(i, random)));
    }
  });
  return static_cast<uint64_t>(n);
}

enum class Weights { kGood, kNotFinite, kZeroSum, kTooFew };

// One row of multinomial; `values` are the weights, `cumulative` is working memory.
Weights choose(const std::vector<double>& weights, std::vector<double>& work,
               std::vector<int64_t>& order, Substream& random, int64_t samples, bool replacement,
               int64_t* out) {
  const int64_t categories = static_cast<int64_t>(weights.size());
  double total = 0;
  int64_t positive = 0, last = 0;
  for (int64_t c = 0; c < categories; ++c) {
    if (!(weights[c] >= 0) || std::isinf(weights[c])) return Weights::kNotFinite;
    total += weights[c];
    if (weights[c] > 0) {
      ++positive;
      last = c;
    }
    work[c] = total;
  }
  if (positive == 0) return Weights::kZeroSum;
  if (replacement) {
    for (int64_t s = 0; s < samples; ++s) {
      const auto at = std::upper_bound(work.begin(), work.end(), random.uniform() * total);
      out[s] = std::min<int64_t>(last, at - work.begin());
    }
    return Weights::kGood;
  }
  if (positive < samples) return Weights::kTooFew;
  // The smallest of independent exponential times with the weights as rates come first with the
  // right probabilities, and so do those that follow.
  for (int64_t c = 0; c < categories; ++c) {
    const double time = -std::log(random.uniform());
    work[c] = weights[c] > 0 ? time / weights[c] : std::numeric_limits<double>::infinity();
  }
  std::iota(order.begin(), order.end(), int64_t{0});
  std::partial_sort(order.begin(), order.begin() + samples, order.end(), [&](int64_t a, int64_t b) {
    return work[a] < work[b] || (work[a] == work[b] && a < b);
  });
  std::copy(order.begin(), order.begin() + samples, out);
  return Weights::kGood;
}

}  // namespace

uint64_t random_permutation(PhiloxState state, int64_t n, int64_t* out) {
  std::iota(out, out + n, int64_t{0});
  Substream random(state, 0);
  for (int64_t i = n - 1; i > 0; --i) std::swap(out[i], out[random.below(i + 1)]);
  return 1;
}

uint64_t multinomial(DType dtype, PhiloxState state, const void* weights, int64_t rows,
                     int64_t categories, int64_t samples, bool replacement, int64_t* out) {
  WENGERT_CHECK(replacement || samples <= categories, kRuntime,
                "multinomial(): cannot sample n_sample > prob_dist.size(-1) samples without "
                "replacement");
  std::vector<Weights> verdicts(rows, Weights::kGood);
  visit_floats(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, categories + samples)),
                 [&](int64_t begin, int64_t end) {
                   std::vector<double> row(categories), work(categories);
                   std::vector<int64_t> order(replacement ? 0 : categories);
                   for (int64_t r = begin; r < end; ++r) {
                     for (int64_t c = 0; c < categories; ++c) {
                       row[c] = load<T>(weights, r * categories + c);
                     }
                     Substream random(state, static_cast<uint64_t>(r));
                     verdicts[r] =
                         choose(row, work, order, random, samples, replacement, out + r * samples);
                   }
                 });
  });
  for (const Weights verdict : verdicts) {
    WENGERT_CHECK(verdict != Weights::kNotFinite, kRuntime,
                  "multinomial(): probability tensor contains either `inf`, `nan` or element < 0");
    WENGERT_CHECK(verdict != Weights::kZeroSum, kRuntime,
                  "multinomial(): invalid multinomial distribution (sum of probabilities <= 0)");
    WENGERT_CHECK(verdict != Weights::kTooFew, kRuntime,
                  "multinomial(): invalid multinomial distribution (with replacement=False, not "
                  "enough non-negative category to sample)");
  }
  return static_cast<uint64_t>(rows);
}

uint64_t random_poisson(DType dtype, PhiloxState state, int64_t n, const void* rates, void* out) {
  uint64_t used = 0;
  visit_floats(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    used = fill_elements<T>(state, n, out, [=](int64_t i, Substream& random) {
      return poisson(load<T>(rates, i), random);
    });
  });
  return used;
}

uint64_t random_gamma(DType dtype, PhiloxState state, int64_t n, const void* shapes, void* out) {
  uint64_t used = 0;
  visit_floats(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    used = fill_elements<T>(state, n, out, [=](int64_t i, Substream& random) {
      return gamma(load<T>(shapes, i), random);
    });
  });
  return used;
}

uint64_t random_binomial(DType dtype, PhiloxState state, int64_t n, const void* counts,
                         const void* probabilities, void* out) {
  uint64_t used = 0;
  visit_floats(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    used = fill_elements<T>(state, n, out, [=](int64_t i, Substream& random) {
      return binomial(std::floor(load<T>(counts, i)), load<T>(probabilities, i), random);
    });
  });
  return used;
}

}  // namespace wengert::cpu
