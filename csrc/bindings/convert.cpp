// Conversions between Python's objects and C++ values.
#include <algorithm>
#include <cstring>
#include <new>

#include "bindings/call.h"
#include "ops/linalg.h"

namespace wengert::python {

// --- errors ---

PyObject* linalg_error_type() {
  static PyObject* const type = PyErr_NewExceptionWithDoc(
      "wengert.linalg.LinAlgError", "A matrix for which an algorithm of linalg has no answer.",
      PyExc_RuntimeError, nullptr);
  return type;
}

PyObject* raise_current() noexcept {
  try {
    throw;
  } catch (const LinAlgError& error) {
    PyErr_SetString(linalg_error_type(), error.what());
  } catch (const Error& error) {
    PyObject* type = PyExc_RuntimeError;
    switch (error.kind()) {
      case ErrorKind::kPython:
        return nullptr;
      case ErrorKind::kValue:
        type = PyExc_ValueError;
        break;
      case ErrorKind::kType:
        type = PyExc_TypeError;
        break;
      case ErrorKind::kIndex:
        type = PyExc_IndexError;
        break;
      case ErrorKind::kNotImplemented:
        type = PyExc_NotImplementedError;
        break;
      case ErrorKind::kMemory:
        type = PyExc_MemoryError;
        break;
      case ErrorKind::kBuffer:
        type = PyExc_BufferError;
        break;
      case ErrorKind::kRuntime:
        break;
    }
    PyErr_SetString(type, error.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

namespace {

// "\n  dim: 3"; nothing for what would fill the screen.
void add_argument(std::string& text, const char* name, PyObject* value) {
  if (is_tensor(value)) {
    text += describe_argument(name, unwrap(value));
    return;
  }
  if ((PyList_Check(value) || PyTuple_Check(value)) && PySequence_Fast_GET_SIZE(value) > 0 &&
      is_tensor(PySequence_Fast_GET_ITEM(value, 0))) {
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(value);
    for (Py_ssize_t i = 0; i < std::min<Py_ssize_t>(count, 8); ++i) {
      PyObject* item = PySequence_Fast_GET_ITEM(value, i);
      add_argument(text, str(name, "[", i, "]").c_str(), item);
    }
    if (count > 8) text += str("\n  ", name, ": ", count - 8, " more");
    return;
  }
  if (value == Py_None || PyBool_Check(value)) return;
  if (!PyLong_Check(value) && !PyFloat_Check(value) && !PyList_Check(value) &&
      !PyTuple_Check(value) && !PyUnicode_Check(value)) {
    return;
  }
  PyObject* shown = PyObject_Repr(value);
  const char* utf8 = shown == nullptr ? nullptr : PyUnicode_AsUTF8(shown);
  if (utf8 == nullptr) {
    PyErr_Clear();
  } else if (std::strlen(utf8) <= 80) {
    text += str("\n  ", name, ": ", utf8);
  }
  Py_XDECREF(shown);
}

}  // namespace

PyObject* raise_current(const Signature& signature, PyObject* const* slots) noexcept {
  try {
    try {
      throw;
    } catch (const LinAlgError&) {
      throw;
    } catch (const Error& error) {
      const bool about_values = error.kind() == ErrorKind::kRuntime ||
                                error.kind() == ErrorKind::kIndex ||
                                error.kind() == ErrorKind::kValue;
      std::string text = error.what();
      if (!about_values || text.find('\n') != std::string::npos) throw;
      for (int i = 0; i < signature.count; ++i) {
        if (slots[i] != nullptr) add_argument(text, signature.names[i], slots[i]);
      }
      throw Error(error.kind(), text);
    }
  } catch (...) {
    return raise_current();
  }
}

void throw_python_error() { throw Error(ErrorKind::kPython, ""); }

void fail_argument(const Signature& signature, int index, const char* expected, PyObject* got) {
  fail(ErrorKind::kType, signature.name, "(): argument '", signature.names[index], "' (position ",
       index + 1, ") must be ", expected, ", not ",
       got == nullptr ? "missing" : Py_TYPE(got)->tp_name);
}

// --- arguments ---

namespace {

bool fail_call(const char* format, const char* a, const char* b = "") {
  PyErr_Format(PyExc_TypeError, format, a, b);
  return false;
}

// NumPy's spellings, which PyTorch takes too, and a word that Python's functions cannot use.
const char* synonym(const char* name) {
  struct Pair {
    const char *theirs, *ours;
  };
  static constexpr Pair kPairs[] = {{"axis", "dim"},    {"keepdims", "keepdim"}, {"a", "input"},
                                    {"x", "input"},     {"self", "input"},       {"from", "from_"},
                                    {"axis0", "dim0"},  {"axis1", "dim1"},       {"src", "source"},
                                    {"other", "source"}};
  for (const Pair& pair : kPairs) {
    if (std::strcmp(name, pair.theirs) == 0) return pair.ours;
  }
  return nullptr;
}

int find_name(const Signature& signature, const char* name) {
  for (int i = 0; i < signature.count; ++i) {
    if (std::strcmp(name, signature.names[i]) == 0) return i;
  }
  return -1;
}

// What PyTorch's factories take beside dtype and device, and has one value here.
bool is_given_layout(const Signature& signature, const char* name, PyObject* value) {
  if (find_name(signature, "device") < 0) return false;
  if (std::strcmp(name, "layout") == 0) return is_strided_layout(value) || value == Py_None;
  if (std::strcmp(name, "pin_memory") == 0) return value == Py_False || value == Py_None;
  return std::strcmp(name, "names") == 0 && value == Py_None;
}

}  // namespace

namespace {

enum class OlderForm { kNo, kTaken, kFailed };

// x.add_(2, y), x.addcmul_(0.5, y, z): the factor before the tensors, which PyTorch still takes.
OlderForm take_older_form(const Signature& signature, PyObject* const* args, Py_ssize_t count,
                          PyObject** slots, int filled) {
  if (filled + count != signature.positional + 1 || filled + count < 3) return OlderForm::kNo;
  int factor = find_name(signature, "alpha");
  if (factor < 0) factor = find_name(signature, "value");
  PyObject* number = args[1 - filled];
  if (factor < signature.positional || !(PyFloat_Check(number) || PyLong_Check(number))) {
    return OlderForm::kNo;
  }
  for (Py_ssize_t i = 2 - filled; i < count; ++i) {
    if (!is_tensor(args[i])) return OlderForm::kNo;
  }
  if (PyErr_WarnFormat(PyExc_UserWarning, 1,
                       "This overload of %s is deprecated: give the number as '%s', after the "
                       "tensors",
                       signature.name, signature.names[factor]) != 0) {
    return OlderForm::kFailed;
  }
  if (filled == 0) slots[0] = args[0];
  slots[factor] = number;
  for (Py_ssize_t i = 2 - filled, at = 1; i < count; ++i, ++at) slots[at] = args[i];
  return OlderForm::kTaken;
}

}  // namespace

bool parse_arguments(const Signature& signature, PyObject* self, PyObject* const* args,
                     Py_ssize_t count, PyObject* keywords, PyObject** slots, PyObject** packed) {
  for (int i = 0; i < signature.count; ++i) slots[i] = nullptr;
  PyObject* const* values = args + count;  // of the keywords
  int filled = 0;
  if (self != nullptr) slots[filled++] = self;
  if (signature.varargs >= 0 && count + filled > signature.varargs) {
    const Py_ssize_t first = signature.varargs - filled;
    if (first >= 0 && count > first && PyIndex_Check(args[first]) &&
        (count - first > 1 || signature.varargs + 1 == signature.positional)) {
      *packed = PyTuple_New(count - first);
      if (*packed == nullptr) return false;
      for (Py_ssize_t i = first; i < count; ++i) {
        PyTuple_SET_ITEM(*packed, i - first, Py_NewRef(args[i]));
      }
      for (Py_ssize_t i = 0; i < first; ++i) slots[filled++] = args[i];
      slots[filled++] = *packed;
      count = 0;
    }
  }
  if (count + filled > signature.positional) {
    const OlderForm form = take_older_form(signature, args, count, slots, filled);
    if (form == OlderForm::kTaken && keywords == nullptr) return true;
    if (form == OlderForm::kFailed) return false;
    PyErr_Format(PyExc_TypeError,
                 "%s() takes from %d to %d positional arguments but %zd were given", signature.name,
                 signature.required, signature.positional, count + filled);
    return false;
  }
  for (Py_ssize_t i = 0; i < count; ++i) slots[filled++] = args[i];
  if (keywords != nullptr) {
    const Py_ssize_t extra = PyTuple_GET_SIZE(keywords);
    for (Py_ssize_t k = 0; k < extra; ++k) {
      const char* name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(keywords, k));
      if (name == nullptr) return false;
      int at = find_name(signature, name);
      if (at < 0) {
        const char* other = synonym(name);
        if (other != nullptr) at = find_name(signature, other);
        if (at >= 0 && slots[at] != nullptr) at = -1;
      }
      if (at < 0 && is_given_layout(signature, name, values[k])) continue;
      if (at < 0) {
        return fail_call("%s() got an unexpected keyword argument '%s'", signature.name, name);
      }
      if (slots[at] != nullptr) {
        return fail_call("%s() got multiple values for argument '%s'", signature.name, name);
      }
      slots[at] = values[k];
    }
  }
  for (int i = 0; i < signature.count; ++i) {
    if (slots[i] == nullptr && signature.optional[i] == '0') {
      return fail_call("%s() missing 1 required positional argument: '%s'", signature.name,
                       signature.names[i]);
    }
  }
  return true;
}

Tensor to_optional_tensor(PyObject* slot, const Signature& signature, int index) {
  if (!given(slot)) return Tensor();
  return to_tensor(slot, signature, index);
}

bool to_number(PyObject* object, Scalar* out) {
  if (PyFloat_Check(object)) {
    *out = Scalar(PyFloat_AS_DOUBLE(object));
    return true;
  }
  if (PyBool_Check(object)) {
    *out = Scalar(object == Py_True);
    return true;
  }
  if (PyLong_Check(object)) {
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow != 0) {
      PyErr_SetString(PyExc_RuntimeError, "Overflow when unpacking long long");
      throw_python_error();
    }
    *out = Scalar(static_cast<int64_t>(value));
    return true;
  }
  if (PyComplex_Check(object)) {
    const Py_complex value = PyComplex_AsCComplex(object);
    *out = Scalar(std::complex<double>(value.real, value.imag));
    return true;
  }
  if (is_tensor(object)) return false;
  // NumPy's scalars: anything number-like that is no sequence.
  const PyNumberMethods* number = Py_TYPE(object)->tp_as_number;
  if (number == nullptr || PySequence_Check(object) != 0) {
    if (number == nullptr || PyObject_HasAttrString(object, "shape") == 0) return false;
    PyObject* shape = PyObject_GetAttrString(object, "shape");
    const bool zero_dim = shape != nullptr && PyTuple_Check(shape) && PyTuple_GET_SIZE(shape) == 0;
    Py_XDECREF(shape);
    PyErr_Clear();
    if (!zero_dim) return false;
  }
  PyObject* plain = PyObject_HasAttrString(object, "item") != 0
                        ? PyObject_CallMethod(object, "item", nullptr)
                        : nullptr;
  if (plain == nullptr) {
    PyErr_Clear();
    return false;
  }
  const bool simple = PyFloat_Check(plain) || PyLong_Check(plain) || PyComplex_Check(plain);
  if (simple) to_number(plain, out);
  Py_DECREF(plain);
  return simple;
}

Operand to_operand(PyObject* slot, const Signature& signature, int index) {
  if (slot != nullptr && is_tensor(slot)) return Operand(unwrap(slot));
  Scalar scalar;
  if (slot == nullptr || !to_number(slot, &scalar)) {
    fail_argument(signature, index, "Tensor or Number", slot);
  }
  return Operand(scalar);
}

bool operator_operand(PyObject* object, std::optional<Operand>* out) {
  if (is_tensor(object)) {
    out->emplace(unwrap(object));
    return true;
  }
  Scalar scalar;
  if (!to_number(object, &scalar)) return false;
  out->emplace(scalar);
  return true;
}

namespace {

// Calls fn(item) for each item of a list or tuple.
template <typename Fn>
void each_item(PyObject* slot, const Signature& signature, int index, const char* expected,
               const Fn& fn) {
  if (slot == nullptr || PyUnicode_Check(slot) || !PySequence_Check(slot)) {
    fail_argument(signature, index, expected, slot);
  }
  PyObject* items = checked(PySequence_Fast(slot, expected));
  try {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items); ++i) {
      fn(PySequence_Fast_GET_ITEM(items, i));
    }
  } catch (...) {
    Py_DECREF(items);
    throw;
  }
  Py_DECREF(items);
}

bool index_value(PyObject* object, int64_t* out) {
  if (PyLong_CheckExact(object)) {
    *out = PyLong_AsLongLong(object);
    if (*out == -1 && PyErr_Occurred() != nullptr) throw_python_error();
    return true;
  }
  if (is_tensor(object) && unwrap(object).numel() == 1 && is_integral(unwrap(object).dtype())) {
    *out = item_of(unwrap(object)).to<int64_t>();
    return true;
  }
  if (!PyIndex_Check(object)) return false;
  PyObject* number = checked(PyNumber_Index(object));
  *out = PyLong_AsLongLong(number);
  Py_DECREF(number);
  if (*out == -1 && PyErr_Occurred() != nullptr) throw_python_error();
  return true;
}

}  // namespace

std::vector<Tensor> to_tensor_list(PyObject* slot, const Signature& signature, int index) {
  std::vector<Tensor> result;
  each_item(slot, signature, index, "tuple of Tensors",
            [&](PyObject* item) { result.push_back(to_tensor(item, signature, index)); });
  return result;
}

std::vector<Tensor> to_optional_tensor_list(PyObject* slot, const Signature& signature, int index) {
  std::vector<Tensor> result;
  each_item(slot, signature, index, "tuple of Tensors or Nones",
            [&](PyObject* item) { result.push_back(to_optional_tensor(item, signature, index)); });
  return result;
}

int64_t to_int(PyObject* slot, const Signature& signature, int index) {
  int64_t value;
  if (slot == nullptr || !index_value(slot, &value)) fail_argument(signature, index, "int", slot);
  return value;
}

std::optional<int64_t> to_optional_int(PyObject* slot, const Signature& signature, int index) {
  if (!given(slot)) return std::nullopt;
  return to_int(slot, signature, index);
}

double to_double(PyObject* slot, const Signature& signature, int index) {
  Scalar scalar;
  if (slot != nullptr && is_tensor(slot) && unwrap(slot).numel() == 1) {
    scalar = item_of(unwrap(slot));
  } else if (slot == nullptr || !to_number(slot, &scalar)) {
    fail_argument(signature, index, "float", slot);
  }
  if (scalar.is_complex()) fail_argument(signature, index, "float", slot);
  return scalar.to<double>();
}

std::optional<double> to_optional_double(PyObject* slot, const Signature& signature, int index) {
  if (!given(slot)) return std::nullopt;
  return to_double(slot, signature, index);
}

bool to_bool(PyObject* slot, const Signature& signature, int index) {
  if (slot == nullptr || !(PyBool_Check(slot) || PyLong_Check(slot))) {
    fail_argument(signature, index, "bool", slot);
  }
  return PyObject_IsTrue(slot) == 1;
}

std::optional<bool> to_optional_bool(PyObject* slot, const Signature& signature, int index) {
  if (!given(slot)) return std::nullopt;
  return to_bool(slot, signature, index);
}

Scalar to_scalar(PyObject* slot, const Signature& signature, int index) {
  Scalar scalar;
  if (slot != nullptr && is_tensor(slot) && unwrap(slot).numel() == 1) return item_of(unwrap(slot));
  if (slot == nullptr || !to_number(slot, &scalar)) {
    fail_argument(signature, index, "Number", slot);
  }
  return scalar;
}

std::optional<Scalar> to_optional_scalar(PyObject* slot, const Signature& signature, int index) {
  if (!given(slot)) return std::nullopt;
  return to_scalar(slot, signature, index);
}

Dims to_dims(PyObject* slot, const Signature& signature, int index) {
  Dims result;
  int64_t value;
  if (slot != nullptr && index_value(slot, &value)) {
    result.push_back(value);
    return result;
  }
  if (slot == nullptr || (!PyTuple_Check(slot) && !PyList_Check(slot))) {
    fail_argument(signature, index, "tuple of ints", slot);
  }
  // x.view((2, 3)) called with loose arguments packs the one tuple again.
  if (PyTuple_Check(slot) && PyTuple_GET_SIZE(slot) == 1) {
    PyObject* inner = PyTuple_GET_ITEM(slot, 0);
    if (PyTuple_Check(inner) || PyList_Check(inner)) return to_dims(inner, signature, index);
  }
  each_item(slot, signature, index, "tuple of ints", [&](PyObject* item) {
    if (!index_value(item, &value)) fail_argument(signature, index, "tuple of ints", item);
    result.push_back(value);
  });
  return result;
}

std::optional<Dims> to_optional_dims(PyObject* slot, const Signature& signature, int index) {
  if (!given(slot)) return std::nullopt;
  return to_dims(slot, signature, index);
}

std::vector<double> to_doubles(PyObject* slot, const Signature& signature, int index) {
  std::vector<double> result;
  each_item(slot, signature, index, "tuple of floats",
            [&](PyObject* item) { result.push_back(to_double(item, signature, index)); });
  return result;
}

std::string to_text(PyObject* slot, const Signature& signature, int index) {
  if (slot == nullptr || !PyUnicode_Check(slot)) fail_argument(signature, index, "str", slot);
  const char* text = PyUnicode_AsUTF8(slot);
  if (text == nullptr) throw_python_error();
  return text;
}

std::optional<std::string> to_optional_text(PyObject* slot, const Signature& signature, int index) {
  if (!given(slot)) return std::nullopt;
  return to_text(slot, signature, index);
}

// --- results ---

PyObject* wrap(const std::vector<Tensor>& tensors) {
  PyObject* result = checked(PyTuple_New(static_cast<Py_ssize_t>(tensors.size())));
  for (size_t i = 0; i < tensors.size(); ++i) {
    PyTuple_SET_ITEM(result, static_cast<Py_ssize_t>(i), wrap(tensors[i]));
  }
  return result;
}

PyTypeObject* return_type(const char* name) {
  PyObject* module = checked(PyImport_ImportModule("wengert._composite.return_types"));
  PyObject* type = PyObject_GetAttrString(module, name);
  Py_DECREF(module);
  return reinterpret_cast<PyTypeObject*>(checked(type));
}

PyObject* wrap(const Scalar& value) {
  switch (value.kind()) {
    case Scalar::Kind::kBool:
      return PyBool_FromLong(value.to<int64_t>() != 0);
    case Scalar::Kind::kInt:
      return PyLong_FromLongLong(value.to<int64_t>());
    case Scalar::Kind::kFloat:
      return PyFloat_FromDouble(value.to<double>());
    default: {
      const auto z = value.to<std::complex<double>>();
      return PyComplex_FromDoubles(z.real(), z.imag());
    }
  }
}

PyObject* wrap(const Dims& dims) {
  PyObject* result = checked(PyTuple_New(static_cast<Py_ssize_t>(dims.size())));
  for (size_t i = 0; i < dims.size(); ++i) {
    PyTuple_SET_ITEM(result, static_cast<Py_ssize_t>(i), PyLong_FromLongLong(dims[i]));
  }
  return result;
}

}  // namespace wengert::python
