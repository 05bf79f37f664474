// Which line of the user's program is running: the innermost frame outside this package.
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_code.h>
#include <internal/pycore_frame.h>
#undef Py_BUILD_CORE

#include <string>
#include <unordered_map>

#include "bindings/call.h"
#include "graph/node.h"

namespace wengert::python {

namespace {

std::string package_directory;

// Whether a code object belongs to the package; also what keeps it alive, since nodes refer to it.
std::unordered_map<PyCodeObject*, bool>& known() {
  static auto* map = new std::unordered_map<PyCodeObject*, bool>();
  return *map;
}

PyCodeObject* last_user = nullptr;

bool is_ours(PyCodeObject* code) {
  if (code == last_user) return false;
  const auto [found, fresh] = known().try_emplace(code, false);
  if (fresh) {
    Py_INCREF(code);
    const char* file = PyUnicode_AsUTF8(code->co_filename);
    if (file == nullptr) PyErr_Clear();
    found->second = file != nullptr && !package_directory.empty() &&
                    std::string_view(file).starts_with(package_directory);
  }
  if (!found->second) last_user = code;
  return found->second;
}

#if PY_VERSION_HEX < 0x030d0000
PyCodeObject* code_of(_PyInterpreterFrame* frame) { return frame->f_code; }
#else
PyCodeObject* code_of(_PyInterpreterFrame* frame) {
  return reinterpret_cast<PyCodeObject*>(frame->f_executable);
}
#endif

_PyInterpreterFrame* innermost() {
#if PY_VERSION_HEX < 0x030d0000
  PyThreadState* state = _PyThreadState_UncheckedGet();
  return state == nullptr || state->cframe == nullptr ? nullptr : state->cframe->current_frame;
#else
  PyThreadState* state = PyThreadState_GetUnchecked();
  return state == nullptr ? nullptr : state->current_frame;
#endif
}

Site here() {
  for (_PyInterpreterFrame* frame = innermost(); frame != nullptr; frame = frame->previous) {
    PyObject* code = reinterpret_cast<PyObject*>(code_of(frame));
    if (code == nullptr || !PyCode_Check(code)) continue;  // an entry frame of the interpreter
    if (is_ours(reinterpret_cast<PyCodeObject*>(code))) continue;
    return {code, static_cast<int32_t>(_PyInterpreterFrame_LASTI(frame) * sizeof(_Py_CODEUNIT))};
  }
  return {};
}

std::string format(Site site) {
  if (site.code == nullptr) return "<unknown>";
  auto* code = static_cast<PyCodeObject*>(const_cast<void*>(site.code));
  const int line = PyCode_Addr2Line(code, site.instruction);
  const char* file = PyUnicode_AsUTF8(code->co_filename);
  if (file == nullptr) PyErr_Clear();
  return str(file == nullptr ? "?" : file, ":", line);
}

PyObject* set_package_directory(PyObject*, PyObject* text) {
  const char* path = PyUnicode_AsUTF8(text);
  if (path == nullptr) return nullptr;
  package_directory = path;
  known().clear();
  last_user = nullptr;
  Py_RETURN_NONE;
}

PyObject* call_site(PyObject*, PyObject*) { return PyUnicode_FromString(format(here()).c_str()); }

// The local variables of a running function as [(name, value), ...]. Before Python 3.13 reading
// f_locals leaves a copy with the frame, which keeps the values alive until the function returns.
PyObject* frame_variables(PyObject*, PyObject* argument) {
  if (!PyFrame_Check(argument)) {
    PyErr_SetString(PyExc_TypeError, "_frame_variables(frame)");
    return nullptr;
  }
  auto* frame = reinterpret_cast<PyFrameObject*>(argument);
#if PY_VERSION_HEX < 0x030d0000
  PyObject* code_object = reinterpret_cast<PyObject*>(PyFrame_GetCode(frame));
  auto* code = reinterpret_cast<PyCodeObject*>(code_object);
  Py_DECREF(code_object);  // the frame holds it
  if ((code->co_flags & CO_OPTIMIZED) != 0) {
    PyObject* list = PyList_New(0);
    for (int i = 0; list != nullptr && i < code->co_nlocalsplus; ++i) {
      PyObject* value = frame->f_frame->localsplus[i];
      const char kind = PyBytes_AS_STRING(code->co_localspluskinds)[i];
      if ((kind & (CO_FAST_CELL | CO_FAST_FREE)) != 0 && value != nullptr && PyCell_Check(value)) {
        value = PyCell_GET(value);
      }
      if (value == nullptr) continue;
      PyObject* row = Py_BuildValue("(OO)", PyTuple_GET_ITEM(code->co_localsplusnames, i), value);
      if (row == nullptr || PyList_Append(list, row) != 0) Py_CLEAR(list);
      Py_XDECREF(row);
    }
    return list;
  }
#endif
  PyObject* locals = PyFrame_GetLocals(frame);
  if (locals == nullptr) return nullptr;
  PyObject* items = PyMapping_Items(locals);
  Py_DECREF(locals);
  return items;
}

PyMethodDef functions[] = {
    {"_set_package_directory", set_package_directory, METH_O,
     "_set_package_directory(path)\n--\n\nFrames of files below `path` are not the user's."},
    {"_frame_variables", frame_variables, METH_O,
     "_frame_variables(frame)\n--\n\n[(name, value), ...] of the local variables, none of which is "
     "kept alive."},
    {"_call_site", call_site, METH_NOARGS,
     "_call_site()\n--\n\nThe user's line that is running, as 'file:line'."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void install_sites(PyObject* module) {
  current_site = here;
  format_site = format;
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
