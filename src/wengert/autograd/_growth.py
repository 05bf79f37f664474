"""The warning about a loop that keeps the graph of every step alive."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from wengert._C import Node, Tensor

from ._names import depth_of_user, human, label, place, user_variables, walk

_warned: set[str | None] = set()
MOST_NODES = 200_000  # that are looked at


def grew(site: str | None, times: int) -> None:
    """Called when there were more nodes before each of ``times`` backward calls at this line.

    That may be what the program needs. It is not where a variable keeps nodes of many calls that
    went through and freed them: nobody can differentiate these again.
    """
    if site in _warned:
        return
    for name, roots in _holders():
        steps, count, saved, newest = _held(roots)
        if steps < times // 2:
            continue
        _warned.add(site)
        warnings.warn(
            f"the graph grew {times} steps in a row: '{name}' ({newest}) holds {count} operations "
            f"of {steps} steps, {human(saved)} of saved values, and these steps cannot be "
            "differentiated again. Use .item() or .detach() where losses are added up or "
            "collected.",
            UserWarning,
            stacklevel=1 + depth_of_user(),
        )
        return


def _holders() -> Iterator[tuple[str, list[Node]]]:
    """Variables that hold tensors with a history, and the nodes of these."""
    for name, value in user_variables():
        roots = [tensor.grad_fn for tensor in _tensors(value) if tensor.grad_fn is not None]
        if roots:
            yield name, roots


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [each for each in value if isinstance(each, Tensor)]
    return []


def _held(roots: list[Node]) -> tuple[int, int, int, str]:
    """Numbers of backward calls whose nodes are held, of nodes, of bytes; the newest operation."""
    runs: set[int] = set()
    saved: dict[int, int] = {}
    newest = (0, "")
    count = 0
    for _, info in itertools.islice(walk(roots), MOST_NODES):
        if info["leaf"] is not None:
            continue
        count += 1
        if info["released"]:
            runs.add(info["run"])
        saved.update({storage: size for _, storage, size, leaf in info["saved"] if not leaf})
        newest = max(newest, (info["sequence"], f"{label(info['op'])}, {place(info['site'])}"))
    return len(runs), count, sum(saved.values()), newest[1]
