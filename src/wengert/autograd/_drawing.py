"""The graph as something to look at: a tree of text, or a picture; what ``graph(loss)`` returns."""

from __future__ import annotations

import dataclasses
import html
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wengert._C import Node, Tensor

from ._layout import Box, picture
from ._names import (
    describe,
    human,
    label,
    name_of,
    outermost_modules,
    parameter_names,
    place,
    source,
    variable_of,
    walk,
)
from ._trails import BEGINNINGS, steps_of, story

__all__ = ["Drawing", "Vertex"]


@dataclasses.dataclass(eq=False)
class Vertex:
    """One box: an operation, a leaf, the place of a cut, or a module whose operations are folded.

    ``inputs`` are the vertices that it reads, in the order of the operands. ``site`` is
    'file:line' or None. ``saved`` counts the bytes that are kept for the backward pass, without
    parameters, and ``parameters`` are the names of the parameters that only this vertex reads.
    """

    kind: str  # 'operation', 'leaf', 'cut', 'module'
    name: str
    site: str | None = None
    shape: str = ""
    saved: int = 0
    parameters: list[str] = dataclasses.field(default_factory=list)
    module: str = ""
    inputs: list[Vertex] = dataclasses.field(default_factory=list, repr=False)
    count: int = 1  # of operations
    sequence: int = 0
    outputs: list[str] = dataclasses.field(default_factory=list)  # names of results of the program

    def cells(self) -> list[str]:
        """The columns of its line of text."""
        saved = f"saves {human(self.saved)}" if self.saved else ""
        where = place(self.site) if self.site else ""
        if self.kind == "module":
            where = counted(self.count, "operation")
        return [where, self.shape, saved, ", ".join(self.parameters), source(self.site)]

    def title(self) -> str:
        """Its name, with those of the results that it makes."""
        results = [name for name in self.outputs if name != self.name]
        return f"{', '.join(results)} = {self.name}" if results else self.name


def counted(number: int, one: str, many: str = "") -> str:
    """'1 leaf' or '2 leaves'."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def named_tensors(value: Any, name: str = "") -> dict[str, Tensor]:
    """The tensors of a nest of dictionaries, sequences and dataclasses, by their paths."""
    if isinstance(value, Tensor):
        return {name or variable_of(value) or "output": value}
    if isinstance(value, Mapping):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, tuple | list):
        items = [(str(i), item) for i, item in enumerate(value)]
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]
    else:
        return {}
    found: dict[str, Tensor] = {}
    for key, item in items:
        found.update(named_tensors(item, f"{name}.{key}" if name else key))
    return found


class Drawing:
    """The recorded operations behind some tensors; see `wengert.autograd.graph`.

    ``str()`` gives a tree of text; `svg` and `html` write pictures that need no other program or
    file; notebooks show the picture. ``vertices`` are in the order in which the program ran.
    """

    def __init__(self, outputs: Any, fold: bool | int = False) -> None:
        tensors = named_tensors(outputs)
        if not tensors:
            raise TypeError(
                f"graph(): expected tensors, or a dict, list or tuple of them, got "
                f"{type(outputs).__name__}"
            )
        roots = {name: found for name, found in tensors.items() if found.requires_grad}
        if not roots:
            name, tensor = next(iter(tensors.items()))
            raise RuntimeError(f"graph(): '{name}' has no history{story(tensor)}")
        self.vertices, self.saved = _collect(roots)
        if fold:
            self.vertices = _fold(self.vertices, int(fold))

    # --- text ---

    def __str__(self) -> str:
        return _tree(self.vertices)

    def __repr__(self) -> str:
        return f"<graph of {self._summary()}>"

    def _summary(self) -> str:
        count = sum(v.count for v in self.vertices if v.kind in ("operation", "module"))
        names = {name for v in self.vertices for name in v.parameters}
        names |= {v.name for v in self.vertices if v.kind == "leaf"}
        leaves = counted(len(names), "leaf", "leaves")
        return f"{counted(count, 'operation')}, {leaves}, {human(self.saved)} saved"

    # --- pictures ---

    def _repr_svg_(self) -> str:
        return picture([_box(vertex) for vertex in self.vertices], self._links())

    def _repr_html_(self) -> str:
        return f'<div style="overflow:auto;max-height:80vh">{self._repr_svg_()}</div>'

    def svg(self, path: str | Path) -> None:
        """Writes the picture into a file."""
        Path(path).write_text(self._repr_svg_(), encoding="utf-8")

    def html(self, path: str | Path) -> None:
        """Writes a page with the picture and the tree of text into a file."""
        Path(path).write_text(
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f"<title>{html.escape(self._summary())}</title>"
            "<style>body{font:14px sans-serif;margin:1em}pre{font-size:12px}</style></head><body>"
            f"<p>{html.escape(self._summary())}</p>\n{self._repr_svg_()}\n"
            f"<details><summary>As text</summary><pre>{html.escape(str(self))}</pre></details>"
            "</body></html>\n",
            encoding="utf-8",
        )

    def _links(self) -> list[tuple[int, int]]:
        number = {id(vertex): i for i, vertex in enumerate(self.vertices)}
        return [(number[id(source)], i) for i, vertex in enumerate(self.vertices)
                for source in vertex.inputs]  # fmt: skip


def _box(vertex: Vertex) -> Box:
    where, shape, saved, _, code = vertex.cells()
    lines = [os.path.basename(where), "  ".join(part for part in (shape, saved) if part)]
    if vertex.kind != "module":
        lines += vertex.parameters
    elif vertex.parameters:
        lines.append(counted(len(vertex.parameters), "parameter"))
    notes = [vertex.title(), where, lines[1], *vertex.parameters, code]
    return Box(vertex.kind, vertex.title(), [line for line in lines if line],
               "\n".join(note for note in notes if note), bool(vertex.outputs))  # fmt: skip


# --- from nodes to vertices ---


def _collect(roots: dict[str, Tensor]) -> tuple[list[Vertex], int]:
    names = parameter_names()
    start = [root.grad_fn for root in roots.values() if root.grad_fn is not None]
    infos = dict(walk(start))
    readers: dict[Node, int] = {}
    for info in infos.values():
        for node in {node for node, _, _ in info["edges"] if node is not None}:
            readers[node] = readers.get(node, 0) + 1
    vertices: dict[Node, Vertex] = {}
    shown: list[Vertex] = []
    cuts: list[Vertex] = []
    saved: dict[int, int] = {}
    for key, info in infos.items():
        vertices[key] = _vertex(info, names)
        for _, storage, size, is_leaf in info["saved"]:
            if not is_leaf:
                saved[storage] = max(size, saved.get(storage, 0))
                vertices[key].saved += size
    inlined = set()
    for key, info in infos.items():
        vertex = vertices[key]
        for node, _, trail in info["edges"]:
            if node is None:
                cuts += _cut_of(trail, vertex)
                continue
            target = vertices[node]
            leaf = infos[node]["leaf"]
            if leaf is not None and id(leaf) in names:
                vertex.module = vertex.module or target.name.rpartition(".")[0]
            if leaf is not None and id(leaf) in names and readers[node] == 1:
                inlined.add(node)
                if target.name not in vertex.parameters:
                    vertex.parameters.append(target.name)
            elif target not in vertex.inputs:
                vertex.inputs.append(target)
    leaves = {id(info["leaf"]): vertices[node] for node, info in infos.items()}
    for name, root in roots.items():
        if root.grad_fn is not None:
            vertices[root.grad_fn].outputs.append(name)
        elif id(root) in leaves:
            leaves[id(root)].outputs.append(name)
        else:
            shown.append(Vertex("leaf", _leaf_name(root, names), shape=describe(root)))
            shown[-1].outputs.append(name)
    shown += [vertex for node, vertex in vertices.items() if node not in inlined] + cuts
    _place_in_modules(shown)
    return _in_order(shown), sum(saved.values())


def _vertex(info: dict[str, Any], names: dict[int, str]) -> Vertex:
    dtype, sizes = info["outputs"][0]
    shape = f"{dtype}{list(sizes)}"
    leaf = info["leaf"]
    if leaf is None:
        return Vertex("operation", label(info["op"]), info["site"], shape,
                      sequence=info["sequence"])  # fmt: skip
    return Vertex("leaf", _leaf_name(leaf, names), shape=shape)


def _leaf_name(leaf: Tensor, names: dict[int, str]) -> str:
    return name_of(leaf, names).partition("'")[2].rstrip("'") or "a leaf"


def _cut_of(trail: list[tuple[Any, ...]], reader: Vertex) -> list[Vertex]:
    """A vertex for an operand whose history was cut off, if one was."""
    for step in steps_of(trail):
        if step.cut in BEGINNINGS or (step.cut == "left" and step.guess):
            continue
        cut = Vertex("cut", f"cut: {step.op}", step.site, step.reason, sequence=reader.sequence)
        reader.inputs.append(cut)
        return [cut]
    return []


def _in_order(vertices: list[Vertex]) -> list[Vertex]:
    """Inputs first; leaves and cuts come right before those who read them."""
    ordered: list[Vertex] = []
    seen: set[int] = set()
    for vertex in sorted(vertices, key=lambda v: (v.sequence, v.kind == "operation")):
        if vertex.kind in ("operation", "module"):
            for each in [*(v for v in vertex.inputs if v.kind in ("leaf", "cut")), vertex]:
                if id(each) not in seen:
                    seen.add(id(each))
                    ordered.append(each)
    return ordered + [vertex for vertex in vertices if id(vertex) not in seen]


# --- modules ---


def _place_in_modules(vertices: list[Vertex]) -> None:
    """Gives operations without parameters the module in whose forward() they were called.

    That is looked for around the module of the newest operand: the innermost module whose class
    defines a forward() that contains the line. Without one it is the operand's own module.
    """
    ranges = _forward_lines()
    for vertex in sorted(vertices, key=lambda v: v.sequence):
        if vertex.kind != "operation" or vertex.module:
            continue
        newest = max(vertex.inputs, key=lambda v: v.sequence, default=None)
        if newest is None or not newest.module:
            continue
        file, _, line = (vertex.site or "").rpartition(":")
        path = newest.module
        while path and not _contains(ranges.get(path, []), file, line):
            path = path.rpartition(".")[0]
        vertex.module = path or newest.module


def _contains(ranges: list[tuple[str, int, int]], file: str, line: str) -> bool:
    return any(name == file and line.isdigit() and first <= int(line) <= last
               for name, first, last in ranges)  # fmt: skip


def _forward_lines() -> dict[str, list[tuple[str, int, int]]]:
    """Path of a module -> (file, first line, last line) of its forward()."""
    modules = sys.modules.get("wengert.nn.modules.module")
    found: dict[str, list[tuple[str, int, int]]] = {}
    if modules is None:
        return found
    for prefix, root in outermost_modules():
        for name, module in root.named_modules():
            code = getattr(type(module).forward, "__code__", None)
            if code is None:
                continue
            lines = [line for _, _, line in code.co_lines() if line]
            path = ".".join(part for part in (prefix, name) if part)
            if lines and path:
                found.setdefault(path, []).append((code.co_filename, min(lines), max(lines)))
    return found


def _fold(vertices: list[Vertex], depth: int) -> list[Vertex]:
    """One vertex for the operations of a module, as far as that makes no circle.

    ``depth`` counts parts of the module's path below the variable that holds the outermost module.
    """
    prefixes = {prefix for prefix, _ in outermost_modules() if prefix}
    groups: dict[int, Vertex] = {}  # id of a vertex -> the one that stands for it
    before: dict[int, set[int]] = {}  # id of a vertex -> ids of all that it depends on
    open_groups: dict[str, Vertex] = {}
    result: list[Vertex] = []
    for vertex in vertices:
        inputs: list[Vertex] = []
        for each in vertex.inputs:
            if groups[id(each)] not in inputs:
                inputs.append(groups[id(each)])
        behind = {id(each) for each in inputs}.union(*(before[id(each)] for each in inputs))
        parts = vertex.module.split(".")
        outer = int(parts[0] in prefixes)
        path = ".".join(parts[: depth + outer]) if len(parts) > outer else ""
        group = open_groups.get(path) if path and vertex.kind == "operation" else None
        # Whoever comes between the group and this vertex must not depend on the group.
        if group is not None and any(id(group) in before[id(e)] for e in inputs if e is not group):
            group = None
        if group is None:
            group = dataclasses.replace(vertex, inputs=inputs, parameters=[], outputs=[], saved=0)
            if path and vertex.kind == "operation":
                group.kind, group.name, group.site, group.count = "module", path, None, 0
                group.module = path
                open_groups[path] = group
            before[id(group)] = set()
            result.append(group)
        groups[id(vertex)] = group
        before[id(group)] |= behind - {id(group)}
        group.inputs += [e for e in inputs if e is not group and e not in group.inputs]
        group.parameters += [name for name in vertex.parameters if name not in group.parameters]
        group.outputs += vertex.outputs
        group.saved += vertex.saved
        group.shape, group.sequence = vertex.shape, max(group.sequence, vertex.sequence)
        if group.kind == "module":
            group.count += 1
    return _in_order(result)


# --- text ---

MOST_LINES = 2000


def _tree(vertices: list[Vertex]) -> str:
    """From the results back to the inputs.

    Where several operands have a history, all but the oldest are branches. What several vertices
    read comes after the last of these, and has a number.
    """
    readers: dict[int, int] = {}
    for vertex in vertices:
        for each in vertex.inputs:
            readers[id(each)] = readers.get(id(each), 0) + 1
    left = dict(readers)
    numbers: dict[int, int] = {}
    rows: list[list[str]] = []
    sinks = [vertex for vertex in vertices if id(vertex) not in readers]
    waiting = [(sink, "", "") for sink in sinks]
    while waiting and len(rows) < MOST_LINES:
        vertex, first, rest = waiting.pop()
        mark = ""
        if readers.get(id(vertex), 0) > 1:
            mark = f" #{numbers.setdefault(id(vertex), len(numbers) + 1)}"
        left[id(vertex)] = left.get(id(vertex), 1) - 1
        if left[id(vertex)] > 0:
            rows.append([f"{first}{vertex.name}{mark}, see below"])
            continue
        rows.append([f"{first}{vertex.title()}{mark}", *vertex.cells()])
        # The oldest operand goes on without a branch: a long trunk stays at the margin.
        inputs = sorted(vertex.inputs, key=lambda v: v.sequence)
        for i, each in enumerate(inputs):
            if i == 0 and (len(inputs) == 1 or each.kind == "operation"):
                waiting.append((each, rest, rest))
            else:
                waiting.append((each, rest + "├─ ", rest + "│  "))
    widths = [max((len(row[i]) for row in rows if i < len(row) > 1), default=0) for i in range(6)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False) if width]
        lines.append("   ".join(cells).rstrip())
    if waiting:
        lines.append(f"... and more: {len(vertices)} vertices in all")
    return "\n".join(lines)
