// Elements and slices picked, written and added by index tensors and masks.
#include "kernels/cpu/gather.h"

#include "kernels/cpu/index.h"
#include "operators/basic.h"
#include "operators/comparison.h"
#include "operators/elementwise.h"
#include "operators/gather.h"
#include "operators/reduction.h"
#include "operators/shape.h"
#include "operators/view.h"

namespace wengert::ops {

namespace {

// --- along one dimension, by a vector ---

// Sizes as [outer, n, inner] around one dimension; a 0-d tensor is a vector of one.
struct Slabs {
  int64_t outer = 1, n = 1, inner = 1;
  Slabs(const Dims& sizes, int64_t dim) {
    for (size_t i = 0; i < sizes.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      (at < dim ? outer : at == dim ? n : inner) *= sizes[i];
    }
  }
};

Tensor index_values(const char* op, const Tensor& index) {
  WENGERT_CHECK(index.dtype() == DType::int64 || index.dtype() == DType::int32, kRuntime, op,
                "(): Expected dtype int32 or int64 for index", describe_argument("index", index));
  return converted_values(index, DType::int64);
}

Tensor vector_of(const char* op, const Tensor& index) {
  WENGERT_CHECK(index.ndim() <= 1, kIndex, op, "(): Index is supposed to be a vector",
                describe_argument("index", index));
  return index_values(op, index);
}

Dims with_size(const Dims& sizes, int64_t dim, int64_t count) {
  Dims result = sizes;
  if (!result.empty()) result[static_cast<size_t>(dim)] = count;
  return result;
}

// A row-major copy that may be written to.
Tensor owned_values(const Tensor& tensor) {
  Tensor copy = wengert::empty(tensor.sizes(), tensor.dtype());
  copy_values(copy, tensor);
  return copy;
}

// In the layout of `like`, if that is dense.
Tensor laid_out_like(const Tensor& result, const Tensor& like) {
  if (like.is_contiguous()) return result;
  Tensor copy = wengert::empty_like(like);
  if (copy.is_contiguous()) return result;
  copy_values(copy, result);
  return copy;
}

void check_same_dtype(const char* op, const char* role, const Tensor& input, const Tensor& source) {
  WENGERT_CHECK(input.dtype() == source.dtype(), kRuntime, op,
                "(): self and source expected to have the same dtype, but got (self) ",
                dtype_name(input.dtype()), " and (", role, ") ", dtype_name(source.dtype()),
                describe_argument("input", input), describe_argument(role, source));
}

// Source slices must fit the input everywhere but along dim.
void check_slices(const char* op, const Tensor& input, const Tensor& source, int64_t dim,
                  int64_t count) {
  check_same_dtype(op, "source", input, source);
  const Dims expected = with_size(input.sizes(), dim, count);
  const bool scalar_source = source.ndim() == 0 && count == 1 && product(expected) == 1;
  WENGERT_CHECK(scalar_source || source.ndim() == input.ndim() || input.ndim() == 0, kIndex, op,
                "(): When source and destination are not scalars, their dimensionality must match. "
                "Source dimensionality (",
                source.ndim(), "), destination dimensionality (", input.ndim(), ")",
                describe_argument("input", input), describe_argument("source", source));
  const int64_t given = source.ndim() == 0 ? 1 : source.sizes()[input.ndim() == 0 ? 0 : dim];
  WENGERT_CHECK(given == count, kIndex, op, "(): Number of indices (", count,
                ") should be equal to source.size(dim): (", given, "), for dim: ", dim,
                describe_argument("source", source));
  WENGERT_CHECK(scalar_source || input.ndim() == 0 || source.sizes() == expected, kRuntime, op,
                "(): source tensor shape must match self tensor shape, excluding the specified "
                "dimension. Got self.shape = ",
                to_string(input.sizes()), " source.shape = ", to_string(source.sizes()));
}

// --- along one dimension, by a tensor of the same number of dimensions ---

// The walk over an index; 0-d tensors count as vectors of one.
struct Walk {
  Tensor index;
  Dims sizes, index_strides, self_strides, other_strides;
  cpu::GatherPlan plan;

  Walk(const char* op, const Tensor& self, int64_t dim, const Tensor& given, const Tensor& other) {
    index = index_values(op, given);
    sizes = or_one(index.sizes(), 1);
    index_strides = or_one(index.strides(), 0);
    self_strides = or_one(self.strides(), 0);
    other_strides = or_one(other.strides(), 0);
    if (other_strides.size() != sizes.size()) other_strides = Dims(sizes.size(), 0);  // one number
    plan.name = op;
    plan.ndim = static_cast<int>(sizes.size());
    plan.dim = static_cast<int>(dim);
    plan.dim_size = self.ndim() == 0 ? 1 : self.sizes()[dim];
    plan.sizes = sizes.data();
    plan.index = index.data_as<int64_t>();
    plan.index_strides = index_strides.data();
    plan.self_strides = self_strides.data();
    plan.other_strides = other_strides.data();
  }
  Walk(const Walk&) = delete;

  static Dims or_one(const Dims& dims, int64_t value) { return dims.empty() ? Dims{value} : dims; }
};

// No index dimension may exceed self's (apart from dim) nor the source's.
void check_index_shape(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
                       const Tensor* source) {
  if (index.numel() == 0) return;
  const auto rank = [](const Tensor& t) { return std::max<int64_t>(t.ndim(), 1); };
  WENGERT_CHECK(rank(self) == rank(index), kRuntime, op,
                "(): Index tensor must have the same number of dimensions as ",
                source != nullptr ? "self" : "input", " tensor", describe_argument("input", self),
                describe_argument("index", index));
  WENGERT_CHECK(source == nullptr || rank(*source) == rank(index), kRuntime, op,
                "(): Index tensor must have the same number of dimensions as src tensor",
                describe_argument("index", index),
                source == nullptr ? "" : describe_argument("src", *source));
  const auto length = [](const Tensor& t, int64_t d) { return t.ndim() == 0 ? 1 : t.sizes()[d]; };
  for (int64_t d = 0; d < rank(index); ++d) {
    const int64_t size = length(index, d);
    if (source == nullptr) {
      WENGERT_CHECK(d == dim || size <= length(self, d), kRuntime, op,
                    "(): Size does not match at dimension ", d, " expected index ",
                    to_string(index.sizes()), " to be no larger than self ",
                    to_string(self.sizes()), " apart from dimension ", dim);
      continue;
    }
    WENGERT_CHECK((d == dim || size <= length(self, d)) && size <= length(*source, d), kRuntime, op,
                  "(): Expected index ", to_string(index.sizes()), " to be no larger than self ",
                  to_string(self.sizes()), " apart from dimension ", dim,
                  " and to be no larger size than src ", to_string(source->sizes()));
  }
}

void check_scatter(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
                   const Tensor& src) {
  WENGERT_CHECK(self.dtype() == src.dtype(), kRuntime, op,
                "(): Expected self.dtype to be equal to src.dtype",
                describe_argument("input", self), describe_argument("src", src));
  check_index_shape(op, self, dim, index, &src);
}

Tensor number(const Scalar& value, DType dtype) {
  Tensor result = wengert::empty({}, dtype);
  fill_values(result, value);
  return result;
}

cpu::ScatterReduce reduction_named(const std::string& name) {
  if (name == "sum") return cpu::ScatterReduce::kSum;
  if (name == "prod") return cpu::ScatterReduce::kProd;
  if (name == "mean") return cpu::ScatterReduce::kMean;
  if (name == "amax") return cpu::ScatterReduce::kMax;
  WENGERT_CHECK(name == "amin", kRuntime,
                "scatter_reduce(): reduce argument must be either sum, prod, mean, amax or amin, "
                "got ",
                name);
  return cpu::ScatterReduce::kMin;
}

// --- masks ---

Tensor mask_like(const char* op, const Tensor& mask, const Dims& sizes) {
  WENGERT_CHECK(mask.dtype() == DType::bool_, kRuntime, op, "(): expected BoolTensor for mask",
                describe_argument("mask", mask));
  return contiguous_values(
      alias(mask, sizes, expand_strides(mask.sizes(), mask.strides(), sizes), mask.offset()));
}

Tensor expanded(const Tensor& tensor, const Dims& sizes) {
  return alias(tensor, sizes, expand_strides(tensor.sizes(), tensor.strides(), sizes),
               tensor.offset());
}

Tensor embedding_index(const char* op, const Tensor& index) {
  WENGERT_CHECK(index.dtype() == DType::int64 || index.dtype() == DType::int32, kRuntime, op,
                "(): Expected tensor for argument #1 'indices' to have one of the following scalar "
                "types: Long, Int; but got ",
                dtype_name(index.dtype()), " instead", describe_argument("input", index));
  return contiguous_values(index);
}

}  // namespace

namespace impl {

Tensor index_select(const Tensor& input, int64_t dim, const Tensor& index) {
  const int64_t d = wrap_dim(dim, input.ndim(), "index_select");
  const Tensor positions = vector_of("index_select", index);
  WENGERT_CHECK(input.ndim() > 0 || positions.numel() == 1, kRuntime,
                "index_select(): Index to scalar can have only 1 value, got ", positions.numel(),
                " value(s)");
  const Tensor dense = contiguous_values(input);
  Tensor result = wengert::empty(with_size(input.sizes(), d, positions.numel()), input.dtype());
  const Slabs slabs(input.sizes(), d);
  cpu::index_select(input.item_size(), dense.data(), positions.data_as<int64_t>(), result.data(),
                    slabs.outer, slabs.n, positions.numel(), slabs.inner, static_cast<int>(d));
  return result;
}

Tensor _index_select_backward(const Tensor& input, const Dims& size, int64_t dim,
                              const Tensor& index) {
  const auto ndim = static_cast<int64_t>(size.size());
  const int64_t d = wrap_dim(dim, ndim, "index_select");
  const Tensor positions = vector_of("index_select", index);
  const Tensor source = contiguous_values(input);
  Tensor result = impl::_zeros(size, input.dtype());
  const Slabs slabs(size, d);
  cpu::index_add(input.dtype(), result.data(), positions.data_as<int64_t>(), source.data(),
                 slabs.outer, slabs.n, positions.numel(), slabs.inner, static_cast<int>(d));
  return result;
}

Tensor index_add(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& source,
                 const Scalar& alpha) {
  const int64_t d = wrap_dim(dim, input.ndim(), "index_add");
  const Tensor positions = vector_of("index_add", index);
  check_slices("index_add", input, source, d, positions.numel());
  Tensor terms = contiguous_values(source);
  if (!alpha.equals(1)) {
    const GradModeScope mode(false);
    terms = converted_values(ops::mul(terms, alpha), input.dtype());
  }
  Tensor result = owned_values(input);
  const Slabs slabs(input.sizes(), d);
  cpu::index_add(input.dtype(), result.data(), positions.data_as<int64_t>(), terms.data(),
                 slabs.outer, slabs.n, positions.numel(), slabs.inner, static_cast<int>(d));
  return result;
}

Tensor index_copy(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& source) {
  const int64_t d = wrap_dim(dim, input.ndim(), "index_copy");
  const Tensor positions = vector_of("index_copy", index);
  check_slices("index_copy", input, source, d, positions.numel());
  const Tensor slices = contiguous_values(source);
  Tensor result = owned_values(input);
  const Slabs slabs(input.sizes(), d);
  cpu::index_copy(input.item_size(), result.data(), positions.data_as<int64_t>(), slices.data(),
                  slabs.outer, slabs.n, positions.numel(), slabs.inner, static_cast<int>(d));
  return result;
}

Tensor index_fill(const Tensor& input, int64_t dim, const Tensor& index, const Operand& value) {
  const int64_t d = wrap_dim(dim, input.ndim(), "index_fill");
  const Tensor positions = vector_of("index_fill", index);
  WENGERT_CHECK(!value.is_tensor() || value.tensor().ndim() == 0, kRuntime,
                "index_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
                value.is_tensor() ? value.tensor().ndim() : 0, " dimension(s).");
  const Tensor filler = value.is_tensor() ? converted_values(value.tensor(), input.dtype())
                                          : number(value.scalar(), input.dtype());
  Tensor result = owned_values(input);
  const Slabs slabs(input.sizes(), d);
  cpu::index_fill(input.item_size(), result.data(), positions.data_as<int64_t>(), filler.data(),
                  slabs.outer, slabs.n, positions.numel(), slabs.inner, static_cast<int>(d));
  return laid_out_like(result, input);
}

Tensor _index_kept(const Tensor& input, int64_t dim, const Tensor& index) {
  const int64_t d = wrap_dim(dim, input.ndim(), "index_fill");
  const Tensor positions = vector_of("index_fill", index);
  Dims sizes(input.sizes().size(), 1);
  const int64_t count = input.ndim() == 0 ? 1 : input.sizes()[d];
  if (input.ndim() > 0) sizes[d] = count;
  const Tensor listed = impl::_zeros(sizes, DType::bool_);
  const bool yes = true;
  cpu::index_fill(1, listed.data(), positions.data_as<int64_t>(), &yes, 1, count, positions.numel(),
                  1, static_cast<int>(d));
  const GradModeScope mode(false);
  return ops::where(listed, input, 0);
}

Tensor gather(const Tensor& input, int64_t dim, const Tensor& index, bool) {
  const int64_t d = wrap_dim(dim, input.ndim(), "gather");
  check_index_shape("gather", input, d, index, nullptr);
  Tensor result = wengert::empty(index.sizes(), input.dtype());
  if (result.numel() == 0) return result;
  const Walk walk("gather", input, d, index, result);
  cpu::gather(walk.plan, input.item_size(), input.data(), result.data());
  return result;
}

Tensor _gather_backward(const Tensor& input, const Dims& size, int64_t dim, const Tensor& index) {
  Tensor result = impl::_zeros(size, input.dtype());
  if (index.numel() == 0) return result;
  const Walk walk("gather", result, wrap_dim(dim, result.ndim(), "gather"), index, input);
  cpu::scatter_add(walk.plan, input.dtype(), result.data(), input.data());
  return result;
}

Tensor scatter(const Tensor& input, int64_t dim, const Tensor& index, const Operand& src) {
  const int64_t d = wrap_dim(dim, input.ndim(), "scatter");
  if (src.is_tensor()) {
    check_scatter("scatter", input, d, index, src.tensor());
  } else {
    check_index_shape("scatter", input, d, index, nullptr);
  }
  Tensor result = owned_values(input);
  if (index.numel() == 0) return result;
  const Tensor source = src.is_tensor() ? src.tensor() : number(src.scalar(), input.dtype());
  const Walk walk("scatter", result, d, index, source);
  cpu::scatter(walk.plan, input.item_size(), result.data(), source.data());
  return result;
}

Tensor scatter_add(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& src) {
  const int64_t d = wrap_dim(dim, input.ndim(), "scatter_add");
  check_scatter("scatter_add", input, d, index, src);
  Tensor result = owned_values(input);
  if (index.numel() == 0) return result;
  const Walk walk("scatter_add", result, d, index, src);
  cpu::scatter_add(walk.plan, input.dtype(), result.data(), src.data());
  return result;
}

Tensor scatter_reduce(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& src,
                      const std::string& reduce, bool include_self) {
  const int64_t d = wrap_dim(dim, input.ndim(), "scatter_reduce");
  const cpu::ScatterReduce how = reduction_named(reduce);
  check_scatter("scatter_reduce", input, d, index, src);
  Tensor result = owned_values(input);
  if (index.numel() == 0) return result;
  const Walk walk("scatter_reduce", result, d, index, src);
  cpu::scatter_reduce(walk.plan, input.dtype(), how, include_self, result.data(), src.data());
  return result;
}

Tensor _grown(const Tensor& input, const Dims& size) {
  if (input.sizes() == size || size.empty()) return input;
  Tensor result = impl::_zeros(size, input.dtype());
  copy_values(alias(result, input.sizes(), result.strides(), 0), input);
  return result;
}

Tensor _shrunk(const Tensor& input, const Dims& size) {
  if (input.sizes() == size || size.empty()) return input;
  return contiguous_values(alias(input, size, input.strides(), input.offset()));
}

Tensor take(const Tensor& input, const Tensor& index) {
  WENGERT_CHECK(index.dtype() == DType::int64, kRuntime,
                "take(): Expected a long tensor for index, but got ", dtype_name(index.dtype()),
                describe_argument("index", index));
  const Tensor positions = contiguous_values(index);
  const Tensor dense = contiguous_values(input);
  Tensor result = wengert::empty(index.sizes(), input.dtype());
  cpu::take(input.item_size(), dense.data(), input.numel(), positions.data_as<int64_t>(),
            positions.numel(), result.data());
  return result;
}

Tensor _take_backward(const Tensor& input, const Dims& size, const Tensor& index) {
  const Tensor positions = contiguous_values(index);
  const Tensor source = contiguous_values(input);
  Tensor result = impl::_zeros(size, input.dtype());
  cpu::put_accumulate(input.dtype(), result.data(), result.numel(), positions.data_as<int64_t>(),
                      positions.numel(), source.data());
  return result;
}

Tensor put(const Tensor& input, const Tensor& index, const Tensor& source, bool accumulate) {
  WENGERT_CHECK(index.dtype() == DType::int64, kRuntime,
                "put_(): Expected a long tensor for index, but got ", dtype_name(index.dtype()),
                describe_argument("index", index));
  WENGERT_CHECK(index.numel() == source.numel(), kIndex,
                "put_(): Expected source and index to have the same number of elements, but got "
                "source.numel() = ",
                source.numel(), ", index.numel() = ", index.numel());
  check_same_dtype("put_", "source", input, source);
  const Tensor positions = contiguous_values(index);
  const Tensor values = contiguous_values(source);
  Tensor result = owned_values(input);
  if (accumulate) {
    cpu::put_accumulate(input.dtype(), result.data(), result.numel(), positions.data_as<int64_t>(),
                        positions.numel(), values.data());
  } else {
    cpu::put(input.item_size(), result.data(), result.numel(), positions.data_as<int64_t>(),
             positions.numel(), values.data());
  }
  return laid_out_like(result, input);
}

Tensor masked_select(const Tensor& input, const Tensor& mask) {
  const Dims sizes = broadcast_sizes(input.sizes(), mask.sizes(), "masked_select");
  const Tensor flags = mask_like("masked_select", mask, sizes);
  const Tensor dense = contiguous_values(expanded(input, sizes));
  const int64_t count = cpu::count_nonzero(DType::bool_, flags.data(), flags.numel());
  Tensor result = wengert::empty({count}, input.dtype());
  cpu::masked_select(input.item_size(), dense.data(), flags.data_as<bool>(), flags.numel(),
                     result.data());
  return result;
}

Tensor masked_scatter(const Tensor& input, const Tensor& mask, const Tensor& source) {
  WENGERT_CHECK(input.dtype() == source.dtype(), kRuntime,
                "masked_scatter: expected self and source to have same dtypes but got ",
                dtype_name(input.dtype()), " and ", dtype_name(source.dtype()));
  const Dims sizes = broadcast_sizes(input.sizes(), mask.sizes(), "masked_scatter");
  const Tensor flags = mask_like("masked_scatter", mask, sizes);
  const Tensor values = contiguous_values(source);
  Tensor result = owned_values(expanded(input, sizes));
  cpu::masked_scatter(input.item_size(), result.data(), flags.data_as<bool>(), flags.numel(),
                      values.data(), values.numel());
  return result;
}

Tensor _masked_scatter_backward(const Tensor& input, const Tensor& mask, const Dims& size) {
  const Tensor chosen = impl::masked_select(input, mask);
  Tensor result = impl::_zeros(size, input.dtype());
  copy_values(alias(result, {chosen.numel()}, {1}, 0), chosen);
  return result;
}

Tensor embedding(const Tensor& input, const Tensor& weight, const std::optional<int64_t>&, bool) {
  WENGERT_CHECK(weight.ndim() == 2, kRuntime, "embedding(): 'weight' must be 2-D",
                describe_argument("weight", weight));
  const Tensor index = embedding_index("embedding", input);
  const Tensor table = contiguous_values(weight);
  Dims sizes = input.sizes();
  sizes.push_back(weight.sizes()[1]);
  Tensor result = wengert::empty(sizes, weight.dtype());
  cpu::embedding(weight.item_size(), table.data(), index.dtype(), index.data(), result.data(),
                 weight.sizes()[0], index.numel(), weight.sizes()[1]);
  return result;
}

namespace {

// -1 stands for none; negative numbers count from the end.
int64_t padding_row(const std::optional<int64_t>& padding_idx, int64_t rows) {
  if (!padding_idx.has_value()) return -1;
  return *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
}

}  // namespace

Tensor _embedding_backward(const Tensor& input, const Dims& size, const Tensor& index,
                           const std::optional<int64_t>& padding_idx, bool scale_grad_by_freq) {
  const Tensor rows = contiguous_values(input);
  const Tensor positions = embedding_index("embedding", index);
  Tensor result = wengert::empty(size, input.dtype());
  cpu::embedding_backward(input.dtype(), rows.data(), positions.dtype(), positions.data(),
                          result.data(), size[0], positions.numel(), size[1],
                          padding_row(padding_idx, size[0]), scale_grad_by_freq);
  return result;
}

Tensor _embedding_rows(const Tensor& input, const Tensor& index,
                       const std::optional<int64_t>& padding_idx, bool scale_grad_by_freq) {
  const GradModeScope mode(false);
  Tensor result = impl::embedding(index, input, padding_idx, false);
  const Tensor positions = converted_values(index, DType::int64);
  const int64_t padding = padding_row(padding_idx, input.sizes()[0]);
  if (padding >= 0) {
    result = ops::masked_fill(result, ops::unsqueeze(ops::eq(positions, padding), -1), 0);
  }
  if (scale_grad_by_freq) {
    const Tensor flat = ops::reshape(positions, {-1});
    Tensor ones = wengert::empty({flat.numel()}, input.dtype());
    fill_values(ones, Scalar(1));
    const Tensor counts = impl::_gather_backward(ones, {input.sizes()[0]}, 0, flat);
    result = ops::true_divide(result, ops::unsqueeze(impl::take(counts, positions), -1));
  }
  return result;
}

Tensor _one_hot(const Tensor& input, int64_t num_classes) {
  const Tensor classes = contiguous_values(input);
  WENGERT_CHECK(input.dtype() == DType::int64, kRuntime,
                "one_hot is only applicable to index tensor of type LongTensor.",
                describe_argument("input", input));
  Dims sizes = input.sizes();
  sizes.push_back(num_classes);
  Tensor result = wengert::empty(sizes, DType::int64);
  cpu::one_hot(classes.data_as<int64_t>(), classes.numel(), num_classes, result.data_as<int64_t>());
  return result;
}

Tensor _repeat_interleave_index(const Tensor& repeats) {
  WENGERT_CHECK(repeats.ndim() == 1, kRuntime, "repeat_interleave only accept 1D vector as repeat",
                describe_argument("repeats", repeats));
  const Tensor counts = index_values("repeat_interleave", repeats);
  Tensor result = wengert::empty(
      {cpu::repeat_interleave_total(counts.data_as<int64_t>(), counts.numel())}, DType::int64);
  cpu::repeat_interleave_index(counts.data_as<int64_t>(), counts.numel(),
                               result.data_as<int64_t>());
  return result;
}

}  // namespace impl

// --- gradients of scatter_reduce ---

namespace {

using Pair = std::tuple<Tensor, Tensor>;

struct ScatterReduction {
  const Tensor &gradient, &input;
  int64_t dim;
  const Tensor &index, &src;
  const std::string& reduce;
  bool include_self;
  const Tensor& result;

  Tensor picked(const Tensor& tensor) const { return ops::gather(tensor, dim, index); }

  // Zeros in the source count: one zero leaves the product of the others, two leave nothing.
  Pair of_product() const {
    const Tensor self = ops::masked_fill(input, ops::eq(input, 0), 1);
    const Tensor without_zero = ops::scatter_reduce(self, dim, index, src, reduce, include_self);
    const Tensor for_self = ops::true_divide(ops::mul(gradient, without_zero), self);
    const Tensor zero = ops::eq(src, 0);
    const Tensor none = impl::_zeros(input.sizes(), src.dtype());
    const Tensor zeros = picked(ops::scatter_add(none, dim, index, matched(zero, src.dtype())));
    const Tensor only_zero = ops::logical_and(trimmed(zero), ops::eq(zeros, 1));
    const Tensor values = trimmed(src);
    const Tensor others = ops::scatter_reduce(
        input, dim, index, ops::masked_fill(values, only_zero, 1), reduce, include_self);
    const Tensor divisor = ops::masked_fill(values, trimmed(zero), 1);
    return {for_self, ops::where(only_zero, picked(ops::mul(gradient, others)),
                                 ops::true_divide(picked(ops::mul(gradient, result)), divisor))};
  }

  Pair of_mean() const {
    Tensor counts = wengert::empty(input.sizes(), gradient.dtype());
    fill_values(counts, Scalar(include_self ? 1 : 0));
    Tensor ones = wengert::empty(index.sizes(), gradient.dtype());
    fill_values(ones, Scalar(1));
    counts = ops::scatter_add(counts, dim, index, ones);
    counts = ops::masked_fill(counts, ops::eq(counts, 0), 1);
    const Tensor shares = ops::true_divide(gradient, counts);
    return {shares, picked(shares)};
  }

  // Elements that tie for the extreme share its gradient.
  Pair of_extreme() const {
    const Tensor self_wins = ops::_to_dtype(ops::eq(input, result), input.dtype());
    const Tensor src_wins = ops::_to_dtype(ops::eq(trimmed(src), picked(result)), src.dtype());
    const Tensor winners = ops::scatter_add(self_wins, dim, index, src_wins);
    const Tensor shares = ops::true_divide(gradient, winners);
    return {ops::mul(self_wins, shares), ops::mul(src_wins, picked(shares))};
  }

  // The part of the source that the index covers.
  Tensor trimmed(const Tensor& tensor) const { return ops::_shrunk(tensor, index.sizes()); }
  Tensor matched(const Tensor& tensor, DType dtype) const {
    return ops::_to_dtype(trimmed(tensor), dtype);
  }
};

}  // namespace

Pair scatter_reduce_vjp(const Tensor& gradient, const Tensor& input, int64_t dim,
                        const Tensor& index, const Tensor& src, const std::string& reduce,
                        bool include_self, const Tensor& result) {
  const ScatterReduction rule{gradient, input, dim, index, src, reduce, include_self, result};
  if (index.numel() == 0) return {gradient, impl::_zeros(src.sizes(), gradient.dtype())};
  auto [for_input, for_src] = reduce == "sum"    ? Pair(gradient, rule.picked(gradient))
                              : reduce == "prod" ? rule.of_product()
                              : reduce == "mean" ? rule.of_mean()
                                                 : rule.of_extreme();
  if (!include_self) for_input = ops::scatter(for_input, dim, index, 0);
  return {for_input, ops::_grown(for_src, src.sizes())};
}

}  // namespace wengert::ops
