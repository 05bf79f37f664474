"""docs/derivatives.md: which derivatives every operator has, and where each comes from."""

from __future__ import annotations

import ast
from pathlib import Path

from . import emit_transforms
from .emit_ops import Emitter
from .model import Entry, Table

HEAD = """# Derivatives

Written by `make docs` from the operator table; a test fails where a cell is blank or the page is out of date.

- **reverse**: *factor*, the cotangent times the entry's `d`; *formula*, the entry's expression over tensors.
- **forward**: *factor*, the tangent times `d`; *linear*, the operator of the tangents; *bilinear*, the operator of each
  tangent and the other arguments, added up; *formula*, the entry's `jvp`; *generic*, the vector-Jacobian product
  transposed by a second differentiation.
- **double backward**: *formula*, what the reverse rule calls is recorded itself.
- **batching** (vmap): *elementwise*, the samples broadcast; *shift*, dimensions counted past the batch; *formula*, the
  entry's `batch`; *rule*, a function in C++; *random*, as `randomness` says. Never a loop over the samples.
- *through*: the operator is made of others, whose rules apply.
"""
SAID = {"dynamic": "refused: the size of the result depends on values",
        "by hand": "rule", "refuse": "refused"}  # fmt: skip


def differentiable(entry: Entry) -> bool:
    return bool(entry.derivatives or entry.rules) or emit_transforms.way(entry) == "through"


def cells(entry: Entry, table: Table) -> tuple[str, str, str, str]:
    """Reverse, forward, double backward, batching; an empty text is a gap."""
    way = emit_transforms.way(entry)
    batching = SAID.get(way, way)
    if not (entry.derivatives or entry.rules):
        return "through", "through", "through", batching
    emitter = Emitter(entry)
    texts = {**entry.derivatives, **entry.rules}
    missing = [k for k, text in texts.items() if text.startswith("_not_implemented")]
    note = f" (not of {', '.join(missing)})" if missing else ""
    factor = emitter.elementwise and bool(entry.derivatives)
    if all(text == "0" for text in texts.values()):
        return "zero", "zero", "zero", batching
    forward = emit_transforms.tangent_way(emitter)
    if forward == "formula" and factor and not entry.get("jvp"):
        forward = "factor"
    return (("factor" if factor else "formula") + note, forward + note,
            _double(emitter, table, note), batching)


def _double(emitter: Emitter, table: Table, note: str) -> str:
    for formula in emitter.formulas.values():
        for name in formula.calls:
            if name in table and not differentiable(table[name]) and _values_flow(table[name]):
                return ""
    return "formula" + note


def _values_flow(entry: Entry) -> bool:
    """Whether an operator without a derivative could hide one: not masks, indices and zeros."""
    if entry.kind == "elementwise" and not (entry.derivatives or entry.rules):
        return False  # comparisons, and operators of integers
    return entry.name not in ("_zeros", "detach") and not entry.name.startswith("arg")


def _table(entries: list[Entry], table: Table) -> list[str]:
    lines = ["| operator | reverse | forward | double backward | batching |", "|---|---|---|---|---|"]
    for entry in sorted(entries, key=lambda e: e.name.strip("_")):
        lines.append(f"| `{entry.name}` | " + " | ".join(cells(entry, table)) + " |")
    return lines


def composites(package: Path) -> dict[str, list[str]]:
    """Operators written in Python, by file."""
    result = {}
    for path in sorted((package / "_composite").glob("*.py")):
        names: set[str] = set()
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and (
                node.targets[0].id in ("__all__", "FUNCTIONAL", "LINALG")
            ):
                names |= set(ast.literal_eval(node.value))
        if names:
            result[path.stem] = sorted(names)
    return result


def page(table: Table, package: Path) -> str:
    native = [e for e in table.entries if differentiable(e)]
    public = [e for e in native if e.public]
    parts = [e for e in native if not e.public]
    lines = [HEAD, "## Operators", "", *_table(public, table), "", "## Their parts", "",
             "Operators that others are made of.", "", *_table(parts, table), "",
             "## Written in Python", "", "These call the ones above, and have what those have.", ""]
    for family, names in composites(package).items():
        lines += [f"- **{family}**: " + ", ".join(f"`{n}`" for n in names)]
    return "\n".join(lines) + "\n"
