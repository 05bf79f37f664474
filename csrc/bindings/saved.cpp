// Hooks on saved values: functions of Python that pack what is saved and unpack what is used.
#include <Python.h>

#include <cstring>
#include <utility>

#include "bindings/graph.h"

namespace wengert::python {

namespace {

struct PyHooks : SavedHooks {
  Held pack_hook, unpack_hook;
  Ref<Packed> pack(const Tensor& tensor) override {
    const Held hook = pack_hook;  // which may take itself away
    const Held argument = Held::adopt(wrap(tensor));
    const Ref<Packed> result(new PyPacked());
    auto& packed = static_cast<PyPacked&>(*result);
    packed.unpack_hook = unpack_hook;
    packed.value = Held::adopt(checked(PyObject_CallOneArg(hook.get(), argument.get())));
    return result;
  }
};

// The hooks of this thread, innermost last.
struct Stack {
  std::vector<std::unique_ptr<PyHooks>> hooks;
  Held disabled;  // the message of the error that more hooks are
  void use() { modes.saved_hooks = hooks.empty() ? nullptr : hooks.back().get(); }
};
Stack& stack() {
  static thread_local auto* of_thread = new Stack();
  return *of_thread;
}

PyObject* push_hooks(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *pack, *unpack;
    if (PyArg_ParseTuple(args, "OO:_push_saved_hooks", &pack, &unpack) == 0) return nullptr;
    if (const Held& disabled = stack().disabled) {
      const char* message = PyUnicode_AsUTF8(disabled.get());
      if (message == nullptr) throw_python_error();
      fail(ErrorKind::kRuntime, message);
    }
    auto hooks = std::make_unique<PyHooks>();
    hooks->pack_hook = Held(pack);
    hooks->unpack_hook = Held(unpack);
    stack().hooks.push_back(std::move(hooks));
    stack().use();
    Py_RETURN_NONE;
  });
}

PyObject* pop_hooks(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    auto& hooks = stack().hooks;
    WENGERT_CHECK(!hooks.empty(), kRuntime, "there are no hooks on saved tensors to take away");
    const std::unique_ptr<PyHooks> last = std::move(hooks.back());
    hooks.pop_back();
    stack().use();
    Py_RETURN_NONE;
  });
}

PyObject* disable_hooks(PyObject*, PyObject* message) {
  return guarded([&]() -> PyObject* {
    Held before = std::move(stack().disabled);
    stack().disabled = Held();
    if (message != Py_None) {
      if (!stack().hooks.empty()) {
        stack().disabled = before;
        const char* text = PyUnicode_AsUTF8(message);
        if (text == nullptr) throw_python_error();
        fail(ErrorKind::kRuntime, text);
      }
      stack().disabled = Held(message);
    }
    return before ? before.release() : Py_NewRef(Py_None);
  });
}

// Packs one value of a node that is saved already.
PyObject* hook_saved(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *object, *pack, *unpack;
    const char* role;
    Py_ssize_t index;
    if (PyArg_ParseTuple(args, "OsnOO:_hook_saved", &object, &role, &index, &pack, &unpack) == 0) {
      return nullptr;
    }
    struct Search {
      const char* role;
      Py_ssize_t left;
      Saved* found;
    } search{role, index, nullptr};
    Node& node = *unwrap_node(object);
    node.type->saved(
        node,
        [](const char* name, Saved& value, void* context) {
          auto& wanted = *static_cast<Search*>(context);
          if (std::strcmp(name, wanted.role) == 0 && wanted.left-- == 0) wanted.found = &value;
        },
        &search);
    if (search.found == nullptr) Saved().get(node, role);  // raises where the node was freed
    WENGERT_CHECK(search.found != nullptr, kRuntime, "this node saves no '", role, "'");
    Saved& saved = *search.found;
    WENGERT_CHECK(saved.packed() == nullptr, kRuntime,
                  "Calling register_hooks on a saved tensor whose hooks have already been set. "
                  "Hint: only one "
                  "pair of hooks is allowed at a time.");
    Tensor value;
    {
      const GradModeScope recording(true);  // then an output comes with its history
      value = saved.get(node, role);
    }
    const bool is_output = value->grad_fn.get() == &node;
    PyHooks hooks;
    hooks.pack_hook = Held(pack);
    hooks.unpack_hook = Held(unpack);
    Saved packed;
    SavedHooks* const before = std::exchange(modes.saved_hooks, &hooks);
    try {
      is_output ? packed.output(value) : packed.input(value);
    } catch (...) {
      modes.saved_hooks = before;
      throw;
    }
    modes.saved_hooks = before;
    saved = std::move(packed);
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"_hook_saved", hook_saved, METH_VARARGS,
     "_hook_saved(node, role, index, pack, unpack)\n--\n\nPacks a value that is saved already."},
    {"_push_saved_hooks", push_hooks, METH_VARARGS,
     "_push_saved_hooks(pack, unpack)\n--\n\nPacks what is saved in this thread from now on."},
    {"_pop_saved_hooks", pop_hooks, METH_NOARGS,
     "_pop_saved_hooks()\n--\n\nTakes the last hooks away."},
    {"_disable_saved_hooks", disable_hooks, METH_O,
     "_disable_saved_hooks(message)\n--\n\nMakes more hooks an error, or none with None; returns "
     "what held before."},
    {nullptr, nullptr, 0, nullptr}};

bool shares(PyObject* object, const Storage* storage) {
  return is_tensor(object) && unwrap(object).storage().get() == storage;
}

}  // namespace

Tensor PyPacked::unpack() {
  const Held hook = unpack_hook, argument = value;  // the hook may let go of this
  const Held result = Held::adopt(checked(PyObject_CallOneArg(hook.get(), argument.get())));
  WENGERT_CHECK(
      is_tensor(result.get()), kType,
      "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
      Py_TYPE(result.get())->tp_name);
  return unwrap(result.get());
}

bool PyPacked::keeps(const Storage* storage) const {
  if (shares(value.get(), storage)) return true;
  if (!PyTuple_Check(value.get())) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value.get()); ++i) {
    if (shares(PyTuple_GET_ITEM(value.get(), i), storage)) return true;
  }
  return false;
}

void add_saved_hooks(PyObject* module) {
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
