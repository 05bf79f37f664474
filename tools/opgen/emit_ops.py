"""The C++ operators: allocation, kernel call, recording, and the rule that goes backwards."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from . import emit_transforms
from .expressions import TensorFormula, names_in, parse, scalar, scalar_product
from .model import Entry, Parameter

STORED = {
    "int": "int64_t", "int | None": "std::optional<int64_t>", "float": "double",
    "float | None": "std::optional<double>", "bool": "bool", "bool | None": "std::optional<bool>",
    "Number": "Scalar", "Number | None": "std::optional<Scalar>", "list[int]": "Dims",
    "list[int] | None": "std::optional<Dims>", "list[float]": "std::vector<double>",
    "dtype": "DType", "dtype | None": "std::optional<DType>", "str": "std::string",
    "str | None": "std::optional<std::string>",
}  # fmt: skip
RESULT_RULES = {None: "kSame", "same": "kSame", "bool": "kBool", "real": "kReal",
                "complex": "kComplex"}  # fmt: skip


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def cpp_default(p: Parameter) -> str:
    match p.default:
        case None:
            return ""
        case ast.Constant(value=None):
            return " = {}"
        case ast.Constant(value=bool() as value):
            return " = true" if value else " = false"
        case ast.Constant(value=str() as value):
            return f' = "{value}"'
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return " = {" + ", ".join(ast.unparse(i) for i in items) + "}"
        case node:
            text = ast.unparse(node).replace("inf", "std::numeric_limits<double>::infinity()")
            return f" = {text}"


def cpp_result(entry: Entry) -> str:
    if entry.outputs == -1:
        return "std::vector<Tensor>"
    if entry.outputs == 1:
        return "Tensor"
    return "std::tuple<" + ", ".join(["Tensor"] * entry.outputs) + ">"


def cpp_parameter_type(entry: Entry, p: Parameter) -> str:
    if entry.kind == "elementwise" and p.is_tensor:
        return "const Tensor&" if len(entry.inputs) == 1 else "const Operand&"
    return p.cpp_type


def signature(entry: Entry, form: str = "", defaults: bool = False, name: str = "") -> str:
    """`form`: '' for the function, '_' in place, '_out' into a given tensor."""
    parts = []
    for i, p in enumerate(entry.parameters):
        if form == "_" and i == 0:
            parts.append(f"Tensor& {p.name}")
        else:
            default = cpp_default(p) if defaults and form != "_out" else ""
            parts.append(f"{cpp_parameter_type(entry, p)} {p.name}{default}")
    result = cpp_result(entry)
    if form == "_":
        result = "Tensor&"
    elif form == "_out":
        if entry.outputs == 1:
            parts.append("const Tensor& out")
            result = "Tensor"
        else:
            parts.append("const std::vector<Tensor>& out")
    return f"{result} {name or entry.name + form}({', '.join(parts)})"


class Emitter:
    """Everything that one entry needs in the generated source of its file."""

    def __init__(self, entry: Entry):
        self.entry = entry
        self.elementwise = entry.kind == "elementwise"
        self.node = f"{entry.name}_node"
        self.type = f"k{camel(entry.name)}{'_' if entry.name.endswith('_') else ''}Type"
        # Edges in order: tensor parameters, then the elements of a list.
        self.tensors = entry.inputs
        self.list = next((p for p in entry.parameters if p.is_tensor_list), None)
        self.outputs = ["y"] if entry.outputs in (1, -1) else [
            f"y{i}" for i in range(entry.outputs)
        ]
        self.grads = ["g"] if entry.outputs in (1, -1) else [f"g{i}" for i in range(entry.outputs)]
        self.formulas = self._formulas()
        self.differentiable = bool(self.formulas)
        self.differentiated = {k.strip() for key in self.formulas for k in key.split(",")}
        used = {n for f in self.formulas.values() for n in f.values}
        self.saved_outputs = [o for o in self.outputs if o in used]
        names = [p.name for p in self.tensors] + ([self.list.name] if self.list else [])
        self.saved_inputs = [n for n in names if n in used]
        self.saved_shapes = sorted({n for f in self.formulas.values() for n in f.shapes}
                                   - set(self.grads))
        self.saved_dtypes = sorted({n for f in self.formulas.values() for n in f.dtypes}
                                   - set(self.grads))
        read = {n for f in self.formulas.values() for n in f.names}
        self.saved_parameters = [
            p for p in entry.parameters
            if not p.is_tensor and not p.is_tensor_list and p.name in read
        ]

    def _formulas(self) -> dict[str, TensorFormula]:
        tensors = {p.name for p in self.entry.parameters if p.is_tensor or p.is_tensor_list}
        tensors |= set(self.outputs) | set(self.grads) | {"g", "y"}
        texts = dict(self.entry.derivatives) if not self.elementwise else {}
        factors = dict(self.entry.derivatives) if self.elementwise else {}
        texts.update(self.entry.rules)
        result = {key: TensorFormula(self.entry, text, tensors) for key, text in texts.items()}
        for key, text in factors.items():
            result[key] = TensorFormula(self.entry, text, tensors)
        for key, formula in result.items():
            known = tensors | {p.name for p in self.entry.parameters} | {"pi", "inf", "nan", "euler"}
            for name in formula.names - known:
                raise self.entry.fail(f"derivative of '{key}' uses unknown name '{name}'")
        return result

    def edge(self, name: str) -> str:
        if self.list is not None and name == self.list.name:
            return str(len(self.tensors))
        return str([p.name for p in self.tensors].index(name))

    # --- pieces ---

    def _operand_saved(self, name: str) -> bool:
        return self.elementwise and len(self.tensors) > 1

    def node_struct(self) -> str:
        lines = [f"struct {self.node} : Node {{", "  using Node::Node;"]
        for name in self.saved_inputs:
            if self.list is not None and name == self.list.name:
                lines.append(f"  std::vector<Saved> {name};")
            else:
                lines.append(f"  {'SavedOperand' if self._operand_saved(name) else 'Saved'} {name};")
        lines += [f"  Saved {name};" for name in self.saved_outputs]
        for name in self.saved_shapes:
            kind = "std::vector<Dims>" if self.list and name == self.list.name else "Dims"
            lines.append(f"  {kind} {name}_shape;")
        lines += [f"  DType {name}_dtype;" for name in self.saved_dtypes]
        lines += [f"  {STORED[p.type]} {p.name};" for p in self.saved_parameters]
        lines.append("};")
        return "\n".join(lines)

    def _fetch(self, names: set[str], shapes: set[str], dtypes: set[str]) -> list[str]:
        """Statements that bring what a formula reads into scope."""
        lines = []
        for name in self.saved_inputs:
            if name not in names:
                continue
            if self.list is not None and name == self.list.name:
                lines.append(f'const std::vector<Tensor> {name} = saved_list(node, node.{name}, "{name}");')
            elif self._operand_saved(name):
                lines.append(f'const OwnedOperand {name} = node.{name}.get(node, "{name}");')
            else:
                lines.append(f'const Tensor {name} = node.{name}.get(node, "{name}");')
        for name in self.saved_outputs:
            if name in names:
                lines.append(f'const Tensor {name} = node.{name}.get(node, "output");')
        lines += [f"const auto& {n}_shape = node.{n}_shape;" for n in self.saved_shapes if n in shapes]
        lines += [f"const DType {n}_dtype = node.{n}_dtype;" for n in self.saved_dtypes if n in dtypes]
        for p in self.saved_parameters:
            if p.name in names and self.elementwise and p.type == "float | None":
                missing = "std::numeric_limits<double>::quiet_NaN()"
                lines.append(f"const double {p.name} = node.{p.name}.value_or({missing});")
            elif p.name in names:
                lines.append(f"const auto& {p.name} = node.{p.name};")
        return lines

    def backward(self) -> str:
        lines = [f"void {self.entry.name}_backward(Node& base, Tensor* gradients, Tensor* results) {{",
                 f"  [[maybe_unused]] auto& node = static_cast<{self.node}&>(base);"]
        if self.entry.outputs == -1:
            lines.append("  const std::vector<Tensor> g = materialize_all(node, gradients);")
        elif self.entry.outputs == 1:
            lines.append("  [[maybe_unused]] const Tensor& g = gradients[0];")
        else:
            read = {n for f in self.formulas.values() for n in f.names | f.values}
            for i in (i for i in range(self.entry.outputs) if f"g{i}" in read):
                lines.append(f"  [[maybe_unused]] const Tensor g{i} = materialize(node, gradients, {i});")
        # What several formulas read is fetched once, for hooks may unpack it.
        reads = [f.names | f.values for f in self.formulas.values()]
        shared = {n for n in self.saved_inputs + self.saved_outputs if sum(n in r for r in reads) > 1}
        lines += ["  [[maybe_unused]] " + line for line in self._fetch(shared, set(), set())]
        edges_of = {key: [self.edge(k.strip()) for k in key.split(",")] for key in self.formulas}
        done: set[str] = set()
        for key, formula in self.formulas.items():
            edges = edges_of[key]
            done.add(key)
            later = [e for other, es in edges_of.items() if other not in done for e in es]
            if self.list is not None and key == self.list.name:
                condition = "any_edge(node, " + edges[0] + ")"
            else:
                condition = " || ".join(f"node.needs({e})" for e in edges)
            lines.append(f"  if ({condition}) {{")
            read = (formula.names | formula.values) - shared
            body = self._fetch(read, formula.shapes, formula.dtypes)
            body += self._gradient(key, formula, edges, later)
            lines += ["    " + line for line in body] + ["  }"]
        return "\n".join(lines + ["}"])

    def _gradient(self, key: str, formula: TensorFormula, edges: list[str],
                  later: list[str]) -> list[str]:
        target = f"results[{edges[0]}]"
        if len(edges) > 1:
            names = ", ".join(f"r{i}" for i in range(len(edges)))
            return [f"auto [{names}] = {formula.cpp()};"] + [
                f"results[{e}] = std::move(r{i});" for i, e in enumerate(edges)
            ]
        if self.list is not None and key == self.list.name:
            return [f"scatter_list({formula.cpp()}, results + {edges[0]});"]
        text = self.entry.derivatives.get(key)
        if self.elementwise and text is not None:
            if text in ("1", "0", "-1"):
                value = {"1": "g", "-1": "ops::neg(g)", "0": "zeros_matching(g)"}[text]
                return [f"{target} = {value};"]
            kernel = self.entry.kernels[key]
            operands = ", ".join(["g", *kernel["inputs"]])
            count = 1 + len(kernel["inputs"])
            parameters, pointer = "", "nullptr"
            if kernel["parameters"]:
                parameters = ("const Scalar parameters[] = {"
                              + ", ".join(p.name if p.type == "Number" else f"Scalar({p.name})"
                                          for p in kernel["parameters"]) + "};")
                pointer = "parameters"
            body = [f"const Operand operands[] = {{{operands}}};",
                    f"if (!modes.grad && !any_wrapped_operand(operands, {count})) {{"]
            if parameters:
                body.append("  " + parameters)
            last = " && ".join(f"!node.needs({i})" for i in later) or "true"
            body.append(f"  {target} = vjp_elementwise({kernel['symbol']}, operands, {count}, {pointer}, {last});")
            body += ["} else {", f"  {target} = {formula.product()};", "}"]
            if text in {p.name for p in kernel["parameters"] if p.type == "Number"}:
                body = [f"if ({text}.equals(1)) {{ {target} = g; }} else {{", *body, "}"]
            return body
        if text == "0" or (self.elementwise and self.entry.rules.get(key) == "0"):
            return [f"{target} = zeros_matching(g);"]
        return [f"{target} = {formula.cpp()};"]

    def saved(self) -> str:
        lines = [f"void {self.entry.name}_saved(Node& base, SavedVisitor visit, void* context) {{",
                 f"  [[maybe_unused]] auto& node = static_cast<{self.node}&>(base);"]
        roles = {n: n for n in self.saved_inputs} | dict.fromkeys(self.saved_outputs, "output")
        lines += [f'  visit_saved(node.{n}, "{role}", visit, context);' for n, role in roles.items()]
        return "\n".join(lines + ["}"])

    def node_type(self) -> str:
        name = self.entry.name
        title = "".join(p[:1].upper() + p[1:] for p in name.strip("_").split("_"))
        title = self.entry.get("node") or re.sub(r"\d[a-z]", lambda m: m[0].upper(), title)
        saved = f"{name}_saved" if self.saved_inputs + self.saved_outputs else "no_saved"
        pointwise = ", false, true" if self.elementwise else ""
        # PyTorch numbers the backward classes of an operator by its overloads.
        return "\n".join(
            f'const NodeType {self.type}{n or ""} = {{"{title}Backward{n}", "{name}", {name}_backward, '
            f"{saved}, remove_node<{self.node}>{pointwise}}};" for n in range(2 if self.entry.get("overload") else 1))

    def _if_needed(self, pointer: str, name: str, save: str) -> str:
        """The statement, where there is an edge whose formula reads the value."""
        users = [k.strip() for key, f in self.formulas.items() if name in f.values for k in key.split(",")]
        tests = (f"{pointer}->needs({self.edge(k)})" for k in dict.fromkeys(users))
        always = self.list is not None or set(users) == self.differentiated
        return save if always else f"if ({' || '.join(tests)}) {save}"

    def record(self) -> str:
        """Builds the node and saves inputs; outputs are saved once they hold their values."""
        arguments = ", ".join(f"[[maybe_unused]] {cpp_parameter_type(self.entry, p)} {p.name}"
                              for p in self.entry.parameters)
        count = str(len(self.tensors))
        if self.list is not None:
            count += f" + {self.list.name}.size()"
        outputs = "output_count" if self.entry.outputs == -1 else str(self.entry.outputs)
        extra = ", size_t output_count" if self.entry.outputs == -1 else ""
        type_, other = f"&{self.type}", self.entry.get("overload")
        if other:
            given = "is_tensor" if any(p.name == other for p in self.tensors) else "has_value"
            type_ = f"{other}.{given}() ? {type_}1 : {type_}"
        lines = [f"Ref<Node> {self.entry.name}_record({arguments}{extra}) {{",
                 f"  auto* node = new {self.node}({type_}, {count}, {outputs});",
                 "  Ref<Node> result(node);"]
        for i, p in enumerate(self.tensors):
            if p.name in self.differentiated:
                lines.append(f"  node->edges[{i}] = edge_of({p.name});")
        if self.list is not None and self.list.name in self.differentiated:
            lines.append(f"  for (size_t i = 0; i < {self.list.name}.size(); ++i) "
                         f"node->edges[{len(self.tensors)} + i] = gradient_edge({self.list.name}[i]);")
        for name in self.saved_inputs:
            is_list = self.list is not None and name == self.list.name
            save = f"save_list(node->{name}, {name});" if is_list else f"node->{name}.input({name});"
            lines.append("  " + self._if_needed("node", name, save))
        lines += [f"  node->{n}_shape = shape_of({n});" for n in self.saved_shapes]
        lines += [f"  node->{n}_dtype = dtype_of_value({n});" for n in self.saved_dtypes]
        lines += [f"  node->{p.name} = {p.name};" for p in self.saved_parameters]
        return "\n".join(lines + ["  return result;", "}"])

    # --- the three forms ---

    def _tracked(self) -> str:
        names = [p.name for p in self.tensors if p.name in self.differentiated]
        tests = [f"tracked({n})" for n in names]
        if self.list is not None and self.list.name in self.differentiated:
            tests.append(f"any_tracked({self.list.name})")
        return " || ".join(tests) or "false"

    def _arguments(self) -> str:
        return ", ".join(p.name for p in self.entry.parameters)

    def _arguments_to_watch(self, leave_out: str = "") -> str:
        names = [p.name for p in self.entry.parameters
                 if (p.is_tensor or p.is_tensor_list) and p.name != leave_out]
        return "{" + ", ".join(f'{{"{name}", {name}}}' for name in names) + "}"

    def _watch(self, outputs: list[str]) -> list[str]:
        """What anomaly mode looks at; see ops/watch.h."""
        if not self.tensors and self.list is None:
            return []
        results = ", ".join(f'{{"output", {y}}}' for y in outputs)
        return [f'if (watch_mode.on) [[unlikely]] watch("{self.entry.name}", '
                f"{self._arguments_to_watch()}, {{{results}}});"]

    def _note_lost(self, outputs: list[str], leave_out: str = "", prefix: str = "",
                   op: str = "") -> list[str]:
        """A result without history remembers what it comes from; see graph/lost.h."""
        name = f'"{op or self.entry.name}"'
        sources = [p.name for p in self.entry.parameters
                   if (p.is_tensor or p.is_tensor_list) and p.name != leave_out]
        if not sources:
            created = self.entry.outputs == 1 and "function" in self.entry.public and not leave_out
            return [f"note_created({outputs[0]}, {name});"] if created else []
        return [f"{prefix}if (const Tensor* past = past_of({', '.join(sources)})) {{",
                *(f"  note_lost({y}, {name}, *past);" for y in outputs), "}"]

    def _save_outputs(self, pointer: str, value: str = "") -> list[str]:
        return [self._if_needed(pointer, n, f"static_cast<{self.node}*>({pointer}.get())->{n}.output({value or n});")
                for n in self.saved_outputs]

    def _prepare(self) -> list[str]:
        """Operands, parameters and the dtype of an elementwise call."""
        entry = self.entry
        operands = ", ".join(p.name for p in self.tensors)
        lines = [f"const Operand operands[] = {{{operands}}};"]
        if entry.others:
            values = ", ".join(_as_scalar(p) for p in entry.others)
            lines.append(f"const Scalar parameters[] = {{{values}}};")
        rule = "kToFloat" if entry.get("ints") == "float" else "kKeep"
        kernel = entry.kernels["f"]["symbol"]
        lines.append(f"const DType dtype = elementwise_dtype(operands, {len(self.tensors)}, "
                     f"{kernel}.codes, IntegerRule::{rule});")
        if check := entry.get("check"):
            extra = ", parameters" if entry.others else ", nullptr"
            lines.append(f"check::{check}(operands, {len(self.tensors)}, dtype{extra});")
        return lines

    def _kernel_call(self, function: str, out: str = "") -> str:
        entry = self.entry
        rule = f"ResultRule::{RESULT_RULES[entry.get('out')]}"
        parameters = "parameters" if entry.others else "nullptr"
        return f"{function}({entry.kernels['f']['symbol']}, dtype, {rule}, {out}operands, {parameters})"

    def _autocast(self) -> list[str]:
        """Calls itself with converted arguments in a region of mixed precision; see ops/autocast.h."""
        entry = self.entry
        kind = entry.get("autocast")
        if kind is None:
            return []
        dtype = "autocast.low" if kind == "low" else "DType::float32"

        def converted(p: Parameter) -> str:
            if cpp_parameter_type(entry, p) == "const Operand&":
                return f"{p.name}.is_tensor() ? Operand(autocast_to({p.name}.tensor(), {dtype})) : {p.name}"
            is_tensor = p.is_tensor or p.is_tensor_list
            return f"autocast_to({p.name}, {dtype})" if is_tensor else p.name

        arguments = ", ".join(converted(p) for p in entry.parameters)
        return ["  if (autocast.on) [[unlikely]] {", "    const AutocastPause pause;",
                f"    return {entry.name}({arguments});", "  }"]

    def function(self) -> str:
        entry = self.entry
        lines = [signature(entry) + " {", *self._autocast()]
        lines += ["  " + line for line in emit_transforms.intercept(entry)]
        if self.elementwise:
            lines += ["  " + line for line in self._prepare()]
            lines.append(f"  Tensor y = {self._kernel_call('new_elementwise')};")
        else:
            lines.append(f"  auto result = impl::{entry.name}({self._arguments()});")
            if entry.outputs == 1:
                if self.tensors and self.tensors[0].type != "Tensor | Number":
                    first = self.tensors[0].name
                    lines.append(f"  if (result.same({first})) return result;")
                lines.append("  [[maybe_unused]] Tensor& y = result;")
            elif entry.outputs > 1:
                lines.append(f"  [[maybe_unused]] auto& [{', '.join(self.outputs)}] = result;")
        if entry.kind == "view":
            base = self.tensors[0].name
            if entry.outputs == -1:
                lines.append(f"  for (Tensor& y : result) set_view_if_shared(y, {base}, true);")
            else:
                lines += [f"  set_view_if_shared({y}, {base});" for y in self.outputs]
        results = ["result"] if entry.outputs == -1 else self.outputs
        if self.differentiable:
            lines.append(f"  if (modes.grad && ({self._tracked()})) {{")
            if entry.outputs == -1:
                lines.append(f"    const auto node = {entry.name}_record({self._arguments()}, result.size());")
                lines.append("    for (size_t i = 0; i < result.size(); ++i) set_history(result[i], node, "
                             "static_cast<uint32_t>(i));")
            else:
                lines.append(f"    const auto node = {entry.name}_record({self._arguments()});")
                for i, y in enumerate(self.outputs):
                    lines.append(f"    set_history({y}, node, {i});")
                lines += ["    " + line for line in self._save_outputs("node")]
            lines += ["  " + line for line in self._note_lost(results, prefix="} else ")]
        else:
            lines += ["  " + line for line in self._note_lost(results)]
        lines += ["  " + line for line in self._watch(results)]
        lines.append("  return y;" if self.elementwise else "  return result;")
        return "\n".join(lines + ["}"])

    def inplace(self) -> str:
        entry = self.entry
        me = entry.parameters[0].name
        name = f'"{entry.name}_"'
        lines = [signature(entry, "_") + " {"]
        lines += ["  " + line for line in emit_transforms.intercept(entry, "_")]
        lines.append(f"  check_inplace({name}, {me});")
        if entry.kind == "view":  # only sizes and strides change
            arguments = ", ".join(["before", *(p.name for p in entry.parameters[1:])])
            lines += [f"  const Tensor before = twin_with_history({me});",
                      f"  become({name}, {me}, ops::{entry.name}({arguments}));"]
            return "\n".join([*lines, f"  return {me};", "}"])
        lines += ["  WatchedWrite watched;",
                  f"  if (watch_mode.on) [[unlikely]] watched.before({self._arguments_to_watch()});"]
        if self.elementwise:
            lines += ["  " + line for line in self._prepare()]
        else:
            lines.append(f"  const Tensor y = impl::{entry.name}({self._arguments()});")
            lines.append(f"  check_inplace_result({name}, {me}, y);")
        if self.differentiable:
            lines += ["  Ref<Node> node;", f"  if (modes.grad && ({self._tracked()})) {{",
                      f"    check_recorded_write({name}, {me});",
                      f"    node = {entry.name}_record({self._arguments()});"]
            if me in self.saved_inputs:  # the write destroys what the rule reads: keep a copy
                lines.append(f"    const Tensor original = original_of({me});")
                value = "Operand(original)" if self._operand_saved(me) else "original"
                lines.append(f"    static_cast<{self.node}*>(node.get())->{me}.input({value});")
            lines.append("  }")
        if self.elementwise:
            lines.append("  " + self._kernel_call("run_elementwise_into", f"{me}, false, ") + ";")
        else:
            lines.append(f"  copy_values({me}, y);")
        lines.append(f"  wrote({name}, {me});")
        if self.differentiable:
            lines += ["  if (node) {", *("    " + line for line in self._save_outputs("node", me)),
                      f"    rebase_history({me}, node);", "  }"]
        if [p for p in entry.parameters[1:] if p.is_tensor or p.is_tensor_list]:
            lines += ["  " + line for line in self._note_lost([me], me, op=entry.name + "_")]
        lines.append(f"  if (watch_mode.on) [[unlikely]] watched.after({name}, {me});")
        return "\n".join([*lines, f"  return {me};", "}"])

    def out(self) -> str:
        entry = self.entry
        # Where no dtype is given, that of `out` is meant.
        arguments = ", ".join(
            f"{p.name}.has_value() ? {p.name} : std::optional<DType>(out.dtype())"
            if p.name == "dtype" and p.type == "dtype | None" else p.name for p in entry.parameters
        )
        name = f'"{entry.name}"'
        tracked = self._tracked() if self.differentiable else "false"
        lines = [signature(entry, "_out") + " {"]
        if entry.outputs == 1:
            lines.append(f"  check_out({name}, out, {tracked});")
            if self.elementwise:
                lines += ["  " + line for line in self._prepare()]
                lines.append("  " + self._kernel_call("run_elementwise_into", "out, true, ") + ";")
            else:
                lines.append(f"  write_out({name}, out, impl::{entry.name}({arguments}));")
            lines.append(f'  wrote("{entry.name}(out=)", out);')
            lines += ["  " + line for line in self._watch(["out"])]
            lines.append("  return out;")
        else:
            lines.append(f"  const auto [{', '.join(self.outputs)}] = impl::{entry.name}({self._arguments()});")
            lines.append(f"  WENGERT_CHECK(out.size() == {entry.outputs}, kType, {name}, "
                         f'"(): out must be a tuple of {entry.outputs} tensors");')
            for i, y in enumerate(self.outputs):
                lines.append(f"  check_out({name}, out[{i}], {tracked});")
                lines.append(f"  write_out({name}, out[{i}], {y});")
                lines.append(f'  wrote("{entry.name}(out=)", out[{i}]);')
            lines.append("  return {" + ", ".join(f"out[{i}]" for i in range(entry.outputs)) + "};")
        return "\n".join(lines + ["}"])

    def source(self) -> str:
        """All of it, in order."""
        parts = [f"// {self.entry.file}:{self.entry.line}"]
        if self.differentiable:
            parts += ["namespace {", self.node_struct(), self.backward(),
                      *([self.saved()] if self.saved_inputs + self.saved_outputs else []),
                      self.node_type(), self.record(), "}  // namespace"]
        transforms = emit_transforms.Transforms(self, cpp_parameter_type, cpp_result(self.entry))
        parts += transforms.source()
        parts.append(self.function())
        if self.entry.has_inplace:
            parts.append(self.inplace())
        if self.entry.has_out:
            parts.append(self.out())
        return "\n".join(parts)


def _as_scalar(p: Parameter) -> str:
    if p.type == "float | None":  # kernels take NaN for None
        return f"Scalar({p.name}.value_or(std::numeric_limits<double>::quiet_NaN()))"
    return p.name if p.type == "Number" else f"Scalar({p.name})"


# --- kernels ---

GROUPS = {
    "bool": ["bool"],
    "int": ["uint8_t", "int8_t", "int16_t", "int32_t", "int64_t"],
    "float": ["float", "double"],
    "complex": ["complex64", "complex128"],
}
ORDER = ["bool", "uint8_t", "int8_t", "int16_t", "int32_t", "int64_t", "Half", "BFloat16",
         "float", "double", "complex64", "complex128"]  # fmt: skip


def plan_kernels(entry: Entry, number: int) -> int:
    """Gives every kernel of an elementwise entry a symbol and a row; returns the next row."""
    fixed = {k: "B" if v == "bool" else "S" for k, v in (entry.get("operand_dtypes") or {}).items()}
    codes = {None: "T", "same": "T", "bool": "B", "real": "R", "complex": "C"}
    out = codes[entry.get("out")]
    entry.kernels["f"] = {
        "symbol": f"k{camel(entry.name)}Kernel", "row": number, "key": "f", "out": out, "text": entry.get("f"),
        "inputs": [p.name for p in entry.inputs], "parameters": entry.others,
        "codes": out + "".join(fixed.get(p.name, "T") for p in entry.inputs),
        "types": entry.get("dtypes", "float").split(),
    }
    number += 1
    if out == "B":
        return number
    for key, text in entry.derivatives.items():
        names = names_in(parse(entry, text))
        inputs = [n for n in [p.name for p in entry.inputs] + ["y"] if n in names]
        parameters = [p for p in entry.others if p.name in names]
        entry.kernels[key] = {
            "symbol": f"k{camel(entry.name)}Vjp{camel(key)}", "row": number, "key": key, "out": "T", "text": text,
            "inputs": inputs, "parameters": parameters, "vjp": True,
            "codes": "TT" + "".join(fixed.get(n, "T") for n in inputs),
            "types": [t for t in entry.get("dtypes", "float").split() if t in ("float", "complex")],
        }
        if text not in ("0", "1", "-1"):
            number += 1
    return number


def used_kernels(entry: Entry) -> list[dict]:
    return [k for key, k in entry.kernels.items() if key == "f" or k["text"] not in ("0", "1", "-1")]


LANES = (Path(__file__).parents[2] / "csrc/kernels/math/lanes.h").read_text().split("#ifdef WENGERT_LANES_AVX2\n")
# The functions of lanes.h, with the macro that says whether an instruction set has them.
LANE_FUNCTIONS = {name: macro
                  for macro, text in zip(["WENGERT_LANES", "WENGERT_LANES_AVX2"], LANES, strict=True)
                  for name in re.findall(r"^WENGERT_MATH Lanes (\w+)\(", text, re.M)}
ARITHMETIC = {"add", "sub", "mul", "div", "neg", "conj", "strong_product"}


def lanes_loop(names: list[str], formula: str) -> list[str]:
    """The loop for float over sixteen elements at a time, if lanes.h has what the formula calls."""
    calls = set(re.findall(r"math::(\w+)\(", formula))
    if not calls <= LANE_FUNCTIONS.keys() or calls <= ARITHMETIC or "?" in formula:
        return []
    macro = max(LANE_FUNCTIONS[name] for name in calls)  # the narrower one has the longer name
    formula = re.sub(r"\bT\b", "L", formula)
    return [f"#ifdef {macro}", "  if constexpr (std::is_same_v<T, float>) {", "    using L = math::Lanes;",
            "    return math::fill_by_lanes(out, total, [=](int64_t i) __attribute__((always_inline)) {",
            *(f"      [[maybe_unused]] const L {name}(in{i} + i);" for i, name in enumerate(names)),
            f"      return static_cast<L>({formula});",
            "    });", "  }", "#endif"]


def kernel_source(entry: Entry, kernel: dict) -> str:
    element = {"T": "T", "S": "T", "B": "bool", "R": "real_t<T>", "C": "complex_t<T>"}
    # Masks are read as bytes: the compiler vectorises a choice by a comparison, not by a bool.
    stored = {**element, "B": "uint8_t"}
    names = (["g"] if kernel.get("vjp") else []) + kernel["inputs"]
    lines = [f"template <typename T>\nvoid {entry.name}_{kernel['row']}(char* const* operands, "
             "int64_t total, [[maybe_unused]] const Scalar* parameters) {"]
    for i, p in enumerate(kernel["parameters"]):
        type_ = {"Number": "T", "float": "real_t<T>", "bool": "bool", "int": "int64_t",
                 "float | None": "real_t<T>"}.get(p.type)
        if type_ is None:
            raise entry.fail(f"parameter '{p.name}' of type {p.type} cannot reach a kernel")
        if type_ == "real_t<T>" and kernel["out"] == "B":
            type_ = "double"  # of a comparison, whose operands may be integers
        lines.append(f"  const auto {p.name} = parameters[{i}].to<{type_}>();")
    out = element[kernel["out"]]
    lines.append(f"  auto* out = reinterpret_cast<{out}*>(operands[0]);")
    for i in range(len(names)):
        lines.append(f"  const auto* in{i} = reinterpret_cast<const "
                     f"{stored[kernel['codes'][i + 1]]}*>(operands[{i + 1}]);")
    lines.append("  total &= -kLanes;")
    if set(kernel["codes"]) == {"T"} and not kernel["parameters"]:
        formula = scalar_product if kernel.get("vjp") else scalar
        lines += lanes_loop(names, formula(entry, kernel["text"]))

    def loop(text: str) -> list[str]:
        made = ["#pragma omp simd", "  for (int64_t i = 0; i < total; ++i) {"]
        for i, name in enumerate(names):
            test = " != 0" if kernel["codes"][i + 1] == "B" else ""
            made.append(f"    [[maybe_unused]] const auto {name} = in{i}[i]{test};")
        formula = scalar_product if kernel.get("vjp") else scalar
        return [*made, f"    out[i] = static_cast<{out}>({formula(entry, text)});", "  }"]

    for name, cases in (entry.get("uniform") or {}).items():
        chosen = {value: case[kernel["key"]] for value, case in cases.items() if kernel["key"] in case}
        if name not in names or not chosen:
            continue
        at = f"in{names.index(name)}"
        lines.append(f"  if (uniform({at}, total)) {{")
        for value, text in chosen.items():
            lines += [f"  if ({at}[0] == T({value})) {{", *loop(text), "  return;", "  }"]
        lines.append("  }")
    return "\n".join([*lines, *loop(kernel["text"]), "}"])


def kernel_row(entry: Entry, kernel: dict) -> str:
    types = {t for group in kernel["types"] for t in GROUPS[group]}
    cells = [f"{entry.name}_{kernel['row']}<{t}>" if t in types else "nullptr" for t in ORDER]
    return f"  set(table, {kernel['row']}, {{{', '.join(cells)}}});"
