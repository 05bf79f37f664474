"""Saved values and arrays that share their memory: writes are noticed, reads are not held against."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import wengert as wg

OVERWRITTEN = "modified by an inplace operation"


def test_an_array_that_is_only_read() -> None:
    x = wg.ones(3, requires_grad=True)
    y = x.exp()
    array = y.detach().numpy()
    assert array.sum() > 8
    (y * y).sum().backward()
    assert np.allclose(x.grad.numpy(), 2 * np.exp(2.0))


@pytest.mark.parametrize("size", [1, 3, 31, 1000])
@pytest.mark.parametrize("role", ["output", "input"])
def test_a_write_after_the_value_was_saved(role: str, size: int) -> None:
    x = wg.ones(size, requires_grad=True)
    data = wg.ones(size)
    y = x.exp() if role == "output" else x * data
    array = (y.detach() if role == "output" else data).numpy()
    array[-1] = 7
    with pytest.raises(RuntimeError, match=OVERWRITTEN):
        y.sum().backward()


def test_a_write_before_the_value_was_saved() -> None:
    data = wg.ones(3)
    array = data.numpy()
    array[0] = 5
    x = wg.ones(3, requires_grad=True)
    loss = (x * data).sum()
    loss.backward()
    assert x.grad.tolist() == [5, 1, 1]
    x.grad = None
    loss = (x * data).sum()
    array[0] = 6
    with pytest.raises(RuntimeError, match=OVERWRITTEN):
        loss.backward()


def test_the_same_value_written_again() -> None:
    x = wg.ones(3, requires_grad=True)
    y = x.exp()
    array = y.detach().numpy()
    array[0] = array[0]
    y.sum().backward()


def test_memory_is_read_anew_when_it_is_shared_again() -> None:
    data = wg.ones(3)
    x = wg.ones(3, requires_grad=True)
    loss = (x * data).sum()
    array = data.numpy()
    del array
    gc.collect()
    with wg.no_grad():
        kept = data.numpy()
    assert kept[0] == 1
    loss.backward()
    array = data.numpy()
    array[0] = 3  # nothing is saved now
    loss = (x * data).sum()
    loss.backward()
    assert x.grad.tolist() == [4, 2, 2]


def test_dlpack() -> None:
    x = wg.ones(3, requires_grad=True)
    data = wg.ones(3)
    loss = (x * data).sum()
    array = np.from_dlpack(data)
    if not array.flags.writeable:
        pytest.skip("this NumPy makes arrays from DLPack that cannot be written to")
    array[0] = 2
    with pytest.raises(RuntimeError, match=OVERWRITTEN):
        loss.backward()


def test_other_memory_at_the_same_place() -> None:
    """Notes about memory end with the sharing: what is allocated there later is not judged by it."""
    for value in range(50):
        x = wg.ones(64, requires_grad=True)
        y = x * value
        z = y.exp()
        array = z.detach().numpy()
        assert array[0] >= 0
        z.sum().backward()
        del array, x, y, z
