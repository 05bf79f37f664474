// __torch_function__: classes, and modes, that take part in calls.
//
// Programs without such subclasses of Tensor or modes pay one test per call. Objects of other
// classes cost nothing either: they are looked for once a call has failed.
#include <algorithm>

#include "bindings/call.h"

namespace wengert::python {

bool overrides_possible = false;

namespace {

struct State {
  bool subclasses_off = false, all_off = false;
  std::vector<PyObject*> modes;  // owned, the innermost last
};
// Never destroyed: threads may end after the interpreter.
State& state() {
  static thread_local auto* of_thread = new State();
  return *of_thread;
}

PyObject* attribute_name() {
  static PyObject* const name = PyUnicode_InternFromString("__torch_function__");
  return name;
}

PyObject* disabled_method(PyObject*, PyObject*) {
  PyErr_SetString(PyExc_RuntimeError, "this class takes no part in __torch_function__");
  return nullptr;
}
PyMethodDef disabled_definition = {
    "_disabled_torch_function_impl", disabled_method, METH_VARARGS,
    "_disabled_torch_function_impl(*args)\n--\n\n"
    "As the `__torch_function__` of a subclass of Tensor: its operators give plain tensors."};
PyObject* disabled() {
  static PyObject* const object = PyCFunction_New(&disabled_definition, nullptr);
  return object;
}

struct Owned {
  PyObject* object;
  explicit Owned(PyObject* from) : object(from) {}
  ~Owned() { Py_XDECREF(object); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
};

// The type's __torch_function__, a new reference; null where it has none or it is switched off.
PyObject* handler_of(PyTypeObject* type) {
  if (type == tensor_type || type == &PyFloat_Type || type == &PyLong_Type ||
      type == &PyBool_Type || type == &PyUnicode_Type || type == Py_TYPE(Py_None)) {
    return nullptr;
  }
  PyObject* found = PyObject_GetAttr(reinterpret_cast<PyObject*>(type), attribute_name());
  if (found == nullptr) {
    PyErr_Clear();
    return nullptr;
  }
  if (found == disabled()) {
    Py_DECREF(found);
    return nullptr;
  }
  return found;
}

enum class Which { kAll, kOthersThanTensors };

// The arguments whose classes are asked: subclasses before their bases, else from the left.
void collect(PyObject* object, Which which, bool within, std::vector<PyObject*>& found) {
  if (object == nullptr) return;
  if (within && (PyList_CheckExact(object) || PyTuple_CheckExact(object))) {
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(object);
    for (Py_ssize_t i = 0; i < count; ++i) {
      collect(PySequence_Fast_GET_ITEM(object, i), which, false, found);
    }
    return;
  }
  if (is_tensor(object) && (which == Which::kOthersThanTensors || state().subclasses_off)) return;
  PyTypeObject* type = Py_TYPE(object);
  for (PyObject* each : found) {
    if (Py_TYPE(each) == type) return;
  }
  const Owned handler(handler_of(type));
  if (handler.object == nullptr) return;
  const auto base = std::find_if(found.begin(), found.end(), [&](PyObject* each) {
    return PyType_IsSubtype(type, Py_TYPE(each)) != 0;
  });
  found.insert(base, object);
}

// Calls one handler; null with an error set, or NotImplemented.
PyObject* ask(PyObject* handler, PyObject* function, PyObject* types, PyObject* arguments,
              PyObject* keywords) {
  return PyObject_CallFunctionObjArgs(handler, function, types, arguments, keywords, nullptr);
}

// The innermost mode is not active while it handles a call.
PyObject* ask_mode(PyObject* function, PyObject* types, PyObject* arguments, PyObject* keywords) {
  PyObject* mode = state().modes.back();
  state().modes.pop_back();
  const Owned handler(PyObject_GetAttr(mode, attribute_name()));
  PyObject* result = handler.object == nullptr
                         ? nullptr
                         : ask(handler.object, function, types, arguments, keywords);
  state().modes.push_back(mode);
  return result;
}

PyObject* dispatch(PyObject* function, const std::vector<PyObject*>& found, PyObject* arguments,
                   PyObject* keywords) {
  const Owned types(PyTuple_New(static_cast<Py_ssize_t>(found.size())));
  if (types.object == nullptr) return nullptr;
  for (size_t i = 0; i < found.size(); ++i) {
    PyTuple_SET_ITEM(types.object, static_cast<Py_ssize_t>(i),
                     Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(found[i]))));
  }
  if (!state().modes.empty() && !state().all_off) {
    PyObject* result = ask_mode(function, types.object, arguments, keywords);
    if (result != Py_NotImplemented) return result;
    Py_DECREF(result);
  }
  for (PyObject* each : found) {
    const Owned handler(handler_of(Py_TYPE(each)));
    if (handler.object == nullptr) continue;
    PyObject* result = ask(handler.object, function, types.object, arguments, keywords);
    if (result != Py_NotImplemented) return result;
    Py_DECREF(result);
  }
  PyErr_Format(PyExc_TypeError,
               "no implementation found for '%S' on types that implement __torch_function__: %S",
               function, types.object);
  return nullptr;
}

// A member by its name, a new reference; null where there is none.
PyObject* member(PyObject* place, const char* name) {
  PyObject* found = PyObject_GetAttrString(place, name);
  if (found == nullptr) PyErr_Clear();
  return found;
}

// Would this function, if it is one in Python, take the operator's arguments for what they are?
bool agrees(PyObject* function, const Signature* signature, Py_ssize_t count, PyObject* keywords) {
  if (!PyFunction_Check(function) || signature == nullptr) return true;
  auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(function));
  const Owned variables(PyCode_GetVarnames(code));
  if (variables.object == nullptr) return false;
  if (count > code->co_argcount || count > signature->count) return false;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* own = PyTuple_GET_ITEM(variables.object, i);
    if (PyUnicode_CompareWithASCIIString(own, signature->names[i]) != 0) return false;
  }
  const Owned named(
      PyTuple_GetSlice(variables.object, 0, code->co_argcount + code->co_kwonlyargcount));
  const Py_ssize_t extra = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t i = 0; i < extra; ++i) {
    if (PySequence_Contains(named.object, PyTuple_GET_ITEM(keywords, i)) != 1) return false;
  }
  return true;
}

// The function that a program knows by that name and that takes these arguments; null where there
// is none.
PyObject* public_function(const char* name, bool method, const Signature* signature,
                          Py_ssize_t count, PyObject* keywords) {
  if (method) return member(reinterpret_cast<PyObject*>(tensor_type), name);
  for (const char* module : {"wengert", "wengert.nn.functional", "wengert._C"}) {
    const Owned place(PyImport_GetModule(Owned(PyUnicode_FromString(module)).object));
    if (place.object == nullptr) continue;
    // Not through the module's own __getattr__, which explains names that are not there.
    PyObject* found = PyDict_GetItemString(PyModule_GetDict(place.object), name);
    if (found == nullptr || PyCallable_Check(found) == 0) continue;
    if (agrees(found, signature, count, keywords)) return Py_NewRef(found);
  }
  return nullptr;
}

bool active() { return !state().all_off; }

std::vector<PyObject*> collect_all(PyObject* self, PyObject* const* args, Py_ssize_t count,
                                   PyObject* keywords, Which which) {
  std::vector<PyObject*> found;
  collect(self, which, false, found);
  const Py_ssize_t named = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t i = 0; i < count + named; ++i) collect(args[i], which, true, found);
  return found;
}

PyObject* dispatch_call(const char* name, const Signature* signature,
                        const std::vector<PyObject*>& found, PyObject* self, PyObject* const* args,
                        Py_ssize_t count, PyObject* keywords, bool* taken) {
  const Owned function(public_function(name, self != nullptr, signature, count, keywords));
  if (function.object == nullptr) return nullptr;
  *taken = true;
  const Py_ssize_t first = self != nullptr ? 1 : 0;
  const Owned arguments(PyTuple_New(count + first)), named(PyDict_New());
  if (arguments.object == nullptr || named.object == nullptr) return nullptr;
  if (self != nullptr) PyTuple_SET_ITEM(arguments.object, 0, Py_NewRef(self));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyTuple_SET_ITEM(arguments.object, i + first, Py_NewRef(args[i]));
  }
  const Py_ssize_t extra = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t i = 0; i < extra; ++i) {
    PyObject* key = PyTuple_GET_ITEM(keywords, i);
    if (PyDict_SetItem(named.object, key, args[count + i]) != 0) return nullptr;
  }
  return dispatch(function.object, found, arguments.object, named.object);
}

}  // namespace

PyObject* call_override(const char* name, PyObject* self, PyObject* const* args, Py_ssize_t count,
                        PyObject* keywords, bool* taken, const Signature* signature) noexcept {
  return guarded([&]() -> PyObject* {
    if (!active()) return nullptr;
    const auto found = collect_all(self, args, count, keywords, Which::kAll);
    if (found.empty() && state().modes.empty()) return nullptr;
    return dispatch_call(name, signature, found, self, args, count, keywords, taken);
  });
}

PyObject* recover(const Signature& signature, PyObject* self, PyObject* const* args,
                  Py_ssize_t count, PyObject* keywords, PyObject* const* slots) noexcept {
  // What failed may be an exception of Python's, which must not be lost while others are asked.
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  const auto found = collect_all(self, args, count, keywords, Which::kOthersThanTensors);
  bool taken = false;
  PyObject* result = nullptr;
  if (!found.empty() && active()) {
    result = dispatch_call(signature.name, &signature, found, self, args, count, keywords, &taken);
  }
  if (!taken) {
    PyErr_Restore(type, value, traceback);
    return raise_current(signature, slots);
  }
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(traceback);
  return result;
}

PyObject* operator_override(const char* name, PyObject* a, PyObject* b, bool* taken) noexcept {
  return guarded([&]() -> PyObject* {
    if (is_tensor(a)) return call_override(name, a, &b, b == nullptr ? 0 : 1, nullptr, taken);
    const std::string reflected = str("__r", name, "__");
    return call_override(reflected.c_str(), b, &a, 1, nullptr, taken);
  });
}

bool takes_part(PyObject* object) {
  if (is_tensor(object) || !active()) return false;
  const Owned handler(handler_of(Py_TYPE(object)));
  return handler.object != nullptr;
}

namespace {

PyObject* set_state(PyObject*, PyObject* args) {
  State& now = state();
  const auto before = std::make_pair(now.subclasses_off, now.all_off);
  int subclasses = 0, all = 0;
  if (PyArg_ParseTuple(args, "pp:_set_torch_function", &subclasses, &all) == 0) return nullptr;
  now.subclasses_off = subclasses != 0;
  now.all_off = all != 0;
  return Py_BuildValue("(NN)", PyBool_FromLong(before.first), PyBool_FromLong(before.second));
}
PyObject* get_state(PyObject*, PyObject*) {
  return Py_BuildValue("(NN)", PyBool_FromLong(state().subclasses_off),
                       PyBool_FromLong(state().all_off));
}
PyObject* push_mode(PyObject*, PyObject* mode) {
  overrides_possible = true;
  state().modes.push_back(Py_NewRef(mode));
  Py_RETURN_NONE;
}
PyObject* pop_mode(PyObject*, PyObject*) {
  if (state().modes.empty()) {
    PyErr_SetString(PyExc_RuntimeError, "there is no TorchFunctionMode to leave");
    return nullptr;
  }
  PyObject* mode = state().modes.back();
  state().modes.pop_back();
  return mode;
}
PyObject* modes(PyObject*, PyObject*) {
  PyObject* list = PyList_New(0);
  for (PyObject* mode : state().modes) PyList_Append(list, mode);
  return list;
}
PyObject* expect_overrides(PyObject*, PyObject*) {
  overrides_possible = true;
  Py_RETURN_NONE;
}
PyObject* overloaded(PyObject*, PyObject* args) {
  std::vector<PyObject*> found;
  if (active()) collect(args, Which::kAll, true, found);
  PyObject* list = PyList_New(0);
  for (PyObject* each : found) PyList_Append(list, each);
  return list;
}
PyObject* handle(PyObject*, PyObject* args) {
  PyObject *function, *relevant, *arguments, *keywords;
  if (PyArg_ParseTuple(args, "OO!O!O!:_handle_torch_function", &function, &PyTuple_Type, &relevant,
                       &PyTuple_Type, &arguments, &PyDict_Type, &keywords) == 0) {
    return nullptr;
  }
  return guarded([&]() -> PyObject* {
    std::vector<PyObject*> found;
    collect(relevant, Which::kAll, true, found);
    return dispatch(function, found, arguments, keywords);
  });
}

PyMethodDef functions[] = {
    {"_set_torch_function", set_state, METH_VARARGS,
     "_set_torch_function(subclasses_off, all_off)\n--\n\n"
     "Switches __torch_function__ in this thread, and gives what was."},
    {"_get_torch_function", get_state, METH_NOARGS,
     "_get_torch_function()\n--\n\nWhether __torch_function__ is off: of subclasses, altogether."},
    {"_push_function_mode", push_mode, METH_O,
     "_push_function_mode(mode)\n--\n\nEnters a TorchFunctionMode in this thread."},
    {"_pop_function_mode", pop_mode, METH_NOARGS,
     "_pop_function_mode()\n--\n\nLeaves the innermost TorchFunctionMode."},
    {"_function_modes", modes, METH_NOARGS,
     "_function_modes()\n--\n\nThe active modes of this thread."},
    {"_expect_overrides", expect_overrides, METH_NOARGS,
     "_expect_overrides()\n--\n\nFrom now on calls look for subclasses' __torch_function__."},
    {"_overloaded", overloaded, METH_O,
     "_overloaded(relevant)\n--\n\nOne argument for each class that is asked, in order."},
    {"_handle_torch_function", handle, METH_VARARGS,
     "_handle_torch_function(function, relevant, args, kwargs)\n--\n\n"
     "What the classes of the relevant arguments make of a call."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_overrides(PyObject* module) {
  if (PyModule_AddFunctions(module, functions) != 0 ||
      PyModule_AddObjectRef(module, disabled_definition.ml_name, disabled()) != 0) {
    throw_python_error();
  }
}

}  // namespace wengert::python
