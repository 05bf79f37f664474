// autograd.Function: a node whose rule is Python code, and the `ctx` object that goes with it.
#include <Python.h>
#include <structmember.h>

#include <cstring>
#include <string_view>
#include <unordered_map>

#include "bindings/graph.h"
#include "graph/lost.h"
#include "ops/record.h"
#include "tensor/wrapper.h"

namespace wengert::python {

// --- the context ---

namespace {

struct PyContext {
  PyObject_HEAD PyObject* dict;
  PyObject* weak_references;
  PyObject* function;  // the class
  FunctionNode* node;  // borrowed: the node owns the context
  PyObject* to_save;   // what save_for_backward() got, until forward has ended
  PyObject* dirty;
  PyObject* non_differentiable;
  PyObject* needs_input_grad;
  bool materialize;
};

PyTypeObject* context_type = nullptr;
PyObject* function_base = nullptr;  // the class wengert.autograd.Function
PyObject* helpers = nullptr;        // the module wengert.autograd.function
struct {
  PyObject *forward, *setup_context, *backward, *vjp;
} names;
struct {
  PyObject *setup_context, *backward, *vjp;
} defaults;  // what Function itself has under these names

PyContext* context(PyObject* object) { return reinterpret_cast<PyContext*>(object); }

}  // namespace

struct FunctionNode : Node {
  FunctionNode(const NodeType* kind, size_t edge_count, size_t output_count)
      : Node(kind, edge_count, output_count), candidate(Candidate::kNode, this) {}
  Held ctx;
  struct Input {
    int edge;  // -1 where the argument is no tensor
    OutputInfo info;
  };
  struct Kept {
    Saved value;
    Ref<Trail> computed;  // how forward computed it without recording, if it did
  };
  struct Attribute {
    Held name;
    Kept kept;
  };
  std::vector<Input> inputs;    // one per argument of forward
  std::vector<bool> is_tensor;  // one per output
  std::vector<Kept> saved;
  std::vector<Attribute> attributes;  // outputs and intermediate values that hang on ctx
  Candidate candidate;
};

namespace {

// --- values that forward computed without recording, and the second derivative ---

// Values of these do not depend on those of their argument, or only in steps.
bool is_flat(std::string_view op) {
  static const auto* const ops = new std::set<std::string_view>{
      "zeros_like", "ones_like",    "full_like", "empty_like",  "rand_like",
      "randn_like", "randint_like", "bernoulli", "multinomial", "sign",
      "sgn",        "floor",        "ceil",      "round",       "trunc",
      "new_zeros",  "new_ones",     "new_full",  "new_empty",   "heaviside"};
  return ops->contains(op);
}

// If the values of `tensor` depend on an argument of the forward call `id`: how.
Trail* computed_inside(const Tensor& tensor, uint32_t id) {
  if (!is_inexact(tensor.dtype()) || requires_grad(tensor)) return nullptr;
  for (Trail* at = tensor->trail.get(); at != nullptr; at = at->next.get()) {
    if (at->integer || is_flat(at->op)) return nullptr;
    if (at->custom < id || at->custom == 0) return nullptr;
    switch (at->cut) {
      case Cut::kNoGrad:
      case Cut::kInference:
      case Cut::kDetach:
      case Cut::kData:
      case Cut::kLeft:
        return tensor->trail.get();
      case Cut::kNumbers:
      case Cut::kArray:
        if (at->guess) return nullptr;
        break;
      case Cut::kStep:
        break;
      default:
        return nullptr;
    }
  }
  return nullptr;
}

// In the place of a derivative that would be silently incomplete: the node behind such a value.
struct IncompleteNode : Node {
  using Node::Node;
  std::string story;
};
void incomplete_backward(Node& node, Tensor*, Tensor*) {
  throw Error(ErrorKind::kRuntime, static_cast<IncompleteNode&>(node).story);
}
const NodeType kIncompleteType = {"NotDifferentiableTwice", "saved value", incomplete_backward,
                                  no_saved, remove_node<IncompleteNode>};

Tensor behind_error(const Tensor& value, FunctionNode& node, std::string story) {
  const size_t count = node.edges.size();
  auto* error = new IncompleteNode(&kIncompleteType, count, 1);
  const Ref<Node> owner(error);
  error->story = std::move(story);
  for (size_t i = 0; i < count; ++i) error->edges[i] = node.edges[i];
  const Tensor twin = alias(value);
  set_history(twin, owner);
  return twin;
}

Tensor value_of(FunctionNode& node, const FunctionNode::Kept& kept, const std::string& role) {
  const Tensor value = kept.value.get(node, role.c_str());
  if (!kept.computed || !modes.grad || !value.defined()) return value;
  return behind_error(
      value, node,
      str("trying to differentiate twice through ", node.type->op, ": its forward computed ", role,
          " without recording it, so the second derivative would be wrong",
          describe_argument(role.c_str(), value), "\n    computed by  ", kept.computed->op, "   ",
          format_site(kept.computed->site), "\n    applied at   ", format_site(node.site),
          "\n    fix: return it from forward as one more output and save that; or save the inputs "
          "and compute it in backward; or mark backward with @once_differentiable"));
}

// --- going backwards ---

Held parameter_name(PyObject* function, size_t index) {
  return Held::adopt(checked(PyObject_CallMethod(helpers, "_parameter_name", "(On)", function,
                                                 static_cast<Py_ssize_t>(index))));
}

// "\n  x (argument 0 of Scale.forward): float32[2] cpu"
std::string describe_input(FunctionNode& node, size_t index) {
  const Held name = parameter_name(context(node.ctx.get())->function, index);
  const char* text = PyUnicode_AsUTF8(name.get());
  if (text == nullptr) throw_python_error();
  const FunctionNode::Input& input = node.inputs[index];
  const std::string value =
      input.edge < 0 ? "not a tensor"
                     : str(dtype_name(input.info.dtype), to_string(input.info.sizes), " cpu");
  return str("\n  ", text, ": ", value, "   argument ", index, " of ", node.type->op,
             ".forward, applied at ", format_site(node.site));
}

// The static method that goes backwards.
Held rule_of(PyObject* function) {
  Held backward = Held::adopt(checked(PyObject_GetAttr(function, names.backward)));
  Held vjp = Held::adopt(checked(PyObject_GetAttr(function, names.vjp)));
  const bool has_backward = backward.get() != defaults.backward;
  const bool has_vjp = vjp.get() != defaults.vjp;
  WENGERT_CHECK(!has_backward || !has_vjp, kRuntime,
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You "
                "should only implement one of them.");
  if (!has_backward && !has_vjp) {
    fail(
        ErrorKind::kNotImplemented,
        "You must implement either the backward or vjp method for your custom autograd.Function to "
        "use it with backward mode AD.\n  function: ",
        reinterpret_cast<PyTypeObject*>(function)->tp_name);
  }
  return has_backward ? backward : vjp;
}

// While the rule is recorded, outputs and intermediate values on ctx have a history.
class AttributeScope {
 public:
  explicit AttributeScope(FunctionNode& node) : dict_(context(node.ctx.get())->dict) {
    if (!modes.grad || dict_.get() == nullptr) return;
    for (const auto& [name, kept] : node.attributes) {
      const char* text = PyUnicode_AsUTF8(name.get());
      if (text == nullptr) throw_python_error();
      Held now(PyDict_GetItemWithError(dict_.get(), name.get()));
      if (!now || !is_tensor(now.get())) continue;  // it was given something else since
      const Held with_history = Held::adopt(wrap(value_of(node, kept, str("ctx.", text))));
      if (PyDict_SetItem(dict_.get(), name.get(), with_history.get()) != 0) throw_python_error();
      before_.emplace_back(name, std::move(now));
    }
  }
  ~AttributeScope() {
    for (const auto& [name, value] : before_) {
      if (PyDict_SetItem(dict_.get(), name.get(), value.get()) != 0) PyErr_WriteUnraisable(nullptr);
    }
  }
  AttributeScope(const AttributeScope&) = delete;
  AttributeScope& operator=(const AttributeScope&) = delete;

 private:
  Held dict_;
  std::vector<std::pair<Held, Held>> before_;
};

Tensor checked_gradient(FunctionNode& node, size_t index, PyObject* given) {
  const FunctionNode::Input& input = node.inputs[index];
  const char* name = node.type->name;
  if (given == Py_None) return Tensor();
  WENGERT_CHECK(input.edge >= 0, kRuntime, "function ", name,
                " returned a gradient different than None at position ", index + 1,
                ", but the corresponding forward input was not a Variable",
                describe_input(node, index));
  WENGERT_CHECK(is_tensor(given), kRuntime, "expected Variable or None (got ",
                Py_TYPE(given)->tp_name, ")\n  from ", name, describe_input(node, index));
  const Tensor& gradient = unwrap(given);
  WENGERT_CHECK(broadcastable_to(input.info.sizes, gradient.sizes()), kRuntime, "Function ", name,
                " returned an invalid gradient at index ", index, " - got ",
                to_string(gradient.sizes()), " but expected shape compatible with ",
                to_string(input.info.sizes), describe_input(node, index),
                describe_argument("gradient", gradient));
  WENGERT_CHECK(is_complex(input.info.dtype) || !is_complex(gradient.dtype()), kRuntime,
                "Function ", name, " returned an invalid gradient at index ", index,
                " - got a complex gradient for a real input", describe_input(node, index),
                describe_argument("gradient", gradient));
  return gradient;
}

void function_backward(Node& base, Tensor* gradients, Tensor* results) {
  auto& node = static_cast<FunctionNode&>(base);
  const Held ctx = node.ctx;
  WENGERT_CHECK(static_cast<bool>(ctx), kRuntime, "the graph was collected as garbage");
  const PyContext& self = *context(ctx.get());
  const Held rule = rule_of(self.function);
  std::vector<PyObject*> arguments = {nullptr, ctx.get()};
  std::vector<Held> owned;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const bool zeros = !gradients[i].defined() && self.materialize && node.is_tensor[i];
    owned.push_back(Held::adopt(wrap(zeros ? materialize(node, gradients, i) : gradients[i])));
    arguments.push_back(owned.back().get());
    gradients[i] = Tensor();  // so that the rule may write to it in place at no cost
  }
  Held result;
  {
    const AttributeScope attributes(node);
    result = Held::adopt(checked(
        PyObject_Vectorcall(rule.get(), arguments.data() + 1,
                            (arguments.size() - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr)));
  }
  PyObject* one[] = {result.get()};
  PyObject** items = one;
  size_t count = 1;
  if (PyTuple_Check(result.get()) || PyList_Check(result.get())) {
    items = PySequence_Fast_ITEMS(result.get());
    count = static_cast<size_t>(PySequence_Fast_GET_SIZE(result.get()));
  }
  // Values of None at the end too many do no harm.
  const size_t expected = node.inputs.size();
  size_t given = count;
  while (given > expected && items[given - 1] == Py_None) --given;
  if (given != expected) {
    std::string lines;
    for (size_t i = 0; i < expected; ++i) lines += describe_input(node, i);
    fail(ErrorKind::kRuntime, "function ", node.type->name,
         " returned an incorrect number of gradients (expected ", expected, ", got ", count, ")",
         lines);
  }
  for (size_t i = 0; i < expected; ++i) {
    Tensor gradient = checked_gradient(node, i, items[i]);
    if (node.inputs[i].edge >= 0) results[node.inputs[i].edge] = std::move(gradient);
  }
}

void function_saved(Node& base, SavedVisitor visit, void* context) {
  auto& node = static_cast<FunctionNode&>(base);
  for (auto& kept : node.saved) visit_saved(kept.value, "saved_tensors", visit, context);
  for (auto& attribute : node.attributes) {
    const char* name = PyUnicode_AsUTF8(attribute.name.get());
    visit_saved(attribute.kept.value, name, visit, context);
  }
}

void function_remove(Node* base) {
  auto* node = static_cast<FunctionNode*>(base);
  if (node->ctx) context(node->ctx.get())->node = nullptr;
  delete node;
}

// Node types are found by the name of the class, since messages refer to them for good.
const NodeType* node_type_of(PyObject* function) {
  static auto* types = new std::unordered_map<std::string_view, const NodeType*>();
  static auto* by_class = new std::unordered_map<PyObject*, const NodeType*>();
  const char* name = reinterpret_cast<PyTypeObject*>(function)->tp_name;
  const NodeType*& cached = (*by_class)[function];  // an address may come again
  if (cached != nullptr && std::strcmp(cached->op, name) == 0) return cached;
  auto found = types->find(name);
  if (found == types->end()) {
    const auto* op = new std::string(name);
    const auto* title = new std::string(*op + "Backward");
    const auto* type = new NodeType{title->c_str(), op->c_str(), function_backward, function_saved,
                                    function_remove};
    found = types->emplace(*op, type).first;
  }
  return cached = found->second;
}

// --- the context's type ---

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

// For jvp, which gets a context of its own (a subclass that keeps them).
PyObject* save_for_forward(PyObject*, PyObject* tensors) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tensors); ++i) {
    PyObject* item = PyTuple_GET_ITEM(tensors, i);
    if (item == Py_None || is_tensor(item)) continue;
    return PyErr_Format(PyExc_TypeError,
                        "save_for_forward can only save tensors, but argument %zd is of type %s", i,
                        Py_TYPE(item)->tp_name);
  }
  Py_RETURN_NONE;
}

PyMethodDef context_methods[] = {
    {"save_for_forward", save_for_forward, METH_VARARGS,
     "save_for_forward($self, *tensors)\n--\n\nKeeps tensors for jvp, which finds them in "
     "saved_tensors."},
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

// --- applying a function ---

uint32_t last_call = 0;

class ForwardScope {
 public:
  explicit ForwardScope(uint32_t id) : mode_(false), outer_(modes.custom) { modes.custom = id; }
  ~ForwardScope() { modes.custom = outer_; }
  ForwardScope(const ForwardScope&) = delete;
  ForwardScope& operator=(const ForwardScope&) = delete;

 private:
  const GradModeScope mode_;
  const uint32_t outer_;
};

bool holds(PyObject* tuple, const TensorImpl* impl) {
  if (tuple == nullptr) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    if (unwrap(PyTuple_GET_ITEM(tuple, i)).impl() == impl) return true;
  }
  return false;
}

// One call of apply().
class Application {
 public:
  Application(PyObject* function, PyObject* const* args, size_t count)
      : function_(function), args_(args), count_(count) {}

  PyObject* operator()() {
    make_context();
    const bool recorded = modes.grad && any_required_;
    id_ = ++last_call;
    if (id_ == 0) id_ = ++last_call;
    const Held result = run_forward();
    const bool single = !PyTuple_Check(result.get());
    one_[0] = result.get();
    results_ = single ? one_ : &PyTuple_GET_ITEM(result.get(), 0);
    result_count_ = single ? 1 : static_cast<size_t>(PyTuple_GET_SIZE(result.get()));
    check_dirty();
    if (recorded) make_node();
    std::vector<Held> outputs;
    outputs.reserve(result_count_);
    for (size_t i = 0; i < result_count_; ++i) outputs.push_back(output(i));
    if (recorded) {
      save(outputs);
      save_attributes(outputs);
      context(ctx_.get())->node = node_;
    }
    Py_CLEAR(context(ctx_.get())->to_save);
    Py_CLEAR(context(ctx_.get())->dirty);
    Py_CLEAR(context(ctx_.get())->non_differentiable);
    if (single) return outputs[0].release();
    PyObject* tuple = checked(PyTuple_New(static_cast<Py_ssize_t>(result_count_)));
    for (size_t i = 0; i < result_count_; ++i) {
      PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), outputs[i].release());
    }
    return tuple;
  }

 private:
  void make_context() {
    ctx_ = Held::adopt(checked(context_type->tp_alloc(context_type, 0)));
    PyContext* self = context(ctx_.get());
    self->materialize = true;
    self->function = Py_NewRef(function_);
    self->needs_input_grad = checked(PyTuple_New(static_cast<Py_ssize_t>(count_)));
    for (size_t i = 0; i < count_; ++i) {
      const bool required = is_tensor(args_[i]) && requires_grad(unwrap(args_[i]));
      any_required_ = any_required_ || required;
      PyTuple_SET_ITEM(self->needs_input_grad, static_cast<Py_ssize_t>(i),
                       Py_NewRef(required ? Py_True : Py_False));
    }
  }

  Held run_forward() {
    const Held forward = Held::adopt(checked(PyObject_GetAttr(function_, names.forward)));
    const Held setup = Held::adopt(checked(PyObject_GetAttr(function_, names.setup_context)));
    const ForwardScope scope(id_);
    if (setup.get() == defaults.setup_context) {
      constexpr size_t kFew = 8;
      PyObject* few[kFew + 2];
      std::vector<PyObject*> many(count_ > kFew ? count_ + 2 : 0);
      PyObject** all = count_ > kFew ? many.data() : few;
      all[1] = ctx_.get();
      std::copy(args_, args_ + count_, all + 2);
      return Held::adopt(checked(PyObject_Vectorcall(
          forward.get(), all + 1, (count_ + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr)));
    }
    Held result = Held::adopt(checked(PyObject_Vectorcall(forward.get(), args_, count_, nullptr)));
    const Held inputs = Held::adopt(checked(PyTuple_New(static_cast<Py_ssize_t>(count_))));
    for (size_t i = 0; i < count_; ++i) {
      PyTuple_SET_ITEM(inputs.get(), static_cast<Py_ssize_t>(i), Py_NewRef(args_[i]));
    }
    PyObject* arguments[] = {ctx_.get(), inputs.get(), result.get()};
    Held::adopt(checked(PyObject_Vectorcall(setup.get(), arguments, 3, nullptr)));
    return result;
  }

  bool is_input(const TensorImpl* impl) const { return input_index(impl) >= 0; }
  int input_index(const TensorImpl* impl) const {
    for (size_t i = 0; i < count_; ++i) {
      if (is_tensor(args_[i]) && unwrap(args_[i]).impl() == impl) return static_cast<int>(i);
    }
    return -1;
  }
  bool is_result(const TensorImpl* impl) const {
    for (size_t i = 0; i < result_count_; ++i) {
      if (is_tensor(results_[i]) && unwrap(results_[i]).impl() == impl) return true;
    }
    return false;
  }

  void check_dirty() {
    PyObject* dirty = context(ctx_.get())->dirty;
    if (dirty == nullptr) return;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(dirty); ++i) {
      const Tensor& tensor = unwrap(PyTuple_GET_ITEM(dirty, i));
      WENGERT_CHECK(is_result(tensor.impl()), kRuntime,
                    "Some elements marked as dirty during the forward method were not returned as "
                    "output. The inputs that are modified inplace must all be outputs of the "
                    "Function.",
                    describe_argument("not returned", tensor));
    }
  }

  void make_node() {
    size_t tensors = 0;
    for (size_t i = 0; i < count_; ++i) tensors += is_tensor(args_[i]) ? 1 : 0;
    node_ = new FunctionNode(node_type_of(function_), tensors, result_count_);
    owner_ = Ref<Node>(node_);
    node_->ctx = ctx_;
    node_->is_tensor.resize(result_count_);
    node_->inputs.reserve(count_);
    int edge = 0;
    for (size_t i = 0; i < count_; ++i) {
      if (!is_tensor(args_[i])) {
        node_->inputs.push_back({-1, {}});
        continue;
      }
      const Tensor& tensor = unwrap(args_[i]);
      node_->edges[static_cast<size_t>(edge)] = edge_before(tensor);
      node_->inputs.push_back({edge++, {tensor.dtype(), tensor.sizes()}});
    }
  }

  // Of a view that forward wrote to: its history before that.
  Edge edge_before(const Tensor& tensor) const {
    if (!holds(context(ctx_.get())->dirty, tensor.impl())) return gradient_edge(tensor);
    Edge edge;
    if (tensor->grad_fn) {
      edge.target = tensor->grad_fn;
      edge.index = tensor->output_index;
    }
    return edge;
  }

  Held output(size_t i) {
    PyObject* given = results_[i];
    if (!is_tensor(given)) {
      WENGERT_CHECK(node_ == nullptr || !PyList_Check(given) || !holds_tensor(given), kRuntime,
                    "forward of ", node_->type->op,
                    " returned a list of tensors, which would have no gradient: return a tuple");
      return Held(given);
    }
    const Tensor& result = unwrap(given);
    const TensorImpl* impl = result.impl();
    const int input = input_index(impl);
    const bool dirty = holds(context(ctx_.get())->dirty, impl);
    const bool differentiable = node_ != nullptr && is_inexact(result.dtype()) &&
                                !holds(context(ctx_.get())->non_differentiable, impl);
    if (node_ != nullptr) {
      node_->is_tensor[i] = true;
      node_->outputs[i] = {result.dtype(), result.sizes()};
    }
    const auto index = static_cast<uint32_t>(i);
    if (!differentiable) {
      if (node_ == nullptr && !requires_grad(result)) {
        return input >= 0 && !dirty ? Held::adopt(wrap(input_as_output(result))) : Held(given);
      }
      if (node_ == nullptr && dirty) return Held(given);
      const bool fresh = input >= 0 || requires_grad(result);
      const Tensor plain = fresh ? alias(result) : result;
      if (node_ != nullptr) note_cut(plain, Cut::kMarked, node_->type->op, first_required());
      return Held::adopt(wrap(plain));
    }
    if (dirty) {
      check_inplace(node_->type->op, result);
      const size_t position = input < 0 ? 0 : static_cast<size_t>(node_->inputs[input].edge);
      if (input < 0) {
        set_history(result, owner_, index);
      } else {
        rebase_history(result, owner_, index, position);
      }
      return Held(given);
    }
    if (input >= 0) {
      const Tensor same = input_as_output(result);
      same->extra->view->custom = true;
      set_history(same, owner_, index);
      return Held::adopt(wrap(same));
    }
    // Returned twice, or with a history of its own: what it had stays with the original.
    if (requires_grad(result)) {
      const Tensor twin = alias(result);
      set_history(twin, owner_, index);
      return Held::adopt(wrap(twin));
    }
    settle_view(result);
    set_history(result, owner_, index);
    return Held(given);
  }

  static Tensor input_as_output(const Tensor& input) {
    const Tensor same = alias(input);
    set_view(same, input);
    same->extra->view->no_grad = false;
    return same;
  }

  // Writes to a view of an input would go around the rule; other bases nobody differentiates.
  void settle_view(const Tensor& result) {
    if (!is_view(result)) return;
    ViewInfo*& view = result->extra->view;
    const TensorImpl* base = view->base.impl();
    if (is_input(base) || is_result(base) || requires_grad(view->base) || base_of_input(base)) {
      view->custom = true;
      view->no_grad = false;
      view->version = result.storage()->version;
    } else {
      delete view;
      view = nullptr;
    }
  }
  bool base_of_input(const TensorImpl* base) const {
    for (size_t i = 0; i < count_; ++i) {
      if (!is_tensor(args_[i]) || !is_view(unwrap(args_[i]))) continue;
      if (unwrap(args_[i])->extra->view->base.impl() == base) return true;
    }
    return false;
  }

  static bool holds_tensor(PyObject* list) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
      if (is_tensor(PyList_GET_ITEM(list, i))) return true;
    }
    return false;
  }
  const Tensor& first_required() const {
    for (size_t i = 0; i < count_; ++i) {
      if (is_tensor(args_[i]) && requires_grad(unwrap(args_[i]))) return unwrap(args_[i]);
    }
    return unwrap(args_[0]);
  }

  // Keeps a value: outputs without the history that would make a cycle, others with a note on how
  // forward computed them.
  void keep(FunctionNode::Kept& kept, const Tensor& tensor, const std::vector<Held>& outputs) {
    for (const Held& output : outputs) {
      if (!is_tensor(output.get())) continue;
      const Tensor& candidate = unwrap(output.get());
      if (candidate.same(tensor) && candidate->grad_fn.get() == node_) {
        return kept.value.output(candidate);
      }
    }
    // An input is what it was; of a view that was written to, the new value.
    kept.value.input(tensor);
    if (!is_input(tensor.impl())) kept.computed = Ref<Trail>(computed_inside(tensor, id_));
  }

  void save(const std::vector<Held>& outputs) {
    PyObject* to_save = context(ctx_.get())->to_save;
    if (to_save == nullptr) return;
    const auto count = static_cast<size_t>(PyTuple_GET_SIZE(to_save));
    node_->saved.resize(count);
    for (size_t i = 0; i < count; ++i) {
      PyObject* item = PyTuple_GET_ITEM(to_save, static_cast<Py_ssize_t>(i));
      if (item != Py_None) keep(node_->saved[i], unwrap(item), outputs);
    }
  }

  // Tensors that hang on ctx itself: an output would own its own node.
  void save_attributes(const std::vector<Held>& outputs) {
    PyObject* dict = context(ctx_.get())->dict;
    if (dict == nullptr) return;
    PyObject *name, *value;
    Py_ssize_t at = 0;
    std::vector<std::pair<Held, Held>> replaced;
    while (PyDict_Next(dict, &at, &name, &value) != 0) {
      if (!is_tensor(value) || !PyUnicode_Check(name)) continue;
      const Tensor& tensor = unwrap(value);
      if (is_input(tensor.impl()) && tensor->grad_fn.get() != node_) continue;
      const bool is_output = tensor->grad_fn.get() == node_;
      const Ref<Trail> computed(is_output ? nullptr : computed_inside(tensor, id_));
      if (!is_output && !computed) continue;
      FunctionNode::Attribute attribute{Held(name), {}};
      attribute.kept.computed = computed;
      if (is_output) {
        keep(attribute.kept, tensor, outputs);
        replaced.emplace_back(Held(name), Held::adopt(wrap(alias(tensor))));
      } else {
        attribute.kept.value.input(tensor);
      }
      node_->attributes.push_back(std::move(attribute));
    }
    for (const auto& [key, twin] : replaced) {
      if (PyDict_SetItem(dict, key.get(), twin.get()) != 0) throw_python_error();
    }
  }

  PyObject* const function_;
  PyObject* const* const args_;
  const size_t count_;
  Held ctx_;
  bool any_required_ = false;
  uint32_t id_ = 0;
  PyObject* one_[1] = {nullptr};
  PyObject** results_ = nullptr;
  size_t result_count_ = 0;
  FunctionNode* node_ = nullptr;
  Ref<Node> owner_;
};

// Must the arguments be matched with the parameters of forward by Python? So where they are given
// by name, and where setup_context is to see default values.
bool needs_binding(PyObject* function, Py_ssize_t count, PyObject* keywords) {
  if (keywords != nullptr && PyTuple_GET_SIZE(keywords) != 0) return true;
  const Held setup = Held::adopt(checked(PyObject_GetAttr(function, names.setup_context)));
  if (setup.get() == defaults.setup_context) return false;
  const Held forward = Held::adopt(checked(PyObject_GetAttr(function, names.forward)));
  if (!PyFunction_Check(forward.get())) return true;
  const auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(forward.get()));
  return code->co_argcount != count || code->co_kwonlyargcount != 0;
}

// Inside of vmap and forward mode the innermost level has a say first: see
// wengert/autograd/_function_transforms.py.
PyObject* run(PyObject* function, PyObject* const* args, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!is_tensor(args[i]) || !is_wrapped(unwrap(args[i]))) continue;
    settle(*unwrap(args[i]).impl());
    if (!is_wrapped(unwrap(args[i]))) continue;
    const Held all = Held::adopt(checked(PyTuple_New(static_cast<Py_ssize_t>(count))));
    for (size_t k = 0; k < count; ++k) {
      PyTuple_SET_ITEM(all.get(), static_cast<Py_ssize_t>(k), Py_NewRef(args[k]));
    }
    return checked(
        PyObject_CallMethod(helpers, "_apply_in_transform", "(OO)", function, all.get()));
  }
  return Application(function, args, count)();
}

// _apply_here(function, args): apply() at the level of the arguments, whatever it is.
PyObject* apply_here(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *function, *all;
    if (PyArg_ParseTuple(args, "OO!:_apply_here", &function, &PyTuple_Type, &all) == 0) {
      return nullptr;
    }
    return Application(function, &PyTuple_GET_ITEM(all, 0),
                       static_cast<size_t>(PyTuple_GET_SIZE(all)))();
  });
}

PyObject* apply(PyObject* function, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    if (!needs_binding(function, count, keywords)) [[likely]] {
      return run(function, args, static_cast<size_t>(count));
    }
    const Held positional = Held::adopt(checked(PyTuple_New(count)));
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyTuple_SET_ITEM(positional.get(), i, Py_NewRef(args[i]));
    }
    const Held named = Held::adopt(checked(PyDict_New()));
    for (Py_ssize_t i = 0; keywords != nullptr && i < PyTuple_GET_SIZE(keywords); ++i) {
      if (PyDict_SetItem(named.get(), PyTuple_GET_ITEM(keywords, i), args[count + i]) != 0) {
        throw_python_error();
      }
    }
    const Held bound = Held::adopt(checked(
        PyObject_CallMethod(helpers, "_bind", "(OOO)", function, positional.get(), named.get())));
    return run(function, &PyTuple_GET_ITEM(bound.get(), 0),
               static_cast<size_t>(PyTuple_GET_SIZE(bound.get())));
  });
}

PyMethodDef base_methods[] = {
    {"apply", as_function(apply), METH_FASTCALL | METH_KEYWORDS | METH_CLASS,
     "apply($type, *args, **kwargs)\n--\n\n"
     "Runs forward and, where a gradient is wanted, records a node whose rule is backward."},
    {nullptr, nullptr, 0, nullptr}};
PyType_Slot base_slots[] = {
    {Py_tp_methods, base_methods},
    {Py_tp_doc, const_cast<char*>("What custom functions inherit from; see autograd.Function.")},
    {0, nullptr}};
PyType_Spec base_spec = {"wengert._C._FunctionBase", sizeof(PyObject), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, base_slots};

// The module wengert.autograd.function, once it has the class Function.
PyObject* set_function_module(PyObject*, PyObject* module) {
  return guarded([&]() -> PyObject* {
    helpers = Py_NewRef(module);
    function_base = checked(PyObject_GetAttrString(module, "Function"));
    defaults.setup_context = checked(PyObject_GetAttr(function_base, names.setup_context));
    defaults.backward = checked(PyObject_GetAttr(function_base, names.backward));
    defaults.vjp = checked(PyObject_GetAttr(function_base, names.vjp));
    Py_RETURN_NONE;
  });
}

// The tensor as a result of `sources` and of what the node leads to, with `message` for a gradient.
PyObject* refuse_gradient(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *tensor, *node, *sources;
    const char* message;
    if (PyArg_ParseTuple(args, "OOO!s:_refuse_gradient", &tensor, &node, &PyTuple_Type, &sources,
                         &message) == 0) {
      return nullptr;
    }
    WENGERT_CHECK(is_tensor(tensor), kType, "_refuse_gradient(tensor, node, sources, message)");
    std::vector<Edge> edges;
    if (node != Py_None) {
      for (const Edge& edge : unwrap_node(node)->edges) edges.push_back(edge);
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(sources); ++i) {
      PyObject* source = PyTuple_GET_ITEM(sources, i);
      if (is_tensor(source)) edges.push_back(gradient_edge(unwrap(source)));
    }
    auto* error = new IncompleteNode(&kIncompleteType, edges.size(), 1);
    const Ref<Node> owner(error);
    error->story = message;
    for (size_t i = 0; i < edges.size(); ++i) error->edges[i] = edges[i];
    const Tensor twin = alias(unwrap(tensor));
    set_history(twin, owner);
    return wrap(twin);
  });
}

PyMethodDef functions[] = {
    {"_set_function_module", set_function_module, METH_O,
     "_set_function_module(module)\n--\n\nThe module that has the class Function."},
    {"_apply_here", apply_here, METH_VARARGS,
     "_apply_here(function, args)\n--\n\napply() of a custom function, at one level of "
     "transforms."},
    {"_refuse_gradient", refuse_gradient, METH_VARARGS,
     "_refuse_gradient(tensor, node, sources, message)\n--\n\n"
     "The tensor's values as if made of `sources` and of the node's inputs, behind a node that "
     "raises."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

FunctionNode* function_node(Node* node) {
  return node->type->backward == function_backward ? static_cast<FunctionNode*>(node) : nullptr;
}
PyObject* context_of(FunctionNode* node) { return node->ctx.get(); }
void clear_context(FunctionNode* node) {
  if (node->ctx) context(node->ctx.get())->node = nullptr;
  node->ctx = Held();
}

void add_functions(PyObject* module) {
  names = {PyUnicode_InternFromString("forward"), PyUnicode_InternFromString("setup_context"),
           PyUnicode_InternFromString("backward"), PyUnicode_InternFromString("vjp")};
  context_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&context_spec)));
  PyModule_AddObjectRef(module, "_FunctionCtx", reinterpret_cast<PyObject*>(context_type));
  PyModule_AddObject(module, "_FunctionBase", checked(PyType_FromSpec(&base_spec)));
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
