// Batching rules that no kind gives: products, convolutions, sizes, norms.
#include <algorithm>

#include "operators/activation.h"
#include "operators/basic.h"
#include "operators/conv.h"
#include "operators/elementwise.h"
#include "operators/matmul.h"
#include "operators/norm.h"
#include "operators/reduction.h"
#include "operators/rnn.h"
#include "operators/scan.h"
#include "operators/shape.h"
#include "operators/sort.h"
#include "operators/transcendental.h"
#include "operators/view.h"
#include "ops/batching.h"

namespace wengert::ops {

// --- helpers of formulas ---

Dims _past_batch(const Dims& dims) {
  Dims result{0};
  const auto ndim = static_cast<int64_t>(dims.size());
  for (const int64_t dim : dims) result.push_back(wrap_dim(dim, ndim, "permute") + 1);
  return result;
}

// --- products ---

namespace {

// A sample's dimensions behind the batch, with ones in front of them up to `ndim`.
Tensor padded(const Lift& at, const Tensor& lifted, int64_t ndim) {
  Tensor result = at.moved(lifted);
  if (!at.is_batched(lifted)) return result;
  for (int64_t i = lifted.ndim(); i < ndim; ++i) result = unsqueeze(result, 1);
  return result;
}

// Adds up to the sizes of a sample.
Tensor summed_to(const Lift& at, const Tensor& batch, const Dims& size) {
  Dims aligned = size;
  while (static_cast<int64_t>(aligned.size()) + 1 < batch.ndim()) aligned.insert(0, 1);
  return reshape(sum_to_size(batch, at.grown(aligned)), at.grown(size));
}

Tensor product(const Lift& at, const Tensor& input, const Tensor& other, int64_t input_mode = 0,
               int64_t other_mode = 0) {
  const int64_t ndim = std::max(input.ndim(), other.ndim());
  return _matmul(padded(at, input, ndim), padded(at, other, ndim), input_mode, other_mode);
}

}  // namespace

Tensor _matmul_batch(const Lift& at, const Tensor& input, const Tensor& other, int64_t input_mode,
                     int64_t other_mode, const Dims& size) {
  if (!at.any_batched(input, other)) {
    return at.wrap(_matmul(at.inner(input), at.inner(other), input_mode, other_mode, size), false);
  }
  const Tensor result = product(at, input, other, input_mode, other_mode);
  return at.wrap(size.empty() ? result : summed_to(at, result, size), true);
}

Tensor mm_batch(const Lift& at, const Tensor& input, const Tensor& mat2) {
  check_mm(input, mat2);
  if (!at.any_batched(input, mat2)) return at.wrap(mm(at.inner(input), at.inner(mat2)), false);
  return at.wrap(product(at, input, mat2), true);
}

Tensor bmm_batch(const Lift& at, const Tensor& input, const Tensor& mat2) {
  check_bmm(input, mat2);
  if (!at.any_batched(input, mat2)) return at.wrap(bmm(at.inner(input), at.inner(mat2)), false);
  return at.wrap(product(at, input, mat2), true);
}

Tensor mv_batch(const Lift& at, const Tensor& input, const Tensor& vec) {
  check_mv(input, vec);
  if (!at.any_batched(input, vec)) return at.wrap(mv(at.inner(input), at.inner(vec)), false);
  if (!at.is_batched(input)) {  // one matrix and many vectors: a product of matrices
    return at.wrap(_matmul(at.moved(vec), at.inner(input), 0, 1), true);
  }
  if (!at.is_batched(vec)) return at.wrap(matmul(at.moved(input), at.inner(vec)), true);
  const Tensor columns = _matmul(at.moved(input), unsqueeze(at.moved(vec), 2));
  return at.wrap(squeeze(columns, Dims{2}), true);
}

Tensor dot_batch(const Lift& at, const Tensor& input, const Tensor& tensor) {
  check_dot(input, tensor);
  if (!at.any_batched(input, tensor)) return at.wrap(dot(at.inner(input), at.inner(tensor)), false);
  if (!at.is_batched(input)) return at.wrap(mv(at.moved(tensor), at.inner(input)), true);
  if (!at.is_batched(tensor)) return at.wrap(mv(at.moved(input), at.inner(tensor)), true);
  const Tensor cells = _matmul(unsqueeze(at.moved(input), 1), unsqueeze(at.moved(tensor), 2));
  return at.wrap(squeeze(cells, Dims{1, 2}), true);
}

namespace {

Tensor added(const Lift& at, const Tensor& input, const Tensor& factors, const Scalar& beta,
             const Scalar& alpha) {
  const Tensor scaled = alpha.equals(1) ? factors : mul(factors, alpha);
  if (beta.equals(0)) return scaled;
  const Tensor term = padded(at, input, factors.ndim() - 1);
  return add(scaled, beta.equals(1) ? term : mul(term, beta));
}

}  // namespace

Tensor addmm_batch(const Lift& at, const Tensor& input, const Tensor& mat1, const Tensor& mat2,
                   const Scalar& beta, const Scalar& alpha) {
  check_addmm(input, mat1, mat2);
  if (!at.any_batched(input, mat1, mat2)) {
    return at.wrap(addmm(at.inner(input), at.inner(mat1), at.inner(mat2), beta, alpha), false);
  }
  Tensor factors = product(at, mat1, mat2);
  if (!at.any_batched(mat1, mat2)) factors = unsqueeze(factors, 0);
  return at.wrap(added(at, input, factors, beta, alpha), true);
}

Tensor baddbmm_batch(const Lift& at, const Tensor& input, const Tensor& batch1,
                     const Tensor& batch2, const Scalar& beta, const Scalar& alpha) {
  check_baddbmm(input, batch1, batch2);
  if (!at.any_batched(input, batch1, batch2)) {
    return at.wrap(baddbmm(at.inner(input), at.inner(batch1), at.inner(batch2), beta, alpha),
                   false);
  }
  Tensor factors = product(at, batch1, batch2);
  if (!at.any_batched(batch1, batch2)) factors = unsqueeze(factors, 0);
  return at.wrap(added(at, input, factors, beta, alpha), true);
}

Tensor _linear_batch(const Lift& at, const Tensor& input, const Tensor& weight,
                     const Tensor& bias) {
  check_linear(input, weight, bias);
  if (!at.any_batched(weight, bias)) {
    return at.wrap(_linear(at.moved(input), at.inner(weight), at.inner(bias)),
                   at.is_batched(input));
  }
  Tensor result;
  if (!at.is_batched(weight)) {
    result = _linear(at.moved(input), at.inner(weight), Tensor());
  } else {
    // A row of inputs per sample, where they are vectors, is not broadcast over the batch.
    result = product(at, input, weight, 0, 1);
  }
  if (bias.defined()) {
    if (!at.any_batched(input, weight)) result = unsqueeze(result, 0);
    result = add(result, padded(at, bias, input.ndim()));
  }
  return at.wrap(result, true);
}

// --- convolutions: a batch of inputs is a longer one, a batch of weights are groups ---

namespace {

// [B, N, C, ...] to [B * N, C, ...] and back.
Tensor merged(const Tensor& x) {
  Dims sizes = x.sizes();
  sizes.erase(0);
  sizes[0] *= x.sizes()[0];
  return reshape(x, sizes);
}
Tensor parted(const Tensor& x, int64_t dim, int64_t count) {
  Dims sizes = x.sizes();
  const auto at = static_cast<size_t>(dim);
  sizes[at] = count == 0 ? 0 : sizes[at] / count;
  sizes.insert(at, count);
  return reshape(x, sizes);
}
// [B, N, C, ...] to [N, B * C, ...].
Tensor merged_channels(const Tensor& x) {
  Tensor moved = transpose(x, 0, 1);
  Dims sizes = moved.sizes();
  sizes[2] *= sizes[1];
  sizes.erase(1);
  return reshape(moved, sizes);
}
// The batch is dimension 1 of `x`.
Tensor wrap_second(const Lift& at, const Tensor& x) {
  return make_wrapper(Wrapper::Kind::kBatched, at.level().id, x, 1);
}
Tensor per_channel(const Lift& at, const Tensor& bias, int64_t ndim) {
  Tensor result = at.moved(bias);
  for (int64_t i = 2; i < ndim; ++i) result = unsqueeze(result, -1);
  return at.is_batched(bias) ? unsqueeze(result, 1) : result;
}

}  // namespace

Tensor _convolution_batch(const Lift& at, const Tensor& input, const Tensor& weight,
                          const Tensor& bias, const Dims& stride, const Dims& padding,
                          const Dims& dilation, int64_t groups) {
  const auto run = [&](const Tensor& x, const Tensor& w, const Tensor& b, int64_t parts) {
    return _convolution(x, w, b, stride, padding, dilation, parts);
  };
  const Tensor shared = at.is_batched(bias) ? Tensor() : at.inner(bias);
  Tensor result;
  if (!at.any_batched(input, weight)) {
    result = at.wrap(run(at.inner(input), at.inner(weight), shared, groups), false);
  } else if (!at.is_batched(weight)) {
    const Tensor all = run(merged(at.front(input)), at.inner(weight), shared, groups);
    result = at.wrap(parted(all, 0, at.size()), true);
  } else {
    const bool one_input = !at.is_batched(input) && groups == 1;
    const Tensor x = one_input ? at.inner(input) : merged_channels(at.front(input));
    const Tensor all =
        run(x, merged(at.front(weight)), Tensor(), one_input ? 1 : groups * at.size());
    result = wrap_second(at, parted(all, 1, at.size()));
    if (shared.defined()) {
      return at.wrap(add(at.moved(result), per_channel(at, bias, input.ndim())), true);
    }
  }
  if (!at.is_batched(bias)) return result;
  return at.wrap(add(at.moved(result), per_channel(at, bias, input.ndim())), true);
}

Tensor _convolution_input_batch(const Lift& at, const Tensor& input, const Tensor& weight,
                                const Tensor& bias, const Dims& size, const Dims& stride,
                                const Dims& padding, const Dims& dilation, int64_t groups) {
  const auto run = [&](const Tensor& x, const Tensor& w, const Tensor& b, const Dims& sizes,
                       int64_t parts) {
    return _convolution_input(x, w, b, sizes, stride, padding, dilation, parts);
  };
  const Tensor shared = at.is_batched(bias) ? Tensor() : at.inner(bias);
  Tensor result;
  Dims whole = size;
  if (!at.any_batched(input, weight)) {
    result = at.wrap(run(at.inner(input), at.inner(weight), shared, size, groups), false);
  } else if (!at.is_batched(weight)) {
    whole[0] *= at.size();
    const Tensor all = run(merged(at.front(input)), at.inner(weight), shared, whole, groups);
    result = at.wrap(parted(all, 0, at.size()), true);
  } else {
    whole[1] *= at.size();
    const Tensor all = run(merged_channels(at.front(input)), merged(at.front(weight)), Tensor(),
                           whole, groups * at.size());
    result = wrap_second(at, parted(all, 1, at.size()));
    if (shared.defined()) {
      return at.wrap(add(at.moved(result), per_channel(at, bias, input.ndim())), true);
    }
  }
  if (!at.is_batched(bias)) return result;
  return at.wrap(add(at.moved(result), per_channel(at, bias, input.ndim())), true);
}

std::tuple<Tensor, Tensor> _convolution_parameters_batch(const Lift& at, const Tensor& input,
                                                         const Tensor& grad_output,
                                                         const Dims& size, const Dims& stride,
                                                         const Dims& padding, const Dims& dilation,
                                                         int64_t groups, bool with_bias) {
  if (!at.any_batched(input, grad_output)) {
    return at.wrap(_convolution_parameters(at.inner(input), at.inner(grad_output), size, stride,
                                           padding, dilation, groups, with_bias),
                   false);
  }
  Dims whole = size;
  whole[0] *= at.size();
  const auto [weight, bias] = _convolution_parameters(
      merged_channels(at.front(input)), merged_channels(at.front(grad_output)), whole, stride,
      padding, dilation, groups * at.size(), with_bias);
  return at.wrap(std::make_tuple(parted(weight, 0, at.size()), parted(bias, 0, at.size())), true);
}

// --- sizes ---

Tensor sum_to_size_batch(const Lift& at, const Tensor& input, const Dims& size) {
  if (!at.is_batched(input)) return at.wrap(sum_to_size(at.inner(input), size), false);
  WENGERT_CHECK(broadcastable_to(size, input.sizes()), kRuntime, "sum_to_size(): size ",
                to_string(size), " is not expandable to size ", to_string(input.sizes()));
  return at.wrap(summed_to(at, at.front(input), size), true);
}

Tensor expand_batch(const Lift& at, const Tensor& input, const Dims& size, bool implicit) {
  if (!at.is_batched(input)) return at.wrap(expand(at.inner(input), size, implicit), false);
  return at.wrap(
      expand(padded(at, input, static_cast<int64_t>(size.size())), at.grown(size), implicit), true);
}

Tensor roll_batch(const Lift& at, const Tensor& input, const Dims& shifts,
                  const std::optional<Dims>& dims) {
  if (!at.is_batched(input)) return at.wrap(roll(at.inner(input), shifts, dims), false);
  const Tensor x = at.front(input);
  if (dims.has_value()) return at.wrap(roll(x, shifts, at.shift(*dims, input.ndim())), true);
  const Tensor flat = reshape(x, Dims{at.size(), input.numel()});
  return at.wrap(reshape(roll(flat, shifts, Dims{1}), x.sizes()), true);
}

Tensor cat_batch(const Lift& at, const std::vector<Tensor>& tensors, int64_t dim) {
  if (!at.is_batched(tensors)) return at.wrap(cat(at.inner(tensors), dim), false);
  int64_t ndim = 0;
  for (const Tensor& tensor : tensors) ndim = std::max(ndim, tensor.ndim());
  std::vector<Tensor> parts;
  for (const Tensor& tensor : tensors) {
    // Empty vectors are left out, as in cat.
    if (ndim > 1 && tensor.ndim() == 1 && tensor.numel() == 0) continue;
    parts.push_back(at.front(tensor));
  }
  return at.wrap(cat(parts, at.shift(dim, ndim)), true);
}

// --- views of any geometry: that of the memory within, where the batch is one more dimension ---

Tensor _as_strided_batch(const Lift& at, const Tensor& input, const Dims& base_size,
                         const Dims& base_stride, int64_t base_offset, const Dims& size,
                         const Dims& stride, int64_t offset) {
  const Tensor x = at.inner(input);
  if (!at.is_batched(input)) {
    return at.wrap(_as_strided(x, base_size, base_stride, base_offset, size, stride, offset),
                   false);
  }
  Dims strides = stride;
  strides.insert(0, x.strides()[static_cast<size_t>(input->wrapper->dim)]);
  return at.wrap(
      _as_strided(x, x.sizes(), x.strides(), x.offset(), at.grown(size), strides, offset), true);
}

namespace {

// The geometry of a base, once per sample, one after another.
struct Apart {
  Apart(const Lift& lift, const Dims& base_size, const Dims& base_stride, int64_t base_offset,
        const Dims& size, const Dims& stride, int64_t offset)
      : sizes{lift.grown(base_size), lift.grown(size)}, strides{base_stride, stride} {
    const int64_t span =
        std::max(last(base_size, base_stride, base_offset), last(size, stride, offset)) + 1;
    for (Dims& each : strides) each.insert(0, span);
  }
  static int64_t last(const Dims& size, const Dims& stride, int64_t at) {
    for (size_t i = 0; i < size.size(); ++i) at += std::max<int64_t>(size[i] - 1, 0) * stride[i];
    return at;
  }
  Dims sizes[2], strides[2];
};

}  // namespace

Tensor _as_strided_scatter_batch(const Lift& at, const Tensor& input, const Dims& base_size,
                                 const Dims& base_stride, int64_t base_offset, const Dims& size,
                                 const Dims& stride, int64_t offset) {
  const Apart apart(at, base_size, base_stride, base_offset, size, stride, offset);
  return at.wrap(_as_strided_scatter(at.front(input), apart.sizes[0], apart.strides[0], base_offset,
                                     apart.sizes[1], apart.strides[1], offset),
                 true);
}

Tensor _as_strided_gather_batch(const Lift& at, const Tensor& input, const Dims& base_size,
                                const Dims& base_stride, int64_t base_offset, const Dims& size,
                                const Dims& stride, int64_t offset) {
  const Apart apart(at, base_size, base_stride, base_offset, size, stride, offset);
  return at.wrap(_as_strided_gather(at.front(input), apart.sizes[0], apart.strides[0], base_offset,
                                    apart.sizes[1], apart.strides[1], offset),
                 true);
}

Tensor _as_strided_replace_batch(const Lift& at, const Tensor& input, const Tensor& part,
                                 const Dims& base_size, const Dims& base_stride,
                                 int64_t base_offset, const Dims& size, const Dims& stride,
                                 int64_t offset) {
  const Apart apart(at, base_size, base_stride, base_offset, size, stride, offset);
  return at.wrap(
      _as_strided_replace(at.front(input), at.front(part), apart.sizes[0], apart.strides[0],
                          base_offset, apart.sizes[1], apart.strides[1], offset),
      true);
}

// --- norms ---

std::tuple<Tensor, Tensor, Tensor> _row_norm_batch(const Lift& at, const Tensor& input,
                                                   const Tensor& weight, const Tensor& bias,
                                                   int64_t dims, bool centered, double eps) {
  if (!at.any_batched(input, weight, bias)) {
    return at.wrap(
        _row_norm(at.inner(input), at.inner(weight), at.inner(bias), dims, centered, eps), false);
  }
  const bool shared = !at.any_batched(weight, bias);
  auto [y, mean, rstd] = _row_norm(at.front(input), shared ? at.inner(weight) : Tensor(),
                                   shared ? at.inner(bias) : Tensor(), dims, centered, eps);
  if (!shared) {
    if (weight.defined()) y = mul(y, padded(at, weight, input.ndim()));
    if (bias.defined()) y = add(y, padded(at, bias, input.ndim()));
  }
  const int64_t rows = at.size() == 0 ? 0 : rstd.numel() / at.size();
  return at.wrap(std::make_tuple(y, reshape(mean, Dims{at.size(), centered ? rows : 0}),
                                 reshape(rstd, Dims{at.size(), rows})),
                 true);
}

std::tuple<Tensor, Tensor, Tensor> _group_norm_batch(const Lift& at, const Tensor& input,
                                                     const Tensor& weight, const Tensor& bias,
                                                     double eps) {
  if (!at.any_batched(input, weight, bias)) {
    return at.wrap(_group_norm(at.inner(input), at.inner(weight), at.inner(bias), eps), false);
  }
  const bool shared = !at.any_batched(weight, bias);
  auto [y, mean, rstd] = _group_norm(merged(at.front(input)), shared ? at.inner(weight) : Tensor(),
                                     shared ? at.inner(bias) : Tensor(), eps);
  y = parted(y, 0, at.size());
  if (!shared) {  // (B, G, C) against (B, N, G, C, S)
    const auto aligned = [&](const Tensor& x) { return unsqueeze(unsqueeze(at.front(x), 1), 4); };
    if (weight.defined()) y = mul(y, aligned(weight));
    if (bias.defined()) y = add(y, aligned(bias));
  }
  return at.wrap(std::make_tuple(y, parted(mean, 0, at.size()), parted(rstd, 0, at.size())), true);
}

std::tuple<Tensor, Tensor, Tensor> _batch_norm_batch(const Lift& at, const Tensor& input,
                                                     const Tensor& weight, const Tensor& bias,
                                                     const Tensor& running_mean,
                                                     const Tensor& running_var, bool training,
                                                     double momentum, double eps) {
  if (!at.any_batched(input, weight, bias, running_mean, running_var)) {
    return at.wrap(
        _batch_norm(at.inner(input), at.inner(weight), at.inner(bias), at.inner(running_mean),
                    at.inner(running_var), training, momentum, eps),
        false);
  }
  for (const auto& [name, running] :
       {std::pair{"running_mean", running_mean}, std::pair{"running_var", running_var}}) {
    WENGERT_CHECK(
        !training || !running.defined() || at.is_batched(running) || !at.is_batched(input),
        kRuntime, "Batch norm got a batched tensor as input while the ", name,
        ", which will be updated in place, was not batched.\nIf you are using modules "
        "and do not need eval mode, please set `track_running_stats=False`");
  }
  // A batch of samples with more channels.
  const auto channels = [&](const Tensor& lifted) {
    return lifted.defined() ? reshape(at.front(lifted), Dims{-1}) : Tensor();
  };
  const Tensor mean = channels(running_mean), var = channels(running_var);
  const auto [y, used_mean, used_rstd] =
      _batch_norm(merged_channels(at.front(input)), channels(weight), channels(bias), mean, var,
                  training, momentum, eps);
  if (training) {
    const auto store = [&](const Tensor& running, const Tensor& values) {
      if (!running.defined() || !at.is_batched(running)) return;
      const Tensor place = at.moved(running);
      if (values.storage() != place.storage()) copy_(place, reshape(values, place.sizes()));
    };
    store(running_mean, mean);
    store(running_var, var);
  }
  return {wrap_second(at, parted(y, 1, at.size())), at.wrap(parted(used_mean, 0, at.size()), true),
          at.wrap(parted(used_rstd, 0, at.size()), true)};
}

// --- recurrent layers ---

namespace {

// A layer for each sample: step by step, the products of all samples at once.
std::tuple<Tensor, Tensor, Tensor> lstm_of_layers(const Lift& at, const Tensor& gates,
                                                  const Tensor& hidden, const Tensor& memory,
                                                  const Tensor& weight) {
  check_lstm(gates, hidden, memory, weight);
  const int64_t steps = gates.sizes()[0], size = hidden.sizes()[1];
  if (steps == 0) {
    const Tensor none = _zeros(at.grown(Dims{0, hidden.sizes()[0], size}), gates.dtype());
    return at.wrap(std::make_tuple(none, none, at.front(gates)), true);
  }
  const Tensor given = at.front(gates), turned = transpose(at.front(weight), 1, 2);
  Tensor h = at.front(hidden), c = at.front(memory);
  std::vector<Tensor> hiddens, memories, values;
  for (int64_t t = 0; t < steps; ++t) {
    const Tensor sums = baddbmm(select(given, 1, t), h, turned);
    const Tensor passing = sigmoid(narrow(sums, 2, 0, 2 * size));
    const Tensor fresh = tanh(narrow(sums, 2, 2 * size, size));
    const Tensor out = sigmoid(narrow(sums, 2, 3 * size, size));
    c = add(mul(narrow(passing, 2, size, size), c), mul(narrow(passing, 2, 0, size), fresh));
    h = mul(out, tanh(c));
    values.push_back(cat({passing, fresh, out}, 2));
    memories.push_back(c);
    hiddens.push_back(h);
  }
  return at.wrap(std::make_tuple(stack(hiddens, 1), stack(memories, 1), stack(values, 1)), true);
}

std::tuple<Tensor, Tensor> gru_of_layers(const Lift& at, const Tensor& shares, const Tensor& hidden,
                                         const Tensor& weight, const Tensor& shift) {
  check_gru(shares, hidden, weight, shift);
  const int64_t steps = shares.sizes()[0], size = hidden.sizes()[1];
  if (steps == 0) {
    const Dims none{0, hidden.sizes()[0], size}, nothing{0, hidden.sizes()[0], 4 * size};
    return at.wrap(std::make_tuple(_zeros(at.grown(none), shares.dtype()),
                                   _zeros(at.grown(nothing), shares.dtype())),
                   true);
  }
  const Tensor given = at.front(shares), turned = transpose(at.front(weight), 1, 2);
  const Tensor shifts = shift.defined() ? unsqueeze(at.front(shift), 1) : Tensor();
  Tensor h = at.front(hidden);
  std::vector<Tensor> hiddens, values;
  for (int64_t t = 0; t < steps; ++t) {
    const Tensor product = bmm(h, turned), x = select(given, 1, t);
    const Tensor past = shifts.defined() ? add(product, shifts) : product;
    const Tensor passing = sigmoid(add(narrow(x, 2, 0, 2 * size), narrow(past, 2, 0, 2 * size)));
    const Tensor reset = narrow(passing, 2, 0, size), share = narrow(past, 2, 2 * size, size);
    const Tensor fresh = tanh(add(narrow(x, 2, 2 * size, size), mul(reset, share)));
    h = add(fresh, mul(narrow(passing, 2, size, size), sub(h, fresh)));
    values.push_back(cat({passing, fresh, share}, 2));
    hiddens.push_back(h);
  }
  return at.wrap(std::make_tuple(stack(hiddens, 1), stack(values, 1)), true);
}

// Samples are more rows: [B, T, N, ...] to [T, B * N, ...].
Tensor as_steps(const Lift& at, const Tensor& lifted) {
  const Tensor x = transpose(at.front(lifted), 0, 1);
  return reshape(x, Dims{x.sizes()[0], x.sizes()[1] * x.sizes()[2], x.sizes()[3]});
}

}  // namespace

std::tuple<Tensor, Tensor> _gru_batch(const Lift& at, const Tensor& shares, const Tensor& hidden,
                                      const Tensor& weight, const Tensor& shift) {
  if (!at.any_batched(shares, hidden, weight, shift)) {
    return at.wrap(_gru(at.inner(shares), at.inner(hidden), at.inner(weight), at.inner(shift)),
                   false);
  }
  if (at.any_batched(weight, shift)) return gru_of_layers(at, shares, hidden, weight, shift);
  const auto [hiddens, values] =
      _gru(as_steps(at, shares), merged(at.front(hidden)), at.inner(weight), at.inner(shift));
  return {wrap_second(at, parted(hiddens, 1, at.size())),
          wrap_second(at, parted(values, 1, at.size()))};
}

std::tuple<Tensor, Tensor, Tensor> _lstm_batch(const Lift& at, const Tensor& gates,
                                               const Tensor& hidden, const Tensor& memory,
                                               const Tensor& weight) {
  if (!at.any_batched(gates, hidden, memory, weight)) {
    return at.wrap(_lstm(at.inner(gates), at.inner(hidden), at.inner(memory), at.inner(weight)),
                   false);
  }
  if (at.is_batched(weight)) return lstm_of_layers(at, gates, hidden, memory, weight);
  const auto [hiddens, memories, values] = _lstm(as_steps(at, gates), merged(at.front(hidden)),
                                                 merged(at.front(memory)), at.inner(weight));
  return {wrap_second(at, parted(hiddens, 1, at.size())),
          wrap_second(at, parted(memories, 1, at.size())),
          wrap_second(at, parted(values, 1, at.size()))};
}

}  // namespace wengert::ops
