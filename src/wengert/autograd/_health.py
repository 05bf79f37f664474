"""What anomaly mode says of NaN and infinity: who made them, where, and out of what."""

from __future__ import annotations

import sys
from itertools import pairwise
from types import FrameType
from typing import Any

from wengert import _ops
from wengert._C import Node, Tensor, _frame_variables, _node_info, _trail

from ._names import columns, describe, label, module_of, name_of, parameter_names, place, source
from ._trails import BEGINNINGS, steps_of

Row = tuple[str, ...]


def ranges(tensor: Tensor) -> str:
    """'from -1.5 to 3, 2 nan, 1 inf, first at (0, 3)' of the elements."""
    from . import no_grad

    with no_grad():
        values = tensor.detach()
        if values.is_complex():
            values = _ops.view_as_real(values)
        nan, inf = _ops.isnan(values), _ops.isinf(values)
        nans, infs = int(nan.sum().item()), int(inf.sum().item())
        total = values.numel()
        if total == 0:
            return "empty"
        finite = values[~(nan | inf)]
        text = "no finite element"
        if finite.numel():
            low, high = finite.min().item(), finite.max().item()
            text = f"from {low:.4g} to {high:.4g}"
        if nans or infs:
            first = int((nan | inf).reshape(-1).to(_uint8()).argmax().item())
            index = []
            for size in reversed(values.shape):
                first, rest = divmod(first, size)
                index.append(rest)
            at = tuple(index[::-1])[: tensor.ndim]  # without the axis of real and imaginary part
            text += f"   {nans} nan, {infs} inf of {total}, the first at {at}"
        return text


def _uint8() -> Any:
    from wengert._C import uint8

    return uint8


def module_path() -> str:
    """The modules whose forward is running, outermost first, as a path of attribute names."""
    modules = sys.modules.get("wengert.nn.modules.module")
    if modules is None:
        return ""
    running: list[Any] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        owner = None
        if frame.f_code.co_name == "forward":
            owner = dict(_frame_variables(frame)).get("self")
        if isinstance(owner, modules.Module) and (not running or running[-1] is not owner):
            running.append(owner)
        frame = frame.f_back
    running.reverse()
    parts = [type(running[0]).__name__] if running else []
    for parent, child in pairwise(running):
        names = [name for name, found in parent.named_modules() if found is child]
        parts.append(names[0] if names else type(child).__name__)
    return ".".join(parts)


def _where(name: str, op: str, site: str | None, module: str) -> Row:
    return (name, label(op), place(site), source(site), f"[module {module}]" if module else "")


def produced(
    op: str,
    site: str | None,
    nan: bool,
    inputs: list[tuple[str, Tensor | str]],
    outputs: list[tuple[str, Tensor]],
) -> str:
    """The story of the first operation whose result is bad, told when it happens."""
    what = "nan" if nan else "inf"
    came_in = nan and any(
        value == "nan" if isinstance(value, str) else bool(_ops.isnan(value.detach()).any().item())
        for _, value in inputs
    )
    first = f"{what} came in at" if came_in else f"{what} made by"
    text = columns([_where(first, op, site, module_path())], "  ")
    if op.endswith(".step") and (name := name_of(outputs[0][1])):
        text = f"\n  {name}{text}"
    rows: list[Row] = []
    for name, value in [*inputs, *outputs]:
        if isinstance(value, str):
            rows.append((f"{name}:", value, ""))
        else:
            rows.append((f"{name}:", describe(value), ranges(value)))
            made = next((s for s in steps_of(_trail(value)) if s.cut in BEGINNINGS[1:]), None)
            if came_in and made and "nan" in rows[-1][2] and name != "output":
                rows[-1] = (*rows[-1], f"made at {place(made.site)}")
    return text + columns(rows)


def bad_gradient(
    node: Node,
    output: int,
    nan: bool,
    incoming: tuple[Tensor | None, ...],
    outgoing: tuple[Tensor | None, ...],
    infinity: Node | None,
) -> str:
    """The story of a backward rule whose result is bad.

    Where it got infinity, ``infinity`` is the node whose rule made that of finite values.
    """
    info = _node_info(node)
    rows = [_where("recorded by", info["op"], info["site"], _module_of_node(info))]
    for _, op, site, *_ in info["origin"]:  # it was itself recorded while differentiating
        rows.append(_where("while differentiating", op, site, ""))
    if infinity is not None:
        first = _node_info(infinity)
        rows.append(_where("inf made by", first["op"], first["site"], _module_of_node(first)))
        rows += [
            _where("while differentiating", op, site, "") for _, op, site, *_ in first["origin"]
        ]
    text = columns(rows, "  ")
    values = [(f"gradient {i} in:", describe(g), ranges(g))
              for i, g in enumerate(incoming) if g is not None]  # fmt: skip
    values += [(f"gradient {i} out:", describe(g), ranges(g))
               for i, g in enumerate(outgoing) if g is not None]  # fmt: skip
    return text + columns(values)


def _module_of_node(info: dict[str, Any]) -> str:
    """The module whose parameter the operation read, if it read one."""
    names = None
    for target, _, _ in info["edges"]:
        leaf = None if target is None else _node_info(target)["leaf"]
        if leaf is not None:
            names = parameter_names() if names is None else names
            if id(leaf) in names:
                return module_of(names[id(leaf)])
    return ""
