// Which line of the user's program is running: the innermost frame outside this package.
#define Py_BUILD_CORE 1
#include <Python.h>
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

PyMethodDef functions[] = {
    {"_set_package_directory", set_package_directory, METH_O,
     "_set_package_directory(path)\n--\n\nFrames of files below `path` are not the user's."},
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
