// Runs elementwise kernels over tensors and numbers of any dtype, shape and strides.
#pragma once
#include "kernels/cpu/elementwise.h"
#include "tensor/promotion.h"
#include "tensor/tensor.h"

namespace wengert {

// An argument that may be a tensor or a Python number. Borrows the tensor.
class Operand {
 public:
  Operand(const Tensor& tensor) : tensor_(&tensor) {}  // NOLINT: implicit on purpose
  Operand(const Scalar& scalar) : scalar_(scalar) {}   // NOLINT
  Operand(double value) : scalar_(value) {}            // NOLINT
  Operand(int value) : scalar_(value) {}               // NOLINT
  Operand(int64_t value) : scalar_(value) {}           // NOLINT
  bool is_tensor() const { return tensor_ != nullptr; }
  const Tensor& tensor() const { return *tensor_; }
  const Scalar& scalar() const { return scalar_; }

 private:
  const Tensor* tensor_ = nullptr;
  Scalar scalar_;
};

// What the generator knows of a kernel. Codes, output first: T the compute dtype, R its real
// counterpart, C its complex counterpart, B bool, I int64.
struct ElementwiseKernel {
  const char* name;
  int number;  // row of cpu::elementwise_loops()
  int inputs;
  int parameters;  // numbers that are the same for all elements
  const char* codes;
};

enum class IntegerRule { kKeep, kToFloat };
enum class ResultRule { kSame, kBool, kReal, kComplex };

// The dtype that an operator computes in before reduced floats are widened. `promotes[k]` is false
// for operands that take no part (masks).
DType elementwise_dtype(const Operand* operands, int count, const char* codes, IntegerRule rule);
Dims elementwise_shape(const char* op, const Operand* operands, int count);
DType result_dtype(ResultRule rule, DType dtype);

// out[...] = kernel(operands...). `out` has the broadcast shape; any dtype is converted.
void run_elementwise(const ElementwiseKernel& kernel, DType dtype, const Tensor& out,
                     const Operand* operands, const Scalar* parameters);
// Allocates the output.
Tensor new_elementwise(const ElementwiseKernel& kernel, DType dtype, ResultRule rule,
                       const Operand* operands, const Scalar* parameters);
// Checks for in-place and out= forms: shapes, castability, overlap, then runs.
void run_elementwise_into(const ElementwiseKernel& kernel, DType dtype, ResultRule rule,
                          const Tensor& out, bool resize, const Operand* operands,
                          const Scalar* parameters);

// Writes `source`, broadcast and converted, into `target`. No history, no version.
void copy_values(const Tensor& target, const Tensor& source);
void fill_values(const Tensor& target, const Scalar& value);
Tensor contiguous_values(const Tensor& tensor);              // itself where it is contiguous
Tensor converted_values(const Tensor& tensor, DType dtype);  // contiguous, of that dtype
void check_writable(const char* op, const Tensor& target);   // overlap, read-only memory

}  // namespace wengert
