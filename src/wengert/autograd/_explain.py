"""Why a gradient is missing or zero: `explain(loss, parameter)` and `lint()`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from wengert._C import Node, Tensor, _node_info, _run_backward, _set_step_observer

from ._names import (
    columns,
    describe,
    label,
    leaves_above,
    name_of,
    place,
    source,
    variable_of,
    walk,
)
from ._trails import Step, rows_of, steps_of, story, trail_of

__all__ = ["Explanation", "explain"]

Info = dict[str, Any]

FLAT = "its derivative is zero everywhere"
UNSELECTED = "none of its elements was selected"
SATURATED = "saturated: its derivative is zero at these values"
# Why a rule that gets a gradient passes on zeros, by operator.
ZERO_REASONS = {
    **dict.fromkeys(("round", "floor", "ceil", "trunc", "sign", "sgn", "heaviside",
                     "floor_divide"), FLAT),
    **dict.fromkeys(("relu", "relu6", "threshold", "hardsigmoid", "hardswish"),
                    "dead: no element that it reads lies where it has a slope"),
    **dict.fromkeys(("mul", "strong_product", "matmul", "mm", "bmm", "linear", "dot", "addmm",
                     "div", "mv"), "multiplied by zero"),
    **dict.fromkeys(("where", "masked_fill", "masked_scatter", "masked_select", "tril", "triu"),
                    "masked out: none of its elements was selected"),
    **dict.fromkeys(("clamp", "clamp_min", "clamp_max", "hardtanh", "clip"),
                    "saturated: every element lies outside of the limits"),
    **dict.fromkeys(("max", "min", "amax", "amin", "maximum", "minimum", "fmax", "fmin", "topk",
                     "sort", "kthvalue", "median", "nanmedian", "mode", "cummax", "cummin", "index",
                     "gather", "select", "slice", "narrow", "index_select", "embedding", "take",
                     "as_strided", "diagonal", "max_pool2d"), UNSELECTED),
    **dict.fromkeys(("sigmoid", "tanh", "softmax", "log_softmax", "logsigmoid", "erf", "selu",
                     "elu", "gelu", "silu"), SATURATED),
    **dict.fromkeys(("copy", "copy_slices", "fill", "zero"), "its values were written over"),
    **dict.fromkeys(("cat", "stack"), "no gradient reaches the part that it contributes"),
    **dict.fromkeys(("dropout", "feature_dropout"), "every element was dropped"),
}  # fmt: skip


@dataclass
class Explanation:
    """What `explain` found; ``str()`` of it is the story in words.

    ``verdict`` is one of

    - ``"gradient"``: there is a path and the gradient is not zero;
    - ``"freed"``: there is a path, but its saved values are gone, so zeros cannot be looked for;
    - ``"zero"``: there is a path, and ``op`` at ``site`` passes on nothing but zeros;
    - ``"cut"``: the path ends at ``op``, at ``site``;
    - ``"unused"``: the parameter takes no part in the computation;
    - ``"frozen"``: the parameter does not require a gradient.

    ``path`` holds (operator, site) pairs from the loss to the parameter, or to the place where the
    gradient stops. ``reason`` says in words why it stops.
    """

    verdict: str
    op: str = ""
    site: str | None = None
    reason: str = ""
    path: list[tuple[str, str | None]] = field(default_factory=list)
    text: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass
class _Reach:
    """A node on the way from the roots: who leads here, and the cut between, if any."""

    info: Info
    before: int | None = None
    cut: Step | None = None
    steps: list[Step] = field(default_factory=list)


class Reachable:
    """All that lies behind some tensors, on live paths and, marked as such, beyond cuts."""

    def __init__(self, roots: list[Tensor]) -> None:
        self.nodes: dict[int, _Reach] = {}
        self.leaves: dict[int, int | None] = {}  # id of a leaf tensor -> id of its node
        self.cut_leaves: dict[int, tuple[int | None, list[Step], Step]] = {}
        self.kept: list[Tensor] = []  # so that ids stay theirs
        waiting: deque[tuple[int | None, list[Step]]] = deque()
        self._visit([(root.grad_fn, None) for root in roots if root.grad_fn is not None], waiting)
        for root in roots:
            if not root.requires_grad:
                waiting.append((None, trail_of(root)))
            elif root.grad_fn is None:
                self.leaves[id(root)] = None
                waiting.append((None, trail_of(root)))
        while waiting:  # what is behind a cut may hold further cuts
            before, steps = waiting.popleft()
            self._cross(before, steps, waiting)

    def _visit(
        self,
        start: list[tuple[Node, int | None]],
        waiting: deque[tuple[int | None, list[Step]]],
        cut: Step | None = None,
        steps: list[Step] | None = None,
    ) -> None:
        todo = deque((node, before) for node, before in start if node is not None)
        while todo:
            node, before = todo.popleft()
            info = _node_info(node)
            key = info["id"]
            if key in self.nodes:
                continue
            self.nodes[key] = _Reach(info, before, cut, steps or [])
            leaf = info["leaf"]
            if leaf is not None:
                self.kept.append(leaf)
                steps_before = trail_of(leaf)
                if any(step.upstream is not None for step in steps_before):
                    # requires_grad_() on a tensor that had lost its history.
                    waiting.append((key, steps_before))
                if cut is None:
                    self.leaves[id(leaf)] = key
                else:
                    self.cut_leaves.setdefault(id(leaf), (key, steps or [], cut))
            for target, _, trail in info["edges"]:
                if target is not None:
                    todo.append((target, key))
                elif trail:
                    waiting.append((key, steps_of(trail)))

    def _cross(
        self,
        before: int | None,
        steps: list[Step],
        waiting: deque[tuple[int | None, list[Step]]],
    ) -> None:
        first = self.nodes[before].cut if before is not None else None
        already = self.nodes[before].steps if before is not None else []
        for step in steps:
            if step.upstream is None:
                continue
            cut = first or step
            seen = already or steps
            if isinstance(step.upstream, Node):
                self._visit([(step.upstream, before)], waiting, cut, seen)
                continue
            for leaf in leaves_above(step.upstream):
                self.kept.append(leaf)
                self.cut_leaves.setdefault(id(leaf), (before, seen, cut))

    def path_to(self, key: int | None) -> list[Info]:
        """Nodes from a root to this one."""
        found = []
        while key is not None:
            found.append(self.nodes[key].info)
            key = self.nodes[key].before
        return found[::-1]


class Watcher:
    """Remembers, of the nodes that a backward call runs, which gradients were zero."""

    def __init__(self) -> None:
        self.steps: dict[int, tuple[list[bool], list[bool]]] = {}

    def begin(self, roots: tuple[Tensor, ...]) -> None:
        """Called before the first node."""

    def step(
        self, node: Node, incoming: tuple[Tensor | None, ...], outgoing: tuple[Tensor | None, ...]
    ) -> None:
        """Called after each node."""
        self.steps[_node_info(node)["id"]] = (
            [is_zero(g) for g in incoming],
            [is_zero(g) for g in outgoing],
        )


def is_zero(gradient: Tensor | None) -> bool:
    """Is every element exactly zero?"""
    from . import no_grad

    if gradient is None:
        return True
    with no_grad():
        return not bool((gradient.detach() != 0).any().item())


def find_zero(target: int, infos: list[Info], watcher: Watcher) -> tuple[Info, str] | None:
    """The node nearest to the roots, on a way to `target`, that turned a gradient into zeros."""
    consumers: dict[int, list[tuple[Info, int]]] = {}
    for info in infos:
        for edge, (node, _, _) in enumerate(info["edges"]):
            if node is not None:
                consumers.setdefault(_node_info(node)["id"], []).append((info, edge))
    seen, waiting = {target}, deque([target])
    while waiting:
        here = waiting.popleft()
        feeding = 0
        for info, edge in consumers.get(here, ()):
            incoming, outgoing = watcher.steps.get(info["id"], ([True], []))
            if edge < len(outgoing) and not outgoing[edge]:
                feeding += 1
                continue
            if not all(incoming):
                reason = ZERO_REASONS.get(label(info["op"]).removesuffix("_"))
                return info, reason or "its derivative is zero at these values"
            if info["id"] not in seen:
                seen.add(info["id"])
                waiting.append(info["id"])
        if feeding > 1:
            info = consumers[here][0][0]
            return info, "the contributions of several uses cancel"
    return None


def explain(loss: Tensor, parameter: Tensor | None = None) -> Explanation:
    """Says whether and why ``parameter`` gets a gradient from ``loss``, or does not.

    Without ``parameter``, says why ``loss`` has no history. Nothing is changed: no ``.grad`` is
    written, the graph is kept. To tell zeros apart the gradient is computed once, which needs a
    graph that was not freed. Works for any shape of ``loss``; the gradient of its sum counts.

    >>> x = wg.tensor([1.0, 2.0], requires_grad=True)
    >>> wg.autograd.explain(x.detach().sum(), x).verdict
    'cut'
    >>> print(wg.autograd.explain((x * 0).sum(), x).reason)
    multiplied by zero
    """
    if parameter is None:
        return _explain_history(loss)
    who = name_of(parameter) or describe(parameter)
    what = variable_of(loss) or "the result"
    if not parameter.requires_grad:
        return _explain_frozen(parameter, who)
    found = Reachable([loss])
    if parameter.grad_fn is None:
        reached, key = id(parameter) in found.leaves, found.leaves.get(id(parameter))
    else:
        key = _node_info(parameter.grad_fn)["id"]
        reached = key in found.nodes and found.nodes[key].cut is None
    if reached:
        return _explain_path(loss, parameter, found, key, who, what)
    if id(parameter) in found.cut_leaves:
        before, steps, cut = found.cut_leaves[id(parameter)]
        return _cut(found, before, steps, cut, who, what)
    if key is not None and key in found.nodes:
        reach = found.nodes[key]
        assert reach.cut is not None
        return _cut(found, reach.before, reach.steps, reach.cut, who, what)
    return _unused(found, loss, parameter, who, what)


def _rows(infos: list[Info], name: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for info in infos:
        if info["leaf"] is None:
            rows.append(
                (name, f"<- {label(info['op'])}", place(info["site"]), source(info["site"]))
            )
            name = ""
    return rows


def _pairs(infos: list[Info]) -> list[tuple[str, str | None]]:
    return [(label(info["op"]), info["site"]) for info in infos if info["leaf"] is None]


def _explain_history(loss: Tensor) -> Explanation:
    if loss.requires_grad:
        infos = [info for _, info in walk([loss.grad_fn])] if loss.grad_fn is not None else []
        text = f"{variable_of(loss) or 'the tensor'} has a history of {len(infos)} operations"
        return Explanation("gradient", text=text)
    cut = next((s for s in trail_of(loss) if s.cut != "step"), None)
    text = f"{variable_of(loss) or 'the tensor'} has no history:" + story(loss)
    if cut is None:
        return Explanation("cut", text=text)
    steps = [(s.op, s.site) for s in trail_of(loss)]
    return Explanation("cut", cut.op, cut.site, cut.reason, steps, text)


def _explain_frozen(parameter: Tensor, who: str) -> Explanation:
    step = next((s for s in trail_of(parameter) if s.cut != "step"), None)
    reason = step.reason if step else "it does not require a gradient"
    text = f"{who} gets no gradient: it does not require one" + story(parameter)
    return Explanation("frozen", step.op if step else "", step.site if step else None, reason,
                       text=text)  # fmt: skip


def _explain_path(
    loss: Tensor, parameter: Tensor, found: Reachable, key: int | None, who: str, what: str
) -> Explanation:
    infos = found.path_to(key)
    shown = columns(_rows(infos, what))
    if any(reach.info["released"] for reach in found.nodes.values()):
        text = f"{what} depends on {who}; the graph was freed, so its gradient is not known" + shown
        return Explanation("freed", path=_pairs(infos), text=text)
    watcher = Watcher()
    _set_step_observer(watcher)
    try:
        gradients = [None] if loss.numel() == 1 else [_ones(loss)]
        (gradient,) = _run_backward([loss], gradients, [parameter], True, False, False)
    finally:
        _set_step_observer(None)
    if not is_zero(gradient):
        return Explanation("gradient", path=_pairs(infos), text=f"{what} depends on {who}" + shown)
    culprit = (
        find_zero(key, [reach.info for reach in found.nodes.values()], watcher) if key else None
    )
    if culprit is None:
        return Explanation("zero", reason="the incoming gradient is zero", path=_pairs(infos),
                           text=f"the gradient of {who} is zero" + shown)  # fmt: skip
    info, reason = culprit
    text = f"the gradient of {who} is zero because of {label(info['op'])}: {reason}"
    text += columns([("stopped by", label(info["op"]), place(info["site"]), source(info["site"]))])
    return Explanation("zero", label(info["op"]), info["site"], reason, _pairs(infos), text)


def _ones(loss: Tensor) -> Tensor:
    return loss.detach().new_ones(loss.shape)


def _cut(
    found: Reachable, before: int | None, steps: list[Step], cut: Step, who: str, what: str
) -> Explanation:
    live = []
    while before is not None:
        reach = found.nodes[before]
        if reach.cut is None:
            live.append(reach.info)
        before = reach.before
    live.reverse()
    until = steps[: steps.index(cut) + 1] if cut in steps else [cut]
    rows = _rows(live, what)
    rows += rows_of(until, "" if rows else what)
    text = f"no gradient reaches {who}: the history is cut by {cut.op}" + columns(rows)
    path = _pairs(live) + [(step.op, step.site) for step in until]
    return Explanation("cut", cut.op, cut.site, cut.reason, path, text)


def _made_of(found: Reachable, parameter: Tensor, what: str) -> str:
    """A hint for who asks about a copy or a view instead of what was used itself."""
    for leaf in leaves_above(parameter.grad_fn):
        if id(leaf) in found.leaves and (name := name_of(leaf)):
            return f"\n    {what} depends on {name}, of which this tensor was made on the side"
    return ""


def _unused(found: Reachable, loss: Tensor, parameter: Tensor, who: str, what: str) -> Explanation:
    text = f"{what} does not depend on {who}"
    steps = trail_of(parameter)
    site = steps[-1].site if steps else None
    if parameter.grad_fn is not None:
        site = _node_info(parameter.grad_fn)["site"]
    if site is not None:
        text += columns([("created", place(site), source(site))])
    if parameter.grad_fn is not None:
        text += _made_of(found, parameter, what)
    if not loss.requires_grad:
        text += f"\n    {what} has no history:" + story(loss)
    return Explanation("unused", site=site, reason="it takes no part in the computation", text=text)
