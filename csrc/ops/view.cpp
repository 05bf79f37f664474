// Views: geometry only.
#include "operators/basic.h"
#include "operators/shape.h"
#include "operators/view.h"

namespace wengert::ops {

namespace {

// Fills in a size of -1.
Dims inferred_size(const Tensor& input, const Dims& size, const char* op) {
  Dims result = size;
  int64_t known = 1, unknown = -1;
  for (size_t i = 0; i < size.size(); ++i) {
    if (size[i] == -1) {
      WENGERT_CHECK(unknown < 0, kRuntime, op, "(): only one dimension can be inferred");
      unknown = static_cast<int64_t>(i);
    } else {
      WENGERT_CHECK(size[i] >= 0, kRuntime, op, "(): invalid shape dimension ", size[i]);
      known *= size[i];
    }
  }
  if (unknown >= 0) {
    WENGERT_CHECK(known != 0, kRuntime, op, "(): cannot reshape tensor of ", input.numel(),
                  " elements into shape ", to_string(size),
                  " because the unspecified dimension size -1 can be any value and is ambiguous");
    if (input.numel() % known == 0) {
      result[unknown] = input.numel() / known;
      known *= result[unknown];
    }
  }
  WENGERT_CHECK(known == input.numel() && (unknown < 0 || result[unknown] >= 0), kRuntime, op,
                "(): shape '", to_string(size), "' is invalid for input of size ", input.numel(),
                describe_argument("input", input));
  return result;
}

// Strides that show `input` with other sizes without a copy, if there are any.
std::optional<Dims> view_strides(const Tensor& input, const Dims& size) {
  if (input.is_contiguous() || input.numel() == 0) return contiguous_strides(size);
  Dims result;
  result.resize(size.size());
  auto at = static_cast<int64_t>(size.size()) - 1;
  const Dims& old_sizes = input.sizes();
  const Dims& old_strides = input.strides();
  int64_t chunk_stride = old_strides.empty() ? 1 : old_strides.back();
  int64_t old_count = 1, new_count = 1;
  for (int64_t d = input.ndim() - 1; d >= 0; --d) {
    old_count *= old_sizes[d];
    const bool last_of_chunk =
        d == 0 || (old_sizes[d - 1] != 1 && old_strides[d - 1] != old_count * chunk_stride);
    if (!last_of_chunk) continue;
    while (at >= 0 && (new_count < old_count || size[at] == 1)) {
      result[at] = new_count * chunk_stride;
      new_count *= size[at--];
    }
    if (new_count != old_count) return std::nullopt;
    if (d > 0) {
      chunk_stride = old_strides[d - 1];
      old_count = new_count = 1;
    }
  }
  if (at != -1) return std::nullopt;
  return result;
}

}  // namespace

namespace impl {

Tensor _alias(const Tensor& input) { return alias(input); }

Tensor view(const Tensor& input, const Dims& size) {
  const Dims target = inferred_size(input, size, "view");
  const auto strides = view_strides(input, target);
  WENGERT_CHECK(strides.has_value(), kRuntime,
                "view(): view size is not compatible with input tensor's size and stride (at least one "
                "dimension spans across two contiguous subspaces). Use .reshape(...) instead.",
                describe_argument("input", input), "   strides ", to_string(input.strides()));
  return alias(input, target, *strides, input.offset());
}

Tensor expand(const Tensor& input, const Dims& size, bool) {
  const auto ndim = static_cast<int64_t>(size.size());
  WENGERT_CHECK(ndim >= input.ndim(), kRuntime, "expand(): the number of sizes provided (", ndim,
                ") must be greater or equal to the number of dimensions in the tensor (",
                input.ndim(), ")", describe_argument("input", input));
  Dims target = size, strides(size.size(), 0);
  const int64_t shift = ndim - input.ndim();
  for (int64_t i = ndim - 1; i >= 0; --i) {
    const bool fresh = i < shift;
    const int64_t old = fresh ? 1 : input.sizes()[i - shift];
    if (target[i] == -1) {
      WENGERT_CHECK(!fresh, kRuntime, "expand(): The expanded size of the tensor (-1) isn't allowed "
                                      "in a leading, non-existing dimension ", i);
      target[i] = old;
    }
    WENGERT_CHECK(target[i] >= 0, kRuntime, "expand(): invalid size ", target[i]);
    WENGERT_CHECK(old == 1 || target[i] == old, kRuntime, "expand(): The expanded size of the tensor (",
                  target[i], ") must match the existing size (", old,
                  ") at non-singleton dimension ", i, ".  Target sizes: ", to_string(size),
                  ".  Tensor sizes: ", to_string(input.sizes()));
    strides[i] = fresh || (old == 1 && target[i] != 1) ? 0 : input.strides()[i - shift];
  }
  return alias(input, target, strides, input.offset());
}

Tensor transpose(const Tensor& input, int64_t dim0, int64_t dim1) {
  const int64_t a = wrap_dim(dim0, input.ndim(), "transpose");
  const int64_t b = wrap_dim(dim1, input.ndim(), "transpose");
  if (input.ndim() == 0) return alias(input);
  Dims sizes = input.sizes(), strides = input.strides();
  std::swap(sizes[a], sizes[b]);
  std::swap(strides[a], strides[b]);
  return alias(input, sizes, strides, input.offset());
}

Tensor permute(const Tensor& input, const Dims& dims) {
  WENGERT_CHECK(static_cast<int64_t>(dims.size()) == input.ndim(), kRuntime,
                "permute(sparse_coo): number of dimensions in the tensor input does not match the "
                "length of the desired ordering of dimensions i.e. input.dim() = ",
                input.ndim(), " is not equal to len(dims) = ", dims.size());
  const Dims order = wrap_dims(dims, input.ndim(), "permute");
  Dims sizes = order, strides = order;
  for (size_t i = 0; i < order.size(); ++i) {
    sizes[i] = input.sizes()[order[i]];
    strides[i] = input.strides()[order[i]];
  }
  return alias(input, sizes, strides, input.offset());
}

Tensor _unpermute(const Tensor& input, const Dims& dims) {
  Dims inverse = dims;
  const Dims order = wrap_dims(dims, input.ndim(), "permute");
  for (size_t i = 0; i < order.size(); ++i) inverse[order[i]] = static_cast<int64_t>(i);
  return impl::permute(input, inverse);
}

Tensor unsqueeze(const Tensor& input, int64_t dim) {
  const int64_t at = wrap_dim(dim, input.ndim() + 1, "unsqueeze");
  Dims sizes = input.sizes(), strides = input.strides();
  const int64_t stride = at < input.ndim() ? sizes[at] * strides[at] : 1;
  sizes.insert(at, 1);
  strides.insert(at, stride);
  return alias(input, sizes, strides, input.offset());
}

Tensor squeeze(const Tensor& input, const std::optional<Dims>& dim) {
  const bool all = !dim.has_value();
  std::vector<bool> chosen(input.sizes().size(), all);
  if (!all) {
    for (int64_t d : wrap_dims(*dim, input.ndim(), "squeeze")) {
      if (input.ndim() > 0) chosen[static_cast<size_t>(d)] = true;
    }
  }
  Dims sizes, strides;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] && input.sizes()[i] == 1) continue;
    sizes.push_back(input.sizes()[i]);
    strides.push_back(input.strides()[i]);
  }
  return alias(input, sizes, strides, input.offset());
}

Tensor select(const Tensor& input, int64_t dim, int64_t index) {
  WENGERT_CHECK(input.ndim() > 0, kIndex, "select() cannot be applied to a 0-dim tensor.");
  const int64_t d = wrap_dim(dim, input.ndim(), "select");
  const int64_t size = input.sizes()[d];
  WENGERT_CHECK(index >= -size && index < size, kIndex, "select(): index ", index,
                " out of range for tensor of size ", to_string(input.sizes()), " at dimension ", d);
  Dims sizes = input.sizes(), strides = input.strides();
  const int64_t offset = input.offset() + (index < 0 ? index + size : index) * strides[d];
  sizes.erase(d);
  strides.erase(d);
  return alias(input, sizes, strides, offset);
}

Tensor slice(const Tensor& input, int64_t dim, int64_t start, int64_t end, int64_t step) {
  const int64_t d = wrap_dim(dim, input.ndim(), "slice");
  const int64_t size = input.sizes()[d];
  const auto clamp = [&](int64_t v) {
    return std::max<int64_t>(0, std::min(v < 0 ? v + size : v, size));
  };
  const int64_t first = clamp(start), last = std::max(first, clamp(end));
  Dims sizes = input.sizes(), strides = input.strides();
  const int64_t offset = input.offset() + first * strides[d];
  sizes[d] = (last - first + step - 1) / step;
  strides[d] *= step;
  return alias(input, sizes, strides, offset);
}

namespace {

// One of the two parts of a complex tensor, as a view of real numbers.
Tensor part_of(const Tensor& input, int64_t part) {
  Dims strides = input.strides();
  for (int64_t& stride : strides) stride *= 2;
  return from_storage(input.storage(), input.sizes(), strides, input.offset() * 2 + part,
                      to_real(input.dtype()));
}

}  // namespace

Tensor real(const Tensor& input) {
  return is_complex(input.dtype()) ? part_of(input, 0) : alias(input);
}

Tensor imag(const Tensor& input) {
  WENGERT_CHECK(is_complex(input.dtype()), kRuntime,
                "imag is not implemented for tensors with non-complex dtypes.",
                describe_argument("input", input));
  return part_of(input, 1);
}

// --- adjoints and relatives ---

namespace {
Tensor zeros_of(const Dims& size, DType dtype) { return impl::_zeros(size, dtype); }
}  // namespace

Tensor _select_backward(const Tensor& input, const Dims& size, int64_t dim, int64_t index) {
  Tensor result = zeros_of(size, input.dtype());
  copy_values(impl::select(result, dim, index), input);
  return result;
}

Tensor _slice_backward(const Tensor& input, const Dims& size, int64_t dim, int64_t start,
                       int64_t end, int64_t step) {
  Tensor result = zeros_of(size, input.dtype());
  copy_values(impl::slice(result, dim, start, end, step), input);
  return result;
}

Tensor _expand_reduced(const Tensor& input, const Dims& size, const std::optional<Dims>& dim,
                       bool keepdim) {
  const auto mask = reduced_mask("sum", static_cast<int64_t>(size.size()), dim);
  Dims strides(size.size(), 0);
  size_t at = 0;
  for (size_t i = 0; i < size.size(); ++i) {
    if (mask[i]) {
      if (keepdim) ++at;
    } else {
      strides[i] = input.strides()[at++];
    }
  }
  return alias(input, size, strides, input.offset());
}

Tensor reshape(const Tensor& input, const Dims& shape) {
  const Dims target = inferred_size(input, shape, "reshape");
  if (const auto strides = view_strides(input, target)) {
    return alias(input, target, *strides, input.offset());
  }
  const Tensor dense = contiguous_values(input);
  return alias(dense, target, contiguous_strides(target), dense.offset());
}

}  // namespace impl

int64_t _reduced_count(const Dims& size, const std::optional<Dims>& dim) {
  const auto mask = reduced_mask("mean", static_cast<int64_t>(size.size()), dim);
  int64_t count = 1;
  for (size_t i = 0; i < size.size(); ++i) {
    if (mask[i]) count *= size[i];
  }
  return count;
}

}  // namespace wengert::ops
