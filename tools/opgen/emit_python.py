"""What Python sees: the binding of every operator, and the stub."""

from __future__ import annotations

import ast
import re

from .emit_ops import cpp_parameter_type
from .model import Entry, Parameter, Table

CONVERTERS = {
    "Tensor": "to_tensor", "Tensor | Number": "to_operand", "Tensor | None": "to_optional_tensor",
    "list[Tensor]": "to_tensor_list", "list[Tensor | None]": "to_optional_tensor_list",
    "int": "to_int", "int | None": "to_optional_int", "float": "to_double",
    "float | None": "to_optional_double", "bool": "to_bool", "bool | None": "to_optional_bool",
    "Number": "to_scalar", "Number | None": "to_optional_scalar", "list[int]": "to_dims",
    "list[int] | None": "to_optional_dims", "list[float]": "to_doubles", "dtype": "to_dtype",
    "dtype | None": "to_optional_dtype", "str": "to_text", "str | None": "to_optional_text",
    "Generator | None": "to_generator", "device | None": "to_device",
    "memory_format | None": "to_optional_memory_format",
}  # fmt: skip
# Python's operator methods and the type slot that each fills.
SLOTS = {
    "__add__": "nb_add", "__sub__": "nb_subtract", "__mul__": "nb_multiply",
    "__truediv__": "nb_true_divide", "__floordiv__": "nb_floor_divide", "__mod__": "nb_remainder",
    "__pow__": "nb_power", "__matmul__": "nb_matrix_multiply", "__and__": "nb_and",
    "__or__": "nb_or", "__xor__": "nb_xor", "__lshift__": "nb_lshift", "__rshift__": "nb_rshift",
    "__neg__": "nb_negative", "__pos__": "nb_positive", "__abs__": "nb_absolute",
    "__invert__": "nb_invert",
}  # fmt: skip
INPLACE_SLOTS = {
    "nb_add", "nb_subtract", "nb_multiply", "nb_true_divide", "nb_floor_divide", "nb_remainder",
    "nb_power", "nb_and", "nb_or", "nb_xor", "nb_lshift", "nb_rshift",
}  # fmt: skip
COMPARISONS = {"__lt__": "Py_LT", "__le__": "Py_LE", "__eq__": "Py_EQ", "__ne__": "Py_NE",
               "__gt__": "Py_GT", "__ge__": "Py_GE"}  # fmt: skip


def quote(text: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        '    "' + line.replace("\\", "\\\\").replace('"', '\\"') + ("\\n" if i + 1 < len(lines) else "") + '"'
        for i, line in enumerate(lines)
    )


def default_text(p: Parameter) -> str:
    if p.default is None:
        return ""
    text = ast.unparse(p.default)
    return " = " + ("float('inf')" if text == "inf" else text)


def python_signature(entry: Entry, annotated: bool, out: bool, me: bool = False) -> str:
    """As Python shows it; `me`: as a method, whose tensor is `self` (`$self` to CPython)."""
    parts, starred = [], False
    for i, p in enumerate(entry.parameters):
        if me and i == 0:
            parts.append("self" if annotated else "$self")
            continue
        if p.name == entry.varargs:  # sizes may be given one by one
            parts.append(f"*{p.name}: Any" if annotated else f"*{p.name}")
            starred = True
            continue
        if p.keyword_only and not starred:
            parts.append("*")
            starred = True
        if annotated:
            parts.append(f"{p.name}: {stub_type(p.type)}" + (default_text(p) and " = ..."))
        else:
            parts.append(p.name + default_text(p).replace(" ", ""))
    if out:
        parts += [] if starred else ["*"]
        given = "Tensor" if entry.outputs == 1 else "Sequence[Tensor]"
        parts.append(f"out: {given} | None = ..." if annotated else "out=None")
    return "(" + ", ".join(parts) + ")"


def stub_type(type_: str) -> str:
    return {
        "bool": "builtins.bool", "bool | None": "builtins.bool | None", "dtype": "_DType",
        "dtype | None": "_DType | None", "device | None": "Any", "memory_format | None": "memory_format | None", "float": "builtins.float",
        "int": "builtins.int",
        "list[int]": "_Ints", "list[int] | None": "_Ints | None", "int | None": "builtins.int | None", "float | None": "builtins.float | None",
        "list[Tensor]": "Sequence[Tensor]", "list[Tensor | None]": "Sequence[Tensor | None]",
        "list[float]": "Sequence[builtins.float]",
    }.get(type_, type_)  # fmt: skip


def stub_result(entry: Entry) -> str:
    return {"list[Tensor]": "tuple[Tensor, ...]"}.get(entry.returns, entry.returns)


class Binding:
    def __init__(self, entry: Entry):
        self.entry = entry

    def _slots(self, out: bool) -> int:
        return len(self.entry.parameters) + (1 if out else 0)

    def _signature(self, out: bool) -> str:
        entry = self.entry
        names = [p.name for p in entry.parameters] + (["out"] if out else [])
        positional = sum(1 for p in entry.parameters if not p.keyword_only)
        required = sum(1 for p in entry.parameters if p.default is None)
        varargs = -1
        if entry.varargs:
            varargs = [p.name for p in entry.parameters].index(entry.varargs)
        items = ", ".join(f'"{n}"' for n in names)
        suffix = "" if out == entry.has_out else "_plain"
        optional = "".join("0" if p.default is None else "1" for p in entry.parameters)
        optional += "1" if out else ""
        return (f"const char* const {entry.name}{suffix}_names[] = {{{items}}};\n"
                f'const Signature {entry.name}{suffix}_signature = {{"{entry.name}{"_" if suffix else ""}", '
                f"{len(names)}, {positional}, {required}, {varargs}, {entry.name}{suffix}_names, "
                f'"{optional}"}};')

    def _values(self, signature: str) -> tuple[list[str], str]:
        lines, arguments = [], []
        for i, p in enumerate(self.entry.parameters):
            converter = CONVERTERS[p.type]
            if p.type == "Tensor | Number" and cpp_parameter_type(self.entry, p) == "const Tensor&":
                converter = "to_tensor"
            call = f"{converter}(slots[{i}], {signature}, {i})"
            if p.default is not None and not (isinstance(p.default, ast.Constant) and p.default.value is None):
                lines.append(f"const auto {p.name} = slots[{i}] == nullptr ? {_cpp_value(p)} : {call};")
            elif p.type == "Tensor" or converter == "to_tensor":
                lines.append(f"const Tensor& {p.name} = {call};")
            else:
                lines.append(f"const auto {p.name} = {call};")
            arguments.append(p.name)
        return lines, ", ".join(arguments)

    def source(self) -> str:
        entry = self.entry
        out = entry.has_out
        parts = [self._signature(out)]
        if entry.has_inplace and out:
            parts.append(self._signature(False))
        lines, arguments = self._values(f"{entry.name}_signature")
        body = [f"PyObject* {entry.name}_call(PyObject* const* slots) {{"]
        body += ["  " + line for line in lines]
        if out:
            slot = len(entry.parameters)
            convert = "to_tensor" if entry.outputs == 1 else "to_tensor_list"
            body.append(f"  if (given(slots[{slot}])) {{")
            body.append(f"    const auto& out = {convert}(slots[{slot}], {entry.name}_signature, {slot});")
            body.append(f"    ops::{entry.name}_out({arguments}, out);")
            body.append(f"    return Py_NewRef(slots[{slot}]);\n  }}")
        if entry.get("fields"):
            body.append(f'  static PyTypeObject* const type = return_type("{entry.name}");')
            body.append(f"  return wrap_named(type, ops::{entry.name}({arguments}));\n}}")
        else:
            body.append(f"  return wrap(ops::{entry.name}({arguments}));\n}}")
        parts.append("\n".join(body))
        parts.append(self._entry_point("py", f"{entry.name}_signature", f"{entry.name}_call"))
        if entry.has_inplace:
            plain = f"{entry.name}{'_plain' if out else ''}_signature"
            lines, arguments = self._values(plain)
            lines[0] = f"Tensor {entry.parameters[0].name} = to_tensor(slots[0], {plain}, 0);"
            body = [f"PyObject* {entry.name}_inplace(PyObject* const* slots) {{"]
            body += ["  " + line for line in lines]
            body += [f"  ops::{entry.name}_({arguments});", "  return Py_NewRef(slots[0]);", "}"]
            parts.append("\n".join(body))
            parts.append(self._entry_point("in", plain, f"{entry.name}_inplace"))
        return "\n".join(parts)

    def _entry_point(self, prefix: str, signature: str, call: str) -> str:
        name = self.entry.name
        return (
            f"[[maybe_unused]] PyObject* {prefix}_{name}(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {{\n"
            f"  return invoke({signature}, nullptr, args, count, keywords, {call});\n}}\n"
            f"[[maybe_unused]] PyObject* {prefix}m_{name}(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {{\n"
            f"  return invoke({signature}, self, args, count, keywords, {call});\n}}"
        )

    def _names(self) -> list[str]:
        return [self.entry.name, *str(self.entry.get("aliases", "")).split()]

    def _doc(self, name: str, out: bool, me: bool = False) -> str:
        entry = self.entry
        return quote(f"{name}{python_signature(entry, False, out, me)}\n--\n\n{entry.doc}")

    def functions(self) -> list[str]:
        flags = "METH_FASTCALL | METH_KEYWORDS"
        rows = []
        for name in self._names():
            rows.append(f'{{"{name}", as_function(py_{self.entry.name}), {flags},\n'
                        f"{self._doc(name, self.entry.has_out)}}},")
            if self.entry.has_inplace and "function" in self.entry.public | {"function"}:
                rows.append(f'{{"{name}_", as_function(in_{self.entry.name}), {flags},\n'
                            f"{self._doc(name + '_', False)}}},")
        return rows

    def methods(self) -> list[str]:
        flags = "METH_FASTCALL | METH_KEYWORDS"
        if "method" not in self.entry.public:
            return []
        rows = []
        for name in self._names():
            rows.append(f'{{"{name}", as_function(pym_{self.entry.name}), {flags},\n'
                        f"{self._doc(name, self.entry.has_out, True)}}},")
            if self.entry.has_inplace:
                rows.append(f'{{"{name}_", as_function(inm_{self.entry.name}), {flags},\n'
                            f"{self._doc(name + '_', False, True)}}},")
        return rows

    def slots(self) -> tuple[list[str], list[str], list[str]]:
        """Functions for Python's operators, their slot rows, and comparison cases."""
        sources, rows, cases = [], [], []
        entry = self.entry
        for operator in str(entry.get("operators", "")).split():
            if operator in COMPARISONS:
                cases.append(f"case {COMPARISONS[operator]}:\n  return wrap(ops::{entry.name}(x, y));")
                continue
            slot = SLOTS.get(operator)
            if slot is None:
                if operator.startswith(("__r", "__i")):
                    continue
                raise entry.fail(f"unknown operator '{operator}'")
            unary = slot in ("nb_negative", "nb_positive", "nb_absolute", "nb_invert")
            if unary:
                sources.append(f"PyObject* {slot}_(PyObject* a) {{\n  return unary_operator(\"{entry.name}\", a, []"
                               f"(const Tensor& x) {{ return ops::{entry.name}(x); }});\n}}")
            else:
                modulo = ", PyObject*" if slot == "nb_power" else ""
                kind = "tensor_operator" if entry.parameters[0].type == "Tensor" and entry.kind != "elementwise" else "binary_operator"
                sources.append(f"PyObject* {slot}_(PyObject* a, PyObject* b{modulo}) {{\n  return {kind}(\"{entry.name}\", a, b, []"
                               f"(const auto& x, const auto& y) {{ return ops::{entry.name}(x, y); }});\n}}")
                if entry.has_inplace and slot in INPLACE_SLOTS:
                    name = slot.replace("nb_", "nb_inplace_")
                    sources.append(f"PyObject* {name}_(PyObject* a, PyObject* b{modulo}) {{\n  return inplace_operator(\"{entry.name}_\", a, b, []"
                                   f"(Tensor& x, const Operand& y) {{ ops::{entry.name}_(x, y); }});\n}}")
                    rows.append(f"{{Py_{name}, reinterpret_cast<void*>({name}_)}},")
            rows.append(f"{{Py_{slot}, reinterpret_cast<void*>({slot}_)}},")
        return sources, rows, cases


def _cpp_value(p: Parameter) -> str:
    from .emit_ops import STORED, cpp_default

    type_ = "Operand" if p.type == "Tensor | Number" else STORED.get(p.type, p.type)
    return f"{type_}({cpp_default(p).removeprefix(' = ')})"


def public_names(entry: Entry) -> list[str]:
    """What the entry adds to the package's flat namespace."""
    if "function" not in entry.public:
        return []
    names = [entry.name, *str(entry.get("aliases", "")).split()]
    return names + [f"{name}_" for name in names if entry.has_inplace]


def all_names(entry: Entry) -> list[str]:
    names = [entry.name, *str(entry.get("aliases", "")).split()]
    return names + [f"{name}_" for name in names if entry.has_inplace]


def stub(table: Table, template: str, python_methods: list[str]) -> str:
    functions, methods = [], list(python_methods)
    public = re.findall(r"^(?:def|class) ([a-zA-Z]\w*)|^([a-z]\w*): _?DType$", template, re.MULTILINE)
    exported = {a or b for a, b in public}
    native = [e for e in table.entries if e.kind != "composite"]
    for entry in native:
        exported |= set(public_names(entry))
        names = [entry.name, *str(entry.get("aliases", "")).split()]
        for name in names:
            result = stub_result(entry)
            head = python_signature(entry, True, entry.has_out)
            functions.append(f"def {name}{head} -> {result}: ...")
            if entry.has_inplace:
                functions.append(f"def {name}_{python_signature(entry, True, False)} -> Tensor: ...")
            if "method" in entry.public:
                head = python_signature(entry, True, entry.has_out, me=True)
                methods.append(f"    def {name}{head} -> {result}: ...")
                if entry.has_inplace:
                    head = python_signature(entry, True, False, me=True)
                    methods.append(f"    def {name}_{head} -> Tensor: ...")
        for operator in str(entry.get("operators", "")).split():
            if operator in COMPARISONS or not operator.startswith("__"):
                ignore = "  # type: ignore[override]" if operator in ("__eq__", "__ne__") else ""
                methods.append(f"    def {operator}(self, other: Any) -> Tensor: ...{ignore}")
            elif SLOTS.get(operator) in ("nb_negative", "nb_positive", "nb_absolute", "nb_invert"):
                methods.append(f"    def {operator}(self) -> Tensor: ...")
            else:
                methods.append(f"    def {operator}(self, other: Any) -> Tensor: ...")
    listed = "".join(f'    "{name}",\n' for name in sorted(exported))
    template = template.replace("# {all}\n", f"__all__ = [\n{listed}]\n")
    text = template.replace("    # {methods}\n", "\n".join(methods) + "\n")
    text = text.replace("# {functions}\n", "\n".join(functions) + "\n")
    return re.sub(r"\n{4,}", "\n\n\n", text)
