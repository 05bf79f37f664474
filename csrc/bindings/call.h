// How Python's arguments become C++ values and back. Generated bindings are written against this.
#pragma once
#include <Python.h>

#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "ops/elementwise.h"
#include "tensor/tensor.h"

namespace wengert {
struct Generator;
}

namespace wengert::python {

// --- the Python objects ---
struct PyTensor {
  PyObject_HEAD Tensor tensor;
  PyObject* dict;
  PyObject* weak_references;
};
extern PyTypeObject* tensor_type;
extern PyTypeObject* dtype_type;
extern PyTypeObject* device_type;
extern PyTypeObject size_type;

inline bool is_tensor(PyObject* object) {
  return Py_TYPE(object) == tensor_type || PyObject_TypeCheck(object, tensor_type);
}
inline const Tensor& unwrap(PyObject* object) {
  return reinterpret_cast<PyTensor*>(object)->tensor;
}

// After a failed Python call: continue as a C++ exception.
[[noreturn]] void throw_python_error();
inline PyObject* checked(PyObject* object) {
  if (object == nullptr) throw_python_error();
  return object;
}

PyObject* wrap(Tensor tensor);  // None where undefined
PyObject* wrap(const std::vector<Tensor>& tensors);
template <typename... T>
PyObject* wrap(const std::tuple<T...>& values) {
  PyObject* result = PyTuple_New(sizeof...(T));
  if (result == nullptr) throw Error(ErrorKind::kPython, "");
  Py_ssize_t i = 0;
  std::apply([&](const auto&... each) { (PyTuple_SET_ITEM(result, i++, wrap(each)), ...); },
             values);
  return result;
}
// The class of `wengert.return_types` with that name: a named tuple.
PyTypeObject* return_type(const char* name);
template <typename... T>
PyObject* wrap_named(PyTypeObject* type, const std::tuple<T...>& values) {
  PyObject* result = checked(type->tp_alloc(type, sizeof...(T)));
  Py_ssize_t i = 0;
  std::apply([&](const auto&... each) { (PyTuple_SET_ITEM(result, i++, wrap(each)), ...); },
             values);
  return result;
}
PyObject* wrap(DType dtype);
inline PyObject* wrap(bool value) { return PyBool_FromLong(value); }
inline PyObject* wrap(int64_t value) { return PyLong_FromLongLong(value); }
inline PyObject* wrap(double value) { return PyFloat_FromDouble(value); }
PyObject* wrap(const Scalar& value);
PyObject* wrap(const Dims& dims);  // a tuple of ints
PyObject* wrap_size(const Dims& dims);
// The package that reprs name: "wengert", or "torch" while we run in the place of PyTorch.
extern const char* shown_package;
PyObject* wrap_cpu_device();
PyObject* wrap_strided_layout();
bool is_strided_layout(PyObject* object);

// --- errors ---
PyObject* linalg_error_type();  // linalg.LinAlgError
// Turns the exception in flight into a Python exception; returns null.
PyObject* raise_current() noexcept;
template <typename Fn>
PyObject* guarded(const Fn& fn) noexcept {
  try {
    return fn();
  } catch (...) {
    return raise_current();
  }
}
// The same inside of a call; the message gets a line per argument, if it has none yet.
struct Signature;
PyObject* raise_current(const Signature& signature, PyObject* const* slots) noexcept;

// --- arguments ---
struct Signature {
  const char* name;
  int count;       // parameters, `out` included
  int positional;  // of which may be given by position
  int required;
  int varargs;  // which parameter takes loose ints (x.view(2, 3)), or -1
  const char* const* names;
  const char* optional;  // '1' per parameter that has a default
};
inline constexpr int kMaxParameters = 24;

// Fills slots (null where not given); false with a TypeError set. `packed` owns loose ints.
bool parse_arguments(const Signature& signature, PyObject* self, PyObject* const* args,
                     Py_ssize_t count, PyObject* keywords, PyObject** slots, PyObject** packed);

// --- __torch_function__ ---
// Are there subclasses of Tensor, or modes, that take part in calls? Never false again.
extern bool overrides_possible;
// What such a class makes of a call, where one does (`taken`); else null. `self` is null for
// functions, of which the signature tells a namesake in Python that takes other arguments.
[[gnu::cold]] PyObject* call_override(const char* name, PyObject* self, PyObject* const* args,
                                      Py_ssize_t count, PyObject* keywords, bool* taken,
                                      const Signature* signature = nullptr) noexcept;
// The same for an operator; `b` is null for a unary one.
[[gnu::cold]] PyObject* operator_override(const char* name, PyObject* a, PyObject* b,
                                          bool* taken) noexcept;
// Inside of a handler: asks objects that are no tensors, or turns the exception into Python's.
[[gnu::cold]] PyObject* recover(const Signature& signature, PyObject* self, PyObject* const* args,
                                Py_ssize_t count, PyObject* keywords,
                                PyObject* const* slots) noexcept;
bool takes_part(PyObject* object);  // is no tensor and has __torch_function__
void add_overrides(PyObject* module);

template <typename Fn>
PyObject* invoke(const Signature& signature, PyObject* self, PyObject* const* args,
                 Py_ssize_t count, PyObject* keywords, const Fn& call) noexcept {
  if (overrides_possible) [[unlikely]] {
    bool taken = false;
    PyObject* result =
        call_override(signature.name, self, args, count, keywords, &taken, &signature);
    if (taken) return result;
  }
  PyObject* slots[kMaxParameters];
  PyObject* packed = nullptr;
  if (!parse_arguments(signature, self, args, count, keywords, slots, &packed)) return nullptr;
  PyObject* result;
  try {
    result = call(slots);
  } catch (...) {
    result = recover(signature, self, args, count, keywords, slots);
  }
  Py_XDECREF(packed);
  return result;
}

inline bool given(PyObject* slot) { return slot != nullptr && slot != Py_None; }

[[noreturn, gnu::cold]] void fail_argument(const Signature& signature, int index,
                                           const char* expected, PyObject* got);

inline const Tensor& to_tensor(PyObject* slot, const Signature& signature, int index) {
  if (slot == nullptr || !is_tensor(slot)) [[unlikely]] {
    fail_argument(signature, index, "Tensor", slot);
  }
  return unwrap(slot);
}
Tensor to_optional_tensor(PyObject* slot, const Signature& signature, int index);
bool to_number(PyObject* object, Scalar* out);  // false when it is no number
Operand to_operand(PyObject* slot, const Signature& signature, int index);
std::vector<Tensor> to_tensor_list(PyObject* slot, const Signature& signature, int index);
std::vector<Tensor> to_optional_tensor_list(PyObject* slot, const Signature& signature, int index);
int64_t to_int(PyObject* slot, const Signature& signature, int index);
std::optional<int64_t> to_optional_int(PyObject* slot, const Signature& signature, int index);
double to_double(PyObject* slot, const Signature& signature, int index);
std::optional<double> to_optional_double(PyObject* slot, const Signature& signature, int index);
bool to_bool(PyObject* slot, const Signature& signature, int index);
std::optional<bool> to_optional_bool(PyObject* slot, const Signature& signature, int index);
Scalar to_scalar(PyObject* slot, const Signature& signature, int index);
std::optional<Scalar> to_optional_scalar(PyObject* slot, const Signature& signature, int index);
Dims to_dims(PyObject* slot, const Signature& signature, int index);
std::optional<Dims> to_optional_dims(PyObject* slot, const Signature& signature, int index);
std::vector<double> to_doubles(PyObject* slot, const Signature& signature, int index);
DType to_dtype(PyObject* slot, const Signature& signature, int index);
std::optional<DType> to_optional_dtype(PyObject* slot, const Signature& signature, int index);
std::string to_text(PyObject* slot, const Signature& signature, int index);
std::optional<std::string> to_optional_text(PyObject* slot, const Signature& signature, int index);
Generator* to_generator(PyObject* slot, const Signature& signature, int index);
// "cpu" is all there is; anything else raises.
int to_device(PyObject* slot, const Signature& signature, int index);
bool is_device(PyObject* object);  // or a name of one
std::optional<MemoryFormat> to_optional_memory_format(PyObject* slot, const Signature& signature,
                                                      int index);

// --- Python's operators ---
// Numbers and tensors; false leaves the operation to the other operand's type.
bool operator_operand(PyObject* object, std::optional<Operand>* out);

// The operands of an operator again, with NumPy's arrays made tensors; `changed` if there were any.
struct ArrayOperands {
  struct Reference {
    PyObject* object = nullptr;
    Reference() = default;
    ~Reference() { Py_XDECREF(object); }
    Reference(const Reference&) = delete;
    Reference& operator=(const Reference&) = delete;
  };
  ArrayOperands(PyObject* x, PyObject* y);
  Reference a, b;
  bool changed = false;
};
// What an operator does where an operand is neither tensor nor number.
template <typename Fn>
[[gnu::cold]] PyObject* retry_with_arrays(const char* name, PyObject* a, PyObject* b,
                                          const Fn& again) {
  if (takes_part(a) || takes_part(b)) {
    bool taken = false;
    PyObject* result = operator_override(name, a, b, &taken);
    if (taken) return result;
  }
  const ArrayOperands arrays(a, b);
  if (!arrays.changed) Py_RETURN_NOTIMPLEMENTED;
  return again(arrays.a.object, arrays.b.object);
}

template <typename Fn>
PyObject* binary_operator(const char* name, PyObject* a, PyObject* b, const Fn& fn) noexcept {
  if (overrides_possible) [[unlikely]] {
    bool taken = false;
    PyObject* result = operator_override(name, a, b, &taken);
    if (taken) return result;
  }
  return guarded([&]() -> PyObject* {
    std::optional<Operand> x, y;
    if (!operator_operand(a, &x) || !operator_operand(b, &y)) [[unlikely]] {
      return retry_with_arrays(
          name, a, b, [&](PyObject* p, PyObject* q) { return binary_operator(name, p, q, fn); });
    }
    return wrap(fn(*x, *y));
  });
}
template <typename Fn>
PyObject* tensor_operator(const char* name, PyObject* a, PyObject* b, const Fn& fn) noexcept {
  if (overrides_possible) [[unlikely]] {
    bool taken = false;
    PyObject* result = operator_override(name, a, b, &taken);
    if (taken) return result;
  }
  return guarded([&]() -> PyObject* {
    if (!is_tensor(a) || !is_tensor(b)) [[unlikely]] {
      return retry_with_arrays(
          name, a, b, [&](PyObject* p, PyObject* q) { return tensor_operator(name, p, q, fn); });
    }
    return wrap(fn(unwrap(a), unwrap(b)));
  });
}
template <typename Fn>
PyObject* inplace_operator(const char* name, PyObject* a, PyObject* b, const Fn& fn) noexcept {
  if (overrides_possible) [[unlikely]] {
    bool taken = false;
    PyObject* result = operator_override(name, a, b, &taken);
    if (taken) return result;
  }
  return guarded([&]() -> PyObject* {
    std::optional<Operand> y;
    if (!is_tensor(a)) Py_RETURN_NOTIMPLEMENTED;
    if (!operator_operand(b, &y)) [[unlikely]] {
      return retry_with_arrays(
          name, a, b, [&](PyObject* p, PyObject* q) { return inplace_operator(name, p, q, fn); });
    }
    Tensor x = unwrap(a);
    fn(x, *y);
    return Py_NewRef(a);
  });
}

template <typename Fn>
PyObject* unary_operator(const char* name, PyObject* a, const Fn& fn) noexcept {
  if (overrides_possible) [[unlikely]] {
    bool taken = false;
    PyObject* result = operator_override(name, a, nullptr, &taken);
    if (taken) return result;
  }
  return guarded([&] { return wrap(fn(unwrap(a))); });
}

using FastFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
inline PyCFunction as_function(FastFunction function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

// --- what the generated files contribute to the module and the Tensor type ---
struct Operators {
  std::vector<PyMethodDef*> functions, methods;
  std::vector<const PyType_Slot*> slots;
  std::set<std::string> hidden;  // functions that are not in the package's flat namespace
  PyObject* (*compare)(const Operand&, const Operand&, int operation) = nullptr;
};
Operators all_operators();
// Fills __all__: everything but private names and hidden operators.
void add_public_names(PyObject* module);

// --- parts of the module ---
void add_tensor_type(PyObject* module);
void add_dtype_type(PyObject* module);
void add_graph_functions(PyObject* module);
void install_sites(PyObject* module);
void add_stories(PyObject* module);
void add_attribute_types(PyObject* module);
void add_interop_functions(PyObject* module);
void add_conversions(
    std::vector<PyMethodDef>& methods);  // to(), float(), contiguous(), size(), ...
void add_random(PyObject* module);
void add_autocast(PyObject* module);
PyObject* get_item(PyObject* self, PyObject* index);
int set_item(PyObject* self, PyObject* index, PyObject* value);
// A tensor of a nested sequence, a number, or anything that offers an array.
Tensor tensor_from_data(PyObject* data, const std::optional<DType>& dtype);
PyObject* to_list(const Tensor& tensor);
// Shares the memory of a NumPy array or scalar; undefined if `object` is neither.
Tensor tensor_from_array(PyObject* object);
// The same for reading only: copies what cannot be shared, takes whatever offers __array__().
Tensor values_of_array(PyObject* object);
Scalar item_of(const Tensor& tensor);
// The tensor whose memory is read for one that may be of a transform: a primal. Of a batch there is
// none, and `sentence` is raised.
Tensor readable(const Tensor& tensor, const char* sentence);
void add_transforms(PyObject* module);

}  // namespace wengert::python
