#include "kernels/cpu/simd_math.h"
// simd_math.h comes before anything that includes <cmath>.
#include "kernels/cpu/simd/reduce_special.h"

#include <cmath>

#include "kernels/cpu/reduce.h"
#include "kernels/cpu/simd/row_tools.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

// ---- positions of extremes

template <bool kLargest, class C>
inline bool beats(C x, C best) {
  return (kLargest ? x > best : x < best) || (x != x && best == best);
}

// The first position of the extreme of a contiguous run. The value is found with vectors first;
// then the blocks are searched for it.
template <bool kLargest, class T>
int64_t arg_run(const T* x, int64_t n) {
  using C = compute_t<T>;
  constexpr int64_t kLanes = 64;
  if (n < 2 * kLanes) {
    int64_t at = 0;
    for (int64_t i = 1; i < n; ++i) {
      if (beats<kLargest>(convert<C>(x[i]), convert<C>(x[at]))) at = i;
    }
    return at;
  }
  C best[kLanes];
  for (int64_t j = 0; j < kLanes; ++j) best[j] = convert<C>(x[j]);
  int64_t i = kLanes;
  for (; i + kLanes <= n; i += kLanes) {
#pragma omp simd
    for (int64_t j = 0; j < kLanes; ++j) {
      const C value = convert<C>(x[i + j]);
      // A NaN stays: nothing compares greater than it, and it replaces whatever was there.
      best[j] =
          ((kLargest ? value > best[j] : value < best[j]) | (value != value)) ? value : best[j];
    }
  }
  C most = best[0];
  for (int64_t j = 1; j < kLanes; ++j) most = beats<kLargest>(best[j], most) ? best[j] : most;
  for (; i < n; ++i) most = beats<kLargest>(convert<C>(x[i]), most) ? convert<C>(x[i]) : most;
  for (int64_t first = 0;; first += kLanes) {
    const int64_t count = std::min(kLanes, n - first);
    int found = 0;
#pragma omp simd reduction(| : found)
    for (int64_t j = 0; j < count; ++j) {
      const C value = convert<C>(x[first + j]);
      found |= (value == most) | (value != value);
    }
    if (!found) continue;
    for (int64_t j = 0; j < count; ++j) {
      const C value = convert<C>(x[first + j]);
      if (most == most ? value == most : value != value) return first + j;
    }
  }
}

template <bool kLargest, class T>
void arg_rows(const MiddleShape& shape, const T* x, int64_t* indices) {
  const int64_t n = shape.n;
  constexpr int64_t kBlock = 32768;
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  if (blocks < 2 || shape.outer >= 64) {
    parallel_for(shape.outer, grain_for(n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) indices[r] = arg_run<kLargest>(x + r * n, n);
    });
    return;
  }
  const Scratch<int64_t> found(shape.outer * blocks);
  parallel_for(shape.outer * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % blocks * kBlock;
      found.get()[i] =
          first + arg_run<kLargest>(x + i / blocks * n + first, std::min(kBlock, n - first));
    }
  });
  for (int64_t r = 0; r < shape.outer; ++r) {
    int64_t at = found.get()[r * blocks];
    for (int64_t block = 1; block < blocks; ++block) {
      const int64_t other = found.get()[r * blocks + block];
      const T* row = x + r * n;
      using C = compute_t<T>;
      if (beats<kLargest>(convert<C>(row[other]), convert<C>(row[at]))) at = other;
    }
    indices[r] = at;
  }
}

template <bool kLargest, class T>
void arg_columns(const MiddleShape& shape, const T* x, int64_t* indices) {
  using C = compute_t<T>;
  // Positions as wide as the values, so that both sit in the same vector lanes.
  using Index = std::conditional_t<sizeof(C) == 8, int64_t, int32_t>;
  const int64_t tiles = (shape.inner + kRowTile - 1) / kRowTile;
  parallel_for(shape.outer * tiles, grain_for(shape.n * kRowTile), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t outer = t / tiles, first = t % tiles * kRowTile;
      const int64_t width = std::min(kRowTile, shape.inner - first);
      const T* base = x + outer * shape.n * shape.inner + first;
      int64_t* to = indices + outer * shape.inner + first;
      C best[kRowTile];
      Index at[kRowTile];
      for (int64_t j = 0; j < width; ++j) {
        best[j] = convert<C>(base[j]);
        at[j] = 0;
        to[j] = 0;
      }
      // Narrow positions are relative to a part that they can count.
      constexpr int64_t kPart = int64_t{1} << 30;
      for (int64_t part = 0; part < shape.n; part += kPart) {
        const int64_t stop = std::min(kPart, shape.n - part);
        for (int64_t j = 0; j < width; ++j) at[j] = -1;
        for (int64_t i = 0; i < stop; ++i) {
          const T* row = base + (part + i) * shape.inner;
          const Index index = static_cast<Index>(i);
#pragma omp simd
          for (int64_t j = 0; j < width; ++j) {
            const C value = convert<C>(row[j]);
            const bool better = (kLargest ? value > best[j] : value < best[j]) |
                                ((value != value) & (best[j] == best[j]));
            best[j] = better ? value : best[j];
            at[j] = better ? index : at[j];
          }
        }
        for (int64_t j = 0; j < width; ++j) to[j] = at[j] >= 0 ? part + at[j] : to[j];
      }
    }
  });
}

template <class T>
void arg_typed(const MiddleShape& shape, bool largest, const T* x, int64_t* indices) {
  if (shape.inner == 1) {
    largest ? arg_rows<true>(shape, x, indices) : arg_rows<false>(shape, x, indices);
  } else {
    largest ? arg_columns<true>(shape, x, indices) : arg_columns<false>(shape, x, indices);
  }
}

// ---- variance

// Mean and sum of squared deviations of `count` elements; merging is Chan, Golub and LeVeque, 1983.
struct Moments {
  double count, mean, squares;
};

inline Moments merge(const Moments& a, const Moments& b) {
  if (b.count == 0) return a;
  const double count = a.count + b.count, delta = b.mean - a.mean;
  return {count, a.mean + delta * (b.count / count),
          a.squares + b.squares + delta * delta * a.count * (b.count / count)};
}

constexpr int64_t kMomentChunk = 4096;

// Two passes over a chunk that fits in the cache.
template <class T>
Moments chunk_moments(const T* x, int64_t n) {
  using C = compute_t<T>;
  const double mean = sum_terms<C>(0, n, [=](int64_t i) { return convert<C>(x[i]); }) / n;
  const C center = static_cast<C>(mean);
  const double squares = sum_terms<C>(0, n, [=](int64_t i) {
    const C d = convert<C>(x[i]) - center;
    return d * d;
  });
  // `center` is the mean rounded: the squares about the exact mean are smaller by this much.
  const double off = mean - static_cast<double>(center);
  return {static_cast<double>(n), mean, std::max(0.0, squares - n * off * off)};
}

struct MomentSink {
  double correction;
  bool square_root;
  template <class T>
  void write(const Moments& m, T* variance, T* mean, int64_t at) const {
    using C = compute_t<T>;
    if (mean != nullptr) {
      mean[at] =
          convert<T>(m.count > 0 ? static_cast<C>(m.mean) : std::numeric_limits<C>::quiet_NaN());
    }
    if (variance != nullptr) {
      const double value = m.squares / std::max(0.0, m.count - correction);
      variance[at] = convert<T>(static_cast<C>(square_root ? std::sqrt(value) : value));
    }
  }
};

template <class T>
void variance_rows(const MiddleShape& shape, const MomentSink& sink, const T* x, T* variance,
                   T* mean) {
  const int64_t n = shape.n, chunks = (n + kMomentChunk - 1) / kMomentChunk;
  const auto chunk = [=](int64_t row, int64_t k) {
    return chunk_moments(x + row * n + k * kMomentChunk,
                         std::min(kMomentChunk, n - k * kMomentChunk));
  };
  if (chunks < 2 || shape.outer >= 64) {
    parallel_for(shape.outer, grain_for(2 * n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        Moments all{0, 0, 0};
        for (int64_t k = 0; k < chunks; ++k) all = merge(all, chunk(r, k));
        sink.write(all, variance, mean, r);
      }
    });
    return;
  }
  const Scratch<Moments> partial(shape.outer * chunks);
  parallel_for(shape.outer * chunks, grain_for(2 * kMomentChunk), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) partial.get()[i] = chunk(i / chunks, i % chunks);
  });
  for (int64_t r = 0; r < shape.outer; ++r) {
    Moments all{0, 0, 0};
    for (int64_t k = 0; k < chunks; ++k) all = merge(all, partial.get()[r * chunks + k]);
    sink.write(all, variance, mean, r);
  }
}

constexpr int64_t kMomentRows = 64;  // rows of a column chunk

// The moments of `width` neighbouring columns over up to kMomentRows rows.
template <class T>
void column_moments(const T* x, int64_t rows, int64_t stride, int64_t width, Moments* out) {
  using C = compute_t<T>;
  C center[kRowTile], sum[kRowTile];
  for (int64_t j = 0; j < width; ++j) sum[j] = 0;
  for (int64_t i = 0; i < rows; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) sum[j] += convert<C>(x[i * stride + j]);
  }
  for (int64_t j = 0; j < width; ++j) {
    out[j] = {static_cast<double>(rows), static_cast<double>(sum[j]) / rows, 0};
    center[j] = static_cast<C>(out[j].mean);
    sum[j] = 0;
  }
  for (int64_t i = 0; i < rows; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      const C d = convert<C>(x[i * stride + j]) - center[j];
      sum[j] += d * d;
    }
  }
  for (int64_t j = 0; j < width; ++j) {
    const double off = out[j].mean - static_cast<double>(center[j]);
    out[j].squares = std::max(0.0, static_cast<double>(sum[j]) - rows * off * off);
  }
}

template <class T>
void variance_columns(const MiddleShape& shape, const MomentSink& sink, const T* x, T* variance,
                      T* mean) {
  const int64_t tiles = (shape.inner + kRowTile - 1) / kRowTile;
  // Long columns in few tiles are cut into parts that threads can share.
  const int64_t part_rows = 16 * kMomentRows;
  const int64_t parts = std::max<int64_t>(1, (shape.n + part_rows - 1) / part_rows);
  const int64_t pieces = shape.outer * tiles;
  const Scratch<Moments> partial(pieces * parts * kRowTile);
  parallel_for(pieces * parts, grain_for(2 * std::min(shape.n, part_rows) * kRowTile),
               [&](int64_t begin, int64_t end) {
                 Moments chunk[kRowTile];
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t piece = i / parts, part = i % parts;
                   const int64_t first = piece % tiles * kRowTile;
                   const int64_t width = std::min(kRowTile, shape.inner - first);
                   const T* base = x + piece / tiles * shape.n * shape.inner + first;
                   Moments* all = partial.get() + i * kRowTile;
                   std::fill(all, all + width, Moments{0, 0, 0});
                   const int64_t stop = std::min(shape.n, (part + 1) * part_rows);
                   for (int64_t row = part * part_rows; row < stop; row += kMomentRows) {
                     column_moments(base + row * shape.inner, std::min(kMomentRows, stop - row),
                                    shape.inner, width, chunk);
                     for (int64_t j = 0; j < width; ++j) all[j] = merge(all[j], chunk[j]);
                   }
                 }
               });
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const int64_t first = piece % tiles * kRowTile;
    const int64_t width = std::min(kRowTile, shape.inner - first);
    for (int64_t j = 0; j < width; ++j) {
      Moments all{0, 0, 0};
      for (int64_t part = 0; part < parts; ++part) {
        all = merge(all, partial.get()[(piece * parts + part) * kRowTile + j]);
      }
      sink.write(all, variance, mean, piece / tiles * shape.inner + first + j);
    }
  }
}

// ---- norms

template <class T>
struct real_of {
  using type = T;
};
template <class R>
struct real_of<std::complex<R>> {
  using type = R;
};

template <class T>
inline auto magnitude(T x) {
  if constexpr (is_complex_v<T>) {
    return std::hypot(x.real(), x.imag());
  } else {
    return std::fabs(x);
  }
}

template <class T>
struct NormBase {
  using In = T;
  using Out = typename real_of<T>::type;
  using Acc = compute_t<Out>;
  using X = compute_t<T>;
  static constexpr bool kVectorise = true;
  Acc init() const { return 0; }
  Acc merge(Acc a, Acc b) const { return a + b; }
  Out finish(Acc acc, int64_t) const { return convert<Out>(acc); }
};

template <class T>
struct CountNorm : NormBase<T> {
  using typename NormBase<T>::Acc;
  Acc combine(Acc acc, compute_t<T> x) const {
    return acc + (x != compute_t<T>(0) ? Acc(1) : Acc(0));
  }
};

template <class T>
struct AbsoluteNorm : NormBase<T> {
  using typename NormBase<T>::Acc;
  Acc combine(Acc acc, compute_t<T> x) const { return acc + magnitude(x); }
};

template <class T>
struct EuclideanNorm : NormBase<T> {
  using typename NormBase<T>::Acc;
  using typename NormBase<T>::Out;
  Acc combine(Acc acc, compute_t<T> x) const {
    if constexpr (is_complex_v<T>) {
      return acc + (x.real() * x.real() + x.imag() * x.imag());
    } else {
      return acc + x * x;
    }
  }
  Out finish(Acc acc, int64_t) const { return convert<Out>(std::sqrt(acc)); }
};

template <class T, bool kLargest>
struct ExtremeNorm : NormBase<T> {
  using typename NormBase<T>::Acc;
  Acc init() const { return kLargest ? Acc(0) : std::numeric_limits<Acc>::infinity(); }
  Acc merge(Acc a, Acc b) const { return ((kLargest ? b > a : b < a) | (b != b)) ? b : a; }
  Acc combine(Acc acc, compute_t<T> x) const { return merge(acc, magnitude(x)); }
};

template <class T>
struct PowerNorm : NormBase<T> {
  using typename NormBase<T>::Acc;
  using typename NormBase<T>::Out;
  Acc p;
  Acc combine(Acc acc, compute_t<T> x) const { return acc + std::pow(magnitude(x), p); }
  Out finish(Acc acc, int64_t) const { return convert<Out>(std::pow(acc, 1 / p)); }
};

template <class T>
void norm_typed(const ReduceShape& shape, double p, const void* x, void* y) {
  if (p == 0) {
    reduce<CountNorm<T>>(shape, x, y);
  } else if (p == 1) {
    reduce<AbsoluteNorm<T>>(shape, x, y);
  } else if (p == 2) {
    reduce<EuclideanNorm<T>>(shape, x, y);
  } else if (p == std::numeric_limits<double>::infinity()) {
    reduce<ExtremeNorm<T, true>>(shape, x, y);
  } else if (p == -std::numeric_limits<double>::infinity()) {
    reduce<ExtremeNorm<T, false>>(shape, x, y);
  } else {
    PowerNorm<T> op;
    op.p = static_cast<typename PowerNorm<T>::Acc>(p);
    reduce(op, shape, x, y);
  }
}

}  // namespace

void argreduce(DType dtype, const MiddleShape& shape, bool largest, const void* x, int64_t* indices,
               void* values) {
  visit_real(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = static_cast<const T*>(x);
    arg_typed(shape, largest, from, indices);
    if (values == nullptr) return;
    T* to = static_cast<T*>(values);
    for (int64_t o = 0; o < shape.outer; ++o) {
      for (int64_t i = 0; i < shape.inner; ++i) {
        const int64_t at = o * shape.inner + i;
        to[at] = from[(o * shape.n + indices[at]) * shape.inner + i];
      }
    }
  });
}

void variance(DType dtype, const MiddleShape& shape, double correction, bool square_root,
              const void* x, void* variance, void* mean) {
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const MomentSink sink{correction, square_root};
    const T* from = static_cast<const T*>(x);
    if (shape.inner == 1) {
      variance_rows(shape, sink, from, static_cast<T*>(variance), static_cast<T*>(mean));
    } else {
      variance_columns(shape, sink, from, static_cast<T*>(variance), static_cast<T*>(mean));
    }
  });
}

void vector_norm(DType dtype, const ReduceShape& shape, double p, const void* x, void* y) {
  if (dtype == DType::complex64) return norm_typed<complex64>(shape, p, x, y);
  if (dtype == DType::complex128) return norm_typed<complex128>(shape, p, x, y);
  visit_floating(dtype,
                 [&](auto tag) { norm_typed<typename decltype(tag)::type>(shape, p, x, y); });
}

}  // namespace wengert::cpu::WENGERT_ISA
