// Convolutions and their derivatives against the definition, over random shapes and dtypes.
// Usage: kernels_conv_test [directory with the libraries]...
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu/conv.h"
#include "kernels/cpu/libraries.h"

namespace {

using namespace wengert;
using Wide = std::complex<double>;

std::mt19937_64 generator(11);
int failures = 0;

int64_t pick(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(generator);
}

template <typename T>
std::vector<T> random_data(int64_t count) {
  std::vector<T> data(count);
  for (T& x : data) {
    if constexpr (std::is_integral_v<T>) {
      x = static_cast<T>(pick(0, 9) - (std::is_signed_v<T> ? 5 : 0));
    } else {
      std::uniform_real_distribution<double> value(-1, 1);
      const double re = value(generator);
      x = convert<T>(Wide(re, is_complex_v<T> ? value(generator) : 0));
    }
  }
  return data;
}

template <typename T>
double tolerance() {
  if (std::is_same_v<T, BFloat16>) return 1e-2;
  if (std::is_same_v<T, Half>) return 1.5e-3;
  if (std::is_same_v<T, float> || std::is_same_v<T, complex64>) return 3e-6;
  return 1e-13;
}

// The exact result and the sum of the sizes of its terms, which scales the tolerance.
struct Expected {
  std::vector<Wide> value;
  std::vector<double> size;
  explicit Expected(int64_t count) : value(count), size(count, 1.0) {}
  void add(int64_t i, Wide x) {
    value[i] += x;
    size[i] += std::abs(x);
  }
};

template <typename T>
void compare(const char* what, const cpu::Conv& c, const std::vector<T>& got,
             const Expected& want) {
  for (size_t i = 0; i < got.size(); ++i) {
    Wide expected = want.value[i];
    if constexpr (std::is_integral_v<T>) {
      expected = double(static_cast<T>(static_cast<int64_t>(expected.real())));
    }
    const Wide value = convert<Wide>(got[i]);
    if (std::abs(value - expected) <= tolerance<T>() * want.size[i]) continue;
    if (++failures > 20) return;
    std::printf("%s %s %d-d N=%ld C=%ld O=%ld G=%ld in=%ld,%ld,%ld at %zu: %g, not %g\n", what,
                dtype_name(c.dtype), c.dimensions, long(c.batch), long(c.in_channels),
                long(c.out_channels), long(c.groups), long(c.in[0]), long(c.in[1]), long(c.in[2]),
                i, value.real(), expected.real());
    return;
  }
}

// Calls body(input index, weight index, output index) for every product of the definition.
template <typename Body>
void each_product(const cpu::Conv& c, const Body& body) {
  const int64_t channels = c.in_channels / c.groups, filters = c.out_channels / c.groups;
  const int64_t in_size = c.in[0] * c.in[1] * c.in[2], out_size = c.out[0] * c.out[1] * c.out[2];
  const int64_t places = c.kernel[0] * c.kernel[1] * c.kernel[2];
  for (int64_t place = 0; place < places; ++place) {
    const int64_t k[3] = {place / c.kernel[2] / c.kernel[1], place / c.kernel[2] % c.kernel[1],
                          place % c.kernel[2]};
    for (int64_t position = 0; position < out_size; ++position) {
      const int64_t o[3] = {position / c.out[2] / c.out[1], position / c.out[2] % c.out[1],
                            position % c.out[2]};
      int64_t from = 0;
      bool inside = true;
      for (int d = 0; d < 3; ++d) {
        const int64_t x = o[d] * c.stride[d] - c.padding[d] + k[d] * c.dilation[d];
        inside = inside && x >= 0 && x < c.in[d];
        from = from * c.in[d] + x;
      }
      if (!inside) continue;
      for (int64_t n = 0; n < c.batch; ++n) {
        for (int64_t f = 0; f < c.out_channels; ++f) {
          for (int64_t i = 0; i < channels; ++i) {
            const int64_t channel = f / filters * channels + i;
            body((n * c.in_channels + channel) * in_size + from,
                 (f * channels + i) * places + place,
                 (n * c.out_channels + f) * out_size + position);
          }
        }
      }
    }
  }
}

template <typename T>
void check(cpu::Conv c) {
  c.dtype = dtype_of_v<T>;
  const int64_t in_size = c.in[0] * c.in[1] * c.in[2], out_size = c.out[0] * c.out[1] * c.out[2];
  const int64_t weights =
      c.out_channels * (c.in_channels / c.groups) * c.kernel[0] * c.kernel[1] * c.kernel[2];
  const auto input = random_data<T>(c.batch * c.in_channels * in_size);
  const auto weight = random_data<T>(weights);
  const auto bias = random_data<T>(c.out_channels), input_bias = random_data<T>(c.in_channels);
  const auto grad = random_data<T>(c.batch * c.out_channels * out_size);
  Expected output(grad.size()), grad_input(input.size()), grad_weight(weights),
      grad_bias(c.out_channels);
  each_product(c, [&](int64_t i, int64_t w, int64_t o) {
    output.add(o, convert<Wide>(input[i]) * convert<Wide>(weight[w]));
    grad_input.add(i, convert<Wide>(grad[o]) * convert<Wide>(weight[w]));
    grad_weight.add(w, convert<Wide>(grad[o]) * convert<Wide>(input[i]));
  });
  for (int64_t o = 0; o < int64_t(grad.size()); ++o) {
    grad_bias.add(o / out_size % c.out_channels, convert<Wide>(grad[o]));
  }
  const bool biased = pick(0, 1);
  if (biased) {
    for (int64_t o = 0; o < int64_t(grad.size()); ++o) {
      output.add(o, convert<Wide>(bias[o / out_size % c.out_channels]));
    }
    for (int64_t i = 0; i < int64_t(input.size()); ++i) {
      grad_input.add(i, convert<Wide>(input_bias[i / in_size % c.in_channels]));
    }
  }
  std::vector<T> y(grad.size()), dx(input.size()), dw(weights), db(c.out_channels);
  for (std::vector<T>* v : {&y, &dx, &dw, &db}) std::fill(v->begin(), v->end(), convert<T>(77.0));
  cpu::conv_forward(c, input.data(), weight.data(), biased ? bias.data() : nullptr, y.data());
  cpu::conv_backward_input(c, grad.data(), weight.data(), biased ? input_bias.data() : nullptr,
                           dx.data());
  cpu::conv_backward_weight(c, input.data(), grad.data(), dw.data(), biased ? db.data() : nullptr);
  compare("forward", c, y, output);
  compare("backward_input", c, dx, grad_input);
  compare("backward_weight", c, dw, grad_weight);
  if (biased) compare("grad_bias", c, db, grad_bias);
}

cpu::Conv random_conv(int64_t channels) {
  cpu::Conv c;
  c.dimensions = static_cast<int>(pick(1, 3));
  c.batch = pick(0, 12) == 0 ? 0 : pick(1, 3);
  c.groups = pick(0, 1) ? 1 : pick(1, 3);
  c.in_channels = c.groups * (pick(0, 20) == 0 ? 0 : pick(1, channels));
  c.out_channels = c.groups * pick(1, channels);
  for (int d = 0; d < c.dimensions; ++d) {
    c.kernel[d] = pick(1, 3), c.stride[d] = pick(1, 2), c.padding[d] = pick(0, 2);
    c.dilation[d] = pick(1, 2);
    c.in[d] = pick(std::max<int64_t>(1, c.dilation[d] * (c.kernel[d] - 1) + 1 - 2 * c.padding[d]),
                   8 + 2 * c.dilation[d]);
    c.out[d] =
        cpu::conv_output_size(c.in[d], c.kernel[d], c.stride[d], c.padding[d], c.dilation[d]);
  }
  return c;
}

template <typename T>
void check_dtype() {
  for (int round = 0; round < 60; ++round) check<T>(random_conv(4));
  for (int round = 0; round < 4; ++round) check<T>(random_conv(20));
  for (int round = 0; round < 6; ++round) {  // windows of one place are products of matrices
    cpu::Conv c = random_conv(20);
    if (round % 3 != 0) c.groups = 1;
    for (int d = 0; d < c.dimensions; ++d) {
      c.kernel[d] = c.stride[d] = 1;
      c.padding[d] = 0;
      c.out[d] = c.in[d];
    }
    check<T>(c);
  }
}

}  // namespace

int main(int count, char** arguments) {
  cpu::set_library_paths(std::vector<std::string>(arguments + 1, arguments + count));
  check_dtype<float>();
  check_dtype<double>();
  check_dtype<BFloat16>();
  check_dtype<Half>();
  check_dtype<complex64>();
  check_dtype<complex128>();
  check_dtype<int16_t>();
  check_dtype<int64_t>();
  check_dtype<uint8_t>();
  std::printf(failures == 0 ? "ok\n" : "%d failures\n", failures);
  return failures != 0;
}
