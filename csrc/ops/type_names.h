// The names that PyTorch's error messages give to dtypes.
#pragma once
#include "base/dtype.h"

namespace wengert {

// "Float", "Long"
constexpr const char* type_name(DType dtype) {
  constexpr const char* kNames[kNumDTypes] = {"Bool",  "Byte",   "Char",         "Short",
                                              "Int",   "Long",   "Half",         "BFloat16",
                                              "Float", "Double", "ComplexFloat", "ComplexDouble"};
  return kNames[static_cast<int>(dtype)];
}

// "float", "double"; the other dtypes by their own names
constexpr const char* element_name(DType dtype) {
  if (dtype == DType::float32) return "float";
  if (dtype == DType::float64) return "double";
  return dtype_name(dtype);
}

}  // namespace wengert
