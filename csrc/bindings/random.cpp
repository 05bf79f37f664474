// wengert.Generator, the functions about the default generator, and randint, which may be called
// with or without a lower bound.
#include <nanobind/nanobind.h>

#include <cstring>

#include "bindings/call.h"
#include "operators/basic.h"
#include "operators/random.h"
#include "ops/generator.h"

namespace nb = nanobind;

namespace wengert::python {

namespace {

// Any integer that fits 64 bits, with or without a sign.
uint64_t to_seed(nb::handle seed) {
  nb::object number = nb::steal(PyNumber_Index(seed.ptr()));
  if (!number.is_valid()) throw nb::python_error();
  int overflow = 0;
  const int64_t value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow == 0) return static_cast<uint64_t>(value);
  const uint64_t large = PyLong_AsUnsignedLongLong(number.ptr());
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
    throw nb::python_error();
  }
  return large;
}

nb::object state_of(const Generator& generator) {
  const Tensor state = empty({static_cast<int64_t>(sizeof(Generator))}, DType::uint8);
  std::memcpy(state.data(), &generator, sizeof(Generator));
  return nb::steal(wrap(state));
}

void set_state(Generator& generator, nb::handle state) {
  if (!is_tensor(state.ptr())) {
    throw nb::type_error("set_state(): expected a uint8 tensor, as get_state() returns");
  }
  const Tensor& bytes = unwrap(state.ptr());
  if (bytes.dtype() != DType::uint8) throw nb::type_error("RNG state must be a ByteTensor");
  if (bytes.numel() != static_cast<int64_t>(sizeof(Generator)) || !bytes.is_contiguous()) {
    PyErr_SetString(PyExc_RuntimeError, "RNG state is wrong size");
    throw nb::python_error();
  }
  std::memcpy(&generator, bytes.data(), sizeof(Generator));
}

uint64_t reseed(Generator& generator) {
  generator = {nondeterministic_seed(), 0};
  return generator.seed;
}

// --- randint ---

const char* const two_bounds_names[] = {
    "low", "high", "size", "generator", "dtype", "device", "requires_grad", "pin_memory", "out"};
const Signature two_bounds_signature = {"randint", 9, 3, 3, -1, two_bounds_names, "000111111"};
const char* const one_bound_names[] = {"high",   "size",          "generator",  "dtype",
                                       "device", "requires_grad", "pin_memory", "out"};
const Signature one_bound_signature = {"randint", 8, 2, 2, -1, one_bound_names, "00111111"};

bool has_keyword(PyObject* keywords, const char* name) {
  if (keywords == nullptr) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keywords); ++i) {
    if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, i), name) == 0) return true;
  }
  return false;
}

PyObject* call_randint(const Signature& s, PyObject* const* slots, int64_t low, int first) {
  const int64_t high = to_int(slots[first], s, first);
  const Dims size = to_dims(slots[first + 1], s, first + 1);
  Generator* generator = to_generator(slots[first + 2], s, first + 2);
  auto dtype = to_optional_dtype(slots[first + 3], s, first + 3);
  const Tensor out = to_optional_tensor(slots[first + 7], s, first + 7);
  if (out.defined() && !dtype.has_value()) dtype = out.dtype();
  to_device(slots[first + 4], s, first + 4);
  const bool requires_grad = given(slots[first + 5]) && to_bool(slots[first + 5], s, first + 5);
  const Tensor result = ops::_randint(low, high, size, generator, dtype, requires_grad);
  return wrap(out.defined() ? ops::_write_out(out, result, s.name) : result);
}

PyObject* randint(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  const bool two_bounds = count >= 3 || has_keyword(keywords, "low") ||
                          (count == 2 && !PyTuple_Check(args[1]) && !PyList_Check(args[1])) ||
                          (count == 1 && has_keyword(keywords, "high"));
  if (!two_bounds) {
    return invoke(one_bound_signature, nullptr, args, count, keywords, [](PyObject* const* slots) {
      return call_randint(one_bound_signature, slots, 0, 0);
    });
  }
  return invoke(two_bounds_signature, nullptr, args, count, keywords, [](PyObject* const* slots) {
    return call_randint(two_bounds_signature, slots, to_int(slots[0], two_bounds_signature, 0), 1);
  });
}

PyMethodDef functions[] = {
    {"randint", as_function(randint), METH_FASTCALL | METH_KEYWORDS,
     "randint(low, high=None, size=None, *, generator=None, dtype=None, device=None, "
     "requires_grad=False, pin_memory=False, out=None)\n--\n\n"
     "Integers drawn uniformly from `low` to `high - 1`; randint(high, size) starts at 0.\n\n"
     ">>> wg.randint(5, 6, (2,))\ntensor([5, 5])"},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

Generator* to_generator(PyObject* slot, const Signature& signature, int index) {
  if (!given(slot)) return nullptr;
  if (!nb::isinstance<Generator>(nb::handle(slot))) {
    fail_argument(signature, index, "Generator", slot);
  }
  return nb::inst_ptr<Generator>(nb::handle(slot));
}

void add_random(PyObject* module) {
  nb::module_ m = nb::borrow<nb::module_>(module);
  auto type =
      nb::class_<Generator>(m, "Generator", "A source of random numbers with a state of its own.")
          .def(
              "__init__",
              [](Generator* self, nb::object device) {
                static const char* const names[] = {"device"};
                static const Signature signature = {"Generator", 1, 1, 0, -1, names, "1"};
                to_device(device.ptr(), signature, 0);
                new (self) Generator{67280421310721u, 0};
              },
              nb::arg("device") = "cpu")
          .def(
              "manual_seed",
              [](Generator& self, nb::handle seed) -> Generator& {
                self = {to_seed(seed), 0};
                return self;
              },
              nb::arg("seed"), nb::rv_policy::none, "Starts anew from `seed`. Returns itself.")
          .def("seed", &reseed, "Starts anew from a seed that the system provides; returns it.")
          .def(
              "initial_seed", [](const Generator& self) { return self.seed; },
              "The seed that the numbers come from.")
          .def("get_state", &state_of, "The state, as a uint8 tensor.")
          .def(
              "set_state",
              [](Generator& self, nb::handle new_state) -> Generator& {
                set_state(self, new_state);
                return self;
              },
              nb::arg("new_state"), nb::rv_policy::none, "Goes back to a state of `get_state`.")
          .def(
              "clone_state", [](const Generator& self) { return Generator(self); },
              "A generator that goes on as this one would.")
          .def_prop_ro(
              "device",
              [](nb::handle) { return nb::module_::import_("wengert").attr("device")("cpu"); },
              "Where the generator makes numbers.")
          .def("__getstate__",
               [](const Generator& self) { return nb::make_tuple(self.seed, self.offset); })
          .def("__setstate__", [](Generator& self, const nb::tuple& state) {
            new (&self) Generator{nb::cast<uint64_t>(state[0]), nb::cast<uint64_t>(state[1])};
          });
  type.attr("__module__") = "wengert";
  m.attr("default_generator") = nb::cast(&default_generator(), nb::rv_policy::reference);
  m.def(
      "manual_seed",
      [](nb::handle seed) -> Generator& {
        default_generator() = {to_seed(seed), 0};
        return default_generator();
      },
      nb::arg("seed"), nb::rv_policy::reference, "Seeds the default generator and returns it.");
  m.def(
      "seed", [] { return reseed(default_generator()); },
      "Seeds the default generator from the system; returns the seed.");
  m.def(
      "initial_seed", [] { return default_generator().seed; },
      "The seed of the default generator.");
  m.def(
      "get_rng_state", [] { return state_of(default_generator()); },
      "The state of the default generator, as a uint8 tensor.");
  m.def(
      "set_rng_state", [](nb::handle new_state) { set_state(default_generator(), new_state); },
      nb::arg("new_state"), "Sets the state of the default generator.");
  if (PyModule_AddFunctions(module, functions) != 0) throw nb::python_error();
}

}  // namespace wengert::python
