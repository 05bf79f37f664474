// What messages are made of, handed to Python, which composes them (wengert/autograd/_stories.py);
// and the switches of the modes that explain a program.
#include "autograd/engine.h"
#include "bindings/graph.h"
#include "graph/lost.h"
#include "kernels/cpu/strong_zeros.h"
#include "ops/watch.h"

namespace wengert::python {

namespace {

// --- facts as Python objects ---

class Owned {
 public:
  explicit Owned(PyObject* object) : object_(checked(object)) {}
  ~Owned() { Py_DECREF(object_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  PyObject* get() const { return object_; }
  PyObject* release() { return Py_NewRef(object_); }

 private:
  PyObject* object_;
};

PyObject* text(const std::string& value) {
  return checked(PyUnicode_FromStringAndSize(value.data(), static_cast<Py_ssize_t>(value.size())));
}
PyObject* site_text(Site site) {
  return site.code == nullptr ? Py_NewRef(Py_None) : text(format_site(site));
}

const char* const cut_names[] = {"step",    "created",        "detach",  "data",
                                 "no_grad", "inference_mode", "integer", "not differentiable",
                                 "left",    "numbers",        "array",   "gradient",
                                 "marked",  "frozen"};

PyObject* upstream_object(const Ref<Upstream>& upstream) {
  if (!upstream) return Py_NewRef(Py_None);
  if (upstream->node != nullptr) return wrap_node(static_cast<Node*>(upstream->node));
  if (upstream->leaf != nullptr) return wrap(Tensor(Ref<TensorImpl>(upstream->leaf)));
  if (upstream->leaves) {
    Owned list(PyList_New(0));
    for (const Ref<Upstream>& one : *upstream->leaves) {
      if (one->leaf == nullptr) continue;
      Owned leaf(wrap(Tensor(Ref<TensorImpl>(one->leaf))));
      if (PyList_Append(list.get(), leaf.get()) != 0) throw_python_error();
    }
    return checked(PyList_AsTuple(list.get()));
  }
  return Py_NewRef(Py_None);
}

// [(cut, op, site, guess, skipped, upstream), ...], the latest step first.
PyObject* trail_list(const Ref<Trail>& first) {
  Owned list(PyList_New(0));
  for (const Trail* at = first.get(); at != nullptr; at = at->next.get()) {
    Owned row(Py_BuildValue("(ssNNIN)", cut_names[static_cast<int>(at->cut)], at->op,
                            site_text(at->site), PyBool_FromLong(at->guess), at->skipped,
                            upstream_object(at->upstream)));
    if (PyList_Append(list.get(), row.get()) != 0) throw_python_error();
  }
  return list.release();
}

PyObject* output_list(Node* node) {
  Owned list(PyList_New(0));
  for (const OutputInfo& info : node->outputs) {
    Owned row(Py_BuildValue("(sN)", dtype_name(info.dtype), wrap(info.sizes)));
    if (PyList_Append(list.get(), row.get()) != 0) throw_python_error();
  }
  return list.release();
}

PyObject* edge_list(Node* node) {
  Owned list(PyList_New(0));
  for (Edge& edge : node->edges) {
    Owned row(Py_BuildValue("(NIN)", wrap_node(edge.node()), edge.index, trail_list(edge.trail)));
    if (PyList_Append(list.get(), row.get()) != 0) throw_python_error();
  }
  return list.release();
}

// [(role, storage, bytes, is_leaf), ...]: what the backward rule keeps.
PyObject* saved_list(Node* node) {
  Owned list(PyList_New(0));
  auto visit = [](const char* role, Saved& saved, void* context) {
    if (saved.impl() == nullptr) return;  // kept elsewhere
    if (saved.impl() == nullptr) return;  // a hook took it
    const TensorImpl& impl = *saved.impl();
    const auto bytes = static_cast<unsigned long long>(impl.numel) * item_size(impl.dtype);
    const bool leaf = impl.requires_grad && !impl.grad_fn;
    Owned row(Py_BuildValue("(sKKN)", role, reinterpret_cast<uintptr_t>(impl.storage.get()), bytes,
                            PyBool_FromLong(leaf)));
    if (PyList_Append(static_cast<PyObject*>(context), row.get()) != 0) throw_python_error();
  };
  node->type->saved(*node, visit, list.get());
  return list.release();
}

PyObject* node_info(PyObject*, PyObject* argument) {
  return guarded([&] {
    Node* node = unwrap_node(argument);
    const bool leaf = node->type == &kAccumulateGrad;
    return checked(Py_BuildValue(
        "{s:s,s:s,s:N,s:K,s:N,s:I,s:N,s:N,s:N,s:N,s:N,s:K}", "name", node->type->name, "op",
        node->type->op, "site", site_text(node->site), "sequence",
        static_cast<unsigned long long>(node->sequence), "released",
        PyBool_FromLong(node->released), "run", node->run, "outputs", output_list(node), "edges",
        edge_list(node), "saved", saved_list(node), "origin", trail_list(node->origin), "leaf",
        leaf ? wrap(static_cast<AccumulateGrad*>(node)->variable) : Py_NewRef(Py_None), "id",
        static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(node))));
  });
}

PyObject* tensor_trail(PyObject*, PyObject* argument) {
  return guarded([&] {
    WENGERT_CHECK(is_tensor(argument), kType, "_trail(tensor)");
    return trail_list(unwrap(argument)->trail);
  });
}

PyObject* run_dict(const RunRecord& record) {
  if (record.id == 0) return Py_NewRef(Py_None);
  return checked(Py_BuildValue("{s:I,s:N,s:K,s:I}", "id", record.id, "site", site_text(record.site),
                               "sequence", static_cast<unsigned long long>(record.sequence),
                               "depth", record.depth));
}
PyObject* run_info(PyObject*, PyObject* argument) {
  return guarded([&] {
    const auto id = static_cast<uint32_t>(PyLong_AsUnsignedLong(argument));
    return run_dict(run_record(id));
  });
}
PyObject* current_run_info(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    const CurrentRun* run = current_run();
    if (run == nullptr) Py_RETURN_NONE;
    return checked(Py_BuildValue("(NN)", run_dict(run->record), wrap(run->request->roots)));
  });
}

// --- stories ---

PyObject* stories_module = nullptr;

// Calls a function of the module, whose arguments are `arguments` (a tuple, which it takes over).
std::string tell(const char* function, PyObject* arguments) {
  Owned given(arguments);
  Owned callee(PyObject_GetAttrString(stories_module, function));
  Owned result(PyObject_CallObject(callee.get(), given.get()));
  const char* characters = PyUnicode_AsUTF8(result.get());
  if (characters == nullptr) throw_python_error();
  return characters;
}

std::string tell_overwritten(Node& owner, const char* role, const TensorImpl& saved,
                             uint32_t expected) {
  Owned writes(PyList_New(0));
  if (const WriteLog* log = saved.storage->log) {
    for (int i = 0; i < log->count; ++i) {
      const WriteLog::Write& write = log->writes[i];
      if (write.version <= expected) break;
      Owned row(Py_BuildValue("(sNII)", write.op, site_text(write.site), write.version,
                              static_cast<unsigned>(write.how)));
      if (PyList_Append(writes.get(), row.get()) != 0) throw_python_error();
    }
  }
  const Tensor tensor{Ref<TensorImpl>(const_cast<TensorImpl*>(&saved))};
  return tell("overwritten",
              checked(Py_BuildValue("(NsNIIO)", wrap_node(&owner), role, wrap(tensor),
                                    saved.storage->version, expected, writes.get())));
}

std::string tell_released(Node& owner) {
  return tell("released", checked(Py_BuildValue("(N)", wrap_node(&owner))));
}

std::string tell_missing(const Tensor& root) {
  return tell("missing", checked(Py_BuildValue("(N)", wrap(root))));
}

PyObject* argument_list(Arguments arguments) {
  Owned list(PyList_New(0));
  for (const Argument& argument : arguments) {
    for (size_t i = 0; i < argument.count; ++i) {
      if (!argument.tensors[i].defined()) continue;
      Owned row(Py_BuildValue("(sN)", argument.name, wrap(argument.tensors[i])));
      if (PyList_Append(list.get(), row.get()) != 0) throw_python_error();
    }
    if (argument.count == 0 && !argument.number.fine()) {
      Owned row(Py_BuildValue("(ss)", argument.name, argument.number.nan ? "nan" : "inf"));
      if (PyList_Append(list.get(), row.get()) != 0) throw_python_error();
    }
  }
  return list.release();
}

std::string tell_produced(const char* op, Health made, Arguments inputs, Arguments outputs) {
  return tell("produced", checked(Py_BuildValue("(sNNNN)", op, site_text(current_site()),
                                                PyBool_FromLong(made.nan), argument_list(inputs),
                                                argument_list(outputs))));
}

PyObject* tensor_tuple(const Tensor* tensors, size_t count) {
  Owned result(PyTuple_New(static_cast<Py_ssize_t>(count)));
  for (size_t i = 0; i < count; ++i) {
    PyTuple_SET_ITEM(result.get(), static_cast<Py_ssize_t>(i), wrap(tensors[i]));
  }
  return result.release();
}

std::string tell_gradient(Node& node, size_t output, Health made, const Tensor* incoming,
                          Tensor* outgoing, Node* infinity) {
  return tell(
      "bad_gradient",
      checked(Py_BuildValue("(NnNNNN)", wrap_node(&node), static_cast<Py_ssize_t>(output),
                            PyBool_FromLong(made.nan), tensor_tuple(incoming, node.outputs.size()),
                            tensor_tuple(outgoing, node.edges.size()), wrap_node(infinity))));
}

void tell_growth(Site site, uint32_t times) {
  Owned callee(PyObject_GetAttrString(stories_module, "grew"));
  Owned arguments(Py_BuildValue("(NI)", site_text(site), times));
  Owned(PyObject_CallObject(callee.get(), arguments.get()));
}

PyObject* set_stories(PyObject*, PyObject* module) {
  stories_module = Py_NewRef(module);  // for as long as the process lives
  stories = {tell_overwritten, tell_released, tell_missing};
  watch_stories = {tell_produced, tell_gradient};
  notice_growth = tell_growth;
  Py_RETURN_NONE;
}

// --- modes ---

PyObject* set_watch(PyObject*, PyObject* args) {
  int nan, inf;
  if (PyArg_ParseTuple(args, "pp:_set_watch", &nan, &inf) == 0) return nullptr;
  const WatchMode before = watch_mode;
  watch_mode = {nan != 0 || inf != 0, nan != 0, inf != 0};
  if (!watch_mode.on) forget_faults();
  return Py_BuildValue("(NN)", PyBool_FromLong(before.nan), PyBool_FromLong(before.inf));
}
PyObject* get_watch(PyObject*, PyObject*) {
  return Py_BuildValue("(NN)", PyBool_FromLong(watch_mode.nan), PyBool_FromLong(watch_mode.inf));
}
PyObject* check_leftovers(PyObject*, PyObject*) {
  return guarded([]() -> PyObject* {
    watch_leftovers();
    Py_RETURN_NONE;
  });
}

PyObject* check_roots(PyObject*, PyObject* roots) {
  return guarded([&]() -> PyObject* {
    if (!watch_mode.on) Py_RETURN_NONE;
    const char* const names[] = {"roots"};
    const Signature s = {"_check_roots", 1, 1, 1, -1, names, "0"};
    watch_roots(to_tensor_list(roots, s, 0), {});
    Py_RETURN_NONE;
  });
}

class PythonObserver : public StepObserver {
 public:
  explicit PythonObserver(PyObject* observer) : observer_(Py_NewRef(observer)) {}
  ~PythonObserver() override { Py_DECREF(observer_); }
  PythonObserver(const PythonObserver&) = delete;
  PythonObserver& operator=(const PythonObserver&) = delete;
  void begin(const BackwardRequest& request) override {
    Owned roots(wrap(request.roots));
    Owned(PyObject_CallMethod(observer_, "begin", "(O)", roots.get()));
  }
  void step(Node& node, const Tensor* incoming, Tensor* outgoing) override {
    Owned(PyObject_CallMethod(observer_, "step", "(NNN)", wrap_node(&node),
                              tensor_tuple(incoming, node.outputs.size()),
                              tensor_tuple(outgoing, node.edges.size())));
  }

 private:
  PyObject* observer_;
};

PyObject* set_step_observer(PyObject*, PyObject* observer) {
  delete step_observer;
  step_observer = observer == Py_None ? nullptr : new PythonObserver(observer);
  Py_RETURN_NONE;
}

PyObject* set_strong_zeros(PyObject*, PyObject* value) {
  const int enabled = PyObject_IsTrue(value);
  if (enabled < 0) return nullptr;
  const bool before = math::strong_zeros;
  math::strong_zeros = enabled != 0;
  return PyBool_FromLong(before);
}
PyObject* get_strong_zeros(PyObject*, PyObject*) { return PyBool_FromLong(math::strong_zeros); }

PyObject* record_sites(PyObject*, PyObject* value) {
  static Site (*const finder)() = current_site;
  const int enabled = PyObject_IsTrue(value);
  if (enabled < 0) return nullptr;
  current_site = enabled != 0 ? finder : [] { return Site{}; };
  Py_RETURN_NONE;
}

PyObject* mark_cut(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *result, *source;
    const char* op;
    if (PyArg_ParseTuple(args, "OsO:_mark_cut", &result, &op, &source) == 0) return nullptr;
    WENGERT_CHECK(is_tensor(result) && is_tensor(source), kType, "_mark_cut(result, op, source)");
    // Names of operators live as long as the process.
    static auto* names = new std::set<std::string>();
    note_cut(unwrap(result), Cut::kMarked, names->insert(op).first->c_str(), unwrap(source));
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"_set_stories", set_stories, METH_O,
     "_set_stories(module)\n--\n\nThe module that composes long messages."},
    {"_node_info", node_info, METH_O, "_node_info(node)\n--\n\nWhat is known of a graph node."},
    {"_trail", tensor_trail, METH_O,
     "_trail(tensor)\n--\n\nHow a tensor without history came about, the latest step first."},
    {"_run_info", run_info, METH_O, "_run_info(id)\n--\n\nA backward call of the past, or None."},
    {"_current_run", current_run_info, METH_NOARGS,
     "_current_run()\n--\n\nThe backward call that is running and its roots, or None."},
    {"_set_watch", set_watch, METH_VARARGS,
     "_set_watch(nan, inf)\n--\n\nWhat anomaly mode looks for. Returns what it did before."},
    {"_check_roots", check_roots, METH_O,
     "_check_roots(tensors)\n--\n\nIn anomaly mode, raises if one that is differentiated is bad."},
    {"_get_watch", get_watch, METH_NOARGS, "_get_watch()\n--\n\nWhat anomaly mode looks for."},
    {"_check_leftovers", check_leftovers, METH_NOARGS,
     "_check_leftovers()\n--\n\nRaises if bad values that nothing has read are alive."},
    {"_set_step_observer", set_step_observer, METH_O,
     "_set_step_observer(observer)\n--\n\nCalls begin(roots) and step(node, incoming, outgoing) as "
     "gradients are computed in this thread."},
    {"_set_strong_zeros", set_strong_zeros, METH_O,
     "_set_strong_zeros(enabled)\n--\n\nSets the mode, returns the one before."},
    {"_get_strong_zeros", get_strong_zeros, METH_NOARGS,
     "_get_strong_zeros()\n--\n\nIs a gradient of zero stronger than infinity?"},
    {"_record_sites", record_sites, METH_O,
     "_record_sites(enabled)\n--\n\nFor benchmarks: whether lines of the program are remembered."},
    {"_mark_cut", mark_cut, METH_VARARGS,
     "_mark_cut(result, op, source)\n--\n\nRemembers that `op` cut the history of `source`."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_stories(PyObject* module) {
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
