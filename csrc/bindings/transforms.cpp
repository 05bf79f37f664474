// What Python's transforms are made of: levels, and the wrappers of their tensors.
#include "autograd/forward.h"
#include "bindings/call.h"
#include "operators/basic.h"
#include "operators/elementwise.h"
#include "operators/view.h"
#include "ops/transform.h"

namespace wengert::python {

Tensor readable(const Tensor& tensor, const char* sentence) {
  Tensor result = tensor;
  while (is_wrapped(result)) {
    settle(*result.impl());
    if (!is_wrapped(result)) break;
    WENGERT_CHECK(result->wrapper->kind == Wrapper::Kind::kDual, kRuntime, sentence,
                  describe_argument("self", tensor));
    result = result->wrapper->inner;
  }
  return result;
}

namespace {

// --- levels ---

uint64_t push_level(Level level) {
  level.id = next_level_id();
  level.outer_grad = true;
  levels().push_back(level);
  if (level.kind == Wrapper::Kind::kBatched) ++modes.batched;
  return level.id;
}

PyObject* enter_batched(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    long long size;
    int randomness;
    if (PyArg_ParseTuple(args, "Li:_enter_batched", &size, &randomness) == 0) return nullptr;
    return PyLong_FromUnsignedLongLong(
        push_level({0, Wrapper::Kind::kBatched, size, static_cast<Randomness>(randomness), true}));
  });
}

PyObject* enter_dual(PyObject*, PyObject*) {
  return guarded([&] {
    return PyLong_FromUnsignedLongLong(
        push_level({0, Wrapper::Kind::kDual, 0, Randomness::kError, true}));
  });
}

PyObject* exit_level(PyObject*, PyObject* id) {
  return guarded([&]() -> PyObject* {
    const uint64_t level = PyLong_AsUnsignedLongLong(id);
    WENGERT_CHECK(!levels().empty() && levels().back().id == level, kRuntime,
                  "the levels of transforms must be left in the reverse of the order in which they "
                  "were entered");
    if (levels().back().kind == Wrapper::Kind::kBatched) --modes.batched;
    levels().pop_back();
    Py_RETURN_NONE;
  });
}

// Whether what runs outside of the innermost level may be recorded.
PyObject* set_outer_grad(PyObject*, PyObject* value) {
  if (levels().empty()) Py_RETURN_TRUE;
  bool& flag = levels().back().outer_grad;
  const bool before = flag;
  flag = PyObject_IsTrue(value) != 0;
  return PyBool_FromLong(before);
}

const Level& level_of(PyObject* id) {
  const Level* level = find_level(PyLong_AsUnsignedLongLong(id));
  WENGERT_CHECK(level != nullptr, kRuntime, "the transform has ended");
  return *level;
}

const Tensor& tensor_of(PyObject* object, const char* what) {
  WENGERT_CHECK(is_tensor(object), kType, what, " must be a Tensor, not ",
                Py_TYPE(object)->tp_name);
  const Tensor& tensor = unwrap(object);
  if (is_wrapped(tensor)) settle(*tensor.impl());
  return tensor;
}

// --- batches ---

PyObject* add_batch(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 3, kType, "_add_batch(tensor, dim, level)");
    const Tensor& tensor = tensor_of(args[0], "vmap: an input");
    const Level& level = level_of(args[2]);
    const int64_t dim = args[1] == Py_None ? -1 : PyLong_AsLongLong(args[1]);
    return wrap(make_wrapper(level.kind, level.id, tensor, dim));
  });
}

PyObject* remove_batch(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 3, kType, "_remove_batch(tensor, level, out_dim)");
    const Tensor& tensor = tensor_of(args[0], "vmap: an output");
    const Level& level = level_of(args[1]);
    const bool own = is_wrapped(tensor) && tensor->wrapper->level == level.id;
    const bool batched = own && tensor->wrapper->dim >= 0;
    if (args[2] == Py_None) {
      WENGERT_CHECK(!batched, kValue,
                    "vmap: it was asked for `out_dims=None`, but the output is mapped over: it "
                    "depends on the inputs",
                    describe_argument("output", tensor));
      return wrap(own ? tensor->wrapper->inner : tensor);
    }
    const Lift at("vmap", make_wrapper(level.kind, level.id, tensor, -1));
    const Tensor front = at.front(at(tensor));
    const int64_t dim = wrap_dim(PyLong_AsLongLong(args[2]), front.ndim(), "vmap");
    if (dim == 0) return wrap(front);
    Dims order;
    for (int64_t i = 1; i < front.ndim(); ++i) order.push_back(i);
    order.insert(static_cast<size_t>(dim), 0);
    return wrap(ops::permute(front, order));
  });
}

// --- tangents ---

PyObject* make_dual(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 3, kType, "_make_dual(tensor, tangent, level)");
    const Tensor& primal = tensor_of(args[0], "make_dual(): tensor");
    const Tensor& tangent = tensor_of(args[1], "make_dual(): tangent");
    const uint64_t level = level_of(args[2]).id;
    return wrap(dual_of(requires_grad(primal) ? ops::_alias(primal) : primal, tangent, level));
  });
}

PyObject* unpack_dual(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 2, kType, "_unpack_dual(tensor, level)");
    const auto [primal, tangent] =
        parts_of_dual(tensor_of(args[0], "unpack_dual(): tensor"), level_of(args[1]).id);
    return Py_BuildValue("(NN)", wrap(primal), wrap(tangent));
  });
}

PyObject* get_forward(PyObject*, PyObject*) { return PyBool_FromLong(modes.forward); }
PyObject* set_forward(PyObject*, PyObject* value) {
  const int enabled = PyObject_IsTrue(value);
  if (enabled < 0) return nullptr;
  const bool before = modes.forward;
  modes.forward = enabled != 0;
  return PyBool_FromLong(before);
}

// --- for transforms that differentiate backwards ---

PyObject* lift(PyObject*, PyObject* object) {
  return guarded([&] { return wrap(lifted_to_top(tensor_of(object, "_lift(): tensor"))); });
}
PyObject* level_detach(PyObject*, PyObject* object) {
  return guarded(
      [&] { return wrap(level_detached(tensor_of(object, "_level_detach(): tensor"))); });
}
PyObject* tracked_here(PyObject*, PyObject* object) {
  return guarded([&] { return wrap(requires_grad(tensor_of(object, "_tracked_here(): tensor"))); });
}
PyObject* at_top(PyObject*, PyObject* object) {
  return guarded([&] {
    const Tensor& tensor = tensor_of(object, "_at_top(): tensor");
    return wrap(levels().empty()
                    ? !is_wrapped(tensor)
                    : is_wrapped(tensor) && tensor->wrapper->level == levels().back().id);
  });
}

// --- for custom functions ---

// (level, batched, size of the batch, randomness) of the highest level among some objects, or None.
PyObject* highest_of(PyObject*, PyObject* objects) {
  return guarded([&]() -> PyObject* {
    std::vector<Tensor> tensors;
    const Signature none = {"_highest_level", 0, 0, 0, -1, nullptr, ""};
    PyObject* items = checked(PySequence_Fast(objects, none.name));
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items); ++i) {
      PyObject* item = PySequence_Fast_GET_ITEM(items, i);
      if (is_tensor(item)) tensors.push_back(unwrap(item));
    }
    Py_DECREF(items);
    const Level* level = find_level(highest_level(tensors));
    if (level == nullptr) Py_RETURN_NONE;
    return Py_BuildValue("(KOLi)", static_cast<unsigned long long>(level->id),
                         level->kind == Wrapper::Kind::kBatched ? Py_True : Py_False,
                         static_cast<long long>(level->size), static_cast<int>(level->randomness));
  });
}

PyObject* lift_to(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 2, kType, "_lift_to(tensor, level)");
    const Tensor& tensor = tensor_of(args[0], "_lift_to(): tensor");
    const Level& level = level_of(args[1]);
    if (is_wrapped(tensor) && tensor->wrapper->level == level.id) return wrap(tensor);
    return wrap(make_wrapper(level.kind, level.id, tensor, -1));
  });
}

// May what runs outside of a level be recorded now?
PyObject* inner_mode(PyObject*, PyObject* id) {
  return guarded([&] {
    const Level& level = level_of(id);
    const Lift at("apply", make_wrapper(level.kind, level.id, ops::_zeros({}, DType::float32), -1));
    const InnerScope within(at);
    return wrap(modes.grad);
  });
}

// Primal outputs are known; the tangents of `call(*primals)`.
PyObject* push_tangents(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(count == 3, kType, "_push_tangents(primals, tangents, call)");
    const char* const names[] = {"primals", "tangents", "call"};
    const Signature s = {"_push_tangents", 3, 3, 3, -1, names, "000"};
    const auto slopes =
        transposed_vjp(to_tensor_list(args[0], s, 0), to_optional_tensor_list(args[1], s, 1),
                       [&](const std::vector<Tensor>& primals) {
                         PyObject* given = wrap(primals);
                         PyObject* result = PyObject_CallObject(args[2], given);
                         Py_DECREF(given);
                         checked(result);
                         const auto outputs = to_tensor_list(result, s, 2);
                         Py_DECREF(result);
                         return outputs;
                       });
    return wrap(slopes);
  });
}

// (kind, number of the level, batch dimension, what is within, tangent), or None.
PyObject* wrapper_of(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    WENGERT_CHECK(is_tensor(object), kType, "_wrapper_of(tensor)");
    const Tensor& tensor = unwrap(object);
    if (!is_wrapped(tensor)) Py_RETURN_NONE;
    const Wrapper& wrapper = *tensor->wrapper;
    const Level* level = find_level(wrapper.level);
    const bool batched = wrapper.kind == Wrapper::Kind::kBatched;
    const long number = level == nullptr ? 0 : level - levels().data() + 1;
    return Py_BuildValue("(slNNN)", batched ? "batched" : "dual", number,
                         wrapper.dim < 0 ? Py_NewRef(Py_None) : wrap(wrapper.dim),
                         wrap(wrapper.inner), wrap(wrapper.tangent));
  });
}

using Fast = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
PyCFunction fast(Fast function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef functions[] = {
    {"_enter_batched", enter_batched, METH_VARARGS,
     "_enter_batched(size, randomness)\n--\n\nBegins a vmap, returns the id of its level."},
    {"_enter_dual", enter_dual, METH_NOARGS,
     "_enter_dual()\n--\n\nBegins forward mode, returns the id of its level."},
    {"_exit_level", exit_level, METH_O, "_exit_level(level)\n--\n\nEnds the innermost level."},
    {"_set_outer_grad", set_outer_grad, METH_O,
     "_set_outer_grad(enabled)\n--\n\nMay what runs outside of the innermost level be recorded? "
     "Returns the answer before."},
    {"_add_batch", fast(add_batch), METH_FASTCALL,
     "_add_batch(tensor, dim, level)\n--\n\nThe tensor of one sample."},
    {"_remove_batch", fast(remove_batch), METH_FASTCALL,
     "_remove_batch(tensor, level, out_dim)\n--\n\nThe tensor of all samples."},
    {"_make_dual", fast(make_dual), METH_FASTCALL,
     "_make_dual(tensor, tangent, level)\n--\n\nA tensor with a tangent."},
    {"_unpack_dual", fast(unpack_dual), METH_FASTCALL,
     "_unpack_dual(tensor, level)\n--\n\nPrimal and tangent (or None)."},
    {"_is_fwd_grad_enabled", get_forward, METH_NOARGS,
     "_is_fwd_grad_enabled()\n--\n\nAre tangents pushed forward in this thread?"},
    {"_set_fwd_grad_enabled", set_forward, METH_O,
     "_set_fwd_grad_enabled(enabled)\n--\n\nSets the mode, returns the one before."},
    {"_lift", lift, METH_O, "_lift(tensor)\n--\n\nThe tensor as one of the innermost level."},
    {"_level_detach", level_detach, METH_O,
     "_level_detach(tensor)\n--\n\nWithout the history of its level."},
    {"_tracked_here", tracked_here, METH_O,
     "_tracked_here(tensor)\n--\n\nHas it a history at its level, or is it a leaf of it?"},
    {"_at_top", at_top, METH_O, "_at_top(tensor)\n--\n\nIs it of the innermost level?"},
    {"_highest_level", highest_of, METH_O,
     "_highest_level(objects)\n--\n\n(level, batched, size, randomness), or None."},
    {"_lift_to", fast(lift_to), METH_FASTCALL,
     "_lift_to(tensor, level)\n--\n\nThe tensor as one of that level."},
    {"_inner_mode", inner_mode, METH_O,
     "_inner_mode(level)\n--\n\nMay what runs outside of the level be recorded?"},
    {"_push_tangents", fast(push_tangents), METH_FASTCALL,
     "_push_tangents(primals, tangents, call)\n--\n\nThe tangents of what `call` returns."},
    {"_wrapper_of", wrapper_of, METH_O,
     "_wrapper_of(tensor)\n--\n\nWhat a tensor of a transform consists of."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_transforms(PyObject* module) {
  if (PyModule_AddFunctions(module, functions) != 0) throw_python_error();
}

}  // namespace wengert::python
