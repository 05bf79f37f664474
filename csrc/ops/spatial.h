// What convolutions and pooling share: arguments with one number per spatial dimension.
#pragma once
#include <string>

#include "tensor/tensor.h"

namespace wengert {

// One number stands for all dimensions.
inline Dims per_dimension(const char* op, const char* name, const Dims& values, int dimensions) {
  if (values.size() == 1) return Dims(static_cast<size_t>(dimensions), values[0]);
  WENGERT_CHECK(values.size() == static_cast<size_t>(dimensions), kRuntime, op, "(): expected ",
                name, " to be a single integer value or a list of ", dimensions,
                " values to match the convolution dimensions, but got ", name, "=",
                to_string(values));
  return values;
}

inline Dims spatial_sizes(const Dims& sizes, int dimensions) {
  return Dims(sizes.data() + sizes.size() - dimensions, static_cast<size_t>(dimensions));
}

// "5 x 5"
inline std::string joined(const Dims& sizes, const char* separator = " x ") {
  std::string text;
  for (int64_t size : sizes) text += (text.empty() ? "" : separator) + std::to_string(size);
  return text;
}

}  // namespace wengert
