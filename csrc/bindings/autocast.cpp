// The state of automatic mixed precision, for wengert.amp.
#include "ops/autocast.h"

#include "bindings/call.h"

namespace wengert::python {

namespace {

PyObject* get_autocast(PyObject*, PyObject*) {
  return Py_BuildValue("(NN)", PyBool_FromLong(autocast.on), wrap(autocast.low));
}

PyObject* set_autocast(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    static constexpr const char* kNames[] = {"enabled", "dtype"};
    static constexpr Signature kSignature = {"_set_autocast", 2, 2, 2, -1, kNames, "00"};
    WENGERT_CHECK(count == 2, kType, "_set_autocast(enabled, dtype)");
    const bool enabled = to_bool(args[0], kSignature, 0);
    const DType dtype = to_dtype(args[1], kSignature, 1);
    WENGERT_CHECK(is_floating(dtype), kType, "_set_autocast(): dtype must be floating, not ",
                  dtype_name(dtype));
    autocast = {enabled, dtype};
    Py_RETURN_NONE;
  });
}

PyObject* is_on(PyObject*, PyObject*) { return PyBool_FromLong(autocast.on); }

PyMethodDef functions[] = {
    {"_get_autocast", get_autocast, METH_NOARGS,
     "_get_autocast()\n--\n\nIs this thread in a region of mixed precision, and its low dtype."},
    {"_set_autocast", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(set_autocast)),
     METH_FASTCALL, "_set_autocast(enabled, dtype)\n--\n\nEnters or leaves such a region."},
    {"_is_autocast_on", is_on, METH_NOARGS,
     "_is_autocast_on()\n--\n\nIs this thread in a region of mixed precision?"},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_autocast(PyObject* module) {
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
