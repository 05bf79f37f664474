// Convolutions: shapes, checks, and the three linear maps that are each other's derivatives.
#include "kernels/cpu/conv.h"

#include "operators/basic.h"
#include "operators/conv.h"
#include "operators/matmul.h"
#include "operators/reduction.h"
#include "operators/view.h"
#include "ops/spatial.h"
#include "ops/type_names.h"

namespace wengert::ops {

namespace {

// `input` and `output` are the sizes of the two sides of the convolution that is not transposed.
cpu::Conv plan_of(DType dtype, const Dims& input, const Dims& weight, const Dims& output,
                  const Dims& stride, const Dims& padding, const Dims& dilation, int64_t groups) {
  cpu::Conv plan;
  plan.dtype = dtype;
  plan.dimensions = static_cast<int>(weight.size()) - 2;
  plan.batch = input[0];
  plan.in_channels = weight[1] * groups;
  plan.out_channels = weight[0];
  plan.groups = groups;
  for (int i = 0; i < plan.dimensions; ++i) {
    plan.in[i] = input[i + 2];
    plan.out[i] = output[i + 2];
    plan.kernel[i] = weight[i + 2];
    plan.stride[i] = stride[i];
    plan.padding[i] = padding[i];
    plan.dilation[i] = dilation[i];
  }
  return plan;
}

const void* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.data() : nullptr;
}
Tensor contiguous_or_none(const Tensor& tensor) {
  return tensor.defined() ? contiguous_values(tensor) : Tensor();
}

struct Convolution {
  const char* op;
  int dimensions;
  bool transposed = false;
  Dims stride, padding, dilation, output_padding;
  int64_t groups = 1;
};

std::string arguments(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  std::string text = describe_argument("input", input) + describe_argument("weight", weight);
  return bias.defined() ? text + describe_argument("bias", bias) : text;
}

void check_parameters(const Convolution& c, const Tensor& weight) {
  for (int64_t value : c.padding) {
    WENGERT_CHECK(value >= 0, kRuntime, c.op, "(): negative padding is not supported");
  }
  for (int64_t value : c.output_padding) {
    WENGERT_CHECK(value >= 0, kRuntime, c.op, "(): negative output_padding is not supported");
  }
  for (int64_t value : c.stride) {
    WENGERT_CHECK(value > 0, kRuntime, c.op, "(): non-positive stride is not supported");
  }
  for (int64_t value : c.dilation) {
    WENGERT_CHECK(value > 0, kRuntime, c.op, "(): dilation should be greater than zero, but got ",
                  to_string(c.dilation));
  }
  WENGERT_CHECK(c.groups > 0, kRuntime, c.op, "(): non-positive groups is not supported");
  WENGERT_CHECK(weight.sizes()[0] >= c.groups, kRuntime, c.op, "(): Given groups=", c.groups,
                ", expected weight to be at least ", c.groups,
                " at dimension 0, but got weight of size ", to_string(weight.sizes()), " instead");
  WENGERT_CHECK(weight.sizes()[0] % c.groups == 0, kRuntime, c.op, "(): Given groups=", c.groups,
                ", expected weight to be divisible by ", c.groups,
                " at dimension 0, but got weight of size [", to_string(weight.sizes()),
                "] instead");
}

// `input` is a batch here.
void check_channels(const Convolution& c, const Tensor& input, const Tensor& weight,
                    const Tensor& bias) {
  const int64_t channels = input.sizes()[1];
  const int64_t expected = c.transposed ? weight.sizes()[0] : weight.sizes()[1] * c.groups;
  WENGERT_CHECK(channels == expected, kRuntime, c.op, "(): Given ",
                c.transposed ? "transposed=" : "groups=", c.transposed ? 1 : c.groups,
                ", weight of size ", to_string(weight.sizes()), ", expected input",
                to_string(input.sizes()), " to have ", expected, " channels, but got ", channels,
                " channels instead", arguments(input, weight, bias));
  const int64_t out = c.transposed ? weight.sizes()[1] * c.groups : weight.sizes()[0];
  if (bias.defined()) {
    WENGERT_CHECK(bias.ndim() == 1 && bias.sizes()[0] == out, kRuntime, c.op, "(): Given ",
                  c.transposed ? "transposed=1, " : "", "weight of size ",
                  to_string(weight.sizes()), ", expected bias to be 1-dimensional with ", out,
                  " elements, but got bias of size ", to_string(bias.sizes()), " instead",
                  arguments(input, weight, bias));
    WENGERT_CHECK(bias.dtype() == input.dtype(), kRuntime, c.op, "(): Input type (",
                  element_name(input.dtype()), ") and bias type (", element_name(bias.dtype()),
                  ") should be the same", arguments(input, weight, bias));
  }
  WENGERT_CHECK(weight.dtype() == input.dtype(), kRuntime, c.op, "(): expected scalar type ",
                type_name(input.dtype()), " but found ", type_name(weight.dtype()),
                arguments(input, weight, bias));
  WENGERT_CHECK(input.dtype() != DType::bool_, kNotImplemented, c.op,
                "(): \"conv\" not implemented for 'Bool'", arguments(input, weight, bias));
}

void check_kernel_fits(const Convolution& c, const Tensor& input, const Tensor& weight) {
  Dims padded(c.padding), kernel(c.padding);
  bool fits = true;
  for (int i = 0; i < c.dimensions; ++i) {
    padded[i] = input.sizes()[i + 2] + 2 * c.padding[i];
    kernel[i] = c.dilation[i] * (weight.sizes()[i + 2] - 1) + 1;
    if (kernel[i] > padded[i]) fits = false;
  }
  WENGERT_CHECK(fits, kRuntime, c.op, "(): Calculated padded input size per channel: (",
                joined(padded), "). Kernel size: (", joined(kernel),
                "). Kernel size can't be greater than actual input size",
                arguments(input, weight, Tensor()));
}

Dims transposed_size(const Convolution& c, const Tensor& input, const Tensor& weight) {
  Dims size = {input.sizes()[0], weight.sizes()[1] * c.groups};
  bool fits = true;
  for (int i = 0; i < c.dimensions; ++i) {
    WENGERT_CHECK(c.output_padding[i] < std::max(c.stride[i], c.dilation[i]), kRuntime, c.op,
                  "(): output padding must be smaller than either stride or dilation, but got "
                  "output_padding=",
                  to_string(c.output_padding), " stride=", to_string(c.stride),
                  " dilation=", to_string(c.dilation));
    size.push_back((input.sizes()[i + 2] - 1) * c.stride[i] - 2 * c.padding[i] +
                   c.dilation[i] * (weight.sizes()[i + 2] - 1) + c.output_padding[i] + 1);
    if (size.back() < 0) fits = false;
  }
  WENGERT_CHECK(fits, kRuntime, c.op, "(): Given input size per channel: (",
                joined(spatial_sizes(input.sizes(), c.dimensions)),
                "). Calculated output size per channel: (",
                joined(spatial_sizes(size, c.dimensions)), "). Output size is too small",
                arguments(input, weight, Tensor()));
  return size;
}

// The checks of every public operator; then the operator that records itself.
Tensor convolve(Convolution c, const Tensor& input, const Tensor& weight, const Tensor& bias) {
  const int n = c.dimensions;
  WENGERT_CHECK(weight.ndim() == n + 2, kRuntime, c.op, "(): expected weight to have ", n + 2,
                " dimensions, but got weight of size ", to_string(weight.sizes()),
                arguments(input, weight, bias));
  c.stride = per_dimension(c.op, "stride", c.stride, n);
  c.padding = per_dimension(c.op, "padding", c.padding, n);
  c.dilation = per_dimension(c.op, "dilation", c.dilation, n);
  if (c.transposed) c.output_padding = per_dimension(c.op, "output_padding", c.output_padding, n);
  WENGERT_CHECK(input.ndim() == n + 1 || input.ndim() == n + 2, kRuntime, c.op, "(): Expected ",
                n + 1, "D (unbatched) or ", n + 2, "D (batched) input to ", c.op,
                ", but got input of size: ", to_string(input.sizes()),
                arguments(input, weight, bias));
  check_parameters(c, weight);
  if (input.ndim() == n + 1) {
    return ops::squeeze(convolve(c, ops::unsqueeze(input, 0), weight, bias), Dims{0});
  }
  check_channels(c, input, weight, bias);
  if (c.transposed) {
    return ops::_convolution_input(input, weight, bias, transposed_size(c, input, weight), c.stride,
                                   c.padding, c.dilation, c.groups);
  }
  check_kernel_fits(c, input, weight);
  return ops::_convolution(input, weight, bias, c.stride, c.padding, c.dilation, c.groups);
}

}  // namespace

namespace impl {

Tensor _convolution(const Tensor& input, const Tensor& weight, const Tensor& bias,
                    const Dims& stride, const Dims& padding, const Dims& dilation, int64_t groups) {
  Dims size = {input.sizes()[0], weight.sizes()[0]};
  for (size_t i = 0; i < stride.size(); ++i) {
    size.push_back(cpu::conv_output_size(input.sizes()[i + 2], weight.sizes()[i + 2], stride[i],
                                         padding[i], dilation[i]));
  }
  Tensor result = wengert::empty(size, input.dtype());
  const Tensor x = contiguous_values(input), w = contiguous_values(weight),
               b = contiguous_or_none(bias);
  cpu::conv_forward(plan_of(input.dtype(), input.sizes(), weight.sizes(), size, stride, padding,
                            dilation, groups),
                    x.data(), w.data(), data_or_null(b), result.data());
  return result;
}

Tensor _convolution_input(const Tensor& input, const Tensor& weight, const Tensor& bias,
                          const Dims& size, const Dims& stride, const Dims& padding,
                          const Dims& dilation, int64_t groups) {
  Tensor result = wengert::empty(size, input.dtype());
  const Tensor g = contiguous_values(input), w = contiguous_values(weight),
               b = contiguous_or_none(bias);
  cpu::conv_backward_input(plan_of(input.dtype(), size, weight.sizes(), input.sizes(), stride,
                                   padding, dilation, groups),
                           g.data(), w.data(), data_or_null(b), result.data());
  return result;
}

std::tuple<Tensor, Tensor> _convolution_parameters(const Tensor& input, const Tensor& grad_output,
                                                   const Dims& size, const Dims& stride,
                                                   const Dims& padding, const Dims& dilation,
                                                   int64_t groups, bool with_bias) {
  Tensor weight = wengert::empty(size, input.dtype());
  Tensor bias = wengert::empty({size[0]}, input.dtype());
  if (!with_bias) fill_values(bias, Scalar(0));
  const Tensor x = contiguous_values(input), g = contiguous_values(grad_output);
  cpu::conv_backward_weight(plan_of(input.dtype(), input.sizes(), size, grad_output.sizes(), stride,
                                    padding, dilation, groups),
                            x.data(), g.data(), weight.data(), with_bias ? bias.data() : nullptr);
  return {std::move(weight), std::move(bias)};
}

// These only choose operators, which record themselves.

Tensor _convolution_weight(const Tensor& input, const Tensor& grad_output, const Dims& size,
                           const Dims& stride, const Dims& padding, const Dims& dilation,
                           int64_t groups) {
  return std::get<0>(ops::_convolution_parameters(input, grad_output, size, stride, padding,
                                                  dilation, groups, false));
}

Tensor _channel_sum(const Tensor& input) {
  Dims dims;
  for (int64_t i = 0; i < input.ndim(); ++i) {
    if (i != 1) dims.push_back(i);
  }
  return ops::sum(input, dims, false, input.dtype());
}

Tensor _cropped(const Tensor& input, const Dims& size) {
  Tensor result = input;
  for (size_t i = 0; i < size.size(); ++i) {
    if (size[i] != input.sizes()[i]) {
      result = ops::slice(result, static_cast<int64_t>(i), 0, size[i], 1);
    }
  }
  return result;
}

Tensor convolution(const Tensor& input, const Tensor& weight, const Tensor& bias,
                   const Dims& stride, const Dims& padding, const Dims& dilation, bool transposed,
                   const Dims& output_padding, int64_t groups) {
  WENGERT_CHECK(weight.ndim() >= 3 && weight.ndim() <= 5, kRuntime,
                "convolution(): weight should have at least three dimensions and at most five",
                arguments(input, weight, bias));
  return convolve({"convolution", static_cast<int>(weight.ndim()) - 2, transposed, stride, padding,
                   dilation, output_padding, groups},
                  input, weight, bias);
}

#define WENGERT_CONVOLUTION(n)                                                                     \
  Tensor conv##n##d(const Tensor& input, const Tensor& weight, const Tensor& bias,                 \
                    const Dims& stride, const Dims& padding, const Dims& dilation,                 \
                    int64_t groups) {                                                              \
    return convolve({"conv" #n "d", n, false, stride, padding, dilation, {}, groups}, input,       \
                    weight, bias);                                                                 \
  }                                                                                                \
  Tensor conv_transpose##n##d(const Tensor& input, const Tensor& weight, const Tensor& bias,       \
                              const Dims& stride, const Dims& padding, const Dims& output_padding, \
                              int64_t groups, const Dims& dilation) {                              \
    return convolve(                                                                               \
        {"conv_transpose" #n "d", n, true, stride, padding, dilation, output_padding, groups},     \
        input, weight, bias);                                                                      \
  }
WENGERT_CONVOLUTION(1)
WENGERT_CONVOLUTION(2)
WENGERT_CONVOLUTION(3)
#undef WENGERT_CONVOLUTION

}  // namespace impl

}  // namespace wengert::ops
