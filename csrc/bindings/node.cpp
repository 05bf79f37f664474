// The Python view of graph nodes, and the hooks that hang on them and on tensors.
#include <Python.h>
#include <structmember.h>

#include <cstring>
#include <unordered_map>

#include "bindings/graph.h"
#include "graph/lost.h"

namespace wengert::python {

namespace {

PyTypeObject* node_type = nullptr;

Node* node_of(PyObject* object) {
  return static_cast<Node*>(reinterpret_cast<PyNode*>(object)->node.get());
}

// Each kind of node has a class of its own, named like it.
PyTypeObject* type_of(const NodeType* kind) {
  static auto* types = new std::unordered_map<const NodeType*, PyTypeObject*>();
  PyTypeObject*& type = (*types)[kind];
  if (type == nullptr) {
    static auto* names = new std::set<std::string>();
    const std::string& name =
        *names->insert(std::string("wengert.autograd.graph.") + kind->name).first;
    PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("A recorded operation.")}, {0, nullptr}};
    PyType_Spec spec = {name.c_str(), 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                        slots};
    type = reinterpret_cast<PyTypeObject*>(
        checked(PyType_FromSpecWithBases(&spec, reinterpret_cast<PyObject*>(node_type))));
  }
  return type;
}

void node_dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  auto* self = reinterpret_cast<PyNode*>(object);
  if (self->weak_references != nullptr) PyObject_ClearWeakRefs(object);
  Py_CLEAR(self->dict);
  if (self->node) {
    NodeExtra* more = node_of(object)->extra;
    if (more != nullptr && more->python == object) more->python = nullptr;
  }
  self->node.~Ref();
  type->tp_free(object);
  Py_DECREF(type);
}

int node_traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(reinterpret_cast<PyNode*>(object)->dict);
  return visit_proxy(node_of(object), visit, arg);
}

int node_clear(PyObject* object) {
  Py_CLEAR(reinterpret_cast<PyNode*>(object)->dict);
  return 0;
}

}  // namespace

bool is_node(PyObject* object) { return PyObject_TypeCheck(object, node_type); }

Node* unwrap_node(PyObject* object) {
  WENGERT_CHECK(is_node(object), kType, "expected a graph node, got ", Py_TYPE(object)->tp_name);
  return node_of(object);
}

PyObject* wrap_node(Node* node) {
  if (node == nullptr) return Py_NewRef(Py_None);
  NodeExtra& more = extra(*node);
  if (more.python != nullptr) return Py_NewRef(static_cast<PyObject*>(more.python));
  PyTypeObject* type = type_of(node->type);
  PyObject* object = checked(type->tp_alloc(type, 0));
  new (&reinterpret_cast<PyNode*>(object)->node) Ref<GraphObject>(node);
  more.python = object;
  return object;
}

// --- hooks ---

namespace {

Held call(const Held& function, PyObject* const* arguments, size_t count) {
  return Held::adopt(checked(PyObject_Vectorcall(function.get(), arguments, count, nullptr)));
}

const char* name_of(PyObject* function) {
  Held name = Held::adopt(PyObject_GetAttrString(function, "__name__"));
  if (!name) PyErr_Clear();
  // The text lives as long as the function does.
  const char* text = name && PyUnicode_Check(name.get()) ? PyUnicode_AsUTF8(name.get()) : nullptr;
  if (text == nullptr) PyErr_Clear();
  return text == nullptr ? Py_TYPE(function)->tp_name : text;
}

void check_replacement(PyObject* hook, const Tensor& before, const Tensor& after) {
  WENGERT_CHECK(after.sizes() == before.sizes(), kRuntime, "hook '", name_of(hook),
                "' has changed the size of value", describe_argument("before", before),
                describe_argument("after", after));
  WENGERT_CHECK(after.dtype() == before.dtype(), kRuntime, "hook '", name_of(hook),
                "' has changed the type of value", describe_argument("before", before),
                describe_argument("after", after));
}

Held tuple_of(const Tensor* tensors, size_t count) {
  Held result = Held::adopt(checked(PyTuple_New(static_cast<Py_ssize_t>(count))));
  for (size_t i = 0; i < count; ++i) {
    PyTuple_SET_ITEM(result.get(), static_cast<Py_ssize_t>(i), wrap(tensors[i]));
  }
  return result;
}

}  // namespace

Tensor TensorCallable::operator()(const Tensor& gradient) const {
  const Held argument = Held::adopt(wrap(gradient));
  PyObject* arguments[] = {argument.get()};
  const Held result = call(function, arguments, 1);
  if (result.get() == Py_None) return Tensor();
  WENGERT_CHECK(is_tensor(result.get()), kType, "expected Variable or None from hook '",
                name_of(function.get()), "', but got '", Py_TYPE(result.get())->tp_name, "'");
  const Tensor& replaced = unwrap(result.get());
  check_replacement(function.get(), gradient, replaced);
  return replaced;
}

Tensor AccumulatedCallable::operator()(const Tensor& leaf) const {
  const Held argument = Held::adopt(wrap(leaf));
  PyObject* arguments[] = {argument.get()};
  const Held result = call(function, arguments, 1);
  WENGERT_CHECK(result.get() == Py_None, kRuntime,
                "Tensor post accumulate grad hooks should return None, but '",
                name_of(function.get()), "' returned ", Py_TYPE(result.get())->tp_name);
  return Tensor();
}

void NodeCallable::operator()(Tensor* changed, size_t count, const Tensor* given,
                              size_t given_count) const {
  const Held first = tuple_of(changed, count);
  const Held second = given == nullptr ? Held() : tuple_of(given, given_count);
  PyObject* arguments[] = {first.get(), second.get()};
  const Held result = call(function, arguments, second ? 2 : 1);
  if (result.get() == Py_None) return;
  PyObject* one[] = {result.get()};
  PyObject* const* items = one;
  size_t items_count = 1;
  if (PyTuple_Check(result.get())) {
    items = &PyTuple_GET_ITEM(result.get(), 0);
    items_count = static_cast<size_t>(PyTuple_GET_SIZE(result.get()));
  }
  WENGERT_CHECK(items_count == count, kRuntime, "hook '", name_of(function.get()),
                "' has returned an incorrect number of values (got ", items_count,
                ", but expected ", count, ")");
  for (size_t i = 0; i < count; ++i) {
    if (items[i] == Py_None) {
      WENGERT_CHECK(!changed[i].defined(), kRuntime,
                    "can't replace a None gradient with a non-None "
                    "value, or the reverse, in hook '",
                    name_of(function.get()), "' (value ", i, ")");
      continue;
    }
    WENGERT_CHECK(is_tensor(items[i]), kType, "expected Variable or None from hook '",
                  name_of(function.get()), "', but got '", Py_TYPE(items[i])->tp_name, "'");
    const Tensor& replaced = unwrap(items[i]);
    if (changed[i].defined()) check_replacement(function.get(), changed[i], replaced);
    changed[i] = replaced;
  }
}

namespace {

// --- handles ---

// Refers to where a hook is without keeping it alive.
struct Place {
  std::shared_ptr<Node*> node;
  Ref<Upstream> leaf;
  int64_t id = 0;
};
struct PyHandle {
  PyObject_HEAD Place place;
};
PyTypeObject* handle_type = nullptr;
int64_t next_hook = 1;

PyAttachment& attachment_of(Node& node) {
  NodeExtra& more = extra(node);
  if (more.attachment == nullptr) more.attachment = std::make_unique<PyAttachment>();
  return static_cast<PyAttachment&>(*more.attachment);
}

// Of a hook on a node, or on a leaf where there is no node.
PyHandle* new_handle(Node* node, const Tensor& leaf) {
  PyObject* object = checked(handle_type->tp_alloc(handle_type, 0));
  auto* self = reinterpret_cast<PyHandle*>(object);
  new (&self->place) Place();
  self->place.id = next_hook++;
  if (node == nullptr) {
    self->place.leaf = upstream_of(leaf);
    return self;
  }
  PyAttachment& attachment = attachment_of(*node);
  if (!attachment.self) attachment.self = std::make_shared<Node*>(node);
  self->place.node = attachment.self;
  return self;
}

void handle_dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  reinterpret_cast<PyHandle*>(object)->place.~Place();
  type->tp_free(object);
  Py_DECREF(type);
}

template <typename List>
void take_hook(List& hooks, int64_t id) {
  List gone;  // what it holds may run code when it goes
  for (auto hook = hooks.begin(); hook != hooks.end(); ++hook) {
    int64_t own;
    if constexpr (requires { hook->id; }) {
      own = hook->id;
    } else {
      own = hook->first;
    }
    if (own != id) continue;
    gone.push_back(std::move(*hook));
    hooks.erase(hook);
    return;
  }
}

PyObject* handle_remove(PyObject* object, PyObject*) {
  const Place place = std::exchange(reinterpret_cast<PyHandle*>(object)->place, Place());
  reinterpret_cast<PyHandle*>(object)->place.id = place.id;
  if (place.node && *place.node != nullptr) {
    const Ref<GraphObject> alive(*place.node);
    NodeExtra& more = extra(**place.node);
    take_hook(more.hooks, place.id);
    take_hook(more.before, place.id);
    take_hook(more.after, place.id);
  } else if (place.leaf && place.leaf->leaf != nullptr && place.leaf->leaf->extra != nullptr) {
    const Tensor alive{Ref<TensorImpl>(place.leaf->leaf)};
    take_hook(alive->extra->hooks, place.id);
    take_hook(alive->extra->accumulated, place.id);
  }
  Py_RETURN_NONE;
}
// The node that the hook hangs on, or null: of a leaf the one that adds to its gradient.
PyObject* handle_node(PyObject* object, void*) {
  return guarded([&]() -> PyObject* {
    const Place& place = reinterpret_cast<PyHandle*>(object)->place;
    if (place.node) return wrap_node(*place.node);
    if (!place.leaf || place.leaf->leaf == nullptr) Py_RETURN_NONE;
    const Tensor leaf{Ref<TensorImpl>(place.leaf->leaf)};
    const Edge edge = gradient_edge(leaf);
    return wrap_node(edge.node());
  });
}
PyObject* handle_enter(PyObject* self, PyObject*) { return Py_NewRef(self); }
PyObject* handle_exit(PyObject* self, PyObject*) { return handle_remove(self, nullptr); }
PyObject* handle_id(PyObject* self, void*) {
  return wrap(reinterpret_cast<PyHandle*>(self)->place.id);
}

PyMethodDef handle_methods[] = {
    {"remove", handle_remove, METH_NOARGS,
     "remove($self)\n--\n\nRemoves the hook; a second call does nothing."},
    {"__enter__", handle_enter, METH_NOARGS, "__enter__($self)\n--\n\nReturns the handle."},
    {"__exit__", handle_exit, METH_VARARGS, "__exit__($self, *error)\n--\n\nRemoves the hook."},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef handle_properties[] = {
    {"id", handle_id, nullptr, "The number of the hook.", nullptr},
    {"_node", handle_node, nullptr, "The node that the hook hangs on, or None.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot handle_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(handle_dealloc)},
                              {Py_tp_methods, handle_methods},
                              {Py_tp_getset, handle_properties},
                              {Py_tp_doc, const_cast<char*>("Removes a hook, by remove() or at the "
                                                            "end of a with block.")},
                              {0, nullptr}};
PyType_Spec handle_spec = {"wengert.autograd.graph.RemovableHandle", sizeof(PyHandle), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, handle_slots};

void check_callable(PyObject* hook) {
  WENGERT_CHECK(PyCallable_Check(hook), kType, "a hook must be callable, got ",
                Py_TYPE(hook)->tp_name);
}

// Hooks of a leaf lie with the leaf, those of other tensors with the node that made them.
PyObject* add_tensor_hook(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 2 && is_tensor(args[0]), kType, "_add_hook(tensor, function)");
    const Tensor& tensor = unwrap(args[0]);
    WENGERT_CHECK(requires_grad(tensor), kRuntime,
                  "cannot register a hook on a tensor that doesn't require gradient",
                  describe_argument("self", tensor));
    check_callable(args[1]);
    Node* node = grad_fn(tensor);
    PyHandle* handle = new_handle(node, tensor);
    auto& hooks = node == nullptr ? extra(tensor).hooks : extra(*node).hooks;
    hooks.push_back({node == nullptr ? 0 : tensor->output_index, handle->place.id,
                     TensorCallable{Held(args[1])}});
    return reinterpret_cast<PyObject*>(handle);
  });
}

PyObject* add_accumulated_hook(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 2 && is_tensor(args[0]), kType,
                  "_add_accumulated_hook(tensor, function)");
    const Tensor& tensor = unwrap(args[0]);
    WENGERT_CHECK(requires_grad(tensor), kRuntime,
                  "cannot register a hook on a tensor that doesn't require gradient",
                  describe_argument("self", tensor));
    WENGERT_CHECK(grad_fn(tensor) == nullptr, kRuntime,
                  "post accumulate grad hooks cannot be registered on non-leaf tensors",
                  describe_argument("self", tensor));
    check_callable(args[1]);
    PyHandle* handle = new_handle(nullptr, tensor);
    extra(tensor).accumulated.emplace_back(handle->place.id, AccumulatedCallable{Held(args[1])});
    return reinterpret_cast<PyObject*>(handle);
  });
}

PyObject* add_node_hook(PyObject* object, PyObject* function, bool after) {
  return guarded([&]() -> PyObject* {
    Node* node = node_of(object);
    check_callable(function);
    PyHandle* handle = new_handle(node, Tensor());
    auto& hooks = after ? extra(*node).after : extra(*node).before;
    hooks.emplace_back(handle->place.id, NodeCallable{Held(function)});
    return reinterpret_cast<PyObject*>(handle);
  });
}
PyObject* node_register_hook(PyObject* self, PyObject* function) {
  return add_node_hook(self, function, true);
}
PyObject* node_register_prehook(PyObject* self, PyObject* function) {
  return add_node_hook(self, function, false);
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

// --- attributes of nodes ---

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
PyObject* node_metadata(PyObject* self, void*) {
  return guarded([&] {
    Held& metadata = attachment_of(*node_of(self)).metadata;
    if (!metadata) metadata = Held::adopt(checked(PyDict_New()));
    return Py_NewRef(metadata.get());
  });
}
PyObject* node_site(PyObject* self, void*) {
  return PyUnicode_FromString(format_site(node_of(self)->site).c_str());
}
PyObject* node_sequence(PyObject* self, PyObject*) {
  return PyLong_FromUnsignedLongLong(node_of(self)->sequence);
}
// [(dtype, sizes), ...] of the values whose gradients arrive.
PyObject* node_outputs(PyObject* self, void*) {
  return guarded([&] {
    Node* node = node_of(self);
    PyObject* result = checked(PyTuple_New(static_cast<Py_ssize_t>(node->outputs.size())));
    Py_ssize_t i = 0;
    for (const OutputInfo& info : node->outputs) {
      PyTuple_SET_ITEM(result, i++,
                       checked(Py_BuildValue("(NN)", wrap(info.dtype), wrap_size(info.sizes))));
    }
    return result;
  });
}

// grad_fn._saved_other: the value that was saved as operand `other`; `result` for the output.
struct Wanted {
  const char* role;
  Node* node;
  bool fetch;
  std::vector<Tensor> found;
  Py_ssize_t count = 0;
};
Wanted saved_values(Node* node, const char* role, bool fetch) {
  Wanted wanted{std::strcmp(role, "result") == 0 ? "output" : role, node, fetch, {}};
  if (std::strcmp(role, "self") == 0) wanted.role = "input";
  node->type->saved(
      *node,
      [](const char* name, Saved& value, void* context) {
        auto& search = *static_cast<Wanted*>(context);
        if (std::strcmp(name, search.role) != 0) return;
        ++search.count;
        if (search.fetch) search.found.push_back(value.get(*search.node, name));
      },
      &wanted);
  if (wanted.count == 0 && node->released) Saved().get(*node, role);  // raises
  return wanted;
}
PyObject* saved_attribute(Node* node, const char* role) {
  const Wanted wanted = saved_values(node, role, true);
  if (wanted.found.size() == 1) return wrap(wanted.found[0]);
  if (wanted.found.empty()) return nullptr;
  return wrap(wanted.found);
}

PyObject* node_getattr(PyObject* self, PyObject* name) {
  PyObject* result = PyObject_GenericGetAttr(self, name);
  if (result != nullptr || !PyErr_ExceptionMatches(PyExc_AttributeError)) return result;
  PyErr_Clear();
  return guarded([&]() -> PyObject* {
    Node* node = node_of(self);
    const char* text = PyUnicode_AsUTF8(name);
    if (text == nullptr) throw_python_error();
    if (FunctionNode* custom = function_node(node)) {
      return PyObject_GetAttr(context_of(custom), name);
    }
    if (node->type == &kAccumulateGrad && std::strcmp(text, "variable") == 0) {
      return wrap(static_cast<AccumulateGrad*>(node)->variable);
    }
    if (std::strncmp(text, "_raw_saved_", 11) == 0) {
      const Held module = Held::adopt(checked(PyImport_ImportModule("wengert.autograd._hooks")));
      const Wanted wanted = saved_values(node, text + 11, false);
      if (wanted.count != 0) {
        return checked(PyObject_CallMethod(module.get(), "_raw_saved", "Osn", self, wanted.role,
                                           wanted.count));
      }
    }
    if (std::strncmp(text, "_saved_", 7) == 0) {
      if (PyObject* value = saved_attribute(node, text + 7)) return value;
    }
    PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%U'", node->type->name, name);
    return nullptr;
  });
}

int node_setattr(PyObject* self, PyObject* name, PyObject* value) {
  FunctionNode* custom = function_node(node_of(self));
  if (custom == nullptr) return PyObject_GenericSetAttr(self, name, value);
  return PyObject_SetAttr(context_of(custom), name, value);
}

PyMethodDef node_methods[] = {
    {"name", node_name, METH_NOARGS, "name($self)\n--\n\nThe kind of node, such as MulBackward0."},
    {"register_hook", node_register_hook, METH_O,
     "register_hook($self, fn)\n--\n\n"
     "Calls fn(grad_inputs, grad_outputs) after the node's rule ran: what the rule gave, and the\n"
     "gradients that it got. A tuple that it returns replaces grad_inputs."},
    {"register_prehook", node_register_prehook, METH_O,
     "register_prehook($self, fn)\n--\n\n"
     "Calls fn(grad_outputs) before the node's rule runs; a tuple that it returns replaces them."},
    {"_sequence_nr", node_sequence, METH_NOARGS,
     "_sequence_nr($self)\n--\n\nLater operations have larger numbers."},
    {nullptr, nullptr, 0, nullptr}};
PyObject* node_requires_grad(PyObject*, void*) { Py_RETURN_TRUE; }

PyGetSetDef node_properties[] = {
    {"requires_grad", node_requires_grad, nullptr, "True: what needs no gradient has no node.",
     nullptr},
    {"next_functions", node_edges, nullptr,
     "Pairs of the node that a gradient goes to next and its index there.", nullptr},
    {"metadata", node_metadata, nullptr, "A dictionary that goes with the node.", nullptr},
    {"site", node_site, nullptr, "The user's line that recorded the node, as 'file:line'.",
     nullptr},
    {"_output_info", node_outputs, nullptr, "Dtype and shape of each output.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMemberDef node_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyNode, weak_references), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(PyNode, dict), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};
PyType_Slot node_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
                            {Py_tp_traverse, reinterpret_cast<void*>(node_traverse)},
                            {Py_tp_clear, reinterpret_cast<void*>(node_clear)},
                            {Py_tp_repr, reinterpret_cast<void*>(node_repr)},
                            {Py_tp_getattro, reinterpret_cast<void*>(node_getattr)},
                            {Py_tp_setattro, reinterpret_cast<void*>(node_setattr)},
                            {Py_tp_methods, node_methods},
                            {Py_tp_getset, node_properties},
                            {Py_tp_members, node_members},
                            {Py_tp_doc, const_cast<char*>("A recorded operation.")},
                            {0, nullptr}};
PyType_Spec node_spec = {"wengert.autograd.graph.Node", sizeof(PyNode), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
                             Py_TPFLAGS_DISALLOW_INSTANTIATION,
                         node_slots};

template <typename Fn>
PyCFunction plain(Fn* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}
PyMethodDef functions[] = {
    {"_add_hook", plain(add_tensor_hook), METH_FASTCALL,
     "_add_hook(tensor, function)\n--\n\nReturns a handle."},
    {"_add_accumulated_hook", plain(add_accumulated_hook), METH_FASTCALL,
     "_add_accumulated_hook(tensor, function)\n--\n\nCalled after accumulation. Returns a handle."},
    {"_retain_grad", retain_gradient, METH_O,
     "_retain_grad(tensor)\n--\n\nKeeps the gradient of a non-leaf tensor in .grad."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_nodes(PyObject* module) {
  node_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&node_spec)));
  PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(node_type));
  handle_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&handle_spec)));
  PyModule_AddObjectRef(module, "_RemovableHandle", reinterpret_cast<PyObject*>(handle_type));
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
