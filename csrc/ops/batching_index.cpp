// Batching rules of operators that pick, write or add elements by index tensors and masks: the
// index of the sample is one more index.
#include <algorithm>

#include "operators/basic.h"
#include "operators/comparison.h"
#include "operators/creation.h"
#include "operators/elementwise.h"
#include "operators/gather.h"
#include "operators/scan.h"
#include "operators/shape.h"
#include "operators/sort.h"
#include "operators/view.h"
#include "ops/batching.h"

namespace wengert::ops {

namespace {

// 0, 1, 2, ... along a first dimension, followed by `more` dimensions of size 1.
Tensor samples(const Lift& at, int64_t more) {
  Dims sizes(static_cast<size_t>(more), 1);
  sizes.insert(0, at.size());
  return reshape(arange(Scalar(0), Scalar(at.size())), sizes);
}

Tensor flat(const Lift& at, const Tensor& lifted) {
  return reshape(at.front(lifted), Dims{at.size(), lifted.numel()});
}

// --- along one dimension: an index vector per sample ---

// A tensor of a batch with the dimension that is indexed behind the batch, and the index pairs.
struct Along {
  Along(const Lift& lift, int64_t dimension, int64_t ndim, const Tensor& index)
      : at(lift), dim(lift.shift(dimension, ndim)) {
    Tensor places = at.front(index);
    if (index.ndim() == 0) places = unsqueeze(places, 1);
    pairs = {samples(at, 1), places};
  }
  // A sample without dimensions counts as a vector.
  Tensor turned(const Tensor& batch) const {
    return transpose(batch.ndim() == 1 ? unsqueeze(batch, 1) : batch, 1, dim);
  }
  Tensor back(const Tensor& result, int64_t ndim) const {
    const Tensor straight = transpose(result, 1, dim);
    return ndim == 0 ? squeeze(straight, Dims{1}) : straight;
  }
  Dims turned(Dims size) const {
    size = at.grown(size);
    if (size.size() == 1) size.push_back(1);
    std::swap(size[1], size[static_cast<size_t>(dim)]);
    return size;
  }
  const Lift& at;
  int64_t dim;
  std::vector<Tensor> pairs;
};

Tensor slices_added(const Along& along, const Tensor& input, const Dims& size) {
  const Tensor total =
      _index_backward(along.turned(along.at.front(input)), along.turned(size), along.pairs);
  return along.back(total, static_cast<int64_t>(size.size()));
}

}  // namespace

Tensor index_select_batch(const Lift& at, const Tensor& input, int64_t dim, const Tensor& index) {
  if (!at.is_batched(index)) {
    if (!at.is_batched(input)) {
      return at.wrap(index_select(at.inner(input), dim, at.inner(index)), false);
    }
    const bool scalar = input.ndim() == 0;
    return at.wrap(
        index_select(at.front(input, scalar), at.shift(dim, input.ndim()), at.inner(index)), true,
        scalar);
  }
  const Along along(at, dim, input.ndim(), index);
  return at.wrap(along.back(ops::index(along.turned(at.front(input)), along.pairs), input.ndim()),
                 true);
}

Tensor _index_select_backward_batch(const Lift& at, const Tensor& input, const Dims& size,
                                    int64_t dim, const Tensor& index) {
  const auto ndim = static_cast<int64_t>(size.size());
  if (!at.any_batched(input, index)) {
    return at.wrap(_index_select_backward(at.inner(input), size, dim, at.inner(index)), false);
  }
  if (!at.is_batched(index) && ndim > 0) {
    return at.wrap(_index_select_backward(at.front(input), at.grown(size), at.shift(dim, ndim),
                                          at.inner(index)),
                   true);
  }
  return at.wrap(slices_added(Along(at, dim, ndim, index), input, size), true);
}

Tensor index_add_batch(const Lift& at, const Tensor& input, int64_t dim, const Tensor& index,
                       const Tensor& source, const Scalar& alpha) {
  if (!at.any_batched(input, index, source)) {
    return at.wrap(index_add(at.inner(input), dim, at.inner(index), at.inner(source), alpha),
                   false);
  }
  if (!at.is_batched(index) && input.ndim() > 0) {
    return at.wrap(index_add(at.front(input), at.shift(dim, input.ndim()), at.inner(index),
                             at.front(source), alpha),
                   true);
  }
  const Tensor added = slices_added(Along(at, dim, input.ndim(), index), source, input.sizes());
  return at.wrap(add(at.front(input), added, alpha), true);
}

Tensor index_copy_batch(const Lift& at, const Tensor& input, int64_t dim, const Tensor& index,
                        const Tensor& source) {
  if (!at.any_batched(input, index, source)) {
    return at.wrap(index_copy(at.inner(input), dim, at.inner(index), at.inner(source)), false);
  }
  if (!at.is_batched(index) && input.ndim() > 0) {
    return at.wrap(
        index_copy(at.front(input), at.shift(dim, input.ndim()), at.inner(index), at.front(source)),
        true);
  }
  const Along along(at, dim, input.ndim(), index);
  const Tensor result =
      index_put(along.turned(at.front(input)), along.pairs, along.turned(at.front(source)), false);
  return at.wrap(along.back(result, input.ndim()), true);
}

Tensor index_fill_batch(const Lift& at, const Tensor& input, int64_t dim, const Tensor& index,
                        const Operand& value) {
  const bool shared = !at.is_batched(value);
  if (!at.any_batched(input, index, value)) {
    return at.wrap(index_fill(at.inner(input), dim, at.inner(index), at.inner(value)), false);
  }
  if (shared && !at.is_batched(index) && input.ndim() > 0) {
    return at.wrap(
        index_fill(at.front(input), at.shift(dim, input.ndim()), at.inner(index), at.inner(value)),
        true);
  }
  const Along along(at, dim, input.ndim(), index);
  const Tensor x = along.turned(at.front(input));
  Tensor values = at.front(value);
  if (value.is_tensor()) {
    while (values.ndim() < x.ndim()) values = unsqueeze(values, 1);
  }
  values = _to_dtype(values, x.dtype());
  return at.wrap(along.back(index_put(x, along.pairs, values, false), input.ndim()), true);
}

Tensor _index_kept_batch(const Lift& at, const Tensor& input, int64_t dim, const Tensor& index) {
  if (!at.any_batched(input, index)) {
    return at.wrap(_index_kept(at.inner(input), dim, at.inner(index)), false);
  }
  if (!at.is_batched(index) && input.ndim() > 0) {
    return at.wrap(_index_kept(at.front(input), at.shift(dim, input.ndim()), at.inner(index)),
                   true);
  }
  const Along along(at, dim, input.ndim(), index);
  const Tensor x = along.turned(at.front(input));
  const Tensor rest = index_put(x, along.pairs, _zeros({}, x.dtype()), false);
  return at.wrap(along.back(sub(x, rest), input.ndim()), true);
}

// --- by any index tensors ---

namespace {

// The indices of a batch, and where the dimensions of the result are found.
struct Batch {
  Batch(const Lift& at, const Tensor& lifted, const std::vector<Tensor>& indices)
      : Batch(at, lifted.sizes(), indices) {}
  Batch(const Lift& at, const Dims& sizes, const std::vector<Tensor>& indices) {
    bool adjacent = true, seen = false;
    int64_t first = 0, last = -1;
    for (size_t i = 0; i < indices.size(); ++i) {
      if (!indices[i].defined()) continue;
      shape = broadcast_sizes(shape, indices[i].sizes(), "index");
      const auto here = static_cast<int64_t>(i);
      if (seen && last != here - 1) adjacent = false;
      if (!seen) first = here;
      seen = true;
      last = here;
    }
    const auto spread = static_cast<int64_t>(shape.size());
    const bool per_sample = at.is_batched(indices);
    pairs = {per_sample ? samples(at, spread) : Tensor()};
    for (const Tensor& index : indices) {
      Tensor within = at.moved(index);
      if (index.defined() && at.is_batched(index)) {
        for (int64_t i = index.ndim(); i < spread; ++i) within = unsqueeze(within, 1);
      }
      pairs.push_back(within);
    }
    // The dimensions of a sample's result: before the indices, of the indices, after them.
    const int64_t kept = static_cast<int64_t>(sizes.size()) - (seen ? count(indices) : 0);
    const int64_t before = adjacent ? first : 0;
    const auto block = [&](int64_t start, int64_t length) {
      for (int64_t i = 0; i < length; ++i) order.push_back(start + i);
    };
    // The operator puts index dimensions in front where they are not adjacent.
    const bool batch_adjacent = per_sample ? adjacent && first == 0 : adjacent;
    if (batch_adjacent) {
      block(0, 1 + spread + kept);  // as in the sample
    } else if (per_sample) {
      // [batch, spread..., kept...]
      block(0, 1);
      block(1 + spread, before);
      block(1, spread);
      block(1 + spread + before, kept - before);
    } else {
      // [spread..., batch, kept...]
      block(spread, 1);
      block(0, spread);
      block(spread + 1, kept);
    }
    result.push_back(at.size());
    std::vector<int64_t> rest;
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (i >= indices.size() || !indices[i].defined()) rest.push_back(sizes[i]);
    }
    for (int64_t i = 0; i < before; ++i) result.push_back(rest[static_cast<size_t>(i)]);
    for (const int64_t size : shape) result.push_back(size);
    for (size_t i = static_cast<size_t>(before); i < rest.size(); ++i) result.push_back(rest[i]);
  }
  static int64_t count(const std::vector<Tensor>& indices) {
    return std::count_if(indices.begin(), indices.end(),
                         [](const Tensor& index) { return index.defined(); });
  }
  Dims shape;  // that the indices broadcast to
  std::vector<Tensor> pairs;
  Dims order;   // dimension of the sample's result -> of the operator's
  Dims result;  // sizes, the batch in front
};

}  // namespace

Tensor index_batch(const Lift& at, const Tensor& input, const std::vector<Tensor>& indices) {
  if (!at.any_batched(input, indices)) {
    return at.wrap(ops::index(at.inner(input), at.inner(indices)), false);
  }
  const Batch batch(at, input, indices);
  return at.wrap(permute(ops::index(at.front(input), batch.pairs), batch.order), true);
}

Tensor _index_backward_batch(const Lift& at, const Tensor& input, const Dims& size,
                             const std::vector<Tensor>& indices) {
  if (!at.any_batched(input, indices)) {
    return at.wrap(_index_backward(at.inner(input), size, at.inner(indices)), false);
  }
  const Batch batch(at, size, indices);
  return at.wrap(
      _index_backward(_unpermute(at.front(input), batch.order), at.grown(size), batch.pairs), true);
}

Tensor index_put_batch(const Lift& at, const Tensor& input, const std::vector<Tensor>& indices,
                       const Tensor& values, bool accumulate) {
  if (!at.any_batched(input, indices, values)) {
    return at.wrap(index_put(at.inner(input), at.inner(indices), at.inner(values), accumulate),
                   false);
  }
  const Batch batch(at, input, indices);
  Tensor source = at.front(values);
  const size_t ndim = batch.result.size();
  while (static_cast<size_t>(source.ndim()) > ndim && source.sizes()[1] == 1) {
    source = squeeze(source, Dims{1});
  }
  while (static_cast<size_t>(source.ndim()) < ndim) source = unsqueeze(source, 1);
  WENGERT_CHECK(broadcastable_to(source.sizes(), batch.result), kRuntime,
                "shape mismatch: value tensor of shape ", to_string(values.sizes()),
                " cannot be broadcast to indexing result of shape ",
                to_string(Dims(batch.result.data() + 1, ndim - 1)));
  source = _unpermute(expand(source, batch.result), batch.order);
  return at.wrap(index_put(at.front(input), batch.pairs, source, accumulate), true);
}

// --- by places in the flattened tensor ---

namespace {

Tensor places(const Lift& at, const Tensor& index, int64_t count) {
  Tensor result = _to_dtype(flat(at, index), DType::int64);
  return where(lt(result, Operand(0)), add(result, Operand(count)), result);
}

// Which element of the source each place of a mask gets, place by place.
struct Filled {
  Filled(const Lift& at, const Tensor& mask, const Dims& sizes) {
    const Tensor whole = expand(at.front(mask), sizes);
    chosen = reshape(whole, Dims{at.size(), -1});
    order = clamp_min(sub(cumsum(_to_dtype(chosen, DType::int64), 1), Operand(1)), Operand(0));
  }
  Tensor chosen, order;
};

Tensor aligned(const Lift& at, const Tensor& lifted, int64_t ndim) {
  Tensor result = at.front(lifted);
  for (int64_t i = lifted.ndim(); i < ndim; ++i) result = unsqueeze(result, 1);
  return result;
}

}  // namespace

Tensor take_batch(const Lift& at, const Tensor& input, const Tensor& index) {
  if (!at.is_batched(input)) {
    return at.wrap(take(at.inner(input), at.moved(index)), at.is_batched(index));
  }
  const Tensor values = gather(flat(at, input), 1, places(at, index, input.numel()));
  return at.wrap(reshape(values, at.grown(index.sizes())), true);
}

Tensor _take_backward_batch(const Lift& at, const Tensor& input, const Dims& size,
                            const Tensor& index) {
  if (!at.any_batched(input, index)) {
    return at.wrap(_take_backward(at.inner(input), size, at.inner(index)), false);
  }
  const int64_t count = wengert::product(size);
  const Tensor total =
      _gather_backward(flat(at, input), Dims{at.size(), count}, 1, places(at, index, count));
  return at.wrap(reshape(total, at.grown(size)), true);
}

Tensor put_batch(const Lift& at, const Tensor& input, const Tensor& index, const Tensor& source,
                 bool accumulate) {
  if (!at.any_batched(input, index, source)) {
    return at.wrap(put(at.inner(input), at.inner(index), at.inner(source), accumulate), false);
  }
  const Tensor x = flat(at, input), where_to = places(at, index, input.numel());
  const Tensor values = flat(at, source);
  const Tensor result =
      accumulate ? scatter_add(x, 1, where_to, values) : scatter(x, 1, where_to, values);
  return at.wrap(reshape(result, at.grown(input.sizes())), true);
}

Tensor masked_scatter_batch(const Lift& at, const Tensor& input, const Tensor& mask,
                            const Tensor& source) {
  if (!at.any_batched(input, mask, source)) {
    return at.wrap(masked_scatter(at.inner(input), at.inner(mask), at.inner(source)), false);
  }
  const Dims size = broadcast_sizes(input.sizes(), mask.sizes(), "masked_scatter");
  const auto ndim = static_cast<int64_t>(size.size());
  const Dims sizes = at.grown(size);
  const Tensor x = reshape(expand(aligned(at, input, ndim), sizes), Dims{at.size(), -1});
  const Filled filled(at, at.wrap(aligned(at, mask, ndim), true), sizes);
  if (source.numel() == 0) return at.wrap(reshape(x, sizes), true);
  const Tensor last = clamp_max(filled.order, Operand(source.numel() - 1));
  const Tensor values = gather(flat(at, source), 1, last);
  return at.wrap(reshape(where(filled.chosen, values, x), sizes), true);
}

Tensor _masked_scatter_backward_batch(const Lift& at, const Tensor& input, const Tensor& mask,
                                      const Dims& size) {
  if (!at.any_batched(input, mask)) {
    return at.wrap(_masked_scatter_backward(at.inner(input), at.inner(mask), size), false);
  }
  const int64_t count = wengert::product(size);
  if (count == 0) return at.wrap(_zeros(at.grown(size), input.dtype()), true);
  const Tensor g = at.front(input);
  const Filled filled(at, at.wrap(aligned(at, mask, input.ndim()), true), g.sizes());
  const Tensor values =
      where(filled.chosen, reshape(g, filled.chosen.sizes()), _zeros({}, g.dtype()));
  const Tensor total = _gather_backward(values, Dims{at.size(), count}, 1,
                                        clamp_max(filled.order, Operand(count - 1)));
  return at.wrap(reshape(total, at.grown(size)), true);
}

Tensor masked_fill_batch(const Lift& at, const Operand& input, const Operand& mask,
                         const Operand& value) {
  const Operand lifted[] = {input, mask, value};
  if (!at.is_batched(value)) {
    const BatchedOperands x(at, lifted, 2, "TTB");
    return at.wrap(masked_fill(x[0], x[1], at.inner(value)), x.batched());
  }
  // A value per sample is no number any more.
  const BatchedOperands x(at, lifted, 3, "TTBT");
  const Tensor target = x[0];
  return at.wrap(where(x[1], _to_dtype(x[2], target.dtype()), target), true);
}

// --- rows of a table: the tables of a batch are one long table ---

namespace {

struct Rows {
  Rows(const Lift& at, const Tensor& index, int64_t rows) {
    own = at.front(index);
    all = add(_to_dtype(own, DType::int64), mul(samples(at, index.ndim()), Operand(rows)));
  }
  // True where a row is the one that takes no part.
  Tensor padding(int64_t row, int64_t more) const {
    Tensor mask = eq(own, Operand(row));
    for (int64_t i = 0; i < more; ++i) mask = unsqueeze(mask, -1);
    return mask;
  }
  Tensor own, all;
};

// Rows of negative number count from the end.
int64_t row_of(int64_t row, int64_t rows) { return row < 0 ? row + rows : row; }

Tensor one_table(const Tensor& tables) {
  Dims sizes = tables.sizes();
  sizes.erase(0);
  sizes[0] *= tables.sizes()[0];
  return reshape(tables, sizes);
}

}  // namespace

Tensor embedding_batch(const Lift& at, const Tensor& input, const Tensor& weight,
                       const std::optional<int64_t>& padding_idx, bool scale_grad_by_freq) {
  if (!at.is_batched(weight)) {
    return at.wrap(embedding(at.moved(input), at.inner(weight), padding_idx, scale_grad_by_freq),
                   at.is_batched(input));
  }
  const int64_t rows = weight.sizes()[0];
  const Rows index(at, input, rows);
  Tensor result = embedding(index.all, one_table(at.front(weight)), {}, scale_grad_by_freq);
  if (padding_idx.has_value() && requires_grad(result)) {
    result = where(index.padding(row_of(*padding_idx, rows), 1), detach(result), result);
  }
  return at.wrap(result, true);
}

Tensor _embedding_backward_batch(const Lift& at, const Tensor& input, const Dims& size,
                                 const Tensor& index, const std::optional<int64_t>& padding_idx,
                                 bool scale_grad_by_freq) {
  if (!at.any_batched(input, index)) {
    return at.wrap(_embedding_backward(at.inner(input), size, at.inner(index), padding_idx,
                                       scale_grad_by_freq),
                   false);
  }
  const Rows rows(at, index, size[0]);
  Tensor g = at.front(input);
  if (padding_idx.has_value()) {
    g = masked_fill(g, rows.padding(row_of(*padding_idx, size[0]), 1), Operand(0));
  }
  Dims whole = size;
  whole[0] *= at.size();
  const Tensor total = _embedding_backward(g, whole, rows.all, {}, scale_grad_by_freq);
  return at.wrap(reshape(total, at.grown(size)), true);
}

Tensor _embedding_rows_batch(const Lift& at, const Tensor& input, const Tensor& index,
                             const std::optional<int64_t>& padding_idx, bool scale_grad_by_freq) {
  if (!at.any_batched(input, index)) {
    return at.wrap(
        _embedding_rows(at.inner(input), at.inner(index), padding_idx, scale_grad_by_freq), false);
  }
  const Rows rows(at, index, input.sizes()[0]);
  Tensor result = _embedding_rows(one_table(at.front(input)), rows.all, {}, scale_grad_by_freq);
  if (padding_idx.has_value()) {
    const Tensor mask = rows.padding(row_of(*padding_idx, input.sizes()[0]), 1);
    result = masked_fill(result, mask, Operand(0));
  }
  return at.wrap(result, true);
}

// --- searches ---

Tensor searchsorted_batch(const Lift& at, const Tensor& sorted_sequence, const Operand& input,
                          bool out_int32, bool right, const std::optional<std::string>& side,
                          const Tensor& sorter) {
  const auto run = [&](const Tensor& sequence, const Operand& values, const Tensor& places) {
    return searchsorted(sequence, values, out_int32, right, side, places);
  };
  if (!at.any_batched(sorted_sequence, input, sorter)) {
    return at.wrap(run(at.inner(sorted_sequence), at.inner(input), at.inner(sorter)), false);
  }
  const bool vector = sorted_sequence.ndim() == 1;
  if (vector && !at.any_batched(sorted_sequence, sorter)) {
    return at.wrap(run(at.inner(sorted_sequence), at.moved(input.tensor()), at.inner(sorter)),
                   true);
  }
  Tensor values;
  Dims sizes;
  if (input.is_tensor()) {
    values = at.front(input.tensor());
    sizes = input.tensor().sizes();
  } else {
    values = full(at.grown({}), input.scalar(), sorted_sequence.dtype());
  }
  if (!vector) {
    return at.wrap(run(at.front(sorted_sequence), values, at.front(sorter)), true);
  }
  const Tensor found =
      run(at.front(sorted_sequence), reshape(values, Dims{at.size(), wengert::product(sizes)}),
          at.front(sorter));
  return at.wrap(reshape(found, at.grown(sizes)), true);
}

Tensor histc_batch(const Lift& at, const Tensor& input, int64_t bins, const Scalar& min,
                   const Scalar& max) {
  if (!at.is_batched(input)) return at.wrap(histc(at.inner(input), bins, min, max), false);
  return at.wrap(_histc_rows(flat(at, input), bins, min, max), true);
}

}  // namespace wengert::ops
