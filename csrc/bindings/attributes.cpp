// What a tensor's attributes are made of: Size, device, layout and memory_format.
#include <cstring>

#include "bindings/call.h"

namespace wengert::python {

const char* shown_package = "wengert";

PyTypeObject size_type{};
PyTypeObject* device_type = nullptr;

// --- Size: a tuple of ints that knows its product ---

namespace {

PyObject* size_new(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  PyObject* items = PyTuple_Type.tp_new(&PyTuple_Type, args, keywords);
  if (items == nullptr) return nullptr;
  const Py_ssize_t count = PyTuple_GET_SIZE(items);
  PyObject* result = type->tp_alloc(type, count);
  for (Py_ssize_t i = 0; result != nullptr && i < count; ++i) {
    PyObject* item = PyTuple_GET_ITEM(items, i);
    PyObject* number = PyIndex_Check(item) ? PyNumber_Index(item) : nullptr;
    if (number == nullptr) {
      PyErr_Format(PyExc_TypeError, "wengert.Size() takes an iterable of 'int' (item %zd is '%s')",
                   i, Py_TYPE(item)->tp_name);
      Py_CLEAR(result);
    } else {
      PyTuple_SET_ITEM(result, i, number);
    }
  }
  Py_DECREF(items);
  return result;
}

// Takes over a plain tuple that a slot of tuple gave.
PyObject* as_size(PyObject* items) {
  if (items == nullptr || !PyTuple_CheckExact(items)) return items;
  const Py_ssize_t count = PyTuple_GET_SIZE(items);
  PyObject* result = size_type.tp_alloc(&size_type, count);
  for (Py_ssize_t i = 0; result != nullptr && i < count; ++i) {
    PyTuple_SET_ITEM(result, i, Py_NewRef(PyTuple_GET_ITEM(items, i)));
  }
  Py_DECREF(items);
  return result;
}

bool holds_ints(PyObject* items) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items); ++i) {
    if (!PyLong_Check(PyTuple_GET_ITEM(items, i))) return false;
  }
  return true;
}

// Both Size + tuple and tuple + Size are a Size.
PyObject* size_add(PyObject* a, PyObject* b) {
  if (!PyTuple_Check(a) || !PyTuple_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  PyObject* items = PyTuple_Type.tp_as_sequence->sq_concat(a, b);
  if (items == nullptr) return nullptr;
  return holds_ints(items) ? as_size(items) : items;
}
PyObject* size_repeat(PyObject* self, Py_ssize_t times) {
  return as_size(PyTuple_Type.tp_as_sequence->sq_repeat(self, times));
}
PyObject* size_subscript(PyObject* self, PyObject* index) {
  return as_size(PyTuple_Type.tp_as_mapping->mp_subscript(self, index));
}
PyObject* size_repr(PyObject* self) {
  PyObject* items = PySequence_List(self);
  PyObject* text =
      items == nullptr ? nullptr : PyUnicode_FromFormat("%s.Size(%R)", shown_package, items);
  Py_XDECREF(items);
  return text;
}
PyObject* size_numel(PyObject* self, PyObject*) {
  int64_t result = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    result *= PyLong_AsLongLong(PyTuple_GET_ITEM(self, i));
  }
  return PyErr_Occurred() != nullptr ? nullptr : PyLong_FromLongLong(result);
}
PyObject* size_reduce(PyObject* self, PyObject*) {
  return Py_BuildValue("(O(N))", Py_TYPE(self), PySequence_Tuple(self));
}

}  // namespace

PyObject* wrap_size(const Dims& dims) {
  const auto count = static_cast<Py_ssize_t>(dims.size());
  PyObject* result = checked(size_type.tp_alloc(&size_type, count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyTuple_SET_ITEM(result, i, PyLong_FromLongLong(dims[static_cast<size_t>(i)]));
  }
  return result;
}

namespace {

void add_size_type(PyObject* module) {
  static PyNumberMethods number{};
  static PySequenceMethods sequence{};
  static PyMappingMethods mapping{};
  static PyMethodDef methods[] = {
      {"numel", size_numel, METH_NOARGS, "numel($self)\n--\n\nThe product of the sizes."},
      {"__reduce__", size_reduce, METH_NOARGS, nullptr},
      {nullptr, nullptr, 0, nullptr}};
  number.nb_add = size_add;
  sequence.sq_repeat = size_repeat;
  mapping.mp_subscript = size_subscript;
  // A static type, since tuple's own deallocation then serves.
  Py_SET_REFCNT(reinterpret_cast<PyObject*>(&size_type), 1);
  size_type.tp_name = "wengert.Size";
  size_type.tp_doc = "The sizes of a tensor's dimensions: a tuple of ints.";
  size_type.tp_base = &PyTuple_Type;
  size_type.tp_basicsize = PyTuple_Type.tp_basicsize;
  size_type.tp_itemsize = PyTuple_Type.tp_itemsize;
  size_type.tp_flags = Py_TPFLAGS_DEFAULT;
  size_type.tp_new = size_new;
  size_type.tp_repr = size_repr;
  size_type.tp_as_number = &number;
  size_type.tp_as_sequence = &sequence;
  size_type.tp_as_mapping = &mapping;
  size_type.tp_methods = methods;
  if (PyType_Ready(&size_type) != 0) throw_python_error();
  PyModule_AddObjectRef(module, "Size", reinterpret_cast<PyObject*>(&size_type));
}

// --- device ---

struct PyDevice {
  PyObject_HEAD const char* type;
  int index;  // -1 where none was given
};
PyObject* cpu_device = nullptr;

PyDevice* device_of(PyObject* object) { return reinterpret_cast<PyDevice*>(object); }

// "cuda:1" to a name and an index.
void parse_device(const std::string& text, const char** type, int* index) {
  const size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  // Programs name devices that they then find not to be available.
  static const char* const known[] = {"cpu", "cuda", "mps", "xpu", "meta", "hpu", "xla", "mtia"};
  *type = nullptr;
  for (const char* each : known) {
    if (name == each) *type = each;
  }
  WENGERT_CHECK(*type != nullptr, kRuntime,
                "Expected one of cpu, cuda, mps, xpu, meta, hpu, xla, mtia device type at start of "
                "device string: ",
                text);
  *index = -1;
  if (colon == std::string::npos) return;
  const std::string digits = text.substr(colon + 1);
  const bool good = !digits.empty() && digits.size() < 4 &&
                    digits.find_first_not_of("0123456789") == std::string::npos;
  WENGERT_CHECK(good, kRuntime, "Invalid device string: '", text, "'");
  *index = std::stoi(digits);
}

PyObject* make_device(const char* type, int index) {
  PyObject* object = checked(device_type->tp_alloc(device_type, 0));
  device_of(object)->type = type;
  device_of(object)->index = index;
  return object;
}

PyObject* device_new(PyTypeObject*, PyObject* args, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    PyObject *what = nullptr, *index = Py_None;
    static const char* names[] = {"type", "index", nullptr};
    if (PyArg_ParseTupleAndKeywords(args, keywords, "O|O:device", const_cast<char**>(names), &what,
                                    &index) == 0) {
      return nullptr;
    }
    const bool alone = index == Py_None;
    if (Py_TYPE(what) == device_type && alone) return Py_NewRef(what);
    if (PyLong_Check(what) && alone)
      return make_device("cuda", static_cast<int>(PyLong_AsLong(what)));
    WENGERT_CHECK(PyUnicode_Check(what), kType,
                  "device(): argument 'type' (position 1) must be str, not ",
                  Py_TYPE(what)->tp_name);
    const char* text = PyUnicode_AsUTF8(what);
    if (text == nullptr) throw_python_error();
    const char* type;
    int number;
    parse_device(text, &type, &number);
    if (!alone) {
      WENGERT_CHECK(
          number == -1, kRuntime,
          "type (string) must not include an index because index was passed explicitly: ", text);
      number = static_cast<int>(PyLong_AsLong(index));
      if (number == -1 && PyErr_Occurred() != nullptr) throw_python_error();
      WENGERT_CHECK(number >= 0, kRuntime, "Device index must not be negative");
    }
    return make_device(type, number);
  });
}

PyObject* device_repr(PyObject* self) {
  const PyDevice* d = device_of(self);
  return d->index < 0 ? PyUnicode_FromFormat("device(type='%s')", d->type)
                      : PyUnicode_FromFormat("device(type='%s', index=%d)", d->type, d->index);
}
PyObject* device_str(PyObject* self) {
  const PyDevice* d = device_of(self);
  return d->index < 0 ? PyUnicode_FromString(d->type)
                      : PyUnicode_FromFormat("%s:%d", d->type, d->index);
}
PyObject* device_compare(PyObject* a, PyObject* b, int operation) {
  if (Py_TYPE(b) != device_type || (operation != Py_EQ && operation != Py_NE)) {
    Py_RETURN_NOTIMPLEMENTED;
  }
  const bool same = std::strcmp(device_of(a)->type, device_of(b)->type) == 0 &&
                    device_of(a)->index == device_of(b)->index;
  return PyBool_FromLong(same == (operation == Py_EQ));
}
Py_hash_t device_hash(PyObject* self) {
  const char* type = device_of(self)->type;
  return (type[0] * 256 + type[1]) * 1024 + device_of(self)->index + 2;
}
PyObject* device_reduce(PyObject* self, PyObject*) {
  const PyDevice* d = device_of(self);
  return d->index < 0 ? Py_BuildValue("(O(s))", device_type, d->type)
                      : Py_BuildValue("(O(si))", device_type, d->type, d->index);
}
PyObject* device_enter(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const char* type = device_of(self)->type;
    WENGERT_CHECK(std::strcmp(type, "cpu") == 0, kRuntime, "device '", type,
                  "' is not available; this build has: cpu");
    return Py_NewRef(self);
  });
}
PyObject* device_exit(PyObject*, PyObject*) { Py_RETURN_NONE; }
PyObject* get_type(PyObject* self, void*) { return PyUnicode_FromString(device_of(self)->type); }
PyObject* get_index(PyObject* self, void*) {
  return device_of(self)->index < 0 ? Py_NewRef(Py_None) : PyLong_FromLong(device_of(self)->index);
}

void add_device_type(PyObject* module) {
  static PyGetSetDef properties[] = {
      {"type", get_type, nullptr, "The kind of device: 'cpu' or 'cuda'.", nullptr},
      {"index", get_index, nullptr, "Which one of its kind, or None.", nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  static PyMethodDef methods[] = {
      {"__reduce__", device_reduce, METH_NOARGS, nullptr},
      {"__enter__", device_enter, METH_NOARGS, "Tensors are made on this device: the CPU."},
      {"__exit__", device_exit, METH_VARARGS, nullptr},
      {nullptr, nullptr, 0, nullptr}};
  PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(device_new)},
                         {Py_tp_repr, reinterpret_cast<void*>(device_repr)},
                         {Py_tp_str, reinterpret_cast<void*>(device_str)},
                         {Py_tp_richcompare, reinterpret_cast<void*>(device_compare)},
                         {Py_tp_hash, reinterpret_cast<void*>(device_hash)},
                         {Py_tp_getset, properties},
                         {Py_tp_methods, methods},
                         {Py_tp_doc, const_cast<char*>("Where a tensor's memory is.")},
                         {0, nullptr}};
  PyType_Spec spec = {"wengert.device", sizeof(PyDevice), 0, Py_TPFLAGS_DEFAULT, slots};
  device_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)));
  cpu_device = make_device("cpu", -1);
  PyModule_AddObjectRef(module, "device", reinterpret_cast<PyObject*>(device_type));
}

// --- layout and memory_format: types whose few values have names ---

struct PyNamed {
  PyObject_HEAD const char* name;
  int value;
};
PyTypeObject* memory_format_type = nullptr;
PyObject* strided_layout = nullptr;

PyObject* named_repr(PyObject* self) {
  return PyUnicode_FromFormat("%s.%s", shown_package, reinterpret_cast<PyNamed*>(self)->name);
}
// A string makes pickle look the object up by name in the module `wengert`.
PyObject* named_reduce(PyObject* self, PyObject*) {
  return PyUnicode_FromString(reinterpret_cast<PyNamed*>(self)->name);
}
PyObject* named_module(PyObject*, void*) { return PyUnicode_FromString("wengert"); }

PyTypeObject* add_named_type(PyObject* module, const char* name, const char* doc) {
  static PyMethodDef methods[] = {{"__reduce__", named_reduce, METH_NOARGS, nullptr},
                                  {nullptr, nullptr, 0, nullptr}};
  static PyGetSetDef properties[] = {{"__module__", named_module, nullptr, nullptr, nullptr},
                                     {nullptr, nullptr, nullptr, nullptr, nullptr}};
  PyType_Slot slots[] = {{Py_tp_repr, reinterpret_cast<void*>(named_repr)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, properties},
                         {Py_tp_doc, const_cast<char*>(doc)},
                         {0, nullptr}};
  PyType_Spec spec = {name, sizeof(PyNamed), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  auto* type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)));
  PyModule_AddObjectRef(module, std::strchr(name, '.') + 1, reinterpret_cast<PyObject*>(type));
  return type;
}

PyObject* add_named(PyObject* module, PyTypeObject* type, const char* name, int value) {
  PyObject* object = checked(type->tp_alloc(type, 0));
  reinterpret_cast<PyNamed*>(object)->name = name;
  reinterpret_cast<PyNamed*>(object)->value = value;
  PyModule_AddObjectRef(module, name, object);
  return object;
}

}  // namespace

PyObject* wrap_cpu_device() { return Py_NewRef(cpu_device); }
PyObject* wrap_strided_layout() { return Py_NewRef(strided_layout); }
bool is_strided_layout(PyObject* object) { return object == strided_layout; }

bool is_device(PyObject* object) {
  return Py_TYPE(object) == device_type || PyUnicode_Check(object) ||
         (PyLong_Check(object) && !PyBool_Check(object));
}

int to_device(PyObject* slot, const Signature& signature, int index) {
  if (!given(slot) || slot == cpu_device) return 0;
  const char* type = "cuda";
  if (Py_TYPE(slot) == device_type) {
    type = device_of(slot)->type;
  } else if (PyUnicode_Check(slot)) {
    int number;
    const char* text = PyUnicode_AsUTF8(slot);
    if (text == nullptr) throw_python_error();
    parse_device(text, &type, &number);
  } else if (!is_device(slot)) {
    fail_argument(signature, index, "wengert.device", slot);
  }
  WENGERT_CHECK(std::strcmp(type, "cpu") == 0, kRuntime, signature.name, "(): argument '",
                signature.names[index], "': device '", type,
                "' is not available; this build has: cpu");
  return 0;
}

std::optional<MemoryFormat> to_optional_memory_format(PyObject* slot, const Signature& signature,
                                                      int index) {
  if (!given(slot)) return std::nullopt;
  if (Py_TYPE(slot) != memory_format_type) {
    fail_argument(signature, index, "wengert.memory_format", slot);
  }
  return static_cast<MemoryFormat>(reinterpret_cast<PyNamed*>(slot)->value);
}

void add_attribute_types(PyObject* module) {
  add_size_type(module);
  add_device_type(module);
  PyTypeObject* layout = add_named_type(module, "wengert.layout", "How memory holds the elements.");
  strided_layout = add_named(module, layout, "strided", 0);
  memory_format_type = add_named_type(module, "wengert.memory_format",
                                      "In which order memory holds the dimensions.");
  const auto format = [&](const char* name, MemoryFormat value) {
    Py_DECREF(add_named(module, memory_format_type, name, static_cast<int>(value)));
  };
  format("contiguous_format", MemoryFormat::kContiguous);
  format("preserve_format", MemoryFormat::kPreserve);
  format("channels_last", MemoryFormat::kChannelsLast);
  format("channels_last_3d", MemoryFormat::kChannelsLast3d);
}

}  // namespace wengert::python
