// Autograd's functions and the Python view of graph nodes.
#include "autograd/accumulate.h"
#include "autograd/engine.h"
#include "autograd/reach.h"
#include "bindings/call.h"
#include "graph/node.h"
#include "tensor/wrapper.h"

namespace wengert::python {

namespace {

// --- nodes ---

struct PyNode {
  PyObject_HEAD Ref<GraphObject> node;
};
PyTypeObject* node_type = nullptr;

Node* node_of(PyObject* object) {
  return static_cast<Node*>(reinterpret_cast<PyNode*>(object)->node.get());
}

void node_dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  reinterpret_cast<PyNode*>(object)->node.~Ref();
  type->tp_free(object);
  Py_DECREF(type);
}

}  // namespace

Node* unwrap_node(PyObject* object) {
  WENGERT_CHECK(Py_TYPE(object) == node_type, kType, "expected a graph node, got ",
                Py_TYPE(object)->tp_name);
  return node_of(object);
}

PyObject* wrap_node(Node* node) {
  if (node == nullptr) return Py_NewRef(Py_None);
  PyObject* object = checked(node_type->tp_alloc(node_type, 0));
  new (&reinterpret_cast<PyNode*>(object)->node) Ref<GraphObject>(node);
  return object;
}

namespace {

PyObject* node_name(PyObject* self, PyObject*) {
  return PyUnicode_FromString(node_of(self)->type->name);
}
PyObject* node_repr(PyObject* self) {
  return PyUnicode_FromFormat("<%s object at %p>", node_of(self)->type->name,
                              static_cast<void*>(node_of(self)));
}
PyObject* node_edges(PyObject* self, void*) {
  return guarded([&] {
    Node* node = node_of(self);
    PyObject* result = checked(PyTuple_New(static_cast<Py_ssize_t>(node->edges.size())));
    Py_ssize_t i = 0;
    for (Edge& edge : node->edges) {
      PyTuple_SET_ITEM(result, i++,
                       checked(Py_BuildValue("(NI)", wrap_node(edge.node()), edge.index)));
    }
    return result;
  });
}
PyObject* node_variable(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    Node* node = node_of(self);
    if (node->type != &kAccumulateGrad) {
      PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'",
                   node->type->name);
      return nullptr;
    }
    return wrap(static_cast<AccumulateGrad*>(node)->variable);
  });
}
PyObject* node_site(PyObject* self, void*) {
  return PyUnicode_FromString(format_site(node_of(self)->site).c_str());
}
PyObject* node_sequence(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(node_of(self)->sequence);
}
PyObject* node_compare(PyObject* a, PyObject* b, int operation) {
  if (Py_TYPE(a) != node_type || Py_TYPE(b) != node_type ||
      (operation != Py_EQ && operation != Py_NE)) {
    Py_RETURN_NOTIMPLEMENTED;
  }
  return PyBool_FromLong((node_of(a) == node_of(b)) == (operation == Py_EQ));
}
Py_hash_t node_hash(PyObject* self) {
  return static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(node_of(self)) >> 4);
}

PyMethodDef node_methods[] = {
    {"name", node_name, METH_NOARGS, "name($self)\n--\n\nThe kind of node, such as MulBackward0."},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef node_properties[] = {
    {"next_functions", node_edges, nullptr,
     "Pairs of the node that a gradient goes to next and its index there.", nullptr},
    {"variable", node_variable, nullptr, "The leaf whose gradient is accumulated.", nullptr},
    {"site", node_site, nullptr, "The user's line that recorded the node, as 'file:line'.",
     nullptr},
    {"_sequence_nr", node_sequence, nullptr, "Later operations have larger numbers.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot node_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
                            {Py_tp_repr, reinterpret_cast<void*>(node_repr)},
                            {Py_tp_richcompare, reinterpret_cast<void*>(node_compare)},
                            {Py_tp_hash, reinterpret_cast<void*>(node_hash)},
                            {Py_tp_methods, node_methods},
                            {Py_tp_getset, node_properties},
                            {Py_tp_doc, const_cast<char*>("A recorded operation.")},
                            {0, nullptr}};
PyType_Spec node_spec = {"wengert.autograd.Node", sizeof(PyNode), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, node_slots};

// --- backward ---

const char* const backward_names[] = {"tensors",    "gradients",    "inputs",
                                      "keep_graph", "create_graph", "accumulate"};
const Signature backward_signature = {"backward", 6, 6, 6, -1, backward_names, "000000"};

// A history that was recorded on primals is found through a tensor with a tangent, too.
void peel_duals(Tensor& tensor, Tensor* gradient) {
  while (is_wrapped(tensor) && tensor->wrapper->kind == Wrapper::Kind::kDual &&
         !requires_grad(tensor)) {
    const uint64_t level = tensor->wrapper->level;
    if (gradient != nullptr && is_wrapped(*gradient) && (*gradient)->wrapper->level == level) {
      *gradient = (*gradient)->wrapper->inner;
    }
    tensor = Tensor(tensor->wrapper->inner);
  }
}

PyObject* run(PyObject* const* slots) {
  const Signature& s = backward_signature;
  BackwardRequest request;
  request.roots = to_tensor_list(slots[0], s, 0);
  request.gradients = to_optional_tensor_list(slots[1], s, 1);
  request.inputs = to_tensor_list(slots[2], s, 2);
  request.keep_graph = to_bool(slots[3], s, 3);
  request.create_graph = to_bool(slots[4], s, 4);
  request.accumulate = to_bool(slots[5], s, 5);
  request.gradients.resize(request.roots.size());
  for (size_t i = 0; i < request.roots.size(); ++i) {
    peel_duals(request.roots[i], &request.gradients[i]);
  }
  for (Tensor& input : request.inputs) peel_duals(input, nullptr);
  return wrap(run_backward(request));
}

PyObject* py_run_backward(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return invoke(backward_signature, nullptr, args, count, keywords, run);
}

const char* const reach_names[] = {"tensor", "leaves"};
const Signature reach_signature = {"_reaches_other_leaf", 2, 2, 2, -1, reach_names, "00"};

PyObject* reach(PyObject* const* slots) {
  const Tensor tensor = to_tensor(slots[0], reach_signature, 0);
  return wrap(reaches_other_leaf(tensor, to_tensor_list(slots[1], reach_signature, 1)));
}

PyObject* py_reach(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return invoke(reach_signature, nullptr, args, count, keywords, reach);
}

PyObject* set_version(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 2 && is_tensor(args[0]) && PyLong_Check(args[1]), kType,
                  "_set_version(tensor, version)");
    unwrap(args[0])->storage->version = static_cast<uint32_t>(PyLong_AsUnsignedLong(args[1]));
    Py_RETURN_NONE;
  });
}

// --- hooks ---

// Keeps a Python callable; may be dropped from any place that holds the lock.
struct Callable {
  explicit Callable(PyObject* f) : function(Py_NewRef(f)) {}
  Callable(const Callable& other) : function(Py_NewRef(other.function)) {}
  Callable& operator=(const Callable&) = delete;
  ~Callable() { Py_DECREF(function); }
  Tensor operator()(const Tensor& gradient) const {
    PyObject* argument = wrap(gradient);
    PyObject* result = PyObject_CallOneArg(function, argument);
    Py_DECREF(argument);
    checked(result);
    Tensor replaced;
    const bool tensor = is_tensor(result);
    if (tensor) replaced = unwrap(result);
    const bool fine = tensor || result == Py_None;
    const std::string got = Py_TYPE(result)->tp_name;
    Py_DECREF(result);
    WENGERT_CHECK(fine, kType, "expected Variable or None from a hook, but got '", got, "'");
    WENGERT_CHECK(!tensor || replaced.sizes() == gradient.sizes(), kRuntime,
                  "hook has changed the size of value", describe_argument("before", gradient),
                  describe_argument("after", replaced));
    return replaced;
  }
  PyObject* function;
};

int64_t next_hook = 1;

// Hooks of a leaf lie with the leaf, those of other tensors with the node that made them.
std::vector<NodeExtra::Hook>& hooks_of(const Tensor& tensor, uint32_t* output) {
  WENGERT_CHECK(requires_grad(tensor), kRuntime,
                "cannot register a hook on a tensor that doesn't require gradient",
                describe_argument("self", tensor));
  Node* node = grad_fn(tensor);
  *output = node == nullptr ? 0 : tensor->output_index;
  if (node == nullptr) return extra(tensor).hooks;
  return extra(*node).hooks;
}

PyObject* add_hook(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 2 && is_tensor(args[0]), kType, "_add_hook(tensor, function)");
    uint32_t output;
    auto& hooks = hooks_of(unwrap(args[0]), &output);
    hooks.push_back({output, next_hook, Callable(args[1])});
    return wrap(next_hook++);
  });
}

PyObject* remove_hook(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 2 && is_tensor(args[0]), kType, "_remove_hook(tensor, id)");
    const int64_t id = PyLong_AsLongLong(args[1]);
    uint32_t output;
    std::erase_if(hooks_of(unwrap(args[0]), &output),
                  [&](const NodeExtra::Hook& hook) { return hook.id == id; });
    Py_RETURN_NONE;
  });
}

PyObject* add_accumulated_hook(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 2 && is_tensor(args[0]), kType,
                  "_add_accumulated_hook(tensor, function)");
    const Tensor& tensor = unwrap(args[0]);
    WENGERT_CHECK(requires_grad(tensor) && grad_fn(tensor) == nullptr, kRuntime,
                  "post accumulate grad hooks cannot be registered on non-leaf tensors");
    extra(tensor).accumulated.emplace_back(next_hook, Callable(args[1]));
    return wrap(next_hook++);
  });
}

PyObject* retain_gradient(PyObject*, PyObject* argument) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(is_tensor(argument), kType, "_retain_grad(tensor)");
    const Tensor& tensor = unwrap(argument);
    WENGERT_CHECK(requires_grad(tensor), kRuntime,
                  "can't retain_grad on Tensor that has requires_grad=False",
                  describe_argument("self", tensor));
    Node* node = grad_fn(tensor);
    AutogradExtra& more = extra(tensor);
    if (node == nullptr || more.retains_grad) Py_RETURN_NONE;
    extra(*node).retained.emplace_back(tensor->output_index, tensor.impl());
    more.retains_grad = true;
    more.retained_by = Ref<GraphObject>(node);
    Py_RETURN_NONE;
  });
}

// --- modes ---

PyObject* get_grad_mode(PyObject*, PyObject*) { return PyBool_FromLong(modes.grad); }
PyObject* set_grad_mode(PyObject*, PyObject* value) {
  const int enabled = PyObject_IsTrue(value);
  if (enabled < 0) return nullptr;
  const bool before = modes.grad;
  modes.grad = enabled != 0;
  return PyBool_FromLong(before);
}
PyObject* set_name(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 2 && is_tensor(args[0]) && PyUnicode_Check(args[1]), kType,
                  "_set_name(tensor, name)");
    const char* name = PyUnicode_AsUTF8(args[1]);
    if (name == nullptr) throw_python_error();
    extra(unwrap(args[0])).name = name;
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"_run_backward", as_function(py_run_backward), METH_FASTCALL | METH_KEYWORDS,
     "_run_backward(tensors, gradients, inputs, keep_graph, create_graph, accumulate)\n--\n\n"
     "Runs the engine."},
    {"_reaches_other_leaf", as_function(py_reach), METH_FASTCALL | METH_KEYWORDS,
     "_reaches_other_leaf(tensor, leaves)\n--\n\n"
     "Does the tensor depend on a leaf that is none of `leaves`?"},
    {"_add_hook", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(add_hook)),
     METH_FASTCALL, "_add_hook(tensor, function)\n--\n\nReturns an id."},
    {"_remove_hook", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(remove_hook)),
     METH_FASTCALL, "_remove_hook(tensor, id)\n--\n\nRemoves a hook."},
    {"_add_accumulated_hook",
     reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(add_accumulated_hook)),
     METH_FASTCALL, "_add_accumulated_hook(tensor, function)\n--\n\nCalled after accumulation."},
    {"_retain_grad", retain_gradient, METH_O,
     "_retain_grad(tensor)\n--\n\nKeeps the gradient of a non-leaf tensor in .grad."},
    {"_set_name", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(set_name)),
     METH_FASTCALL, "_set_name(tensor, name)\n--\n\nThe name that messages call the tensor by."},
    {"_set_version", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(set_version)),
     METH_FASTCALL,
     "_set_version(tensor, version)\n--\n\nFor who has put back the values of that version."},
    {"is_grad_enabled", get_grad_mode, METH_NOARGS,
     "is_grad_enabled()\n--\n\nAre operations being recorded in this thread?"},
    {"_set_grad_enabled", set_grad_mode, METH_O,
     "_set_grad_enabled(enabled)\n--\n\nSets the mode, returns the one before."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_graph_functions(PyObject* module) {
  node_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&node_spec)));
  PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(node_type));
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
