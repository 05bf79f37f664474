#include "kernels/cpu/simd_math.h"
// simd_math.h comes before anything that includes <cmath>.
#include "kernels/cpu/simd/loss.h"

#include <cmath>

#include "kernels/cpu/simd/exp_row.h"
#include "kernels/cpu/simd/row_tools.h"
#include "kernels/math/elementary.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

template <class T>
compute_t<T> weight_of(const T* weight, int64_t c) {
  using C = compute_t<T>;
  return weight != nullptr ? convert<C>(weight[c]) : C(1);
}

// Writes the losses or their sum or mean, and the total weight. Serial over positions: there are
// `classes` times fewer of them than elements.
template <class T>
void finish_loss(const LossShape& shape, const compute_t<T>* losses, const int64_t* target,
                 const T* weight, T* output, compute_t<T>* total_weight) {
  using C = compute_t<T>;
  const int64_t count = shape.batch * shape.spatial;
  double total = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (target[i] != shape.ignore_index) total += static_cast<double>(weight_of(weight, target[i]));
  }
  *total_weight = static_cast<C>(total);
  if (shape.reduction == LossReduction::kNone) {
    for (int64_t i = 0; i < count; ++i) output[i] = convert<T>(losses[i]);
    return;
  }
  const double sum = sum_terms<C>(0, count, [=](int64_t i) { return losses[i]; });
  output[0] =
      convert<T>(static_cast<C>(shape.reduction == LossReduction::kMean ? sum / total : sum));
}

// The gradient that reaches the loss of position i.
template <class T>
compute_t<T> position_gradient(const LossShape& shape, const T* grad, compute_t<T> total,
                               int64_t i) {
  using C = compute_t<T>;
  switch (shape.reduction) {
    case LossReduction::kNone:
      return convert<C>(grad[i]);
    case LossReduction::kMean:
      return convert<C>(grad[0]) / total;
    default:
      return convert<C>(grad[0]);
  }
}

// Calls fn(sample, first position, width) for tiles of neighbouring positions of one sample.
template <class Fn>
void for_positions(const LossShape& shape, const Fn& fn) {
  const int64_t tiles = (shape.spatial + kRowTile - 1) / kRowTile;
  parallel_for(shape.batch * tiles,
               grain_for(8 * shape.classes * std::min(shape.spatial, kRowTile)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t t = begin; t < end; ++t) {
                   const int64_t first = t % tiles * kRowTile;
                   fn(t / tiles, first, std::min(kRowTile, shape.spatial - first));
                 }
               });
}

template <class T>
void tile_log_sum_exp(const T* x, int64_t n, int64_t stride, int64_t width, compute_t<T>* out) {
  using C = compute_t<T>;
  C most[kRowTile], sum[kRowTile];
  for (int64_t j = 0; j < width; ++j) {
    most[j] = -std::numeric_limits<C>::infinity();
    sum[j] = 0;
  }
  for (int64_t c = 0; c < n; ++c) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      const C value = convert<C>(x[c * stride + j]);
      most[j] = value > most[j] ? value : most[j];
    }
  }
  for (int64_t j = 0; j < width; ++j) most[j] = std::isinf(most[j]) ? C(0) : most[j];
  for (int64_t c = 0; c < n; ++c) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      sum[j] += math::exp_below_zero(convert<C>(x[c * stride + j]) - most[j]);
    }
  }
  for (int64_t j = 0; j < width; ++j) out[j] = most[j] + std::log(sum[j]);
}

// Sum over the classes of w_c * (lse - x_c), for label smoothing.
template <class T>
compute_t<T> smooth_loss(const T* x, int64_t n, int64_t stride, const T* weight,
                         compute_t<T> log_sum_exp) {
  using C = compute_t<T>;
  return static_cast<C>(sum_terms<C>(0, n, [=](int64_t c) {
    return (log_sum_exp - convert<C>(x[c * stride])) * weight_of(weight, c);
  }));
}

template <class T>
void cross_entropy(const LossShape& shape, compute_t<T> smoothing, const T* x,
                   const int64_t* target, const T* weight, T* output, compute_t<T>* log_sum_exp,
                   compute_t<T>* total_weight) {
  using C = compute_t<T>;
  const int64_t n = shape.classes, spatial = shape.spatial;
  const Scratch<C> losses(shape.batch * spatial);
  for_positions(shape, [&](int64_t sample, int64_t first, int64_t width) {
    const T* from = x + sample * n * spatial + first;
    const int64_t at = sample * spatial + first;
    if (spatial == 1) {
      log_sum_exp[at] = row_log_sum_exp(from, n);
    } else {
      tile_log_sum_exp(from, n, spatial, width, log_sum_exp + at);
    }
    for (int64_t j = 0; j < width; ++j) {
      const int64_t t = target[at + j];
      C loss = 0;
      if (t != shape.ignore_index) {
        const C lse = log_sum_exp[at + j];
        loss = (lse - convert<C>(from[t * spatial + j])) * weight_of(weight, t);
        if (smoothing > 0) {
          loss = (1 - smoothing) * loss +
                 smoothing / static_cast<C>(n) * smooth_loss(from + j, n, spatial, weight, lse);
        }
      }
      losses.get()[at + j] = loss;
    }
  });
  finish_loss(shape, losses.get(), target, weight, output, total_weight);
}

template <class T>
void cross_entropy_gradient(const LossShape& shape, compute_t<T> smoothing, const T* grad,
                            const T* x, const int64_t* target, const T* weight,
                            const compute_t<T>* log_sum_exp, compute_t<T> total_weight, T* dx) {
  using C = compute_t<T>;
  const int64_t n = shape.classes, spatial = shape.spatial;
  double weight_sum = static_cast<double>(n);
  if (weight != nullptr)
    weight_sum = sum_terms<C>(0, n, [=](int64_t c) { return convert<C>(weight[c]); });
  const C share = smoothing / static_cast<C>(n);  // what every class gets of the smoothed target
  for_positions(shape, [&](int64_t sample, int64_t first, int64_t width) {
    const int64_t at = sample * spatial + first;
    const T* from = x + sample * n * spatial + first;
    T* to = dx + sample * n * spatial + first;
    // Per position: dx_c = p_c * scale - even * w_c - (c == target) * hit.
    C scale[kRowTile], even[kRowTile], hit[kRowTile];
    for (int64_t j = 0; j < width; ++j) {
      const int64_t t = target[at + j];
      scale[j] = even[j] = hit[j] = 0;
      if (t == shape.ignore_index) continue;
      const C g = position_gradient(shape, grad, total_weight, at + j);
      hit[j] = g * (1 - smoothing) * weight_of(weight, t);
      even[j] = g * share;
      scale[j] = hit[j] + even[j] * (smoothing > 0 ? static_cast<C>(weight_sum) : C(0));
    }
    if (spatial == 1) {
      const C lse = log_sum_exp[at], s = scale[0], e = even[0];
      if (target[at] == shape.ignore_index) {
        std::fill(to, to + n, T());
        return;
      }
      if (smoothing > 0) {
#pragma omp simd
        for (int64_t c = 0; c < n; ++c) {
          const C w = weight != nullptr ? convert<C>(weight[c]) : C(1);
          to[c] = convert<T>(math::exp_below_zero(convert<C>(from[c]) - lse) * s - e * w);
        }
      } else {
#pragma omp simd
        for (int64_t c = 0; c < n; ++c) {
          to[c] = convert<T>(math::exp_below_zero(convert<C>(from[c]) - lse) * s);
        }
      }
    } else {
      for (int64_t c = 0; c < n; ++c) {
        const C w = smoothing > 0 ? weight_of(weight, c) : C(0);
        const T* row = from + c * spatial;
        T* row_to = to + c * spatial;
        const C* lse = log_sum_exp + at;
#pragma omp simd
        for (int64_t j = 0; j < width; ++j) {
          const C p = math::exp_below_zero(convert<C>(row[j]) - lse[j]);
          row_to[j] = convert<T>(scale[j] != 0 ? p * scale[j] - even[j] * w : C(0));
        }
      }
    }
    // The target's element again, from unrounded terms.
    for (int64_t j = 0; j < width; ++j) {
      const int64_t t = target[at + j];
      if (t == shape.ignore_index) continue;
      const C p = math::exp_below_zero(convert<C>(from[t * spatial + j]) - log_sum_exp[at + j]);
      const C w = smoothing > 0 ? weight_of(weight, t) : C(0);
      to[t * spatial + j] = convert<T>(p * scale[j] - even[j] * w - hit[j]);
    }
  });
}

}  // namespace

void nll_loss_forward(const LossShape& shape, const void* log_probabilities, const int64_t* target,
                      const void* weight, void* output, void* total_weight) {
  check_targets(target, shape.batch * shape.spatial, shape.classes, shape.ignore_index);
  visit_floating(shape.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    const T* x = static_cast<const T*>(log_probabilities);
    const T* w = static_cast<const T*>(weight);
    const int64_t spatial = shape.spatial, count = shape.batch * spatial;
    const Scratch<C> losses(count);
    parallel_for(count, kRowGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t t = target[i];
        C loss = 0;
        if (t != shape.ignore_index) {
          const int64_t at = (i / spatial * shape.classes + t) * spatial + i % spatial;
          loss = -convert<C>(x[at]) * weight_of(w, t);
        }
        losses.get()[i] = loss;
      }
    });
    finish_loss(shape, losses.get(), target, w, static_cast<T*>(output),
                static_cast<C*>(total_weight));
  });
}

void nll_loss_backward(const LossShape& shape, const void* grad, const int64_t* target,
                       const void* weight, const void* total_weight, void* dx) {
  visit_floating(shape.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    T* to = static_cast<T*>(dx);
    const T* w = static_cast<const T*>(weight);
    const T* g = static_cast<const T*>(grad);
    const C total = *static_cast<const C*>(total_weight);
    const int64_t spatial = shape.spatial, sample = shape.classes * spatial;
    parallel_for(shape.batch, grain_for(sample), [&](int64_t begin, int64_t end) {
      std::fill(to + begin * sample, to + end * sample, T());
      for (int64_t i = begin * spatial; i < end * spatial; ++i) {
        const int64_t t = target[i];
        if (t == shape.ignore_index) continue;
        to[i / spatial * sample + t * spatial + i % spatial] =
            convert<T>(-position_gradient(shape, g, total, i) * weight_of(w, t));
      }
    });
  });
}

void cross_entropy_forward(const LossShape& shape, double label_smoothing, const void* logits,
                           const int64_t* target, const void* weight, void* output,
                           void* log_sum_exp, void* total_weight) {
  check_targets(target, shape.batch * shape.spatial, shape.classes, shape.ignore_index);
  visit_floating(shape.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    cross_entropy(shape, static_cast<C>(label_smoothing), static_cast<const T*>(logits), target,
                  static_cast<const T*>(weight), static_cast<T*>(output),
                  static_cast<C*>(log_sum_exp), static_cast<C*>(total_weight));
  });
}

void cross_entropy_backward(const LossShape& shape, double label_smoothing, const void* grad,
                            const void* logits, const int64_t* target, const void* weight,
                            const void* log_sum_exp, const void* total_weight, void* dx) {
  visit_floating(shape.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    cross_entropy_gradient(shape, static_cast<C>(label_smoothing), static_cast<const T*>(grad),
                           static_cast<const T*>(logits), target, static_cast<const T*>(weight),
                           static_cast<const C*>(log_sum_exp), *static_cast<const C*>(total_weight),
                           static_cast<T*>(dx));
  });
}

}  // namespace wengert::cpu::WENGERT_ISA
