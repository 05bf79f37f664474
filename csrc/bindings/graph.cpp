// Autograd's functions: the engine, modes, names and versions.
#include "bindings/graph.h"
#include "autograd/accumulate.h"
#include "autograd/engine.h"
#include "autograd/reach.h"
#include "tensor/wrapper.h"

namespace wengert::python {

namespace {

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

// Tensors and, as pairs of a node and an index, gradient edges.
void to_targets(PyObject* slot, const Signature& s, int index, std::vector<Tensor>* tensors,
                std::vector<Edge>* edges) {
  const Held items = Held::adopt(checked(PySequence_Fast(slot, "expected a sequence of tensors")));
  const auto count = static_cast<size_t>(PySequence_Fast_GET_SIZE(items.get()));
  for (size_t i = 0; i < count; ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(items.get(), static_cast<Py_ssize_t>(i));
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) < 2 || !is_node(PyTuple_GET_ITEM(item, 0))) {
      tensors->push_back(to_tensor(item, s, index));
      continue;
    }
    Node* node = unwrap_node(PyTuple_GET_ITEM(item, 0));
    const auto output = static_cast<size_t>(to_int(PyTuple_GET_ITEM(item, 1), s, index));
    WENGERT_CHECK(output < node->outputs.size(), kIndex, node->type->name, " has ",
                  node->outputs.size(), " outputs; there is no gradient edge ", output);
    edges->resize(count);
    (*edges)[i].target = Ref<GraphObject>(node);
    (*edges)[i].index = static_cast<uint32_t>(output);
    tensors->push_back(Tensor());
  }
}

PyObject* run(PyObject* const* slots) {
  const Signature& s = backward_signature;
  BackwardRequest request;
  to_targets(slots[0], s, 0, &request.roots, &request.root_edges);
  request.gradients = to_optional_tensor_list(slots[1], s, 1);
  to_targets(slots[2], s, 2, &request.inputs, &request.input_edges);
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

PyObject* will_reach_node(PyObject*, PyObject* node) {
  return guarded([&] { return wrap(will_reach(unwrap_node(node))); });
}
PyObject* run_id(PyObject*, PyObject*) {
  const CurrentRun* run = current_run();
  return wrap(run == nullptr ? int64_t{-1} : static_cast<int64_t>(run->record.id));
}
PyObject* run_fills_all_leaves(PyObject*, PyObject*) {
  const CurrentRun* run = current_run();
  return wrap(run != nullptr && run->request->accumulate && run->request->inputs.empty());
}
PyObject* call_at_end(PyObject*, PyObject* function) {
  return guarded([&]() -> PyObject* {
    at_end_of_run(
        [held = Held(function)] { Held::adopt(checked(PyObject_CallNoArgs(held.get()))); });
    Py_RETURN_NONE;
  });
}
PyObject* gradient_edge_of(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(is_tensor(tensor), kType, "_gradient_edge(tensor)");
    const Edge edge = gradient_edge(unwrap(tensor));
    WENGERT_CHECK(edge.target, kRuntime,
                  "Can't get gradient edge for Tensor that doesn't require gradient",
                  describe_argument("tensor", unwrap(tensor)));
    return checked(Py_BuildValue("(NI)", wrap_node(edge.node()), edge.index));
  });
}
PyObject* increment_version(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(is_tensor(tensor), kType,
                  "increment_version expects each element of the iterable "
                  "input to be a tensor");
    wrote("increment_version", unwrap(tensor));
    Py_RETURN_NONE;
  });
}

// --- modes ---

// The grad mode as programs see it.
bool shown_grad_mode() { return may_record() ? modes.grad : modes.asked; }
void show_grad_mode(bool enabled) {
  modes.asked = enabled;
  modes.grad = enabled && may_record();
}

PyObject* get_grad_mode(PyObject*, PyObject*) { return PyBool_FromLong(shown_grad_mode()); }
PyObject* set_grad_mode(PyObject*, PyObject* value) {
  const int enabled = PyObject_IsTrue(value);
  if (enabled < 0) return nullptr;
  const bool before = shown_grad_mode();
  show_grad_mode(enabled != 0);
  return PyBool_FromLong(before);
}

PyObject* get_inference(PyObject*, PyObject*) { return PyBool_FromLong(inference_mode); }

PyObject* set_modes(PyObject*, PyObject* args) {
  int grad, inference, transforming;
  if (PyArg_ParseTuple(args, "ppp:_set_modes", &grad, &inference, &transforming) == 0) {
    return nullptr;
  }
  PyObject* before =
      Py_BuildValue("(NNN)", PyBool_FromLong(shown_grad_mode()), PyBool_FromLong(inference_mode),
                    PyBool_FromLong(modes.transforming));
  inference_mode = inference != 0;
  modes.transforming = transforming != 0;
  show_grad_mode(grad != 0);
  return before;
}

PyObject* is_inference_tensor(PyObject*, PyObject* tensor) {
  return guarded([&] {
    WENGERT_CHECK(is_tensor(tensor), kType,
                  "is_inference(): argument 'input' (position 1) must be Tensor, not ",
                  Py_TYPE(tensor)->tp_name);
    return PyBool_FromLong(unwrap(tensor)->storage->inference);
  });
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
    {"_will_reach", will_reach_node, METH_O,
     "_will_reach(node)\n--\n\nDo gradients reach the node in the backward call that is running?"},
    {"_run_id", run_id, METH_NOARGS,
     "_run_id()\n--\n\nThe number of the backward call that is running in this thread, or -1."},
    {"_run_fills_all_leaves", run_fills_all_leaves, METH_NOARGS,
     "_run_fills_all_leaves()\n--\n\nDoes the running backward call add to .grad of all leaves?"},
    {"_at_end_of_run", call_at_end, METH_O,
     "_at_end_of_run(function)\n--\n\nCalls it when the running backward call is about to return."},
    {"_gradient_edge", gradient_edge_of, METH_O,
     "_gradient_edge(tensor)\n--\n\nThe node and the index there that its gradient goes to."},
    {"_increment_version", increment_version, METH_O,
     "_increment_version(tensor)\n--\n\nNotes a write that nobody else notes."},
    {"_set_name", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(set_name)),
     METH_FASTCALL, "_set_name(tensor, name)\n--\n\nThe name that messages call the tensor by."},
    {"_set_version", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(set_version)),
     METH_FASTCALL,
     "_set_version(tensor, version)\n--\n\nFor who has put back the values of that version."},
    {"is_grad_enabled", get_grad_mode, METH_NOARGS,
     "is_grad_enabled()\n--\n\nAre operations being recorded in this thread?"},
    {"is_inference", is_inference_tensor, METH_O,
     "is_inference(input)\n--\n\nWas the memory of `input` allocated under inference_mode?"},
    {"is_inference_mode_enabled", get_inference, METH_NOARGS,
     "is_inference_mode_enabled()\n--\n\nDoes this thread run under inference_mode?"},
    {"_set_modes", set_modes, METH_VARARGS,
     "_set_modes(grad, inference, transforming)\n--\n\n"
     "Are operations recorded, is it inference_mode, and does a transform look after what is "
     "saved? Sets the modes of this thread, returns those before."},
    {"_set_grad_enabled", set_grad_mode, METH_O,
     "_set_grad_enabled(enabled)\n--\n\nSets the mode, returns the one before."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_graph_functions(PyObject* module) {
  add_nodes(module);
  add_saved_hooks(module);
  add_functions(module);
  add_observers(module);
  add_collector(module);
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
