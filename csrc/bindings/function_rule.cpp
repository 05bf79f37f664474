// autograd.Function: its node, whose rule is Python code, and the checks of what that returns.
#include <Python.h>

#include <cstring>
#include <string_view>
#include <unordered_map>

#include "bindings/function.h"
#include "graph/lost.h"
#include "ops/record.h"
#include "ops/watch_rules.h"

namespace wengert::python {

FunctionNames function_names;

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

}  // namespace

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

namespace {

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

// "file.py:12", the file relative to the current directory where it lies below it.
std::string place(Site site) {
  const Held text = Held::adopt(checked(
      PyObject_CallMethod(function_names.helpers, "place", "(s)", format_site(site).c_str())));
  const char* characters = PyUnicode_AsUTF8(text.get());
  if (characters == nullptr) throw_python_error();
  return characters;
}

}  // namespace

Tensor behind_error(const Tensor& value, const std::vector<Edge>& edges, std::string story) {
  auto* error = new IncompleteNode(&kIncompleteType, edges.size(), 1);
  const Ref<Node> owner(error);
  error->story = std::move(story);
  for (size_t i = 0; i < edges.size(); ++i) error->edges[i] = edges[i];
  const Tensor twin = alias(value);
  set_history(twin, owner);
  return twin;
}

Tensor value_of(FunctionNode& node, const FunctionNode::Kept& kept, const std::string& role) {
  Tensor value;
  {  // outputs have their history even where nothing is recorded: the rule may ask for it
    const GradModeScope mode(modes.grad || kept.value.packed() == nullptr);
    value = kept.value.get(node, role.c_str());
  }
  if (!kept.computed || !modes.grad || !value.defined()) return value;
  return behind_error(
      value, std::vector<Edge>(node.edges.begin(), node.edges.end()),
      str("trying to differentiate twice through ", node.type->op, ": its forward computed ", role,
          " without recording it, so the second derivative would be wrong",
          describe_argument(role.c_str(), value), "\n    computed by  ", kept.computed->op, "   ",
          place(kept.computed->site), "\n    applied at   ", place(node.site),
          "\n    fix: return it from forward as one more output and save that; or save the inputs "
          "and compute it in backward; or mark backward with @once_differentiable"));
}

namespace {

// --- going backwards ---

Held parameter_name(PyObject* function, size_t index) {
  return Held::adopt(checked(PyObject_CallMethod(function_names.helpers, "_parameter_name", "(On)",
                                                 function, static_cast<Py_ssize_t>(index))));
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
             ".forward, applied at ", place(node.site));
}

// The static method that goes backwards.
Held rule_of(PyObject* function) {
  Held backward = Held::adopt(checked(PyObject_GetAttr(function, function_names.backward)));
  Held vjp = Held::adopt(checked(PyObject_GetAttr(function, function_names.vjp)));
  const bool has_backward = backward.get() != function_names.default_backward;
  const bool has_vjp = vjp.get() != function_names.default_vjp;
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
    const UserRuleScope watched;
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

}  // namespace

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

FunctionNode* function_node(Node* node) {
  return node->type->backward == function_backward ? static_cast<FunctionNode*>(node) : nullptr;
}
PyObject* context_of(FunctionNode* node) { return node->ctx.get(); }
void clear_context(FunctionNode* node) {
  if (node->ctx) context(node->ctx.get())->node = nullptr;
  node->ctx = Held();
}

}  // namespace wengert::python
