"""Who may know whom, in C++ and in Python (docs/design.md, "The house")."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

# Each layer may include itself and what is listed, nothing else.
KNOWS = {
    "base": set[str](),
    "device": {"base"},
    "tensor": {"device", "base"},
    "graph": {"tensor", "device", "base"},
    "kernels": {"tensor", "device", "base"},
    "ops": {"graph", "kernels", "tensor", "device", "base"},
    "autograd": {"ops", "graph", "kernels", "tensor", "device", "base"},
    "bindings": {"autograd", "ops", "graph", "kernels", "tensor", "device", "base"},
}
# Generated headers (the operators' numbers, declarations, kernels) belong to no folder of csrc/.
USES_GENERATED = {"graph", "kernels", "ops", "autograd", "bindings"}
PYTHON_HEADERS = re.compile(r"^(Python\.h|nanobind/.*|structmember\.h|frameobject\.h)$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)

# These folders of src/wengert/ see the public API only.
OUTSIDERS = ("nn", "optim", "utils")
# Needed by some functions, never by `import wengert`.
OPTIONAL = {"numpy"}
NEVER = {"torch", "jax", "scipy", "sklearn", "matplotlib"}


def cpp_problems(csrc: Path) -> Iterator[str]:
    for file in sorted([*csrc.rglob("*.h"), *csrc.rglob("*.cpp")]):
        name = file.relative_to(csrc)
        layer = name.parts[0]
        if layer not in KNOWS:
            yield f"{name}: folder {layer}/ is no layer; add it to KNOWS with a reason"
            continue
        for quote, target in INCLUDE.findall(file.read_text()):
            if PYTHON_HEADERS.match(target) and layer != "bindings":
                yield f"{name}: includes {target}; only bindings/ knows Python"
            if quote == "<":
                continue
            if layer == "kernels" and target == "tensor/tensor.h":
                yield f"{name}: kernels see pointers, sizes and strides, not {target}"
            if not (csrc / target).exists():
                if (file.parent / target).exists():
                    yield f"{name}: write the path of {target} from csrc/ on"
                elif layer not in USES_GENERATED:
                    yield f"{name}: {target} is not in csrc/, and {layer} uses nothing generated"
                continue
            other = target.split("/")[0]
            if other != layer and other not in KNOWS[layer]:
                yield f"{name}: includes {target}; {layer} must not know {other}"


def imported(tree: ast.AST, package: str) -> Iterator[tuple[ast.stmt, str]]:
    """Absolute dotted names that a module imports; package is the one that contains it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, base] if base else parent)
            for alias in node.names:
                yield node, f"{base}.{alias.name}"


def python_problems(src: Path) -> Iterator[str]:
    for file in sorted(src.rglob("*.py")):
        name = file.relative_to(src)
        tree = ast.parse(file.read_text(), str(file))
        inside = name.parts[0] == "wengert" and name.parts[1] in OUTSIDERS
        package = ".".join(name.parent.parts)
        at_top = {id(node) for node in tree.body}
        for node, target in imported(tree, package):
            where = f"{name}:{node.lineno}"
            if inside and (target + ".").startswith("wengert._C."):
                yield f"{where}: imports {target}; use the public API"
            first = target.split(".")[0]
            if first in OPTIONAL and id(node) in at_top:
                yield f"{where}: import {first} inside the function that needs it"
            if first in NEVER:
                yield f"{where}: imports {first}, which wengert must not depend on"
        if inside:
            for attribute in ast.walk(tree):
                if isinstance(attribute, ast.Attribute) and attribute.attr == "_C":
                    yield f"{name}:{attribute.lineno}: reaches into _C; use the public API"


def test_cpp_layers(root: Path) -> None:
    problems = list(cpp_problems(root / "csrc"))
    assert not problems, "\n".join(problems)


def test_python_layers(root: Path) -> None:
    problems = list(python_problems(root / "src"))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("base/a.h", '#include "tensor/tensor.h"', "must not know tensor"),
        ("graph/a.h", '#include "autograd/engine.h"', "must not know autograd"),
        ("ops/a.cpp", "#include <Python.h>", "only bindings/ knows Python"),
        ("kernels/cpu/a.cpp", '#include "tensor/tensor.h"', "not tensor/tensor.h"),
        ("tensor/a.h", '#include "op.h"', "uses nothing generated"),
        ("extra/a.h", "", "no layer"),
    ],
)
def test_cpp_check_notices(tmp_path: Path, file: str, line: str, complaint: str) -> None:
    for there in ("tensor/tensor.h", "autograd/engine.h"):
        (tmp_path / there).parent.mkdir(parents=True)
        (tmp_path / there).touch()
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(line + "\n")
    problems = list(cpp_problems(tmp_path))
    assert len(problems) == 1
    assert complaint in problems[0]


@pytest.mark.parametrize(
    "line",
    [
        "from .._C import x",
        "from .. import _C",
        "import wengert._C as c",
        "wengert._C.x",
        "import torch",
    ],
)
def test_python_check_notices(tmp_path: Path, line: str) -> None:
    (tmp_path / "wengert/nn").mkdir(parents=True)
    (tmp_path / "wengert/nn/a.py").write_text(line + "\n")
    assert len(list(python_problems(tmp_path))) == 1
