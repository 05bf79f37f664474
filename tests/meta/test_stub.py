"""The stub of the native core tells exactly what the core has."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import wengert
from wengert import _C

STUB = Path(wengert.__file__).parent / "_C.pyi"
Definition = ast.FunctionDef | ast.ClassDef | ast.AnnAssign | ast.Assign
# What every type has, and a stub need not repeat.
COMMON = set(dir(type("Empty", (), {}))) | {"__new__", "__doc__", "__text_signature__"}


def definitions(body: list[ast.stmt]) -> dict[str, list[Definition]]:
    found: dict[str, list[Definition]] = {}
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.setdefault(name, []).append(node)
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                found.setdefault(name, []).append(node)
    return found


@pytest.fixture(scope="module")
def stub() -> dict[str, list[Definition]]:
    return definitions(ast.parse(STUB.read_text(), str(STUB)).body)


def parameter_names(arguments: ast.arguments) -> list[str]:
    names = [arg.arg for arg in (*arguments.posonlyargs, *arguments.args)]
    if arguments.vararg:
        names.append("*" + arguments.vararg.arg)
    names += [arg.arg for arg in arguments.kwonlyargs]
    if arguments.kwarg:
        names.append("**" + arguments.kwarg.arg)
    return names


def run_time_parameters(function: object) -> list[str] | None:
    """The names that the core itself gives, or None where it gives none."""
    if given := getattr(function, "__nb_signature__", None):
        text = re.sub(r"\\\d+", "None", given[0][0])  # defaults are numbered there
        definition = ast.parse(text.rstrip(":") + ": ...").body[0]
        assert isinstance(definition, ast.FunctionDef)
        return parameter_names(definition.args)
    method = inspect.isfunction(function)  # of Tensor, written in Python
    if not method and not getattr(function, "__text_signature__", None):
        return None
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    names = [marks.get(p.kind, "") + p.name for p in parameters]
    return ["self", *names[1:]] if method else names


def public(names: object) -> set[str]:
    return {name for name in names if not name.startswith("_")}  # type: ignore[attr-defined]


def test_same_names(stub: dict[str, list[Definition]]) -> None:
    aliases = {"Number"}  # of types, for annotations only
    assert public(stub) - aliases == public(dir(_C))


def test_same_members(stub: dict[str, list[Definition]]) -> None:
    problems = []
    for name, (node, *_) in stub.items():
        if not isinstance(node, ast.ClassDef):
            continue
        members = set(definitions(node.body)) - COMMON
        actual = {key for base in getattr(_C, name).__mro__[:-1] for key in vars(base)} - COMMON
        own = set(vars(getattr(_C, name))) - COMMON
        if gone := sorted(members - actual):
            problems.append(f"{name}: only in the stub: {gone}")
        if unknown := sorted(public(own) - members):
            problems.append(f"{name}: not in the stub: {unknown}")
    assert not problems, "\n".join(problems)


def functions(stub: dict[str, list[Definition]]) -> Iterator[tuple[str, ast.FunctionDef, object]]:
    """Each function and method that has one signature in the stub, with what it stands for."""
    scopes: list[tuple[str, dict[str, list[Definition]], object]] = [("", stub, _C)]
    for name, (node, *_) in stub.items():
        if isinstance(node, ast.ClassDef):
            scopes.append((name + ".", definitions(node.body), getattr(_C, name, None)))
    for prefix, scope, owner in scopes:
        for name, nodes in scope.items():
            node = nodes[0]
            if len(nodes) > 1 or not isinstance(node, ast.FunctionDef) or node.decorator_list:
                continue
            if not name.startswith("__") and hasattr(owner, name):
                yield prefix + name, node, getattr(owner, name)


def test_same_parameters(stub: dict[str, list[Definition]]) -> None:
    problems = []
    for name, node, function in functions(stub):
        expected = parameter_names(node.args)
        actual = run_time_parameters(function)
        if actual is None:
            problems.append(f"{name}: has no signature at run time")
        elif actual != expected:
            problems.append(f"{name}: stub {expected}, run time {actual}")
    assert not problems, "\n".join(problems)
