// autograd.Function: apply(), which runs forward and records the node. The node and the object
// `ctx` are in function.h, function_rule.cpp and function_context.cpp.
#include <Python.h>

#include "bindings/function.h"
#include "graph/lost.h"
#include "ops/record.h"

namespace wengert::python {

namespace {

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
    const Held forward = Held::adopt(checked(PyObject_GetAttr(function_, function_names.forward)));
    const Held setup =
        Held::adopt(checked(PyObject_GetAttr(function_, function_names.setup_context)));
    const ForwardScope scope(id_);
    if (setup.get() == function_names.default_setup_context) {
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
  const Held setup = Held::adopt(checked(PyObject_GetAttr(function, function_names.setup_context)));
  if (setup.get() == function_names.default_setup_context) return false;
  const Held forward = Held::adopt(checked(PyObject_GetAttr(function, function_names.forward)));
  if (!PyFunction_Check(forward.get())) return true;
  const auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(forward.get()));
  return code->co_argcount != count || code->co_kwonlyargcount != 0;
}

PyObject* apply(PyObject* function, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    if (!needs_binding(function, count, keywords)) [[likely]] {
      return Application(function, args, static_cast<size_t>(count))();
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
    const Held bound = Held::adopt(checked(PyObject_CallMethod(
        function_names.helpers, "_bind", "(OOO)", function, positional.get(), named.get())));
    return Application(function, &PyTuple_GET_ITEM(bound.get(), 0),
                       static_cast<size_t>(PyTuple_GET_SIZE(bound.get())))();
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
    FunctionNames& names = function_names;
    names.helpers = Py_NewRef(module);
    const Held base = Held::adopt(checked(PyObject_GetAttrString(module, "Function")));
    names.default_setup_context = checked(PyObject_GetAttr(base.get(), names.setup_context));
    names.default_backward = checked(PyObject_GetAttr(base.get(), names.backward));
    names.default_vjp = checked(PyObject_GetAttr(base.get(), names.vjp));
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
    return wrap(behind_error(unwrap(tensor), edges, message));
  });
}

PyMethodDef functions[] = {
    {"_set_function_module", set_function_module, METH_O,
     "_set_function_module(module)\n--\n\nThe module that has the class Function."},
    {"_refuse_gradient", refuse_gradient, METH_VARARGS,
     "_refuse_gradient(tensor, node, sources, message)\n--\n\n"
     "The tensor's values as if made of `sources` and of the node's inputs, behind a node that "
     "raises."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_functions(PyObject* module) {
  FunctionNames& names = function_names;
  names.forward = PyUnicode_InternFromString("forward");
  names.setup_context = PyUnicode_InternFromString("setup_context");
  names.backward = PyUnicode_InternFromString("backward");
  names.vjp = PyUnicode_InternFromString("vjp");
  add_context_type(module);
  PyModule_AddObject(module, "_FunctionBase", checked(PyType_FromSpec(&base_spec)));
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
