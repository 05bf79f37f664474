// autograd.Function: what its parts share.
#pragma once
#include "bindings/graph.h"

namespace wengert::python {

// The Python object `ctx`.
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

extern PyTypeObject* context_type;
inline PyContext* context(PyObject* object) { return reinterpret_cast<PyContext*>(object); }

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

// What is found once: names, and what the class Function itself has under them.
struct FunctionNames {
  PyObject* helpers = nullptr;  // the module wengert.autograd.function
  PyObject *forward = nullptr, *setup_context = nullptr, *backward = nullptr, *vjp = nullptr;
  PyObject *default_setup_context = nullptr, *default_backward = nullptr, *default_vjp = nullptr;
};
extern FunctionNames function_names;

// If the values of `tensor` depend on an argument of the forward call `id`: how.
Trail* computed_inside(const Tensor& tensor, uint32_t id);
// The value as a result of the edges, behind a node that raises.
Tensor behind_error(const Tensor& value, const std::vector<Edge>& edges, std::string story);
// A value that ctx keeps, for the rule.
Tensor value_of(FunctionNode& node, const FunctionNode::Kept& kept, const std::string& role);
const NodeType* node_type_of(PyObject* function);
void add_context_type(PyObject* module);

}  // namespace wengert::python
