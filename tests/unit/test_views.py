"""Views: geometry, shared memory, and gradients that come back through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest

import wengert as wg


def counted(*shape: int, dtype: Any = wg.float64) -> Any:
    return wg.arange(int(numpy.prod(shape)), dtype=dtype).view(shape)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (lambda x: x.transpose(0, 1), lambda x: x.T),
        (lambda x: x.select(1, -1), lambda x: x[:, -1]),
        (lambda x: x.narrow(1, -2, 2), lambda x: x[:, -2:]),
        (lambda x: x[1:, ::2], lambda x: x[1:, ::2]),
        (lambda x: x.diagonal(1), lambda x: numpy.diagonal(x, 1)),
        (lambda x: x.diagonal(-9), lambda x: numpy.zeros(0)),
        (lambda x: x.unbind(1)[2], lambda x: x[:, 2]),
        (lambda x: x.split_with_sizes([1, 2])[1], lambda x: x[1:]),
        (lambda x: x.unfold(1, 2, 1)[0], lambda x: numpy.stack([x[0, :-1], x[0, 1:]], 1)),
        (lambda x: x.unsqueeze(-1), lambda x: x[..., None]),
        (lambda x: x[:1].squeeze(), lambda x: x[0]),
        (lambda x: x.as_strided((2, 2), (4, 1), 1), lambda x: x[:2, 1:3]),
        (lambda x: x[:, :1].expand(3, 2), lambda x: numpy.broadcast_to(x[:, :1], (3, 2))),
        (lambda x: x.t().permute(1, 0), lambda x: x),
    ],
)
def test_views_share_memory_and_scatter_their_gradients(
    view: Callable[[Any], Any], expected: Callable[[Any], Any]
) -> None:
    x = counted(3, 4).requires_grad_()
    y = view(x)
    plain = numpy.arange(12.0).reshape(3, 4)
    assert y.tolist() == expected(plain).tolist()
    assert y._storage_pointer() == x._storage_pointer()
    weight = counted(*y.shape) + 1
    (y * weight).sum().backward()
    gradient = numpy.zeros(12)
    places = expected(numpy.arange(12).reshape(3, 4))
    numpy.add.at(gradient, places.reshape(-1).astype(int), numpy.array(weight.tolist()).reshape(-1))
    assert x.grad.tolist() == gradient.reshape(3, 4).tolist()


def test_as_strided_adds_where_elements_overlap() -> None:
    x = counted(4).requires_grad_()
    x.as_strided((3, 2), (1, 1)).sum().backward()
    assert x.grad.tolist() == [1, 2, 2, 1]


def test_as_strided_shares_the_gradient_of_expanded_elements() -> None:
    x = wg.ones(1, requires_grad=True)
    x.expand(3).as_strided((1,), (1,)).sum().backward()
    assert x.grad.tolist() == [1]


def test_as_strided_stays_within_the_memory() -> None:
    with pytest.raises(RuntimeError, match="out of bounds for storage of size 32"):
        counted(4).as_strided((3, 2), (2, 1))
    with pytest.raises(RuntimeError, match="Negative strides are not supported"):
        counted(4).as_strided((2,), (-1,))


def test_complex_views() -> None:
    z = wg.tensor([1 + 2j, 3 + 4j], requires_grad=True)
    pairs = wg.view_as_real(z)
    assert pairs.tolist() == [[1, 2], [3, 4]]
    (pairs * wg.tensor([[1.0, 10.0], [100.0, 1000.0]])).sum().backward()
    assert z.grad.tolist() == [1 + 10j, 100 + 1000j]
    x = counted(2, 2).requires_grad_()
    back = wg.view_as_complex(x)
    assert back.tolist() == [1j, 2 + 3j]
    wg.view_as_real(back * 1j).sum().backward()
    assert x.grad.tolist() == [[1, -1], [1, -1]]


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        (lambda: counted(3), "last dimension of size 2"),
        (lambda: counted(2, 2).t(), "last dimension with stride 1"),
        (lambda: counted(5)[1:].view(2, 2), "storage_offset divisible by 2"),
        (lambda: counted(2, 3)[:, :2], "stride divisible by 2"),
        (lambda: wg.ones(2, dtype=wg.int64), "only supported for"),
    ],
)
def test_view_as_complex_says_what_is_wrong(argument: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(RuntimeError, match=sentence):
        wg.view_as_complex(argument())


def test_errors() -> None:
    x = counted(3, 4)
    with pytest.raises(RuntimeError, match=r"start \(2\) \+ length \(3\) exceeds dimension size"):
        x.narrow(0, 2, 3)
    with pytest.raises(IndexError, match="start out of range"):
        x.narrow(0, 4, 0)
    with pytest.raises(RuntimeError, match="sum exactly to 3"):
        x.split_with_sizes([1, 1])
    with pytest.raises(RuntimeError, match="diagonal dimensions cannot be identical"):
        x.diagonal(0, 1, -1)
    with pytest.raises(RuntimeError, match="maximum size for tensor at dimension 0 is 3 but size"):
        x.unfold(0, 4, 1)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.t().view(12)
    with pytest.raises(RuntimeError, match="must match the existing size"):
        x.expand(3, 5)
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.unbind(2)


def test_dtype_views_read_the_same_bytes() -> None:
    x = wg.tensor([[1.0, 2.0]], dtype=wg.float32)
    bits = wg._C._view_dtype(x, wg.int32)
    assert bits.tolist() == [[0x3F800000, 0x40000000]]
    assert wg._C._view_dtype(x, wg.float64).shape == (1, 1)
    assert wg._C._view_dtype(x, wg.uint8).shape == (1, 8)
    bits.zero_()
    assert x.tolist() == [[0, 0]]
    with pytest.raises(RuntimeError, match="must be divisible by 2"):
        wg._C._view_dtype(wg.ones(3, dtype=wg.float32), wg.float64)


def test_contiguous_keeps_what_is_contiguous() -> None:
    x = counted(2, 3)
    assert x.contiguous() is x
    assert x.t().contiguous().stride() == (2, 1)


def test_cat_leaves_out_empty_vectors() -> None:
    x = wg.ones(2, 3, requires_grad=True)
    empty = wg.empty(0, requires_grad=True)
    joined = wg.cat([empty, x, x * 2], 1)
    assert joined.shape == (2, 6)
    joined.sum().backward()
    assert x.grad.tolist() == [[3] * 3] * 2
    assert empty.grad.shape == (0,)


def test_scatter_gradient_covers_a_larger_source() -> None:
    source = counted(3, 4).requires_grad_()
    index = wg.tensor([[0, 2], [1, 0]])
    wg.zeros(2, 3, dtype=wg.float64).scatter_add(1, index, source).sum().backward()
    assert source.grad.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("reduce", "for_input", "for_source"),
    [
        ("sum", [1, 1], [1, 1, 1]),
        ("mean", [1 / 3, 0.5], [1 / 3, 1 / 3, 0.5]),
        ("prod", [6, 4], [3, 2, 2]),
        ("amax", [0, 0], [0, 1, 1]),
        ("amin", [1, 1], [0, 0, 0]),
    ],
)
def test_scatter_reduce_gradients(reduce: str, for_input: list, for_source: list) -> None:
    x = wg.tensor([1.0, 2.0], dtype=wg.float64, requires_grad=True)
    source = wg.tensor([2.0, 3.0, 4.0], dtype=wg.float64, requires_grad=True)
    index = wg.tensor([0, 0, 1])
    x.scatter_reduce(0, index, source, reduce).sum().backward()
    assert x.grad.tolist() == pytest.approx(for_input)
    assert source.grad.tolist() == pytest.approx(for_source)


def test_scatter_reduce_shares_between_ties() -> None:
    x = wg.tensor([3.0], requires_grad=True)
    source = wg.tensor([3.0, 1.0], requires_grad=True)
    x.scatter_reduce(0, wg.tensor([0, 0]), source, "amax").sum().backward()
    assert (x.grad.tolist(), source.grad.tolist()) == ([0.5], [0.5, 0.0])


def test_index_fill_counts_repeated_indices_once() -> None:
    value = wg.tensor(5.0, requires_grad=True)
    wg.zeros(3).index_fill(0, wg.tensor([1, 1, -1]), value).sum().backward()
    assert value.grad.item() == 2


def test_embedding_padding_gets_no_gradient() -> None:
    weight = wg.ones(3, 2, requires_grad=True)
    wg.nn.functional.embedding(wg.tensor([[1, 1], [2, 0]]), weight, padding_idx=2).sum().backward()
    assert weight.grad.tolist() == [[1, 1], [2, 2], [0, 0]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((5,), [0, 1, 2, 3, 4]),
        ((1, 7, 2), [1, 3, 5]),
        ((3, 0, -1), [3, 2, 1]),
        ((1, 2.0, 0.5), [1.0, 1.5]),
        ((2, 2), []),
    ],
)
def test_arange(arguments: tuple, expected: list) -> None:
    result = wg.arange(*arguments)
    assert result.tolist() == expected
    integers = all(isinstance(a, int) for a in arguments)
    assert result.dtype == (wg.int64 if integers else wg.float32)


def test_arange_errors() -> None:
    with pytest.raises(RuntimeError, match="step must be nonzero"):
        wg.arange(0, 1, 0)
    with pytest.raises(RuntimeError, match="upper bound and lower bound inconsistent"):
        wg.arange(1, 0)


def test_linspace_meets_both_ends() -> None:
    for steps in (1, 2, 3, 10, 1000):
        result = wg.linspace(0.1, 0.7, steps, dtype=wg.float64).tolist()
        assert result[0] == 0.1
        assert steps == 1 or result[-1] == 0.7
    assert wg.linspace(0, 10, 4, dtype=wg.int64).tolist() == [0, 3, 6, 10]


def test_like_keeps_the_layout() -> None:
    x = counted(2, 3).t()
    assert wg.zeros_like(x).stride() == x.stride()
    assert wg.ones_like(x, dtype=wg.bool).tolist() == [[True, True]] * 3
    assert wg.full_like(x, 7).dtype == wg.float64
    assert x.new_zeros(2, 1).tolist() == [[0], [0]]
    assert x.new_tensor([1]).dtype == wg.float64
    assert wg.empty_strided((2, 3), (1, 2)).stride() == (1, 2)
