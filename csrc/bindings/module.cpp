// The extension module: types, operators and the few functions that are neither.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/call.h"
#include "device/allocator.h"
#include "device/cpu/parallel.h"
#include "graph/lost.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/libraries.h"
#include "tensor/live.h"

namespace nb = nanobind;

namespace wengert::python {

namespace {

void* release_lock() { return PyGILState_Check() != 0 ? PyEval_SaveThread() : nullptr; }
void acquire_lock(void* state) { PyEval_RestoreThread(static_cast<PyThreadState*>(state)); }

const char* const tensor_names[] = {"data", "dtype", "device", "requires_grad", "pin_memory"};
const Signature tensor_signature = {"tensor", 5, 1, 1, -1, tensor_names, "01111"};

PyObject* make_tensor(PyObject* const* slots) {
  const Signature& s = tensor_signature;
  to_device(slots[2], s, 2);
  Tensor result = tensor_from_data(slots[0], to_optional_dtype(slots[1], s, 1));
  if (given(slots[3]) && to_bool(slots[3], s, 3)) {
    WENGERT_CHECK(is_inexact(result.dtype()), kRuntime,
                  "only Tensors of floating point and complex dtype can require gradients",
                  describe_argument("data", result));
    result->requires_grad = true;
  }
  note_returned(result, Cut::kNumbers, "tensor");
  return wrap(std::move(result));
}
PyObject* py_tensor(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return invoke(tensor_signature, nullptr, args, count, keywords, make_tensor);
}

PyObject* py_default_dtype(PyObject*, PyObject*) { return wrap(default_dtype()); }
PyObject* py_set_default_dtype(PyObject*, PyObject* dtype) {
  static const char* const names[] = {"d"};
  static const Signature signature = {"set_default_dtype", 1, 1, 1, -1, names, "0"};
  return guarded([&]() -> PyObject* {
    const DType value = to_dtype(dtype, signature, 0);
    WENGERT_CHECK(is_floating(value), kType,
                  "only floating-point types are supported as the default "
                  "type, got ",
                  dtype_name(value));
    set_default_dtype(value);
    Py_RETURN_NONE;
  });
}
PyObject* py_result_type(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    Promotion promotion;
    for (Py_ssize_t i = 0; i < count; ++i) {
      std::optional<Operand> operand;
      WENGERT_CHECK(operator_operand(args[i], &operand), kType,
                    "result_type(): arguments must be Tensors or Numbers, not ",
                    Py_TYPE(args[i])->tp_name);
      if (operand->is_tensor()) {
        promotion.add(operand->tensor());
      } else {
        promotion.add(operand->scalar());
      }
    }
    return wrap(promotion.result());
  });
}
const char* const promote_names[] = {"type1", "type2"};
const Signature promote_signature = {"promote_types", 2, 2, 2, -1, promote_names, "00"};
PyObject* py_promote(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  const Signature& s = promote_signature;
  return invoke(s, nullptr, args, count, keywords, [&](PyObject* const* slots) {
    return wrap(promote(to_dtype(slots[0], s, 0), to_dtype(slots[1], s, 1)));
  });
}
const char* const can_cast_names[] = {"from_", "to"};
const Signature can_cast_signature = {"can_cast", 2, 2, 2, -1, can_cast_names, "00"};
PyObject* py_can_cast(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  const Signature& s = can_cast_signature;
  return invoke(s, nullptr, args, count, keywords, [&](PyObject* const* slots) {
    return wrap(can_cast(to_dtype(slots[0], s, 0), to_dtype(slots[1], s, 1)));
  });
}

template <typename Fn>
PyCFunction plain(Fn* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef functions[] = {
    {"tensor", as_function(py_tensor), METH_FASTCALL | METH_KEYWORDS,
     "tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False)\n--\n\n"
     "A new tensor that holds a copy of `data`: a number, a nested sequence or an array."},
    {"get_default_dtype", py_default_dtype, METH_NOARGS,
     "get_default_dtype()\n--\n\nThe dtype of new floating-point tensors."},
    {"set_default_dtype", py_set_default_dtype, METH_O,
     "set_default_dtype(d)\n--\n\nSets the dtype of new floating-point tensors."},
    {"result_type", plain(py_result_type), METH_FASTCALL,
     "result_type(*operands)\n--\n\nThe dtype that arithmetic on the operands gives."},
    {"promote_types", as_function(py_promote), METH_FASTCALL | METH_KEYWORDS,
     "promote_types(type1, type2)\n--\n\nThe smallest dtype that holds values of both."},
    {"can_cast", as_function(py_can_cast), METH_FASTCALL | METH_KEYWORDS,
     "can_cast(from_, to)\n--\n\nMay values of dtype `from_` be written to dtype `to`?"},
    {nullptr, nullptr, 0, nullptr}};

void add_runtime(nb::module_& m) {
  m.def("get_num_threads", &num_threads, "The number of threads that kernels use.");
  m.def(
      "set_num_threads",
      [](int count) {
        if (count <= 0) throw nb::value_error("set_num_threads expects a positive integer");
        set_num_threads(count);
      },
      nb::arg("count"),
      "Sets the number of threads that kernels use. A forked process stays with one: the threads "
      "of "
      "its parent's pool are gone.");
  m.def(
      "_show_as_torch", [](bool on) { shown_package = on ? "torch" : "wengert"; }, nb::arg("on"),
      "Whether reprs name things `torch.float32` or `wengert.float32`.");
  m.def("_shown_package", [] { return shown_package; }, "The package that reprs name.");
  m.def("_isa_level", &cpu::isa_level, "The x86-64 level in use: 2, 3 or 4.");
  m.def("_set_library_paths", &cpu::set_library_paths, nb::arg("paths"),
        "Directories to look for oneDNN and OpenBLAS in, before the system's own.");
  m.def(
      "_live_objects", [] { return nb::make_tuple(live_objects.tensors, live_objects.nodes); },
      "How many tensors and nodes there are.");
  m.def("_empty_cache", &allocator::empty_cache, "Returns cached blocks to the system.");
  m.def("_reset_peak", &allocator::reset_peak, "Starts counting the peak anew.");
  m.def(
      "_memory_statistics",
      [] {
        const auto s = allocator::statistics();
        return nb::make_tuple(s.allocated, s.peak_allocated, s.cached);
      },
      "Bytes in use, the peak, and bytes kept for reuse.");
}

}  // namespace

}  // namespace wengert::python

NB_MODULE(_C, m) {
  using namespace wengert;
  // Generators live as long as modules that hold them, and Python does not end those in order; what
  // leaks is watched by tests that count objects.
  nanobind::set_leak_warnings(false);
  lock_hooks = {python::release_lock, python::acquire_lock};
  try {
    python::add_dtype_type(m.ptr());
    python::add_attribute_types(m.ptr());
    python::add_tensor_type(m.ptr());
    python::add_graph_functions(m.ptr());
    python::add_transforms(m.ptr());
    python::install_sites(m.ptr());
    python::add_stories(m.ptr());
    python::add_interop_functions(m.ptr());
    python::add_random(m.ptr());
    python::add_autocast(m.ptr());
    python::add_overrides(m.ptr());
    if (PyModule_AddFunctions(m.ptr(), python::functions) != 0 ||
        PyModule_AddObjectRef(m.ptr(), "_LinAlgError", python::linalg_error_type()) != 0) {
      python::throw_python_error();
    }
  } catch (...) {
    python::raise_current();
    throw nb::python_error();
  }
  python::add_runtime(m);
  python::add_public_names(m.ptr());
}
