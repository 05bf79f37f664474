#include "kernels/cpu/simd_math.h"
// simd_math.h comes before anything that includes <cmath>.
#include "kernels/cpu/simd/softmax.h"

#include <cmath>

#include "kernels/cpu/simd/exp_row.h"
#include "kernels/cpu/simd/row_tools.h"
#include "kernels/math/elementary.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

template <class T>
void forward_row(bool log, const T* x, T* y, int64_t n, compute_t<T>* scratch) {
  using C = compute_t<T>;
  const C most = max_term<C>(0, n, [=](int64_t i) { return convert<C>(x[i]); });
  if (log) {
    const C log_sum = std::log(static_cast<C>(exp_row<T>(x, most, nullptr, n)));
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = convert<T>((convert<C>(x[i]) - most) - log_sum);
    return;
  }
  C* exps;
  if constexpr (is_reduced_v<T>) {
    exps = scratch;
  } else {
    exps = y;
  }
  const C scale = static_cast<C>(1 / exp_row<T>(x, most, exps, n));
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = convert<T>(exps[i] * scale);
}

// `width` neighbouring columns at once; `stride` elements from one row to the next.
template <class T>
void forward_tile(bool log, const T* x, T* y, int64_t n, int64_t stride, int64_t width) {
  using C = compute_t<T>;
  C most[kRowTile], sum[kRowTile];
  for (int64_t j = 0; j < width; ++j) most[j] = -std::numeric_limits<C>::infinity();
  for (int64_t j = 0; j < width; ++j) sum[j] = 0;
  for (int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      const C value = convert<C>(x[i * stride + j]);
      most[j] = value > most[j] ? value : most[j];
    }
  }
  for (int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      sum[j] += math::exp_below_zero(convert<C>(x[i * stride + j]) - most[j]);
    }
  }
  if (log) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) sum[j] = std::log(sum[j]);
  }
  for (int64_t i = 0; i < n; ++i) {
    const T* from = x + i * stride;
    T* to = y + i * stride;
    if (log) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j)
        to[j] = convert<T>((convert<C>(from[j]) - most[j]) - sum[j]);
    } else {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        to[j] = convert<T>(math::exp_below_zero(convert<C>(from[j]) - most[j]) / sum[j]);
      }
    }
  }
}

template <class T>
void backward_row(bool log, const T* grad, const T* y, T* dx, int64_t n) {
  using C = compute_t<T>;
  if (log) {
    const C sum =
        static_cast<C>(sum_terms<C>(0, n, [=](int64_t i) { return convert<C>(grad[i]); }));
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      dx[i] = convert<T>(convert<C>(grad[i]) - math::exp_below_zero(convert<C>(y[i])) * sum);
    }
  } else {
    const C sum = static_cast<C>(
        sum_terms<C>(0, n, [=](int64_t i) { return convert<C>(grad[i]) * convert<C>(y[i]); }));
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      dx[i] = convert<T>(convert<C>(y[i]) * (convert<C>(grad[i]) - sum));
    }
  }
}

template <class T>
void backward_tile(bool log, const T* grad, const T* y, T* dx, int64_t n, int64_t stride,
                   int64_t width) {
  using C = compute_t<T>;
  C sum[kRowTile];
  for (int64_t j = 0; j < width; ++j) sum[j] = 0;
  for (int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      const C g = convert<C>(grad[i * stride + j]);
      sum[j] += log ? g : g * convert<C>(y[i * stride + j]);
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    const T* g = grad + i * stride;
    const T* p = y + i * stride;
    T* to = dx + i * stride;
    if (log) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        to[j] = convert<T>(convert<C>(g[j]) - math::exp_below_zero(convert<C>(p[j])) * sum[j]);
      }
    } else {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        to[j] = convert<T>(convert<C>(p[j]) * (convert<C>(g[j]) - sum[j]));
      }
    }
  }
}

template <class T>
void logsumexp_tile(const T* x, T* y, int64_t n, int64_t stride, int64_t width) {
  using C = compute_t<T>;
  C most[kRowTile], sum[kRowTile];
  for (int64_t j = 0; j < width; ++j) most[j] = -std::numeric_limits<C>::infinity();
  for (int64_t j = 0; j < width; ++j) sum[j] = 0;
  for (int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      const C value = convert<C>(x[i * stride + j]);
      most[j] = value > most[j] ? value : most[j];
    }
  }
  // An infinite maximum is the result by itself; subtracting it would give NaN.
  for (int64_t j = 0; j < width; ++j) most[j] = std::isinf(most[j]) ? C(0) : most[j];
  for (int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      sum[j] += math::exp(convert<C>(x[i * stride + j]) - most[j]);
    }
  }
  for (int64_t j = 0; j < width; ++j) y[j] = convert<T>(most[j] + std::log(sum[j]));
}

// Shares the tiles of [outer, n, inner] between threads: fn(offset, output offset, width).
template <class Fn>
void for_tiles(const SoftmaxShape& shape, const Fn& fn) {
  const int64_t tiles = (shape.inner + kRowTile - 1) / kRowTile;
  parallel_for(shape.outer * tiles, grain_for(8 * shape.n * std::min(shape.inner, kRowTile)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t t = begin; t < end; ++t) {
                   const int64_t outer = t / tiles, first = t % tiles * kRowTile;
                   fn(outer * shape.n * shape.inner + first, outer * shape.inner + first,
                      std::min(kRowTile, shape.inner - first));
                 }
               });
}

}  // namespace

void softmax_forward(DType dtype, const SoftmaxShape& shape, bool log, const void* x, void* y) {
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = static_cast<const T*>(x);
    T* to = static_cast<T*>(y);
    const int64_t n = shape.n;
    if (shape.inner != 1) {
      for_tiles(shape, [&](int64_t at, int64_t, int64_t width) {
        forward_tile(log, from + at, to + at, n, shape.inner, width);
      });
      return;
    }
    parallel_for(shape.outer, grain_for(8 * n), [&](int64_t begin, int64_t end) {
      const Scratch<compute_t<T>> scratch(is_reduced_v<T> ? n : 0);
      for (int64_t r = begin; r < end; ++r) {
        forward_row(log, from + r * n, to + r * n, n, scratch.get());
      }
    });
  });
}

void softmax_backward(DType dtype, const SoftmaxShape& shape, bool log, const void* grad,
                      const void* y, void* dx) {
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* g = static_cast<const T*>(grad);
    const T* p = static_cast<const T*>(y);
    T* to = static_cast<T*>(dx);
    const int64_t n = shape.n;
    if (shape.inner != 1) {
      for_tiles(shape, [&](int64_t at, int64_t, int64_t width) {
        backward_tile(log, g + at, p + at, to + at, n, shape.inner, width);
      });
      return;
    }
    parallel_for(shape.outer, grain_for(2 * n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        backward_row(log, g + r * n, p + r * n, to + r * n, n);
      }
    });
  });
}

void logsumexp_forward(DType dtype, const SoftmaxShape& shape, const void* x, void* y) {
  visit_floating(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = static_cast<const T*>(x);
    T* to = static_cast<T*>(y);
    if (shape.inner != 1) {
      for_tiles(shape, [&](int64_t at, int64_t out, int64_t width) {
        logsumexp_tile(from + at, to + out, shape.n, shape.inner, width);
      });
      return;
    }
    parallel_for(shape.outer, grain_for(8 * shape.n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        to[r] = convert<T>(row_log_sum_exp(from + r * shape.n, shape.n));
      }
    });
  });
}

}  // namespace wengert::cpu::WENGERT_ISA
