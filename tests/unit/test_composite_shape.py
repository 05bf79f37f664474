"""Shape operators: values on small tensors, views, and gradients where memory is shared."""

from __future__ import annotations

import pytest

import wengert
from wengert._composite import joining, method_body, shape

X = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def tensor(value: object, **options: object) -> wengert.Tensor:
    return wengert.tensor(value, **options)


def test_flatten_is_a_view() -> None:
    x = tensor(X)
    shape.flatten(x)[0] = 9.0
    assert x[0, 0].item() == 9.0


def test_repeat_never_shares_memory() -> None:
    for counts in ((3,), (1,), (1, 2)):
        x = tensor([1.0])
        y = shape.repeat(x, *counts)
        y.reshape(-1)[0] = 5.0
        assert x.tolist() == [1.0]
        assert y.reshape(-1).tolist()[1:] == [1.0] * (y.numel() - 1)


def test_tile_method_takes_counts_one_by_one() -> None:
    x = tensor([1.0, 2.0])
    method = method_body(shape, "tile")
    assert method(x, 2, 1).tolist() == shape.tile(x, dims=(2, 1)).tolist() == [[1.0, 2.0]] * 2


def test_repeat_gradient_adds_up() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    (shape.repeat(x, 3) * tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).sum().backward()
    assert x.grad.tolist() == [9.0, 12.0]


def test_repeat_interleave() -> None:
    x = tensor(X)
    assert shape.repeat_interleave(x, 2, 1).tolist()[0] == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    counts = tensor([2, 0, 1])
    assert shape.repeat_interleave(counts).tolist() == [0, 0, 2]
    assert shape.repeat_interleave(x, counts, 1).tolist() == [[1.0, 1.0, 3.0], [4.0, 4.0, 6.0]]


def test_diag_embed_keeps_infinities_to_themselves() -> None:
    inf = float("inf")
    assert shape.diag_embed(tensor([inf, 1.0])).tolist() == [[inf, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("mode", "margins", "expected"),
    [
        ("reflect", (2, 1), [3, 2, 1, 2, 3, 2]),
        ("replicate", (2, 1), [1, 1, 1, 2, 3, 3]),
        ("circular", (2, 1), [2, 3, 1, 2, 3, 1]),
        ("constant", (2, 1), [0, 0, 1, 2, 3, 0]),
        ("replicate", (-1, 1), [2, 3, 3]),
    ],
)
def test_pad(mode: str, margins: tuple[int, int], expected: list[int]) -> None:
    result = shape.pad(tensor([[1.0, 2.0, 3.0]]), margins, mode)
    assert result.tolist() == [[float(value) for value in expected]]


def test_split_and_chunk_are_views() -> None:
    x = tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    assert [piece.tolist() for piece in joining.split(x, 2)] == [[1.0, 2.0], [3.0, 4.0], [5.0]]
    joining.chunk(x, 2)[1][0] = 0.0
    assert x.tolist() == [1.0, 2.0, 3.0, 0.0, 5.0]


def test_combinations() -> None:
    expected = [[1, 2], [1, 3], [2, 3]]
    assert joining.combinations(tensor([1, 2, 3])).tolist() == expected


def test_scatter_forms_leave_the_input_alone() -> None:
    x = tensor(X)
    shape.select_scatter(x, tensor([0.0, 0.0]), 1, 0)
    shape.slice_scatter(x, tensor([[0.0], [0.0]]), 1, 0, 1)
    shape.diagonal_scatter(x, tensor([0.0, 0.0]))
    assert x.tolist() == X


def test_errors_name_the_operator() -> None:
    with pytest.raises(IndexError, match=r"flatten\(\): Dimension out of range .*got 2"):
        shape.flatten(tensor(X), 2)
    with pytest.raises(RuntimeError, match="cannot be broadcast to a single shape"):
        shape.broadcast_shapes((2,), (3,))
