"""What a person would call a tensor, an operator or a line: for messages and drawings.

Names are looked for when a message is composed, so they cost nothing before: a parameter has the
name that the live modules give it, another tensor that of a variable which holds it.
"""

from __future__ import annotations

import gc
import linecache
import os
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

from wengert._C import Node, Tensor, _frame_variables, _node_info

Upstream = Node | Tensor | tuple[Tensor, ...] | None

LABELS = {"_to_dtype": "to", "true_divide": "div", "true_divide_": "div_"}
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def label(op: str) -> str:
    """The name of an operator as a user calls it."""
    return LABELS.get(op) or op.lstrip("_")


def place(site: str | None) -> str:
    """'file.py:12' with the file relative to the current directory where it lies below it."""
    if site is None:
        return "unknown line"
    file, _, line = site.rpartition(":")
    here = os.getcwd() + os.sep
    return f"{file.removeprefix(here)}:{line}"


def source(site: str | None) -> str:
    """The text of a line, shortened; empty where the file cannot be read."""
    if site is None:
        return ""
    file, _, line = site.rpartition(":")
    text = linecache.getline(file, int(line)).strip() if line.isdigit() else ""
    return text if len(text) <= 60 else text[:57] + "..."


def columns(rows: Sequence[tuple[str, ...]], indent: str = "    ") -> str:
    """Lines of text with aligned columns, each starting on a new line."""
    count = max((len(row) for row in rows), default=0)
    padded = [row + ("",) * (count - len(row)) for row in rows]
    widths = [max(len(row[i]) for row in padded) for i in range(count)]
    lines = []
    for row in padded:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width]
        lines.append((indent + "   ".join(cells)).rstrip())
    return "".join("\n" + line for line in lines)


def describe(tensor: Tensor) -> str:
    """'float32[2, 3]'."""
    return f"{str(tensor.dtype).rpartition('.')[2]}{list(tensor.shape)}"


def human(count: int) -> str:
    """A number of bytes as people write it."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} GiB"


# --- names of tensors ---


def _user_frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            yield frame
        frame = frame.f_back


def depth_of_user() -> int:
    """How many frames the caller is away from the innermost one outside this package."""
    depth, frame = 0, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        depth, frame = depth + 1, frame.f_back
    return depth


def user_variables() -> Iterator[tuple[str, Any]]:
    """The variables of the running functions, innermost first, then what their `self` holds."""
    owners = []
    for frame in _user_frames():
        for name, value in _frame_variables(frame):
            if name == "self":
                owners.append(value)
            elif not name.startswith("_"):
                yield name, value
    for owner in owners:
        for name, value in getattr(owner, "__dict__", {}).items():
            yield f"self.{name}", value


def variable_of(value: Any) -> str:
    """The variable that holds this very object, or ''."""
    return next((name for name, held in user_variables() if held is value), "")


def variable_showing(tensor: Tensor) -> str:
    """The variable that holds this tensor, or another one of the same shape and memory, or ''."""
    if found := variable_of(tensor):
        return found
    if tensor.numel() == 0:
        return ""
    for name, held in user_variables():
        if (isinstance(held, Tensor) and held.data_ptr() == tensor.data_ptr()
                and held.shape == tensor.shape and held.stride() == tensor.stride()):  # fmt: skip
            return name
    return ""


def _modules() -> list[Any]:
    modules = sys.modules.get("wengert.nn.modules.module")
    if modules is None:
        return []
    base = modules.Module
    return [found for found in gc.get_objects() if issubclass(type(found), base)]


def outermost_modules() -> Iterator[tuple[str, Any]]:
    """The live modules that are no other's child, with the variable that holds them, or ''."""
    modules = _modules()
    children = {id(module.__dict__[name]) for module in modules
                if "_modules" in module.__dict__ for name in module._modules}  # fmt: skip
    for root in modules:
        if id(root) not in children and "_parameters" in root.__dict__:
            yield variable_of(root), root


def parameter_names() -> dict[int, str]:
    """id -> qualified name of every parameter and buffer of the live modules.

    A name starts with the variable that holds the outermost module, where there is one.
    """
    names: dict[int, str] = {}
    for prefix, root in outermost_modules():
        for kind in ("named_parameters", "named_buffers"):
            for name, tensor in getattr(root, kind)(remove_duplicate=False):
                names.setdefault(id(tensor), f"{prefix}.{name}" if prefix else name)
    return names


def name_of(tensor: Tensor, names: dict[int, str] | None = None) -> str:
    """ "parameter 'net.0.weight'", "tensor 'x'" or ''."""
    known = (parameter_names() if names is None else names).get(id(tensor))
    base = tensor._base
    if known is None and base is not None:
        known = (parameter_names() if names is None else names).get(id(base))
    if known:
        kind = "buffer" if not tensor.requires_grad and not _is_parameter(tensor) else "parameter"
        return f"{kind} '{known}'"
    variable = variable_showing(tensor)
    return f"tensor '{variable}'" if variable else ""


def _is_parameter(tensor: Tensor) -> bool:
    return type(tensor).__name__ == "Parameter" or type(tensor._base).__name__ == "Parameter"


def module_of(name: str) -> str:
    """The module that a parameter of this qualified name belongs to."""
    return name.rpartition(".")[0]


def variable_of_node(node: Node) -> str:
    """The variable that holds a tensor made by this node, or ''."""
    for name, value in user_variables():
        if isinstance(value, Tensor) and value.grad_fn == node:
            return name
    return ""


# --- walking graphs ---


def walk(roots: Sequence[Node | None]) -> Iterator[tuple[Node, dict[str, Any]]]:
    """Every node that can be reached, each once, with what is known of it."""
    seen: set[Node] = set()
    waiting = [root for root in roots if root is not None]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        info = _node_info(node)
        yield node, info
        waiting.extend(target for target, _, _ in reversed(info["edges"]) if target is not None)


def leaves_above(upstream: Upstream) -> list[Tensor]:
    """The leaves that a gradient reaches from there."""
    if upstream is None:
        return []
    if isinstance(upstream, Tensor):
        return [upstream]
    if isinstance(upstream, tuple):
        return list(upstream)
    return [info["leaf"] for _, info in walk([upstream]) if info["leaf"] is not None]
