#include "operators/basic.h"
#include "operators/elementwise.h"
#include "ops/chain.h"
#include "ops/type_names.h"

namespace wengert {

bool any_tracked(const std::vector<Tensor>& tensors) {
  for (const Tensor& tensor : tensors) {
    if (requires_grad(tensor)) return true;
  }
  return false;
}

bool any_edge(Node& node, size_t first) {
  for (size_t i = first; i < node.edges.size(); ++i) {
    if (node.needs(i)) return true;
  }
  return false;
}

std::vector<Dims> shape_of(const std::vector<Tensor>& tensors) {
  std::vector<Dims> shapes;
  for (const Tensor& tensor : tensors) shapes.push_back(shape_of(tensor));
  return shapes;
}

void save_list(std::vector<Saved>& saved, const std::vector<Tensor>& tensors) {
  saved.resize(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) saved[i].input(tensors[i]);
}

std::vector<Tensor> saved_list(Node& owner, const std::vector<Saved>& saved, const char* role) {
  std::vector<Tensor> tensors;
  for (const Saved& value : saved) tensors.push_back(value.get(owner, role));
  return tensors;
}

void scatter_list(const std::vector<Tensor>& gradients, Tensor* results) {
  for (size_t i = 0; i < gradients.size(); ++i) results[i] = gradients[i];
}

namespace {

Tensor zeros(const Dims& sizes, DType dtype) {
  Tensor result = empty(sizes, dtype);
  fill_values(result, Scalar(0));
  return result;
}

}  // namespace

Tensor materialize(Node& node, const Tensor* gradients, size_t index) {
  if (gradients[index].defined()) return gradients[index];
  const OutputInfo& info = node.outputs[index];
  return zeros(info.sizes, info.dtype);
}

std::vector<Tensor> materialize_all(Node& node, const Tensor* gradients) {
  std::vector<Tensor> result;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    result.push_back(materialize(node, gradients, i));
  }
  return result;
}

Tensor cloned_values(const Tensor& tensor) {
  if (is_wrapped(tensor)) return ops::clone(level_detached(tensor));
  Tensor copy = empty_like(tensor);
  copy_values(copy, tensor);
  return copy;
}

OwnedOperand::operator Tensor() const {
  if (tensor_.defined()) return tensor_;
  Tensor result = empty({}, scalar_dtype(scalar_));
  fill_values(result, scalar_);
  return result;
}

Tensor exact_number(const Scalar& scalar) {
  Tensor result = empty({}, scalar.is_complex() ? DType::complex128 : DType::float64);
  fill_values(result, scalar);
  return result;
}

Tensor zeros_matching(const Tensor& gradient) { return zeros(gradient.sizes(), gradient.dtype()); }

Tensor vjp_product(const Tensor& gradient, const Operand& factor) {
  if (factor.is_tensor() && is_complex(factor.tensor().dtype())) {
    return ops::_strong_product(gradient, ops::conj(factor.tensor()));
  }
  if (!factor.is_tensor() && factor.scalar().is_complex()) {
    const auto value = factor.scalar().to<std::complex<double>>();
    return ops::_strong_product(gradient, Operand(Scalar(std::conj(value))));
  }
  return ops::_strong_product(gradient, factor);
}

namespace {

// Does nobody but the running rule hold this tensor, or know of its memory?
bool is_ours_alone(const Tensor& tensor) {
  const bool chained = open_chain != nullptr && open_chain->holds(tensor.impl());
  return is_held_by(chained ? 2 : 1, tensor) && tensor.is_contiguous() && !requires_grad(tensor);
}

bool all_of_shape(const Dims& sizes, const Operand* operands, int count) {
  for (int k = 0; k < count; ++k) {
    if (!operands[k].is_tensor()) continue;
    const Dims& own = operands[k].tensor().sizes();
    if (!own.empty() && !(own == sizes)) return false;
  }
  return true;
}

}  // namespace

Tensor vjp_elementwise(const ElementwiseKernel& kernel, const Operand* operands, int count,
                       const Scalar* parameters, bool last) {
  const DType dtype = elementwise_dtype(operands, count, kernel.codes, IntegerRule::kToFloat);
  const Tensor& gradient = operands[0].tensor();
  if (last && gradient.dtype() == dtype && is_ours_alone(gradient) &&
      all_of_shape(gradient.sizes(), operands + 1, count - 1)) {
    run_elementwise(kernel, dtype, gradient, operands, parameters);
    return gradient;
  }
  return new_elementwise(kernel, dtype, ResultRule::kSame, operands, parameters);
}

void check_inplace_result(const char* op, const Tensor& self, const Tensor& result) {
  WENGERT_CHECK(self.sizes() == result.sizes(), kRuntime, op, "(): output with shape ",
                to_string(self.sizes()), " doesn't match the broadcast shape ",
                to_string(result.sizes()));
  WENGERT_CHECK(can_cast(result.dtype(), self.dtype()), kRuntime, op, "(): result type ",
                type_name(result.dtype()), " can't be cast to the desired output type ",
                type_name(self.dtype()));
  check_writable(op, self);
}

void write_out(const char* op, const Tensor& out, const Tensor& result) {
  WENGERT_CHECK(can_cast(result.dtype(), out.dtype()), kRuntime, op, "(): result type ",
                type_name(result.dtype()), " can't be cast to the desired output type ",
                type_name(out.dtype()), describe_argument("out", out));
  if (!(out.sizes() == result.sizes())) resize_output(out, result.sizes(), op);
  check_writable(op, out);
  copy_values(out, result);
}

namespace ops {

Tensor _not_implemented(const Tensor&, const std::string& what) {
  fail(ErrorKind::kNotImplemented, "the derivative for '", what, "' is not implemented.");
}

}  // namespace ops

}  // namespace wengert
