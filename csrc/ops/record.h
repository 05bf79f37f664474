// What generated operators are made of: recording, saved operands, and gradients of whole families.
#pragma once
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "graph/lost.h"
#include "ops/elementwise.h"
#include "ops/reduction.h"
#include "ops/reduction_gradients.h"
#include "ops/watch.h"

namespace wengert {

namespace ops {
// How many elements are combined into one when `dim` is reduced.
int64_t _reduced_count(const Dims& size, const std::optional<Dims>& dim);
// The sizes of tensors along the dimension they are joined in; -1 for empty vectors among tensors
// of other dimensions.
Dims _sizes_along(const std::vector<Dims>& shapes, int64_t dim);
Dims _negated(const Dims& values);
// The order of a sample's dimensions as that of a batch, which stays in front.
Dims _past_batch(const Dims& dims);
Scalar _conjugate(const Scalar& value);
// In the place of a derivative that nobody has written: raises.
[[noreturn]] Tensor _not_implemented(const Tensor& gradient, const std::string& what);
// The gradients of scatter_reduce; recorded themselves where a graph is wanted.
std::tuple<Tensor, Tensor> scatter_reduce_vjp(const Tensor& gradient, const Tensor& input,
                                              int64_t dim, const Tensor& index, const Tensor& src,
                                              const std::string& reduce, bool include_self,
                                              const Tensor& result);
}  // namespace ops

// --- recording ---
inline bool tracked(const Tensor& tensor) { return requires_grad(tensor); }
inline bool tracked(const Operand& operand) {
  return operand.is_tensor() && requires_grad(operand.tensor());
}
inline const Tensor* past_of(const Operand& operand) {
  return operand.is_tensor() ? past_of(operand.tensor()) : nullptr;
}
bool any_tracked(const std::vector<Tensor>& tensors);
inline Edge edge_of(const Tensor& tensor) { return gradient_edge(tensor); }
inline Edge edge_of(const Operand& operand) {
  return operand.is_tensor() ? gradient_edge(operand.tensor()) : Edge{};
}
bool any_edge(Node& node, size_t first);
inline Dims shape_of(const Tensor& tensor) { return tensor.defined() ? tensor.sizes() : Dims{}; }
inline Dims shape_of(const Operand& o) { return o.is_tensor() ? shape_of(o.tensor()) : Dims{}; }
std::vector<Dims> shape_of(const std::vector<Tensor>& tensors);
// Operators of the view kind may have had to copy.
inline void set_view_if_shared(const Tensor& result, const Tensor& base,
                               bool multi_output = false) {
  if (result.storage() == base.storage()) set_view(result, base, multi_output);
}
inline DType dtype_of_value(const Tensor& tensor) { return tensor.dtype(); }

template <typename T>
void remove_node(Node* node) {
  delete static_cast<T*>(node);
}

// --- saved operands: a tensor or a number ---
class OwnedOperand {
 public:
  explicit OwnedOperand(Tensor tensor) : tensor_(std::move(tensor)) {}
  explicit OwnedOperand(const Scalar& scalar) : scalar_(scalar) {}
  operator Operand() const {  // NOLINT: implicit on purpose
    return tensor_.defined() ? Operand(tensor_) : Operand(scalar_);
  }
  operator Tensor() const;  // NOLINT: numbers become 0-d tensors, in double backward only

 private:
  Tensor tensor_;
  Scalar scalar_;
};

// A 0-d tensor of the number's widest dtype; with tensors that have dimensions it promotes as the
// number does.
Tensor exact_number(const Scalar& scalar);

class SavedOperand {
 public:
  void input(const Operand& operand) {
    if (operand.is_tensor()) {
      tensor_.input(operand.tensor());
      is_tensor_ = true;
    } else {
      scalar_ = operand.scalar();
    }
  }
  OwnedOperand get(Node& owner, const char* role) const {
    if (is_tensor_) return OwnedOperand(tensor_.get(owner, role));
    // Formulas over tensors may combine numbers alone (1 / other): these must not be rounded to the
    // default dtype.
    return modes.grad ? OwnedOperand(exact_number(scalar_)) : OwnedOperand(scalar_);
  }
  Saved& tensor() { return tensor_; }
  // Was it the number, so that formulas need not ask each element?
  bool is_number() const { return !is_tensor_; }
  bool is(int value) const { return scalar_.equals(value); }

 private:
  Saved tensor_;
  Scalar scalar_;
  bool is_tensor_ = false;
};

inline void visit_saved(Saved& saved, const char* role, SavedVisitor visit, void* context) {
  if (saved.defined()) visit(role, saved, context);
}
inline void visit_saved(SavedOperand& saved, const char* role, SavedVisitor visit, void* context) {
  visit_saved(saved.tensor(), role, visit, context);
}
inline void visit_saved(std::vector<Saved>& list, const char* role, SavedVisitor visit,
                        void* context) {
  for (Saved& saved : list) visit_saved(saved, role, visit, context);
}
void save_list(std::vector<Saved>& saved, const std::vector<Tensor>& tensors);
std::vector<Tensor> saved_list(Node& owner, const std::vector<Saved>& saved, const char* role);
void scatter_list(const std::vector<Tensor>& gradients, Tensor* results);

// --- gradients ---
// The gradient of output `index`, zeros where none arrived.
Tensor materialize(Node& node, const Tensor* gradients, size_t index);
std::vector<Tensor> materialize_all(Node& node, const Tensor* gradients);
Tensor zeros_matching(const Tensor& gradient);
Tensor cloned_values(const Tensor& tensor);
// g * conj(factor), with strong zeros: where g is 0 and the product is NaN, the result is 0.
Tensor vjp_product(const Tensor& gradient, const Operand& factor);
// The same in one pass: the kernel computes the factor from operands[1..]. `last`: nothing reads
// the gradient, operands[0], after this, so that its memory may take the result if it is ours
// alone.
Tensor vjp_elementwise(const ElementwiseKernel& kernel, const Operand* operands, int count,
                       const Scalar* parameters, bool last);

// --- in-place and out= forms of operators whose kernels allocate ---
void check_inplace_result(const char* op, const Tensor& self, const Tensor& result);
void write_out(const char* op, const Tensor& out, const Tensor& result);
// A copy of what is about to be written over, with its history, for derivatives that read it.
Tensor original_of(const Tensor& tensor);
// In-place forms of views: the old tensor under another name, and the change of geometry.
Tensor twin_with_history(const Tensor& tensor);
void become(const char* op, const Tensor& tensor, const Tensor& view);
// Gives a tensor the memory, sizes and dtype of another, and leaves its history alone.
void take_memory(const Tensor& tensor, const Tensor& data);

// Argument checks that table entries name with check=. They raise; they change nothing.
namespace check {
using Check = void(const Operand* operands, int count, DType dtype, const Scalar* parameters);
Check bool_negation;
Check bool_positive;
Check alpha;
Check subtraction;
Check celu_alpha;
Check complex_parts;
Check hardtanh_limits;
Check integer_addcdiv;
Check integer_division;
Check integer_power;
Check masked_fill_value;
Check where_condition;
Check polygamma_order;
Check softshrink_lambd;
Check tolerances;
Check unit_interval;
}  // namespace check

}  // namespace wengert
