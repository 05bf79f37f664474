// Which dtype comes out when operands of several dtypes meet: PyTorch's rules. Tensors with
// dimensions outrank 0-d tensors, which outrank Python numbers; a lower rank only decides when its
// category (bool < integer < floating < complex) is higher.
#pragma once
#include "base/dtype.h"
#include "base/scalar.h"
#include "tensor/tensor.h"

namespace wengert {

DType promote(DType a, DType b);
DType default_dtype();
void set_default_dtype(DType dtype);
bool can_cast(DType from, DType to);
DType scalar_dtype(const Scalar& scalar);  // the default dtype of its category

class Promotion {
 public:
  void add(const Tensor& tensor) { add(tensor.dtype(), tensor.ndim() == 0); }
  void add(DType dtype, bool zero_dim) {
    DType& slot = zero_dim ? zero_dim_ : dimensioned_;
    bool& seen = zero_dim ? has_zero_dim_ : has_dimensioned_;
    slot = seen && slot != dtype ? promote(slot, dtype) : dtype;
    seen = true;
  }
  void add(const Scalar& scalar) {
    const DType dtype = scalar_dtype(scalar);
    number_ = has_number_ && number_ != dtype ? promote(number_, dtype) : dtype;
    has_number_ = true;
  }
  DType result() const;

 private:
  DType dimensioned_ = DType::bool_, zero_dim_ = DType::bool_, number_ = DType::bool_;
  bool has_dimensioned_ = false, has_zero_dim_ = false, has_number_ = false;
};

}  // namespace wengert
