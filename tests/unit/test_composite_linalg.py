"""Products against sums written out in Python."""

from __future__ import annotations

import itertools

import pytest

import wengert
from wengert._composite import einsum, linalg


def test_einsum_against_loops() -> None:
    a = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    b = [[1.0, -1.0], [2.0, 0.0], [0.5, 3.0]]
    c = [2.0, -3.0]
    expected = [0.0, 0.0]
    for i, j, k in itertools.product(range(2), range(3), range(2)):
        expected[k] += a[i][j] * b[j][k] * c[i]
    result = einsum.einsum("ij,jk,i->k", wengert.tensor(a), wengert.tensor(b), wengert.tensor(c))
    assert result.tolist() == expected


def test_einsum_gradient_of_a_diagonal() -> None:
    x = wengert.ones((2, 2)).requires_grad_()
    einsum.einsum("ii", x).backward()
    assert x.grad.tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("equation", "shapes", "sentence"),
    [
        ("ij,jk", [(2, 3), (4, 5)], "subscript j has size 4 for operand 1"),
        ("ij->z", [(2, 3)], "output subscript z does not appear"),
        ("ij->ii", [(2, 3)], "output subscript i appears more than once"),
        ("i", [(2, 3)], "the number of subscripts in the equation"),
        ("i,j", [(2,)], "fewer operands were provided"),
        ("i.j", [(2, 3)], "not part of any ellipsis"),
    ],
)
def test_einsum_errors(equation: str, shapes: list[tuple[int, ...]], sentence: str) -> None:
    with pytest.raises(RuntimeError, match=sentence):
        einsum.einsum(equation, *(wengert.ones(shape) for shape in shapes))


def test_multi_dot_takes_the_cheapest_order() -> None:
    chain = [wengert.ones(shape) for shape in ((10, 100), (100, 5), (5, 50))]
    splits = linalg._best_splits(chain)
    assert splits[0, 2] == 1  # (AB)C: 7,500 products and not 75,000
    assert linalg.multi_dot(chain).tolist() == [[500.0] * 50] * 10


def test_beta_zero_ignores_nan() -> None:
    nan = wengert.tensor([float("nan")])
    ones = wengert.ones((1, 2))
    assert linalg.addmv(nan, ones, wengert.ones(2), beta=0).tolist() == [2.0]


def test_matrix_power() -> None:
    x = wengert.tensor([[1.0, 1.0], [1.0, 0.0]])
    assert linalg.matrix_power(x, 10).tolist() == [[89.0, 55.0], [55.0, 34.0]]
