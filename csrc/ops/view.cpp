// Views: geometry only.
#include "operators/view.h"
#include "operators/basic.h"
#include "operators/shape.h"

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
  WENGERT_CHECK(
      strides.has_value(), kRuntime,
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
      WENGERT_CHECK(!fresh, kRuntime,
                    "expand(): The expanded size of the tensor (-1) isn't allowed "
                    "in a leading, non-existing dimension ",
                    i);
      target[i] = old;
    }
    WENGERT_CHECK(target[i] >= 0, kRuntime, "expand(): invalid size ", target[i]);
    WENGERT_CHECK(
        old == 1 || target[i] == old, kRuntime, "expand(): The expanded size of the tensor (",
        target[i], ") must match the existing size (", old, ") at non-singleton dimension ", i,
        ".  Target sizes: ", to_string(size), ".  Tensor sizes: ", to_string(input.sizes()));
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

Tensor view_as_real(const Tensor& input) {
  WENGERT_CHECK(is_complex(input.dtype()), kRuntime,
                "view_as_real(): view_as_real is only supported for complex tensors",
                describe_argument("input", input));
  Dims sizes = input.sizes(), strides = input.strides();
  for (int64_t& stride : strides) stride *= 2;
  sizes.push_back(2);
  strides.push_back(1);
  return from_storage(input.storage(), sizes, strides, input.offset() * 2, to_real(input.dtype()));
}

Tensor view_as_complex(const Tensor& input) {
  const auto check = [&](bool condition, const char* sentence) {
    WENGERT_CHECK(condition, kRuntime, "view_as_complex(): ", sentence,
                  describe_argument("input", input), "   strides ", to_string(input.strides()),
                  ", offset ", input.offset());
  };
  check(input.dtype() == DType::float32 || input.dtype() == DType::float64,
        "view_as_complex is only supported for float and double tensors");
  check(input.ndim() > 0, "Input tensor must have one or more dimensions");
  Dims sizes = input.sizes(), strides = input.strides();
  const auto last = static_cast<size_t>(input.ndim() - 1);
  check(sizes[last] == 2, "Tensor must have a last dimension of size 2");
  check(strides[last] == 1, "Tensor must have a last dimension with stride 1");
  sizes.erase(last);
  strides.erase(last);
  for (size_t i = 0; i < sizes.size(); ++i) {
    int64_t& stride = strides[i];
    check(stride % 2 == 0 || sizes[i] == 1,
          "Tensor must have a stride divisible by 2 for all but last dimension");
    stride /= 2;
  }
  check(input.offset() % 2 == 0, "Tensor must have a storage_offset divisible by 2");
  return from_storage(input.storage(), sizes, strides, input.offset() / 2,
                      to_complex(input.dtype()));
}

Tensor narrow(const Tensor& input, int64_t dim, int64_t start, int64_t length) {
  WENGERT_CHECK(input.ndim() > 0, kRuntime, "narrow() cannot be applied to a 0-dim tensor.");
  WENGERT_CHECK(length >= 0, kRuntime, "narrow(): length must be non-negative.");
  const int64_t d = wrap_dim(dim, input.ndim(), "narrow");
  const int64_t size = input.sizes()[d];
  WENGERT_CHECK(start >= -size && start <= size, kIndex,
                "narrow(): start out of range (expected to be in range of [", -size, ", ", size,
                "], but got ", start, ")");
  if (start < 0) start += size;
  WENGERT_CHECK(start + length <= size, kRuntime, "narrow(): start (", start, ") + length (",
                length, ") exceeds dimension size (", size, ").",
                describe_argument("input", input));
  Dims sizes = input.sizes();
  sizes[d] = length;
  return alias(input, sizes, input.strides(), input.offset() + start * input.strides()[d]);
}

std::vector<Tensor> split_with_sizes(const Tensor& input, const Dims& split_sizes, int64_t dim) {
  WENGERT_CHECK(input.ndim() > 0, kRuntime, "split expects at least a 1-dimensional tensor");
  const int64_t d = wrap_dim(dim, input.ndim(), "split_with_sizes");
  int64_t total = 0;
  for (int64_t size : split_sizes) {
    WENGERT_CHECK(size >= 0, kRuntime,
                  "split_with_sizes expects split_sizes have only non-negative entries, but got "
                  "split_sizes=",
                  to_string(split_sizes));
    total += size;
  }
  WENGERT_CHECK(total == input.sizes()[d], kRuntime,
                "split_with_sizes expects split_sizes to sum exactly to ", input.sizes()[d],
                " (input tensor's size at dimension ", d,
                "), but got split_sizes=", to_string(split_sizes),
                describe_argument("input", input));
  std::vector<Tensor> result;
  int64_t start = 0;
  for (int64_t size : split_sizes) {
    result.push_back(impl::narrow(input, d, start, size));
    start += size;
  }
  return result;
}

std::vector<Tensor> unbind(const Tensor& input, int64_t dim) {
  WENGERT_CHECK(input.ndim() > 0, kIndex, "unbind(): Dimension specified as ", dim,
                " but tensor has no dimensions");
  const int64_t d = wrap_dim(dim, input.ndim(), "unbind");
  std::vector<Tensor> result;
  for (int64_t i = 0; i < input.sizes()[d]; ++i) result.push_back(impl::select(input, d, i));
  return result;
}

Tensor diagonal(const Tensor& input, int64_t offset, int64_t dim1, int64_t dim2) {
  const int64_t a = wrap_dim(dim1, input.ndim(), "diagonal");
  const int64_t b = wrap_dim(dim2, input.ndim(), "diagonal");
  WENGERT_CHECK(a != b, kRuntime, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  const int64_t rows = input.sizes()[a], columns = input.sizes()[b];
  const int64_t length = std::max<int64_t>(
      0, offset >= 0 ? std::min(rows, columns - offset) : std::min(rows + offset, columns));
  const int64_t step_a = input.strides()[a], step_b = input.strides()[b];
  int64_t start = input.offset();
  if (length > 0) start += offset >= 0 ? offset * step_b : -offset * step_a;
  Dims sizes = input.sizes(), strides = input.strides();
  for (const int64_t d : {std::max(a, b), std::min(a, b)}) {
    sizes.erase(d);
    strides.erase(d);
  }
  sizes.push_back(length);
  strides.push_back(step_a + step_b);
  return alias(input, sizes, strides, start);
}

Tensor unfold(const Tensor& input, int64_t dimension, int64_t size, int64_t step) {
  const int64_t d = wrap_dim(dimension, input.ndim(), "unfold");
  const int64_t length = input.ndim() == 0 ? 1 : input.sizes()[d];
  WENGERT_CHECK(size >= 0, kRuntime, "unfold(): size is ", size, " but must be >= 0");
  WENGERT_CHECK(size <= length, kRuntime, "unfold(): maximum size for tensor at dimension ", d,
                " is ", length, " but size is ", size, describe_argument("input", input));
  WENGERT_CHECK(step > 0, kRuntime, "unfold(): step is ", step, " but must be > 0");
  Dims sizes = input.sizes(), strides = input.strides();
  const int64_t inner = input.ndim() == 0 ? 1 : strides[d];
  if (input.ndim() > 0) {
    sizes[d] = (length - size) / step + 1;
    strides[d] = step * inner;
  }
  sizes.push_back(size);
  strides.push_back(inner);
  return alias(input, sizes, strides, input.offset());
}

Tensor _view_dtype(const Tensor& input, DType dtype) {
  const auto from = static_cast<int64_t>(item_size(input.dtype()));
  const auto to = static_cast<int64_t>(item_size(dtype));
  Dims sizes = input.sizes(), strides = input.strides();
  if (from == to) return from_storage(input.storage(), sizes, strides, input.offset(), dtype);
  const auto fail_unless = [&](bool condition, const auto&... sentence) {
    WENGERT_CHECK(condition, kRuntime, "view(): ", sentence..., " to view ",
                  dtype_name(input.dtype()), " as ", dtype_name(dtype),
                  " (different element sizes), but got strides ", to_string(strides), ", offset ",
                  input.offset(), describe_argument("input", input));
  };
  fail_unless(input.ndim() > 0, "self.dim() cannot be 0");
  const auto last = static_cast<size_t>(input.ndim() - 1);
  int64_t offset = input.offset();
  if (from > to) {
    fail_unless(strides[last] == 1, "self.stride(-1) must be 1");
    const int64_t ratio = from / to;
    for (size_t i = 0; i < last; ++i) strides[i] *= ratio;
    sizes[last] *= ratio;
    offset *= ratio;
  } else {
    const int64_t ratio = to / from;
    fail_unless(sizes[last] % ratio == 0, "self.size(-1) must be divisible by ", ratio);
    fail_unless(offset % ratio == 0, "self.storage_offset() must be divisible by ", ratio);
    fail_unless(strides[last] == 1, "self.stride(-1) must be 1");
    for (size_t i = 0; i < last; ++i) {
      fail_unless(strides[i] % ratio == 0, "self.stride(", i, ") must be divisible by ", ratio);
      strides[i] /= ratio;
    }
    sizes[last] /= ratio;
    offset /= ratio;
  }
  return from_storage(input.storage(), sizes, strides, offset, dtype);
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

}  // namespace wengert::ops
