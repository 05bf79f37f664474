// Memory shared with others: NumPy through its array interface (without its headers), anything else
// through DLPack or the buffer protocol, and the storage itself for pickling.
#include <algorithm>
#include <memory>

#include "bindings/call.h"
#include "graph/lost.h"
#include "graph/shared.h"

namespace wengert::python {

namespace {

// Drops a Python reference from wherever the last tensor dies.
void release_reference(void* object) {
  const PyGILState_STATE state = PyGILState_Ensure();
  Py_DECREF(static_cast<PyObject*>(object));
  PyGILState_Release(state);
}

// From now on, and until stop_sharing, others may write to the memory of `tensor`.
void start_sharing(const Tensor& tensor) {
  Storage& storage = *tensor.storage();
  ++storage.shared;
  storage.shared_at = current_site();
  note_shared(storage);
}
void stop_sharing(const Tensor& tensor) {
  Storage& storage = *tensor.storage();
  if (--storage.shared == 0) forget_shared(storage);
}

// How many bytes lie between the first element and the end of the last.
size_t reach(const Dims& sizes, const Dims& strides, DType dtype) {
  int64_t last = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return 0;
    last += (sizes[i] - 1) * strides[i];
  }
  return static_cast<size_t>(last + 1) * item_size(dtype);
}

// --- NumPy ---

// What __array_struct__ holds: https://numpy.org/doc/stable/reference/arrays.interface.html
struct ArrayInterface {
  int two;
  int nd;
  char kind;
  int itemsize;
  int flags;
  Py_intptr_t* shape;
  Py_intptr_t* strides;  // in bytes
  void* data;
  PyObject* description;
};
constexpr int kAligned = 0x100, kNativeOrder = 0x200, kWriteable = 0x400;

char array_kind(DType dtype) {
  if (dtype == DType::bool_) return 'b';
  if (is_complex(dtype)) return 'c';
  if (is_floating(dtype)) return 'f';
  return dtype == DType::uint8 ? 'u' : 'i';
}

bool dtype_of_array(char kind, int itemsize, DType* out) {
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (dtype != DType::bfloat16 && array_kind(dtype) == kind &&
        item_size(dtype) == static_cast<size_t>(itemsize)) {
      *out = dtype;
      return true;
    }
  }
  return false;
}

// numpy.ndarray or numpy.generic, without importing NumPy where nobody did.
PyTypeObject* numpy_type(const char* name) {
  PyObject* key = checked(PyUnicode_FromString("numpy"));
  PyObject* module = PyImport_GetModule(key);
  Py_DECREF(key);
  if (module == nullptr) {
    PyErr_Clear();
    return nullptr;
  }
  PyObject* type = PyObject_GetAttrString(module, name);
  Py_DECREF(module);
  if (type == nullptr) PyErr_Clear();  // NumPy is being imported right now
  return reinterpret_cast<PyTypeObject*>(type);
}

bool is_instance(PyObject* object, PyTypeObject** type, const char* name) {
  if (*type == nullptr) *type = numpy_type(name);
  return *type != nullptr && PyObject_TypeCheck(object, *type);
}
bool is_array(PyObject* object) {
  static PyTypeObject* type = nullptr;
  return is_instance(object, &type, "ndarray");
}
bool is_array_scalar(PyObject* object) {
  static PyTypeObject* type = nullptr;
  return is_instance(object, &type, "generic");
}

std::string array_type_name(PyObject* array) {
  std::string name = "?";
  PyObject* dtype = PyObject_GetAttrString(array, "dtype");
  PyObject* type = dtype == nullptr ? nullptr : PyObject_GetAttrString(dtype, "type");
  if (type != nullptr) name = str("numpy.", reinterpret_cast<PyTypeObject*>(type)->tp_name);
  if (name.starts_with("numpy.numpy.")) name.erase(0, 6);
  Py_XDECREF(dtype);
  Py_XDECREF(type);
  PyErr_Clear();
  return name;
}

struct Drop {
  void operator()(PyObject* object) const { Py_XDECREF(object); }
};
using Owned = std::unique_ptr<PyObject, Drop>;

Tensor share_array(PyObject* array) {
  // The capsule keeps alive what it describes: the array, or what a NumPy scalar was copied to.
  Owned capsule(checked(PyObject_GetAttrString(array, "__array_struct__")));
  const auto* from = static_cast<ArrayInterface*>(PyCapsule_GetPointer(capsule.get(), nullptr));
  if (from == nullptr) throw_python_error();
  DType dtype;
  WENGERT_CHECK(dtype_of_array(from->kind, from->itemsize, &dtype), kType,
                "can't convert np.ndarray of type ", array_type_name(array),
                ". The only supported types are: float64, float32, float16, complex64, complex128, "
                "int64, int32, int16, int8, uint8, and bool.");
  WENGERT_CHECK((from->flags & kNativeOrder) != 0 || from->itemsize == 1, kValue,
                "given numpy array has byte order different from the native byte order. Conversion "
                "between byte orders is currently not supported.");
  WENGERT_CHECK((from->flags & kAligned) != 0, kValue,
                "given numpy array is not aligned in memory. Copy it with array.copy().");
  Dims sizes, strides;
  int64_t count = 1;
  for (int i = 0; i < from->nd; ++i) count *= from->shape[i];
  for (int i = 0; i < from->nd; ++i) {
    const int64_t size = from->shape[i], step = from->strides[i];
    // Where there is no neighbour, the distance to it says nothing.
    const bool matters = size > 1 && count != 0;
    WENGERT_CHECK(
        !matters || step >= 0, kValue,
        "At least one stride in the given numpy array is negative, and tensors with "
        "negative strides are not currently supported. (You can probably work around this "
        "by making a copy of your array with array.copy().)");
    WENGERT_CHECK(
        !matters || step % from->itemsize == 0, kValue,
        "given numpy array strides not a multiple of the element byte size. Copy the numpy "
        "array to reallocate the memory.");
    sizes.push_back(size);
    strides.push_back(step / from->itemsize);
  }
  if (count <= 1) strides = contiguous_strides(sizes);
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] <= 1 && strides[i] < 0) strides[i] = 1;
  }
  const bool read_only = (from->flags & kWriteable) == 0;
  auto storage = borrow_storage(from->data, reach(sizes, strides, dtype), release_reference,
                                capsule.release());
  storage->read_only = read_only;
  Tensor result = from_storage(std::move(storage), sizes, strides, 0, dtype);
  start_sharing(result);
  note_returned(result, Cut::kArray, "from_numpy");
  return result;
}

// An object with the buffer protocol: the bytes from a tensor's first element to its last. An array
// that is made over it keeps it alive.
struct PyMemory {
  PyObject_HEAD Tensor tensor;
};
PyTypeObject* memory_type = nullptr;

Tensor& viewed(PyObject* self) { return reinterpret_cast<PyMemory*>(self)->tensor; }

void memory_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  stop_sharing(viewed(self));
  viewed(self).~Tensor();
  type->tp_free(self);
  Py_DECREF(type);
}

int memory_buffer(PyObject* self, Py_buffer* view, int flags) {
  const Tensor& tensor = viewed(self);
  const size_t bytes = reach(tensor.sizes(), tensor.strides(), tensor.dtype());
  try {
    return PyBuffer_FillInfo(view, self, tensor.data(), static_cast<Py_ssize_t>(bytes),
                             tensor.storage()->read_only ? 1 : 0, flags);
  } catch (...) {  // a tensor inside of a transform has no memory to show
    raise_current();
    view->obj = nullptr;
    return -1;
  }
}

const Tensor& tensor_argument(const char* name, PyObject* object) {
  WENGERT_CHECK(is_tensor(object), kType, name,
                "(): argument 'input' (position 1) must be Tensor, not ", Py_TYPE(object)->tp_name);
  return unwrap(object);
}

PyObject* py_from_numpy(PyObject*, PyObject* array) {
  return guarded([&] {
    WENGERT_CHECK(is_array(array), kType, "expected np.ndarray (got ", Py_TYPE(array)->tp_name,
                  ")");
    return wrap(share_array(array));
  });
}

// The tensor of an array or array scalar, or None for anything else.
PyObject* py_share_array(PyObject*, PyObject* object) {
  return guarded([&] { return wrap(tensor_from_array(object)); });
}

// --- buffers ---

PyObject* py_frombuffer(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  static const char* const names[] = {"buffer", "dtype", "count", "offset", "requires_grad"};
  static const Signature s = {"frombuffer", 5, 1, 1, -1, names, "00111"};
  return invoke(s, nullptr, args, count, keywords, [](PyObject* const* slots) {
    const DType dtype = to_dtype(slots[1], s, 1);
    const auto width = static_cast<int64_t>(item_size(dtype));
    int64_t wanted = slots[2] == nullptr ? -1 : to_int(slots[2], s, 2);
    const int64_t offset = slots[3] == nullptr ? 0 : to_int(slots[3], s, 3);
    const bool requires_grad = given(slots[4]) && to_bool(slots[4], s, 4);
    WENGERT_CHECK(PyObject_CheckBuffer(slots[0]) != 0, kValue,
                  "object does not implement Python buffer protocol.");
    auto view = std::make_unique<Py_buffer>();
    bool read_only = false;
    if (PyObject_GetBuffer(slots[0], view.get(), PyBUF_WRITABLE) != 0) {
      PyErr_Clear();
      read_only = true;
      if (PyObject_GetBuffer(slots[0], view.get(), PyBUF_SIMPLE) != 0) throw_python_error();
    }
    const auto drop = [](void* context) {
      const PyGILState_STATE state = PyGILState_Ensure();
      const std::unique_ptr<Py_buffer> held(static_cast<Py_buffer*>(context));
      PyBuffer_Release(held.get());
      PyGILState_Release(state);
    };
    const int64_t length = view->len;
    auto storage = borrow_storage(view->buf, static_cast<size_t>(length), drop, view.get());
    view.release();
    storage->read_only = read_only;
    WENGERT_CHECK(length > 0 && wanted != 0, kValue, "both buffer length (", length,
                  ") and count (", wanted, ") must not be 0");
    WENGERT_CHECK(offset >= 0 && offset < length, kValue, "offset (", offset,
                  " bytes) must be non-negative and no greater than buffer length (", length,
                  " bytes) minus 1");
    WENGERT_CHECK(wanted > 0 || (length - offset) % width == 0, kValue, "buffer length (",
                  length - offset, " bytes) after offset (", offset,
                  " bytes) must be a multiple of element size (", width, ")");
    if (wanted < 0) wanted = (length - offset) / width;
    WENGERT_CHECK(wanted <= (length - offset) / width, kValue, "requested buffer length (", wanted,
                  " * ", width, " bytes) after offset (", offset,
                  " bytes) must not be greater than actual buffer length (", length, " bytes)");
    storage->data += offset;
    storage->bytes -= static_cast<size_t>(offset);
    WENGERT_CHECK(reinterpret_cast<uintptr_t>(storage->data) % item_size(to_real(dtype)) == 0,
                  kValue, "frombuffer(): the buffer is not aligned for elements of ",
                  dtype_name(dtype), " at offset ", offset, "; copy it first");
    Tensor result = from_storage(std::move(storage), {wanted}, {1}, 0, dtype);
    WENGERT_CHECK(!requires_grad || is_inexact(dtype), kRuntime,
                  "only Tensors of floating point and complex dtype can require gradients");
    result->requires_grad = requires_grad;
    return wrap(std::move(result));
  });
}

// --- DLPack 1.1 and 0.x: https://dmlc.github.io/dlpack/latest/c_api.html ---

struct DLTensor {
  void* data;
  struct {
    int32_t type, id;
  } device;
  int32_t ndim;
  struct {
    uint8_t code, bits;
    uint16_t lanes;
  } dtype;
  int64_t* shape;
  int64_t* strides;  // in elements; null where row-major
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* context;
  void (*deleter)(DLManagedTensor*);
};
struct DLManagedTensorVersioned {
  struct {
    uint32_t major, minor;
  } version;
  void* context;
  void (*deleter)(DLManagedTensorVersioned*);
  uint64_t flags;
  DLTensor tensor;
};
constexpr int32_t kDLCPU = 1;
constexpr uint64_t kDLReadOnly = 1, kDLCopied = 2;
enum DLCode : uint8_t {
  kDLInt = 0,
  kDLUInt = 1,
  kDLFloat = 2,
  kDLBfloat = 4,
  kDLComplex = 5,
  kDLBool = 6
};

DLCode dlpack_code(DType dtype) {
  if (dtype == DType::bool_) return kDLBool;
  if (dtype == DType::bfloat16) return kDLBfloat;
  if (is_complex(dtype)) return kDLComplex;
  if (is_floating(dtype)) return kDLFloat;
  return dtype == DType::uint8 ? kDLUInt : kDLInt;
}

template <typename Managed>
struct DLNames;
template <>
struct DLNames<DLManagedTensor> {
  static constexpr const char *fresh = "dltensor", *used = "used_dltensor";
};
template <>
struct DLNames<DLManagedTensorVersioned> {
  static constexpr const char *fresh = "dltensor_versioned", *used = "used_dltensor_versioned";
};

// What a consumer holds: the record it reads and the tensor that the record is of.
template <typename Managed>
struct Exported {
  Managed managed{};
  Tensor tensor;
  Dims sizes, strides;
  ~Exported() { stop_sharing(tensor); }
};

template <typename Managed>
PyObject* export_dlpack(const Tensor& tensor, uint64_t flags) {
  auto exported = std::make_unique<Exported<Managed>>();
  exported->tensor = alias(tensor);
  start_sharing(tensor);
  exported->sizes = tensor.sizes();
  exported->strides = tensor.strides();
  Managed& managed = exported->managed;
  managed.context = exported.get();
  managed.deleter = [](Managed* dying) {
    // The consumer may run without Python's lock, which guards our counts.
    const PyGILState_STATE state = PyGILState_Ensure();
    delete static_cast<Exported<Managed>*>(dying->context);
    PyGILState_Release(state);
  };
  if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>) {
    managed.version = {1, 1};
    managed.flags = flags | (tensor.storage()->read_only ? kDLReadOnly : 0);
  }
  DLTensor& to = managed.tensor;
  to.data = tensor.numel() == 0 ? nullptr : tensor.data();
  to.device = {kDLCPU, 0};
  to.ndim = static_cast<int32_t>(tensor.ndim());
  to.dtype = {dlpack_code(tensor.dtype()), static_cast<uint8_t>(8 * tensor.item_size()), 1};
  to.shape = exported->sizes.data();
  to.strides = exported->strides.data();
  PyObject* capsule = checked(PyCapsule_New(&managed, DLNames<Managed>::fresh, [](PyObject* dying) {
    // A consumer renames the capsule and calls the deleter itself.
    if (PyCapsule_IsValid(dying, DLNames<Managed>::fresh) == 0) return;
    auto* unused = static_cast<Managed*>(PyCapsule_GetPointer(dying, DLNames<Managed>::fresh));
    unused->deleter(unused);
  }));
  exported.release();
  return capsule;
}

PyObject* py_to_dlpack(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject* object;
    int versioned, copied;
    if (PyArg_ParseTuple(args, "Opp:_to_dlpack", &object, &versioned, &copied) == 0) return nullptr;
    const Tensor& tensor = tensor_argument("_to_dlpack", object);
    if (versioned != 0) {
      return export_dlpack<DLManagedTensorVersioned>(tensor, copied != 0 ? kDLCopied : 0);
    }
    WENGERT_CHECK(!tensor.storage()->read_only, kBuffer,
                  "read-only memory can only be exported through DLPack 1.0 or newer; clone() the "
                  "tensor, or have the consumer pass max_version=(1, 0)");
    return export_dlpack<DLManagedTensor>(tensor, 0);
  });
}

// The deleter of someone else, to be called once.
template <typename Managed>
void release_managed(void* context) {
  auto* managed = static_cast<Managed*>(context);
  if (managed->deleter != nullptr) managed->deleter(managed);
}

DType dtype_of_dlpack(const DLTensor& from) {
  WENGERT_CHECK(from.dtype.lanes == 1, kRuntime, "Unsupported lanes: ", from.dtype.lanes);
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (dlpack_code(dtype) == from.dtype.code && 8 * item_size(dtype) == from.dtype.bits)
      return dtype;
  }
  fail(ErrorKind::kRuntime, "from_dlpack(): unsupported dtype: code ", int{from.dtype.code}, ", ",
       int{from.dtype.bits}, " bits");
}

template <typename Managed>
Tensor import_dlpack(PyObject* capsule) {
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, DLNames<Managed>::fresh));
  if (managed == nullptr) throw_python_error();
  bool read_only = false;
  if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>) {
    WENGERT_CHECK(managed->version.major == 1, kBuffer, "from_dlpack(): DLPack version ",
                  managed->version.major, ".", managed->version.minor, " is not supported");
    read_only = (managed->flags & kDLReadOnly) != 0;
  }
  const DLTensor& from = managed->tensor;
  WENGERT_CHECK(from.device.type == kDLCPU, kBuffer,
                "from_dlpack(): the memory is on a device that this build does not have");
  const DType dtype = dtype_of_dlpack(from);
  const auto ndim = static_cast<size_t>(from.ndim);
  const Dims sizes(from.shape, ndim);
  Dims strides = from.strides == nullptr ? contiguous_strides(sizes) : Dims(from.strides, ndim);
  const bool empty = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
  for (size_t i = 0; i < ndim; ++i) {
    if (sizes[i] <= 1 || empty) {
      strides[i] = std::max<int64_t>(strides[i], 0);
    }
    WENGERT_CHECK(strides[i] >= 0, kBuffer,
                  "from_dlpack(): tensors with negative strides are not supported; copy the array "
                  "first");
  }
  char* data = static_cast<char*>(from.data) + (from.data == nullptr ? 0 : from.byte_offset);
  WENGERT_CHECK(reinterpret_cast<uintptr_t>(data) % item_size(to_real(dtype)) == 0, kBuffer,
                "from_dlpack(): the memory is not aligned for elements of ", dtype_name(dtype));
  if (PyCapsule_SetName(capsule, DLNames<Managed>::used) != 0) throw_python_error();
  auto storage =
      borrow_storage(data, reach(sizes, strides, dtype), release_managed<Managed>, managed);
  storage->read_only = read_only;
  return from_storage(std::move(storage), sizes, strides, 0, dtype);
}

PyObject* py_import_dlpack(PyObject*, PyObject* capsule) {
  return guarded([&] {
    if (PyCapsule_IsValid(capsule, DLNames<DLManagedTensorVersioned>::fresh) != 0) {
      return wrap(import_dlpack<DLManagedTensorVersioned>(capsule));
    }
    WENGERT_CHECK(
        PyCapsule_IsValid(capsule, DLNames<DLManagedTensor>::fresh) != 0, kRuntime,
        "from_dlpack received an invalid capsule. Note that DLTensor capsules can be "
        "consumed only once, so you might have already constructed a tensor from it once.");
    return wrap(import_dlpack<DLManagedTensor>(capsule));
  });
}

// --- storage, for pickling and copying ---

// All bytes of the storage behind a tensor, as a tensor of uint8.
PyObject* py_storage_bytes(PyObject*, PyObject* object) {
  return guarded([&] {
    const Tensor& tensor = tensor_argument("_storage_as_bytes", object);
    const auto bytes = static_cast<int64_t>(tensor.storage()->bytes);
    return wrap(from_storage(tensor.storage(), {bytes}, {1}, 0, DType::uint8));
  });
}

PyObject* py_memory(PyObject*, PyObject* tensor) {
  return guarded([&] {
    const Tensor shared = alias(tensor_argument("_memory", tensor));
    PyObject* object = checked(memory_type->tp_alloc(memory_type, 0));
    new (&viewed(object)) Tensor(shared);
    start_sharing(shared);
    note_left("numpy", unwrap(tensor));
    return object;
  });
}

// A tensor over the storage of another one.
PyObject* py_over_storage(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  static const char* const names[] = {"input", "dtype", "offset", "size", "stride"};
  static const Signature s = {"_over_storage", 5, 5, 5, -1, names, "00000"};
  return invoke(s, nullptr, args, count, keywords, [](PyObject* const* slots) {
    const Tensor& source = to_tensor(slots[0], s, 0);
    const DType dtype = to_dtype(slots[1], s, 1);
    const int64_t offset = to_int(slots[2], s, 2);
    const Dims sizes = to_dims(slots[3], s, 3), strides = to_dims(slots[4], s, 4);
    WENGERT_CHECK(sizes.size() == strides.size() && offset >= 0, kRuntime,
                  "_over_storage(): mismatch in length of strides and shape");
    for (size_t i = 0; i < sizes.size(); ++i) {
      WENGERT_CHECK(sizes[i] >= 0 && strides[i] >= 0, kRuntime,
                    "_over_storage(): sizes and strides must not be negative");
    }
    const size_t needed = reach(sizes, strides, dtype);
    WENGERT_CHECK(needed == 0 || needed + static_cast<size_t>(offset) * item_size(dtype) <=
                                     source.storage()->bytes,
                  kRuntime, "setStorage: sizes ", to_string(sizes), ", strides ",
                  to_string(strides), ", storage offset ", offset, ", and itemsize ",
                  item_size(dtype), " are out of bounds for storage of size ",
                  source.storage()->bytes);
    return wrap(from_storage(source.storage(), sizes, strides, offset, dtype));
  });
}

PyMethodDef functions[] = {
    {"from_numpy", py_from_numpy, METH_O,
     "from_numpy(ndarray)\n--\n\nA tensor that shares the memory of a NumPy array."},
    {"frombuffer", as_function(py_frombuffer), METH_FASTCALL | METH_KEYWORDS,
     "frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False)\n--\n\n"
     "A 1-d tensor that shares the memory of an object with Python's buffer protocol."},
    {"_share_array", py_share_array, METH_O,
     "_share_array(object)\n--\n\nThe tensor of a NumPy array or scalar; None for anything else."},
    {"_to_dlpack", py_to_dlpack, METH_VARARGS,
     "_to_dlpack(input, versioned, copied)\n--\n\nA DLPack capsule of a tensor."},
    {"_import_dlpack", py_import_dlpack, METH_O,
     "_import_dlpack(capsule)\n--\n\nThe tensor of a DLPack capsule."},
    {"_storage_as_bytes", py_storage_bytes, METH_O,
     "_storage_as_bytes(input)\n--\n\nThe whole storage of a tensor, as a tensor of uint8."},
    {"_memory", py_memory, METH_O,
     "_memory(input)\n--\n\nThe bytes from a tensor's first element to its last, as an object "
     "with the "
     "buffer protocol."},
    {"_over_storage", as_function(py_over_storage), METH_FASTCALL | METH_KEYWORDS,
     "_over_storage(input, dtype, offset, size, stride)\n--\n\n"
     "A tensor over the storage of another one."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

Tensor tensor_from_array(PyObject* object) {
  return is_array(object) || is_array_scalar(object) ? share_array(object) : Tensor();
}

Tensor values_of_array(PyObject* object) {
  if (is_array_scalar(object)) return share_array(object);
  Owned array(Py_NewRef(object));
  if (!is_array(object)) {
    if (is_tensor(object) || PyObject_HasAttrString(object, "__array__") == 0) return {};
    array.reset(checked(PyObject_CallMethod(object, "__array__", nullptr)));
    if (!is_array(array.get())) return {};
  }
  try {
    return share_array(array.get());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kValue) throw;
  }
  // Steps backwards or between elements: NumPy's copy has none.
  array.reset(checked(PyObject_CallMethod(array.get(), "copy", nullptr)));
  return share_array(array.get());
}

ArrayOperands::ArrayOperands(PyObject* x, PyObject* y) {
  const auto convert = [&](PyObject* object) {
    Tensor tensor = is_tensor(object) ? Tensor() : tensor_from_array(object);
    if (!tensor.defined()) return Py_NewRef(object);
    changed = true;
    return wrap(std::move(tensor));
  };
  a.object = convert(x);
  b.object = convert(y);
}

void add_interop_functions(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(memory_dealloc)},
                         {Py_bf_getbuffer, reinterpret_cast<void*>(memory_buffer)},
                         {0, nullptr}};
  PyType_Spec spec = {"wengert._C._Memory", sizeof(PyMemory), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  memory_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)));
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
