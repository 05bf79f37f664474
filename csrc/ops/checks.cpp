// Argument checks of elementwise operators, with PyTorch's sentences.
#include "ops/record.h"

namespace wengert::check {

namespace {

bool any_zero(const Operand& operand) {
  if (!operand.is_tensor()) return operand.scalar().equals(0);
  const Tensor values = converted_values(operand.tensor(), DType::int64);
  const auto* data = values.data_as<int64_t>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    if (data[i] == 0) return true;
  }
  return false;
}

DType dtype_of(const Operand& operand) {
  return operand.is_tensor() ? operand.tensor().dtype() : scalar_dtype(operand.scalar());
}

}  // namespace

void bool_negation(const Operand*, int, DType dtype, const Scalar*) {
  WENGERT_CHECK(
      dtype != DType::bool_, kRuntime,
      "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
      "invert a mask, use the `~` or `logical_not()` operator instead.");
}

void bool_positive(const Operand*, int, DType dtype, const Scalar*) {
  WENGERT_CHECK(dtype != DType::bool_, kRuntime,
                "The `+` operator, on a bool tensor is not supported.");
}

void alpha(const Operand*, int, DType dtype, const Scalar* parameters) {
  const Scalar::Kind kind = parameters[0].kind();
  if (kind == Scalar::Kind::kInt) return;
  WENGERT_CHECK(kind != Scalar::Kind::kBool || dtype == DType::bool_, kRuntime,
                "Boolean alpha only supported for Boolean results.");
  WENGERT_CHECK(kind != Scalar::Kind::kFloat || !is_integral(dtype), kRuntime,
                "For integral input tensors, argument alpha must not be a floating point number.");
  WENGERT_CHECK(kind != Scalar::Kind::kComplex || is_complex(dtype), kRuntime,
                "For non-complex input tensors, argument alpha must not be a complex number.");
}

void subtraction(const Operand* operands, int count, DType dtype, const Scalar* parameters) {
  const bool a = dtype_of(operands[0]) == DType::bool_, b = dtype_of(operands[1]) == DType::bool_;
  WENGERT_CHECK(
      !(a && b), kRuntime,
      "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` "
      "or `logical_xor()` operator instead.");
  WENGERT_CHECK(
      !a && !b, kRuntime,
      "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
      "to invert a mask, use the `~` or `logical_not()` operator instead.");
  alpha(operands, count, dtype, parameters);
}

void celu_alpha(const Operand*, int, DType, const Scalar* parameters) {
  WENGERT_CHECK(!parameters[0].equals(0), kRuntime,
                "ZeroDivisionError: alpha cannot be 0 for CELU");
}

void complex_parts(const Operand* operands, int, DType, const Scalar*) {
  const DType a = dtype_of(operands[0]), b = dtype_of(operands[1]);
  WENGERT_CHECK(a == b, kRuntime, "Expected object of scalar type ", dtype_name(a),
                " but got scalar type ", dtype_name(b), " for second argument");
  WENGERT_CHECK(a == DType::float32 || a == DType::float64, kRuntime,
                "Expected both inputs to be Half, Float or Double tensors but got ", dtype_name(a),
                " and ", dtype_name(b));
}

void hardtanh_limits(const Operand*, int, DType dtype, const Scalar* parameters) {
  WENGERT_CHECK(dtype != DType::bool_, kRuntime, "Bool inputs not supported for hardtanh");
  WENGERT_CHECK(parameters[0].real() <= parameters[1].real(), kValue,
                "min_val cannot be greater than max_val");
}

void integer_addcdiv(const Operand* operands, int count, DType, const Scalar*) {
  bool integral = true;
  for (int k = 1; k < count; ++k) integral = integral && is_integral(dtype_of(operands[k]));
  WENGERT_CHECK(!integral, kRuntime,
                "Integer division with addcdiv is no longer supported, and in a future release "
                "addcdiv will perform a true division of tensor1 and tensor2.");
}

void integer_division(const Operand* operands, int, DType dtype, const Scalar*) {
  WENGERT_CHECK(!is_integral(dtype) || !any_zero(operands[1]), kRuntime, "ZeroDivisionError");
}

void integer_power(const Operand* operands, int, DType dtype, const Scalar*) {
  if (!is_integral(dtype) || operands[1].is_tensor()) return;
  WENGERT_CHECK(operands[1].scalar().real() >= 0, kRuntime,
                "Integers to negative integer powers are not allowed.");
}

void where_condition(const Operand* operands, int, DType, const Scalar*) {
  const DType dtype = dtype_of(operands[0]);
  WENGERT_CHECK(dtype == DType::bool_ || dtype == DType::uint8, kRuntime,
                "where expected condition to be a boolean tensor, but got a tensor with dtype ",
                dtype_name(dtype));
}

void masked_fill_value(const Operand* operands, int, DType, const Scalar*) {
  const DType mask = dtype_of(operands[1]);
  WENGERT_CHECK(mask == DType::bool_, kRuntime,
                "masked_fill_ only supports boolean masks, but got mask with dtype ",
                dtype_name(mask));
  if (!operands[2].is_tensor()) return;
  const Tensor& value = operands[2].tensor();
  WENGERT_CHECK(value.ndim() == 0, kRuntime,
                "masked_fill only supports a 0-dimensional value tensor, but got tensor with ",
                value.ndim(), " dimension(s).", describe_argument("value", value));
}

void polygamma_order(const Operand*, int, DType, const Scalar* parameters) {
  WENGERT_CHECK(parameters[0].to<int64_t>() >= 0, kRuntime,
                "polygamma(n, x) does not support negative n.");
}

void tolerances(const Operand* operands, int, DType, const Scalar* parameters) {
  const DType a = dtype_of(operands[0]), b = dtype_of(operands[1]);
  WENGERT_CHECK(a == b, kRuntime, dtype_name(a), " did not match ", dtype_name(b));
  const char* const names[] = {"rtol", "atol"};
  for (int i = 0; i < 2; ++i) {
    WENGERT_CHECK(parameters[i].real() >= 0, kRuntime, names[i],
                  " must be greater than or equal to zero, but got ", parameters[i].real());
  }
}

void softshrink_lambd(const Operand*, int, DType, const Scalar* parameters) {
  WENGERT_CHECK(parameters[0].real() >= 0, kRuntime,
                "lambda must be greater or equal to 0, but found to be ", parameters[0].real(),
                ".");
}

void unit_interval(const Operand* operands, int, DType, const Scalar*) {
  if (!operands[0].is_tensor()) return;
  const Tensor values = converted_values(operands[0].tensor(), DType::float64);
  const auto* data = values.data_as<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    WENGERT_CHECK(!(data[i] < 0 || data[i] > 1), kRuntime,
                  "all elements of input should be between 0 and 1");
  }
}

}  // namespace wengert::check
