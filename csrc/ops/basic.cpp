// Copies, casts, creation.
#include "operators/basic.h"
#include "operators/elementwise.h"
#include "operators/reduction.h"

namespace wengert::ops {

namespace {

Tensor created(const Dims& size, const std::optional<DType>& dtype, bool requires_grad) {
  Tensor result = wengert::empty(size, dtype.value_or(default_dtype()));
  WENGERT_CHECK(!requires_grad || is_inexact(result.dtype()), kRuntime,
                "only Tensors of floating point and complex dtype can require gradients");
  result->requires_grad = requires_grad;
  return result;
}

}  // namespace

namespace impl {

Tensor clone(const Tensor& input, const std::optional<MemoryFormat>& memory_format) {
  Tensor result = empty_like(input, input.dtype(), memory_format.value_or(MemoryFormat::kPreserve));
  copy_values(result, input);
  return result;
}
Tensor detach(const Tensor& input) { return alias(input); }

Tensor _to_dtype(const Tensor& input, DType dtype,
                 const std::optional<MemoryFormat>& memory_format) {
  if (input.dtype() == dtype) return input;
  Tensor result = empty_like(input, dtype, memory_format.value_or(MemoryFormat::kPreserve));
  copy_values(result, input);
  return result;
}

Tensor sum_to_size(const Tensor& input, const Dims& size) {
  if (input.sizes() == size) return input;
  WENGERT_CHECK(broadcastable_to(size, input.sizes()), kRuntime, "sum_to_size(): size ",
                to_string(size), " is not expandable to size ", to_string(input.sizes()));
  const size_t extra = input.sizes().size() - size.size();
  Dims dims;
  for (size_t i = 0; i < input.sizes().size(); ++i) {
    if (i < extra || (size[i - extra] == 1 && input.sizes()[i] != 1)) {
      dims.push_back(static_cast<int64_t>(i));
    }
  }
  const Tensor total = dims.empty() ? input : impl::sum(input, dims, true, input.dtype());
  return alias(total, size, contiguous_strides(size), total.offset());
}

Tensor _zeros(const Dims& size, DType dtype) {
  Tensor result = wengert::empty(size, dtype);
  fill_values(result, Scalar(0));
  return result;
}

Tensor empty(const Dims& size, const std::optional<DType>& dtype, int, bool requires_grad, bool,
             const std::optional<MemoryFormat>& format) {
  WENGERT_CHECK(format != MemoryFormat::kPreserve, kRuntime,
                "empty(): unsupported memory format option preserve_format");
  Tensor result = created(size, dtype, requires_grad);
  if (format.value_or(MemoryFormat::kContiguous) != MemoryFormat::kContiguous) {
    result = alias(result, size, format_strides(size, *format), 0);
    result->requires_grad = requires_grad;
  }
  return result;
}
Tensor zeros(const Dims& size, const std::optional<DType>& dtype, int, bool requires_grad, bool) {
  Tensor result = created(size, dtype, requires_grad);
  fill_values(result, Scalar(0));
  return result;
}
Tensor ones(const Dims& size, const std::optional<DType>& dtype, int, bool requires_grad, bool) {
  Tensor result = created(size, dtype, requires_grad);
  fill_values(result, Scalar(1));
  return result;
}
Tensor full(const Dims& size, const Scalar& value, const std::optional<DType>& dtype, int,
            bool requires_grad) {
  Tensor result = created(size, dtype.value_or(scalar_dtype(value)), requires_grad);
  fill_values(result, value);
  return result;
}

// --- writing ---

namespace {

struct CopyNode : Node {
  using Node::Node;
};
void copy_backward(Node& node, Tensor* gradients, Tensor* results) {
  if (node.needs(0)) results[0] = zeros_matching(gradients[0]);
  if (node.needs(1)) results[1] = gradients[0];
}
constexpr NodeType copy_type(const char* name, const char* op) {
  return {name, op, copy_backward, no_saved, remove_node<CopyNode>};
}
const NodeType kCopyType = copy_type("CopyBackwards", "copy_");
const NodeType kFillNumberType = copy_type("FillBackward2", "fill_");
const NodeType kFillType = copy_type("FillBackward3", "fill_");
const NodeType kZeroType = copy_type("ZeroBackward0", "zero_");

}  // namespace

namespace {

// Runs `write` on the values of `target` and gives it the history of a copy from `source`, which
// is undefined where the new values come from no tensor.
template <typename Write>
void write_recorded(const NodeType& type, const Tensor& target, const Tensor& source,
                    const Write& write) {
  const char* op = type.op;
  check_inplace(op, target);
  // One and the same number may go to an element several times: then look at the first alone.
  const bool repeats = !source.defined() && has_internal_overlap(*target.impl());
  check_writable(op, repeats ? alias(target, {}, {}, target.offset()) : target);
  Ref<Node> node;
  if (modes.grad && (requires_grad(target) || requires_grad(source))) {
    check_recorded_write(op, target);
    node = Ref<Node>(new CopyNode(&type, 2, 1));
    node->edges[0] = gradient_edge(target);
    node->edges[1] = gradient_edge(source);
  }
  write();
  wrote(op, target);
  if (node) rebase_history(target, node);
}

}  // namespace

Tensor copy_(const Tensor& input, const Tensor& source, bool) {
  WENGERT_CHECK(broadcastable_to(source.sizes(), input.sizes()), kRuntime,
                "copy_(): The expanded size of the tensor ", to_string(input.sizes()),
                " must match the existing size ", to_string(source.sizes()),
                describe_argument("input", input), describe_argument("source", source));
  write_recorded(kCopyType, input, source, [&] { copy_values(input, source); });
  return input;
}

Tensor fill_(const Tensor& input, const Operand& value) {
  if (!value.is_tensor()) {
    write_recorded(kFillNumberType, input, Tensor(), [&] { fill_values(input, value.scalar()); });
    return input;
  }
  const Tensor& source = value.tensor();
  WENGERT_CHECK(source.ndim() == 0, kRuntime,
                "fill_ only supports 0-dimension value tensor but got tensor with ", source.ndim(),
                " dimensions.", describe_argument("value", source));
  write_recorded(kFillType, input, source, [&] { copy_values(input, source); });
  return input;
}

Tensor zero_(const Tensor& input) {
  write_recorded(kZeroType, input, Tensor(), [&] { fill_values(input, Scalar(0)); });
  return input;
}

Tensor _write_out(const Tensor& input, const Tensor& source, const std::string& name) {
  check_out(name.c_str(), input, tracked(source));
  write_out(name.c_str(), input, source);
  wrote(name.c_str(), input);
  return input;
}

}  // namespace impl

}  // namespace wengert::ops
