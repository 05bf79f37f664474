#include "kernels/cpu/conv.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "device/cpu/parallel.h"
#include "kernels/cpu/blas.h"
#include "kernels/cpu/convert.h"
#include "kernels/cpu/libraries.h"
#include "kernels/cpu/primitive_cache.h"

namespace wengert::cpu {

namespace {

// Multiplications above which Python's lock is worth giving up.
constexpr int64_t kLongWork = 1 << 18;

int64_t product(const int64_t* sizes, int count) {
  int64_t result = 1;
  for (int i = 0; i < count; ++i) result *= sizes[i];
  return result;
}

int64_t in_size(const Conv& c) { return product(c.in, c.dimensions); }
int64_t out_size(const Conv& c) { return product(c.out, c.dimensions); }
int64_t kernel_size(const Conv& c) { return product(c.kernel, c.dimensions); }
int64_t input_count(const Conv& c) { return c.batch * c.in_channels * in_size(c); }
int64_t output_count(const Conv& c) { return c.batch * c.out_channels * out_size(c); }
int64_t weight_count(const Conv& c) {
  return c.out_channels * (c.in_channels / c.groups) * kernel_size(c);
}

int64_t work(const Conv& c) {
  return c.batch * c.out_channels * out_size(c) * (c.in_channels / c.groups) * kernel_size(c);
}

// Signed integers wrap around, which C++ leaves undefined.
template <typename T>
T add(T a, T b) {
  if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
  } else {
    return static_cast<T>(a + b);
  }
}

// The same bias at every position of a channel, or zero.
template <typename T>
void fill_channels(T* output, int64_t batch, int64_t channels, int64_t positions, const T* bias) {
  parallel_for(batch * channels, 32768 / std::max<int64_t>(positions, 1) + 1,
               [=](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) {
                   std::fill_n(output + row * positions, positions,
                               bias != nullptr ? bias[row % channels] : T());
                 }
               });
}

template <typename T>
void add_channels(T* output, int64_t batch, int64_t channels, int64_t positions, const T* bias) {
  parallel_for(batch * channels, 32768 / std::max<int64_t>(positions, 1) + 1,
               [=](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) {
                   const T value = bias[row % channels];
                   T* x = output + row * positions;
                   for (int64_t i = 0; i < positions; ++i) x[i] = add(x[i], value);
                 }
               });
}

// OneDNN -----------------------------------------------------------------------------------------

enum class Direction : int64_t { kForward = 1, kBackwardInput, kBackwardWeight };

struct Formats {
  MemoryFormat input, weight, output, bias;
};

// The tensors as they are stored, or the wish that the primitive chooses.
Formats describe(const Conv& c, dnnl_data_type_t type, bool any, bool with_bias) {
  auto make = [&](std::vector<int64_t> sizes) {
    const int rank = static_cast<int>(sizes.size());
    if (any) return any_format(type, rank, sizes.data());
    std::vector<int64_t> strides(rank, 1);
    for (int i = rank - 2; i >= 0; --i) strides[i] = strides[i + 1] * sizes[i + 1];
    return strided_format(type, rank, sizes.data(), strides.data());
  };
  auto extend = [&](std::vector<int64_t> sizes, const int64_t* spatial) {
    sizes.insert(sizes.end(), spatial, spatial + c.dimensions);
    return make(std::move(sizes));
  };
  Formats f;
  f.input = extend({c.batch, c.in_channels}, c.in);
  f.output = extend({c.batch, c.out_channels}, c.out);
  f.weight = c.groups == 1 ? extend({c.out_channels, c.in_channels}, c.kernel)
                           : extend({c.groups, c.out_channels / c.groups, c.in_channels / c.groups},
                                    c.kernel);
  if (with_bias) f.bias = make({c.out_channels});
  return f;
}

std::unique_ptr<CachedPrimitive> build(const Conv& c, dnnl_data_type_t type, Direction direction,
                                       bool with_bias) {
  const OneDnn& library = onednn();
  const Formats own = describe(c, type, false, with_bias);
  const Formats any = describe(c, type, true, with_bias);
  int64_t dilation[3];
  for (int i = 0; i < 3; ++i) dilation[i] = c.dilation[i] - 1;
  dnnl_primitive_desc_t hint = nullptr;
  dnnl_status_t status = library.convolution_forward_primitive_desc_create(
      &hint, library.engine, dnnl_forward_training, dnnl_convolution_direct, any.input.get(),
      any.weight.get(), any.bias.get(), any.output.get(), c.stride, dilation, c.padding, c.padding,
      library.attributes);
  if (status != dnnl_success) return nullptr;
  if (direction == Direction::kForward) {
    auto result = std::make_unique<CachedPrimitive>(hint, "convolving");
    result->add_input(DNNL_ARG_SRC, own.input, dnnl_query_src_md, 0);
    result->add_input(DNNL_ARG_WEIGHTS, own.weight, dnnl_query_weights_md, 0);
    if (with_bias) result->add_input(DNNL_ARG_BIAS, own.bias, dnnl_query_weights_md, 1);
    result->add_output(DNNL_ARG_DST, own.output, dnnl_query_dst_md, 0);
    result->finish();
    return result;
  }
  dnnl_primitive_desc_t descriptor = nullptr;
  if (direction == Direction::kBackwardInput) {
    status = library.convolution_backward_data_primitive_desc_create(
        &descriptor, library.engine, dnnl_convolution_direct, any.input.get(), any.weight.get(),
        any.output.get(), c.stride, dilation, c.padding, c.padding, hint, library.attributes);
  } else {
    status = library.convolution_backward_weights_primitive_desc_create(
        &descriptor, library.engine, dnnl_convolution_direct, any.input.get(), any.weight.get(),
        any.bias.get(), any.output.get(), c.stride, dilation, c.padding, c.padding, hint,
        library.attributes);
  }
  library.primitive_desc_destroy(hint);
  if (status != dnnl_success) return nullptr;
  auto result = std::make_unique<CachedPrimitive>(descriptor, "differentiating a convolution");
  if (direction == Direction::kBackwardInput) {
    result->add_input(DNNL_ARG_DIFF_DST, own.output, dnnl_query_diff_dst_md, 0);
    result->add_input(DNNL_ARG_WEIGHTS, own.weight, dnnl_query_weights_md, 0);
    result->add_output(DNNL_ARG_DIFF_SRC, own.input, dnnl_query_diff_src_md, 0);
  } else {
    result->add_input(DNNL_ARG_SRC, own.input, dnnl_query_src_md, 0);
    result->add_input(DNNL_ARG_DIFF_DST, own.output, dnnl_query_diff_dst_md, 0);
    result->add_output(DNNL_ARG_DIFF_WEIGHTS, own.weight, dnnl_query_diff_weights_md, 0);
    if (with_bias) {
      result->add_output(DNNL_ARG_DIFF_BIAS, own.bias, dnnl_query_diff_weights_md, 1);
    }
  }
  result->finish();
  return result;
}

// False when oneDNN has no such convolution for the dtype on this machine.
bool run_onednn(const Conv& c, Direction direction, bool with_bias,
                const std::vector<const void*>& pointers) {
  if (c.dtype != DType::float32 && c.dtype != DType::bfloat16) return false;
  PrimitiveKey key;
  key.add(static_cast<int64_t>(direction));
  for (int64_t value : {static_cast<int64_t>(c.dtype), int64_t{c.dimensions}, c.batch,
                        c.in_channels, c.out_channels, c.groups, int64_t{with_bias}}) {
    key.add(value);
  }
  for (int i = 0; i < c.dimensions; ++i) {
    for (int64_t value :
         {c.in[i], c.out[i], c.kernel[i], c.stride[i], c.padding[i], c.dilation[i]}) {
      key.add(value);
    }
  }
  const dnnl_data_type_t type = c.dtype == DType::float32 ? dnnl_f32 : dnnl_bf16;
  CachedPrimitive* primitive =
      find_primitive(key, [&] { return build(c, type, direction, with_bias); });
  if (primitive == nullptr) return false;
  std::optional<LongWorkScope> scope;
  if (work(c) >= kLongWork) scope.emplace();
  primitive->execute(pointers);
  return true;
}

// By unfolding windows into the columns of a matrix
// ------------------------------------------------

// One row of the unfolded matrix belongs to one channel and one place in the kernel; its columns
// are the output positions.
struct Unfolding {
  const Conv& c;
  int64_t positions, places, in_positions;

  explicit Unfolding(const Conv& conv)
      : c(conv),
        positions(out_size(conv)),
        places(kernel_size(conv)),
        in_positions(in_size(conv)) {}

  // For one place in the kernel: body(position, input position) wherever the input exists.
  template <typename Body>
  void visit(int64_t place, const Body& body) const {
    int64_t sizes[3][4];  // in, out, stride, offset of the first window; three dimensions
    for (int i = 2, from = c.dimensions - 1; i >= 0; --i, --from) {
      const bool real = from >= 0;
      const int64_t at = real ? place % c.kernel[from] : 0;
      if (real) place /= c.kernel[from];
      sizes[i][0] = real ? c.in[from] : 1;
      sizes[i][1] = real ? c.out[from] : 1;
      sizes[i][2] = real ? c.stride[from] : 1;
      sizes[i][3] = real ? at * c.dilation[from] - c.padding[from] : 0;
    }
    int64_t position = 0;
    for (int64_t x = 0; x < sizes[0][1]; ++x) {
      const int64_t in_x = x * sizes[0][2] + sizes[0][3];
      for (int64_t y = 0; y < sizes[1][1]; ++y) {
        const int64_t in_y = y * sizes[1][2] + sizes[1][3];
        const bool inside = in_x >= 0 && in_x < sizes[0][0] && in_y >= 0 && in_y < sizes[1][0];
        const int64_t base = (in_x * sizes[1][0] + in_y) * sizes[2][0];
        for (int64_t z = 0; z < sizes[2][1]; ++z, ++position) {
          const int64_t in_z = z * sizes[2][2] + sizes[2][3];
          if (inside && in_z >= 0 && in_z < sizes[2][0]) body(position, base + in_z);
        }
      }
    }
  }
};

// columns [channels * places, positions] from channels of one sample.
template <typename T>
void unfold(const Unfolding& u, int64_t channels, const T* input, T* columns) {
  parallel_for(channels * u.places, 32768 / u.positions + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      T* out = columns + row * u.positions;
      const T* channel = input + row / u.places * u.in_positions;
      std::fill_n(out, u.positions, T());
      u.visit(row % u.places,
              [=](int64_t position, int64_t from) { out[position] = channel[from]; });
    }
  });
}

// The adjoint: adds the columns to the channels that they came from.
template <typename T>
void fold(const Unfolding& u, int64_t channels, const T* columns, T* input) {
  parallel_for(channels, 32768 / (u.positions * u.places) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t channel_index = begin; channel_index < end; ++channel_index) {
      T* channel = input + channel_index * u.in_positions;
      for (int64_t place = 0; place < u.places; ++place) {
        const T* in = columns + (channel_index * u.places + place) * u.positions;
        u.visit(place, [=](int64_t position, int64_t to) {
          channel[to] = add(channel[to], in[position]);
        });
      }
    }
  });
}

Gemm product_of(DType dtype, int64_t m, int64_t n, int64_t k) {
  Gemm g;
  g.dtype = dtype;
  g.m = m, g.n = n, g.k = k;
  g.ldc = n;
  return g;
}

template <typename T>
void forward_columns(const Conv& c, const T* input, const T* weight, const T* bias, T* output) {
  const Unfolding u(c);
  const int64_t channels = c.in_channels / c.groups, filters = c.out_channels / c.groups;
  const int64_t depth = channels * u.places;
  auto columns = std::make_unique<T[]>(depth * u.positions);
  Gemm g = product_of(c.dtype, filters, u.positions, depth);
  for (int64_t i = 0; i < c.batch * c.groups; ++i) {
    unfold(u, channels, input + i * channels * u.in_positions, columns.get());
    g.a = {weight + i % c.groups * filters * depth, depth};
    g.b = {columns.get(), u.positions};
    g.c = output + i * filters * u.positions;
    gemm(g);
  }
  if (bias != nullptr) add_channels(output, c.batch, c.out_channels, u.positions, bias);
}

template <typename T>
void backward_input_columns(const Conv& c, const T* grad_output, const T* weight, T* grad_input) {
  const Unfolding u(c);
  const int64_t channels = c.in_channels / c.groups, filters = c.out_channels / c.groups;
  const int64_t depth = channels * u.places;
  auto columns = std::make_unique<T[]>(depth * u.positions);
  std::fill_n(grad_input, input_count(c), T());
  Gemm g = product_of(c.dtype, depth, u.positions, filters);
  for (int64_t i = 0; i < c.batch * c.groups; ++i) {
    g.a = {weight + i % c.groups * filters * depth, depth, 0, true};
    g.b = {grad_output + i * filters * u.positions, u.positions};
    g.c = columns.get();
    gemm(g);
    fold(u, channels, columns.get(), grad_input + i * channels * u.in_positions);
  }
}

template <typename T>
void backward_weight_columns(const Conv& c, const T* input, const T* grad_output, T* grad_weight) {
  const Unfolding u(c);
  const int64_t channels = c.in_channels / c.groups, filters = c.out_channels / c.groups;
  const int64_t depth = channels * u.places;
  auto columns = std::make_unique<T[]>(depth * u.positions);
  Gemm g = product_of(c.dtype, filters, depth, u.positions);
  for (int64_t i = 0; i < c.batch * c.groups; ++i) {
    unfold(u, channels, input + i * channels * u.in_positions, columns.get());
    g.a = {grad_output + i * filters * u.positions, u.positions};
    g.b = {columns.get(), u.positions, 0, true};
    g.c = grad_weight + i % c.groups * filters * depth;
    g.beta = i < c.groups ? 0.0 : 1.0;
    gemm(g);
  }
}

template <typename T>
void sum_channels(const Conv& c, const T* grad_output, T* grad_bias) {
  const int64_t positions = out_size(c);
  parallel_for(c.out_channels, 32768 / std::max<int64_t>(c.batch * positions, 1) + 1,
               [&](int64_t begin, int64_t end) {
                 for (int64_t channel = begin; channel < end; ++channel) {
                   T sum = T();
                   for (int64_t i = 0; i < c.batch; ++i) {
                     const T* x = grad_output + (i * c.out_channels + channel) * positions;
                     // Eight running sums: shorter chains, better rounding.
                     T parts[8] = {};
                     for (int64_t j = 0; j < positions; ++j) parts[j % 8] = add(parts[j % 8], x[j]);
                     T part = T();
                     for (const T& p : parts) part = add(part, p);
                     sum = add(sum, part);
                   }
                   grad_bias[channel] = sum;
                 }
               });
}

// One place in the kernel: a product of matrices
// ----------------------------------------------------

// The layout [batch, channels, positions] needs no reordering for it, which is half of oneDNN's
// time.
bool is_pointwise(const Conv& c) {
  if (c.dtype != DType::float32 || c.groups != 1) return false;
  for (int i = 0; i < c.dimensions; ++i) {
    if (c.kernel[i] != 1 || c.stride[i] != 1 || c.padding[i] != 0) return false;
  }
  return out_size(c) >= 16;
}

void pointwise_forward(const Conv& c, const float* input, const float* weight, const float* bias,
                       float* output) {
  const int64_t positions = out_size(c);
  Gemm g = product_of(c.dtype, c.out_channels, positions, c.in_channels);
  g.batch = c.batch;
  g.a = {weight, c.in_channels};
  g.b = {input, positions, c.in_channels * positions};
  g.c = output;
  g.c_batch_stride = c.out_channels * positions;
  if (bias != nullptr) {
    fill_channels(output, c.batch, c.out_channels, positions, bias);
    g.beta = 1.0;
  }
  gemm(g);
}

void pointwise_backward_input(const Conv& c, const float* grad_output, const float* weight,
                              float* grad_input) {
  const int64_t positions = out_size(c);
  Gemm g = product_of(c.dtype, c.in_channels, positions, c.out_channels);
  g.batch = c.batch;
  g.a = {weight, c.in_channels, 0, true};
  g.b = {grad_output, positions, c.out_channels * positions};
  g.c = grad_input;
  g.c_batch_stride = c.in_channels * positions;
  gemm(g);
}

void pointwise_backward_weight(const Conv& c, const float* input, const float* grad_output,
                               float* grad_weight) {
  const int64_t positions = out_size(c);
  Gemm g = product_of(c.dtype, c.out_channels, c.in_channels, positions);
  g.c = grad_weight;
  for (int64_t i = 0; i < c.batch; ++i) {
    g.a = {grad_output + i * c.out_channels * positions, positions};
    g.b = {input + i * c.in_channels * positions, positions, 0, true};
    g.beta = i == 0 ? 0.0 : 1.0;
    gemm(g);
  }
}

bool is_empty(const Conv& c) { return work(c) == 0; }

Conv as_float32(const Conv& c) {
  Conv wide = c;
  wide.dtype = DType::float32;
  return wide;
}

}  // namespace

void conv_forward(const Conv& c, const void* input, const void* weight, const void* bias,
                  void* output) {
  if (output_count(c) == 0) return;
  if (is_empty(c)) {
    visit_dtype(c.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      fill_channels(static_cast<T*>(output), c.batch, c.out_channels, out_size(c),
                    static_cast<const T*>(bias));
    });
    return;
  }
  if (is_pointwise(c)) {
    return pointwise_forward(c, static_cast<const float*>(input), static_cast<const float*>(weight),
                             static_cast<const float*>(bias), static_cast<float*>(output));
  }
  std::vector<const void*> pointers = {input, weight};
  if (bias != nullptr) pointers.push_back(bias);
  pointers.push_back(output);
  if (run_onednn(c, Direction::kForward, bias != nullptr, pointers)) return;
  if (is_reduced_float(c.dtype)) {
    const WideCopy x(c.dtype, input_count(c), input), w(c.dtype, weight_count(c), weight),
        b(c.dtype, c.out_channels, bias), y(c.dtype, output_count(c), true);
    conv_forward(as_float32(c), x.data(), w.data(), b.data(), y.data());
    return y.store(output);
  }
  visit_dtype(c.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!is_reduced_v<T>) {
      forward_columns(c, static_cast<const T*>(input), static_cast<const T*>(weight),
                      static_cast<const T*>(bias), static_cast<T*>(output));
    }
  });
}

void conv_backward_input(const Conv& c, const void* grad_output, const void* weight,
                         const void* bias, void* grad_input) {
  if (input_count(c) == 0) return;
  if (is_empty(c)) {
    visit_dtype(c.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      fill_channels(static_cast<T*>(grad_input), c.batch, c.in_channels, in_size(c),
                    static_cast<const T*>(bias));
    });
    return;
  }
  // With a bias the reduced types take the wide path, so that they are rounded once.
  const bool direct = bias == nullptr || !is_reduced_float(c.dtype);
  const bool pointwise = is_pointwise(c);
  if (pointwise) {
    pointwise_backward_input(c, static_cast<const float*>(grad_output),
                             static_cast<const float*>(weight), static_cast<float*>(grad_input));
  }
  const bool done = pointwise || (direct && run_onednn(c, Direction::kBackwardInput, false,
                                                       {grad_output, weight, grad_input}));
  if (!done && is_reduced_float(c.dtype)) {
    const WideCopy g(c.dtype, output_count(c), grad_output), w(c.dtype, weight_count(c), weight),
        b(c.dtype, c.in_channels, bias), x(c.dtype, input_count(c), true);
    conv_backward_input(as_float32(c), g.data(), w.data(), b.data(), x.data());
    return x.store(grad_input);
  }
  visit_dtype(c.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!is_reduced_v<T>) {
      T* result = static_cast<T*>(grad_input);
      if (!done) {
        backward_input_columns(c, static_cast<const T*>(grad_output), static_cast<const T*>(weight),
                               result);
      }
      if (bias != nullptr) {
        add_channels(result, c.batch, c.in_channels, in_size(c), static_cast<const T*>(bias));
      }
    }
  });
}

void conv_backward_weight(const Conv& c, const void* input, const void* grad_output,
                          void* grad_weight, void* grad_bias) {
  if (!is_empty(c) && is_pointwise(c)) {
    const float* g = static_cast<const float*>(grad_output);
    pointwise_backward_weight(c, static_cast<const float*>(input), g,
                              static_cast<float*>(grad_weight));
    if (grad_bias != nullptr) sum_channels(c, g, static_cast<float*>(grad_bias));
    return;
  }
  if (!is_empty(c)) {
    std::vector<const void*> pointers = {input, grad_output, grad_weight};
    if (grad_bias != nullptr) pointers.push_back(grad_bias);
    if (run_onednn(c, Direction::kBackwardWeight, grad_bias != nullptr, pointers)) return;
  }
  if (is_reduced_float(c.dtype)) {
    const WideCopy x(c.dtype, input_count(c), input), g(c.dtype, output_count(c), grad_output),
        w(c.dtype, weight_count(c), true), b(c.dtype, c.out_channels, grad_bias != nullptr);
    conv_backward_weight(as_float32(c), x.data(), g.data(), w.data(), b.data());
    w.store(grad_weight);
    return b.store(grad_bias);
  }
  visit_dtype(c.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!is_reduced_v<T>) {
      const T* g = static_cast<const T*>(grad_output);
      T* w = static_cast<T*>(grad_weight);
      if (is_empty(c)) {
        std::fill_n(w, weight_count(c), T());
      } else {
        backward_weight_columns(c, static_cast<const T*>(input), g, w);
      }
      if (grad_bias != nullptr) sum_channels(c, g, static_cast<T*>(grad_bias));
    }
  });
}

}  // namespace wengert::cpu
