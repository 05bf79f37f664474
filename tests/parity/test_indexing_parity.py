"""Random indices, read and written, against PyTorch: results, strides, gradients, error classes."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.unit.index_expressions import (  # noqa: E402
    build,
    random_items,
    random_shape,
    reference,
)

import wengert  # noqa: E402


def outcome(module: Any, array: np.ndarray, items: Any, values: np.ndarray, add: bool) -> Any:
    """All that can be seen of a read and of a write; or the class of the error."""
    tensor = module.from_numpy
    x = tensor(array.copy()).requires_grad_()
    v = tensor(values.copy()).requires_grad_()
    index = build(items, lambda each: tensor(each.copy()))
    read = x[index]
    read.sum().backward()
    y = x * 1
    try:
        if add:
            y[index] += v
        else:
            y[index] = v
    except (RuntimeError, IndexError) as error:
        return type(error).__name__, read.shape, str(error).rpartition("(): ")[2].split("\n")[0]
    (y * tensor(np.arange(array.size, dtype=float).reshape(array.shape))).sum().backward()
    steps = [s for s, size in zip(read.stride(), read.shape, strict=True) if size > 1]
    return (
        tuple(read.shape), read._base is not None, steps if read.numel() else None,
        [t.tolist() for t in (read, y, x.grad, v.grad)],
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(30))
def test_random_indices(seed: int) -> None:
    rng = random.Random(10_000 + seed)
    for _ in range(25):
        shape = random_shape(rng)
        items = random_items(rng, shape)
        array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
        view, index = reference(array, items)
        picked = np.shape(view[index]) if rng.random() < 0.9 else (3, 7)
        sizes = [1 if rng.random() < 0.3 else size for size in picked]
        sizes = [1] * rng.choice([0, 0, 2]) + sizes[rng.randint(0, len(sizes)) :]
        values = np.array([rng.random() for _ in range(int(np.prod(sizes)))]).reshape(sizes)
        if items == [("flag", False)]:
            continue  # PyTorch gives the value no gradient, then; ours is zero
        add = rng.random() < 0.3
        ours, theirs = (outcome(m, array, items, values, add) for m in (wengert, torch))
        if isinstance(theirs[0], str):
            assert ours[:2] == theirs[:2], (shape, items)
        else:
            assert ours == theirs, (shape, items)


EXPRESSIONS = """
x[range(2)]
x[range(1, 3),]
x[:, range(0, 3, 2)]
x[np.array([1, 0])]
x[np.array([True, False])]
x[np.int64(1)]
x[np.array(1)]
x[m.tensor(1)]
x[m.tensor(True)]
x[m.tensor([1, 0], dtype=m.uint8)]
x[m.tensor([1, 0], dtype=m.int32)]
x[1.0]
x[{}]
x[[]]
x[()]
x[np.array([])]
x[[True, False]]
x[[True, False], [0, 1]]
x[:, [True, False, True]]
x[[True, False, True]]
x[True]
x[False]
x[0, 0, 0, 0]
x[2]
x[0, 3]
x[:, -4]
x[::-1]
x[::0]
x[m.tensor(0):m.tensor(1)]
x[m.zeros(2, 3, dtype=m.bool)]
x[m.ones(2, 2, dtype=m.bool)]
x[m.ones(2, 3, 4, 1, dtype=m.bool)]
x[:, m.ones(2, dtype=m.bool)]
x[m.tensor([0, 1]), m.tensor([0, 1, 2])]
x[m.tensor([2])]
x[x]
x[2**63]
x[x > 5] = 0
x[x > 5] = m.arange(18.0)
x[x > 5] = m.arange(17.0)
x[x > 5] *= 2
x[0] = True
x[0] = 1j
x[0] = None
x[0] = "a"
x[0, 0, 0] = m.ones(1, 1)
x[0, 0, 0] = m.ones(2)
x[[0, 0]] = m.ones(3, 4)
x[[0, 1], :, [0, 1]] = m.ones(2, 3)
x[m.ones(2, 2, dtype=m.bool)] = 0
v[m.tensor([0, 1])] = m.tensor([1.5, 2.5])
v[0] = m.tensor(2.7)
v[v > 3] = 2.5
m.tensor(5)[0]
m.tensor(5)[None]
m.tensor(5)[True]
m.tensor(5)[m.tensor(False)]
m.tensor(5)[:]
m.tensor(5)[[0]]
m.zeros(0, 3)[m.tensor([0])]
m.zeros(3, 0)[:, m.tensor([], dtype=m.long)]
x.index_put_((m.tensor([0, 0]),), m.tensor([1.0, 2.0])[:, None, None], accumulate=True)
x.index_put_((m.tensor([9]),), m.tensor(1.0))
""".strip().splitlines()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_an_index_may_be(expression: str) -> None:
    def run(m: Any) -> Any:
        names = {"m": m, "np": np, "x": m.arange(24.0).reshape(2, 3, 4), "v": m.arange(12)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if " = " in expression or "*= " in expression:
                    exec(expression, names)
                    result = names["v" if expression.startswith("v") else "x"]
                else:
                    result = eval(expression, names)
            except Exception as error:
                return type(error).__name__
        return result.shape, result.tolist()

    assert run(wengert) == run(torch)
