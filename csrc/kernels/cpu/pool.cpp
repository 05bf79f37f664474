#include "kernels/cpu/pool.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "device/cpu/parallel.h"

namespace wengert::cpu {

namespace {

// The window of one output position along one dimension: begin, begin + step, ... below end.
struct Span {
  int64_t begin, end, step;
  int64_t padded;  // how many places it has when the padding counts
};

// Three dimensions, the missing ones in front with one window of one place.
struct Windows {
  std::vector<Span> spans[3];
  int64_t in[3], out[3];
  int64_t in_size, out_size;
};

template <typename MakeSpan>
Windows make_windows(const Pool& pool, const MakeSpan& make_span) {
  Windows w;
  const int missing = 3 - pool.dimensions;
  for (int d = 0; d < 3; ++d) {
    const int from = d - missing;
    w.in[d] = from < 0 ? 1 : pool.in[from];
    w.out[d] = from < 0 ? 1 : pool.out[from];
    w.spans[d].resize(w.out[d]);
    for (int64_t i = 0; i < w.out[d]; ++i) {
      w.spans[d][i] = from < 0 ? Span{0, 1, 1, 1} : make_span(from, i);
    }
  }
  w.in_size = w.in[0] * w.in[1] * w.in[2];
  w.out_size = w.out[0] * w.out[1] * w.out[2];
  return w;
}

Windows fixed_windows(const Pool& pool, bool dilated) {
  return make_windows(pool, [&](int d, int64_t i) {
    const int64_t step = dilated ? pool.dilation[d] : 1;
    int64_t begin = i * pool.stride[d] - pool.padding[d];
    const int64_t end = begin + (pool.kernel[d] - 1) * step + 1;
    // A last window in ceil mode may reach beyond the padding, which does not count.
    const int64_t padded = std::min(end, pool.in[d] + pool.padding[d]) - begin;
    if (begin < 0) begin += (-begin + step - 1) / step * step;
    return Span{begin, std::min(end, pool.in[d]), step, padded};
  });
}

Windows adaptive_windows(const Pool& pool) {
  return make_windows(pool, [&](int d, int64_t i) {
    const int64_t in = pool.in[d], out = pool.out[d];
    const int64_t begin = i / out * in + i % out * in / out;
    const int64_t end = ((i + 1) * in + out - 1) / out;
    return Span{begin, end, 1, end - begin};
  });
}

bool is_empty(const Span& x, const Span& y, const Span& z) {
  return x.begin >= x.end || y.begin >= y.end || z.begin >= z.end;
}

// The first place of a window; -1 where it lies in the padding alone.
int64_t first_place(const Windows& w, const Span& x, const Span& y, const Span& z) {
  return is_empty(x, y, z) ? -1 : (x.begin * w.in[1] + y.begin) * w.in[2] + z.begin;
}

// Calls body(plane, position, x, y, z) for every output position, planes in parallel.
template <typename Body>
void each_window(const Windows& w, int64_t planes, const Body& body) {
  const int64_t grain = 4096 / std::max<int64_t>(w.out_size, 1) + 1;
  parallel_for(planes, grain, [&](int64_t first, int64_t last) {
    for (int64_t plane = first; plane < last; ++plane) {
      int64_t position = 0;
      for (const Span& x : w.spans[0]) {
        for (const Span& y : w.spans[1]) {
          for (const Span& z : w.spans[2]) body(plane, position++, x, y, z);
        }
      }
    }
  });
}

template <typename T>
bool is_nan(T value) {
  if constexpr (std::is_floating_point_v<T>) return value != value;
  return false;
}

template <typename T>
void max_forward(const Windows& w, int64_t planes, const T* input, T* output, int64_t* indices) {
  using Compute = compute_t<T>;
  constexpr Compute kLowest = std::is_floating_point_v<Compute>
                                  ? -std::numeric_limits<Compute>::infinity()
                                  : std::numeric_limits<Compute>::lowest();
  each_window(w, planes,
              [&](int64_t plane, int64_t position, const Span& x, const Span& y, const Span& z) {
                const T* in = input + plane * w.in_size;
                Compute best = kLowest;
                int64_t where = first_place(w, x, y, z);
                for (int64_t i = x.begin; i < x.end; i += x.step) {
                  for (int64_t j = y.begin; j < y.end; j += y.step) {
                    const int64_t row = (i * w.in[1] + j) * w.in[2];
                    for (int64_t k = z.begin; k < z.end; k += z.step) {
                      const Compute value = static_cast<Compute>(in[row + k]);
                      if (value > best || is_nan(value)) {
                        best = value;
                        where = row + k;
                      }
                    }
                  }
                }
                output[plane * w.out_size + position] = static_cast<T>(best);
                indices[plane * w.out_size + position] = where;
              });
}

// The same for windows that are all alike: one place of the window at a time over a stretch of a
// row of outputs, which vectorises, where the loop above waits for mispredicted branches.
template <typename T>
void max_forward_rows(const Pool& pool, const Windows& w, const T* input, T* output,
                      int64_t* indices) {
  using Compute = compute_t<T>;
  constexpr int64_t kStretch = 64;
  constexpr Compute kLowest = std::is_floating_point_v<Compute>
                                  ? -std::numeric_limits<Compute>::infinity()
                                  : std::numeric_limits<Compute>::lowest();
  const int last = pool.dimensions - 1;
  const int64_t stride = pool.stride[last], kernel = pool.kernel[last];
  struct Place {
    int64_t offset, begin, end;  // the outputs for which it lies inside the input
  };
  std::vector<Place> places(kernel);
  for (int64_t k = 0; k < kernel; ++k) {
    const int64_t offset = k * pool.dilation[last] - pool.padding[last];
    const int64_t begin = offset < 0 ? (-offset + stride - 1) / stride : 0;
    const int64_t room = w.in[2] - offset;
    places[k] = {offset, begin, room <= 0 ? 0 : (room + stride - 1) / stride};
  }
  auto stretch = [&](const T* in, int64_t z_begin, int64_t z_end, const Span& x, const Span& y,
                     T* out, int64_t* where_out) {
    Compute best[kStretch];
    int32_t where[kStretch];
    const int64_t count = z_end - z_begin;
    for (int64_t z = 0; z < count; ++z) {
      best[z] = kLowest;
      where[z] = static_cast<int32_t>(first_place(w, x, y, w.spans[2][z_begin + z]));
    }
    for (int64_t i = x.begin; i < x.end; i += x.step) {
      for (int64_t j = y.begin; j < y.end; j += y.step) {
        const int64_t row = (i * w.in[1] + j) * w.in[2];
        for (const Place& place : places) {
          const int64_t from = std::max(place.begin - z_begin, int64_t{0});
          const int64_t to = std::min(place.end - z_begin, count);
          const int64_t start = row + place.offset + z_begin * stride;
#pragma omp simd
          for (int64_t z = from; z < to; ++z) {
            const Compute value = static_cast<Compute>(in[start + z * stride]);
            const bool wins = (value > best[z]) | is_nan(value);
            best[z] = wins ? value : best[z];
            where[z] = wins ? static_cast<int32_t>(start + z * stride) : where[z];
          }
        }
      }
    }
    for (int64_t z = 0; z < count; ++z) {
      out[z] = static_cast<T>(best[z]);
      where_out[z] = where[z];
    }
  };
  const int64_t grain = 4096 / std::max<int64_t>(w.out_size, 1) + 1;
  parallel_for(pool.planes, grain, [&](int64_t first, int64_t end) {
    for (int64_t plane = first; plane < end; ++plane) {
      int64_t position = plane * w.out_size;
      for (const Span& x : w.spans[0]) {
        for (const Span& y : w.spans[1]) {
          for (int64_t z = 0; z < w.out[2]; z += kStretch) {
            const int64_t z_end = std::min(z + kStretch, w.out[2]);
            stretch(input + plane * w.in_size, z, z_end, x, y, output + position,
                    indices + position);
            position += z_end - z;
          }
        }
      }
    }
  });
}

template <typename T>
T divide(T sum, int64_t count) {
  if constexpr (std::is_floating_point_v<T>) return sum / static_cast<T>(count);
  return static_cast<T>(sum / static_cast<int64_t>(count));
}

// How many places a window is divided by.
int64_t divisor(const Pool& pool, bool adaptive, const Span& x, const Span& y, const Span& z) {
  if (!adaptive && pool.divisor_override != 0) return pool.divisor_override;
  if (adaptive || pool.count_include_pad) return x.padded * y.padded * z.padded;
  return (x.end - x.begin) * (y.end - y.begin) * (z.end - z.begin);
}

template <typename T>
void avg_forward(const Pool& pool, const Windows& w, bool adaptive, const T* input, T* output) {
  using Compute = std::conditional_t<std::is_integral_v<T>, int64_t, compute_t<T>>;
  each_window(w, pool.planes,
              [&](int64_t plane, int64_t position, const Span& x, const Span& y, const Span& z) {
                T& result = output[plane * w.out_size + position];
                if (is_empty(x, y, z)) {
                  result = static_cast<T>(Compute(0));
                  return;
                }
                const T* in = input + plane * w.in_size;
                Compute sum = 0;
                for (int64_t i = x.begin; i < x.end; ++i) {
                  for (int64_t j = y.begin; j < y.end; ++j) {
                    const T* row = in + (i * w.in[1] + j) * w.in[2];
                    for (int64_t k = z.begin; k < z.end; ++k) sum += static_cast<Compute>(row[k]);
                  }
                }
                result = static_cast<T>(divide(sum, divisor(pool, adaptive, x, y, z)));
              });
}

// What arrives at each place of a plane is added up in `Compute` and rounded once.
template <typename T, typename Scatter>
void scatter_planes(int64_t planes, int64_t in_size, int64_t out_size, T* grad_input,
                    const Scatter& scatter) {
  using Compute = compute_t<T>;
  const int64_t grain = 8192 / std::max<int64_t>(in_size + out_size, 1) + 1;
  parallel_for(planes, grain, [&](int64_t first, int64_t last) {
    if constexpr (std::is_same_v<T, Compute>) {
      std::fill(grad_input + first * in_size, grad_input + last * in_size, T());
      for (int64_t plane = first; plane < last; ++plane) {
        scatter(plane, grad_input + plane * in_size);
      }
    } else {
      std::vector<Compute> sums(in_size);
      for (int64_t plane = first; plane < last; ++plane) {
        std::fill(sums.begin(), sums.end(), Compute());
        scatter(plane, sums.data());
        for (int64_t i = 0; i < in_size; ++i) {
          grad_input[plane * in_size + i] = static_cast<T>(sums[i]);
        }
      }
    }
  });
}

template <typename T>
void avg_backward(const Pool& pool, const Windows& w, bool adaptive, const T* grad_output,
                  T* grad_input) {
  using Compute = compute_t<T>;
  scatter_planes(pool.planes, w.in_size, w.out_size, grad_input, [&](int64_t plane, Compute* sums) {
    const T* grad = grad_output + plane * w.out_size;
    for (const Span& x : w.spans[0]) {
      for (const Span& y : w.spans[1]) {
        for (const Span& z : w.spans[2]) {
          const Compute arrived = static_cast<Compute>(*grad++);
          if (is_empty(x, y, z)) continue;
          const Compute share = divide(arrived, divisor(pool, adaptive, x, y, z));
          for (int64_t i = x.begin; i < x.end; ++i) {
            for (int64_t j = y.begin; j < y.end; ++j) {
              Compute* row = sums + (i * w.in[1] + j) * w.in[2];
              for (int64_t k = z.begin; k < z.end; ++k) row[k] += share;
            }
          }
        }
      }
    }
  });
}

template <typename Body>
void visit_real(DType dtype, const char* operation, const Body& body) {
  WENGERT_CHECK(dtype != DType::bool_ && !is_complex(dtype), kNotImplemented, "\"", operation,
                "\" not implemented for '", dtype_name(dtype), "'");
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!is_complex_v<T> && !std::is_same_v<T, bool>) body(tag);
  });
}

template <typename Body>
void visit_floating(DType dtype, const char* operation, const Body& body) {
  WENGERT_CHECK(is_floating(dtype), kNotImplemented, "\"", operation, "\" not implemented for '",
                dtype_name(dtype), "'");
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_reduced_v<T> || std::is_floating_point_v<T>) body(tag);
  });
}

void run_avg(const Pool& pool, const Windows& w, bool adaptive, const char* operation,
             const void* input, void* output) {
  visit_real(pool.dtype, operation, [&](auto tag) {
    using T = typename decltype(tag)::type;
    avg_forward(pool, w, adaptive, static_cast<const T*>(input), static_cast<T*>(output));
  });
}

void run_avg_backward(const Pool& pool, const Windows& w, bool adaptive, const char* operation,
                      const void* grad_output, void* grad_input) {
  visit_floating(pool.dtype, operation, [&](auto tag) {
    using T = typename decltype(tag)::type;
    avg_backward(pool, w, adaptive, static_cast<const T*>(grad_output),
                 static_cast<T*>(grad_input));
  });
}

}  // namespace

int64_t pool_output_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding,
                         int64_t dilation, bool ceil_mode) {
  const int64_t span =
      in + 2 * padding - dilation * (kernel - 1) - 1 + (ceil_mode ? stride - 1 : 0);
  // Rounds down for negative spans too.
  int64_t out = (span >= 0 ? span / stride : -((-span + stride - 1) / stride)) + 1;
  if (ceil_mode && (out - 1) * stride >= in + padding) --out;
  return out;
}

void max_pool_forward(const Pool& pool, const void* input, void* output, int64_t* indices) {
  const Windows w = fixed_windows(pool, true);
  visit_real(pool.dtype, "max_pool", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = static_cast<const T*>(input);
    T* out = static_cast<T*>(output);
    if (w.in_size <= std::numeric_limits<int32_t>::max()) {
      max_forward_rows(pool, w, in, out, indices);
    } else {
      max_forward(w, pool.planes, in, out, indices);
    }
  });
}

void max_pool_backward(DType dtype, int64_t planes, int64_t in_size, int64_t out_size,
                       const void* grad_output, const int64_t* indices, void* grad_input) {
  visit_floating(dtype, "max_pool_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* grad = static_cast<const T*>(grad_output);
    scatter_planes(planes, in_size, out_size, static_cast<T*>(grad_input),
                   [&](int64_t plane, compute_t<T>* sums) {
                     for (int64_t i = plane * out_size; i < (plane + 1) * out_size; ++i) {
                       if (indices[i] >= 0) sums[indices[i]] += static_cast<compute_t<T>>(grad[i]);
                     }
                   });
  });
}

void max_pool_gather(DType dtype, int64_t planes, int64_t in_size, int64_t out_size,
                     const void* input, const int64_t* indices, void* output) {
  visit_floating(dtype, "max_pool_gather", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = static_cast<const T*>(input);
    T* out = static_cast<T*>(output);
    parallel_for(planes, 8192 / std::max<int64_t>(out_size, 1) + 1,
                 [&](int64_t first, int64_t end) {
                   for (int64_t i = first * out_size; i < end * out_size; ++i) {
                     out[i] = indices[i] < 0 ? T() : in[i / out_size * in_size + indices[i]];
                   }
                 });
  });
}

void avg_pool_forward(const Pool& pool, const void* input, void* output) {
  run_avg(pool, fixed_windows(pool, false), false, "avg_pool", input, output);
}

void avg_pool_backward(const Pool& pool, const void* grad_output, void* grad_input) {
  run_avg_backward(pool, fixed_windows(pool, false), false, "avg_pool_backward", grad_output,
                   grad_input);
}

void adaptive_avg_pool_forward(const Pool& pool, const void* input, void* output) {
  run_avg(pool, adaptive_windows(pool), true, "adaptive_avg_pool", input, output);
}

void adaptive_avg_pool_backward(const Pool& pool, const void* grad_output, void* grad_input) {
  run_avg_backward(pool, adaptive_windows(pool), true, "adaptive_avg_pool_backward", grad_output,
                   grad_input);
}

void adaptive_max_pool_forward(const Pool& pool, const void* input, void* output,
                               int64_t* indices) {
  const Windows w = adaptive_windows(pool);
  visit_real(pool.dtype, "adaptive_max_pool", [&](auto tag) {
    using T = typename decltype(tag)::type;
    max_forward(w, pool.planes, static_cast<const T*>(input), static_cast<T*>(output), indices);
  });
}

}  // namespace wengert::cpu
