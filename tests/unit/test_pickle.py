"""Pickles and copies: values, history flags, attributes, and above all what tensors share."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import wengert as wg
from wengert.nn import Parameter

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


class Marked(wg.Tensor):
    """A subclass that pickle can find."""


def by_pickle(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


REMAKE = pytest.mark.parametrize("remake", [by_pickle, copy.deepcopy])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "dtype",
    ["bool", "uint8", "int64", "float16", "bfloat16", "float32", "float64", "complex128"],
)
def test_values_of_every_layout(protocol: int, dtype: str) -> None:
    x = wg.arange(24).to(getattr(wg, dtype))
    for tensor in (x, x.reshape(4, 6).t(), x[5:9], x[:0], x[3], x.reshape(2, 3, 4)[:, 1:, ::2]):
        again = pickle.loads(pickle.dumps(tensor, protocol))
        assert again.dtype is tensor.dtype
        assert again.stride() == tensor.stride()
        assert again.tolist() == tensor.tolist()


@REMAKE
def test_shared_memory_stays_shared(remake: Any) -> None:
    x = wg.arange(6.0)
    view, whole, other = remake((x[2:], x, wg.arange(6.0)))
    whole[3] = 100
    assert view.tolist() == [2, 100, 4, 5]
    assert other[3].item() == 3
    assert view.storage_offset() == 2
    assert view.untyped_storage() is whole.untyped_storage()
    assert x[3].item() == 3


@REMAKE
def test_the_same_tensor_stays_the_same(remake: Any) -> None:
    x = wg.ones(2, requires_grad=True)
    a, b = remake([x, x])
    assert a is b
    assert a is not x


@REMAKE
def test_empty_tensors_share_nothing(remake: Any) -> None:
    a, b = remake((wg.zeros(0), wg.zeros(0, 3)))
    assert (a.shape, b.shape) == ((0,), (0, 3))


@REMAKE
def test_requires_grad_and_attributes(remake: Any) -> None:
    x = wg.ones(2, requires_grad=True)
    x.note = ["kept"]
    again = remake(x)
    assert again.requires_grad
    assert again.is_leaf
    assert again.note == ["kept"]
    assert again.note is not x.note
    assert not remake(wg.ones(1)).requires_grad


@REMAKE
@pytest.mark.parametrize("kind", [Parameter, Marked])
def test_subclasses(remake: Any, kind: Any) -> None:
    x = wg.Tensor._make_subclass(kind, wg.arange(3.0), True)
    x.note = 3
    again = remake(x)
    assert type(again) is kind
    assert again.requires_grad
    assert again.note == 3
    assert again.tolist() == [0, 1, 2]
    assert again.data_ptr() != x.data_ptr()


def test_gradients_are_deep_copied_but_not_pickled() -> None:
    x = wg.ones(2, requires_grad=True)
    (x * x).sum().backward()
    again = copy.deepcopy(x)
    assert again.grad.tolist() == [2, 2]
    again.grad.zero_()
    assert x.grad.tolist() == [2, 2]
    assert by_pickle(x).grad is None


def test_non_leaf() -> None:
    y = wg.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match=r"created explicitly by the user \(graph leaves\)"):
        copy.deepcopy(y)
    again = by_pickle(y)
    assert again.is_leaf
    assert again.requires_grad
    assert copy.deepcopy(y.detach()).tolist() == [2, 2]


def test_shallow_copy_shares_memory() -> None:
    x = wg.arange(4.0)[1:]
    x.note = 1
    again = copy.copy(x)
    assert again is not x
    assert again.data_ptr() == x.data_ptr()
    assert again.note == 1


def test_cycles_through_attributes() -> None:
    x = wg.ones(1)
    x.me = x
    assert copy.deepcopy(x).me is not x
    again = copy.deepcopy(x)
    assert again.me is again
    loaded = by_pickle(x)
    assert loaded.me is loaded


def test_out_of_band_buffers() -> None:
    x = wg.arange(1000)
    buffers: list[Any] = []
    data = pickle.dumps(x, 5, buffer_callback=buffers.append)
    assert len(data) < 500
    assert pickle.loads(data, buffers=buffers).tolist() == x.tolist()


def test_loaded_from_read_only_bytes_is_writable() -> None:
    np = pytest.importorskip("numpy")
    array = np.ones(2)
    array.flags.writeable = False
    for remake in (by_pickle, copy.deepcopy):
        assert remake(wg.from_numpy(array)).add_(1).tolist() == [2, 2]


def test_damaged_geometry_is_noticed() -> None:
    from wengert._interop import _rebuild

    storage = wg.zeros(4).untyped_storage()
    with pytest.raises(RuntimeError, match="out of bounds for storage of size 16"):
        _rebuild(wg.Tensor, storage, wg.float32, 1, (4,), (1,), False)
    with pytest.raises(RuntimeError, match="must not be negative"):
        _rebuild(wg.Tensor, storage, wg.float32, 3, (4,), (-1,), False)


@pytest.mark.parametrize(
    "value",
    [
        wg.Size([2, 3]),
        wg.device("cpu"),
        wg.device("cuda", 1),
        wg.float32,
        wg.bool,
        wg.strided,
        wg.channels_last,
    ],
)
def test_attributes_of_tensors(value: Any) -> None:
    for again in (by_pickle(value), copy.deepcopy(value), copy.copy(value)):
        assert again == value
        assert type(again) is type(value)
