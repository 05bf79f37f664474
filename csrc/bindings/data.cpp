// Python data to tensors and back: nested sequences, numbers, lists.
#include <cstring>

#include "bindings/call.h"
#include "device/cpu/parallel.h"
#include "operators/basic.h"
#include "tensor/wrapper.h"

namespace wengert::python {

Scalar item_of(const Tensor& tensor) {
  WENGERT_CHECK(tensor.numel() == 1, kRuntime, "a Tensor with ", tensor.numel(),
                " elements cannot be converted to Scalar", describe_argument("self", tensor));
  if (is_wrapped(tensor)) [[unlikely]] {
    const Tensor within = readable(
        tensor,
        "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over "
        "calling "
        ".item() on a Tensor, please try to rewrite what you're doing with other operations.");
    return Scalar::load(within.dtype(), within.data());
  }
  return Scalar::load(tensor.dtype(), tensor.data());
}

namespace {

PyObject* list_level(const Tensor& tensor, const char* data, int64_t dim) {
  if (dim == tensor.ndim()) return wrap(Scalar::load(tensor.dtype(), data));
  const int64_t size = tensor.sizes()[dim];
  const int64_t step = tensor.strides()[dim] * static_cast<int64_t>(tensor.item_size());
  PyObject* list = checked(PyList_New(size));
  for (int64_t i = 0; i < size; ++i) {
    PyList_SET_ITEM(list, i, list_level(tensor, data + i * step, dim + 1));
  }
  return list;
}

bool is_sequence(PyObject* object) {
  return PyList_Check(object) || PyTuple_Check(object) ||
         (PySequence_Check(object) != 0 && !PyUnicode_Check(object) && !PyBytes_Check(object) &&
          !is_tensor(object) && PyObject_HasAttrString(object, "__array__") == 0);
}

bool is_plain_number(PyObject* object) {
  return PyFloat_CheckExact(object) || PyLong_CheckExact(object) || PyBool_Check(object) ||
         PyComplex_CheckExact(object);
}

// A first pass finds sizes and dtype, a second one fills.
class Reader {
 public:
  Tensor read(PyObject* data, const std::optional<DType>& dtype) {
    measure(data, 0);
    const DType target = dtype.has_value() ? *dtype : seen_ ? dtype_ : default_dtype();
    Tensor result = empty(sizes_, target);
    cursor_ = result.data();
    target_ = target;
    width_ = item_size(target);
    fill(data, 0);
    return result;
  }

 private:
  void see(DType dtype) {
    dtype_ = seen_ ? promote(dtype_, dtype) : dtype;
    seen_ = true;
  }

  void measure(PyObject* object, size_t depth) {
    WENGERT_CHECK(depth <= 64, kValue, "too many dimensions (is the sequence nested in itself?)");
    if (is_sequence(object)) {
      PyObject* items = checked(PySequence_Fast(object, "expected a sequence"));
      const Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
      try {
        level(count, depth, object);
        for (Py_ssize_t i = 0; i < count; ++i)
          measure(PySequence_Fast_GET_ITEM(items, i), depth + 1);
      } catch (...) {
        Py_DECREF(items);
        throw;
      }
      Py_DECREF(items);
      return;
    }
    if (is_tensor(object)) {
      WENGERT_CHECK(unwrap(object).numel() == 1, kValue,
                    "only one element tensors can be converted to Python scalars");
      finish(depth, object);
      return see(unwrap(object).dtype());
    }
    if (!is_plain_number(object)) {
      if (const Tensor array = values_of_array(object); array.defined()) {
        for (const int64_t size : array.sizes()) level(size, depth++, object);
        finish(depth, object);
        return see(array.dtype());
      }
    }
    Scalar value;
    if (!to_number(object, &value)) fail_element(depth, object);
    finish(depth, object);
    see(scalar_dtype(value));
  }
  [[noreturn, gnu::cold]] void fail_element(size_t depth, PyObject* object) const {
    const char* type = Py_TYPE(object)->tp_name;
    const bool text = PyUnicode_Check(object) || PyBytes_Check(object);
    WENGERT_CHECK(!text || (depth > 0 && !seen_), kType, "new(): invalid data type '", type, "'");
    WENGERT_CHECK(!text, kValue, "too many dimensions '", type, "'");
    fail(ErrorKind::kRuntime, "Could not infer dtype of ", type);
  }
  void level(Py_ssize_t count, size_t depth, PyObject* object) {
    if (depth < sizes_.size()) {
      WENGERT_CHECK(sizes_[depth] == count, kValue, "expected sequence of length ", sizes_[depth],
                    " at dim ", depth, " (got ", count, ")");
      return;
    }
    WENGERT_CHECK(!closed_, kValue, "too many dimensions '", Py_TYPE(object)->tp_name, "'");
    sizes_.push_back(count);
  }
  void finish(size_t depth, PyObject* object) {
    WENGERT_CHECK(depth == sizes_.size(), kType, "expected a sequence at dim ", depth, ", got '",
                  Py_TYPE(object)->tp_name, "'");
    closed_ = true;
  }

  void fill(PyObject* object, size_t depth) {
    if (!is_plain_number(object) && !PyList_Check(object) && !PyTuple_Check(object)) {
      if (const Tensor array = values_of_array(object); array.defined()) {
        WENGERT_CHECK(!is_complex(array.dtype()) || is_complex(target_), kType,
                      "must be real number, not complex");
        const Tensor values = converted_values(array, target_);
        const size_t bytes = static_cast<size_t>(values.numel()) * width_;
        if (bytes != 0) std::memcpy(cursor_, values.data(), bytes);
        cursor_ += bytes;
        return;
      }
    }
    if (depth == sizes_.size()) {
      Scalar value;
      if (is_tensor(object)) {
        value = item_of(unwrap(object));
      } else {
        to_number(object, &value);
      }
      WENGERT_CHECK(!value.is_complex() || is_complex(target_), kType,
                    "must be real number, not complex");
      value.store(target_, cursor_);
      cursor_ += width_;
      return;
    }
    PyObject* items = checked(PySequence_Fast(object, "expected a sequence"));
    try {
      for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items); ++i) {
        fill(PySequence_Fast_GET_ITEM(items, i), depth + 1);
      }
    } catch (...) {
      Py_DECREF(items);
      throw;
    }
    Py_DECREF(items);
  }

  Dims sizes_;
  DType dtype_ = DType::bool_, target_ = DType::bool_;
  bool seen_ = false, closed_ = false;
  char* cursor_ = nullptr;
  size_t width_ = 0;
};

}  // namespace

PyObject* to_list(const Tensor& tensor) {
  const Tensor within = readable(tensor,
                                 "vmap: It looks like you're calling .tolist() on a Tensor, "
                                 "which stands for a whole batch inside of vmap.");
  return list_level(within, within.data(), 0);
}

Tensor tensor_from_data(PyObject* data, const std::optional<DType>& dtype) {
  if (is_tensor(data)) {
    const Tensor& source = unwrap(data);
    if (is_wrapped(source)) {
      return ops::clone(ops::detach(ops::_to_dtype(source, dtype.value_or(source.dtype()))));
    }
    Tensor result = empty(source.sizes(), dtype.value_or(source.dtype()));
    copy_values(result, source);
    return result;
  }
  if (!is_plain_number(data) && !PyList_Check(data) && !PyTuple_Check(data)) {
    if (const Tensor array = values_of_array(data); array.defined()) {
      Tensor result = empty(array.sizes(), dtype.value_or(array.dtype()));
      copy_values(result, array);
      return result;
    }
  }
  return Reader().read(data, dtype);
}

}  // namespace wengert::python
