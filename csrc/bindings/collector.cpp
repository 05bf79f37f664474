// Garbage: how Python's collector sees cycles that lead through C++.
//
// A cycle such as x -> x.grad -> its graph -> x, or node -> hook -> closure -> tensor -> node, is
// kept alive by counts of references that Python does not know. Each cycle contains a candidate
// (graph/node.h): an object of C++ that holds objects of Python or leads forward in time. So before
// a full collection everything that candidates lead to gets a proxy, an object of Python with the
// same count of references, whose tp_traverse visits what the original refers to. Python's
// collector then decides as ever, and tp_clear of a proxy that it finds unreachable takes the
// original apart. After the collection the proxies go. Younger collections see none of this, and
// there is no cost while none runs.
//
// All of it happens under Python's lock. Between the two callbacks other threads may run only where
// finalizers do; what they make meanwhile has no proxy and therefore counts as alive.
#include <Python.h>

#include <unordered_map>
#include <unordered_set>

#include "bindings/graph.h"
#include "ops/inplace.h"

namespace wengert::python {

namespace {

// More objects than these are not looked at: a graph that large is being used.
constexpr size_t kMost = 500000;
constexpr size_t kMostPython = 20000;  // per collection, in search of tensors that closures hold

struct Thing {
  Candidate::Kind kind;
  void* object;
};

struct PyProxy {
  PyObject_HEAD Thing thing;
};
PyTypeObject* proxy_type = nullptr;

std::unordered_map<const void*, PyProxy*>& proxies() {
  static auto* map = new std::unordered_map<const void*, PyProxy*>();
  return *map;
}
bool collecting = false;

uint32_t& count_of(const Thing& thing) {
  switch (thing.kind) {
    case Candidate::kTensor:
      return static_cast<TensorImpl*>(thing.object)->refs;
    case Candidate::kNode:
      return static_cast<Node*>(thing.object)->refs;
    default:
      return static_cast<Packed*>(thing.object)->refs;
  }
}

// The function of Python that a hook calls, or null.
PyObject* function_of(const TensorHook& hook) {
  if (const auto* held = hook.target<TensorCallable>()) return held->function.get();
  if (const auto* held = hook.target<AccumulatedCallable>()) return held->function.get();
  return nullptr;
}
PyObject* function_of(const NodeHook& hook) {
  const auto* held = hook.target<NodeCallable>();
  return held == nullptr ? nullptr : held->function.get();
}

// --- what an object refers to: one call for each reference that it counts in ---

template <typename Things, typename Objects>
void references(AutogradExtra& more, const Things& things, const Objects& objects) {
  if (more.grad.defined()) things({Candidate::kTensor, more.grad.impl()});
  if (more.view != nullptr) things({Candidate::kTensor, more.view->base.impl()});
  if (more.retained_by) things({Candidate::kNode, static_cast<Node*>(more.retained_by.get())});
  for (const NodeExtra::Hook& hook : more.hooks) {
    if (PyObject* function = function_of(hook.call)) objects(function);
  }
  for (const auto& [id, hook] : more.accumulated) {
    if (PyObject* function = function_of(hook)) objects(function);
  }
}

template <typename Things, typename Objects>
void references(NodeExtra& more, const Things&, const Objects& objects) {
  for (const NodeExtra::Hook& hook : more.hooks) {
    if (PyObject* function = function_of(hook.call)) objects(function);
  }
  for (const auto* list : {&more.before, &more.after}) {
    for (const auto& [id, hook] : *list) {
      if (PyObject* function = function_of(hook)) objects(function);
    }
  }
  if (more.attachment != nullptr) {
    PyObject* metadata = static_cast<PyAttachment&>(*more.attachment).metadata.get();
    if (metadata != nullptr) objects(metadata);
  }
}

template <typename Things>
void saved_references(Node& node, const Things& things) {
  node.type->saved(
      node,
      [](const char*, Saved& value, void* context) {
        const Things& visit = *static_cast<const Things*>(context);
        if (value.impl() != nullptr)
          visit({Candidate::kTensor, const_cast<TensorImpl*>(value.impl())});
        if (value.packed() != nullptr) visit({Candidate::kPacked, value.packed()});
        const Edge history = value.history();
        if (history.target) visit({Candidate::kNode, history.node()});
      },
      const_cast<void*>(static_cast<const void*>(&things)));
}

template <typename Things, typename Objects>
void references(const Thing& thing, const Things& things, const Objects& objects) {
  if (thing.kind == Candidate::kTensor) {
    auto& impl = *static_cast<TensorImpl*>(thing.object);
    if (impl.grad_fn) things({Candidate::kNode, static_cast<Node*>(impl.grad_fn.get())});
    if (impl.extra != nullptr) references(*impl.extra, things, objects);
  } else if (thing.kind == Candidate::kNode) {
    auto& node = *static_cast<Node*>(thing.object);
    for (const Edge& edge : node.edges) {
      if (edge.target) things({Candidate::kNode, edge.node()});
    }
    if (Node* inner = inner_of(node)) {
      things({Candidate::kNode, inner});  // which holds what the write saved
    } else {
      saved_references(node, things);
    }
    if (node.type == &kAccumulateGrad) {
      const Tensor& leaf = static_cast<AccumulateGrad&>(node).variable;
      if (leaf.defined()) things({Candidate::kTensor, leaf.impl()});
    }
    if (FunctionNode* custom = function_node(&node)) {
      if (context_of(custom) != nullptr) objects(context_of(custom));
    }
    if (Held* function = observer_function(&node)) {
      if (*function) objects(function->get());
    }
    if (node.extra != nullptr) references(*node.extra, things, objects);
  } else if (auto* packed = dynamic_cast<PyPacked*>(static_cast<Packed*>(thing.object))) {
    if (packed->value) objects(packed->value.get());
    if (packed->unpack_hook) objects(packed->unpack_hook.get());
  }
}

// --- before the collection ---

// Looks through objects of Python for tensors and nodes.
class Search {
 public:
  explicit Search(std::vector<Thing>* found) : found_(found) {}

  void from(PyObject* object) {
    push(object);
    while (!pending_.empty()) {
      PyObject* next = pending_.back();
      pending_.pop_back();
      look_into(next);
    }
  }

 private:
  void push(PyObject* object) {
    if (object == nullptr || !PyObject_IS_GC(object) || PyModule_Check(object) ||
        PyType_Check(object) || seen_.size() >= kMostPython) {
      return;
    }
    if (seen_.insert(object).second) pending_.push_back(object);
  }
  void look_into(PyObject* object) {
    if (is_tensor(object)) {
      if (!PyObject_GC_IsTracked(object)) PyObject_GC_Track(object);
      found_->push_back({Candidate::kTensor, unwrap(object).impl()});
    } else if (is_node(object)) {
      found_->push_back({Candidate::kNode, unwrap_node(object)});
    }
    if (PyFunction_Check(object)) {  // its globals are alive anyway
      push(PyFunction_GET_CLOSURE(object));
      push(PyFunction_GET_DEFAULTS(object));
      push(PyFunction_GET_KW_DEFAULTS(object));
      push(reinterpret_cast<PyFunctionObject*>(object)->func_dict);
      return;
    }
    if (traverseproc traverse = Py_TYPE(object)->tp_traverse) {
      traverse(
          object,
          [](PyObject* inner, void* self) {
            static_cast<Search*>(self)->push(inner);
            return 0;
          },
          this);
    }
  }

  std::vector<Thing>* found_;
  std::vector<PyObject*> pending_;
  std::unordered_set<PyObject*> seen_;
};

bool is_candidate(const Thing& thing) {
  if (thing.kind == Candidate::kTensor) {
    const auto& impl = *static_cast<TensorImpl*>(thing.object);
    const AutogradExtra& more = *impl.extra;
    // Leads forward in time: a gradient with a history, a view whose base was written to.
    const bool forward = (more.grad.defined() && requires_grad(more.grad)) ||
                         (more.view != nullptr && leads_forward(impl));
    return forward || !more.hooks.empty() || !more.accumulated.empty();
  }
  if (thing.kind == Candidate::kPacked) return true;
  auto& node = *static_cast<Node*>(thing.object);
  if (function_node(&node) != nullptr || observer_function(&node) != nullptr) return true;
  bool any = false;
  references(*node.extra, [](const Thing&) {}, [&](PyObject*) { any = true; });
  return any;
}

void make_proxies() {
  std::vector<Thing> pending;
  for (const Candidate* at = Candidate::first(); at != nullptr; at = at->next()) {
    const Thing thing{at->kind, at->owner};
    if (is_candidate(thing)) pending.push_back(thing);
  }
  if (pending.empty()) return;
  auto& map = proxies();
  Search search(&pending);
  while (!pending.empty()) {
    const Thing thing = pending.back();
    pending.pop_back();
    if (thing.object == nullptr) continue;
    const auto [at, fresh] = map.try_emplace(thing.object, nullptr);
    if (!fresh) continue;
    if (map.size() > kMost) break;
    references(
        thing, [&](const Thing& next) { pending.push_back(next); },
        [&](PyObject* object) { search.from(object); });
    auto* proxy = reinterpret_cast<PyProxy*>(checked(proxy_type->tp_alloc(proxy_type, 0)));
    proxy->thing = thing;
    at->second = proxy;
  }
  const bool complete = pending.empty();
  for (auto& [object, proxy] : map) {
    if (proxy == nullptr) continue;
    // As many references as the original has; the proxy's own keeps the original alive.
    const uint32_t count = count_of(proxy->thing)++;
    Py_SET_REFCNT(reinterpret_cast<PyObject*>(proxy), complete ? count : count + 1);
  }
}

void drop_proxies() {
  auto map = std::move(proxies());
  proxies().clear();
  for (auto& [object, proxy] : map) {
    if (proxy == nullptr) continue;
    auto* self = reinterpret_cast<PyObject*>(proxy);
    Py_SET_REFCNT(self, 1);
    Py_DECREF(self);
  }
}

// --- the proxies ---

PyProxy* proxy_of(const void* object) {
  if (!collecting || object == nullptr) return nullptr;
  const auto found = proxies().find(object);
  return found == proxies().end() ? nullptr : found->second;
}

int proxy_traverse(PyObject* object, visitproc visit, void* arg) {
  int result = 0;
  references(
      reinterpret_cast<PyProxy*>(object)->thing,
      [&](const Thing& next) {
        PyProxy* proxy = proxy_of(next.object);
        if (proxy != nullptr && result == 0)
          result = visit(reinterpret_cast<PyObject*>(proxy), arg);
      },
      [&](PyObject* inner) {
        if (result == 0) result = visit(inner, arg);
      });
  return result;
}

// The original is garbage: it lets go of everything that may be part of the cycle.
int proxy_clear(PyObject* object) {
  const Thing thing = reinterpret_cast<PyProxy*>(object)->thing;
  if (thing.kind == Candidate::kTensor) {
    const Tensor tensor{Ref<TensorImpl>(static_cast<TensorImpl*>(thing.object))};
    if (tensor->extra != nullptr) {
      AutogradExtra& more = *tensor->extra;
      const Tensor grad = std::exchange(more.grad, Tensor());
      const auto hooks = std::exchange(more.hooks, {});
      const auto accumulated = std::exchange(more.accumulated, {});
    }
    const Ref<GraphObject> node = std::move(tensor->grad_fn);
  } else if (thing.kind == Candidate::kNode) {
    auto& node = *static_cast<Node*>(thing.object);
    const Ref<GraphObject> alive(&node);
    node.released = true;
    if (FunctionNode* custom = function_node(&node)) clear_context(custom);
    if (Held* function = observer_function(&node)) {
      const Held gone = std::exchange(*function, Held());
    }
    if (node.extra != nullptr) {
      const auto hooks = std::exchange(node.extra->hooks, {});
      const auto before = std::exchange(node.extra->before, {});
      const auto after = std::exchange(node.extra->after, {});
      if (node.extra->attachment != nullptr) {
        Held& metadata = static_cast<PyAttachment&>(*node.extra->attachment).metadata;
        const Held gone = std::exchange(metadata, Held());
      }
    }
    release_saved(node);
  } else if (auto* packed = dynamic_cast<PyPacked*>(static_cast<Packed*>(thing.object))) {
    const Held value = std::exchange(packed->value, Held());
    const Held hook = std::exchange(packed->unpack_hook, Held());
  }
  return 0;
}

void proxy_dealloc(PyObject* object) {
  const Thing thing = reinterpret_cast<PyProxy*>(object)->thing;
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  type->tp_free(object);
  Py_DECREF(type);
  switch (thing.kind) {
    case Candidate::kTensor:
      return void(Ref<TensorImpl>::adopt(static_cast<TensorImpl*>(thing.object)));
    case Candidate::kNode:
      return void(
          Ref<GraphObject>::adopt(static_cast<GraphObject*>(static_cast<Node*>(thing.object))));
    case Candidate::kPacked:
      return void(Ref<Packed>::adopt(static_cast<Packed*>(thing.object)));
  }
}

PyType_Slot proxy_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(proxy_dealloc)},
                             {Py_tp_traverse, reinterpret_cast<void*>(proxy_traverse)},
                             {Py_tp_clear, reinterpret_cast<void*>(proxy_clear)},
                             {Py_tp_doc, const_cast<char*>("Stands for an object of the graph.")},
                             {0, nullptr}};
PyType_Spec proxy_spec = {
    "wengert._C._Proxy", sizeof(PyProxy), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, proxy_slots};

// In gc.callbacks: (phase, {"generation": 2, ...}).
PyObject* on_collection(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    const char* phase;
    PyObject* info;
    if (PyArg_ParseTuple(args, "sO!:_on_collection", &phase, &PyDict_Type, &info) == 0) {
      return nullptr;
    }
    const bool start = phase[2] == 'a';  // "start" or "stop"
    if (!start) {
      if (collecting) {
        collecting = false;
        drop_proxies();
      }
      Py_RETURN_NONE;
    }
    PyObject* generation = PyDict_GetItemString(info, "generation");
    if (collecting || generation == nullptr || PyLong_AsLong(generation) < 2) Py_RETURN_NONE;
    make_proxies();
    collecting = true;
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"_on_collection", on_collection, METH_VARARGS,
     "_on_collection(phase, info)\n--\n\nShows Python's collector the cycles through graphs."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

int visit_proxy(const GraphObject* node, visitproc visit, void* arg) {
  PyProxy* proxy = node == nullptr ? nullptr : proxy_of(static_cast<const Node*>(node));
  return proxy == nullptr ? 0 : visit(reinterpret_cast<PyObject*>(proxy), arg);
}
int visit_proxy(const TensorImpl* tensor, visitproc visit, void* arg) {
  PyProxy* proxy = proxy_of(tensor);
  return proxy == nullptr ? 0 : visit(reinterpret_cast<PyObject*>(proxy), arg);
}

void add_collector(PyObject* module) {
  proxy_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&proxy_spec)));
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
  const Held gc = Held::adopt(checked(PyImport_ImportModule("gc")));
  const Held callbacks = Held::adopt(checked(PyObject_GetAttrString(gc.get(), "callbacks")));
  const Held function = Held::adopt(checked(PyObject_GetAttrString(module, "_on_collection")));
  if (PyList_Append(callbacks.get(), function.get()) != 0) throw_python_error();
}

}  // namespace wengert::python
