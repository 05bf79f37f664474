"""How a tensor without history came about: the steps back to the place where it was lost."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from wengert._C import Tensor, _trail

from ._names import (
    Upstream,
    columns,
    depth_of_user,
    describe,
    label,
    leaves_above,
    name_of,
    parameter_names,
    place,
    source,
    variable_of,
)

REASONS = {
    "created": "requires_grad was never set",
    "detach": "detach() ends the history",
    "data": ".data has no history",
    "no_grad": "made under no_grad()",
    "inference_mode": "made under inference_mode()",
    "integer": "integer or bool result, not differentiable",
    "not differentiable": "this operation has no derivative",
    "left": "the value left for Python here",
    "numbers": "a new tensor of Python's numbers, which have no history",
    "array": "shares an array, which has no history",
    "gradient": "computed without create_graph=True",
    "marked": "the custom function marks this output as not differentiable",
    "frozen": "requires_grad was set to False",
}


BEGINNINGS = ("step", "created", "numbers", "array")  # nothing was lost there


@dataclass(frozen=True)
class Step:
    """One operation on the way back. ``cut`` says why the history ends there, or is 'step'.

    ``site`` is 'file:line' or None, ``skipped`` counts steps before it that are not remembered, and
    ``guess`` says that what comes before it is likely, not known. ``upstream`` is what a gradient
    would have reached: a node, a leaf, the leaves behind a node that is gone, or None.
    """

    cut: str
    op: str
    site: str | None
    guess: bool
    skipped: int
    upstream: Upstream

    @property
    def reason(self) -> str:
        """The reason in words; '' where history was lost earlier."""
        if self.cut == "not differentiable" and self.op.endswith("_like"):
            return "takes only the shape of its input"
        return REASONS.get(self.cut, "")


def steps_of(trail: list[tuple[Any, ...]]) -> list[Step]:
    return [Step(cut, label(op), *rest) for cut, op, *rest in trail]


def trail_of(tensor: Tensor) -> list[Step]:
    """The steps of a tensor without history, the latest first; empty where none are known."""
    return steps_of(_trail(tensor))


def rows_of(steps: list[Step], name: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for step in steps:
        reason = step.reason
        if reason and step.cut not in ("created", "numbers", "array"):
            reason = f"cut here: {reason}"
        text = source(step.site)
        rows.append((name, f"<- {step.op}", place(step.site), text, reason))
        name = ""
        if step.skipped:
            rows.append(("", f"   ... {step.skipped} more steps", "", "", ""))
        if step.guess:
            rows.append(("", "   a value left last at:", "", "", ""))
    return rows


def upstream_names(steps: list[Step]) -> list[str]:
    """Names of the leaves that lie before the cut, as far as they are alive."""
    names = parameter_names()
    found: dict[int, str] = {}
    for step in steps:
        if step.cut == "frozen":
            continue
        for leaf in leaves_above(step.upstream):
            name = name_of(leaf, names)
            if name:
                found.setdefault(id(leaf), name.split("'")[1])
    return list(found.values())


def story(tensor: Tensor) -> str:
    """The steps as text, each on a line of its own, and what lies before the cut."""
    steps = trail_of(tensor)
    name = variable_of(tensor) or "tensor"
    if not steps:
        return columns([(name, "made by no operation that was recorded", describe(tensor))])
    text = columns(rows_of(steps, name))
    for step in steps:
        if step.cut == "frozen" and isinstance(step.upstream, Tensor):
            frozen = name_of(step.upstream)
            if frozen:
                text += f"\n    {frozen} is frozen"
    names = upstream_names(steps)
    if names:
        text += _upstream_line(names)
    return text


def warn_of_lost(roots: list[Tensor]) -> None:
    """Warns where requires_grad_() hides that the results to differentiate have no history."""
    for root in roots:
        if root.grad_fn is not None or not root.requires_grad:
            return
    for root in roots:
        steps = trail_of(root)
        if any(step.guess for step in steps) or all(step.cut in BEGINNINGS for step in steps):
            continue
        # Numbers are recognised by their value, which says little if it is 0 or 1.
        numbers = any(step.cut in ("numbers", "array") for step in steps)
        if numbers and (root.numel() != 1 or float(root.item()).is_integer()):
            continue
        warnings.warn(
            "backward() was called on a tensor that lost its history before it was set to require "
            f"a gradient: only its own .grad is filled{story(root)}",
            UserWarning,
            stacklevel=1 + depth_of_user(),
        )


def _upstream_line(names: list[str]) -> str:
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    kind = "leaf" if len(names) == 1 else "leaves"
    return f"\n    {len(names)} {kind} would have received a gradient through the cut: {shown}"
