// wengert.float32 and its siblings.
#include "bindings/call.h"

namespace wengert::python {

PyTypeObject* dtype_type = nullptr;

namespace {

// Dtypes that no tensor can have: programs compare with them and keep them in tables.
struct NameOnly {
  const char* name;
  uint8_t size;
  bool floating, complex, is_signed;
};
constexpr NameOnly kNameOnly[] = {
    {"uint16", 2, false, false, false},        {"uint32", 4, false, false, false},
    {"uint64", 8, false, false, false},        {"float8_e4m3fn", 1, true, false, true},
    {"float8_e4m3fnuz", 1, true, false, true}, {"float8_e5m2", 1, true, false, true},
    {"float8_e5m2fnuz", 1, true, false, true}, {"float8_e8m0fnu", 1, true, false, false},
    {"complex32", 4, false, true, true},       {"quint8", 1, false, false, false},
    {"qint8", 1, false, false, true},          {"qint32", 4, false, false, true}};

struct PyDType {
  PyObject_HEAD DType dtype;
  const NameOnly* name_only;  // then dtype means nothing
};
PyObject* instances[kNumDTypes];

DType value(PyObject* self) { return reinterpret_cast<PyDType*>(self)->dtype; }
const NameOnly* name_only(PyObject* self) { return reinterpret_cast<PyDType*>(self)->name_only; }

const char* name(PyObject* self) {
  const NameOnly* other = name_only(self);
  return other != nullptr ? other->name : dtype_name(value(self));
}
PyObject* repr(PyObject* self) { return PyUnicode_FromFormat("%s.%s", shown_package, name(self)); }
// A string makes pickle look the object up by name in the module `wengert`.
PyObject* reduce(PyObject* self, PyObject*) { return PyUnicode_FromString(name(self)); }
PyObject* module_name(PyObject*, void*) { return PyUnicode_FromString("wengert"); }
PyObject* get_floating(PyObject* self, void*) {
  const NameOnly* other = name_only(self);
  return PyBool_FromLong(other != nullptr ? other->floating : is_floating(value(self)));
}
PyObject* get_complex(PyObject* self, void*) {
  const NameOnly* other = name_only(self);
  return PyBool_FromLong(other != nullptr ? other->complex : is_complex(value(self)));
}
PyObject* get_signed(PyObject* self, void*) {
  const NameOnly* other = name_only(self);
  return PyBool_FromLong(other != nullptr
                             ? other->is_signed
                             : value(self) != DType::bool_ && value(self) != DType::uint8);
}
PyObject* get_size(PyObject* self, void*) {
  const NameOnly* other = name_only(self);
  return PyLong_FromSize_t(other != nullptr ? other->size : item_size(value(self)));
}
PyObject* to_real_dtype(PyObject* self, PyObject*) {
  if (name_only(self) != nullptr) return Py_NewRef(self);
  return wrap(to_real(value(self)));
}
PyObject* to_complex_dtype(PyObject* self, PyObject*) {
  if (name_only(self) != nullptr) return Py_NewRef(self);
  return wrap(to_complex(value(self)));
}

PyGetSetDef properties[] = {
    {"is_floating_point", get_floating, nullptr, "Is it a floating-point dtype?", nullptr},
    {"is_complex", get_complex, nullptr, "Is it a complex dtype?", nullptr},
    {"is_signed", get_signed, nullptr, "Can it hold negative values?", nullptr},
    {"itemsize", get_size, nullptr, "Bytes per element.", nullptr},
    {"__module__", module_name, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef methods[] = {{"__reduce__", reduce, METH_NOARGS, nullptr},
                         {"to_real", to_real_dtype, METH_NOARGS,
                          "to_real($self)\n--\n\nThe real dtype of the same precision."},
                         {"to_complex", to_complex_dtype, METH_NOARGS,
                          "to_complex($self)\n--\n\nThe complex dtype of the same precision."},
                         {nullptr, nullptr, 0, nullptr}};
PyType_Slot slots[] = {{Py_tp_repr, reinterpret_cast<void*>(repr)},
                       {Py_tp_getset, properties},
                       {Py_tp_methods, methods},
                       {Py_tp_doc, const_cast<char*>("The type of a tensor's elements.")},
                       {0, nullptr}};
PyType_Spec spec = {"wengert.dtype", sizeof(PyDType), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

namespace {
[[noreturn, gnu::cold]] void fail_name_only(const Signature& signature, PyObject* dtype) {
  fail(ErrorKind::kNotImplemented, signature.name, "(): there are no tensors of ", name(dtype),
       " here\n  supported: bool, uint8, int8, int16, int32, int64, float16, bfloat16, float32, "
       "float64, complex64, complex128");
}
}  // namespace

PyObject* wrap(DType dtype) { return Py_NewRef(instances[static_cast<int>(dtype)]); }

DType to_dtype(PyObject* slot, const Signature& signature, int index) {
  if (slot != nullptr && Py_TYPE(slot) == dtype_type) [[likely]] {
    if (name_only(slot) != nullptr) [[unlikely]]
      fail_name_only(signature, slot);
    return value(slot);
  }
  // Python's own types, as PyTorch takes them.
  if (slot == reinterpret_cast<PyObject*>(&PyFloat_Type)) return DType::float64;
  if (slot == reinterpret_cast<PyObject*>(&PyBool_Type)) return DType::bool_;
  if (slot == reinterpret_cast<PyObject*>(&PyLong_Type)) return DType::int64;
  if (slot == reinterpret_cast<PyObject*>(&PyComplex_Type)) return DType::complex128;
  fail_argument(signature, index, "wengert.dtype", slot);
}

std::optional<DType> to_optional_dtype(PyObject* slot, const Signature& signature, int index) {
  if (!given(slot)) return std::nullopt;
  return to_dtype(slot, signature, index);
}

void add_dtype_type(PyObject* module) {
  dtype_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)));
  PyModule_AddObjectRef(module, "dtype", reinterpret_cast<PyObject*>(dtype_type));
  for (int i = 0; i < kNumDTypes; ++i) {
    PyObject* object = checked(dtype_type->tp_alloc(dtype_type, 0));
    reinterpret_cast<PyDType*>(object)->dtype = static_cast<DType>(i);
    reinterpret_cast<PyDType*>(object)->name_only = nullptr;
    instances[i] = object;
    PyModule_AddObjectRef(module, kDTypeNames[i], object);
  }
  for (const NameOnly& each : kNameOnly) {
    PyObject* object = checked(dtype_type->tp_alloc(dtype_type, 0));
    reinterpret_cast<PyDType*>(object)->name_only = &each;
    PyModule_AddObjectRef(module, each.name, object);
    Py_DECREF(object);
  }
}

}  // namespace wengert::python
