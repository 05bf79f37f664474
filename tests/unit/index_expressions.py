"""Random index expressions, for NumPy, wengert and PyTorch alike."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

# An item: ("int", 3), ("slice", start, stop, step), ("none",), ("ellipsis",), ("flag", True),
# ("tensor", array), ("list", array), ("mask", array).
Item = tuple[Any, ...]
Shape = tuple[int, ...]


def random_shape(rng: random.Random) -> Shape:
    return tuple(rng.choice([0, 1, 2, 2, 3, 3, 4, 5]) for _ in range(rng.randint(0, 4)))


def random_items(rng: random.Random, shape: Shape) -> list[Item]:
    """A valid index for a tensor of that shape."""
    items: list[Item] = []
    broadcast = rng.choice([(), (2,), (3,), (2, 3), (1,), (2, 1), (0,)])
    dim, skipped = 0, False
    while dim < len(shape) and (skipped or rng.random() < 0.88):
        size, kind = shape[dim], rng.random()
        if kind < 0.2 and size:
            items.append(("int", rng.randrange(-size, size)))
            dim += 1
        elif kind < 0.45:
            bounds = [rng.choice([None, rng.randint(-size - 2, size + 2)]) for _ in range(2)]
            items.append(("slice", *bounds, rng.choice([None, 1, 2, 3])))
            dim += 1
        elif kind < 0.55:
            items.append(("none",))
        elif kind < 0.6 and not skipped:
            items.append(("ellipsis",))
            dim += rng.randint(0, len(shape) - dim)
            skipped = True
        elif kind < 0.8 and (size or 0 in broadcast):
            sizes = tuple(1 if rng.random() < 0.15 else each for each in broadcast)
            if not size:
                sizes = broadcast
            count = int(np.prod(sizes))
            values = [rng.randrange(-size, size) for _ in range(count)] if size else []
            array = np.array(values, dtype=np.int64).reshape(sizes)
            items.append((rng.choice(["tensor", "tensor", "list"]), array))
            dim += 1
        elif kind < 0.9:
            rank = rng.randint(0, min(2, len(shape) - dim))
            sizes = shape[dim : dim + rank]
            values = [rng.random() < 0.5 for _ in range(int(np.prod(sizes)))]
            chosen = np.array(values, dtype=bool).reshape(sizes)
            others = [item[1] for item in items if item[0] in ("tensor", "list", "mask", "flag")]
            if others or 0 in broadcast or len(broadcast) > 1:
                continue  # a mask seldom broadcasts with other indices: test_indexing has some
            items.append(("mask", chosen))
            broadcast = (1,)
            dim += rank
        elif kind < 0.93 and not any(item[0] == "mask" for item in items):
            items.append(("flag", rng.random() < 0.7))
            if not items[-1][1]:
                broadcast = (1,)
                if any(i[0] in ("tensor", "list") and i[1].size > 1 for i in items):
                    items.pop()
    if not skipped and rng.random() < 0.2:
        items.append(("ellipsis",))
    return items


def build(items: list[Item], tensor: Callable[[np.ndarray], Any], bare: bool = False) -> Any:
    """The index as Python writes it; bare: without the tuple where there is one item."""
    index = []
    for kind, *value in items:
        if kind in ("int", "flag"):
            index.append(value[0])
        elif kind == "slice":
            index.append(slice(*value))
        elif kind in ("none", "ellipsis"):
            index.append(None if kind == "none" else ...)
        elif kind == "list":
            index.append(value[0].tolist())
        else:
            index.append(tensor(value[0]))
    if bare and len(index) == 1 and not isinstance(index[0], list):
        return index[0]
    return tuple(index)


def reference(array: np.ndarray, items: list[Item]) -> tuple[np.ndarray, tuple[Any, ...]]:
    """A view of `array` and NumPy's index into it that together pick what PyTorch picks.

    NumPy counts an int beside index arrays as one of them; PyTorch takes it first.
    """
    basic: list[Any] = []
    for kind, *value in items:
        if kind == "mask":
            basic += [slice(None)] * value[0].ndim or [None]
        elif kind in ("tensor", "list"):
            # A 0-d index is an int.
            basic.append(slice(None) if value[0].ndim else int(value[0]))
        else:
            basic.append(None if kind == "flag" else build([(kind, *value)], np.asarray)[0])
    view = array[tuple(basic if ... in basic else [*basic, ...])]
    skipped = view.ndim - sum(1 for b in basic if not isinstance(b, int) and b is not ...)
    index: list[Any] = []
    for (kind, *value), first in zip(items, _starts(items, basic), strict=True):
        if kind == "mask" and value[0].ndim:
            index.append(value[0])
        elif kind == "flag" or kind == "mask":
            index.append(np.zeros(1 if value[0] else 0, dtype=np.int64))
        elif kind in ("tensor", "list") and value[0].ndim:
            index.append(value[0])
        elif kind == "ellipsis":
            index += [slice(None)] * skipped
        elif not isinstance(basic[first], int):
            index.append(slice(None))
    return view, tuple(index)


def _starts(items: list[Item], basic: list[Any]) -> list[int]:
    """Where in `basic` the part of each item begins."""
    starts, at = [], 0
    for kind, *value in items:
        starts.append(at)
        at += max(value[0].ndim, 1) if kind == "mask" else 1
    assert at == len(basic)
    return starts
