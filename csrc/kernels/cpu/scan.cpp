#include "kernels/cpu/scan.h"

#include <cmath>
#include <complex>
#include <type_traits>

#include "device/cpu/parallel.h"
#include "kernels/cpu/arithmetic.h"
#include "kernels/cpu/order_key.h"

namespace wengert::cpu {

namespace {

// One thread scans this many neighbouring lines together, so that strided scans run along memory.
constexpr int64_t kLanes = 32;

// Calls fn(offset of the first line, lanes) for groups of neighbouring lines.
template <typename Fn>
void for_each_group(int64_t outer, int64_t n, int64_t inner, const Fn& fn) {
  const int64_t groups = (inner + kLanes - 1) / kLanes;
  const int64_t work = std::max<int64_t>(1, n * std::min(inner, kLanes));
  parallel_for(outer * groups, std::max<int64_t>(1, 8192 / work), [&](int64_t first, int64_t last) {
    for (int64_t group = first; group < last; ++group) {
      const int64_t start = group % groups * kLanes;
      fn(group / groups * n * inner + start, std::min(kLanes, inner - start));
    }
  });
}

template <typename T>
using scan_t = std::conditional_t<
    is_reduced_v<T>, float,
    std::conditional_t<std::is_same_v<T, float>, double,
                       std::conditional_t<std::is_same_v<T, complex64>, complex128, T>>>;

// state = step(state, x[i]); y[i] = state, in the wider type. From the end if reverse.
template <typename T, typename Step>
void scan(const void* x, void* y, int64_t outer, int64_t n, int64_t inner, bool reverse,
          scan_t<T> start, const Step& step) {
  using C = scan_t<T>;
  const int64_t stride = reverse ? -inner : inner;
  for_each_group(outer, n, inner, [&](int64_t offset, int64_t lanes) {
    if (reverse) offset += (n - 1) * inner;
    const T* source = static_cast<const T*>(x) + offset;
    T* target = static_cast<T*>(y) + offset;
    if (lanes == 1) {
      C state = start;
      for (int64_t i = 0; i < n; ++i) {
        state = step(state, convert<C>(source[i * stride]));
        target[i * stride] = convert<T>(state);
      }
      return;
    }
    C states[kLanes];
    for (int64_t lane = 0; lane < lanes; ++lane) states[lane] = start;
    for (int64_t i = 0; i < n; ++i, source += stride, target += stride) {
      for (int64_t lane = 0; lane < lanes; ++lane) {
        states[lane] = step(states[lane], convert<C>(source[lane]));
        target[lane] = convert<T>(states[lane]);
      }
    }
  });
}

template <typename T>
void recurrence_of(const T* coefficient, const T* x, T* y, int64_t outer, int64_t n, int64_t inner,
                   bool reverse) {
  using C = scan_t<T>;
  const int64_t stride = reverse ? -inner : inner;
  for_each_group(outer, n, inner, [&](int64_t offset, int64_t lanes) {
    if (reverse) offset += (n - 1) * inner;
    C states[kLanes] = {};
    for (int64_t i = 0; i < n; ++i, offset += stride) {
      for (int64_t lane = 0; lane < lanes; ++lane) {
        const C term = convert<C>(x[offset + lane]);
        const C factor = convert<C>(coefficient[offset + lane]);
        // Zero times infinity or NaN is zero: what is not selected must not poison the rest.
        const bool nothing = states[lane] == C(0);
        states[lane] = nothing ? term : add(term, multiply(factor, states[lane]));
        y[offset + lane] = convert<T>(states[lane]);
      }
    }
  });
}

// Whether `value` takes over from `best`: equal values do, NaN does, and NaN never gives way.
template <bool kMax, typename T>
inline bool takes_over(T value, T best) {
  if constexpr (has_nan_v<T>) {
    return value != value || (kMax ? value >= best : value <= best);
  } else {
    return kMax ? value >= best : value <= best;
  }
}

template <bool kMax, typename T>
void running_extreme(const void* x, void* values, int64_t* indices, int64_t outer, int64_t n,
                     int64_t inner) {
  for_each_group(outer, n, inner, [&](int64_t offset, int64_t lanes) {
    const T* source = static_cast<const T*>(x) + offset;
    T* target = static_cast<T*>(values) + offset;
    int64_t* positions = indices + offset;
    if (n == 0) return;
    if (lanes == 1) {
      T highest = *source;
      int64_t position = 0;
      for (int64_t i = 0; i < n; ++i) {
        const T value = source[i * inner];
        if (takes_over<kMax>(value, highest)) {
          highest = value;
          position = i;
        }
        target[i * inner] = highest;
        positions[i * inner] = position;
      }
      return;
    }
    T best[kLanes];
    int64_t best_position[kLanes] = {};
    std::copy_n(source, lanes, best);
    for (int64_t i = 0; i < n; ++i, source += inner, target += inner, positions += inner) {
      for (int64_t lane = 0; lane < lanes; ++lane) {
        const T value = source[lane];
        if (takes_over<kMax>(value, best[lane])) {
          best[lane] = value;
          best_position[lane] = i;
        }
        target[lane] = best[lane];
        positions[lane] = best_position[lane];
      }
    }
  });
}

// log(exp(a) + exp(b)).
template <typename C>
C log_add_exp(C a, C b) {
  if constexpr (is_complex_v<C>) {
    using R = typename C::value_type;
    if (std::isnan(a.real()) || std::isnan(a.imag()) || std::isnan(b.real()) ||
        std::isnan(b.imag())) {
      const R nan = std::numeric_limits<R>::quiet_NaN();
      return C(nan, nan);
    }
    const C high = a.real() >= b.real() ? a : b, low = a.real() >= b.real() ? b : a;
    if (low.real() == -std::numeric_limits<R>::infinity()) return high;
    if (std::isinf(high.real())) return high;
    const R ratio = std::exp(low.real() - high.real()), angle = low.imag() - high.imag();
    const R re = ratio * std::cos(angle), im = ratio * std::sin(angle);
    return high + C(std::log1p(re * (2 + re) + im * im) / 2, std::atan2(im, 1 + re));
  } else {
    if (a != a || b != b) return a + b;
    const C high = a >= b ? a : b, low = a >= b ? b : a;
    if (std::isinf(high)) return high;  // also where both are -infinity
    return high + std::log1p(std::exp(low - high));
  }
}

}  // namespace

void cumsum(DType dtype, const void* x, void* y, int64_t outer, int64_t n, int64_t inner,
            bool reverse) {
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    scan<T>(x, y, outer, n, inner, reverse, scan_t<T>(0), [](auto a, auto b) { return add(a, b); });
  });
}

void cumprod(DType dtype, const void* x, void* y, int64_t outer, int64_t n, int64_t inner,
             bool reverse) {
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    scan<T>(x, y, outer, n, inner, reverse, scan_t<T>(1),
            [](auto a, auto b) { return multiply(a, b); });
  });
}

void cummax(DType dtype, const void* x, void* values, int64_t* indices, int64_t outer, int64_t n,
            int64_t inner) {
  visit_ordered("cummax", dtype, [&](auto tag) {
    running_extreme<true, typename decltype(tag)::type>(x, values, indices, outer, n, inner);
  });
}

void cummin(DType dtype, const void* x, void* values, int64_t* indices, int64_t outer, int64_t n,
            int64_t inner) {
  visit_ordered("cummin", dtype, [&](auto tag) {
    running_extreme<false, typename decltype(tag)::type>(x, values, indices, outer, n, inner);
  });
}

void recurrence(DType dtype, const void* coefficient, const void* x, void* y, int64_t outer,
                int64_t n, int64_t inner, bool reverse) {
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_complex_v<T> || has_nan_v<T>) {
      recurrence_of(static_cast<const T*>(coefficient), static_cast<const T*>(x),
                    static_cast<T*>(y), outer, n, inner, reverse);
    }
  });
}

void logcumsumexp(DType dtype, const void* x, void* y, int64_t outer, int64_t n, int64_t inner,
                  bool reverse) {
  WENGERT_CHECK(is_inexact(dtype), kNotImplemented, "logcumsumexp(): not implemented for ",
                dtype_name(dtype));
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_complex_v<T> || has_nan_v<T>) {
      using C = scan_t<T>;
      const C start(-std::numeric_limits<float>::infinity());
      scan<T>(x, y, outer, n, inner, reverse, start, [](C a, C b) { return log_add_exp(a, b); });
    }
  });
}

}  // namespace wengert::cpu
