// Graph nodes, hooks and saved values, as the parts of the bindings share them.
#pragma once
#include <vector>

#include "bindings/call.h"
#include "graph/node.h"

namespace wengert::python {

// Owns an object of Python; may be dropped wherever the lock is held.
class Held {
 public:
  Held() = default;
  static Held adopt(PyObject* object) {
    Held result;
    result.object_ = object;
    return result;
  }
  explicit Held(PyObject* object) : object_(Py_XNewRef(object)) {}
  Held(const Held& other) : object_(Py_XNewRef(other.object_)) {}
  Held(Held&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Held& operator=(Held other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Held() { Py_XDECREF(object_); }
  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

// --- hooks: what std::function holds for a callable of Python ---
struct TensorCallable {
  Held function;
  Tensor operator()(const Tensor& gradient) const;
};
struct AccumulatedCallable {
  Held function;
  Tensor operator()(const Tensor& leaf) const;
};
struct NodeCallable {
  Held function;
  void operator()(Tensor* changed, size_t count, const Tensor* given, size_t given_count) const;
};

// --- the Python objects of nodes ---
struct PyNode {
  PyObject_HEAD Ref<GraphObject> node;
  PyObject* dict;
  PyObject* weak_references;
};
PyObject* wrap_node(Node* node);  // one object per node for as long as it is held
Node* unwrap_node(PyObject* object);
bool is_node(PyObject* object);
// What a node keeps for Python.
struct PyAttachment : Attachment {
  Held metadata;                // a dictionary
  std::shared_ptr<Node*> self;  // for handles of hooks, which do not keep the node
  ~PyAttachment() override {
    if (self) *self = nullptr;
  }
};

// While Python collects garbage, a node or a tensor that may be part of a cycle has a proxy that
// Python sees: bindings/collector.cpp. For tp_traverse of what owns one count of it.
int visit_proxy(const GraphObject* node, visitproc visit, void* arg);
int visit_proxy(const TensorImpl* tensor, visitproc visit, void* arg);

// --- custom functions: bindings/function.cpp ---
struct FunctionNode;
FunctionNode* function_node(Node* node);   // null where it is of another kind
PyObject* context_of(FunctionNode* node);  // borrowed; null once it was cleared
void clear_context(FunctionNode* node);    // for the collector

// --- nodes that look at gradients on their way: bindings/observe.cpp ---
Held* observer_function(Node* node);  // null where it is of another kind

// --- saved values that a hook of Python took: bindings/saved.cpp ---
struct PyPacked : Packed {
  Held value, unpack_hook;
  Tensor unpack() override;
  bool keeps(const Storage* storage) const override;
};

void add_nodes(PyObject* module);
void add_functions(PyObject* module);
void add_saved_hooks(PyObject* module);
void add_observers(PyObject* module);
void add_collector(PyObject* module);

}  // namespace wengert::python
