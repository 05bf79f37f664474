// The methods that ask for a tensor's sizes, and those that change its dtype or memory format.
#include <cstring>

#include "bindings/call.h"
#include "operators/basic.h"
#include "operators/view.h"

namespace wengert::python {

namespace {

using MaybeFormat = std::optional<MemoryFormat>;

// --- sizes ---

// x.size() and x.stride() give all, x.size(0) and x.stride(0) one.
template <typename All, typename One>
PyObject* sizes_or_one(const char* name, PyObject* self, PyObject* const* args, Py_ssize_t count,
                       PyObject* keywords, const All& all, const One& one) {
  if (count == 0 && keywords == nullptr) return guarded([&] { return all(unwrap(self)); });
  static const char* const names[] = {"dim"};
  const Signature signature = {name, 1, 1, 0, -1, names, "1"};
  return invoke(signature, nullptr, args, count, keywords,
                [&](PyObject* const* slots) -> PyObject* {
                  const Tensor& tensor = unwrap(self);
                  if (!given(slots[0])) return all(tensor);
                  const int64_t dim = to_int(slots[0], signature, 0);
                  WENGERT_CHECK(tensor.ndim() > 0, kIndex, "Dimension specified as ", dim,
                                " but tensor has no dimensions");
                  return wrap(one(tensor, wrap_dim(dim, tensor.ndim(), name)));
                });
}

PyObject* method_size(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return sizes_or_one(
      "size", self, args, count, keywords, [](const Tensor& t) { return wrap_size(t.sizes()); },
      [](const Tensor& t, int64_t dim) { return t.sizes()[dim]; });
}
PyObject* method_stride(PyObject* self, PyObject* const* args, Py_ssize_t count,
                        PyObject* keywords) {
  return sizes_or_one(
      "stride", self, args, count, keywords, [](const Tensor& t) { return wrap(t.strides()); },
      [](const Tensor& t, int64_t dim) { return t.strides()[dim]; });
}

// --- memory formats ---

const char* const format_names[] = {"self", "memory_format"};

PyObject* method_is_contiguous(PyObject* self, PyObject* const* args, Py_ssize_t count,
                               PyObject* keywords) {
  if (count == 0 && keywords == nullptr) return wrap(unwrap(self).is_contiguous());
  static const Signature signature = {"is_contiguous", 2, 1, 1, -1, format_names, "01"};
  return invoke(signature, self, args, count, keywords, [&](PyObject* const* slots) {
    const Tensor& tensor = unwrap(self);
    const MaybeFormat format = to_optional_memory_format(slots[1], signature, 1);
    return wrap(
        has_format(tensor.sizes(), tensor.strides(), format.value_or(MemoryFormat::kContiguous)));
  });
}

// --- to() and its shorthands ---

struct Target {
  std::optional<DType> dtype;
  bool copy = false;
  MaybeFormat format;
};

// Channels come last in memory only where a format that is asked for says so: a tensor that is
// neither row-major nor channels-last counts as row-major.
bool needs_format(const Tensor& tensor, const MaybeFormat& format) {
  if (!format || *format == MemoryFormat::kPreserve || tensor.is_contiguous()) {
    return format && *format >= MemoryFormat::kChannelsLast &&
           !has_format(tensor.sizes(), tensor.strides(), *format);
  }
  if (*format != MemoryFormat::kContiguous) {
    return !has_format(tensor.sizes(), tensor.strides(), *format);
  }
  return has_format(tensor.sizes(), tensor.strides(), MemoryFormat::kChannelsLast) ||
         has_format(tensor.sizes(), tensor.strides(), MemoryFormat::kChannelsLast3d);
}

PyObject* convert(PyObject* self, const Target& target) {
  const Tensor& tensor = unwrap(self);
  if (target.format) format_strides(tensor.sizes(), *target.format);  // raises for a wrong rank
  if (target.dtype && *target.dtype != tensor.dtype()) {
    return wrap(ops::_to_dtype(tensor, *target.dtype, target.format));
  }
  if (target.copy || needs_format(tensor, target.format)) {
    return wrap(ops::clone(tensor, target.format));
  }
  return Py_NewRef(self);
}

bool is_dtype(PyObject* object) {
  return Py_TYPE(object) == dtype_type || object == reinterpret_cast<PyObject*>(&PyFloat_Type) ||
         object == reinterpret_cast<PyObject*>(&PyBool_Type) ||
         object == reinterpret_cast<PyObject*>(&PyLong_Type) ||
         object == reinterpret_cast<PyObject*>(&PyComplex_Type);
}

[[noreturn, gnu::cold]] void fail_to(PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  std::string got;
  const Py_ssize_t extra = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t i = 0; i < count + extra; ++i) {
    if (i != 0) got += ", ";
    if (i >= count) got += str(PyUnicode_AsUTF8(PyTuple_GET_ITEM(keywords, i - count)), "=");
    got += Py_TYPE(args[i])->tp_name;
  }
  fail(ErrorKind::kType, "to() received an invalid combination of arguments - got (", got,
       "), but expected one of:\n"
       " * (wengert.device device = None, wengert.dtype dtype = None, bool non_blocking = False, "
       "bool copy = False, *, wengert.memory_format memory_format = None)\n"
       " * (wengert.dtype dtype, bool non_blocking = False, bool copy = False, *, "
       "wengert.memory_format memory_format = None)\n"
       " * (Tensor other, bool non_blocking = False, bool copy = False, *, wengert.memory_format "
       "memory_format = None)");
}

// The forms differ in what comes first: a device, a dtype or a tensor.
PyObject* method_to(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  if (overrides_possible) [[unlikely]] {
    bool taken = false;
    PyObject* result = call_override("to", self, args, count, keywords, &taken);
    if (taken) return result;
  }
  return guarded([&]() -> PyObject* {
    static const char* const names[] = {"device",       "dtype", "other",
                                        "non_blocking", "copy",  "memory_format"};
    static const Signature signature = {"to", 6, 6, 0, -1, names, "111111"};
    enum { kDevice, kDType, kOther, kNonBlocking, kCopy, kFormat };
    PyObject* slots[6] = {};
    Py_ssize_t at = 0;
    if (count > 0) {
      if (is_tensor(args[0])) {
        slots[kOther] = args[at++];
      } else if (is_dtype(args[0])) {
        slots[kDType] = args[at++];
      } else if (args[0] == Py_None || is_device(args[0])) {
        slots[kDevice] = args[at++];
        if (at < count && (args[at] == Py_None || is_dtype(args[at]))) slots[kDType] = args[at++];
      } else {
        fail_to(args, count, keywords);
      }
    }
    if (at < count) slots[kNonBlocking] = args[at++];
    if (at < count) slots[kCopy] = args[at++];
    if (at < count) fail_to(args, count, keywords);
    const Py_ssize_t extra = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
    for (Py_ssize_t k = 0; k < extra; ++k) {
      int found = -1;
      for (int i = 0; i < signature.count; ++i) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, k), names[i]) == 0)
          found = i;
      }
      if (found < 0 || slots[found] != nullptr) fail_to(args, count, keywords);
      slots[found] = args[count + k];
    }
    if (slots[kNonBlocking] != nullptr) {
      if (!PyBool_Check(slots[kNonBlocking])) fail_to(args, count, keywords);
    }
    Target target;
    to_device(slots[kDevice], signature, kDevice);
    if (given(slots[kOther])) target.dtype = to_tensor(slots[kOther], signature, kOther).dtype();
    if (given(slots[kDType])) target.dtype = to_dtype(slots[kDType], signature, kDType);
    if (slots[kCopy] != nullptr) {
      if (!PyBool_Check(slots[kCopy])) fail_to(args, count, keywords);
      target.copy = slots[kCopy] == Py_True;
    }
    target.format = to_optional_memory_format(slots[kFormat], signature, kFormat);
    return convert(self, target);
  });
}

PyObject* shorthand(const char* name, std::optional<DType> dtype, PyObject* self,
                    PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  if (count == 0 && keywords == nullptr) {
    return guarded([&] { return convert(self, {dtype, false, {}}); });
  }
  const Signature signature = {name, 2, 2, 1, -1, format_names, "01"};
  return invoke(signature, self, args, count, keywords, [&](PyObject* const* slots) {
    return convert(self, {dtype, false, to_optional_memory_format(slots[1], signature, 1)});
  });
}

#define WENGERT_SHORTHAND(name, dtype)                                             \
  PyObject* method_##name(PyObject* self, PyObject* const* args, Py_ssize_t count, \
                          PyObject* keywords) {                                    \
    return shorthand(#name, dtype, self, args, count, keywords);                   \
  }
WENGERT_SHORTHAND(float, DType::float32)
WENGERT_SHORTHAND(double, DType::float64)
WENGERT_SHORTHAND(half, DType::float16)
WENGERT_SHORTHAND(bfloat16, DType::bfloat16)
WENGERT_SHORTHAND(int, DType::int32)
WENGERT_SHORTHAND(long, DType::int64)
WENGERT_SHORTHAND(short, DType::int16)
WENGERT_SHORTHAND(char, DType::int8)
WENGERT_SHORTHAND(byte, DType::uint8)
WENGERT_SHORTHAND(bool, DType::bool_)
WENGERT_SHORTHAND(cfloat, DType::complex64)
WENGERT_SHORTHAND(cdouble, DType::complex128)
WENGERT_SHORTHAND(cpu, std::nullopt)
#undef WENGERT_SHORTHAND

// --- plain questions ---

PyObject* method_element_size(PyObject* self, PyObject*) {
  return PyLong_FromSize_t(unwrap(self).item_size());
}
PyObject* method_is_floating_point(PyObject* self, PyObject*) {
  return wrap(is_floating(unwrap(self).dtype()));
}
PyObject* method_is_complex(PyObject* self, PyObject*) {
  return wrap(is_complex(unwrap(self).dtype()));
}
PyObject* method_is_signed(PyObject* self, PyObject*) {
  const DType dtype = unwrap(self).dtype();
  return wrap(dtype != DType::bool_ && dtype != DType::uint8);
}

// --- view ---

FastFunction view_sizes = nullptr;  // view(*size), from the operator table

// The name has a second meaning: view(dtype) reads the same bytes as another dtype, without
// history.
PyObject* method_view(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  static const char* const names[] = {"self", "dtype"};
  static const Signature signature = {"view", 2, 2, 2, -1, names, "00"};
  const bool by_name =
      count == 0 && keywords != nullptr && PyTuple_GET_SIZE(keywords) == 1 &&
      PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, 0), "dtype") == 0;
  if (!by_name && (count != 1 || Py_TYPE(args[0]) != dtype_type)) {
    return view_sizes(self, args, count, keywords);
  }
  return invoke(signature, self, args, count, keywords, [&](PyObject* const* slots) {
    const Tensor& tensor = unwrap(self);
    const DType dtype = to_dtype(slots[1], signature, 1);
    return wrap(ops::_view_dtype(tensor, dtype));
  });
}

constexpr int kFast = METH_FASTCALL | METH_KEYWORDS;
#define WENGERT_SHORTHAND_ENTRY(name, what)  \
  {#name, as_function(method_##name), kFast, \
   #name "($self, memory_format=None)\n--\n\nThe values as " what "; itself where they are."}
PyMethodDef methods[] = {
    {"size", as_function(method_size), kFast,
     "size($self, dim=None)\n--\n\nThe sizes of all dimensions, or of one."},
    {"stride", as_function(method_stride), kFast,
     "stride($self, dim=None)\n--\n\nHow many elements apart neighbours lie in memory, for all "
     "dimensions or for one."},
    {"is_contiguous", as_function(method_is_contiguous), kFast,
     "is_contiguous($self, *, memory_format=None)\n--\n\nAre the elements row-major (or in the "
     "given format) without gaps?"},
    {"to", as_function(method_to), kFast,
     "to($self, *args, **kwargs)\n--\n\nThe tensor with another dtype, device or memory format; "
     "itself where nothing changes and `copy` is False.\n\n"
     "Called as to(dtype), to(device, dtype) or to(other), each with non_blocking=False, "
     "copy=False and memory_format=None."},
    WENGERT_SHORTHAND_ENTRY(float, "float32"),
    WENGERT_SHORTHAND_ENTRY(double, "float64"),
    WENGERT_SHORTHAND_ENTRY(half, "float16"),
    WENGERT_SHORTHAND_ENTRY(bfloat16, "bfloat16"),
    WENGERT_SHORTHAND_ENTRY(int, "int32"),
    WENGERT_SHORTHAND_ENTRY(long, "int64"),
    WENGERT_SHORTHAND_ENTRY(short, "int16"),
    WENGERT_SHORTHAND_ENTRY(char, "int8"),
    WENGERT_SHORTHAND_ENTRY(byte, "uint8"),
    WENGERT_SHORTHAND_ENTRY(bool, "bool"),
    WENGERT_SHORTHAND_ENTRY(cfloat, "complex64"),
    WENGERT_SHORTHAND_ENTRY(cdouble, "complex128"),
    {"cpu", as_function(method_cpu), kFast,
     "cpu($self, memory_format=None)\n--\n\nThe tensor in the CPU's memory; itself where it is."},
    {"element_size", method_element_size, METH_NOARGS,
     "element_size($self)\n--\n\nBytes per element."},
    {"is_floating_point", method_is_floating_point, METH_NOARGS,
     "is_floating_point($self)\n--\n\nAre the elements floating-point numbers?"},
    {"is_complex", method_is_complex, METH_NOARGS,
     "is_complex($self)\n--\n\nAre the elements complex numbers?"},
    {"is_signed", method_is_signed, METH_NOARGS,
     "is_signed($self)\n--\n\nCan the elements be negative?"}};
#undef WENGERT_SHORTHAND_ENTRY

}  // namespace

void add_conversions(std::vector<PyMethodDef>& to) {
  for (PyMethodDef& method : to) {
    if (std::strcmp(method.ml_name, "view") != 0) continue;
    view_sizes = reinterpret_cast<FastFunction>(reinterpret_cast<void (*)()>(method.ml_meth));
    method.ml_meth = as_function(method_view);
  }
  to.insert(to.end(), std::begin(methods), std::end(methods));
}

}  // namespace wengert::python
