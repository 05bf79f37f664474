"""Memory shared with NumPy, DLPack and buffers, in both directions."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from typing import Any

import pytest

import wengert as wg
from wengert.utils.dlpack import to_dlpack

np = pytest.importorskip("numpy")

SHARED = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
          "complex64", "complex128")  # fmt: skip


def layouts(array: Any) -> list[Any]:
    """The same dtype in several shapes and strides."""
    return [
        array,
        array.reshape(2, 3, 4),
        array.reshape(4, 6).T,
        array[::5],
        array[:0],
        array[3:4].reshape(()),
        array.reshape(4, 6)[1:, ::2],
        array.reshape(1, 24)[:, None],
        np.broadcast_to(array[:3], (2, 3)),
    ]


# --- NumPy ---


@pytest.mark.parametrize("name", SHARED)
def test_numpy_both_ways_shares_memory(name: str) -> None:
    for array in layouts((np.arange(24) % 7).astype(name)):
        tensor = wg.from_numpy(array)
        assert tensor.dtype is getattr(wg, name)
        assert tensor.shape == array.shape
        assert tensor.tolist() == array.tolist()
        if array.size:
            assert tensor.data_ptr() == array.ctypes.data
        back = tensor.numpy()
        assert back.dtype == array.dtype
        assert back.flags.writeable == array.flags.writeable
        np.testing.assert_array_equal(back, array)
        if array.size:
            assert back.ctypes.data == array.ctypes.data


def test_writes_are_seen_on_the_other_side() -> None:
    array = np.zeros(3)
    tensor = wg.from_numpy(array)
    tensor[1] = 5
    array[2] = 7
    assert array.tolist() == [0, 5, 7] == tensor.tolist()
    view = tensor[1:].numpy()
    view += 1
    assert tensor.tolist() == [0, 6, 8]


def test_array_keeps_the_memory_alive() -> None:
    tensor = wg.arange(1000).clone()
    array = tensor[10:].numpy()
    del tensor
    gc.collect()
    wg.zeros(1000, dtype=wg.int64)  # would take the freed block
    assert array.tolist() == list(range(10, 1000))


def test_tensor_keeps_the_array_alive_and_lets_go_of_it() -> None:
    class Array(np.ndarray):
        pass

    array = np.arange(5.0).view(Array)
    there = weakref.ref(array)
    tensor = wg.from_numpy(array)
    view = tensor[1:]
    del array, tensor
    assert there() is not None
    assert view.tolist() == [1, 2, 3, 4]
    del view
    assert there() is None


def test_read_only_arrays_become_read_only_tensors() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    tensor = wg.from_numpy(array)
    for write in (
        lambda: tensor.add_(1),
        lambda: tensor.zero_(),
        lambda: tensor.copy_(wg.zeros(3)),
        lambda: tensor.__setitem__(0, 2),
        lambda: tensor.__setitem__([0], 2.0),
        lambda: wg.neg(wg.ones(3, dtype=wg.float64), out=tensor),
    ):
        with pytest.raises(RuntimeError, match="read-only"):
            write()
    assert array.tolist() == [1, 1, 1]
    assert not tensor.numpy().flags.writeable
    assert tensor.clone().add_(1).tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: 3, TypeError, r"expected np.ndarray \(got int\)"),
        (lambda: np.float32(3), TypeError, r"expected np.ndarray \(got numpy.float32\)"),
        (lambda: np.array(["a"]), TypeError, "np.ndarray of type numpy.str_. The only supported"),
        (lambda: np.array([None]), TypeError, "np.ndarray of type numpy.object_. The only"),
        (lambda: np.ones(2, np.uint16), TypeError, "type numpy.uint16"),
        (lambda: np.ones(3)[::-1], ValueError, "stride in the given numpy array is negative"),
        (lambda: np.ones(3, ">f4"), ValueError, "byte order different from the native"),
        (lambda: np.ones(3, [("a", "i1"), ("b", "f4")])["b"], ValueError, "aligned"),
        (lambda: np.ones(3, [("a", "c16"), ("b", "f8")])["a"], ValueError, "multiple of the elem"),
    ],
)
def test_from_numpy_errors(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        wg.from_numpy(make())


def test_numpy_errors() -> None:
    x = wg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"Use tensor.detach\(\).numpy\(\) instead"):
        x.numpy()
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        np.asarray(x)
    assert x.numpy(force=True).tolist() == [1, 1]
    with pytest.raises(TypeError, match="Got unsupported ScalarType BFloat16"):
        wg.ones(2, dtype=wg.bfloat16).numpy()


def test_array_protocol() -> None:
    x = wg.arange(3)
    assert np.asarray(x).ctypes.data == x.data_ptr()
    assert np.array(x).ctypes.data != x.data_ptr()
    assert np.asarray(x, dtype="f8").dtype == np.float64
    assert x.__array__(np.dtype("i1")).dtype == np.int8
    assert np.array([wg.tensor(1.0), wg.tensor(2.0)]).tolist() == [1, 2]
    assert np.array(x, copy=True).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        x.__array__(np.dtype("f8"), copy=False)


def test_operators_with_arrays_give_tensors() -> None:
    x = wg.tensor([1.0, 2.0, 3.0])
    a = np.array([3.0, 2.0, 1.0])
    for result, expected in (
        (x + a, [4, 4, 4]),
        (a + x, [4, 4, 4]),
        (a - x, [2, 0, -2]),
        (x / a, [1 / 3, 1, 3]),
        (2.0 * x, [2, 4, 6]),
        (np.float64(2) * x, [2, 4, 6]),
        (x * np.float32(2), [2, 4, 6]),
        (x * np.array(2.0), [2, 4, 6]),
        (x == a, [False, True, False]),
        (a > x, [True, False, False]),
    ):
        assert isinstance(result, wg.Tensor)
        assert result.tolist() == expected
    assert (x + a).dtype is wg.float64
    assert (x * np.float64(2)).dtype is wg.float32
    assert (wg.from_numpy(a) @ a).item() == 14
    x += a
    assert x.tolist() == [4, 4, 4]
    with pytest.raises(TypeError, match="numpy.str_"):
        x + np.array(["a", "b", "c"])
    with pytest.raises(TypeError):
        x + object()


def test_operators_with_arrays_are_differentiated() -> None:
    x = wg.ones(3, dtype=wg.float64, requires_grad=True)
    (np.array([1.0, 2.0, 3.0]) * x).sum().backward()
    assert x.grad.tolist() == [1, 2, 3]


def test_universal_functions_return_tensors() -> None:
    x = wg.tensor([0.0, 1.0])
    assert isinstance(np.exp(x), wg.Tensor)
    assert np.add(np.ones(2), x).tolist() == [1, 2]


def test_arrays_as_indices_and_values() -> None:
    x = wg.arange(6).reshape(2, 3)
    assert x[np.array([1, 0])].tolist() == [[3, 4, 5], [0, 1, 2]]
    assert x[:, np.arange(3)[::-1]].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert x[np.array([True, False])].tolist() == [[0, 1, 2]]
    assert x[np.int64(1), np.uint8(2)].item() == 5
    assert x[np.array(1)].tolist() == [3, 4, 5]
    x[0] = np.array([7, 8, 9])
    x[np.array([1]), np.array([2])] = np.int64(1)
    assert x.tolist() == [[7, 8, 9], [3, 4, 1]]


@pytest.mark.parametrize(
    ("data", "dtype", "values"),
    [
        (np.arange(3, dtype="i2"), "int16", [0, 1, 2]),
        (np.arange(3.0)[::-1], "float64", [2, 1, 0]),
        (np.float32(1.5), "float32", 1.5),
        (np.float64(1.5), "float64", 1.5),
        (np.bool_(True), "bool", True),
        ([np.float64(1), 2.0], "float64", [1, 2]),
        ([np.int32(1), np.int32(2)], "int32", [1, 2]),
        ([np.int32(1), 2], "int64", [1, 2]),
        ([np.int32(1), np.float16(2)], "float16", [1, 2]),
        ([np.ones(2), np.zeros(2)], "float64", [[1, 1], [0, 0]]),
        ([[1, 2], np.array([3, 4])], "int64", [[1, 2], [3, 4]]),
        ([np.array(1), np.array(2)], "int64", [1, 2]),
        ([[np.ones((1, 2), "f4")]], "float32", [[[[1, 1]]]]),
        (range(3), "int64", [0, 1, 2]),
        (memoryview(b"abc"), "int64", [97, 98, 99]),
    ],
)
def test_tensor_of_arrays(data: Any, dtype: str, values: Any) -> None:
    tensor = wg.tensor(data)
    assert tensor.dtype is getattr(wg, dtype)
    assert tensor.tolist() == values
    assert wg.tensor(data, dtype=wg.float64).tolist() == values


def test_tensor_copies_and_takes_whatever_offers_an_array() -> None:
    class Offers:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.arange(2)

    array = np.zeros(2)
    assert wg.tensor(array).data_ptr() != array.ctypes.data
    assert wg.tensor(Offers()).tolist() == [0, 1]
    with pytest.raises(TypeError, match="new\\(\\): invalid data type 'str'"):
        wg.tensor("abc")
    with pytest.raises(ValueError, match="too many dimensions 'str'"):
        wg.tensor(["a"])
    with pytest.raises(RuntimeError, match="Could not infer dtype of NoneType"):
        wg.tensor([None])
    with pytest.raises(ValueError, match="only one element tensors can be converted"):
        wg.tensor([wg.ones(2), wg.ones(2)])
    with pytest.raises(ValueError, match="expected sequence of length 2 at dim 1"):
        wg.tensor([np.ones(2), np.ones(3)])


def test_as_tensor() -> None:
    array = np.zeros(2)
    x = wg.ones(2)
    assert wg.as_tensor(array).data_ptr() == array.ctypes.data
    assert wg.as_tensor(array, dtype=wg.float32).dtype is wg.float32
    assert wg.as_tensor(x) is x
    assert wg.as_tensor(x, dtype=wg.int32).tolist() == [1, 1]
    assert wg.as_tensor([1, 2.5]).tolist() == [1, 2.5]
    y = x.requires_grad_()
    assert wg.as_tensor(y, dtype=wg.float64).grad_fn is not None


def test_asarray() -> None:
    array = np.zeros(2, "f4")
    x = wg.ones(2)
    assert wg.asarray(x) is x
    assert wg.asarray(x, copy=False) is x
    assert wg.asarray(x, copy=True).data_ptr() != x.data_ptr()
    assert wg.asarray(array).data_ptr() == array.ctypes.data
    assert wg.asarray(array, copy=True).data_ptr() != array.ctypes.data
    assert wg.asarray(np.float32(3)).item() == 3
    assert wg.asarray(b"abcd", dtype=wg.uint8).tolist() == [97, 98, 99, 100]
    assert wg.asarray([1, 2]).tolist() == [1, 2]
    assert wg.asarray(to_dlpack(x)).data_ptr() == x.data_ptr()
    assert wg.asarray(array, requires_grad=True).requires_grad
    assert not wg.asarray(wg.ones(1, requires_grad=True)).requires_grad
    with pytest.raises(ValueError, match="can't alias arbitrary sequence into a tensor"):
        wg.asarray([1, 2], copy=False)
    with pytest.raises(ValueError, match="can't alias tensor with dtype"):
        wg.asarray(array, dtype=wg.float64, copy=False)


def test_importing_needs_no_numpy() -> None:
    code = "import sys, wengert; assert 'numpy' not in sys.modules; wengert.tensor([1.0]) + 1"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- buffers ---


def test_frombuffer_shares_memory() -> None:
    buffer = bytearray(range(16))
    x = wg.frombuffer(buffer, dtype=wg.int16, count=3, offset=4)
    assert x.tolist() == [0x0504, 0x0706, 0x0908]
    x[0] = 0
    assert buffer[4:6] == b"\0\0"
    with pytest.raises(BufferError):
        buffer.append(1)  # the memory is in use
    del x
    buffer.append(1)
    fixed = wg.frombuffer(b"abcd", dtype=wg.uint8)
    with pytest.raises(RuntimeError, match="read-only"):
        fixed.zero_()
    assert wg.frombuffer(bytearray(8), dtype=wg.float32, requires_grad=True).requires_grad


@pytest.mark.parametrize(
    ("buffer", "options", "words"),
    [
        (bytearray(8), {"count": 3}, r"requested buffer length \(3 \* 4 bytes\) after offset \(0"),
        (bytearray(8), {"offset": 9}, r"offset \(9 bytes\) must be non-negative and no greater"),
        (bytearray(7), {}, r"buffer length \(7 bytes\) after offset \(0 bytes\) must be a mult"),
        (bytearray(), {}, r"both buffer length \(0\) and count \(-1\) must not be 0"),
        (bytearray(8), {"count": 0}, r"both buffer length \(8\) and count \(0\) must not be 0"),
        (3, {}, "object does not implement Python buffer protocol"),
        (bytearray(8), {"offset": 1, "count": 1}, "not aligned"),
    ],
)
def test_frombuffer_errors(buffer: Any, options: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        wg.frombuffer(buffer, dtype=wg.int32, **options)


# --- DLPack ---


@pytest.mark.parametrize("name", SHARED)
def test_dlpack_with_numpy(name: str) -> None:
    for array in layouts((np.arange(24) % 7).astype(name)):
        if not array.flags.writeable:
            continue
        tensor = wg.from_dlpack(array)
        assert tensor.dtype is getattr(wg, name)
        assert tensor.tolist() == array.tolist()
        back = np.from_dlpack(tensor)
        np.testing.assert_array_equal(back, array)
        if array.size:
            assert back.ctypes.data == array.ctypes.data == tensor.data_ptr()


@pytest.mark.parametrize("name", [*SHARED, "bfloat16"])
def test_dlpack_with_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    theirs = (torch.arange(24) % 7).to(getattr(torch, name)).reshape(4, 6).t()[:, 1:]
    ours = wg.from_dlpack(theirs)
    assert ours.dtype is getattr(wg, name)
    assert ours.tolist() == theirs.tolist()
    assert ours.stride() == theirs.stride()
    again = torch.from_dlpack(ours)
    assert again.data_ptr() == theirs.data_ptr()
    assert torch.equal(again, theirs)
    old = torch.utils.dlpack.from_dlpack(to_dlpack(ours))
    assert old.data_ptr() == theirs.data_ptr()
    assert wg.from_dlpack(torch.utils.dlpack.to_dlpack(theirs)).tolist() == theirs.tolist()
    assert wg.from_dlpack(theirs[:0]).shape == (0, 3)
    assert torch.from_dlpack(ours[:0]).shape == (0, 3)
    assert wg.from_dlpack(theirs[0, 0]).item() == theirs[0, 0].item()


def test_dlpack_lifetimes() -> None:
    class Array(np.ndarray):
        pass

    array = np.arange(5.0).view(Array)
    there = weakref.ref(array)
    tensor = wg.from_dlpack(array)
    array = np.from_dlpack(tensor[1:])
    del tensor
    gc.collect()
    assert there() is not None
    assert array.tolist() == [1, 2, 3, 4]
    del array
    gc.collect()
    assert there() is None


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_capsules_that_nobody_consumes_let_go(version: Any) -> None:
    before = wg._C._memory_statistics()[0]
    x = wg.zeros(1000)
    capsule = x.__dlpack__(max_version=version)
    del x
    assert wg._C._memory_statistics()[0] > before
    del capsule
    assert wg._C._memory_statistics()[0] == before


def test_dlpack_capsules_are_consumed_once() -> None:
    x = wg.ones(2)
    for version in (None, (1, 0)):
        capsule = x.__dlpack__(max_version=version)
        name = "dltensor" if version is None else "dltensor_versioned"
        assert f'"{name}"' in repr(capsule)
        assert wg.from_dlpack(capsule).data_ptr() == x.data_ptr()
        assert f'"used_{name}"' in repr(capsule)
        with pytest.raises(RuntimeError, match="can be consumed only once"):
            wg.from_dlpack(capsule)


def test_dlpack_read_only() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    tensor = wg.from_dlpack(array)
    with pytest.raises(RuntimeError, match="read-only"):
        tensor.zero_()
    assert not np.from_dlpack(tensor).flags.writeable
    with pytest.raises(BufferError, match="read-only memory"):
        tensor.__dlpack__()


def test_dlpack_copies_on_request() -> None:
    x = wg.ones(2)
    assert wg.from_dlpack(x, copy=True).data_ptr() != x.data_ptr()
    assert wg.from_dlpack(x, copy=False).data_ptr() == x.data_ptr()
    assert wg.from_dlpack(x, device="cpu").data_ptr() == x.data_ptr()
    assert wg.from_dlpack(x.__dlpack__(), copy=True).data_ptr() != x.data_ptr()


def test_dlpack_falls_back_to_the_old_protocol() -> None:
    class Old:
        def __init__(self, tensor: wg.Tensor) -> None:
            self.tensor = tensor

        def __dlpack_device__(self) -> tuple[int, int]:
            return 1, 0

        def __dlpack__(self, stream: Any = None) -> Any:
            return self.tensor.__dlpack__()

    x = wg.ones(2)
    assert wg.from_dlpack(Old(x)).data_ptr() == x.data_ptr()
    assert wg.from_dlpack(Old(x), copy=True).data_ptr() != x.data_ptr()


def test_dlpack_errors() -> None:
    class Elsewhere:
        def __dlpack_device__(self) -> tuple[int, int]:
            return 2, 0

        def __dlpack__(self, **options: Any) -> Any:
            raise AssertionError

    x = wg.ones(2)
    assert x.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError, match="require gradient, use tensor.detach"):
        wg.ones(2, requires_grad=True).__dlpack__()
    with pytest.raises(AssertionError, match="stream should be None on cpu"):
        x.__dlpack__(stream=3)
    with pytest.raises(BufferError, match="cannot export to device"):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(RuntimeError, match="invalid capsule"):
        wg.from_dlpack(3)
    with pytest.raises(BufferError, match="on DLPack device"):
        wg.from_dlpack(Elsewhere())
    with pytest.raises(RuntimeError, match="unsupported dtype"):
        wg.from_dlpack(np.ones(2, np.uint16))
    with pytest.raises(BufferError, match="negative strides"):
        wg.from_dlpack(np.ones(3)[::-1])
