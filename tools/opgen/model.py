"""The operator table as data: parsing ops/*.py with `ast` (they are never imported)."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path

KINDS = ("elementwise", "reduction", "composite", "linear", "view", "bilinear", "opaque")
# Parameter and result annotations, and the C++ type each is passed as.
PARAMETER_TYPES = {
    "Tensor": "const Tensor&",
    "Tensor | Number": "const Operand&",
    "Tensor | None": "const Tensor&",
    "list[Tensor]": "const std::vector<Tensor>&",
    "list[Tensor | None]": "const std::vector<Tensor>&",
    "int": "int64_t",
    "int | None": "const std::optional<int64_t>&",
    "float": "double",
    "float | None": "const std::optional<double>&",
    "bool": "bool",
    "bool | None": "const std::optional<bool>&",
    "Number": "const Scalar&",
    "Number | None": "const std::optional<Scalar>&",
    "list[int]": "const Dims&",
    "list[int] | None": "const std::optional<Dims>&",
    "list[float]": "const std::vector<double>&",
    "dtype": "DType",
    "dtype | None": "const std::optional<DType>&",
    "str": "const std::string&",
    "str | None": "const std::optional<std::string>&",
    "Generator | None": "Generator*",
    "device | None": "int",
    "memory_format | None": "const std::optional<MemoryFormat>&",
}
TENSOR_TYPES = ("Tensor", "Tensor | Number", "Tensor | None")
TENSOR_LISTS = ("list[Tensor]", "list[Tensor | None]")
SETTINGS = {
    "f", "d", "vjp", "dtypes", "ints", "out", "operand_dtypes", "ref", "domain", "ulp", "kinks",
    "inplace", "out_variant", "public", "aliases", "operators", "special", "check", "init",
    "combine", "merge", "finish", "acc", "result", "varargs", "samples", "composite", "adjoint",
    "autocast", "skip", "errors", "jvp", "batch", "fields", "uniform", "node", "overload",
}  # fmt: skip


class TableError(Exception):
    """An error in the table, with the line that it is on."""


@dataclass
class Parameter:
    name: str
    type: str
    keyword_only: bool
    default: ast.expr | None

    @property
    def is_tensor(self) -> bool:
        return self.type in TENSOR_TYPES

    @property
    def is_tensor_list(self) -> bool:
        return self.type in TENSOR_LISTS

    @property
    def cpp_type(self) -> str:
        return PARAMETER_TYPES[self.type]


@dataclass
class Entry:
    name: str
    kind: str
    settings: dict
    parameters: list[Parameter]
    returns: str
    doc: str
    file: str
    line: int
    number: int = -1  # row of the kernel table
    kernels: dict = field(default_factory=dict)

    def fail(self, message: str) -> TableError:
        return TableError(f"{self.file}:{self.line}: {self.name}: {message}")

    def get(self, key: str, default=None):
        return self.settings.get(key, default)

    @property
    def inputs(self) -> list[Parameter]:
        """The parameters that are tensors (or, in elementwise operators, may be)."""
        return [p for p in self.parameters if p.is_tensor]

    @property
    def others(self) -> list[Parameter]:
        return [p for p in self.parameters if not p.is_tensor]

    @property
    def family(self) -> str:
        return Path(self.file).stem

    @property
    def derivatives(self) -> dict[str, str]:
        return self.get("d") or {}

    @property
    def rules(self) -> dict[str, str]:
        """Input name(s) -> gradient as an expression over tensors with `g`."""
        return self.get("vjp") or {}

    @property
    def public(self) -> set[str]:
        return set(str(self.get("public", "function method")).split())

    @property
    def has_inplace(self) -> bool:
        default = self.kind == "elementwise" and bool(self.public & {"function", "method", "nn"})
        return bool(self.get("inplace", default)) and self.parameters[0].is_tensor

    @property
    def has_out(self) -> bool:
        default = self.kind in ("elementwise", "reduction") and "function" in self.public
        return bool(self.get("out_variant", default))

    @property
    def outputs(self) -> int:
        """How many tensors come out; -1 for a list."""
        if self.returns == "list[Tensor]":
            return -1
        return self.returns.count("Tensor")

    @property
    def varargs(self) -> str | None:
        value = self.get("varargs")
        return value if isinstance(value, str) else None


def _annotation(entry: str, node: ast.expr | None, where: str) -> str:
    if node is None:
        raise TableError(f"{where}: {entry}: every parameter needs an annotation")
    return ast.unparse(node)


def _parse_entry(node: ast.FunctionDef, file: str) -> Entry:
    where = f"{file}:{node.lineno}"
    if len(node.decorator_list) != 1 or not isinstance(node.decorator_list[0], ast.Call):
        raise TableError(f"{where}: {node.name}: expected exactly one decorator, such as @opaque()")
    call = node.decorator_list[0]
    kind = ast.unparse(call.func)
    if kind not in KINDS:
        raise TableError(f"{where}: {node.name}: unknown kind '{kind}'; one of {', '.join(KINDS)}")
    settings = {}
    for keyword in call.keywords:
        if keyword.arg not in SETTINGS:
            raise TableError(f"{where}: {node.name}: unknown setting '{keyword.arg}'")
        try:
            settings[keyword.arg] = ast.literal_eval(keyword.value)
        except ValueError:
            message = f"'{keyword.arg}' must be a literal"
            raise TableError(f"{where}: {node.name}: {message}") from None
    arguments = node.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        raise TableError(f"{where}: {node.name}: *args, **kwargs and '/' are not supported")
    parameters = []
    defaults: list = [None] * (len(arguments.args) - len(arguments.defaults)) + arguments.defaults
    for group, values, keyword_only in (
        (arguments.args, defaults, False),
        (arguments.kwonlyargs, arguments.kw_defaults, True),
    ):
        for argument, default in zip(group, values, strict=True):
            type_ = _annotation(node.name, argument.annotation, where)
            if type_ not in PARAMETER_TYPES:
                message = f"parameter '{argument.arg}' has unknown type '{type_}'"
                raise TableError(f"{where}: {node.name}: {message}")
            parameters.append(Parameter(argument.arg, type_, keyword_only, default))
    doc = ast.get_docstring(node)
    if not doc:
        raise TableError(f"{where}: {node.name}: a docstring is required")
    returns = ast.unparse(node.returns) if node.returns else "Tensor"
    entry = Entry(node.name, kind, settings, parameters, returns, doc, file, node.lineno)
    _check(entry)
    return entry


def _check(entry: Entry) -> None:
    names = {p.name for p in entry.parameters}
    for key in (*entry.derivatives, *entry.rules):
        for name in key.split(","):
            if name.strip() not in names:
                raise entry.fail(f"derivative of unknown input '{name.strip()}'")
    if entry.kind == "elementwise":
        if not entry.get("f"):
            raise entry.fail("an elementwise operator needs f, its kernel")
        for p in entry.inputs:
            known = {*entry.derivatives, *entry.rules, *(entry.get("operand_dtypes") or {})}
            if (entry.derivatives or entry.rules) and p.name not in known and entry.public:
                raise entry.fail(f"no derivative for input '{p.name}'")
    if entry.get("autocast") not in (None, "low", "high"):
        raise entry.fail("autocast is 'low' or 'high'")
    if entry.kind == "reduction":
        for key in ("init", "combine", "finish"):
            if entry.get(key) is None:
                raise entry.fail(f"a reduction needs {key}")


@dataclass
class Table:
    entries: list[Entry]

    def __getitem__(self, name: str) -> Entry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(entry.name == name for entry in self.entries)


def load(directory: Path | str) -> Table:
    """All entries of `directory`/*.py, in the order of file names and lines."""
    root = Path(directory)
    entries: list[Entry] = []
    seen: dict[str, Entry] = {}
    for path in sorted(root.glob("*.py")):
        file = f"{root.name}/{path.name}"
        try:
            tree = ast.parse(path.read_text(), filename=file)
        except SyntaxError as error:
            raise TableError(f"{file}:{error.lineno}: syntax error: {error.msg}") from None
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef):
                continue
            entry = _parse_entry(node, file)
            if entry.name in seen:
                raise entry.fail(f"already defined at {seen[entry.name].file}")
            seen[entry.name] = entry
            entries.append(entry)
    return Table(entries)
