// Batching rules of the classification losses: written out, with a sample more in front.
#include "operators/basic.h"
#include "operators/comparison.h"
#include "operators/elementwise.h"
#include "operators/gather.h"
#include "operators/loss.h"
#include "operators/reduction.h"
#include "operators/shape.h"
#include "operators/softmax.h"
#include "operators/view.h"
#include "ops/batching.h"

namespace wengert::ops {

namespace {

// Inputs [batch, N, C, ...] (or [batch, C]) and the class of each position.
struct Classes {
  Classes(const Lift& lift, const Dims& size, const Tensor& target_w, const Tensor& weight_w,
          int64_t ignore_index, DType dtype)
      : at(lift), dim(size.size() == 1 ? 1 : 2), count(size[static_cast<size_t>(dim - 1)]) {
    const Tensor target = _to_dtype(at.front(target_w), DType::int64);
    const Tensor counts = ne(target, Operand(ignore_index));
    chosen = where(counts, target, _zeros({}, DType::int64));
    // A sample of one dimension has one target, with or without a dimension of its own.
    if (dim == 1) {
      chosen = reshape(chosen, Dims{at.size()});
      kept = _to_dtype(reshape(counts, Dims{at.size()}), dtype);
    } else {
      kept = _to_dtype(counts, dtype);
    }
    if (!weight_w.defined()) return;
    per_class = at.front(weight_w);
    const Tensor flat = reshape(chosen, Dims{at.size(), -1});
    kept = mul(kept, reshape(gather(per_class, 1, flat), chosen.sizes()));
  }
  Tensor picked(const Tensor& values) const {
    return squeeze(gather(values, dim, unsqueeze(chosen, dim)), Dims{dim});
  }
  Tensor total() const { return sum(reshape(kept, Dims{at.size(), -1}), Dims{1}); }
  Tensor reduced(const Tensor& losses, const std::string& reduction) const {
    if (reduction == "none") return losses;
    const Tensor whole = sum(reshape(losses, Dims{at.size(), -1}), Dims{1});
    return reduction == "sum" ? whole : true_divide(whole, total());
  }
  const Lift& at;
  int64_t dim;  // of the classes
  int64_t count;
  Tensor chosen, kept;  // class, and the weight of each position: zero where it is ignored
  Tensor per_class;
};

}  // namespace

std::tuple<Tensor, Tensor> _nll_loss_batch(const Lift& at, const Tensor& input,
                                           const Tensor& target, const Tensor& weight,
                                           int64_t ignore_index, const std::string& reduction) {
  if (!at.any_batched(input, target, weight)) {
    return at.wrap(
        _nll_loss(at.inner(input), at.inner(target), at.inner(weight), ignore_index, reduction),
        false);
  }
  const Classes classes(at, input.sizes(), target, weight, ignore_index, input.dtype());
  const Tensor losses = neg(mul(classes.picked(at.front(input)), classes.kept));
  return at.wrap(std::make_tuple(classes.reduced(losses, reduction), classes.total()), true);
}

Tensor _nll_loss_vjp_batch(const Lift& at, const Tensor& grad, const Tensor& target,
                           const Tensor& weight, const Tensor& total_weight, const Dims& size,
                           int64_t ignore_index, const std::string& reduction) {
  if (!at.any_batched(grad, target, weight, total_weight)) {
    return at.wrap(_nll_loss_vjp(at.inner(grad), at.inner(target), at.inner(weight),
                                 at.inner(total_weight), size, ignore_index, reduction),
                   false);
  }
  const Classes classes(at, size, target, weight, ignore_index, grad.dtype());
  Tensor g = at.front(grad);
  if (reduction == "mean") {
    const Tensor total = at.front(total_weight);
    g = where(eq(total, 0), _zeros({}, g.dtype()), true_divide(g, total));
  }
  if (reduction != "none") {
    while (g.ndim() < classes.kept.ndim()) g = unsqueeze(g, -1);
  }
  const Tensor values = unsqueeze(neg(mul(g, classes.kept)), classes.dim);
  return at.wrap(
      _gather_backward(values, at.grown(size), classes.dim, unsqueeze(classes.chosen, classes.dim)),
      true);
}

std::tuple<Tensor, Tensor, Tensor> _cross_entropy_batch(const Lift& at, const Tensor& input,
                                                        const Tensor& target, const Tensor& weight,
                                                        int64_t ignore_index,
                                                        const std::string& reduction,
                                                        double label_smoothing) {
  if (!at.any_batched(input, target, weight)) {
    return at.wrap(_cross_entropy(at.inner(input), at.inner(target), at.inner(weight), ignore_index,
                                  reduction, label_smoothing),
                   false);
  }
  const Classes classes(at, input.sizes(), target, weight, ignore_index, input.dtype());
  const Tensor x = at.front(input);
  const Tensor logs = log_softmax(x, classes.dim);
  Tensor losses = neg(mul(classes.picked(logs), classes.kept));
  if (label_smoothing > 0) {
    Tensor spread = logs;
    if (weight.defined()) {
      Dims shape(static_cast<size_t>(logs.ndim()), 1);
      shape[0] = at.size();
      shape[static_cast<size_t>(classes.dim)] = classes.count;
      spread = mul(logs, reshape(classes.per_class, shape));
    }
    const Tensor counts =
        _to_dtype(ne(_to_dtype(at.front(target), DType::int64), Operand(ignore_index)), x.dtype());
    const Tensor smooth = neg(mul(sum(spread, Dims{classes.dim}), reshape(counts, losses.sizes())));
    losses = add(mul(losses, Operand(1 - label_smoothing)),
                 mul(smooth, Operand(label_smoothing / static_cast<double>(classes.count))));
  }
  return at.wrap(std::make_tuple(classes.reduced(losses, reduction),
                                 logsumexp(x, Dims{classes.dim}), classes.total()),
                 true);
}

}  // namespace wengert::ops
