#include "tensor/promotion.h"

namespace wengert {

namespace {

DType default_dtype_value = DType::float32;

int category(DType dtype) {
  return dtype == DType::bool_ ? 0 : is_integral(dtype) ? 1 : is_floating(dtype) ? 2 : 3;
}

DType combine(DType higher, DType lower) {
  if (category(lower) <= category(higher)) return higher;
  // A complex number next to a real tensor keeps the tensor's precision.
  if (is_complex(lower) && is_floating(higher)) return to_complex(higher);
  return lower;
}

}  // namespace

DType default_dtype() { return default_dtype_value; }
void set_default_dtype(DType dtype) { default_dtype_value = dtype; }

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (a > b) std::swap(a, b);
  // Now a < b in the order of the enum: bool, uint8, int8 ... complex128.
  if (a == DType::bool_) return b;
  if (a == DType::uint8 && b == DType::int8) return DType::int16;
  if (a == DType::float16 && b == DType::bfloat16) return DType::float32;
  if (is_complex(b) && a == DType::float64) return DType::complex128;
  return b;
}

bool can_cast(DType from, DType to) { return category(from) <= category(to); }

DType scalar_dtype(const Scalar& scalar) {
  switch (scalar.kind()) {
    case Scalar::Kind::kBool:
      return DType::bool_;
    case Scalar::Kind::kInt:
      return DType::int64;
    case Scalar::Kind::kFloat:
      return default_dtype();
    case Scalar::Kind::kComplex:
      break;
  }
  return to_complex(default_dtype());
}

DType Promotion::result() const {
  DType low = number_;
  bool has_low = has_number_;
  if (has_zero_dim_) {
    low = has_low ? combine(zero_dim_, low) : zero_dim_;
    has_low = true;
  }
  if (has_dimensioned_) return has_low ? combine(dimensioned_, low) : dimensioned_;
  return has_low ? low : default_dtype();
}

}  // namespace wengert
