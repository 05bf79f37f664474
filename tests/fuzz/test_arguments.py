"""Random arguments for every operator: an answer or an exception, never a crash.

Shapes, strides (transposed, sliced, expanded, reversed by indices, with gaps and offsets), dtypes,
dimensions out of range, numbers in place of tensors, `out=` of wrong sizes, dtypes and layouts, and
in-place forms on targets that cannot hold the result. What comes back is read to the last byte, and
a backward pass is run where there is a graph, so that a sanitizer sees what the kernels did.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from tests.table.cases import table

import wengert as wg
from opgen.model import Entry, Parameter

pytestmark = pytest.mark.fuzz

ROUNDS = 40  # calls of every operator
DTYPES = (
    wg.float32, wg.float64, wg.float16, wg.bfloat16, wg.complex64, wg.complex128, wg.int8, wg.int16,
    wg.int32, wg.int64, wg.uint8, wg.bool,
)  # fmt: skip
SIZES = (0, 1, 1, 2, 3, 5, 17)
# What an operator may raise; anything else is a defect (SystemError, MemoryError, UnicodeError...).
EXPECTED = (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError, OverflowError)
# They read memory that nobody has written.
UNSET = {"empty", "empty_like", "new_empty", "empty_strided", "resize_"}
# Sizes come from numbers: these would only measure the machine's memory.
HUGE = 64


class Draw:
    def __init__(self, seed: str):
        self.random = random.Random(seed)

    def one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def shape(self) -> list[int]:
        return [self.one(*SIZES) for _ in range(self.one(0, 1, 1, 2, 2, 3, 4))]

    def dim(self) -> int:
        return self.one(0, 0, 1, -1, -1, -2, 2, 5, -7)

    def tensor(self, dtype: Any = None, shape: list[int] | None = None) -> wg.Tensor:
        """Values of both signs with a few that are special, in some layout."""
        shape = self.shape() if shape is None else shape
        dtype = dtype or self.one(wg.float32, wg.float32, *DTYPES)
        values = wg.randn(shape, dtype=wg.float64) * self.one(0.5, 3.0, 100.0)
        if dtype == wg.uint8 or self.one(True, False):
            values = values.abs()
        if not dtype.is_floating_point and not dtype.is_complex:
            values = values.clamp(-100, 100)
        elif self.one(0, 0, 1):
            values = values.masked_fill(wg.rand(shape) < 0.2, self.one(0.0, wg.inf, wg.nan, -0.0))
        made = values.to(dtype)
        return self.layout(made)

    def layout(self, made: wg.Tensor) -> wg.Tensor:
        kind = self.one("plain", "plain", "transposed", "gaps", "offset", "expanded", "last")
        if made.dim() == 0 or kind == "plain":
            return made
        if kind == "transposed":
            return made.transpose(0, -1).contiguous().transpose(0, -1)
        if kind == "expanded":
            return made.narrow(0, 0, min(1, made.shape[0])).expand(made.shape)
        if kind == "last" and made.dim() == 4:
            return made.contiguous(memory_format=wg.channels_last)
        if kind == "offset":
            return wg.cat([made, made]).narrow(0, made.shape[0], made.shape[0])
        wide = wg.stack([made, made], -1)
        return wide.select(-1, 1)

    def index(self, shape: list[int]) -> wg.Tensor:
        if self.one(0, 0, 0, 1):
            return wg.rand(shape) < 0.5
        low, high = self.one((0, 1), (0, 2), (-3, 3), (0, 20))
        return self.layout(
            wg.randint(low, high, shape, dtype=self.one(wg.int64, wg.int64, wg.int32))
        )

    def value(self, entry: Entry, parameter: Parameter, shape: list[int]) -> Any:
        name, kind = parameter.name, parameter.type
        if kind.startswith("Tensor"):
            if kind != "Tensor" and self.one(0, 0, 1):
                return None if "None" in kind else self.one(0, 1.5, -2, True, 1 + 2j, wg.inf)
            if "ind" in name or name in ("target", "mask", "condition", "at"):
                return self.index(self.one(shape, self.shape()))
            return self.tensor(shape=self.one(shape, shape, shape, self.shape()))
        if kind.startswith("list[Tensor"):
            return [self.tensor(shape=shape) for _ in range(self.one(0, 1, 2, 3))]
        if kind.startswith("list[int]"):
            if "dim" in name:
                return [self.dim() for _ in range(self.one(0, 1, 1, 2))]
            return self.one(
                shape, [self.one(-1, 0, 1, 2, 3) for _ in range(self.one(0, 1, 2, 2, 3))]
            )
        if kind.startswith("int"):
            return self.dim() if "dim" in name else self.one(0, 1, 1, 2, 3, -1, 7, HUGE)
        if kind.startswith("bool"):
            return self.one(True, False)
        if kind.startswith("dtype"):
            return self.one(None, *DTYPES)
        if kind.startswith("str"):
            return self.one("mean", "sum", "none", "nonsense", "")
        if kind.startswith(("float", "Number")):
            return self.one(0.0, 0.5, 1.0, -1.0, 2, wg.inf, wg.nan, 1e-5)
        return None


def read(result: Any) -> None:
    """Touches every element."""
    if isinstance(result, wg.Tensor):
        result.detach().clone().tolist()
    elif isinstance(result, list | tuple):
        for part in result:
            read(part)


def differentiate(result: Any, leaves: list[wg.Tensor]) -> None:
    parts = [result] if isinstance(result, wg.Tensor) else result
    roots = [r for r in parts if isinstance(r, wg.Tensor) and r.requires_grad]
    if roots and leaves:
        given = [wg.ones_like(r) for r in roots]
        read(wg.autograd.grad(roots, leaves, given, allow_unused=True))


def attempt(call: Callable[[], Any]) -> None:
    try:
        call()
    except EXPECTED:
        return


def run(entry: Entry, draw: Draw) -> None:
    operator = getattr(wg._C, entry.name)
    shape = draw.shape()
    given: dict[str, Any] = {}
    for parameter in entry.parameters:
        if parameter.default is not None and draw.one(True, False):
            continue
        given[parameter.name] = draw.value(entry, parameter, shape)
    leaves = []
    for name, value in given.items():
        if isinstance(value, wg.Tensor) and value.is_floating_point() and draw.one(True, False):
            leaf = value.detach().requires_grad_()
            leaves.append(leaf)
            given[name] = leaf

    def plain() -> None:
        result = operator(**given)
        if entry.name not in UNSET:
            read(result)
            differentiate(result, leaves)

    def out() -> None:
        read(operator(**given, out=draw.tensor()))

    def method() -> None:
        first = next(iter(given.values()), None)
        if isinstance(first, wg.Tensor):
            method = getattr(first.detach(), entry.name + "_", None)
            if method is not None:
                read(method(*list(given.values())[1:]))

    attempt(plain)
    if draw.one(0, 0, 1):
        attempt(out)
    if draw.one(0, 0, 1):
        attempt(method)


# Internal ones trust their callers, which are the rules of the others.
OPERATORS = [
    pytest.param(e, id=e.name) for e in table().entries if e.kind != "composite" and e.public
]


@pytest.mark.parametrize("entry", OPERATORS)
def test_no_crash(entry: Entry) -> None:
    for number in range(ROUNDS):
        seed = f"{entry.name} {number}"
        wg.manual_seed(number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run(entry, Draw(seed))


METHODS = sorted(
    name for name in dir(wg.Tensor)
    if not name.startswith("_") and callable(getattr(wg.Tensor, name))
)  # fmt: skip
# They leave the tensor in a state that the next line cannot rely on, or wait for input.
LEFT_OUT = {"backward", "register_hook", "register_post_accumulate_grad_hook"}


@pytest.mark.parametrize("name", [n for n in METHODS if n not in LEFT_OUT])
def test_no_crash_of_methods(name: str) -> None:
    """Any method with any few arguments."""
    for number in range(ROUNDS // 2):
        draw = Draw(f"method {name} {number}")
        wg.manual_seed(number)
        shape = draw.shape()
        target = draw.tensor(shape=shape)
        makers: list[Callable[[], Any]] = [
            lambda s=shape, d=draw: d.tensor(shape=s), lambda d=draw: d.tensor(),
            lambda s=shape, d=draw: d.index(s), draw.dim, draw.dim, lambda: 0.5, lambda: True,
            lambda d=draw: d.shape(), lambda: None, lambda: "mean", lambda d=draw: d.one(*DTYPES),
            lambda: slice(None, None, 2), lambda: ...,
        ]  # fmt: skip
        arguments = [draw.one(*makers)() for _ in range(draw.one(0, 0, 1, 1, 2, 3))]
        method = getattr(target, name)

        def call(method: Any = method, arguments: list[Any] = arguments) -> None:
            result = method(*arguments)
            if name not in UNSET | {"resize_as_", "set_"}:
                read(result)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attempt(call)
