"""The methods that Python modules add to Tensor, as lines of the stub."""

from __future__ import annotations

import ast
import builtins
from pathlib import Path

from .model import TableError

# What the stub may name; whatever else stands in an annotation becomes Any.
KNOWN = {"Tensor", "Any", "Sequence", "Callable", "None", "Number", "str", "tuple", "list", "object"}
SHADOWED = {"int", "float", "bool", "complex", "type"}  # names of dtypes or members in the stub


class _Annotation(ast.NodeTransformer):
    """The same type in the stub's names."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in SHADOWED:
            return ast.Attribute(ast.Name("builtins"), node.id)
        return node if node.id in KNOWN or hasattr(builtins, node.id) else ast.Name("Any")

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return ast.Name("Any")


def _type(annotation: ast.expr | None) -> str:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    return "Any" if annotation is None else ast.unparse(_Annotation().visit(annotation))


def _parameters(function: ast.FunctionDef) -> str:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    without = len(positional) - len(given.defaults)
    parts = ["self"]
    for i, arg in enumerate(positional[1:], 1):
        parts.append(f"{arg.arg}: {_type(arg.annotation)}" + (" = ..." if i >= without else ""))
    if given.vararg:
        parts.append(f"*{given.vararg.arg}: {_type(given.vararg.annotation)}")
    out = any(isinstance(d, ast.Name) and d.id == "with_out" for d in function.decorator_list)
    if (given.kwonlyargs or out) and not given.vararg:
        parts.append("*")
    for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        parts.append(f"{arg.arg}: {_type(arg.annotation)}" + (" = ..." if default else ""))
    if out:
        parts.append("out: Any = ...")
    if given.kwarg:
        parts.append(f"**{given.kwarg.arg}: {_type(given.kwarg.annotation)}")
    return "(" + ", ".join(parts) + ")"


def _module(path: Path) -> list[str]:
    """Of a module's METHODS and PROPERTIES; the bodies may be other functions or other names."""
    lists: dict[str, object] = {}
    functions: dict[str, ast.FunctionDef] = {}
    same: dict[str, str] = {}
    for node in ast.parse(path.read_text(), str(path)).body:
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("METHODS", "PROPERTIES", "METHOD_BODIES"):
                lists[name] = ast.literal_eval(node.value)
            elif isinstance(node.value, ast.Name):
                same[name] = node.value.id
    bodies = lists.get("METHOD_BODIES", {})
    lines = []
    for kind in ("METHODS", "PROPERTIES"):
        for name in lists.get(kind, ()):
            body = bodies.get(name, name)
            function = functions.get(same.get(body, body))
            if function is None:
                raise TableError(f"{path}: {kind} names {name!r}, which is no function of the module")
            if kind == "PROPERTIES":
                lines.append("    @property")
            head = "(self)" if kind == "PROPERTIES" else _parameters(function)
            lines.append(f"    def {name}{head} -> {_type(function.returns)}: ...")
    return lines


def stub_lines(package: Path) -> list[str]:
    files = [package / "_tensor.py", package / "_interop.py", *sorted(package.glob("_composite/*.py"))]
    return [line for file in files for line in _module(file)]
