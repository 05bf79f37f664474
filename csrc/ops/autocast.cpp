#include "ops/autocast.h"

#include "operators/basic.h"

namespace wengert {

constinit thread_local Autocast autocast;

Tensor autocast_to(const Tensor& tensor, DType dtype) {
  if (!tensor.defined() || !is_floating(tensor.dtype()) || tensor.dtype() == DType::float64 ||
      tensor.dtype() == dtype) {
    return tensor;
  }
  return ops::_to_dtype(tensor, dtype);
}

std::vector<Tensor> autocast_to(const std::vector<Tensor>& tensors, DType dtype) {
  std::vector<Tensor> result;
  result.reserve(tensors.size());
  for (const Tensor& tensor : tensors) result.push_back(autocast_to(tensor, dtype));
  return result;
}

}  // namespace wengert
