// Tensors joined and rearranged, and the adjoints of views.
#include "operators/shape.h"

#include "kernels/cpu/index.h"
#include "operators/basic.h"
#include "operators/elementwise.h"
#include "operators/view.h"
#include "ops/slabs.h"
#include "tensor/promotion.h"

namespace wengert::ops {

namespace {

// A vector without elements, which joining leaves out whatever the others look like.
bool is_empty_vector(const Dims& sizes) { return sizes.size() == 1 && sizes[0] == 0; }

Tensor triangle(const char* op, const Tensor& input, int64_t diagonal,
                decltype(cpu::tril)* kernel) {
  WENGERT_CHECK(input.ndim() >= 2, kRuntime, op, "(): input tensor must have at least 2 dimensions",
                describe_argument("input", input));
  const Tensor dense = contiguous_values(input);
  Tensor result = wengert::empty(input.sizes(), input.dtype());
  if (result.numel() == 0) return result;
  const int64_t rows = input.size(-2), columns = input.size(-1);
  kernel(input.item_size(), dense.data(), result.data(), input.numel() / (rows * columns), rows,
         columns, diagonal);
  return result;
}

}  // namespace

int64_t _reduced_count(const Dims& size, const std::optional<Dims>& dim) {
  const auto mask = reduced_mask("mean", static_cast<int64_t>(size.size()), dim);
  int64_t count = 1;
  for (size_t i = 0; i < size.size(); ++i) {
    if (mask[i]) count *= size[i];
  }
  return count;
}

Dims _sizes_along(const std::vector<Dims>& shapes, int64_t dim) {
  size_t ndim = 1;
  for (const Dims& shape : shapes) {
    if (!is_empty_vector(shape)) ndim = shape.size();
  }
  Dims result;
  const int64_t d = wrap_dim(dim, static_cast<int64_t>(ndim), "cat");
  for (const Dims& shape : shapes) {
    result.push_back(shape.size() == ndim ? shape[static_cast<size_t>(d)] : -1);
  }
  return result;
}

Dims _negated(const Dims& values) {
  Dims result = values;
  for (int64_t& value : result) value = -value;
  return result;
}

Scalar _conjugate(const Scalar& value) {
  if (!value.is_complex()) return value;
  return Scalar(std::conj(value.to<std::complex<double>>()));
}

namespace impl {

// --- adjoints of views ---

Tensor _select_backward(const Tensor& input, const Dims& size, int64_t dim, int64_t index) {
  Tensor result = impl::_zeros(size, input.dtype());
  copy_values(impl::select(result, dim, index), input);
  return result;
}

Tensor _slice_backward(const Tensor& input, const Dims& size, int64_t dim, int64_t start,
                       int64_t end, int64_t step) {
  Tensor result = impl::_zeros(size, input.dtype());
  copy_values(impl::slice(result, dim, start, end, step), input);
  return result;
}

Tensor _narrow_backward(const Tensor& input, const Dims& size, int64_t dim, int64_t start,
                        int64_t length) {
  Tensor result = impl::_zeros(size, input.dtype());
  copy_values(impl::narrow(result, dim, start, length), input);
  return result;
}

Tensor _diagonal_backward(const Tensor& input, const Dims& size, int64_t offset, int64_t dim1,
                          int64_t dim2) {
  Tensor result = impl::_zeros(size, input.dtype());
  copy_values(impl::diagonal(result, offset, dim1, dim2), input);
  return result;
}

Tensor _unfold_backward(const Tensor& input, const Dims& size, int64_t dimension, int64_t window,
                        int64_t step) {
  Tensor result = impl::_zeros(size, input.dtype());
  const Tensor windows = impl::unfold(result, dimension, window, step);
  const GradModeScope mode(false);
  for (int64_t i = 0; i < window; ++i) {  // one place in all windows: these do not overlap
    Tensor place = impl::select(windows, -1, i);
    ops::add_(place, impl::select(input, -1, i));
  }
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
  const Tensor result = alias(input, size, strides, input.offset());
  if (modes.grad) set_view(result, input);  // a recorded gradient may be written to
  return result;
}

// --- joining ---

Tensor contiguous(const Tensor& input, const std::optional<MemoryFormat>& memory_format) {
  const MemoryFormat format = memory_format.value_or(MemoryFormat::kContiguous);
  WENGERT_CHECK(format != MemoryFormat::kPreserve, kRuntime,
                "preserve memory format is unsupported by the contiguous operator");
  if (has_format(input.sizes(), input.strides(), format)) return input;
  Tensor result = empty_like(input, input.dtype(), format);
  copy_values(result, input);
  return result;
}

Tensor cat(const std::vector<Tensor>& tensors, int64_t dim) {
  WENGERT_CHECK(!tensors.empty(), kValue, "cat(): expected a non-empty list of Tensors");
  DType dtype = tensors[0].dtype();
  const Tensor* model = nullptr;  // decides all sizes but one
  for (size_t i = 0; i < tensors.size(); ++i) {
    dtype = promote(dtype, tensors[i].dtype());
    WENGERT_CHECK(tensors[i].ndim() > 0, kRuntime, "zero-dimensional tensor (at position ", i,
                  ") cannot be concatenated");
    if (model == nullptr && !is_empty_vector(tensors[i].sizes())) model = &tensors[i];
  }
  if (model == nullptr) return wengert::empty({0}, dtype);
  const int64_t d = wrap_dim(dim, model->ndim(), "cat");
  Dims sizes = model->sizes();
  sizes[d] = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = tensors[i];
    if (is_empty_vector(tensor.sizes())) continue;
    WENGERT_CHECK(tensor.ndim() == model->ndim(), kRuntime,
                  "cat(): Tensors must have same number of dimensions: got ", model->ndim(),
                  " and ", tensor.ndim());
    for (int64_t k = 0; k < tensor.ndim(); ++k) {
      WENGERT_CHECK(k == d || tensor.sizes()[k] == sizes[k], kRuntime,
                    "cat(): Sizes of tensors must match except in dimension ", d,
                    ". Expected size ", sizes[k], " but got size ", tensor.sizes()[k],
                    " for tensor number ", i, " in the list.");
    }
    sizes[d] += tensor.sizes()[d];
  }
  Tensor result = wengert::empty(sizes, dtype);
  int64_t start = 0;
  for (const Tensor& tensor : tensors) {
    if (is_empty_vector(tensor.sizes())) continue;
    copy_values(impl::narrow(result, d, start, tensor.sizes()[d]), tensor);
    start += tensor.sizes()[d];
  }
  return result;
}

std::vector<Tensor> _cat_backward(const Tensor& input, const Dims& sizes, int64_t dim) {
  std::vector<Tensor> result;
  int64_t start = 0;
  for (int64_t size : sizes) {
    if (size < 0) {
      result.push_back(wengert::empty({0}, input.dtype()));
      continue;
    }
    result.push_back(impl::narrow(input, dim, start, size));
    start += size;
  }
  return result;
}

Tensor stack(const std::vector<Tensor>& tensors, int64_t dim) {
  WENGERT_CHECK(!tensors.empty(), kRuntime, "stack expects a non-empty TensorList");
  const int64_t d = wrap_dim(dim, tensors[0].ndim() + 1, "stack");
  std::vector<Tensor> grown;
  for (size_t i = 0; i < tensors.size(); ++i) {
    WENGERT_CHECK(tensors[i].sizes() == tensors[0].sizes(), kRuntime,
                  "stack expects each tensor to be equal size, but got ",
                  to_string(tensors[0].sizes()), " at entry 0 and ", to_string(tensors[i].sizes()),
                  " at entry ", i);
    grown.push_back(impl::unsqueeze(tensors[i], d));
  }
  return impl::cat(grown, d);
}

// --- rearranging ---

Tensor flip(const Tensor& input, const Dims& dims) {
  const Dims wrapped = wrap_dims(dims, input.ndim(), "flip");
  Tensor result = input;
  for (int64_t d : wrapped) {
    const Slabs slabs(input.sizes(), d);
    if (slabs.n <= 1) continue;
    const Tensor dense = contiguous_values(result);
    result = wengert::empty(input.sizes(), input.dtype());
    cpu::flip(input.item_size(), dense.data(), result.data(), slabs.outer, slabs.n, slabs.inner);
  }
  return result.same(input) ? cloned_values(input) : laid_out_like(result, input);
}

Tensor roll(const Tensor& input, const Dims& shifts, const std::optional<Dims>& dims) {
  const bool flat = !dims.has_value() || dims->empty();
  WENGERT_CHECK(!shifts.empty(), kRuntime, "`shifts` required");
  WENGERT_CHECK(!flat || shifts.size() == 1, kRuntime,
                "shifts and dimensions must align. shifts: ", shifts.size(), ", dims:0");
  WENGERT_CHECK(flat || shifts.size() == dims->size(), kRuntime,
                "shifts and dimensions must align. shifts: ", shifts.size(),
                ", dims:", flat ? 0 : dims->size());
  Tensor result = contiguous_values(input);
  bool fresh = !result.same(input);
  for (size_t i = 0; i < shifts.size() && input.numel() > 0; ++i) {
    WENGERT_CHECK(flat || input.ndim() > 0, kIndex, "roll(): Dimension specified as ", (*dims)[i],
                  " but tensor has no dimensions");
    const Slabs slabs = flat ? Slabs({input.numel()}, 0)
                             : Slabs(input.sizes(), wrap_dim((*dims)[i], input.ndim(), "roll"));
    Tensor turned = wengert::empty(input.sizes(), input.dtype());
    cpu::roll(input.item_size(), result.data(), turned.data(), slabs.outer, slabs.n, slabs.inner,
              shifts[i]);
    result = turned;
    fresh = true;
  }
  return fresh ? result : cloned_values(input);
}

Tensor tril(const Tensor& input, int64_t diagonal) {
  return triangle("tril", input, diagonal, cpu::tril);
}

Tensor triu(const Tensor& input, int64_t diagonal) {
  return triangle("triu", input, diagonal, cpu::triu);
}

Tensor _pad_constant(const Tensor& input, const Dims& pad, const Scalar& value) {
  const auto pairs = static_cast<int64_t>(pad.size() / 2);
  WENGERT_CHECK(pad.size() % 2 == 0, kRuntime,
                "pad(): Length of pad must be even but instead it equals ", pad.size());
  WENGERT_CHECK(pairs <= input.ndim(), kRuntime,
                "pad(): Length of pad should be no more than twice the number of dimensions of the "
                "input. Pad length is ",
                pad.size(), " while the input has ", input.ndim(), " dimensions.",
                describe_argument("input", input));
  Dims sizes = input.sizes();
  Tensor inner = input;
  for (int64_t i = 0; i < pairs; ++i) {
    const int64_t d = input.ndim() - 1 - i, before = pad[2 * i], after = pad[2 * i + 1];
    sizes[d] += before + after;
    WENGERT_CHECK(sizes[d] >= 0, kRuntime, "pad(): The input size ", input.sizes()[d],
                  ", plus negative padding ", before, " and ", after,
                  ", resulted in a negative output size, which is invalid. Check dimension ", d,
                  " of your input.");
    const int64_t first = std::max<int64_t>(0, -before);
    const int64_t kept = inner.sizes()[d] - first - std::max<int64_t>(0, -after);
    // More may be cropped on one side than there is where the other side grows.
    inner = impl::narrow(inner, d, std::min(first, inner.sizes()[d]), std::max<int64_t>(0, kept));
  }
  Tensor result = wengert::empty(sizes, input.dtype());
  fill_values(result, value);
  if (inner.numel() == 0) return result;
  Tensor place = result;
  for (int64_t i = 0; i < pairs; ++i) {
    const int64_t d = input.ndim() - 1 - i;
    place = impl::narrow(place, d, std::max<int64_t>(0, pad[2 * i]), inner.sizes()[d]);
  }
  copy_values(place, inner);
  return result;
}

}  // namespace impl

}  // namespace wengert::ops
