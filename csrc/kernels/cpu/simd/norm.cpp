#include "kernels/cpu/simd/norm.h"

#include <cmath>

#include "kernels/cpu/simd/row_tools.h"

namespace wengert::cpu::WENGERT_ISA {

namespace {

template <class T>
void row_forward(const RowNormShape& shape, double eps, const T* x, const T* weight, const T* bias,
                 T* y, compute_t<T>* mean_out, compute_t<T>* rstd_out) {
  using C = compute_t<T>;
  const int64_t n = shape.n;
  parallel_for(shape.rows, grain_for(3 * n), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* from = x + r * n;
      T* to = y + r * n;
      const double count = static_cast<double>(n);
      C mean = 0;
      if (shape.centered) {
        mean = static_cast<C>(sum_terms<C>(0, n, [=](int64_t i) { return convert<C>(from[i]); }) /
                              count);
        mean_out[r] = mean;
      }
      const double squares = sum_terms<C>(0, n, [=](int64_t i) {
        const C d = convert<C>(from[i]) - mean;
        return d * d;
      });
      const C rstd = static_cast<C>(1 / std::sqrt(squares / count + eps));
      rstd_out[r] = rstd;
      if (weight != nullptr && bias != nullptr) {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) {
          to[i] = convert<T>((convert<C>(from[i]) - mean) * rstd * convert<C>(weight[i]) +
                             convert<C>(bias[i]));
        }
      } else if (weight != nullptr) {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) {
          to[i] = convert<T>((convert<C>(from[i]) - mean) * rstd * convert<C>(weight[i]));
        }
      } else if (bias != nullptr) {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) {
          to[i] = convert<T>((convert<C>(from[i]) - mean) * rstd + convert<C>(bias[i]));
        }
      } else {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) to[i] = convert<T>((convert<C>(from[i]) - mean) * rstd);
      }
    }
  });
}

// One row of dx, and the row's part of the column sums where they are wanted (weight_sum not null;
// bias_sum then is neither). With kWeighted the incoming gradient is scaled by the weight first.
template <bool kWeighted, class T>
void row_backward_input(const T* g, const T* x, const T* weight, compute_t<T> mean,
                        compute_t<T> rstd, bool centered, T* dx, compute_t<T>* weight_sum,
                        compute_t<T>* bias_sum, int64_t n) {
  using C = compute_t<T>;
  const auto scaled = [=](int64_t i) __attribute__((always_inline)) {
    if constexpr (kWeighted) {
      return convert<C>(g[i]) * convert<C>(weight[i]);
    } else {
      return convert<C>(g[i]);
    }
  };
  const double count = static_cast<double>(n);
  const C along = static_cast<C>(
      sum_terms<C>(0, n, [=](int64_t i) { return scaled(i) * (convert<C>(x[i]) - mean); }) *
      static_cast<double>(rstd) / count);
  const C shift = centered ? static_cast<C>(sum_terms<C>(0, n, scaled) / count) : C(0);
  if (weight_sum == nullptr) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const C normal = (convert<C>(x[i]) - mean) * rstd;
      dx[i] = convert<T>(rstd * (scaled(i) - shift - normal * along));
    }
    return;
  }
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const C normal = (convert<C>(x[i]) - mean) * rstd;
    dx[i] = convert<T>(rstd * (scaled(i) - shift - normal * along));
    weight_sum[i] += convert<C>(g[i]) * normal;
    bias_sum[i] += convert<C>(g[i]);
  }
}

template <class T>
void row_backward(const RowNormShape& shape, const T* grad, const T* x, const T* weight,
                  const compute_t<T>* means, const compute_t<T>* rstds, T* dx, T* dweight,
                  T* dbias) {
  using C = compute_t<T>;
  const int64_t n = shape.n, rows = shape.rows;
  // Column sums: one partial sum per block of rows, merged in order, whatever the threads.
  const int64_t block_rows = std::max<int64_t>(16, (rows + 63) / 64);
  const int64_t blocks = (rows + block_rows - 1) / block_rows;
  const bool sums = dweight != nullptr || dbias != nullptr;
  const Scratch<C> partial(sums ? 2 * blocks * n : 0);
  parallel_for(blocks, grain_for(4 * n * block_rows), [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      C* weight_sum = partial.get() + 2 * block * n;
      C* bias_sum = weight_sum + n;
      if (sums) std::fill(weight_sum, weight_sum + 2 * n, C(0));
      for (int64_t r = block * block_rows; r < std::min(rows, (block + 1) * block_rows); ++r) {
        const T* g = grad + r * n;
        const T* from = x + r * n;
        const C mean = shape.centered ? means[r] : C(0), rstd = rstds[r];
        if (dx != nullptr) {
          const auto row =
              weight != nullptr ? row_backward_input<true, T> : row_backward_input<false, T>;
          row(g, from, weight, mean, rstd, shape.centered, dx + r * n, sums ? weight_sum : nullptr,
              bias_sum, n);
          continue;
        }
        // Only the sums are wanted.
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) {
          const C gradient = convert<C>(g[i]);
          weight_sum[i] += gradient * ((convert<C>(from[i]) - mean) * rstd);
          bias_sum[i] += gradient;
        }
      }
    }
  });
  if (!sums) return;
  parallel_for(n, std::max<int64_t>(64, grain_for(2 * blocks) / 64 * 64),
               [&](int64_t begin, int64_t end) {
                 for (int64_t block = 1; block < blocks; ++block) {
                   const C* from = partial.get() + 2 * block * n;
                   C* to = partial.get();
#pragma omp simd
                   for (int64_t i = begin; i < end; ++i) {
                     to[i] += from[i];
                     to[n + i] += from[n + i];
                   }
                 }
                 for (int64_t i = begin; i < end; ++i) {
                   if (dweight != nullptr) {
                     dweight[i] = convert<T>(blocks > 0 ? partial.get()[i] : C(0));
                   }
                   if (dbias != nullptr) {
                     dbias[i] = convert<T>(blocks > 0 ? partial.get()[n + i] : C(0));
                   }
                 }
               });
}

// How [batch, channels, spatial] is cut for sums over channels: blocks of samples, and with
// spatial == 1 tiles of channels.
struct ChannelBlocks {
  explicit ChannelBlocks(const BatchNormShape& shape)
      : tile(shape.spatial == 1 ? kRowTile : 1),
        tiles((shape.channels + tile - 1) / tile),
        samples(std::max<int64_t>(
            1, shape.spatial == 1 ? 128 : kRowGrain / std::max<int64_t>(1, shape.spatial))),
        blocks((shape.batch + samples - 1) / samples) {}
  int64_t tile, tiles, samples, blocks;
};

// Calls fn(block, first channel, channels, first sample, last sample) for every piece.
template <class Fn>
void for_channel_blocks(const BatchNormShape& shape, const ChannelBlocks& cut, const Fn& fn) {
  parallel_for(cut.tiles * cut.blocks, grain_for(2 * cut.tile * cut.samples * shape.spatial),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t block = i / cut.tiles, first = i % cut.tiles * cut.tile;
                   fn(block, first, std::min(cut.tile, shape.channels - first), block * cut.samples,
                      std::min(shape.batch, (block + 1) * cut.samples));
                 }
               });
}

// Mean and sum of squared deviations of every channel, in double: each block with two passes while
// it is in the cache, the blocks merged in order (Chan, Golub and LeVeque, 1983).
template <class T>
void channel_statistics(const BatchNormShape& shape, const T* x, double* mean, double* squares) {
  using C = compute_t<T>;
  const int64_t channels = shape.channels, spatial = shape.spatial;
  const ChannelBlocks cut(shape);
  const Scratch<double> partial(2 * cut.blocks * channels);
  for_channel_blocks(
      shape, cut, [&](int64_t block, int64_t first, int64_t width, int64_t begin, int64_t end) {
        double* block_mean = partial.get() + 2 * block * channels + first;
        double* block_squares = block_mean + channels;
        const double count = static_cast<double>((end - begin) * spatial);
        if (spatial == 1) {
          C center[kRowTile], sum[kRowTile];
          std::fill(sum, sum + width, C(0));
          for (int64_t i = begin; i < end; ++i) {
            const T* row = x + i * channels + first;
#pragma omp simd
            for (int64_t j = 0; j < width; ++j) sum[j] += convert<C>(row[j]);
          }
          for (int64_t j = 0; j < width; ++j) {
            center[j] = static_cast<C>(sum[j] / count);
            block_mean[j] = sum[j] / count;
            sum[j] = 0;
          }
          for (int64_t i = begin; i < end; ++i) {
            const T* row = x + i * channels + first;
#pragma omp simd
            for (int64_t j = 0; j < width; ++j) {
              const C d = convert<C>(row[j]) - center[j];
              sum[j] += d * d;
            }
          }
          for (int64_t j = 0; j < width; ++j) block_squares[j] = sum[j];
          return;
        }
        double total = 0;
        for (int64_t i = begin; i < end; ++i) {
          const T* run = x + (i * channels + first) * spatial;
          total += sum_terms<C>(0, spatial, [=](int64_t k) { return convert<C>(run[k]); });
        }
        const C center = static_cast<C>(total / count);
        *block_mean = total / count;
        total = 0;
        for (int64_t i = begin; i < end; ++i) {
          const T* run = x + (i * channels + first) * spatial;
          total += sum_terms<C>(0, spatial, [=](int64_t k) {
            const C d = convert<C>(run[k]) - center;
            return d * d;
          });
        }
        *block_squares = total;
      });
  for (int64_t c = 0; c < channels; ++c) {
    double seen = 0, m = 0, s = 0;
    for (int64_t block = 0; block < cut.blocks; ++block) {
      const double* from = partial.get() + 2 * block * channels + c;
      const double count = static_cast<double>(
          (std::min(shape.batch, (block + 1) * cut.samples) - block * cut.samples) * spatial);
      const double delta = from[0] - m;
      seen += count;
      m += delta * (count / seen);
      s += from[channels] + delta * delta * count * ((seen - count) / seen);
    }
    mean[c] = m;
    squares[c] = s;
  }
}

// y = (x - mean[c]) * scale[c] + shift[c]
template <class T>
void channel_affine(const BatchNormShape& shape, const T* x, const compute_t<T>* mean,
                    const compute_t<T>* scale, const compute_t<T>* shift, T* y) {
  using C = compute_t<T>;
  const int64_t channels = shape.channels, spatial = shape.spatial;
  if (spatial == 1) {
    parallel_for(shape.batch, grain_for(channels), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* from = x + i * channels;
        T* to = y + i * channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; ++c) {
          to[c] = convert<T>((convert<C>(from[c]) - mean[c]) * scale[c] + shift[c]);
        }
      }
    });
    return;
  }
  parallel_for(shape.batch * channels, grain_for(spatial), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t c = i % channels;
      const T* from = x + i * spatial;
      T* to = y + i * spatial;
      const C m = mean[c], a = scale[c], b = shift[c];
#pragma omp simd
      for (int64_t k = 0; k < spatial; ++k) to[k] = convert<T>((convert<C>(from[k]) - m) * a + b);
    }
  });
}

template <class T>
void fill_affine(int64_t channels, const compute_t<T>* rstd, const T* weight, const T* bias,
                 compute_t<T>* scale, compute_t<T>* shift) {
  using C = compute_t<T>;
  for (int64_t c = 0; c < channels; ++c) {
    scale[c] = weight != nullptr ? rstd[c] * convert<C>(weight[c]) : rstd[c];
    shift[c] = bias != nullptr ? convert<C>(bias[c]) : C(0);
  }
}

template <class T>
void batch_forward(const BatchNormShape& shape, double eps, double momentum, const T* x,
                   const T* weight, const T* bias, T* y, compute_t<T>* mean, compute_t<T>* rstd,
                   T* running_mean, T* running_var) {
  using C = compute_t<T>;
  const int64_t channels = shape.channels;
  const Scratch<double> statistics(2 * channels);
  double* means = statistics.get();
  double* squares = means + channels;
  channel_statistics(shape, x, means, squares);
  const double count = static_cast<double>(shape.batch * shape.spatial);
  for (int64_t c = 0; c < channels; ++c) {
    mean[c] = static_cast<C>(means[c]);
    rstd[c] = static_cast<C>(1 / std::sqrt(squares[c] / count + eps));
    if (running_mean != nullptr) {
      const double old = static_cast<double>(convert<C>(running_mean[c]));
      running_mean[c] = convert<T>(static_cast<C>((1 - momentum) * old + momentum * means[c]));
    }
    if (running_var != nullptr) {
      const double old = static_cast<double>(convert<C>(running_var[c]));
      const double unbiased = squares[c] / (count - 1);
      running_var[c] = convert<T>(static_cast<C>((1 - momentum) * old + momentum * unbiased));
    }
  }
  const Scratch<C> affine(2 * channels);
  fill_affine(channels, rstd, weight, bias, affine.get(), affine.get() + channels);
  channel_affine(shape, x, mean, affine.get(), affine.get() + channels, y);
}

// Per channel the sums of g and of g * (x - mean).
template <class T>
void channel_gradient_sums(const BatchNormShape& shape, const T* grad, const T* x,
                           const compute_t<T>* mean, double* sum, double* along) {
  using C = compute_t<T>;
  const int64_t channels = shape.channels, spatial = shape.spatial;
  const ChannelBlocks cut(shape);
  const Scratch<double> partial(2 * cut.blocks * channels);
  for_channel_blocks(
      shape, cut, [&](int64_t block, int64_t first, int64_t width, int64_t begin, int64_t end) {
        double* block_sum = partial.get() + 2 * block * channels + first;
        double* block_along = block_sum + channels;
        if (spatial == 1) {
          C g_sum[kRowTile], g_along[kRowTile];
          std::fill(g_sum, g_sum + width, C(0));
          std::fill(g_along, g_along + width, C(0));
          const C* center = mean + first;
          for (int64_t i = begin; i < end; ++i) {
            const T* g = grad + i * channels + first;
            const T* row = x + i * channels + first;
#pragma omp simd
            for (int64_t j = 0; j < width; ++j) {
              g_sum[j] += convert<C>(g[j]);
              g_along[j] += convert<C>(g[j]) * (convert<C>(row[j]) - center[j]);
            }
          }
          for (int64_t j = 0; j < width; ++j) block_sum[j] = g_sum[j];
          for (int64_t j = 0; j < width; ++j) block_along[j] = g_along[j];
          return;
        }
        const C center = mean[first];
        *block_sum = *block_along = 0;
        for (int64_t i = begin; i < end; ++i) {
          const T* g = grad + (i * channels + first) * spatial;
          const T* run = x + (i * channels + first) * spatial;
          *block_sum += sum_terms<C>(0, spatial, [=](int64_t k) { return convert<C>(g[k]); });
          *block_along += sum_terms<C>(0, spatial, [=](int64_t k) {
            return convert<C>(g[k]) * (convert<C>(run[k]) - center);
          });
        }
      });
  for (int64_t c = 0; c < channels; ++c) {
    sum[c] = along[c] = 0;
    for (int64_t block = 0; block < cut.blocks; ++block) {
      sum[c] += partial.get()[2 * block * channels + c];
      along[c] += partial.get()[(2 * block + 1) * channels + c];
    }
  }
}

template <class T>
void batch_backward(const BatchNormShape& shape, bool training, const T* grad, const T* x,
                    const T* weight, const compute_t<T>* mean, const compute_t<T>* rstd, T* dx,
                    T* dweight, T* dbias) {
  using C = compute_t<T>;
  const int64_t channels = shape.channels, spatial = shape.spatial;
  const Scratch<double> sums(2 * channels);
  double* sum = sums.get();
  double* along = sum + channels;
  if (training || dweight != nullptr || dbias != nullptr) {
    channel_gradient_sums(shape, grad, x, mean, sum, along);
  }
  for (int64_t c = 0; c < channels; ++c) {
    if (dweight != nullptr) dweight[c] = convert<T>(static_cast<C>(along[c] * rstd[c]));
    if (dbias != nullptr) dbias[c] = convert<T>(static_cast<C>(sum[c]));
  }
  if (dx == nullptr) return;
  // dx = (g - a - (x - mean) * b) * scale, where a and b are zero in evaluation.
  const double count = static_cast<double>(shape.batch * spatial);
  const Scratch<C> factors(3 * channels);
  C* scale = factors.get();
  C* a = scale + channels;
  C* b = a + channels;
  for (int64_t c = 0; c < channels; ++c) {
    scale[c] = weight != nullptr ? rstd[c] * convert<C>(weight[c]) : rstd[c];
    const double r = rstd[c];
    a[c] = training ? static_cast<C>(sum[c] / count) : C(0);
    b[c] = training ? static_cast<C>(along[c] / count * r * r) : C(0);
  }
  if (spatial == 1) {
    parallel_for(shape.batch, grain_for(2 * channels), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* g = grad + i * channels;
        const T* from = x + i * channels;
        T* to = dx + i * channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; ++c) {
          const C inside = training
                               ? convert<C>(g[c]) - a[c] - (convert<C>(from[c]) - mean[c]) * b[c]
                               : convert<C>(g[c]);
          to[c] = convert<T>(inside * scale[c]);
        }
      }
    });
    return;
  }
  parallel_for(shape.batch * channels, grain_for(2 * spatial), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t c = i % channels;
      const T* g = grad + i * spatial;
      const T* from = x + i * spatial;
      T* to = dx + i * spatial;
      const C m = mean[c], s = scale[c], ac = a[c], bc = b[c];
      if (training) {
#pragma omp simd
        for (int64_t k = 0; k < spatial; ++k) {
          to[k] = convert<T>((convert<C>(g[k]) - ac - (convert<C>(from[k]) - m) * bc) * s);
        }
      } else {
#pragma omp simd
        for (int64_t k = 0; k < spatial; ++k) to[k] = convert<T>(convert<C>(g[k]) * s);
      }
    }
  });
}

}  // namespace

void row_norm_forward(const RowNormShape& shape, double eps, const void* x, const void* weight,
                      const void* bias, void* y, void* mean, void* rstd) {
  visit_floating(shape.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    row_forward(shape, eps, static_cast<const T*>(x), static_cast<const T*>(weight),
                static_cast<const T*>(bias), static_cast<T*>(y), static_cast<C*>(mean),
                static_cast<C*>(rstd));
  });
}

void row_norm_backward(const RowNormShape& shape, const void* grad, const void* x,
                       const void* weight, const void* mean, const void* rstd, void* dx,
                       void* dweight, void* dbias) {
  visit_floating(shape.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    row_backward(shape, static_cast<const T*>(grad), static_cast<const T*>(x),
                 static_cast<const T*>(weight), static_cast<const C*>(mean),
                 static_cast<const C*>(rstd), static_cast<T*>(dx), static_cast<T*>(dweight),
                 static_cast<T*>(dbias));
  });
}

void batch_norm_forward(const BatchNormShape& shape, double eps, double momentum, const void* x,
                        const void* weight, const void* bias, void* y, void* mean, void* rstd,
                        void* running_mean, void* running_var) {
  visit_floating(shape.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    batch_forward(shape, eps, momentum, static_cast<const T*>(x), static_cast<const T*>(weight),
                  static_cast<const T*>(bias), static_cast<T*>(y), static_cast<C*>(mean),
                  static_cast<C*>(rstd), static_cast<T*>(running_mean),
                  static_cast<T*>(running_var));
  });
}

void batch_norm_eval(const BatchNormShape& shape, double eps, const void* x, const void* weight,
                     const void* bias, const void* running_mean, const void* running_var, void* y) {
  visit_floating(shape.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    const int64_t channels = shape.channels;
    const Scratch<C> scratch(4 * channels);
    C* mean = scratch.get();
    C* rstd = mean + channels;
    for (int64_t c = 0; c < channels; ++c) {
      mean[c] = convert<C>(static_cast<const T*>(running_mean)[c]);
      const double var = static_cast<double>(convert<C>(static_cast<const T*>(running_var)[c]));
      rstd[c] = static_cast<C>(1 / std::sqrt(var + eps));
    }
    C* scale = rstd + channels;
    fill_affine(channels, rstd, static_cast<const T*>(weight), static_cast<const T*>(bias), scale,
                scale + channels);
    channel_affine(shape, static_cast<const T*>(x), mean, scale, scale + channels,
                   static_cast<T*>(y));
  });
}

void batch_norm_backward(const BatchNormShape& shape, bool training, const void* grad,
                         const void* x, const void* weight, const void* mean, const void* rstd,
                         void* dx, void* dweight, void* dbias) {
  visit_floating(shape.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    batch_backward(shape, training, static_cast<const T*>(grad), static_cast<const T*>(x),
                   static_cast<const T*>(weight), static_cast<const C*>(mean),
                   static_cast<const C*>(rstd), static_cast<T*>(dx), static_cast<T*>(dweight),
                   static_cast<T*>(dbias));
  });
}

}  // namespace wengert::cpu::WENGERT_ISA
