// Sorting, selection, distinct values, binary search and histograms.
#include "kernels/cpu/sort.h"

#include "kernels/cpu/search.h"
#include "operators/gather.h"
#include "operators/shape.h"
#include "operators/sort.h"
#include "operators/view.h"

namespace wengert::ops::impl {

namespace {

struct Pair {
  Tensor values, indices;
};

Pair empty_pair(const Tensor& input, const Dims& sizes) {
  return {wengert::empty(sizes, input.dtype()), wengert::empty(sizes, DType::int64)};
}

void refuse_bool(const char* op, const Tensor& input) {
  WENGERT_CHECK(input.dtype() != DType::bool_, kNotImplemented, op, "(): not implemented for bool",
                describe_argument("input", input));
}

// A place along a dimension that goes away unless it is kept.
struct Picked {
  Middle middle;
  Pair out;
};

Picked prepare_pick(const char* op, const Tensor& input, int64_t dim, bool keepdim) {
  refuse_bool(op, input);
  const auto mask = reduced_mask(op, input.ndim(), Dims{dim});
  check_reducible(op, input, mask);
  return {middle_of(input, mask), empty_pair(input, reduced_sizes(input.sizes(), mask, keepdim))};
}

Tensor optional_indices(bool wanted, const Dims& sizes) {
  return wanted ? wengert::empty(sizes, DType::int64) : Tensor();
}

int64_t* optional_data(const Tensor& tensor) {
  return tensor.defined() ? tensor.data_as<int64_t>() : nullptr;
}

// The first `count` elements, in memory of their own.
Tensor trimmed(const Tensor& tensor, int64_t count) {
  return tensor.defined() ? cloned_values(impl::slice(tensor, 0, 0, count, 1)) : tensor;
}

}  // namespace

std::tuple<Tensor, Tensor> sort(const Tensor& input, int64_t dim, bool descending, bool) {
  const Middle middle = middle_of(input, wrap_dim(dim, input.ndim(), "sort"));
  auto [values, indices] = empty_pair(input, input.sizes());
  cpu::sort(input.dtype(), middle.data.data(), middle.outer, middle.n, middle.inner, descending,
            values.data(), indices.data_as<int64_t>());
  return {values, indices};
}

std::tuple<Tensor, Tensor> topk(const Tensor& input, int64_t k, int64_t dim, bool largest, bool) {
  refuse_bool("topk", input);
  const int64_t along = wrap_dim(dim, input.ndim(), "topk");
  Dims sizes = input.sizes();
  WENGERT_CHECK(k >= 0 && k <= (sizes.empty() ? 1 : sizes[along]), kRuntime,
                "topk(): selected index k out of range", describe_argument("input", input),
                "\n  k: ", k);
  if (sizes.empty()) {
    k = 1;  // there is no dimension that could become empty
  } else {
    sizes[along] = k;
  }
  auto [values, indices] = empty_pair(input, sizes);
  const Middle middle = middle_of(input, along);
  cpu::topk(input.dtype(), middle.data.data(), middle.outer, middle.n, middle.inner, k, largest,
            values.data(), indices.data_as<int64_t>());
  return {values, indices};
}

std::tuple<Tensor, Tensor> kthvalue(const Tensor& input, int64_t k, int64_t dim, bool keepdim) {
  const auto [middle, out] = prepare_pick("kthvalue", input, dim, keepdim);
  WENGERT_CHECK(k >= 1 && k <= middle.n, kRuntime,
                "kthvalue(): selected number k out of range for dimension ",
                wrap_dim(dim, input.ndim(), "kthvalue"), describe_argument("input", input),
                "\n  k: ", k);
  cpu::kthvalue(input.dtype(), middle.data.data(), middle.outer, middle.n, middle.inner, k,
                out.values.data(), out.indices.data_as<int64_t>());
  return {out.values, out.indices};
}

std::tuple<Tensor, Tensor> _median(const Tensor& input, int64_t dim, bool keepdim,
                                   bool ignore_nan) {
  const char* name = ignore_nan ? "nanmedian" : "median";
  const auto [middle, out] = prepare_pick(name, input, dim, keepdim);
  cpu::median(input.dtype(), middle.data.data(), middle.outer, middle.n, middle.inner, ignore_nan,
              out.values.data(), out.indices.data_as<int64_t>());
  return {out.values, out.indices};
}

std::tuple<Tensor, Tensor, Tensor> _unique(const Tensor& input, bool, bool return_inverse,
                                           bool return_counts) {
  const Tensor dense = contiguous_values(input);
  const Tensor values = wengert::empty({input.numel()}, input.dtype());
  const Tensor inverse = optional_indices(return_inverse, input.sizes());
  const Tensor counts = optional_indices(return_counts, values.sizes());
  const int64_t kinds = cpu::unique(input.dtype(), dense.data(), input.numel(), values.data(),
                                    optional_data(inverse), optional_data(counts));
  return {trimmed(values, kinds), inverse, trimmed(counts, kinds)};
}

std::tuple<Tensor, Tensor, Tensor> _unique_consecutive(const Tensor& input, bool return_inverse,
                                                       bool return_counts) {
  const Tensor dense = contiguous_values(input);
  const Tensor values = wengert::empty({input.numel()}, input.dtype());
  const Tensor inverse = optional_indices(return_inverse, input.sizes());
  const Tensor counts = optional_indices(return_counts, values.sizes());
  const int64_t kinds =
      cpu::unique_consecutive(input.dtype(), dense.data(), input.numel(), values.data(),
                              optional_data(inverse), optional_data(counts));
  return {trimmed(values, kinds), inverse, trimmed(counts, kinds)};
}

std::tuple<Tensor, Tensor, Tensor> _unique_slices(const Tensor& input, int64_t dim,
                                                  bool consecutive, bool return_inverse,
                                                  bool return_counts) {
  const char* name = consecutive ? "unique_consecutive" : "unique";
  const int64_t along = wrap_dim(dim, input.ndim(), name);
  const int64_t rows = input.ndim() == 0 ? 1 : input.sizes()[along];
  WENGERT_CHECK(rows == 0 || input.numel() > 0, kRuntime, name,
                "(): there are 0 sized dimensions, and they aren't the selected dimension, so "
                "unique cannot be applied",
                describe_argument("input", input));
  const Tensor lines = contiguous_values(impl::transpose(input, 0, along));
  const Tensor first = wengert::empty({rows}, DType::int64);
  const Tensor inverse = optional_indices(return_inverse, first.sizes());
  const Tensor counts = optional_indices(return_counts, first.sizes());
  const int64_t kinds = cpu::unique_rows(
      input.dtype(), lines.data(), rows, rows == 0 ? 0 : input.numel() / rows, consecutive,
      first.data_as<int64_t>(), optional_data(inverse), optional_data(counts));
  const Tensor values = impl::index_select(input, along, trimmed(first, kinds));
  return {values, inverse, trimmed(counts, kinds)};
}

Tensor searchsorted(const Tensor& sorted_sequence, const Operand& input, bool out_int32, bool right,
                    const std::optional<std::string>& side, const Tensor& sorter) {
  if (side.has_value()) {
    WENGERT_CHECK(*side == "left" || *side == "right", kRuntime,
                  "searchsorted(): side can only be 'left' or 'right' but got ", *side);
    WENGERT_CHECK(*side == "right" || !right, kRuntime,
                  "searchsorted(): side and right can't be set to opposites, got side of left "
                  "while right was True");
    right = *side == "right";
  }
  Promotion promotion;
  promotion.add(sorted_sequence);
  Tensor values;
  if (input.is_tensor()) {
    values = input.tensor();
    promotion.add(values);
  } else {
    promotion.add(input.scalar());
    values = wengert::empty({}, promotion.result());
    fill_values(values, input.scalar());
  }
  const Dims& sequence = sorted_sequence.sizes();
  WENGERT_CHECK(!sequence.empty(), kRuntime,
                "searchsorted(): boundaries tensor should have positive dimension, but got 0 "
                "dimension");
  const bool shared = sequence.size() == 1;
  WENGERT_CHECK(shared || values.ndim() > 0, kRuntime,
                "searchsorted(): input value can be a scalar only when boundaries tensor dimension "
                "is 1, but we got boundaries tensor dim(",
                sequence.size(), ") and input value's dim(0) numel(1)");
  bool fits = shared || values.sizes().size() == sequence.size();
  for (size_t i = 0; fits && !shared && i + 1 < sequence.size(); ++i) {
    fits = values.sizes()[i] == sequence[i];
  }
  WENGERT_CHECK(fits, kRuntime,
                "searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
                "dimensions of boundaries tensor and input value tensor must match, but we got "
                "boundaries tensor ",
                to_string(sequence), " and input value tensor ", to_string(values.sizes()));
  Tensor order;
  if (sorter.defined()) {
    WENGERT_CHECK(sorter.sizes() == sequence, kRuntime,
                  "searchsorted(): boundary and sorter must have the same size, but got boundary "
                  "tensor ",
                  to_string(sequence), " and got sorter tensor ", to_string(sorter.sizes()));
    WENGERT_CHECK(sorter.dtype() == DType::int64, kRuntime,
                  "searchsorted(): sorter must be a tensor of long dtype but got dtype ",
                  dtype_name(sorter.dtype()));
    order = contiguous_values(sorter);
  }
  const DType dtype = promotion.result();
  const Tensor boundaries = converted_values(sorted_sequence, dtype);
  const Tensor probes = converted_values(values, dtype);
  const Tensor result = wengert::empty(values.sizes(), DType::int64);
  const int64_t n = sequence.back();
  const int64_t m = shared ? probes.numel() : values.sizes().back();
  if (probes.numel() > 0) {
    cpu::searchsorted(dtype, boundaries.data(), optional_data(order), shared, probes.data(),
                      probes.numel() / m, n, m, right, result.data_as<int64_t>());
  }
  return out_int32 ? converted_values(result, DType::int32) : result;
}

Tensor bincount(const Tensor& input, const Tensor& weights, int64_t minlength) {
  WENGERT_CHECK(is_integral(input.dtype()) && input.dtype() != DType::bool_, kNotImplemented,
                "bincount(): not implemented for ", dtype_name(input.dtype()),
                describe_argument("input", input));
  WENGERT_CHECK(minlength >= 0, kRuntime, "bincount(): minlength should be >= 0");
  WENGERT_CHECK(input.ndim() == 1, kRuntime,
                "bincount(): bincount only supports 1-d non-negative integral inputs.",
                describe_argument("input", input));
  WENGERT_CHECK(!weights.defined() || weights.sizes() == input.sizes(), kRuntime,
                "bincount(): weights should be 1-d and have the same length as input",
                describe_argument("input", input), describe_argument("weights", weights));
  const Tensor numbers = converted_values(input, DType::int64);
  const int64_t n = numbers.numel();
  const int64_t bins = cpu::bincount_size(numbers.data_as<int64_t>(), n, minlength);
  if (!weights.defined() || n == 0) {
    const Tensor result = wengert::empty({bins}, DType::int64);
    cpu::bincount(numbers.data_as<int64_t>(), n, DType::int64, nullptr, result.data(), bins);
    return result;
  }
  const Tensor dense = contiguous_values(weights);
  const DType sums = weights.dtype() == DType::float32 ? DType::float32 : DType::float64;
  const Tensor result = wengert::empty({bins}, sums);
  cpu::bincount(numbers.data_as<int64_t>(), n, weights.dtype(), dense.data(), result.data(), bins);
  return result;
}

Tensor histc(const Tensor& input, int64_t bins, const Scalar& min, const Scalar& max) {
  return _histc_rows(wengert::ops::reshape(input, Dims{input.numel()}), bins, min, max);
}

Tensor _histc_rows(const Tensor& input, int64_t bins, const Scalar& min, const Scalar& max) {
  WENGERT_CHECK(bins > 0, kRuntime, "histc(): bins must be > 0, but got ", bins,
                " for dimension 0");
  const Tensor dense = contiguous_values(input);
  Dims sizes = input.sizes();
  const int64_t length = sizes.back();
  sizes[sizes.size() - 1] = bins;
  const Tensor result = wengert::empty(sizes, input.dtype());
  const int64_t rows = result.numel() / bins;
  const auto bytes = static_cast<int64_t>(wengert::item_size(input.dtype()));
  for (int64_t row = 0; row < rows; ++row) {
    cpu::histc(input.dtype(), dense.data() + row * length * bytes, length, bins, min.to<double>(),
               max.to<double>(), result.data() + row * bins * bytes);
  }
  return result;
}

}  // namespace wengert::ops::impl
