// x[...] and x[...] = v: Python's index becomes views, then gathers by index tensors.
#include "bindings/call.h"
#include "graph/node.h"
#include "operators/basic.h"
#include "operators/elementwise.h"
#include "operators/shape.h"
#include "operators/view.h"
#include "ops/type_names.h"

namespace wengert::python {

namespace {

bool is_mask(DType dtype) { return dtype == DType::bool_ || dtype == DType::uint8; }

bool is_integer(PyObject* item) {
  if (PyBool_Check(item)) return false;
  if (PyLong_Check(item)) return true;
  if (is_tensor(item)) {
    const Tensor& tensor = unwrap(item);
    if (is_wrapped(tensor)) return false;  // a number for each sample: as good as an index tensor
    return tensor.ndim() == 0 && is_integral(tensor.dtype()) && !is_mask(tensor.dtype());
  }
  return PyIndex_Check(item) && PySequence_Check(item) == 0;
}

int64_t integer_of(PyObject* item) {
  PyObject* number = checked(PyNumber_Index(item));
  int overflow = 0;
  const int64_t value = PyLong_AsLongLongAndOverflow(number, &overflow);
  Py_DECREF(number);
  WENGERT_CHECK(overflow == 0, kValue, "Overflow when unpacking long long");
  return value;
}

Tensor data_tensor(PyObject* item) {
  if (is_tensor(item)) return unwrap(item);
  if (Tensor array = values_of_array(item); array.defined()) return array;
  return tensor_from_data(item, PySequence_Check(item) != 0 && PySequence_Size(item) == 0
                                    ? std::optional<DType>(DType::int64)
                                    : std::nullopt);
}

// PyTorch still reads a list of lists, tensors or slices as a tuple, and warns that it will read it
// as NumPy does: as the data of one index tensor. That is what happens here.
void check_sequence(PyObject* item) {
  if (!PyList_Check(item)) return;
  bool nested = false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(item); ++i) {
    PyObject* each = PyList_GET_ITEM(item, i);
    const bool several = PySlice_Check(each) || each == Py_None || each == Py_Ellipsis ||
                         (is_tensor(each) && unwrap(each).ndim() > 0);
    WENGERT_CHECK(!several, kIndex,
                  "Using a non-tuple sequence for multidimensional indexing is not supported; use "
                  "x[tuple(seq)] instead of x[seq]");
    nested = nested || is_tensor(each) || PyList_Check(each) || PyTuple_Check(each);
  }
  if (nested && PyErr_WarnEx(PyExc_UserWarning,
                             "x[seq] with a nested list is read as x[wengert.tensor(seq)]; where "
                             "an index for each dimension is meant, write x[tuple(seq)]",
                             1) != 0) {
    throw_python_error();
  }
}

Tensor index_tensor(PyObject* item) {
  const bool text = PyUnicode_Check(item) || PyBytes_Check(item);
  WENGERT_CHECK(is_tensor(item) || (PySequence_Check(item) != 0 && !text), kIndex,
                "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables "
                "are valid indices (got ",
                Py_TYPE(item)->tp_name, ")");
  Tensor index = data_tensor(item);
  if (!is_tensor(item) && index.numel() == 0 && !is_integral(index.dtype())) {
    return empty(index.sizes(), DType::int64);  // no element says that these are no integers
  }
  WENGERT_CHECK(is_integral(index.dtype()), kIndex,
                "tensors used as indices must be long, int, byte or bool tensors",
                describe_argument("index", index));
  if (index.dtype() != DType::uint8) return index;
  if (PyErr_WarnEx(PyExc_UserWarning,
                   "indexing with dtype wengert.uint8 is deprecated, please use a dtype "
                   "wengert.bool instead.",
                   1) != 0) {
    throw_python_error();
  }
  return converted_values(index, DType::bool_);
}

// One of the items that an index consists of.
struct Item {
  explicit Item(PyObject* item) : object(item) {
    const bool simple = item == Py_None || item == Py_Ellipsis || PyBool_Check(item) ||
                        PySlice_Check(item) || is_integer(item);
    if (!simple) tensor = index_tensor(item);
  }
  // How many dimensions of the indexed tensor it uses up.
  int64_t consumed() const {
    if (object == Py_None || object == Py_Ellipsis || PyBool_Check(object)) return 0;
    return tensor.defined() && tensor.dtype() == DType::bool_ ? tensor.ndim() : 1;
  }
  PyObject* object;  // borrowed
  Tensor tensor;     // of an advanced index
};

std::vector<Item> items_of(PyObject* index) {
  std::vector<Item> items;
  if (!PyTuple_Check(index)) {
    check_sequence(index);
    items.emplace_back(index);
  } else {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(index); ++i) {
      items.emplace_back(PyTuple_GET_ITEM(index, i));
    }
  }
  return items;
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

Resolved resolve(const Tensor& tensor, PyObject* whole) {
  const std::vector<Item> items = items_of(whole);
  int64_t used = 0;
  for (const Item& item : items) {
    used += item.consumed();
    WENGERT_CHECK(tensor.ndim() > 0 || !PySlice_Check(item.object), kIndex,
                  "slice() cannot be applied to a 0-dim tensor.");
  }
  WENGERT_CHECK(used <= tensor.ndim(), kIndex, "too many indices for tensor of dimension ",
                tensor.ndim(), describe_argument("self", tensor));
  Resolved result{tensor, {}, false};
  int64_t dim = 0;  // of the view
  int64_t own = 0;  // of the tensor, for messages
  bool ellipsis = false;
  for (const auto& [item, index] : items) {
    if (item == Py_Ellipsis) {
      WENGERT_CHECK(!ellipsis, kIndex, "an index can only have a single ellipsis ('...')");
      ellipsis = true;
      dim += tensor.ndim() - used;
      own += tensor.ndim() - used;
    } else if (item == Py_None) {
      result.view = ops::unsqueeze(result.view, dim++);
    } else if (PySlice_Check(item)) {
      apply_slice(&result.view, dim++, item);
      ++own;
    } else if (is_integer(item)) {
      const int64_t value = integer_of(item), size = result.view.sizes()[dim];
      WENGERT_CHECK(value >= -size && value < size, kIndex, "index ", value,
                    " is out of bounds for dimension ", own, " with size ", size);
      result.view = ops::select(result.view, dim, value);
      ++own;
    } else if (PyBool_Check(item)) {
      // A Python bool makes a dimension of size 1 or 0.
      result.view = ops::unsqueeze(result.view, dim);
      Tensor flag = empty({1}, DType::bool_);
      *flag.data_as<bool>() = item == Py_True;
      result.indices.resize(dim + 1);
      result.indices[dim++] = flag;
      result.advanced = true;
    } else {
      own += index.dtype() == DType::bool_ ? index.ndim() : 1;
      result.indices.resize(dim + 1);
      result.indices[dim] = index;
      result.advanced = true;
      if (index.dtype() == DType::bool_) {
        dim += index.ndim();  // a mask takes the place of one index per dimension
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
    for (const Tensor* at = &index; is_wrapped(*at); at = &(*at)->wrapper->inner) {
      WENGERT_CHECK((*at)->wrapper->dim < 0, kRuntime,
                    "vmap: We do not support batching operators that can output dynamic shape. "
                    "Attempted to vmap over indexing with a boolean mask. Use where()");
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
  const bool data =
      PySequence_Check(value) != 0 && !PyUnicode_Check(value) && !PyBytes_Check(value);
  Scalar scalar;
  if (to_number(value, &scalar)) {
    WENGERT_CHECK(!scalar.is_complex() || is_complex(dtype), kRuntime,
                  "value cannot be converted to type ", dtype_name(dtype), " without overflow");
    Tensor result = empty({}, dtype);
    fill_values(result, scalar);
    return result;
  }
  WENGERT_CHECK(data || PyObject_HasAttrString(value, "__array__") != 0, kType, "can't assign a ",
                Py_TYPE(value)->tp_name, " to a wengert.", type_name(dtype), "Tensor");
  return data_tensor(value);
}

// The mask, aligned with the last dimensions of the view, where it is the only index.
Tensor lone_mask(const Resolved& resolved) {
  Tensor mask;
  int64_t after = 0;
  for (size_t i = 0; i < resolved.indices.size(); ++i) {
    const Tensor& index = resolved.indices[i];
    if (!index.defined()) continue;
    if (mask.defined() || index.dtype() != DType::bool_ || index.ndim() == 0) return {};
    mask = index;
    after = resolved.view.ndim() - static_cast<int64_t>(i) - index.ndim();
  }
  for (int64_t i = 0; mask.defined() && i < after; ++i) mask = ops::unsqueeze(mask, -1);
  return mask;
}

// As in NumPy and PyTorch, ones in front do not count.
Tensor without_leading_ones(const Tensor& value) {
  Dims sizes = value.sizes();
  while (!sizes.empty() && sizes[0] == 1) sizes.erase(0);
  return sizes.size() == value.sizes().size() ? value : ops::reshape(value, sizes);
}

// Leading ones that the target does not have are dropped, as in NumPy.
Tensor fit_value(const Tensor& value, const Dims& target) {
  if (value.sizes() == target) return value;
  Dims sizes = value.sizes();
  while (sizes.size() > target.size() && sizes[0] == 1) sizes.erase(0);
  return ops::expand(sizes == value.sizes() ? value : ops::reshape(value, sizes), target, false);
}

}  // namespace

PyObject* get_item(PyObject* self, PyObject* index) {
  if (overrides_possible) [[unlikely]] {
    bool taken = false;
    PyObject* result = call_override("__getitem__", self, &index, 1, nullptr, &taken);
    if (taken) return result;
  }
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
    const Resolved resolved = resolve(tensor, index);
    if (!resolved.advanced) {
      return wrap(resolved.view.same(tensor) ? ops::_alias(tensor) : resolved.view);
    }
    return wrap(ops::index(resolved.view, expand_masks(resolved)));
  });
}

int set_item(PyObject* self, PyObject* index, PyObject* value) {
  if (overrides_possible) [[unlikely]] {
    bool taken = false;
    PyObject* const args[] = {index, value};
    PyObject* result = call_override("__setitem__", self, args, 2, nullptr, &taken);
    Py_XDECREF(result);
    if (taken) return result == nullptr ? -1 : 0;
  }
  try {
    WENGERT_CHECK(value != nullptr, kType, "Tensor does not support deleting items");
    const Tensor& tensor = unwrap(self);
    const Resolved resolved = resolve(tensor, index);
    Tensor source = value_tensor(value, tensor.dtype());
    if (!resolved.advanced) {
      Tensor target = resolved.view;
      ops::copy_(target, fit_value(source, target.sizes()), false);
      return 0;
    }
    Tensor target = resolved.view;
    if (const Tensor mask = lone_mask(resolved); is_wrapped(mask) && source.ndim() == 0) {
      // Inside of vmap no coordinates are known, and none are needed.
      ops::masked_fill_(target, mask, source);
      return 0;
    }
    // What a mask picks takes one number of any dtype, as in masked_fill_.
    if (source.numel() == 1 && source.dtype() != target.dtype() && lone_mask(resolved).defined()) {
      source = ops::_to_dtype(source, target.dtype());
    }
    check_inplace("index_put_", target);  // before masks are looked at, as PyTorch does
    ops::index_put_(target, expand_masks(resolved), without_leading_ones(source), false);
    return 0;
  } catch (...) {
    raise_current();
    return -1;
  }
}

}  // namespace wengert::python
