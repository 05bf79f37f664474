"""What an operator does inside of vmap and forward mode: its rule, made from its kind or its entry.

`batch=` in an entry says how a batch is treated, where the kind does not: a formula over tensors
whose first dimension is the batch (of size `B`); or one of WAYS. `jvp=` is a formula per input in
which `t` is its tangent, "linear", "bilinear", or "generic".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .expressions import TensorFormula
from .model import Entry, Parameter

if TYPE_CHECKING:
    from .emit_ops import Emitter

WAYS = {
    "through": "made of other operators, wherever it is called",
    "by hand": "the whole operator is C++: <name>_transformed",
    "rule": "a function in C++: <name>_batch",
    "shift": "the operator itself, its dimensions counted past the batch",
    "random": "draws for every sample, or once, as vmap was told",
    "dynamic": "no batch: the size of the result depends on values",
    "refuse": "neither batch nor tangent",
}
DIMENSIONS = {"dim", "dim0", "dim1", "dim2", "dims", "dimension"}
SIZES = {"size", "shape"}


def way(entry: Entry) -> str:
    """How a batch is treated: a key of WAYS, "elementwise", or "formula"."""
    given = entry.get("batch")
    if given is None:
        return "elementwise" if entry.kind == "elementwise" else "shift"
    return given if given in WAYS else "formula"


def draws(entry: Entry) -> bool:
    """Whether vmap has a say in it even where no argument is mapped: it makes random numbers."""
    return way(entry) == "random" or (
        entry.family == "random" and way(entry) in ("rule", "by hand"))


def tensor_arguments(entry: Entry) -> list[Parameter]:
    return [p for p in entry.parameters if p.is_tensor or p.is_tensor_list]


def intercepted(entry: Entry) -> bool:
    return way(entry) != "through" and (bool(tensor_arguments(entry)) or way(entry) == "random")


def intercept(entry: Entry, form: str = "") -> list[str]:
    """The first line of an operator: nothing but a look at its arguments, in the usual case."""
    if not intercepted(entry) or (form == "_" and entry.kind == "view"):
        return []
    names = ", ".join(p.name for p in tensor_arguments(entry))
    test = f"any_wrapped({names})" if names else ""
    if draws(entry):
        test = " || ".join(x for x in (test, "modes.batched != 0") if x)
    arguments = ", ".join(p.name for p in entry.parameters)
    if way(entry) == "refuse":
        return [f'if ({test}) [[unlikely]] fail_transformed("{entry.name}{form}");']
    return [f"if ({test}) [[unlikely]] return {entry.name}{form}_transformed({arguments});"]


def tangent_way(emitter: Emitter) -> str:
    """How a tangent is pushed forward: "none", "linear", "bilinear", "formula" or "generic"."""
    entry = emitter.entry
    given = entry.get("jvp")
    texts = {**entry.derivatives, **entry.rules}
    moving = {k: f for k, f in emitter.formulas.items() if texts[k] != "0"}
    if isinstance(given, str):
        return given
    if not moving:
        return "none"
    if given:
        return "formula"
    if emitter.elementwise:
        return "formula" if _has_factors(entry) else "generic"
    if entry.kind == "bilinear":
        return "bilinear"
    differentiated = {k.strip() for key in moving for k in key.split(",")}
    read = {name for f in moving.values() for name in f.values}
    return "generic" if read & (differentiated | set(emitter.outputs)) else "linear"


def _has_factors(entry: Entry) -> bool:
    return all(text.startswith("_not_implemented") for text in entry.rules.values())


def formulas(emitter: Emitter) -> list[TensorFormula]:
    """Those that an entry gives for transforms alone."""
    entry = emitter.entry
    given = entry.get("jvp")
    texts = list(given.values()) if isinstance(given, dict) else []
    texts += [entry.get("batch")] if way(entry) == "formula" else []
    tensors = {p.name for p in tensor_arguments(entry)} | set(emitter.outputs) | {"t"}
    return [TensorFormula(entry, text, tensors) for text in texts]


class Transforms:
    """The functions of one entry."""

    def __init__(self, emitter: Emitter, types, result: str):
        self.emitter = emitter
        self.entry = emitter.entry
        self.type_of = types
        self.result = result
        self.tensors = tensor_arguments(self.entry)
        self.differentiated = emitter.differentiated

    def source(self) -> list[str]:
        if not intercepted(self.entry) or way(self.entry) == "refuse":
            return []
        if way(self.entry) == "by hand":
            return [f"{self.result} {self.entry.name}_transformed({self._parameters('')});"]
        parts = []
        if way(self.entry) == "rule":
            parts.append(f"{self.result} {self.entry.name}_batch(const Lift& at, {self._parameters('_w')});")
        parts += ["namespace {", self.value(), self.transformed()]
        if self.entry.has_inplace and self.entry.kind != "view":
            parts.append(self.inplace())
        return [*parts, "}  // namespace"]

    # --- pieces ---

    def _optional_number(self, p: Parameter) -> bool:
        return self.emitter.elementwise and p.type == "float | None"

    def _parameters(self, suffix: str, first: str = "") -> str:
        parts = []
        for i, p in enumerate(self.entry.parameters):
            is_tensor = p.is_tensor or p.is_tensor_list
            type_ = first if first and i == 0 else self.type_of(self.entry, p)
            name = p.name + (suffix if is_tensor else "_p" if suffix and self._optional_number(p) else "")
            parts.append(f"[[maybe_unused]] {type_} {name}")
        return ", ".join(parts)

    def _call(self, how, parameters: dict[str, str] | None = None, name: str = "") -> str:
        """A call of the operator; `how` makes the argument of each tensor parameter."""
        arguments = []
        for p in self.entry.parameters:
            if p.is_tensor or p.is_tensor_list:
                arguments.append(how(p))
            elif parameters and p.name in parameters:
                arguments.append(parameters[p.name])
            elif p.name == "requires_grad":
                arguments.append("false")
            else:
                arguments.append(p.name + ("_p" if self._optional_number(p) else ""))
        return f"{name or 'ops::' + self.entry.name}({', '.join(arguments)})"

    def _inner(self) -> str:
        return self._call(lambda p: f"at.inner({p.name}_w)")

    def _names(self, suffix: str = "_w") -> str:
        return ", ".join(p.name + suffix for p in self.tensors)

    # --- the value ---

    def value(self) -> str:
        lines = [f"[[gnu::cold]] {self.result} {self.entry.name}_value(const Lift& at, {self._parameters('_w')}) {{"
                 if self.tensors else f"[[gnu::cold]] {self.result} {self.entry.name}_value(const Lift& at, {self._parameters('')}) {{",
                 "  const InnerScope within(at);"]
        if draws(self.entry):
            lines.append("  const DrawScope outside(at);")
        if not self.tensors:
            return "\n".join(lines + ["  " + line for line in self._drawn()] + ["}"])
        lines += ["  if (at.batched()) {", *("    " + line for line in self._batch()), "  }"]
        lines += ["  " + line for line in self._tangent()]
        return "\n".join([*lines, "}"])

    def _drawn(self) -> list[str]:
        """A tensor of random numbers made of sizes alone."""
        size = next((p.name for p in self.entry.parameters if p.name == "size"), None)
        plain = self._call(lambda p: p.name)
        lines = [f"if (!at.draws_differ(false)) return {plain};"]
        if size is None:
            return [*lines, "std::vector<Tensor> rows;",
                    f"for (int64_t i = 0; i < at.size(); ++i) rows.push_back({plain});",
                    "return at.wrap(ops::stack(rows, 0), true);"]
        many = self._call(lambda p: p.name, {size: f"at.grown({size})"})
        return [*lines, f"return at.wrap({many}, true);"]

    def _batch(self) -> list[str]:
        entry = self.entry
        match way(entry):
            case "elementwise":
                count = len(self.tensors)
                places = {p.name: f"x[{i}]" for i, p in enumerate(self.tensors)}
                return [f"const Operand lifted[] = {{{self._names()}}};",
                        f"const BatchedOperands x(at, lifted, {count}, {entry.kernels['f']['symbol']}.codes);",
                        f"return at.wrap({self._call(lambda p: places[p.name])}, x.batched());"]
            case "rule":
                arguments = ", ".join(p.name + ("_w" if p.is_tensor or p.is_tensor_list else "")
                                      for p in entry.parameters)
                return [f"return {entry.name}_batch(at, {arguments});"]
            case "dynamic":
                return [f'fail_dynamic("{entry.name}");']
        unbatched = f"return at.wrap({self._inner()}, false);"
        if way(entry) == "random":
            lines = [f"if (!at.draws_differ(at.any_batched({self._names()}))) {unbatched}"]
        else:
            lines = [f"if (!at.any_batched({self._names()})) {unbatched}"]
        if way(entry) == "formula":
            names = {p.name for p in self.tensors}
            formula = TensorFormula(entry, entry.get("batch"), names)
            lines += ["[[maybe_unused]] const int64_t B = at.size();"]
            lines += [f"[[maybe_unused]] const auto {p.name} = at.front({p.name}_w);"
                      for p in self.tensors if p.name in formula.values]
            lines += [f"[[maybe_unused]] const auto {p.name}_shape = {p.name}_w.sizes();"
                      for p in self.tensors if p.name in formula.shapes]
            return [*lines, f"return at.wrap({formula.cpp()}, true);"]
        return lines + self._shift()

    def _shift(self) -> list[str]:
        entry = self.entry
        first = self.tensors[0]
        sample = f"{first.name}_w[0]" if first.is_tensor_list else f"{first.name}_w"
        sized = any(p.name in SIZES and p.type == "list[int]" for p in entry.parameters)
        if first.type == "Tensor | Number":
            sample = f"{first.name}_w.tensor()"
        one_more = entry.name in ("unsqueeze", "stack")
        ndim = f"{sample}.ndim()" + (" + 1" if one_more else "")
        if sized:  # the dimension is one of the result
            ndim = "static_cast<int64_t>(size.size())"
        dims = [p for p in entry.parameters if p.name in DIMENSIONS and p.type.split()[0] in ("int", "list[int]")]
        lines, changed = [], {}
        for p in dims:
            if p.type == "int | None":
                lines += self._flattened(p, sample)
                changed[p.name] = f"at.shift(*{p.name}, {ndim})"
            elif p.type == "int":
                changed[p.name] = f"at.shift({p.name}, {ndim})"
            else:
                everything = entry.kind == "reduction" or entry.family == "reduction"
                changed[p.name] = f"at.shift({p.name}, {ndim}{', true' if everything else ''})"
        for p in entry.parameters:
            if p.name in SIZES and p.type == "list[int]":
                changed[p.name] = f"at.grown({p.name})"
        if sized and dims:
            lines.append(f"if (size.empty()) return at.wrap(ops::reshape(at.front({first.name}_w), at.grown(size)), true);")
        scalar = ", scalar" if dims and not one_more and not sized else ""
        if scalar:
            lines.append(f"const bool scalar = {sample}.ndim() == 0;")
        call = self._call(lambda p: f"at.front({p.name}_w{scalar})", changed)
        return [*lines, f"return at.wrap({call}, true{scalar});"]

    def _flattened(self, dim: Parameter, sample: str) -> list[str]:
        """Where no dimension is given, a reduction of all elements."""
        keep = any(p.name == "keepdim" for p in self.entry.parameters)
        call = self._call(lambda p: "flat", {dim.name: "1", "keepdim": "false"})
        ones = f"at.grown(Dims({sample}.sizes().size(), 1))"
        return [f"if (!{dim.name}.has_value()) {{",
                f"  const Tensor flat = ops::reshape(at.front({self.tensors[0].name}_w), "
                f"Dims{{at.size(), {sample}.numel()}});",
                f"  const Tensor y = {call};",
                f"  return at.wrap({f'keepdim ? ops::reshape(y, {ones}) : y' if keep else 'y'}, true);",
                "}"]

    # --- the tangent ---

    def _tangent(self) -> list[str]:
        match tangent_way(self.emitter):
            case "none":
                return [f"return at.dual({self._inner()});"]
            case "linear":
                return self._linear()
            case "bilinear":
                return self._bilinear()
            case "formula":
                return self._by_formula()
            case "generic":
                return self._generic()
        raise self.entry.fail(f"jvp='{self.entry.get('jvp')}': not a formula per input, nor a known way")

    def _moving(self) -> list[Parameter]:
        return [p for p in self.tensors if p.name in self.differentiated]

    def _any_tangent(self) -> str:
        return " || ".join(f"at.any_tangent({p.name}_w)" for p in self._moving())

    def _linear(self) -> list[str]:
        moving = {p.name for p in self._moving()}
        call = self._call(lambda p: f"at.{'full_tangent' if p.name in moving else 'inner'}({p.name}_w)")
        return [f"const auto y = {self._inner()};",
                f"if (!({self._any_tangent()})) return at.dual(y);",
                f"return at.dual(y, {call});"]

    def _bilinear(self) -> list[str]:
        moving = self._moving()
        additive = [p for p in moving if p.type == "Tensor | None"]
        factors = [p for p in moving if p not in additive]
        lines = [f"const auto y = {self._inner()};", f"{self.result} t;", "bool any = false;"]

        def term(chosen: Parameter, how: str):
            def argument(p: Parameter) -> str:
                if p in additive:
                    return f"any ? Tensor() : at.tangent({p.name}_w)"
                return f"at.{how if p is chosen else 'inner'}({p.name}_w)"
            return self._call(argument)

        for p in factors:
            lines += [f"if (at.any_tangent({p.name}_w)) {{",
                      f"  const auto term = {term(p, 'full_tangent')};",
                      "  t = any ? add_tangents(t, term) : term;", "  any = true;", "}"]
        for p in additive:
            lines += [f"if (!any && at.any_tangent({p.name}_w)) {{",
                      f"  t = {term(factors[0], 'full_tangent')};", "  any = true;", "}"]
        return [*lines, "return any ? at.dual(y, t) : at.dual(y);"]

    def _tangent_text(self, key: str) -> str:
        """The contribution of one input; its tangent is t."""
        entry = self.entry
        given = entry.get("jvp") or {}
        tensors = {p.name for p in self.tensors} | set(self.emitter.outputs) | {"t"}
        if key in given:
            return TensorFormula(entry, given[key], tensors).cpp()
        if self.emitter.elementwise and key in entry.derivatives:
            return self.emitter.formulas[key].tangent()
        text = entry.rules.get(key, entry.derivatives.get(key, ""))
        if text.startswith("_not_implemented"):
            return TensorFormula(entry, text.replace("(g,", "(t,"), tensors).cpp()
        raise entry.fail(f"jvp has no formula for '{key}'")

    def _by_formula(self) -> list[str]:
        entry, emitter = self.entry, self.emitter
        texts = {**entry.derivatives, **entry.rules}
        given = entry.get("jvp") or {}
        keys = [k for k in dict.fromkeys([*given, *texts]) if texts.get(k, "") != "0"
                and (k in given or "," not in k)]
        tensors = {p.name for p in self.tensors} | set(emitter.outputs) | {"t"}
        formulas = [TensorFormula(entry, given.get(k, texts.get(k)), tensors | {"g", "y"}) for k in keys]
        read = {n for f in formulas for n in f.values}
        lines = []
        for p in self.tensors:
            if p.name in read:
                how = "exact" if self.type_of(entry, p) == "const Operand&" else "inner"
                lines.append(f"[[maybe_unused]] const auto {p.name} = at.{how}({p.name}_w);")
        for kind, cpp in (("shapes", "shape_of({}_w)"), ("dtypes", "{}_w.dtype()")):
            for n in sorted({n for f in formulas for n in getattr(f, kind)} - {"t", *emitter.outputs}):
                lines.append(f"[[maybe_unused]] const auto {n}_{kind[:-1]} = {cpp.format(n)};")
        for p in entry.parameters:
            if self._optional_number(p):
                nan = "std::numeric_limits<double>::quiet_NaN()"
                lines.append(f"[[maybe_unused]] const double {p.name} = {p.name}_p.value_or({nan});")
        if entry.outputs == 1:
            lines.append(f"[[maybe_unused]] const Tensor y = {self._inner()};")
        else:
            lines += [f"const auto result = {self._inner()};",
                      f"[[maybe_unused]] const auto& [{', '.join(emitter.outputs)}] = result;"]
        if any("y" in f.shapes for f in formulas):
            lines.append("const auto y_shape = y.sizes();")
        lines.append("TangentSum sum;")
        for key in keys:
            lines.append(f"if (const Tensor t = at.tangent({key}_w); t.defined()) sum.add({self._tangent_text(key)});")
        if entry.outputs == 1:
            return [*lines, "return at.dual(y, sum.get());"]
        others = ", ".join(f"at.dual({y})" for y in emitter.outputs[1:])
        return [*lines, f"return {{at.dual(y0, sum.get()), {others}}};"]

    def _generic(self) -> list[str]:
        if any(p.is_tensor_list for p in self.tensors):
            raise self.entry.fail("an operator of a list of tensors needs jvp=")
        places = {p.name: i for i, p in enumerate(self.tensors)}

        def again(p: Parameter) -> str:
            x = f"x[{places[p.name]}]"
            if self.type_of(self.entry, p) != "const Operand&":
                return x
            return f"{p.name}_w.is_tensor() ? Operand({x}) : {p.name}_w"

        primals = ", ".join(f"at.inner({p.name}_w)" if self.type_of(self.entry, p) != "const Operand&"
                            else f"{p.name}_w.is_tensor() ? at.inner({p.name}_w.tensor()) : Tensor()"
                            for p in self.tensors)
        tangents = ", ".join(f"at.tangent({p.name}_w)" if p.name in self.differentiated else "Tensor()"
                             for p in self.tensors)
        return [f"const auto y = {self._inner()};",
                f"if (!({self._any_tangent()})) return at.dual(y);",
                f"const std::vector<Tensor> slopes = transposed_vjp({{{primals}}}, {{{tangents}}},",
                f"    [&](const std::vector<Tensor>& x) {{ return listed({self._call(again)}); }});",
                f"return at.dual(y, as_result<{self.result}>(slopes));"]

    # --- the operator on wrappers ---

    def _lift(self, skip: str = "") -> list[str]:
        lines = []
        for p in self.tensors:
            if p.name == skip:
                continue
            if self.type_of(self.entry, p) == "const Operand&":
                lines += [f"const OwnedOperand {p.name}_l = at({p.name});", f"const Operand {p.name}_w = {p.name}_l;"]
            else:
                lines.append(f"const auto {p.name}_w = at({p.name});")
        return lines

    def _lifted_arguments(self) -> str:
        return ", ".join(p.name + ("_w" if p.is_tensor or p.is_tensor_list else "")
                         for p in self.entry.parameters)

    def _tracked(self) -> str:
        tests = [f"{'any_' if p.is_tensor_list else ''}tracked({p.name}_w)" for p in self._moving()]
        return " || ".join(tests) or "false"

    def transformed(self) -> str:
        entry, emitter = self.entry, self.emitter
        random = "Lift::kRandom, " if draws(entry) else ""
        names = ", ".join(x for x in (self._names(""),) if x)
        lines = [f"[[gnu::cold, gnu::noinline]] {self.result} {entry.name}_transformed({self._parameters('')}) {{",
                 f'  const Lift at({random}"{entry.name}"{", " + names if names else ""});']
        lines += ["  " + line for line in self._lift()]
        if self.tensors:
            lines.append(f"  if (!at.active()) return ops::{entry.name}({self._lifted_arguments()});")
        lines.append(f"  auto result = {entry.name}_value(at, {self._lifted_arguments()});")
        if any(p.name == "requires_grad" for p in entry.parameters):
            lines.append("  if (requires_grad) result->requires_grad = true;")
        if entry.outputs == 1:
            lines.append("  [[maybe_unused]] Tensor& y = result;")
        elif entry.outputs > 1:
            lines.append(f"  [[maybe_unused]] auto& [{', '.join(emitter.outputs)}] = result;")
        if entry.kind == "view":
            base = f"{self.tensors[0].name}_w"
            lines.append(f"  for (Tensor& y : result) set_view_if_shared(y, {base}, true);"
                         if entry.outputs == -1 else f"  set_view_if_shared(y, {base});")
        if emitter.differentiable:
            lines.append(f"  if (modes.grad && ({self._tracked()})) {{")
            if entry.outputs == -1:
                lines += [f"    const auto node = {entry.name}_record({self._lifted_arguments()}, result.size());",
                          "    for (size_t i = 0; i < result.size(); ++i) set_history(result[i], node, "
                          "static_cast<uint32_t>(i));"]
            else:
                lines.append(f"    const auto node = {entry.name}_record({self._lifted_arguments()});")
                lines += [f"    set_history({y}, node, {i});" for i, y in enumerate(emitter.outputs)]
                lines += ["    " + line for line in emitter._save_outputs("node")]
            lines.append("  }")
        results = ["result"] if entry.outputs == -1 else emitter.outputs
        lines += ["  " + line for line in emitter._watch(results)]
        return "\n".join([*lines, "  return result;", "}"])

    def inplace(self) -> str:
        entry, emitter = self.entry, self.emitter
        me = entry.parameters[0].name
        name = f'"{entry.name}_"'
        lines = [f"[[gnu::cold, gnu::noinline]] Tensor& {entry.name}__transformed({self._parameters('', 'Tensor&')}) {{",
                 f"  const Lift at({name}, {self._names('')});",
                 *("  " + line for line in self._lift(me)),
                 "  if (!at.active()) {",
                 f"    ops::{entry.name}_({', '.join(me if p.name == me else p.name + ('_w' if p.is_tensor or p.is_tensor_list else '') for p in entry.parameters)});",
                 f"    return {me};", "  }",
                 f"  at.adopt({me});", f"  const Tensor {me}_w = {me};",
                 f"  check_inplace({name}, {me});",
                 "  WatchedWrite watched;",
                 f"  if (watch_mode.on) [[unlikely]] watched.before({emitter._arguments_to_watch()});",
                 f"  const Tensor y = {entry.name}_value(at, {self._lifted_arguments()});",
                 f"  check_inplace_result({name}, {me}, y);"]
        if emitter.differentiable:
            lines += ["  Ref<Node> node;", f"  if (modes.grad && ({self._tracked()})) {{",
                      f"    node = {entry.name}_record({self._lifted_arguments()});"]
            if me in emitter.saved_inputs:
                value = "Operand(original)" if emitter._operand_saved(me) else "original"
                lines += [f"    const Tensor original = original_of({me});",
                          f"    static_cast<{emitter.node}*>(node.get())->{me}.input({value});"]
            lines.append("  }")
        lines += [f"  at.assign({me}, y);", f"  wrote({name}, {me});"]
        if emitter.differentiable:
            lines += ["  if (node) {", *("    " + line for line in emitter._save_outputs("node", me)),
                      f"    rebase_history({me}, node);", "  }"]
        lines.append(f"  if (watch_mode.on) [[unlikely]] watched.after({name}, {me});")
        return "\n".join([*lines, f"  return {me};", "}"])
