#include <cmath>

#include "kernels/cpu/simd/norm.h"
#include "kernels/cpu/simd/row_tools.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

template <class T>
compute_t<T> one_or(const T* weight, int64_t channel) {
  return weight == nullptr ? compute_t<T>(1) : convert<compute_t<T>>(weight[channel]);
}

template <class T>
void forward(const GroupNormShape& s, double eps, const T* x, const T* weight, const T* bias, T* y,
             compute_t<T>* mean_out, compute_t<T>* rstd_out) {
  using C = compute_t<T>;
  const int64_t n = s.channels * s.spatial;
  parallel_for(s.batch * s.groups, grain_for(3 * n), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* from = x + r * n;
      const double count = static_cast<double>(n);
      const C mean = static_cast<C>(
          sum_terms<C>(0, n, [=](int64_t i) { return convert<C>(from[i]); }) / count);
      const double squares = sum_terms<C>(0, n, [=](int64_t i) {
        const C d = convert<C>(from[i]) - mean;
        return d * d;
      });
      const C rstd = static_cast<C>(1 / std::sqrt(squares / count + eps));
      mean_out[r] = mean;
      rstd_out[r] = rstd;
      for (int64_t c = 0; c < s.channels; ++c) {
        const int64_t channel = r % s.groups * s.channels + c;
        const C scale = rstd * one_or(weight, channel);
        const C shift = bias == nullptr ? C(0) : convert<C>(bias[channel]);
        const T* in = from + c * s.spatial;
        T* out = y + r * n + c * s.spatial;
#pragma omp simd
        for (int64_t i = 0; i < s.spatial; ++i) {
          out[i] = convert<T>((convert<C>(in[i]) - mean) * scale + shift);
        }
      }
    }
  });
}

// A channel's sums of g and of g (x - mean) are all that the gradients need: those of weight and
// bias are their sums over the batch, and dx = rstd (g w - m - normal k) with m and k the means of
// g w and of g w normal over the group.
template <class T>
void backward(const GroupNormShape& s, const T* grad, const T* x, const T* weight,
              const compute_t<T>* means, const compute_t<T>* rstds, T* dx, T* dweight, T* dbias) {
  using C = compute_t<T>;
  const int64_t n = s.channels * s.spatial, all = s.groups * s.channels;
  const Scratch<double> sums(2 * s.batch * all);
  double *plain = sums.get(), *along = plain + s.batch * all;
  parallel_for(s.batch * s.groups, grain_for(4 * n), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const C mean = means[r], rstd = rstds[r];
      double shift = 0, slope = 0;
      for (int64_t c = 0; c < s.channels; ++c) {
        const T* g = grad + r * n + c * s.spatial;
        const T* in = x + r * n + c * s.spatial;
        const int64_t at = r * s.channels + c;
        plain[at] = sum_terms<C>(0, s.spatial, [=](int64_t i) { return convert<C>(g[i]); });
        along[at] = static_cast<double>(rstd) * sum_terms<C>(0, s.spatial, [=](int64_t i) {
                      return convert<C>(g[i]) * (convert<C>(in[i]) - mean);
                    });
        const auto w = static_cast<double>(one_or(weight, r % s.groups * s.channels + c));
        shift += w * plain[at];
        slope += w * along[at];
      }
      if (dx == nullptr) continue;
      const C m = static_cast<C>(shift / static_cast<double>(n));
      const C k = static_cast<C>(slope / static_cast<double>(n));
      for (int64_t c = 0; c < s.channels; ++c) {
        const T* g = grad + r * n + c * s.spatial;
        const T* in = x + r * n + c * s.spatial;
        T* out = dx + r * n + c * s.spatial;
        const C w = one_or(weight, r % s.groups * s.channels + c);
#pragma omp simd
        for (int64_t i = 0; i < s.spatial; ++i) {
          const C normal = (convert<C>(in[i]) - mean) * rstd;
          out[i] = convert<T>(rstd * (convert<C>(g[i]) * w - m - normal * k));
        }
      }
    }
  });
  const auto over_batch = [&](const double* from, T* to) {
    if (to == nullptr) return;
    for (int64_t c = 0; c < all; ++c) {
      double total = 0;
      for (int64_t b = 0; b < s.batch; ++b) total += from[b * all + c];
      to[c] = convert<T>(static_cast<C>(total));
    }
  };
  over_batch(along, dweight);
  over_batch(plain, dbias);
}

}  // namespace

void group_norm_forward(const GroupNormShape& shape, double eps, const void* x, const void* weight,
                        const void* bias, void* y, void* mean, void* rstd) {
  visit_floating(shape.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    forward<T>(shape, eps, static_cast<const T*>(x), static_cast<const T*>(weight),
               static_cast<const T*>(bias), static_cast<T*>(y), static_cast<C*>(mean),
               static_cast<C*>(rstd));
  });
}

void group_norm_backward(const GroupNormShape& shape, const void* grad, const void* x,
                         const void* weight, const void* mean, const void* rstd, void* dx,
                         void* dweight, void* dbias) {
  visit_floating(shape.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    backward<T>(shape, static_cast<const T*>(grad), static_cast<const T*>(x),
                static_cast<const T*>(weight), static_cast<const C*>(mean),
                static_cast<const C*>(rstd), static_cast<T*>(dx), static_cast<T*>(dweight),
                static_cast<T*>(dbias));
  });
}

}  // namespace wengert::cpu::WENGERT_ISA
