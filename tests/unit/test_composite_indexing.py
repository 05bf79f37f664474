"""Index helpers on small tensors."""

from __future__ import annotations

import pytest

import wengert
from wengert._composite import indexing


def test_one_hot() -> None:
    assert indexing.one_hot(wengert.tensor([1, 0]), 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    with pytest.raises(RuntimeError, match="smaller than num_classes"):
        indexing.one_hot(wengert.tensor([3]), 3)


def test_where_with_a_condition_only() -> None:
    rows, columns = indexing.where(wengert.tensor([[True, False], [True, True]]))
    assert rows.tolist() == [0, 1, 1]
    assert columns.tolist() == [0, 0, 1]


def test_accumulating_writes_add_up() -> None:
    x = wengert.zeros(3)
    index = (wengert.tensor([0, 0, 2]),)
    values = wengert.tensor([1.0, 2.0, 4.0])
    assert indexing.index_put(x, index, values, True).tolist() == [3.0, 0.0, 4.0]
    assert x.tolist() == [0.0, 0.0, 0.0]
    assert indexing.index_put_(x, index, values, True) is x
    assert x.tolist() == [3.0, 0.0, 4.0]


def test_accumulating_writes_check_their_indices() -> None:
    with pytest.raises(IndexError, match="index 3 is out of bounds for dimension 0 with size 3"):
        indexing.index_put(wengert.zeros(3), (wengert.tensor([3]),), wengert.tensor([1.0]), True)


def test_take_along_dim_undoes_argsort() -> None:
    x = wengert.tensor([[3.0, 1.0, 2.0]])
    order = wengert.tensor([[1, 2, 0]])
    assert indexing.take_along_dim(x, order, 1).tolist() == [[1.0, 2.0, 3.0]]
