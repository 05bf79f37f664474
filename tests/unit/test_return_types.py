"""Operators with several results return named tuples."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

import wengert as wg
from opgen.model import load
from wengert import return_types

X = [[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]]
CALLS = {
    "sort": lambda x: (x.sort(), wg.sort(x, 1, True), x.sort(stable=True)),
    "topk": lambda x: (x.topk(2), wg.topk(x, 1)),
    "kthvalue": lambda x: (x.kthvalue(2), wg.kthvalue(x, 1, dim=0)),
    "cummax": lambda x: (x.cummax(0), wg.cummax(x, 1)),
    "cummin": lambda x: (x.cummin(0), wg.cummin(x, 1)),
    "max": lambda x: (x.max(0), wg.max(x, 1)),
    "min": lambda x: (x.min(0), wg.min(x, 1)),
    "median": lambda x: (x.median(0), wg.median(x, 1)),
    "mode": lambda x: (x.mode(0), wg.mode(x, 1)),
}


@pytest.mark.parametrize("name", CALLS)
def test_values_and_indices(name: str) -> None:
    for result in CALLS[name](wg.tensor(X)):
        assert type(result) is getattr(return_types, name)
        assert isinstance(result, tuple)
        values, indices = result
        assert result.values is values
        assert result.indices is indices
        assert indices.dtype == wg.int64
        assert repr(result).startswith(f"wengert.return_types.{name}(\nvalues=tensor(")
        assert result._replace(values=1)[0] == 1
        assert type(copy.copy(result)) is type(result)


def test_it_can_be_pickled() -> None:
    result = pickle.loads(pickle.dumps(wg.tensor(X).sort()))
    assert result.indices.tolist() == [[1, 2, 0], [2, 1, 0]]


def test_fields_of_the_table_are_those_of_the_classes(root: Path) -> None:
    named = [entry for entry in load(root / "ops").entries if entry.get("fields")]
    assert {entry.name for entry in named} == {"sort", "topk", "kthvalue", "cummax", "cummin"}
    for entry in named:
        assert getattr(return_types, entry.name)._fields == tuple(entry.get("fields").split())


def test_results_are_differentiable() -> None:
    x = wg.tensor(X, requires_grad=True)
    x.sort(descending=True).values[:, 0].sum().backward()
    assert x.grad.tolist() == [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
