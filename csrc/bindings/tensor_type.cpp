// The Python type of tensors: life cycle, attributes, and the plainest methods.
#include <Python.h>
#include <structmember.h>

#include "autograd/engine.h"
#include "bindings/graph.h"
#include "graph/lost.h"
#include "ops/record.h"
#include "tensor/wrapper.h"

namespace wengert::python {

PyTypeObject* tensor_type = nullptr;

namespace {

// --- life ---

constexpr size_t kMaxFree = 1024;
PyTensor* free_tensors[kMaxFree];
size_t free_count = 0;

PyTensor* self_of(PyObject* object) { return reinterpret_cast<PyTensor*>(object); }

void tensor_dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyTensor* self = self_of(object);
  if (type != tensor_type || PyObject_GC_IsTracked(object)) PyObject_GC_UnTrack(object);
  if (self->weak_references != nullptr) PyObject_ClearWeakRefs(object);
  Py_CLEAR(self->dict);
  if (self->tensor.defined() && self->tensor->python == self) self->tensor->python = nullptr;
  self->tensor.~Tensor();
  if (type == tensor_type && free_count < kMaxFree) {
    free_tensors[free_count++] = self;
    return;
  }
  type->tp_free(object);
  Py_DECREF(type);
}

int tensor_traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(self_of(object)->dict);
  if (Py_TYPE(object) != tensor_type) Py_VISIT(Py_TYPE(object));
  return visit_proxy(self_of(object)->tensor.impl(), visit, arg);
}

int tensor_clear(PyObject* object) {
  Py_CLEAR(self_of(object)->dict);
  return 0;
}

// Untracked by the garbage collector until it can be part of a cycle (it got a __dict__).
PyTensor* allocate(PyTypeObject* type) {
  PyTensor* self;
  if (type == tensor_type && free_count > 0) {
    self = free_tensors[--free_count];
    PyObject_Init(reinterpret_cast<PyObject*>(self), type);
    Py_DECREF(type);  // a recycled object kept its reference to the type
  } else {
    auto* object = type->tp_alloc(type, 0);
    if (object == nullptr) throw_python_error();
    self = self_of(object);
    if (type == tensor_type) PyObject_GC_UnTrack(object);
  }
  new (&self->tensor) Tensor();
  self->dict = nullptr;
  self->weak_references = nullptr;
  return self;
}

// The sizes in `Tensor(2, 3)` and `Tensor(x.shape)`, whose elements are not initialised.
std::optional<Dims> sizes_in(PyObject* args) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count == 1 && Py_TYPE(PyTuple_GET_ITEM(args, 0)) == &size_type) {
    args = PyTuple_GET_ITEM(args, 0);
  }
  Dims sizes;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
    PyObject* item = PyTuple_GET_ITEM(args, i);
    if (!PyLong_Check(item) || PyBool_Check(item)) return std::nullopt;
    const int64_t size = PyLong_AsLongLong(item);
    if (size == -1 && PyErr_Occurred() != nullptr) throw_python_error();
    WENGERT_CHECK(size >= 0, kRuntime, "Trying to create tensor with negative dimension ", size);
    sizes.push_back(size);
  }
  return count == 0 ? Dims{0} : sizes;
}

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    if (keywords == nullptr) {
      if (const std::optional<Dims> sizes = sizes_in(args)) {
        PyTensor* self = allocate(type);
        self->tensor = empty(*sizes, default_dtype());
        self->tensor->python = self;
        return reinterpret_cast<PyObject*>(self);
      }
    }
    PyObject* data = nullptr;
    static const char* names[] = {"data", nullptr};
    if (PyArg_ParseTupleAndKeywords(args, keywords, "|O:Tensor", const_cast<char**>(names),
                                    &data) == 0) {
      return nullptr;
    }
    Tensor tensor;
    if (data == nullptr) {
      tensor = empty({0}, default_dtype());
    } else if (is_tensor(data)) {
      tensor = alias(unwrap(data));
    } else {
      tensor = tensor_from_data(data, default_dtype());
    }
    PyTensor* self = allocate(type);
    self->tensor = std::move(tensor);
    self->tensor->python = self;
    return reinterpret_cast<PyObject*>(self);
  });
}

int set_attribute(PyObject* object, PyObject* name, PyObject* value) {
  const int result = PyObject_GenericSetAttr(object, name, value);
  if (self_of(object)->dict != nullptr && !PyObject_GC_IsTracked(object)) PyObject_GC_Track(object);
  return result;
}

// --- attributes ---

PyObject* gradient_of(const Tensor& self) {
  if (self->extra != nullptr && self->extra->grad.defined()) return wrap(self->extra->grad);
  Node* node = grad_fn(self);
  if (node == nullptr || (self->extra != nullptr && self->extra->retains_grad)) Py_RETURN_NONE;
  const std::string text =
      str("The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
          "attribute won't be populated during autograd.backward(). If you indeed want the .grad "
          "field to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. "
          "If you access the non-leaf Tensor by mistake, make sure you access the leaf Tensor "
          "instead.",
          describe_argument("self", self), "   made by ", node->type->op, "   ",
          format_site(node->site));
  if (PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 1) != 0) throw_python_error();
  Py_RETURN_NONE;
}

Tensor data_of(const Tensor& self) {
  Tensor data = alias(self);
  data->unchecked = true;
  if (requires_grad(self)) {
    note_cut(data, Cut::kData, "data", self);
  } else {
    data->trail = self->trail;
  }
  return data;
}

// Of a tensor with a tangent: also where its primal is recorded.
bool wants_gradient(const Tensor& tensor) {
  if (requires_grad(tensor)) return true;
  return is_wrapped(tensor) && tensor->wrapper->kind == Wrapper::Kind::kDual &&
         wants_gradient(tensor->wrapper->inner);
}

int64_t version_of(const Tensor& self) {
  WENGERT_CHECK(!self.storage()->inference, kRuntime,
                "Inference tensors do not track version counter.", describe_argument("self", self));
  return self.storage()->version;
}

// Among tensors of inference mode nobody asks who is a view of whom.
bool shown_as_view(const Tensor& self) {
  return self->extra != nullptr && self->extra->view != nullptr && !self.storage()->inference;
}

#define GETTER(name, expression)            \
  PyObject* name(PyObject* object, void*) { \
    return guarded([&]() -> PyObject* {     \
      const Tensor& self = unwrap(object);  \
      (void)self;                           \
      return expression;                    \
    });                                     \
  }
GETTER(get_dtype, wrap(self.dtype()))
GETTER(get_ndim, wrap(self.ndim()))
GETTER(get_shape, wrap_size(self.sizes()))
GETTER(get_device, wrap_cpu_device())
GETTER(get_layout, wrap_strided_layout())
GETTER(get_nbytes, wrap(self.numel() * static_cast<int64_t>(self.item_size())))
GETTER(get_requires_grad, wrap(wants_gradient(self)))
GETTER(get_is_leaf, wrap(!requires_grad(self) || grad_fn(self) == nullptr))
GETTER(get_output_nr, wrap(static_cast<int64_t>(self->output_index)))
GETTER(get_version, wrap(version_of(self)))
GETTER(get_grad_fn, wrap_node(grad_fn(self)))
GETTER(get_grad, gradient_of(self))
GETTER(get_data, wrap(data_of(self)))
GETTER(get_itemsize, wrap(static_cast<int64_t>(self.item_size())))
GETTER(get_base, !shown_as_view(self) ? Py_NewRef(Py_None) : wrap(self->extra->view->base))
GETTER(get_is_view, wrap(shown_as_view(self)))
GETTER(get_retains_grad, wrap(self->extra != nullptr && self->extra->retains_grad))
#undef GETTER

int set_grad(PyObject* object, PyObject* value, void*) {
  try {
    const Tensor& self = unwrap(object);
    if (value == nullptr || value == Py_None) {
      if (self->extra != nullptr) self->extra->grad = Tensor();
      return 0;
    }
    WENGERT_CHECK(is_tensor(value), kType,
                  "assigned grad expected to be a Tensor or None but got grad of type ",
                  Py_TYPE(value)->tp_name, describe_argument("self", self));
    const Tensor& gradient = unwrap(value);
    WENGERT_CHECK(!gradient.same(self), kRuntime, "can't assign Variable as its own grad");
    WENGERT_CHECK(gradient.sizes() == self.sizes(), kRuntime,
                  "attempting to assign a gradient of size '", to_string(gradient.sizes()),
                  "' to a tensor of size '", to_string(self.sizes()),
                  "'. Please ensure that the gradient and the tensor are the same size",
                  describe_argument("self", self), describe_argument("grad", gradient));
    WENGERT_CHECK(gradient.dtype() == self.dtype(), kRuntime,
                  "attempting to assign a gradient with dtype '", dtype_name(gradient.dtype()),
                  "' to a tensor with dtype '", dtype_name(self.dtype()),
                  "'. The gradient must have the dtype of the tensor",
                  describe_argument("self", self), describe_argument("grad", gradient));
    extra(self).grad = gradient;
    return 0;
  } catch (...) {
    raise_current();
    return -1;
  }
}

void check_may_require_grad(const Tensor& self) {
  WENGERT_CHECK(!self.storage()->inference || inference_mode || modes.transforming, kRuntime,
                "Setting requires_grad=True on inference tensor outside InferenceMode is not "
                "allowed.",
                describe_argument("self", self));
}

int set_requires_grad(PyObject* object, PyObject* value, void*) {
  try {
    const Tensor& self = unwrap(object);
    WENGERT_CHECK(value != nullptr && PyBool_Check(value), kType, "requires_grad must be a bool");
    const bool wanted = value == Py_True;
    WENGERT_CHECK(!wanted || is_inexact(self.dtype()), kRuntime,
                  "only Tensors of floating point and complex dtype can require gradients",
                  describe_argument("self", self));
    WENGERT_CHECK(grad_fn(self) == nullptr, kRuntime,
                  "you can only change requires_grad flags of leaf variables.",
                  wanted ? ""
                         : " If you want to use a computed variable in a subgraph that doesn't "
                           "require differentiation use var_no_grad = var.detach().",
                  describe_argument("self", self));
    if (self->requires_grad == wanted) return 0;
    if (wanted) check_may_require_grad(self);
    if (!wanted) note_cut(self, Cut::kFrozen, "requires_grad_", self);
    self->requires_grad = wanted;
    if (wanted && self->trail && self->trail->cut == Cut::kFrozen) self->trail.reset();
    return 0;
  } catch (...) {
    raise_current();
    return -1;
  }
}

int set_data(PyObject* object, PyObject* value, void*) {
  try {
    WENGERT_CHECK(value != nullptr && is_tensor(value), kType,
                  "Variable data has to be a tensor, but got ",
                  value == nullptr ? "nothing" : Py_TYPE(value)->tp_name);
    const Tensor& self = unwrap(object);
    const Tensor& other = unwrap(value);
    WENGERT_CHECK(!requires_grad(self) || is_inexact(other.dtype()), kRuntime,
                  "data set to a tensor that requires gradients must be floating point or complex "
                  "dtype",
                  describe_argument("self", self), describe_argument("data", other));
    take_memory(self, other);
    return 0;
  } catch (...) {
    raise_current();
    return -1;
  }
}

PyGetSetDef properties[] = {
    {"dtype", get_dtype, nullptr, "The type of the elements.", nullptr},
    {"ndim", get_ndim, nullptr, "The number of dimensions.", nullptr},
    {"shape", get_shape, nullptr, "The sizes of the dimensions.", nullptr},
    {"device", get_device, nullptr, "Where the memory is.", nullptr},
    {"layout", get_layout, nullptr, "How memory holds the elements: always strided.", nullptr},
    {"nbytes", get_nbytes, nullptr, "The size of all elements in bytes.", nullptr},
    {"_sizes", get_shape, nullptr, "The sizes of the dimensions, as a tuple.", nullptr},
    {"requires_grad", get_requires_grad, set_requires_grad, "Is a gradient wanted for this tensor?",
     nullptr},
    {"is_leaf", get_is_leaf, nullptr, "Was it made by the user, not by a recorded operation?",
     nullptr},
    {"output_nr", get_output_nr, nullptr, "Which output of its operation it is.", nullptr},
    {"_version", get_version, nullptr, "How many writes its storage has seen.", nullptr},
    {"grad_fn", get_grad_fn, nullptr, "The graph node that made it, or None.", nullptr},
    {"grad", get_grad, set_grad, "The gradient that backward() left here, or None.", nullptr},
    {"data", get_data, set_data, "The same values, without history.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes per element.", nullptr},
    {"_base", get_base, nullptr, "The tensor that this is a view of, or None.", nullptr},
    {"_is_view_flag", get_is_view, nullptr, "Is it a view?", nullptr},
    {"retains_grad", get_retains_grad, nullptr, "Was retain_grad() called?", nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

// --- methods ---

PyObject* method_item(PyObject* self, PyObject*) {
  return guarded([&] {
    note_left("item", unwrap(self));
    return wrap(item_of(unwrap(self)));
  });
}
PyObject* method_tolist(PyObject* self, PyObject*) {
  return guarded([&] {
    note_left("tolist", unwrap(self));
    return to_list(unwrap(self));
  });
}
PyObject* method_dim(PyObject* self, PyObject*) { return wrap(unwrap(self).ndim()); }
PyObject* method_numel(PyObject* self, PyObject*) { return wrap(unwrap(self).numel()); }
PyObject* method_offset(PyObject* self, PyObject*) { return wrap(unwrap(self).offset()); }
PyObject* method_data_ptr(PyObject* self, PyObject*) {
  return guarded([&] { return PyLong_FromVoidPtr(unwrap(self).data()); });
}
PyObject* method_is_inference(PyObject* self, PyObject*) {
  return wrap(unwrap(self).storage()->inference);
}
PyObject* method_strides(PyObject* self, PyObject*) {
  return guarded([&] { return wrap(unwrap(self).strides()); });
}
PyObject* method_is_contiguous(PyObject* self, PyObject*) {
  return wrap(unwrap(self).is_contiguous());
}
PyObject* method_storage_bytes(PyObject* self, PyObject*) {
  return PyLong_FromSize_t(unwrap(self).storage()->bytes);
}
PyObject* method_storage_pointer(PyObject* self, PyObject*) {
  return PyLong_FromVoidPtr(unwrap(self).storage()->data);
}

PyObject* method_make_subclass(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *type, *data;
    int requires_grad = 0;
    if (PyArg_ParseTuple(args, "OO|p:_make_subclass", &type, &data, &requires_grad) == 0) {
      return nullptr;
    }
    WENGERT_CHECK(
        PyType_Check(type) &&
            PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type), tensor_type) != 0,
        kType,
        "Creating a Tensor subclass from a class that does not inherit from Tensor is not "
        "possible. Make sure your class inherits from Tensor.");
    WENGERT_CHECK(is_tensor(data), kType,
                  "_make_subclass(): argument 'data' (position 2) must be Tensor, not ",
                  Py_TYPE(data)->tp_name);
    const Tensor& source = unwrap(data);
    WENGERT_CHECK(requires_grad == 0 || is_inexact(source.dtype()), kRuntime,
                  "Only Tensors of floating point and complex dtype can require gradients",
                  describe_argument("data", source));
    if (requires_grad != 0) check_may_require_grad(source);
    PyTensor* self = allocate(reinterpret_cast<PyTypeObject*>(type));
    self->tensor = alias(source);
    self->tensor->trail = source->trail;
    self->tensor->python = self;
    self->tensor->requires_grad = requires_grad != 0;
    return reinterpret_cast<PyObject*>(self);
  });
}

PyMethodDef methods[] = {
    {"item", method_item, METH_NOARGS,
     "item($self)\n--\n\nThe value of a tensor of one element, as a Python number."},
    {"tolist", method_tolist, METH_NOARGS,
     "tolist($self)\n--\n\nThe values as nested lists of Python numbers."},
    {"dim", method_dim, METH_NOARGS, "dim($self)\n--\n\nThe number of dimensions."},
    {"ndimension", method_dim, METH_NOARGS, "ndimension($self)\n--\n\nThe number of dimensions."},
    {"numel", method_numel, METH_NOARGS, "numel($self)\n--\n\nThe number of elements."},
    {"nelement", method_numel, METH_NOARGS, "nelement($self)\n--\n\nThe number of elements."},
    {"storage_offset", method_offset, METH_NOARGS,
     "storage_offset($self)\n--\n\nWhere the first element lies in the storage, in elements."},
    {"data_ptr", method_data_ptr, METH_NOARGS,
     "data_ptr($self)\n--\n\nThe address of the first element."},
    {"is_inference", method_is_inference, METH_NOARGS,
     "is_inference($self)\n--\n\nWas its memory allocated under inference_mode?"},
    {"_strides", method_strides, METH_NOARGS,
     "_strides($self)\n--\n\nThe strides in elements, as a tuple."},
    {"_is_contiguous", method_is_contiguous, METH_NOARGS,
     "_is_contiguous($self)\n--\n\nAre the elements row-major without gaps?"},
    {"_storage_bytes", method_storage_bytes, METH_NOARGS,
     "_storage_bytes($self)\n--\n\nThe size of the storage in bytes."},
    {"_storage_pointer", method_storage_pointer, METH_NOARGS,
     "_storage_pointer($self)\n--\n\nThe address of the storage."},
    {"_make_subclass", method_make_subclass, METH_VARARGS | METH_STATIC,
     "_make_subclass(cls, data, requires_grad=False)\n--\n\n"
     "The values of `data`, without history, as an object of a class that inherits from Tensor."},
    {nullptr, nullptr, 0, nullptr}};

// --- protocols ---

Operators operators;

PyObject* compare(PyObject* a, PyObject* b, int operation) {
  static constexpr const char* kNames[] = {"lt", "le", "eq", "ne", "gt", "ge"};
  if (overrides_possible) [[unlikely]] {
    bool taken = false;
    PyObject* result = operator_override(kNames[operation], a, b, &taken);
    if (taken) return result;
  }
  return guarded([&]() -> PyObject* {
    std::optional<Operand> x, y;
    if (!operator_operand(a, &x) || !operator_operand(b, &y)) {
      return retry_with_arrays(kNames[operation], a, b,
                               [&](PyObject* p, PyObject* q) { return compare(p, q, operation); });
    }
    return operators.compare(*x, *y, operation);
  });
}

Py_hash_t hash(PyObject* object) {
  return static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(object) >> 4);
}

Py_ssize_t length(PyObject* object) {
  const Tensor& self = unwrap(object);
  if (self.ndim() == 0) {
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
  }
  return static_cast<Py_ssize_t>(self.sizes()[0]);
}

int truth(PyObject* object) {
  try {
    const Tensor& self = unwrap(object);
    WENGERT_CHECK(self.numel() <= 1, kRuntime,
                  "Boolean value of Tensor with more than one value is ambiguous");
    WENGERT_CHECK(self.numel() == 1, kRuntime,
                  "Boolean value of Tensor with no values is ambiguous");
    const Tensor within = readable(self,
                                   "vmap: It looks like you're attempting to use a Tensor in some "
                                   "data-dependent control flow. "
                                   "We don't support that yet: the samples of a batch cannot take "
                                   "different ways. Use where().");
    return item_of(within).to<bool>() ? 1 : 0;
  } catch (...) {
    raise_current();
    return -1;
  }
}

void need_one_element(const Tensor& tensor) {
  WENGERT_CHECK(tensor.numel() == 1, kValue,
                "only one element tensors can be converted to Python scalars",
                describe_argument("self", tensor));
}
PyObject* as_float(PyObject* object) {
  return guarded([&]() -> PyObject* {
    need_one_element(unwrap(object));
    const Scalar value = item_of(unwrap(object));
    note_left("float", unwrap(object));
    WENGERT_CHECK(!value.is_complex(), kRuntime,
                  "value cannot be converted to type float without overflow: it is complex");
    return PyFloat_FromDouble(value.to<double>());
  });
}
PyObject* as_int(PyObject* object) {
  return guarded([&]() -> PyObject* {
    need_one_element(unwrap(object));
    const Scalar value = item_of(unwrap(object));
    if (value.is_integral()) return PyLong_FromLongLong(value.to<int64_t>());
    WENGERT_CHECK(!value.is_complex(), kRuntime,
                  "value cannot be converted to type int64_t without overflow: it is complex");
    return PyLong_FromDouble(value.to<double>());
  });
}
PyObject* as_index(PyObject* object) {
  return guarded([&]() -> PyObject* {
    const Tensor& self = unwrap(object);
    WENGERT_CHECK(self.numel() == 1 && is_integral(self.dtype()), kType,
                  "only integer tensors of a single element can be converted to an index");
    return PyLong_FromLongLong(item_of(self).to<int64_t>());
  });
}

}  // namespace

PyObject* wrap(Tensor tensor) {
  if (!tensor.defined()) return Py_NewRef(Py_None);
  if (tensor->python != nullptr) return Py_NewRef(static_cast<PyObject*>(tensor->python));
  PyTensor* self = allocate(tensor_type);
  tensor->python = self;
  self->tensor = std::move(tensor);
  return reinterpret_cast<PyObject*>(self);
}

void add_tensor_type(PyObject* module) {
  operators = all_operators();
  std::vector<PyMethodDef> all_methods;
  for (const PyMethodDef* list : operators.methods) {
    for (; list->ml_name != nullptr; ++list) all_methods.push_back(*list);
  }
  for (const PyMethodDef* list = methods; list->ml_name != nullptr; ++list) {
    all_methods.push_back(*list);
  }
  add_conversions(all_methods);
  all_methods.push_back({nullptr, nullptr, 0, nullptr});
  // The type keeps pointers into these for as long as the process lives.
  auto* kept_methods = new std::vector<PyMethodDef>(std::move(all_methods));
  static PyMemberDef members[] = {
      {"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weak_references), READONLY, nullptr},
      {"__dictoffset__", T_PYSSIZET, offsetof(PyTensor, dict), READONLY, nullptr},
      {nullptr, 0, 0, 0, nullptr}};
  std::vector<PyType_Slot> slots = {
      {Py_tp_new, reinterpret_cast<void*>(tensor_new)},
      {Py_tp_dealloc, reinterpret_cast<void*>(tensor_dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(tensor_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(tensor_clear)},
      {Py_tp_setattro, reinterpret_cast<void*>(set_attribute)},
      {Py_tp_getset, properties},
      {Py_tp_methods, kept_methods->data()},
      {Py_tp_members, members},
      {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
      {Py_tp_hash, reinterpret_cast<void*>(hash)},
      {Py_mp_length, reinterpret_cast<void*>(length)},
      {Py_mp_subscript, reinterpret_cast<void*>(get_item)},
      {Py_mp_ass_subscript, reinterpret_cast<void*>(set_item)},
      {Py_nb_bool, reinterpret_cast<void*>(truth)},
      {Py_nb_float, reinterpret_cast<void*>(as_float)},
      {Py_nb_int, reinterpret_cast<void*>(as_int)},
      {Py_nb_index, reinterpret_cast<void*>(as_index)},
      {Py_tp_doc,
       const_cast<char*>("A multi-dimensional array that can remember how it was made.")}};
  for (const PyType_Slot* list : operators.slots) {
    for (; list->slot != 0; ++list) slots.push_back(*list);
  }
  slots.push_back({0, nullptr});
  PyType_Spec spec = {"wengert.Tensor", sizeof(PyTensor), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots.data()};
  tensor_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)));
  PyModule_AddObjectRef(module, "Tensor", reinterpret_cast<PyObject*>(tensor_type));
  // NumPy leaves operators between its arrays and tensors to the tensor.
  PyObject* priority = PyLong_FromLong(1000);
  PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type), "__array_priority__", priority);
  Py_DECREF(priority);
  for (PyMethodDef* list : operators.functions) {
    if (PyModule_AddFunctions(module, list) != 0) throw_python_error();
  }
}

void add_public_names(PyObject* module) {
  PyObject* names = checked(PyList_New(0));
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(PyModule_GetDict(module), &at, &key, &value) != 0) {
    const char* name = PyUnicode_AsUTF8(key);
    if (name == nullptr) throw_python_error();
    if (name[0] != '_' && !operators.hidden.contains(name)) PyList_Append(names, key);
  }
  PyList_Sort(names);
  PyModule_AddObject(module, "__all__", names);
}

}  // namespace wengert::python
