// autograd.Function: the type of the object `ctx`.
#include <Python.h>
#include <structmember.h>

#include "bindings/function.h"

namespace wengert::python {

PyTypeObject* context_type = nullptr;

namespace {

void context_dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  PyContext* self = context(object);
  if (self->weak_references != nullptr) PyObject_ClearWeakRefs(object);
  for (PyObject** member : {&self->dict, &self->function, &self->to_save, &self->dirty,
                            &self->non_differentiable, &self->needs_input_grad}) {
    Py_CLEAR(*member);
  }
  type->tp_free(object);
  Py_DECREF(type);
}

int context_traverse(PyObject* object, visitproc visit, void* arg) {
  PyContext* self = context(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->dict);
  Py_VISIT(self->function);
  Py_VISIT(self->to_save);
  Py_VISIT(self->dirty);
  Py_VISIT(self->non_differentiable);
  return 0;
}

int context_clear(PyObject* object) {
  PyContext* self = context(object);
  Py_CLEAR(self->dict);
  Py_CLEAR(self->to_save);
  Py_CLEAR(self->dirty);
  Py_CLEAR(self->non_differentiable);
  return 0;
}

PyObject* save_for_backward(PyObject* object, PyObject* tensors) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tensors); ++i) {
    PyObject* item = PyTuple_GET_ITEM(tensors, i);
    if (item == Py_None || is_tensor(item)) continue;
    return PyErr_Format(PyExc_TypeError,
                        "save_for_backward can only save variables, but argument %zd is of type "
                        "%s\n  fix: keep it as an attribute, ctx.name = value",
                        i, Py_TYPE(item)->tp_name);
  }
  Py_XSETREF(context(object)->to_save, Py_NewRef(tensors));
  Py_RETURN_NONE;
}

PyObject* keep_tensors(PyObject** member, PyObject* tensors, const char* complaint) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tensors); ++i) {
    PyObject* item = PyTuple_GET_ITEM(tensors, i);
    if (is_tensor(item)) continue;
    return PyErr_Format(PyExc_RuntimeError, "%s, but got argument %zd of type %s", complaint, i,
                        Py_TYPE(item)->tp_name);
  }
  Py_XSETREF(*member, Py_NewRef(tensors));
  Py_RETURN_NONE;
}
PyObject* mark_dirty(PyObject* object, PyObject* tensors) {
  return keep_tensors(&context(object)->dirty, tensors, "mark_dirty can only accept variables");
}
PyObject* mark_non_differentiable(PyObject* object, PyObject* tensors) {
  return keep_tensors(&context(object)->non_differentiable, tensors,
                      "mark_non_differentiable only accepts variable arguments");
}
PyObject* set_materialize_grads(PyObject* object, PyObject* value) {
  if (!PyBool_Check(value)) {
    return PyErr_Format(PyExc_TypeError,
                        "set_materialize_grads received an invalid combination of arguments - got "
                        "(%s), but expected (bool)",
                        Py_TYPE(value)->tp_name);
  }
  context(object)->materialize = value == Py_True;
  Py_RETURN_NONE;
}

PyObject* get_saved_tensors(PyObject* object, void*) {
  return guarded([&]() -> PyObject* {
    PyContext* self = context(object);
    if (self->node == nullptr) {
      return self->to_save == nullptr ? PyTuple_New(0) : Py_NewRef(self->to_save);
    }
    FunctionNode& node = *self->node;
    const Ref<GraphObject> alive(&node);
    if (node.released) Saved().get(node, "");  // raises
    Held result = Held::adopt(checked(PyTuple_New(static_cast<Py_ssize_t>(node.saved.size()))));
    for (size_t i = 0; i < node.saved.size(); ++i) {
      const bool named = node.saved[i].computed && modes.grad;
      const Tensor value =
          value_of(node, node.saved[i], named ? str("saved_tensors[", i, "]") : "saved_tensors");
      PyTuple_SET_ITEM(result.get(), static_cast<Py_ssize_t>(i), wrap(value));
    }
    return result.release();
  });
}
PyObject* get_needs_input_grad(PyObject* object, void*) {
  PyContext* self = context(object);
  return self->needs_input_grad == nullptr ? PyTuple_New(0) : Py_NewRef(self->needs_input_grad);
}
int set_needs_input_grad(PyObject* object, PyObject* value, void*) {
  Py_XSETREF(context(object)->needs_input_grad, Py_XNewRef(value));
  return 0;
}
PyObject* get_materialize_grads(PyObject* object, void*) {
  return PyBool_FromLong(context(object)->materialize);
}
// ctx as a graph node: name(), next_functions, metadata, register_hook()...
PyObject* get_node(PyObject* object, void*) {
  return guarded([&]() -> PyObject* { return wrap_node(context(object)->node); });
}
PyObject* get_to_save(PyObject* object, void*) {
  PyContext* self = context(object);
  return Py_NewRef(self->to_save == nullptr ? Py_None : self->to_save);
}

PyMethodDef context_methods[] = {
    {"save_for_backward", save_for_backward, METH_VARARGS,
     "save_for_backward($self, *tensors)\n--\n\n"
     "Keeps tensors for backward, which finds them in saved_tensors. None is kept as None."},
    {"mark_dirty", mark_dirty, METH_VARARGS,
     "mark_dirty($self, *args)\n--\n\nSays which inputs forward wrote to; it must return them."},
    {"mark_non_differentiable", mark_non_differentiable, METH_VARARGS,
     "mark_non_differentiable($self, *args)\n--\n\nSays which outputs have no gradient."},
    {"set_materialize_grads", set_materialize_grads, METH_O,
     "set_materialize_grads($self, value)\n--\n\n"
     "Whether backward gets zeros (the default) or None for outputs without a gradient."},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef context_properties[] = {
    {"saved_tensors", get_saved_tensors, nullptr, "What save_for_backward() kept.", nullptr},
    {"needs_input_grad", get_needs_input_grad, set_needs_input_grad,
     "For each argument of forward: does it need a gradient?", nullptr},
    {"materialize_grads", get_materialize_grads, nullptr, "See set_materialize_grads().", nullptr},
    {"to_save", get_to_save, nullptr, "What forward passed to save_for_backward().", nullptr},
    {"_node", get_node, nullptr, "The graph node, or None before there is one.", nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMemberDef context_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyContext, weak_references), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(PyContext, dict), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};
PyObject* context_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* object = type->tp_alloc(type, 0);
  if (object != nullptr) context(object)->materialize = true;
  return object;
}
PyType_Slot context_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(context_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(context_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(context_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(context_clear)},
    {Py_tp_methods, context_methods},
    {Py_tp_getset, context_properties},
    {Py_tp_members, context_members},
    {Py_tp_doc, const_cast<char*>("What forward of a custom function hands to its backward.")},
    {0, nullptr}};
PyType_Spec context_spec = {"wengert.autograd.function.FunctionCtx", sizeof(PyContext), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                            context_slots};

}  // namespace

void add_context_type(PyObject* module) {
  context_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&context_spec)));
  PyModule_AddObjectRef(module, "_FunctionCtx", reinterpret_cast<PyObject*>(context_type));
}

}  // namespace wengert::python
