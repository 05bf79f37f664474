// Views of any geometry, and the linear maps between the gradient of a base and of its views.
#include "kernels/cpu/index.h"
#include "operators/basic.h"
#include "operators/elementwise.h"
#include "operators/view.h"

namespace wengert::ops {

namespace {

// Memory that holds all elements of a base and of a view of it, from the first to the last.
class Frame {
 public:
  Frame(const Dims& base_size, const Dims& base_stride, int64_t base_offset, const Dims& size,
        const Dims& stride, int64_t offset, DType dtype) {
    const int64_t low = std::min(base_offset, offset);
    const int64_t high =
        std::max(last_of(base_size, base_stride, base_offset), last_of(size, stride, offset));
    memory_ = impl::_zeros({high - low + 1}, dtype);
    base_ = alias(memory_, base_size, base_stride, base_offset - low);
    part_ = alias(memory_, size, stride, offset - low);
  }
  const Tensor& base() const { return base_; }
  const Tensor& part() const { return part_; }

  // Adds `values` at the places of `view`, one of the two above.
  void add(const Tensor& view, const Tensor& values) {
    if (!has_internal_overlap(*view.impl())) return copy_values(view, values);
    const Tensor source = contiguous_values(values);
    const Tensor positions = positions_of(view);
    cpu::put_accumulate(memory_.dtype(), memory_.data(), memory_.numel(),
                        positions.data_as<int64_t>(), positions.numel(), source.data());
  }
  // Where several indices of the base mean one element, each gets an equal share of it.
  void share() {
    if (!has_internal_overlap(*base_.impl())) return;
    const Tensor positions = positions_of(base_);
    Tensor counts = impl::_zeros(memory_.sizes(), DType::int64);
    Tensor ones = wengert::empty(positions.sizes(), DType::int64);
    fill_values(ones, Scalar(1));
    cpu::put_accumulate(DType::int64, counts.data(), counts.numel(), positions.data_as<int64_t>(),
                        positions.numel(), ones.data());
    const GradModeScope mode(false);
    copy_values(memory_, ops::true_divide(memory_, ops::clamp_min(counts, Scalar(1))));
  }

 private:
  static int64_t last_of(const Dims& size, const Dims& stride, int64_t offset) {
    for (size_t i = 0; i < size.size(); ++i)
      offset += std::max<int64_t>(0, size[i] - 1) * stride[i];
    return offset;
  }
  Tensor positions_of(const Tensor& view) const {
    Tensor result = wengert::empty({view.numel()}, DType::int64);
    auto* out = result.data_as<int64_t>();
    const Dims& size = view.sizes();
    Dims index(size.size(), 0);
    for (int64_t i = 0; i < view.numel(); ++i) {
      int64_t at = view.offset();
      for (size_t d = 0; d < size.size(); ++d) at += index[d] * view.strides()[d];
      out[i] = at;
      for (size_t d = size.size(); d-- > 0;) {
        if (++index[d] < size[d]) break;
        index[d] = 0;
      }
    }
    return result;
  }

  Tensor memory_, base_, part_;
};

}  // namespace

namespace impl {

Tensor as_strided(const Tensor& input, const Dims& size, const Dims& stride,
                  const std::optional<int64_t>& storage_offset) {
  return ops::_as_strided(input, input.sizes(), input.strides(), input.offset(), size, stride,
                          storage_offset.value_or(input.offset()));
}

Tensor _as_strided(const Tensor& input, const Dims&, const Dims&, int64_t, const Dims& size,
                   const Dims& stride, int64_t offset) {
  WENGERT_CHECK(size.size() == stride.size(), kRuntime,
                "as_strided(): mismatch in length of strides and shape: ", to_string(stride),
                " and ", to_string(size));
  int64_t last = offset;
  bool empty = false;
  for (size_t i = 0; i < size.size(); ++i) {
    WENGERT_CHECK(stride[i] >= 0, kRuntime,
                  "as_strided: Negative strides are not supported at the moment, got strides: ",
                  to_string(stride));
    WENGERT_CHECK(size[i] >= 0, kRuntime, "as_strided(): invalid size ", to_string(size));
    empty = empty || size[i] == 0;
    last += (size[i] - 1) * stride[i];
  }
  WENGERT_CHECK(offset >= 0, kRuntime, "as_strided(): Tensor: invalid storage offset ", offset);
  const auto item = static_cast<int64_t>(input.item_size());
  const auto bytes = static_cast<int64_t>(input.storage()->bytes);
  WENGERT_CHECK(empty || (last + 1) * item <= bytes, kRuntime, "setStorage: sizes ",
                to_string(size), ", strides ", to_string(stride), ", storage offset ", offset,
                ", and itemsize ", item, " requiring a storage size of ", (last + 1) * item,
                " are out of bounds for storage of size ", bytes);
  return alias(input, size, stride, offset);
}

Tensor _as_strided_scatter(const Tensor& input, const Dims& base_size, const Dims& base_stride,
                           int64_t base_offset, const Dims& size, const Dims& stride,
                           int64_t offset) {
  Frame frame(base_size, base_stride, base_offset, size, stride, offset, input.dtype());
  frame.add(frame.part(), input);
  frame.share();
  return frame.base();
}

Tensor _as_strided_gather(const Tensor& input, const Dims& base_size, const Dims& base_stride,
                          int64_t base_offset, const Dims& size, const Dims& stride,
                          int64_t offset) {
  Frame frame(base_size, base_stride, base_offset, size, stride, offset, input.dtype());
  frame.add(frame.base(), input);
  frame.share();
  return contiguous_values(frame.part());
}

Tensor _as_strided_replace(const Tensor& input, const Tensor& part, const Dims& base_size,
                           const Dims& base_stride, int64_t base_offset, const Dims& size,
                           const Dims& stride, int64_t offset) {
  Frame frame(base_size, base_stride, base_offset, size, stride, offset, input.dtype());
  frame.add(frame.base(), input);
  frame.share();
  copy_values(frame.part(), part);
  return frame.base();
}

}  // namespace impl

}  // namespace wengert::ops
