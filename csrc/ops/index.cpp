// Indexing by tensors.
#include "kernels/cpu/index.h"
#include "kernels/cpu/advanced_index.h"
#include "operators/basic.h"
#include "operators/shape.h"
#include "operators/view.h"
#include "ops/type_names.h"

namespace wengert::ops {

namespace {

// The walk over the elements that `indices` pick from a tensor of geometry `self`.
struct Walk {
  cpu::IndexPlan plan;
  std::vector<Tensor> held;  // int64 copies of the indices
  std::vector<Dims> strides;
  Dims result;                 // sizes of what is picked
  std::vector<int64_t> order;  // result dimension -> index dimension (>= 0) or ~kept
};

Walk make_walk(const Tensor& self, const std::vector<Tensor>& indices) {
  Walk walk;
  WENGERT_CHECK(static_cast<int64_t>(indices.size()) <= self.ndim(), kIndex,
                "too many indices for tensor of dimension ", self.ndim(), " (got ", indices.size(),
                ")");
  Dims shape;
  bool adjacent = true;
  int64_t first = -1, last = -1;
  for (size_t d = 0; d < indices.size(); ++d) {
    if (!indices[d].defined()) continue;
    WENGERT_CHECK(is_integral(indices[d].dtype()) && indices[d].dtype() != DType::bool_, kIndex,
                  "tensors used as indices must be long, int, byte or bool tensors",
                  describe_argument("index", indices[d]));
    if (last >= 0 && last != static_cast<int64_t>(d) - 1) adjacent = false;
    if (first < 0) first = static_cast<int64_t>(d);
    last = static_cast<int64_t>(d);
    const Dims& sizes = indices[d].sizes();
    bool fits = true;
    try {
      shape = broadcast_sizes(shape, sizes, "index");
    } catch (const Error&) {
      fits = false;
    }
    if (!fits) {
      std::string all;
      for (const Tensor& index : indices) {
        if (index.defined()) all += (all.empty() ? "" : ", ") + to_string(index.sizes());
      }
      fail(ErrorKind::kIndex,
           "shape mismatch: indexing tensors could not be broadcast together with shapes ", all);
    }
  }
  const auto item = static_cast<int64_t>(self.item_size());
  walk.plan.index_ndim = static_cast<int>(shape.size());
  const size_t count = indices.size();
  walk.strides.reserve(count);
  for (size_t d = 0; d < count; ++d) {
    if (!indices[d].defined()) continue;
    walk.held.push_back(indices[d].dtype() == DType::int64
                            ? indices[d]
                            : converted_values(indices[d], DType::int64));
    const Tensor& index = walk.held.back();
    walk.strides.push_back(expand_strides(index.sizes(), index.strides(), shape));
    walk.plan.indexed[walk.plan.indexed_count++] = {index.data_as<int64_t>(),
                                                    walk.strides.back().data(), self.sizes()[d],
                                                    self.strides()[d] * item, static_cast<int>(d)};
  }
  // Adjacent indices leave their dimensions where they were; others put them in front.
  const auto put_indices = [&] {
    for (size_t i = 0; i < shape.size(); ++i) {
      walk.result.push_back(shape[i]);
      walk.order.push_back(static_cast<int64_t>(i));
    }
  };
  if (!adjacent) put_indices();
  for (int64_t d = 0; d < self.ndim(); ++d) {
    const bool indexed = d < static_cast<int64_t>(count) && indices[d].defined();
    if (indexed) {
      if (adjacent && d == first) put_indices();
      continue;
    }
    walk.order.push_back(~static_cast<int64_t>(walk.plan.kept_ndim));
    walk.result.push_back(self.sizes()[d]);
    walk.plan.kept[walk.plan.kept_ndim++] = {self.sizes()[d], self.strides()[d] * item, 0};
  }
  for (size_t i = 0; i < shape.size(); ++i) walk.plan.index_shape[i] = {shape[i], 0, 0};
  return walk;
}

void set_value_strides(Walk* walk, const Dims& strides, int64_t item) {
  for (size_t i = 0; i < walk->order.size(); ++i) {
    const int64_t stride = strides[i] * item;
    if (walk->order[i] >= 0) {
      walk->plan.index_shape[walk->order[i]].value_stride = stride;
    } else {
      walk->plan.kept[~walk->order[i]].value_stride = stride;
    }
  }
}

// Writes into `target`, whose memory the caller owns or may change.
void put(const Tensor& target, const std::vector<Tensor>& indices, const Tensor& values,
         bool accumulate) {
  Walk walk = make_walk(target, indices);
  Tensor source = values;
  if (source.dtype() != target.dtype()) {
    // Unlike PyTorch's, ours may differ, unless something would be cut off.
    WENGERT_CHECK(can_cast(source.dtype(), target.dtype()), kRuntime,
                  "Index put requires the source and destination dtypes match, got ",
                  type_name(target.dtype()), " for the destination and ", type_name(source.dtype()),
                  " for the source.");
    source = converted_values(source, target.dtype());
  }
  if (source.storage() == target.storage()) source = cloned_values(source);
  WENGERT_CHECK(broadcastable_to(source.sizes(), walk.result), kRuntime,
                "shape mismatch: value tensor of shape ", to_string(values.sizes()),
                " cannot be broadcast to indexing result of shape ", to_string(walk.result));
  set_value_strides(&walk, expand_strides(source.sizes(), source.strides(), walk.result),
                    static_cast<int64_t>(source.item_size()));
  if (accumulate) {
    cpu::index_put_accumulate(walk.plan, target.dtype(), target.data(), source.data());
  } else {
    cpu::index_put(walk.plan, target.item_size(), target.data(), source.data());
  }
}

}  // namespace

namespace impl {

Tensor nonzero(const Tensor& input) {
  const Tensor dense = contiguous_values(input);
  const int64_t count = cpu::count_nonzero(dense.dtype(), dense.data(), dense.numel());
  Tensor result = wengert::empty({count, input.ndim()}, DType::int64);
  if (count != 0 && input.ndim() != 0) {
    cpu::nonzero(dense.dtype(), dense.data(), dense.sizes().data(), static_cast<int>(dense.ndim()),
                 result.data_as<int64_t>());
  }
  return result;
}

Tensor index(const Tensor& input, const std::vector<Tensor>& indices) {
  Walk walk = make_walk(input, indices);
  Tensor result = wengert::empty(walk.result, input.dtype());
  set_value_strides(&walk, result.strides(), static_cast<int64_t>(result.item_size()));
  cpu::index_get(walk.plan, input.item_size(), input.data(), result.data());
  return result;
}

Tensor _index_backward(const Tensor& input, const Dims& size, const std::vector<Tensor>& indices) {
  Tensor result = impl::_zeros(size, input.dtype());
  put(result, indices, input, true);
  return result;
}

Tensor index_put(const Tensor& input, const std::vector<Tensor>& indices, const Tensor& values,
                 bool accumulate) {
  Tensor result = cloned_values(input);
  put(result, indices, values, accumulate);
  return result;
}

}  // namespace impl

}  // namespace wengert::ops
