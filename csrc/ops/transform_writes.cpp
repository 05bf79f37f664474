// Operators that write by themselves, and those that cut histories, on the tensors of transforms.
#include "operators/basic.h"
#include "operators/creation.h"
#include "operators/elementwise.h"
#include "operators/random.h"
#include "operators/view.h"
#include "ops/transform.h"

namespace wengert::ops {

namespace {

// The history of what was written over, and of what was written; either may have none.
struct WriteNode : Node {
  using Node::Node;
};
void write_backward(Node& node, Tensor* gradients, Tensor* results) {
  if (node.needs(0)) results[0] = zeros_matching(gradients[0]);
  if (node.needs(1)) results[1] = gradients[0];
}
const NodeType kWriteType = {"CopyBackwards", "copy_", write_backward, no_saved,
                             remove_node<WriteNode>};

// `result` takes the place of what `target` holds. `source` is where it comes from at the level of
// the wrappers, if it is a tensor.
void write(const Lift& at, const char* op, const Tensor& target, const Tensor& source,
           const Tensor& result) {
  check_inplace(op, target);
  Ref<Node> node;
  if (modes.grad && (requires_grad(target) || requires_grad(source))) {
    check_recorded_write(op, target);
    node = Ref<Node>(new WriteNode(&kWriteType, 2, 1));
    node->edges[0] = gradient_edge(target);
    node->edges[1] = gradient_edge(source);
  }
  WatchedWrite watched;
  if (watch_mode.on) [[unlikely]]
    watched.before({{"source", source}});
  at.assign(target, result);
  wrote(op, target);
  if (node) rebase_history(target, node);
  if (watch_mode.on) [[unlikely]]
    watched.after(op, target);
}

// `source` in the sizes and dtype of `target`, without the history of the level.
Tensor fitted(const Tensor& source, const Tensor& target) {
  return _to_dtype(expand(level_detached(source), target.sizes()), target.dtype());
}

}  // namespace

Tensor copy__transformed(const Tensor& input, const Tensor& source, bool non_blocking) {
  const Lift at("copy_", input, source);
  if (!at.active()) return copy_(input, source, non_blocking);
  WENGERT_CHECK(broadcastable_to(source.sizes(), input.sizes()), kRuntime,
                "copy_(): The expanded size of the tensor ", to_string(input.sizes()),
                " must match the existing size ", to_string(source.sizes()),
                describe_argument("input", input), describe_argument("source", source));
  at.adopt(input);
  const Tensor lifted = at(source);
  write(at, "copy_", input, lifted, fitted(lifted, input));
  return input;
}

Tensor fill__transformed(const Tensor& input, const Operand& value) {
  const Lift at("fill_", input, value);
  if (!at.active()) return fill_(input, value);
  at.adopt(input);
  if (value.is_tensor()) {
    WENGERT_CHECK(value.tensor().ndim() == 0, kRuntime,
                  "fill_ only supports 0-dimension value tensor but got tensor with ",
                  value.tensor().ndim(), " dimensions.",
                  describe_argument("value", value.tensor()));
    const Tensor lifted = at(value.tensor());
    write(at, "fill_", input, lifted, fitted(lifted, input));
  } else {
    write(at, "fill_", input, Tensor(), at(full(input.sizes(), value.scalar(), input.dtype())));
  }
  return input;
}

Tensor zero__transformed(const Tensor& input) { return fill__transformed(input, Operand(0)); }

Tensor detach_transformed(const Tensor& input) {
  const Lift at("detach", input);
  if (!at.active()) return detach(input);
  const Tensor within = detach(at.inner(at(input)));
  // A tangent is a history, too: it stays behind.
  if (!at.batched()) return within;
  return make_wrapper(Wrapper::Kind::kBatched, at.level().id, within, input->wrapper->dim);
}

Tensor detach__transformed(const Tensor& input) {
  const Lift at("detach_", input);
  if (!at.active()) return detach_(input);
  input->grad_fn.reset();
  input->output_index = 0;
  input->requires_grad = false;
  input->wrapper->tangent = Tensor();
  const Tensor within = at.inner(input);
  detach_(within);
  return input;
}

// --- random numbers ---

namespace {

// Memory that all samples share has no place for numbers of each.
void check_own_numbers(const char* op, bool batched) {
  WENGERT_CHECK(batched, kRuntime,
                "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This "
                "will appear like same randomness. If this is necessary for your usage, please use "
                "randomness='same' or create the tensor of a tensor that is mapped over\n  op: ",
                op);
}

// `fill` overwrites a tensor with random numbers.
template <typename Fill>
Tensor drawn(const char* op, const Tensor& input, const Fill& fill) {
  const Lift at(Lift::kRandom, op, input);
  const Tensor target = input;
  if (!at.active()) {
    const DrawScope outside(at);
    return fill(target);
  }
  if (!at.batched()) {
    at.adopt(target);
    write(at, op, target, Tensor(), at(fill(ops::zeros_like(at.inner(target)))));
    return input;
  }
  const bool differ = at.draws_differ(false);
  const bool own = target->wrapper != nullptr && target->wrapper->level == at.level().id;
  const bool batched = own && at.is_batched(target);
  if (differ) check_own_numbers(op, batched);
  const DrawScope outside(at);
  if (!own) {
    Tensor place = target;
    return fill(place);
  }
  const Tensor values = differ ? at.wrap(fill(ops::zeros_like(at.front(target))), true)
                               : at(fill(ops::_zeros(target.sizes(), target.dtype())));
  write(at, op, target, Tensor(), values);
  return input;
}

}  // namespace

Tensor uniform__transformed(const Tensor& input, double from, double to, Generator* generator) {
  return drawn("uniform_", input,
               [&](const Tensor& x) { return uniform_(x, from, to, generator); });
}
Tensor normal__transformed(const Tensor& input, double mean, double std, Generator* generator) {
  return drawn("normal_", input, [&](const Tensor& x) { return normal_(x, mean, std, generator); });
}
Tensor log_normal__transformed(const Tensor& input, double mean, double std, Generator* generator) {
  return drawn("log_normal_", input,
               [&](const Tensor& x) { return log_normal_(x, mean, std, generator); });
}
Tensor exponential__transformed(const Tensor& input, double lambd, Generator* generator) {
  return drawn("exponential_", input,
               [&](const Tensor& x) { return exponential_(x, lambd, generator); });
}
Tensor cauchy__transformed(const Tensor& input, double median, double sigma, Generator* generator) {
  return drawn("cauchy_", input,
               [&](const Tensor& x) { return cauchy_(x, median, sigma, generator); });
}
Tensor geometric__transformed(const Tensor& input, double p, Generator* generator) {
  return drawn("geometric_", input, [&](const Tensor& x) { return geometric_(x, p, generator); });
}
Tensor random__transformed(const Tensor& input, const std::optional<int64_t>& from,
                           const std::optional<int64_t>& to, Generator* generator) {
  return drawn("random_", input, [&](const Tensor& x) { return random_(x, from, to, generator); });
}
namespace {

// With a probability for each element, which may differ from sample to sample.
Tensor bernoulli_drawn(const Tensor& input, const Tensor& p, Generator* generator) {
  const Lift at(Lift::kRandom, "bernoulli_", input, p);
  if (!at.active()) return bernoulli_(input, Operand(p), generator);
  const Tensor chances = at(p);
  at.adopt(input);
  const auto fill = [&](const Tensor& target, const Tensor& with) {
    const DrawScope outside(at);
    return bernoulli_(target, Operand(with), generator);
  };
  if (!at.batched()) {
    const Tensor values = fill(ops::zeros_like(at.inner(input)), at.inner(chances));
    write(at, "bernoulli_", input, Tensor(), at(values));
    return input;
  }
  const bool differ = at.draws_differ(at.is_batched(chances));
  if (differ && !at.is_batched(chances)) check_own_numbers("bernoulli_", at.is_batched(input));
  Tensor values;
  if (differ) {
    Tensor each = at.front(chances);
    for (int64_t i = p.ndim(); i < input.ndim(); ++i) each = unsqueeze(each, 1);
    values = at.wrap(fill(_zeros(at.grown(input.sizes()), input.dtype()), each), true);
  } else {
    values = at(fill(_zeros(input.sizes(), input.dtype()), at.inner(chances)));
  }
  write(at, "bernoulli_", input, Tensor(), values);
  return input;
}

}  // namespace

Tensor bernoulli__transformed(const Tensor& input, const Operand& p, Generator* generator) {
  if (is_wrapped(p)) return bernoulli_drawn(input, p.tensor(), generator);
  return drawn("bernoulli_", input, [&](const Tensor& x) { return bernoulli_(x, p, generator); });
}

}  // namespace wengert::ops
