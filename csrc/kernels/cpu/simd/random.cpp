#include "kernels/cpu/simd_math.h"
// simd_math.h comes before anything that includes <cmath>.
#include "kernels/cpu/simd/random.h"

#include <cmath>

#include "kernels/cpu/simd/row_tools.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

constexpr int64_t kCounters = 64;  // counters of a block
constexpr int64_t kWords = 4 * kCounters;
constexpr int64_t kBlockGrain = 64;
constexpr double kPi = 3.14159265358979323846;

inline void fill_words(PhiloxState state, int64_t block, uint32_t* words) {
  const uint64_t first = state.offset + static_cast<uint64_t>(block * kCounters);
#pragma omp simd
  for (int64_t j = 0; j < kCounters; ++j) {
    const PhiloxWords w = philox(state.seed, first + static_cast<uint64_t>(j), 0, 0);
    words[j] = w.a;
    words[kCounters + j] = w.b;
    words[2 * kCounters + j] = w.c;
    words[3 * kCounters + j] = w.d;
  }
}

// fill(words, buffer) writes the kPerBlock elements of a block. The last, partial block too is
// made whole, in a buffer of its own, so that no element meets a different loop.
template <int64_t kPerBlock, class T, class Fill>
uint64_t fill_blocks(PhiloxState state, int64_t n, T* out, const Fill& fill) {
  const int64_t blocks = (n + kPerBlock - 1) / kPerBlock;
  parallel_for(blocks, kBlockGrain, [&](int64_t begin, int64_t end) {
    alignas(64) uint32_t words[kWords];
    for (int64_t b = begin; b < end; ++b) {
      fill_words(state, b, words);
      const int64_t first = b * kPerBlock;
      if (first + kPerBlock <= n) {
        fill(words, out + first);
      } else {
        T part[kPerBlock];
        fill(words, part);
        std::copy(part, part + (n - first), out + first);
      }
    }
  });
  return static_cast<uint64_t>(blocks * kCounters);
}

// The random bits of one element: 32 for float and 64 for double.
template <class C>
using Bits = std::conditional_t<std::is_same_v<C, double>, uint64_t, uint32_t>;
template <class C>
constexpr int64_t kPerBlock = std::is_same_v<C, double> ? kWords / 2 : kWords;

template <class C>
inline Bits<C> bits_at(const uint32_t* words, int64_t j) {
  if constexpr (std::is_same_v<C, double>) {
    return (static_cast<uint64_t>(words[j]) << 32) | words[kWords / 2 + j];
  } else {
    return words[j];
  }
}

// (0, 1]: small values keep all their bits, so that logarithms reach far into the tail.
inline float open_low(uint32_t bits) {
  return static_cast<float>(static_cast<int32_t>(bits >> 1)) * 0x1p-31f + 0x1p-32f;
}
inline double open_low(uint64_t bits) {
  return static_cast<double>(static_cast<int64_t>(bits >> 11)) * 0x1p-53 + 0x1p-54;
}
// (0, 1), symmetric about 1/2
inline float open_both(uint32_t bits) {
  return static_cast<float>(static_cast<int32_t>(bits >> 9)) * 0x1p-23f + 0x1p-24f;
}
inline double open_both(uint64_t bits) {
  return static_cast<double>(static_cast<int64_t>(bits >> 12)) * 0x1p-52 + 0x1p-53;
}
// [-pi, pi)
inline float angle(uint32_t bits) {
  return static_cast<float>(static_cast<int32_t>(bits)) * static_cast<float>(kPi * 0x1p-31);
}
inline double angle(uint64_t bits) {
  return static_cast<double>(static_cast<int64_t>(bits) >> 11) * (kPi * 0x1p-52);
}

// One value per element: out[i] = value(bits).
template <class C, class T, class Value>
uint64_t fill_each(PhiloxState state, int64_t n, T* out, const Value& value) {
  return fill_blocks<kPerBlock<C>>(state, n, out, [=](const uint32_t* words, T* to) {
#pragma omp simd
    for (int64_t j = 0; j < kPerBlock<C>; ++j) to[j] = convert<T>(value(bits_at<C>(words, j)));
  });
}

// Two normal values from two words: the first half of a block gets the cosines, the second the
// sines.
template <class C, class T, class Value>
uint64_t fill_normal(PhiloxState state, int64_t n, T* out, const Value& value) {
  return fill_blocks<kPerBlock<C>>(state, n, out, [=](const uint32_t* words, T* to) {
    constexpr int64_t kHalf = kPerBlock<C> / 2;
    C radius[kHalf], theta[kHalf];
#pragma omp simd
    for (int64_t j = 0; j < kHalf; ++j) {
      radius[j] = std::sqrt(C(-2) * std::log(open_low(bits_at<C>(words, j))));
      theta[j] = angle(bits_at<C>(words, kHalf + j));
    }
    // Two loops: of a sine and a cosine side by side the compiler makes one scalar call.
#pragma omp simd
    for (int64_t j = 0; j < kHalf; ++j) {
      to[j] = convert<T>(value(radius[j] * std::cos(theta[j])));
    }
#pragma omp simd
    for (int64_t j = 0; j < kHalf; ++j) {
      to[kHalf + j] = convert<T>(value(radius[j] * std::sin(theta[j])));
    }
  });
}

// float for the floating dtypes up to 32 bits, otherwise double.
template <class T>
using RandomCompute =
    std::conditional_t<is_reduced_v<T> || std::is_same_v<T, float>, float, double>;

template <class T>
uint64_t uniform_typed(PhiloxState state, int64_t n, double low, double high, T* out) {
  using C = compute_t<T>;
  const C base = static_cast<C>(low), range = static_cast<C>(high - low);
  const C limit = static_cast<C>(high);
  return fill_each<C>(state, n, out, [=](Bits<C> bits) {
    C unit;
    if constexpr (std::is_same_v<T, double>) {
      unit = static_cast<double>(static_cast<int64_t>(bits >> 11)) * 0x1p-53;
    } else {
      constexpr int kBits = std::is_same_v<T, float> ? 24 : std::is_same_v<T, Half> ? 11 : 8;
      unit = static_cast<float>(static_cast<int32_t>(bits >> (32 - kBits))) *
             (1.0f / static_cast<float>(1 << kBits));
    }
    const C value = convert<C>(convert<T>(base + unit * range));
    return value < limit ? value : base;  // rounding may have reached the open end
  });
}

template <class T>
uint64_t integers_typed(PhiloxState state, int64_t n, int64_t low, uint64_t span, T* out) {
  const auto place = [=](uint64_t value) {
    return convert<T>(static_cast<int64_t>(static_cast<uint64_t>(low) + value));
  };
  // The high half of bits * span: as even as 2^64 values can be spread.
  if (span != 0 && span <= (uint64_t{1} << 32)) {
    return fill_each<double>(state, n, out, [=](uint64_t bits) {
      return place(((bits >> 32) * span + (((bits & 0xffffffffu) * span) >> 32)) >> 32);
    });
  }
  return fill_each<double>(state, n, out, [=](uint64_t bits) {
    if (span == 0) return place(bits);
    return place(static_cast<uint64_t>((static_cast<unsigned __int128>(bits) * span) >> 64));
  });
}

}  // namespace

uint64_t random_uniform(DType dtype, PhiloxState state, int64_t n, double low, double high,
                        void* out) {
  uint64_t used = 0;
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    used = uniform_typed(state, n, low, high, static_cast<T*>(out));
  });
  return used;
}

uint64_t random_normal(DType dtype, PhiloxState state, int64_t n, double mean, double std,
                       void* out) {
  uint64_t used = 0;
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    const C m = static_cast<C>(mean), s = static_cast<C>(std);
    used = fill_normal<C>(state, n, static_cast<T*>(out), [=](C z) { return m + s * z; });
  });
  return used;
}

uint64_t random_normal_arrays(DType dtype, PhiloxState state, int64_t n, const void* means,
                              double mean, const void* stds, double std, void* out) {
  const uint64_t used = random_normal(dtype, state, n, 0, 1, out);
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    T* to = static_cast<T*>(out);
    const T* m = static_cast<const T*>(means);
    const T* s = static_cast<const T*>(stds);
    parallel_for(n, kRowGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        to[i] =
            convert<T>((m != nullptr ? convert<C>(m[i]) : static_cast<C>(mean)) +
                       (s != nullptr ? convert<C>(s[i]) : static_cast<C>(std)) * convert<C>(to[i]));
      }
    });
  });
  return used;
}

uint64_t random_log_normal(DType dtype, PhiloxState state, int64_t n, double mean, double std,
                           void* out) {
  uint64_t used = 0;
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    const C m = static_cast<C>(mean), s = static_cast<C>(std);
    used = fill_normal<C>(state, n, static_cast<T*>(out), [=](C z) { return std::exp(m + s * z); });
  });
  return used;
}

uint64_t random_exponential(DType dtype, PhiloxState state, int64_t n, double rate, void* out) {
  uint64_t used = 0;
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    const C scale = static_cast<C>(1 / rate);
    constexpr C kLeast = std::numeric_limits<C>::epsilon() / 4;
    used = fill_each<C>(state, n, static_cast<T*>(out), [=](Bits<C> bits) {
      const C u = open_low(bits);
      return (u < 1 ? -std::log(u) : kLeast) * scale;
    });
  });
  return used;
}

uint64_t random_cauchy(DType dtype, PhiloxState state, int64_t n, double median, double sigma,
                       void* out) {
  uint64_t used = 0;
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    const C m = static_cast<C>(median), s = static_cast<C>(sigma), pi = static_cast<C>(kPi);
    used = fill_each<C>(state, n, static_cast<T*>(out), [=](Bits<C> bits) {
      return m + s * std::tan(pi * (open_both(bits) - C(0.5)));
    });
  });
  return used;
}

uint64_t random_geometric(DType dtype, PhiloxState state, int64_t n, double p, void* out) {
  uint64_t used = 0;
  visit_real(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = RandomCompute<T>;
    const C scale = static_cast<C>(1 / std::log1p(-p));
    used = fill_each<C>(state, n, static_cast<T*>(out), [=](Bits<C> bits) {
      const C trials = std::ceil(std::log(open_both(bits)) * scale);
      return trials < 1 ? C(1) : trials;
    });
  });
  return used;
}

uint64_t random_integers(DType dtype, PhiloxState state, int64_t n, int64_t low, uint64_t span,
                         void* out) {
  uint64_t used = 0;
  visit_real(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    used = integers_typed(state, n, low, span, static_cast<T*>(out));
  });
  return used;
}

uint64_t random_bernoulli(DType dtype, PhiloxState state, int64_t n, double p, void* out) {
  uint64_t used = 0;
  const uint64_t threshold = static_cast<uint64_t>(p * 0x1p32);
  visit_real(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T one = convert<T>(1), zero = convert<T>(0);
    used = fill_each<float>(state, n, static_cast<T*>(out),
                            [=](uint32_t bits) { return bits < threshold ? one : zero; });
  });
  return used;
}

uint64_t random_bernoulli_array(DType dtype, PhiloxState state, int64_t n, DType p_dtype,
                                const void* p, void* out) {
  // The words are made first; what they are compared with is then read in a plain loop.
  const int64_t blocks = (n + kWords - 1) / kWords;
  visit_floating(p_dtype, [&](auto p_tag) {
    using P = typename decltype(p_tag)::type;
    const P* probabilities = static_cast<const P*>(p);
    visit_real(dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      T* to = static_cast<T*>(out);
      parallel_for(blocks, kBlockGrain, [&](int64_t begin, int64_t end) {
        alignas(64) uint32_t words[kWords];
        for (int64_t b = begin; b < end; ++b) {
          fill_words(state, b, words);
          const int64_t first = b * kWords, count = std::min(kWords, n - first);
          for (int64_t j = 0; j < count; ++j) {
            const double u = static_cast<double>(words[j]) * 0x1p-32;
            to[first + j] = convert<T>(
                u < static_cast<double>(convert<compute_t<P>>(probabilities[first + j])));
          }
        }
      });
    });
  });
  return static_cast<uint64_t>(blocks * kCounters);
}

uint64_t dropout_forward(DType dtype, PhiloxState state, int64_t n, double p, const void* x,
                         void* y, bool* mask) {
  // Words below the threshold are dropped, all of them if p = 1.
  const uint32_t threshold = static_cast<uint32_t>(std::min(p * 0x1p32, 0x1p32 - 1));
  const bool none = p >= 1;
  const int64_t blocks = (n + kWords - 1) / kWords;
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    const T* from = static_cast<const T*>(x);
    T* to = static_cast<T*>(y);
    const C scale = p < 1 ? static_cast<C>(1 / (1 - p)) : C(0);
    parallel_for(blocks, kBlockGrain, [&](int64_t begin, int64_t end) {
      alignas(64) uint32_t words[kWords];
      for (int64_t b = begin; b < end; ++b) {
        fill_words(state, b, words);
        const int64_t first = b * kWords, count = std::min(kWords, n - first);
        uint8_t* keep = reinterpret_cast<uint8_t*>(mask) + first;
        if (none) std::fill(words, words + kWords, 0u);
        const T* x_block = from + first;
        T* y_block = to + first;
#pragma omp simd
        for (int64_t j = 0; j < count; ++j) {
          const C value = convert<C>(x_block[j]) * scale;
          y_block[j] = convert<T>(words[j] >= threshold ? value : C(0));
        }
#pragma omp simd
        for (int64_t j = 0; j < count; ++j) keep[j] = words[j] >= threshold ? 1 : 0;
      }
    });
  });
  return static_cast<uint64_t>(blocks * kCounters);
}

}  // namespace wengert::cpu::WENGERT_ISA
