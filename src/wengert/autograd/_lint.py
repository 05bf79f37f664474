"""`lint()`: which parameters a training step left without a gradient, and why."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from wengert._C import Node, Tensor, _set_step_observer

from ._explain import Info, Reachable, Watcher, find_zero
from ._names import columns, label, parameter_names, place, source
from ._trails import trail_of

__all__ = ["Finding", "lint"]


@dataclass(frozen=True)
class Finding:
    """A parameter without a gradient.

    ``verdict`` is 'zero', 'cut', 'unused', 'frozen' or 'no backward'; ``op`` and ``site`` say what
    stopped the gradient, ``reason`` why.
    """

    name: str
    verdict: str
    op: str
    site: str | None
    reason: str


class lint:
    """Looks on for one training step and lists parameters whose gradient is None or all zeros.

    Args:
        what: modules, parameters, or iterables of parameters; every live ``nn.Parameter`` if left
            out.

    The report is iterable (of `Finding`), has a length, and reads well as a string. Gradients are
    looked at as they are computed, so the step runs slower, and works with graphs that are freed.

    >>> layer = wg.nn.Linear(2, 2)
    >>> with wg.autograd.lint(layer) as report:
    ...     wg.relu(layer(wg.ones(1, 2)) - 100).sum().backward()
    >>> [(found.name, found.verdict, found.op) for found in report]
    [('weight', 'zero', 'relu'), ('bias', 'zero', 'relu')]
    """

    def __init__(self, *what: Any) -> None:
        self._parameters = dict(_named(what))
        self._findings: dict[str, Finding] | None = None
        self._calls: list[tuple[Reachable, Watcher]] = []

    def __enter__(self) -> lint:
        self._findings = None
        self._calls.clear()
        _set_step_observer(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _set_step_observer(None)
        if error is None:
            self._findings = self._judge()
        self._calls.clear()

    # --- called by the engine ---

    def begin(self, roots: tuple[Tensor, ...]) -> None:
        """Called before the first node: the graph is whole still."""
        self._calls.append((Reachable(list(roots)), Watcher()))

    def step(
        self, node: Node, incoming: tuple[Tensor | None, ...], outgoing: tuple[Tensor | None, ...]
    ) -> None:
        """Called after each node."""
        self._calls[-1][1].step(node, incoming, outgoing)

    # --- the report ---

    def _judge(self) -> dict[str, Finding]:
        findings = {}
        for name, parameter in self._parameters.items():
            found = self._judge_one(name, parameter)
            if found is not None:
                findings[name] = found
        return findings

    def _judge_one(self, name: str, parameter: Tensor) -> Finding | None:
        if not parameter.requires_grad:
            step = next((s for s in trail_of(parameter) if s.cut != "step"), None)
            frozen = step is not None and step.cut == "frozen"
            reason = (
                step.reason if step is not None and frozen else "it does not require a gradient"
            )
            return Finding(name, "frozen", "", step.site if step else None, reason)
        if not self._calls:
            return Finding(name, "no backward", "", None, "backward() was not called")
        best: Finding | None = None
        for reach, watcher in self._calls:
            key = reach.leaves.get(id(parameter))
            if id(parameter) in reach.leaves:
                incoming = watcher.steps.get(key or 0, ([True], []))[0]
                if not all(incoming) or key is None:
                    return None
                infos: list[Info] = [found.info for found in reach.nodes.values()]
                culprit = find_zero(key, infos, watcher)
                if culprit is None:
                    best = Finding(name, "zero", "", None, "the incoming gradient is zero")
                else:
                    info, reason = culprit
                    best = Finding(name, "zero", label(info["op"]), info["site"], reason)
            elif id(parameter) in reach.cut_leaves and (best is None or best.verdict == "unused"):
                cut = reach.cut_leaves[id(parameter)][2]
                best = Finding(name, "cut", cut.op, cut.site, cut.reason)
            elif best is None:
                best = Finding(name, "unused", "", None, "it takes no part in the computation")
        return best

    def _known(self) -> dict[str, Finding]:
        if self._findings is None:
            raise RuntimeError("lint(): the report is there after the with block")
        return self._findings

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._known().values())

    def __len__(self) -> int:
        return len(self._known())

    def __getitem__(self, name: str) -> Finding:
        return self._known()[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known()

    def __str__(self) -> str:
        if not self._known():
            return f"all {len(self._parameters)} parameters have a gradient"
        rows = [(found.name, "None" if found.verdict != "zero" else "zero",
                 found.op or found.verdict, place(found.site) if found.site else "",
                 source(found.site), found.reason) for found in self]  # fmt: skip
        head = f"{len(self)} of {len(self._parameters)} parameters have no gradient:"
        return head + columns(rows, "  ")


def _named(what: tuple[Any, ...]) -> Iterator[tuple[str, Tensor]]:
    if not what:
        names = parameter_names()
        for found in gc.get_objects():
            if type(found).__name__ == "Parameter" and isinstance(found, Tensor):
                yield names.get(id(found), f"parameter {id(found):#x}"), found
        return
    for each in what:
        if isinstance(each, Tensor):
            yield parameter_names().get(id(each), f"parameter {id(each):#x}"), each
        elif hasattr(each, "named_parameters"):
            yield from each.named_parameters()
        elif isinstance(each, Iterable):
            for item in each:
                if isinstance(item, tuple):
                    yield item
                else:
                    yield from _named((item,))
        else:
            raise TypeError(f"lint(): expected modules or parameters, got {type(each).__name__}")
