// Looking at gradients on their way: a node between some tensors and what made them. The gradients
// of operations recorded meanwhile go through it, those of other operations do not.
#include <Python.h>

#include "bindings/graph.h"
#include "ops/record.h"

namespace wengert::python {

namespace {

struct ObserverNode : Node {
  using Node::Node;
  Held function;  // takes and gives a tuple of gradients, with None for zero
};

void observer_backward(Node& base, Tensor* gradients, Tensor* results) {
  auto& node = static_cast<ObserverNode&>(base);
  const size_t count = node.outputs.size();
  const Held given = Held::adopt(checked(PyTuple_New(static_cast<Py_ssize_t>(count))));
  for (size_t i = 0; i < count; ++i) {
    PyTuple_SET_ITEM(given.get(), static_cast<Py_ssize_t>(i), wrap(gradients[i]));
  }
  const Held function = node.function;
  const Held taken = Held::adopt(checked(PyObject_CallOneArg(function.get(), given.get())));
  WENGERT_CHECK(
      PyTuple_Check(taken.get()) && PyTuple_GET_SIZE(taken.get()) == static_cast<Py_ssize_t>(count),
      kRuntime, "an observer of ", count, " gradients must return as many, got ",
      Py_TYPE(taken.get())->tp_name);
  for (size_t i = 0; i < count; ++i) {
    PyObject* item = PyTuple_GET_ITEM(taken.get(), static_cast<Py_ssize_t>(i));
    if (item == Py_None) continue;
    WENGERT_CHECK(is_tensor(item), kType, "expected a gradient to be a Tensor or None, got ",
                  Py_TYPE(item)->tp_name);
    results[i] = unwrap(item);
  }
}

const NodeType kObserverType = {
    "BackwardHookBackward", "backward hook", observer_backward, no_saved, remove_node<ObserverNode>,
    /* watches */ true};

PyObject* observe(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *tensors, *function;
    if (PyArg_ParseTuple(args, "O!O:_observe", &PyTuple_Type, &tensors, &function) == 0) {
      return nullptr;
    }
    const auto count = static_cast<size_t>(PyTuple_GET_SIZE(tensors));
    auto* node = new ObserverNode(&kObserverType, count, count);
    const Ref<Node> owner(node);
    node->function = Held(function);
    const Held before = Held::adopt(checked(PyList_New(0)));
    const Held used = Held::adopt(checked(PyTuple_New(static_cast<Py_ssize_t>(count))));
    for (size_t i = 0; i < count; ++i) {
      PyObject* item = PyTuple_GET_ITEM(tensors, static_cast<Py_ssize_t>(i));
      WENGERT_CHECK(is_tensor(item) && requires_grad(unwrap(item)), kType,
                    "_observe(tensors that require gradients, function)");
      Tensor tensor = unwrap(item);
      Node* made_by = grad_fn(tensor);  // brings the history of a view up to date
      node->edges[i] = gradient_edge(tensor);
      const bool twice = made_by == node;
      if (twice) node->edges[i] = node->edges[tensor->output_index];
      if (made_by == nullptr || twice) {  // a leaf stays what it is
        const Tensor twin = alias(tensor);
        set_view(twin, tensor);
        tensor = twin;
      }
      set_history(tensor, owner, static_cast<uint32_t>(i));
      PyTuple_SET_ITEM(used.get(), static_cast<Py_ssize_t>(i), wrap(tensor));
    }
    return checked(Py_BuildValue("(ON)", used.get(), wrap_node(node)));
  });
}

// Hooks that were put on the tensor meanwhile are meant for all of its gradient.
void move_hooks(ObserverNode& from, uint32_t output, const Edge& to, TensorImpl* impl) {
  if (from.extra == nullptr) return;
  std::vector<NodeExtra::Hook> rest;
  for (NodeExtra::Hook& hook : from.extra->hooks) {
    if (hook.output != output) {
      rest.push_back(std::move(hook));
      continue;
    }
    hook.output = to.index;
    extra(*to.node()).hooks.push_back(std::move(hook));
  }
  from.extra->hooks = std::move(rest);
  const auto kept =
      std::erase_if(from.extra->retained, [&](const auto& entry) { return entry.second == impl; });
  if (kept == 0) return;
  extra(*to.node()).retained.emplace_back(to.index, impl);
  impl->extra->retained_by = to.target;
}

PyObject* stop_observing(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *tensors, *object;
    if (PyArg_ParseTuple(args, "O!O:_stop_observing", &PyTuple_Type, &tensors, &object) == 0) {
      return nullptr;
    }
    Node* node = unwrap_node(object);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tensors); ++i) {
      const Tensor& tensor = unwrap(PyTuple_GET_ITEM(tensors, i));
      if (tensor->grad_fn.get() != node) continue;  // written to since
      const uint32_t output = tensor->output_index;
      const Edge& edge = node->edges[output];
      tensor->grad_fn = edge.target;
      tensor->output_index = edge.index;
      move_hooks(static_cast<ObserverNode&>(*node), output, edge, tensor.impl());
    }
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"_observe", observe, METH_VARARGS,
     "_observe(tensors, function)\n--\n\n"
     "Puts a node behind the tensors whose rule is `function`. Returns the tensors to use, which "
     "are others in the place of leaves, and the node."},
    {"_stop_observing", stop_observing, METH_VARARGS,
     "_stop_observing(tensors, node)\n--\n\nGives tensors the history back that they had."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

Held* observer_function(Node* node) {
  if (node->type != &kObserverType) return nullptr;
  return &static_cast<ObserverNode*>(node)->function;
}

void add_observers(PyObject* module) {
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
