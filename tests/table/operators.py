"""Calls of the entries that are not elementwise, from their samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.table import cases, checker
from tests.table import samples as more

from opgen.model import Entry
from wengert import _C

CASES = [pytest.param(e, n, id=f"{e.name}-{n}") for e, n in cases.sampled()]


def is_inexact(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


class Call:
    """An entry with the values of one of its samples."""

    def __init__(self, entry: Entry, number: int):
        self.entry = entry
        given = cases.sample_values(entry, cases.all_samples(entry)[number], number)
        self.values = {name: self._array(name, value) for name, value in given.items()}

    def _array(self, name: str, value: Any) -> Any:
        parameter = next(p for p in self.entry.parameters if p.name == name)
        if parameter.is_tensor_list:
            return [None if v is None else np.asarray(v) for v in value]
        if parameter.is_tensor and isinstance(value, list | tuple):
            return np.asarray(value)
        return value

    def places(self) -> Iterator[tuple[str, int | None]]:
        """Where the tensors are: (parameter, None) or (parameter, place in the list)."""
        for name, value in self.values.items():
            if isinstance(value, np.ndarray):
                yield name, None
            elif isinstance(value, list) and any(isinstance(v, np.ndarray) for v in value):
                yield from ((name, i) for i, v in enumerate(value) if v is not None)

    def array(self, place: tuple[str, int | None]) -> np.ndarray:
        name, i = place
        return self.values[name] if i is None else self.values[name][i]

    def inexact(self) -> list[tuple[str, int | None]]:
        return [place for place in self.places() if is_inexact(self.array(place))]

    def tensors(
        self, make: Callable[[tuple[str, int | None], np.ndarray], Any] | None = None
    ) -> dict[str, Any]:
        """Keyword arguments, each array made into a tensor."""
        make = make or (lambda place, array: checker.to_tensor(array))
        arguments = {n: list(v) if isinstance(v, list) else v for n, v in self.values.items()}
        for place in self.places():
            name, i = place
            tensor = make(place, self.array(place))
            if i is None:
                arguments[name] = tensor
            else:
                arguments[name][i] = tensor
        return arguments

    def run(self, arguments: dict[str, Any] | None = None, **others: Any) -> list[Any]:
        arguments = self.tensors() if arguments is None else arguments
        return checker.as_list(cases.function(self.entry)(**arguments, **others))

    def of(self, places: list[tuple[str, int | None]]) -> checker.Function:
        """The operator as a function of the tensors at `places`."""

        def function(tensors: list[Any]) -> Any:
            given = dict(zip(places, tensors, strict=True))
            return self.run(
                self.tensors(
                    lambda place, a: given[place] if place in given else checker.to_tensor(a)
                )
            )

        return function


def skip(entry: Entry, check: str) -> None:
    if reason := cases.skip_reason(entry, check):
        pytest.skip(reason)


def arrays(results: list[Any]) -> list[np.ndarray]:
    return [checker.to_array(y) for y in results if y is not None]


def is_random(entry: Entry) -> bool:
    return more.NO_VALUE.get(entry.name) in (more.RANDOM, more.MEMORY)


def reseed() -> None:
    _C.manual_seed(0)
