"""What anomaly mode says of NaN and infinity: who made them, where, and out of what."""

from __future__ import annotations

import sys
from itertools import pairwise
from types import FrameType
from typing import Any

from wengert import _ops
from wengert._C import Node, Tensor, _frame_variables, _node_info, _trail, _wrapper_of

from ._names import columns, describe, label, module_of, name_of, parameter_names, place, source
from ._trails import BEGINNINGS, steps_of

Row = tuple[str, ...]


class Within:
    """What a tensor inside of transforms stands for: the values of all samples, and tangents.

    ``values`` has the dimensions of the batches, of these sizes, in front of a sample's.
    """

    def __init__(self, values: Tensor, batch: tuple[int, ...] = (), role: str = "") -> None:
        self.values, self.batch, self.role = values, batch, role

    def describe(self) -> str:
        """'float32[2, 3]', or 'float32[2, 3] of 8 samples'."""
        if not self.batch:
            return describe(self.values)
        sample = f"{describe(self.values).partition('[')[0]}{list(self._sample())}"
        plural = "" if self.batch == (1,) else "s"
        return f"{sample} of {' x '.join(map(str, self.batch))} sample{plural}"

    def _sample(self) -> tuple[int, ...]:
        return tuple(self.values.shape[len(self.batch) :])

    def place(self, index: tuple[int, ...]) -> str:
        """Where an element is: in its sample, and in the batch."""
        if not self.batch:
            return f"{index}"
        count = len(self.batch)
        sample = index[0] if count == 1 else index[:count]
        return f"{index[count:]} of sample {sample}, {index} of the batch"


def within(tensor: Tensor) -> list[Within]:
    """The values that a tensor stands for, first its own, then those of its tangents."""
    found = _wrapper_of(tensor)
    if found is None:
        return [Within(tensor)]
    kind, _, dim, inner, tangent = found
    if kind == "dual":
        values = within(inner)
        if tangent is not None:
            values += [Within(t.values, t.batch, f"{t.role} tangent") for t in within(tangent)]
        return values
    result = []
    for part in within(inner):
        if dim is None:
            result.append(part)
            continue
        outer = len(part.batch)
        moved = part.values.detach().movedim(outer + dim, outer)
        result.append(Within(moved, (*part.batch, moved.shape[outer]), part.role))
    return result


def ranges(part: Within) -> str:
    """'from -1.5 to 3, 2 nan, 1 inf, first at (0, 3)' of the elements."""
    from . import no_grad

    with no_grad():
        values = part.values.detach()
        dimensions = values.ndim
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
            at = tuple(index[::-1])[:dimensions]  # without the axis of real and imaginary part
            text += f"   {nans} nan, {infs} inf of {total}, the first at {part.place(at)}"
        return text


def _uint8() -> Any:
    from wengert._C import uint8

    return uint8


def _rows(name: str, tensor: Tensor) -> list[Row]:
    """One row for a tensor, and one for each of its tangents."""
    return [(f"{name}{part.role}:", part.describe(), ranges(part)) for part in within(tensor)]


def _holds_nan(tensor: Tensor) -> bool:
    return any(bool(_ops.isnan(part.values.detach()).any().item()) for part in within(tensor))


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
        value == "nan" if isinstance(value, str) else _holds_nan(value) for _, value in inputs
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
            found = _rows(name, value)
            made = next((s for s in steps_of(_trail(value)) if s.cut in BEGINNINGS[1:]), None)
            if came_in and made and "nan" in found[0][2] and name != "output":
                found[0] = (*found[0], f"made at {place(made.site)}")
            rows += found
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
    values = [
        row
        for way, gradients in (("in", incoming), ("out", outgoing))
        for i, gradient in enumerate(gradients)
        if gradient is not None
        for row in _rows(f"gradient {i} {way}", gradient)
    ]
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
