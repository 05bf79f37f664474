"""x[...] and x[...] = v against NumPy: values, gradients, and what is refused."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest
from tests.unit.index_expressions import build, random_items, random_shape, reference

import wengert as wg

SEEDS = range(40)
CASES_PER_SEED = 25


def tensor(array: np.ndarray) -> Any:
    return wg.tensor(array.tolist(), dtype=getattr(wg, str(array.dtype))).reshape(array.shape)


def cases(seed: int) -> Any:
    rng = random.Random(seed)
    for _ in range(CASES_PER_SEED):
        shape = random_shape(rng)
        yield (
            rng,
            np.arange(np.prod(shape), dtype=np.float64).reshape(shape),
            random_items(rng, shape),
        )


def broadcastable(rng: random.Random, shape: tuple[int, ...]) -> np.ndarray:
    """Values of a shape that broadcasts to `shape`, perhaps with ones in front."""
    sizes = [1 if rng.random() < 0.3 else size for size in shape]
    sizes = sizes[rng.randint(0, len(sizes)) if rng.random() < 0.3 else 0 :]
    sizes = [1] * rng.choice([0, 0, 0, 2]) + sizes
    return np.array([rng.uniform(1, 2) for _ in range(int(np.prod(sizes)))]).reshape(sizes)


def reduced(gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient of what was broadcast from `shape`."""
    core = list(shape)
    while len(core) > gradient.ndim:
        assert core.pop(0) == 1
    padded = [1] * (gradient.ndim - len(core)) + core
    axes = tuple(i for i, size in enumerate(padded) if size == 1)
    return gradient.sum(axis=axes, keepdims=True).reshape(shape)


@pytest.mark.parametrize("seed", SEEDS)
def test_reading_and_its_gradient(seed: int) -> None:
    for rng, array, items in cases(seed):
        view, index = reference(array, items)
        expected = np.asarray(view[index])
        x = tensor(array).requires_grad_()
        y = x[build(items, tensor, bare=rng.random() < 0.5)]
        assert y.shape == expected.shape, items
        assert np.array_equal(y.detach().numpy(), expected), items
        weight = np.array([rng.random() for _ in range(expected.size)]).reshape(expected.shape)
        y.backward(tensor(weight))
        gradient = np.zeros_like(array)
        np.add.at(reference(gradient, items)[0], index, weight)
        assert np.allclose(x.grad.numpy(), gradient), items


@pytest.mark.parametrize("seed", SEEDS)
def test_writing_and_its_gradients(seed: int) -> None:
    for rng, array, items in cases(1000 + seed):
        expected = array.copy()
        view, index = reference(expected, items)
        values = broadcastable(rng, np.shape(view[index]))
        extra = max(values.ndim - np.ndim(view[index]), 0)
        view[index] = values.reshape(values.shape[extra:])
        x, v = tensor(array).requires_grad_(), tensor(values).requires_grad_()
        y = x * 1
        y[build(items, tensor)] = v
        weight = np.array([rng.random() for _ in range(array.size)]).reshape(array.shape)
        picked = np.asarray(reference(weight, items)[0][index])
        y.backward(tensor(weight))
        kept = weight.copy()
        reference(kept, items)[0][index] = 0
        assert np.allclose(x.grad.numpy(), kept), items
        assert np.allclose(v.grad.numpy(), reduced(picked, values.shape)), items
        if any(item[0] in ("tensor", "list") for item in items):
            continue  # which of several values for one place wins is not said
        assert np.array_equal(y.detach().numpy(), expected), items


@pytest.mark.parametrize("seed", range(10))
def test_adding_in_place_does_not_accumulate(seed: int) -> None:
    for rng, array, items in cases(2000 + seed):
        expected = array.copy()
        view, index = reference(expected, items)
        added = rng.random()
        view[index] += added
        y = tensor(array)
        y[build(items, tensor)] += added
        assert np.allclose(y.numpy(), expected), items


# --- the rules, one by one ---


def counted() -> Any:
    return wg.arange(24.0).reshape(2, 3, 4)


def test_adjacent_indices_stay_where_they_are_and_others_go_first() -> None:
    x = wg.zeros(2, 3, 4, 5)
    i, j = wg.zeros(7, dtype=wg.int64), wg.zeros(7, dtype=wg.int64)
    assert x[:, i, j].shape == (2, 7, 5)
    assert x[:, i, :, j].shape == (7, 2, 4)
    assert x[i, :, j].shape == (7, 3, 5)
    assert x[:, :, i, None].shape == (2, 3, 7, 1, 5)
    assert x[i, None, j].shape == (7, 1, 4, 5)


def test_an_int_beside_an_index_tensor_is_taken_first() -> None:
    """As in PyTorch; in NumPy the int would be one of the index arrays."""
    x, i = counted(), wg.tensor([0, 3, 3])
    assert x[0, :, i].shape == (3, 3)
    assert np.zeros((2, 3, 4))[0, :, i.numpy()].shape == (3, 3)
    y = wg.zeros(2, 3, 4, 5)
    assert y[:, 0, :, i].shape == (2, 4, 3)
    assert np.zeros((2, 3, 4, 5))[:, 0, :, i.numpy()].shape == (3, 2, 4)


@pytest.mark.parametrize(
    "index",
    [
        [1, 0, 1],
        (1, 0, 1),
        range(1, -1, -1),
        np.array([1, 0]),
        np.array([1, 0], dtype=np.int32),
        np.array([True, False]),
        [True, False],
        [],
        np.array([]),
        np.array(1),
        np.int64(1),
        np.uint8(1),
        np.array([[0, 1], [1, 0]]),
    ],
    ids=repr,
)
def test_what_may_be_an_index(index: Any) -> None:
    x = counted()
    plain = np.asarray(index)
    if plain.size == 0:
        plain = plain.astype(np.int64)
    if isinstance(index, tuple):
        assert x[index].tolist() == x.numpy()[index].tolist()
        index = (index,)
    assert x[index].tolist() == x.numpy()[plain].tolist()
    assert x[:, index if plain.dtype != bool else [True, False, True]].shape[0] == 2
    y = counted()
    y[index] = -1.0
    expected = counted().numpy()
    expected[plain] = -1
    assert y.tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "int8"])
def test_dtypes_of_index_tensors(dtype: str) -> None:
    index = wg.tensor([[1, -1], [0, -2]], dtype=getattr(wg, dtype))
    assert counted()[index].tolist() == counted().numpy()[index.numpy()].tolist()
    assert counted()[index[0, 0]].shape == (3, 4)


def test_a_byte_tensor_is_a_mask_and_warns() -> None:
    mask = wg.tensor([0, 1], dtype=wg.uint8)
    with pytest.warns(UserWarning, match="uint8 is deprecated"):
        assert counted()[mask].tolist() == counted()[1:].tolist()


def test_flags_add_a_dimension() -> None:
    x = counted()
    assert x[True].tolist() == x[None].tolist()
    assert x[False].shape == (0, 2, 3, 4)
    assert x[0, True].shape == (1, 3, 4)
    assert x[wg.tensor(True)].shape == (1, 2, 3, 4)
    assert x[wg.tensor(False), 1].shape == (0, 3, 4)
    assert wg.tensor(5)[True].tolist() == [5]
    assert wg.tensor(5)[wg.tensor(False)].shape == (0,)


def test_masks() -> None:
    x = counted()
    plain = x.numpy()
    assert x[x > 20].tolist() == [21, 22, 23]
    assert x[plain > 20].tolist() == [21, 22, 23]
    rows = wg.tensor([[True, False, True], [False, True, False]])
    assert x[rows].tolist() == plain[rows.numpy()].tolist()
    assert x[rows, 1].tolist() == plain[rows.numpy()][:, 1].tolist()
    assert x[rows, [0, 1, 2]].tolist() == plain[rows.numpy(), [0, 1, 2]].tolist()
    middle = wg.tensor([True, False, True])
    assert x[:, middle].tolist() == plain[:, [0, 2]].tolist()
    assert x[[0, 1], middle].tolist() == plain[[0, 1], [0, 2]].tolist()
    assert x[:, middle, wg.tensor([3, 0])].tolist() == plain[:, [0, 2], [3, 0]].tolist()
    assert x[wg.zeros(2, 3, dtype=wg.bool)].shape == (0, 4)
    assert x[..., wg.zeros(4, dtype=wg.bool)].shape == (2, 3, 0)


def test_masks_written_to() -> None:
    for value in (-1.0, -1, True, wg.tensor(-1.0), wg.tensor(-1), np.float32(-1), [-1.0]):
        x = counted()
        x[x > 5] = value
        expected = counted().numpy()
        expected[expected > 5] = float(value[0] if isinstance(value, list) else value)
        assert x.tolist() == expected.tolist()
    x = counted()
    x[x > 20] = wg.tensor([7.0, 8.0, 9.0])
    assert x.flatten()[-4:].tolist() == [20, 7, 8, 9]
    x[x > 100] = wg.zeros(0)
    assert x.max().item() == 20
    x[x > 5] *= 0
    assert x.sum().item() == 15


def test_equal_indices_add_up_only_in_gradients() -> None:
    x = wg.zeros(3, requires_grad=True)
    index = wg.tensor([1, 1, 1])
    x[index].sum().backward()
    assert x.grad.tolist() == [0, 3, 0]
    y = wg.zeros(3)
    y[index] += 1
    assert y.tolist() == [0, 1, 0]
    y.index_put_((index,), wg.ones(3), accumulate=True)
    assert y.tolist() == [0, 4, 0]


def test_values_assigned() -> None:
    x = counted()
    x[0] = [1, 2, 3, 4]
    x[1, 0] = np.arange(4)
    x[1, 1] = range(4, 8)
    x[1, 2] = wg.ones(1, 1, 4)
    assert x[0].tolist() == [[1, 2, 3, 4]] * 3
    assert x[1].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [1, 1, 1, 1]]
    x[0, 0, 0] = wg.full((1, 1), 9.0)
    x[0, 0, 1] = [8]
    assert x[0, 0].tolist() == [9, 8, 3, 4]
    x[...] = 5
    x[()] += 1
    assert x.unique().tolist() == [6]
    counts = wg.zeros(3, dtype=wg.int64)
    counts[0] = 1.9
    counts[1] = wg.tensor(2.7)
    counts[counts == 0] = 3.5
    assert counts.tolist() == [1, 2, 3]


def test_an_overlapping_source_is_read_first() -> None:
    x = wg.arange(5.0)
    x[1:] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3]
    x = wg.arange(5.0)
    x[[1, 2, 3, 4]] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3]


def test_basic_indices_are_views_and_others_copies() -> None:
    x = wg.arange(24.0).reshape(2, 3, 4).clone()
    for index in (0, slice(None), ..., None, (0, 1, 2), (), (slice(1, None), ..., None)):
        assert x[index]._base is x
        assert x[index].untyped_storage().data_ptr() == x.data_ptr()
    for index in ([0], wg.tensor([0, 1]), x > 3, True, (0, [1])):
        assert x[index]._base is None
        assert x[index].data_ptr() != x.data_ptr()


def test_writes_count_versions() -> None:
    x = counted()
    for index in (0, [0, 1], x > 3, ...):
        before = x._version
        x[index] = 1.0
        assert x._version == before + 1


def test_second_derivatives() -> None:
    x = wg.tensor([1.0, 2.0, 3.0], dtype=wg.float64, requires_grad=True)
    index = wg.tensor([0, 0, 2])
    (g,) = wg.autograd.grad((x[index] ** 3).sum(), x, create_graph=True)
    assert g.tolist() == [6, 0, 27]
    (h,) = wg.autograd.grad((g * wg.tensor([1.0, 5.0, 7.0])).sum(), x)
    assert h.tolist() == [12, 0, 126]
    v = wg.tensor([2.0, 3.0], dtype=wg.float64, requires_grad=True)
    y = x * x
    y[[0, 1]] = v**2
    (g,) = wg.autograd.grad((y**2).sum(), v, create_graph=True)
    assert g.tolist() == [32, 108]
    assert wg.autograd.grad(g.sum(), v)[0].tolist() == [48, 108]


def test_reads_of_nothing() -> None:
    none = wg.tensor([], dtype=wg.int64)
    assert wg.zeros(0, 3)[none].shape == (0, 3)
    assert wg.zeros(3, 0)[wg.tensor([0, 2])].shape == (2, 0)
    assert wg.zeros(3, 0)[:, none].shape == (3, 0)
    assert wg.zeros(2, 0)[wg.zeros(2, 0, dtype=wg.bool)].shape == (0,)
    assert wg.zeros(0)[:].shape == (0,)
    assert wg.zeros(3)[5:].shape == (0,)
    assert wg.zeros(3)[2:1].shape == (0,)
    assert wg.zeros(3)[-100:100].shape == (3,)


def test_tensors_as_bounds_of_slices() -> None:
    x = wg.arange(10)
    assert x[wg.tensor(2) : wg.tensor(7) : np.int64(2)].tolist() == [2, 4, 6]
    assert [10, 20, 30][wg.tensor(1)] == 20


def test_iteration_and_membership() -> None:
    x = counted()
    assert [row.shape for row in x] == [(3, 4)] * 2
    assert len(x) == 2
    assert 3.0 in x
    assert wg.tensor(50.0) not in x
    _, second = x
    assert second.tolist() == x[1].tolist()
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        iter(wg.tensor(1))
    with pytest.raises(TypeError, match=r"len\(\) of a 0-d tensor"):
        len(wg.tensor(1))


# --- nested lists ---


def test_a_nested_list_is_an_index_tensor_and_says_so() -> None:
    x = counted()
    with pytest.warns(UserWarning, match=r"write x\[tuple\(seq\)\]"):
        assert x[[[0, 1], [1, 0]]].tolist() == x[wg.tensor([[0, 1], [1, 0]])].tolist()
    with pytest.warns(UserWarning, match=r"x\[wengert.tensor\(seq\)\]"):
        assert x[[wg.tensor(0), wg.tensor(1)]].tolist() == x.tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert x[[[0, 1], [1, 0]],].shape == (2, 2, 3, 4)
        assert x[[0, 1], [1, 0]].shape == (2, 4)
        assert x[[0, 1]].shape == (2, 3, 4)


# --- errors ---

ARGUMENT = "\n  index: {} cpu"
SELF = "\n  self: float32[2, 3, 4] cpu"
KINDS = (
    "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
    "indices (got {})"
)
NO_INTEGERS = "tensors used as indices must be long, int, byte or bool tensors"
SEQUENCE = (
    "Using a non-tuple sequence for multidimensional indexing is not supported; use x[tuple(seq)] "
    "instead of x[seq]"
)


@pytest.mark.parametrize(
    ("index", "error", "text"),
    [
        (2, IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
        (-3, IndexError, "index -3 is out of bounds for dimension 0 with size 2"),
        ((0, 3), IndexError, "index 3 is out of bounds for dimension 1 with size 3"),
        ((0, None, ..., -5), IndexError, "index -5 is out of bounds for dimension 2 with size 4"),
        (
            ([0], [True, False, True], 4),
            IndexError,
            "index 4 is out of bounds for dimension 2 with size 4",
        ),
        ([5], IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
        (([0], [-4]), IndexError, "index -4 is out of bounds for dimension 1 with size 3"),
        ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3" + SELF),
        (([0],) * 4, IndexError, "too many indices for tensor of dimension 3" + SELF),
        ((..., ...), IndexError, "an index can only have a single ellipsis ('...')"),
        (slice(None, None, -1), ValueError, "step must be greater than zero"),
        (slice(None, None, 0), ValueError, "slice step cannot be zero"),
        (1.0, IndexError, KINDS.format("float")),
        ("a", IndexError, KINDS.format("str")),
        (b"a", IndexError, KINDS.format("bytes")),
        ({}, IndexError, KINDS.format("dict")),
        ([0.5], IndexError, NO_INTEGERS + ARGUMENT.format("float32[1]")),
        ([slice(0, 1), 0], IndexError, SEQUENCE),
        ([None, 0], IndexError, SEQUENCE),
        ([..., 0], IndexError, SEQUENCE),
        (2**63, ValueError, "Overflow when unpacking long long"),
        (
            ([0, 1], [0, 1, 2]),
            IndexError,
            "shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]",
        ),
        (
            np.ones((2, 2), dtype=bool),
            IndexError,
            "The shape of the mask [2, 2] at index 1 does not match the shape of the indexed "
            "tensor [2, 3, 4] at index 1",
        ),
        (
            np.ones((2, 3, 4, 1), dtype=bool),
            IndexError,
            "too many indices for tensor of dimension 3" + SELF,
        ),
    ],
    ids=repr,
)
def test_bad_indices(index: Any, error: type[Exception], text: str) -> None:
    for access in (lambda x: x[index], lambda x: x.__setitem__(index, 0.0)):
        x = counted()
        with pytest.raises(error) as caught:
            access(x)
        assert str(caught.value) == text
        assert x.tolist() == counted().tolist()
        assert x._version == 0


def test_a_list_of_index_tensors() -> None:
    with pytest.raises(IndexError, match=r"use x\[tuple\(seq\)\] instead of x\[seq\]"):
        counted()[[wg.tensor([0]), wg.tensor([1])]]


def test_floating_tensors_are_no_indices() -> None:
    with pytest.raises(IndexError) as caught:
        counted()[wg.tensor([1.0])]
    assert str(caught.value) == NO_INTEGERS + ARGUMENT.format("float32[1]")


def test_indices_of_numbers() -> None:
    number = wg.tensor(5)
    sentence = (
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python to convert a 0-dim tensor "
        "to a number"
    )
    for index, text in (
        (0, sentence),
        (slice(None), "slice() cannot be applied to a 0-dim tensor."),
        ([0], "too many indices for tensor of dimension 0\n  self: int64[] cpu"),
    ):
        with pytest.raises(IndexError) as caught:
            number[index]
        assert str(caught.value) == text
    assert number[...].item() == number[()].item() == 5
    assert number[None].shape == (1,)


@pytest.mark.parametrize(
    ("index", "value", "error", "text"),
    [
        (0, None, TypeError, "can't assign a NoneType to a wengert.FloatTensor"),
        (0, "a", TypeError, "can't assign a str to a wengert.FloatTensor"),
        (0, {}, TypeError, "can't assign a dict to a wengert.FloatTensor"),
        (0, 1j, RuntimeError, "value cannot be converted to type float32 without overflow"),
        (
            0,
            [1, 2, 3],
            RuntimeError,
            "expand(): The expanded size of the tensor (4) must match the existing size (3) at "
            "non-singleton dimension 1.  Target sizes: [3, 4].  Tensor sizes: [3]",
        ),
        (
            [0, 0],
            [[1.0] * 4] * 2,
            RuntimeError,
            "shape mismatch: value tensor of shape [2, 4] cannot be broadcast to indexing result "
            "of shape [2, 3, 4]",
        ),
    ],
    ids=repr,
)
def test_bad_values(index: Any, value: Any, error: type[Exception], text: str) -> None:
    x = counted()
    with pytest.raises(error) as caught:
        x[index] = value
    assert str(caught.value) == text
    assert x.tolist() == counted().tolist()
    assert x._version == 0


def test_index_tensors_do_not_cut_values_off() -> None:
    counts = wg.zeros(3, dtype=wg.int64)
    for value in (wg.tensor([1.5, 2.5]), wg.tensor(1.5), np.array([1.5, 2.5])):
        with pytest.raises(RuntimeError) as caught:
            counts[[0, 1]] = value
        kind = "Float" if isinstance(value, wg.Tensor) else "Double"
        assert str(caught.value).startswith(
            "Index put requires the source and destination dtypes match, got Long for the "
            f"destination and {kind} for the source."
        )
    counts[[0, 1]] = wg.tensor([1, 2], dtype=wg.int8)
    assert counts.tolist() == [1, 2, 0]


def test_items_are_not_deleted() -> None:
    with pytest.raises(TypeError, match="Tensor does not support deleting items"):
        del counted()[0]
