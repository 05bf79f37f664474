// x[...] and x[...] = v: Python's index becomes views, then gathers by index tensors.
#include "bindings/call.h"
#include "operators/basic.h"
#include "operators/shape.h"
#include "operators/view.h"

namespace wengert::python {

namespace {

// The index as a flat list of items; `items` owns what it has to.
struct IndexItems {
  explicit IndexItems(PyObject* index) {
    if (PyTuple_Check(index)) {
      list = Py_NewRef(index);
    } else {
      list = checked(PyTuple_Pack(1, index));
    }
  }
  ~IndexItems() { Py_DECREF(list); }
  IndexItems(const IndexItems&) = delete;
  IndexItems& operator=(const IndexItems&) = delete;
  Py_ssize_t size() const { return PyTuple_GET_SIZE(list); }
  PyObject* operator[](Py_ssize_t i) const { return PyTuple_GET_ITEM(list, i); }
  PyObject* list;
};

bool is_integer(PyObject* item) {
  if (PyBool_Check(item)) return false;
  if (PyLong_Check(item)) return true;
  if (is_tensor(item)) {
    const Tensor& tensor = unwrap(item);
    return tensor.ndim() == 0 && is_integral(tensor.dtype()) && tensor.dtype() != DType::bool_;
  }
  return PyIndex_Check(item) && PySequence_Check(item) == 0;
}

int64_t integer_of(PyObject* item) {
  PyObject* number = checked(PyNumber_Index(item));
  const int64_t value = PyLong_AsLongLong(number);
  Py_DECREF(number);
  if (value == -1 && PyErr_Occurred() != nullptr) throw_python_error();
  return value;
}

// How many dimensions of the tensor an item uses up.
int64_t consumed(PyObject* item) {
  if (item == Py_None || item == Py_Ellipsis || PyBool_Check(item)) return 0;
  if (is_tensor(item) && unwrap(item).dtype() == DType::bool_) return unwrap(item).ndim();
  return 1;
}

Tensor index_tensor(PyObject* item) {
  if (is_tensor(item)) return unwrap(item);
  if (Tensor array = values_of_array(item); array.defined()) return array;
  return tensor_from_data(item, PySequence_Check(item) != 0 && PySequence_Size(item) == 0
                                    ? std::optional<DType>(DType::int64)
                                    : std::nullopt);
}

// What an index amounts to: a view, and index tensors for some of its dimensions.
struct Resolved {
  Tensor view;
  std::vector<Tensor> indices;  // undefined where the dimension is taken whole
  bool advanced = false;
};

void apply_slice(Tensor* view, int64_t dim, PyObject* slice) {
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(slice, &start, &stop, &step) != 0) throw_python_error();
  WENGERT_CHECK(step > 0, kValue, "step must be greater than zero");
  const Py_ssize_t size = static_cast<Py_ssize_t>(view->sizes()[dim]);
  PySlice_AdjustIndices(size, &start, &stop, step);
  if (start == 0 && stop == size && step == 1) return;
  *view = ops::slice(*view, dim, start, std::max(start, stop), step);
}

Resolved resolve(const Tensor& tensor, const IndexItems& items) {
  int64_t used = 0;
  for (Py_ssize_t i = 0; i < items.size(); ++i) used += consumed(items[i]);
  WENGERT_CHECK(used <= tensor.ndim(), kIndex, "too many indices for tensor of dimension ",
                tensor.ndim(), describe_argument("self", tensor));
  Resolved result{tensor, {}, false};
  int64_t dim = 0;
  bool ellipsis = false;
  for (Py_ssize_t i = 0; i < items.size(); ++i) {
    PyObject* item = items[i];
    if (item == Py_Ellipsis) {
      WENGERT_CHECK(!ellipsis, kIndex, "an index can only have a single ellipsis ('...')");
      ellipsis = true;
      dim += tensor.ndim() - used;
    } else if (item == Py_None) {
      result.view = ops::unsqueeze(result.view, dim++);
    } else if (PySlice_Check(item)) {
      apply_slice(&result.view, dim++, item);
    } else if (is_integer(item)) {
      const int64_t value = integer_of(item), size = result.view.sizes()[dim];
      WENGERT_CHECK(value >= -size && value < size, kIndex, "index ", value,
                    " is out of bounds for dimension ", dim, " with size ", size);
      result.view = ops::select(result.view, dim, value);
    } else if (PyBool_Check(item)) {
      // A Python bool makes a dimension of size 1 or 0.
      result.view = ops::unsqueeze(result.view, dim);
      Tensor flag = empty({1}, DType::bool_);
      *flag.data_as<bool>() = item == Py_True;
      result.indices.resize(dim + 1);
      result.indices[dim++] = flag;
      result.advanced = true;
    } else {
      WENGERT_CHECK(
          is_tensor(item) || PySequence_Check(item) != 0, kIndex,
          "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables "
          "are valid indices (got ",
          Py_TYPE(item)->tp_name, ")");
      const Tensor index = index_tensor(item);
      WENGERT_CHECK(is_integral(index.dtype()), kIndex,
                    "tensors used as indices must be long, int, byte or bool tensors",
                    describe_argument("index", index));
      result.indices.resize(dim + 1);
      result.indices[dim] = index;
      result.advanced = true;
      if (index.dtype() == DType::bool_) {
        dim += std::max<int64_t>(index.ndim(), 0);
        // A mask of several dimensions takes the place of one index per dimension.
        if (index.ndim() > 1) result.indices.resize(result.indices.size() - 1 + 1);
        if (index.ndim() == 0) {
          result.view = ops::unsqueeze(result.view, dim);
          ++dim;
        }
      } else {
        ++dim;
      }
    }
  }
  return result;
}

// Masks become the coordinates of their true elements, one index tensor per dimension.
std::vector<Tensor> expand_masks(const Resolved& resolved) {
  std::vector<Tensor> result;
  int64_t dim = 0;
  for (size_t i = 0; i < resolved.indices.size();) {
    const Tensor& index = resolved.indices[i];
    if (!index.defined() || index.dtype() != DType::bool_) {
      result.push_back(index);
      ++i;
      ++dim;
      continue;
    }
    const int64_t used = std::max<int64_t>(index.ndim(), 1);
    for (int64_t d = 0; d < index.ndim(); ++d) {
      WENGERT_CHECK(
          dim + d < resolved.view.ndim() && index.sizes()[d] == resolved.view.sizes()[dim + d],
          kIndex, "The shape of the mask ", to_string(index.sizes()), " at index ", d,
          " does not match the shape of the indexed tensor ", to_string(resolved.view.sizes()),
          " at index ", dim + d);
    }
    const Tensor coordinates = ops::nonzero(index.ndim() == 0 ? ops::unsqueeze(index, 0) : index);
    for (int64_t d = 0; d < used; ++d) result.push_back(ops::select(coordinates, 1, d));
    dim += used;
    i += static_cast<size_t>(used);
  }
  return result;
}

Tensor value_tensor(PyObject* value, DType dtype) {
  if (is_tensor(value)) return unwrap(value);
  Scalar scalar;
  if (to_number(value, &scalar)) {
    Tensor result = empty({}, dtype);
    fill_values(result, scalar);
    return result;
  }
  return index_tensor(value);
}

// Leading ones that the target does not have are dropped, as in NumPy.
Tensor fit_value(const Tensor& value, const Dims& target) {
  if (value.sizes().size() <= target.size()) return value;
  Dims sizes = value.sizes();
  while (sizes.size() > target.size() && sizes[0] == 1) sizes.erase(0);
  return ops::reshape(value, sizes);
}

}  // namespace

PyObject* get_item(PyObject* self, PyObject* index) {
  return guarded([&]() -> PyObject* {
    const Tensor& tensor = unwrap(self);
    if (PyLong_CheckExact(index) && tensor.ndim() > 0) {  // the common case, without lists
      const int64_t value = integer_of(index), size = tensor.sizes()[0];
      WENGERT_CHECK(value >= -size && value < size, kIndex, "index ", value,
                    " is out of bounds for dimension 0 with size ", size);
      return wrap(ops::select(tensor, 0, value));
    }
    WENGERT_CHECK(
        tensor.ndim() > 0 || !is_integer(index), kIndex,
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python to convert a 0-dim "
        "tensor to a number");
    const IndexItems items(index);
    const Resolved resolved = resolve(tensor, items);
    if (!resolved.advanced) {
      return wrap(resolved.view.same(tensor) ? ops::_alias(tensor) : resolved.view);
    }
    return wrap(ops::index(resolved.view, expand_masks(resolved)));
  });
}

int set_item(PyObject* self, PyObject* index, PyObject* value) {
  try {
    WENGERT_CHECK(value != nullptr, kType, "Tensor does not support deleting items");
    const Tensor& tensor = unwrap(self);
    check_inplace("setitem", tensor);
    const IndexItems items(index);
    const Resolved resolved = resolve(tensor, items);
    Tensor source = value_tensor(value, tensor.dtype());
    if (!resolved.advanced) {
      Tensor target = resolved.view;
      ops::copy_(target, fit_value(source, target.sizes()), false);
      return 0;
    }
    Tensor target = resolved.view;
    ops::index_put_(target, expand_masks(resolved), source, false);
    return 0;
  } catch (...) {
    raise_current();
    return -1;
  }
}

}  // namespace wengert::python
