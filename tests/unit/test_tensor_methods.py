"""Sizes, conversions, memory formats and Python's protocols of Tensor."""

from __future__ import annotations

from typing import Any

import pytest

import wengert as wg

DTYPES = {
    "float": wg.float32, "double": wg.float64, "half": wg.float16, "bfloat16": wg.bfloat16,
    "int": wg.int32, "long": wg.int64, "short": wg.int16, "char": wg.int8, "byte": wg.uint8,
    "bool": wg.bool, "cfloat": wg.complex64, "cdouble": wg.complex128,
}  # fmt: skip


# --- sizes ---


def test_size() -> None:
    x = wg.zeros(2, 3)
    assert type(x.shape) is type(x.size()) is wg.Size
    assert x.shape == (2, 3) == x.size()
    assert (x.size(0), x.size(-1), x.size(dim=1)) == (2, 3, 3)
    assert (x.stride(), x.stride(0), x.stride(-1)) == ((3, 1), 3, 1)
    assert repr(x.shape) == "wengert.Size([2, 3])"
    assert x.shape.numel() == 6
    assert hash(x.shape) == hash((2, 3))
    for other in (x.shape[1:], x.shape + (1,), x.shape * 2, 2 * x.shape):  # noqa: RUF005
        assert type(other) is wg.Size
    assert (1, *x.shape) == (1, 2, 3)
    assert x.shape[0] == 2
    assert (*x.shape, "a") == (2, 3, "a")
    assert wg.Size(i for i in (1, 2)) == (1, 2)
    assert wg.Size([wg.tensor(4)]) == (4,)
    assert wg.Size() == ()
    assert wg.zeros(()).shape.numel() == 1
    _rows, _columns = x.shape
    assert wg.zeros(x.shape).shape == wg.zeros(*x.shape).shape


def test_size_errors() -> None:
    with pytest.raises(TypeError, match=r"Size\(\) takes an iterable of 'int' \(item 1 is 'float"):
        wg.Size([1, 2.5])
    with pytest.raises(IndexError, match=r"expected to be in range of \[-2, 1\], but got 5"):
        wg.zeros(2, 3).size(5)
    with pytest.raises(IndexError, match="Dimension specified as 0 but tensor has no dimensions"):
        wg.tensor(1).size(0)
    with pytest.raises(TypeError, match="argument 'dim' .* must be int, not float"):
        wg.zeros(2).stride(1.5)
    with pytest.raises(AttributeError):
        wg.zeros(2).shape = (1,)


def test_sizes_in_bytes() -> None:
    x = wg.zeros(2, 3, dtype=wg.int16)
    assert (x.element_size(), x.itemsize, x.nbytes) == (2, 2, 12)
    assert x[:1].untyped_storage().nbytes() == 12


# --- device and layout ---


def test_device() -> None:
    x = wg.zeros(1)
    assert x.device == wg.device("cpu")
    assert repr(x.device) == "device(type='cpu')"
    assert (str(x.device), x.device.type, x.device.index) == ("cpu", "cpu", None)
    first = wg.device("cpu:0")
    assert first == wg.device("cpu", 0) == wg.device(type="cpu", index=0)
    assert (repr(first), first.index) == ("device(type='cpu', index=0)", 0)
    assert first != x.device
    assert x.device != "cpu"
    assert len({x.device, wg.device("cpu"), first}) == 2
    assert str(wg.device("cuda:1")) == "cuda:1"
    assert wg.zeros(1, device=wg.device("cpu")).device == x.device
    assert x.layout is wg.strided
    assert repr(wg.strided) == "wengert.strided"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("foo",),
            "Expected one of cpu, cuda, mps, xpu, meta, hpu, xla, mtia device type at start of device string: foo",
        ),
        (("cpu:x",), "Invalid device string: 'cpu:x'"),
        (("cpu:",), "Invalid device string"),
        (("cpu", -2), "Device index must not be negative"),
        (("cpu:1", 1), "must not include an index"),
    ],
)
def test_device_errors(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        wg.device(*arguments)


def test_devices_that_are_not_there() -> None:
    with pytest.raises(RuntimeError, match="'cuda' is not available; this build has: cpu"):
        wg.zeros(1, device="cuda")
    with pytest.raises(RuntimeError, match="not available"):
        wg.zeros(1).to("cuda:0")
    with pytest.raises(TypeError):
        wg.zeros(1, device=1.5)


# --- conversions ---


@pytest.mark.parametrize("name", DTYPES)
def test_shorthands(name: str) -> None:
    for source in (wg.tensor([0.0, 1.0, 3.0]), wg.tensor([0, 1, 3])):
        result = getattr(source, name)()
        assert result.dtype is DTYPES[name]
        assert result.tolist() == source.to(DTYPES[name]).tolist()
        assert getattr(result, name)() is result


def test_forms_of_to() -> None:
    x = wg.zeros(2)
    for same in (
        x.to(wg.float32),
        x.to("cpu"),
        x.to(wg.device("cpu")),
        x.to(device=None, dtype=None),
        x.to(None),
        x.to(),
        x.to(x),
        x.cpu(),
        x.to(wg.float32, non_blocking=True),
        x.to("cpu", wg.float32, True, False),
        x.to(memory_format=wg.contiguous_format),
    ):
        assert same is x
    for converted in (
        x.to(wg.float64),
        x.to(float).to(wg.float64),
        x.to("cpu", wg.float64),
        x.to("cpu", wg.float64, True, True),
        x.to(device="cpu", dtype=wg.float64),
        x.to(None, wg.float64),
        x.to(wg.zeros(1, dtype=wg.float64)),
        x.to(other=wg.zeros(1, dtype=wg.float64)),
        x.type_as(wg.zeros(1, dtype=wg.float64)),
    ):
        assert converted.dtype is wg.float64
    for copied in (x.to(wg.float32, copy=True), x.to("cpu", copy=True), x.to(x, False, True)):
        assert copied is not x
        assert copied.data_ptr() != x.data_ptr()


def test_to_is_differentiated() -> None:
    x = wg.ones(2, requires_grad=True)
    (x.double() * wg.tensor([2.0, 3.0], dtype=wg.float64)).sum().backward()
    assert x.grad.dtype is wg.float32
    assert x.grad.tolist() == [2, 3]
    assert x.to(wg.float32, copy=True).grad_fn is not None


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        ((wg.float32, wg.float64), {}),
        ((), {"foo": 3}),
        (([1],), {}),
        ((wg.float32,), {"dtype": wg.float32}),
        ((wg.float32, False, False, False), {}),
    ],
)
def test_to_errors(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"to\(\) received an invalid combination of arguments"):
        wg.zeros(1).to(*arguments, **keywords)


def test_type() -> None:
    x = wg.zeros(2)
    assert x.type() == "wengert.FloatTensor"
    assert x.type(wg.int32).dtype is wg.int32
    assert x.type("wengert.DoubleTensor").dtype is wg.float64
    assert x.type("torch.LongTensor").dtype is wg.int64
    with pytest.raises(ValueError, match="invalid type: 'torch.Double'"):
        x.type("torch.Double")
    with pytest.raises(TypeError, match="argument 'other' .* must be Tensor, not int"):
        x.type_as(3)


def test_questions() -> None:
    assert wg.zeros(1).is_floating_point()
    assert not wg.zeros(1, dtype=wg.int32).is_floating_point()
    assert wg.zeros(1, dtype=wg.complex64).is_complex()
    assert wg.zeros(1).is_signed()
    assert not wg.zeros(1, dtype=wg.uint8).is_signed()
    assert not wg.zeros(1, dtype=wg.bool).is_signed()
    x = wg.zeros(2, 3)
    assert x.is_same_size(wg.ones(2, 3))
    assert not x.is_same_size(wg.ones(3))
    assert x.is_set_to(x.view(2, 3))
    assert not x.is_set_to(x.view(3, 2))
    assert not x.is_set_to(wg.zeros(2, 3))


def test_new_tensor() -> None:
    x = wg.zeros(1, dtype=wg.float64)
    assert x.new_tensor([1, 2]).dtype is wg.float64
    assert x.new_tensor([1, 2], dtype=wg.int32).dtype is wg.int32
    assert x.new_tensor([1.0], requires_grad=True).requires_grad


def test_make_subclass() -> None:
    class Kind(wg.Tensor):
        pass

    data = wg.ones(2, requires_grad=True) * 2
    x = wg.Tensor._make_subclass(Kind, data)
    assert type(x) is Kind
    assert not x.requires_grad
    assert x.data_ptr() == data.data_ptr()
    assert wg.Tensor._make_subclass(Kind, data, True).is_leaf
    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype"):
        wg.Tensor._make_subclass(Kind, wg.ones(2, dtype=wg.int32), True)
    with pytest.raises(TypeError, match="does not inherit from Tensor"):
        wg.Tensor._make_subclass(int, data)


# --- memory formats ---


def test_channels_last() -> None:
    x = wg.arange(120).reshape(2, 3, 4, 5)
    y = x.contiguous(memory_format=wg.channels_last)
    assert y.stride() == (60, 1, 15, 3)
    assert y.tolist() == x.tolist()
    assert y.is_contiguous(memory_format=wg.channels_last)
    assert not y.is_contiguous()
    assert not x.is_contiguous(memory_format=wg.channels_last)
    assert y.contiguous(memory_format=wg.channels_last) is y
    assert x.to(memory_format=wg.channels_last).stride() == y.stride()
    assert y.to(memory_format=wg.channels_last) is y
    for kept in (
        y.clone(),
        y.double(),
        y.to(wg.float64),
        y.clone(memory_format=wg.preserve_format),
    ):
        assert kept.stride() == y.stride()
    for plain in (
        y.contiguous(),
        y.clone(memory_format=wg.contiguous_format),
        y.to(memory_format=wg.contiguous_format),
        y.double(memory_format=wg.contiguous_format),
    ):
        assert plain.stride() == x.stride()
        assert plain.tolist() == x.tolist()
    assert x.to(wg.float64, memory_format=wg.channels_last).stride() == y.stride()
    assert x.clone(memory_format=wg.channels_last).stride() == y.stride()
    assert repr(wg.channels_last) == "wengert.channels_last"


def test_channels_last_3d() -> None:
    x = wg.arange(120).reshape(1, 2, 3, 4, 5)
    y = x.contiguous(memory_format=wg.channels_last_3d)
    assert y.stride() == (120, 1, 40, 10, 2)
    assert y.tolist() == x.tolist()
    assert y.is_contiguous(memory_format=wg.channels_last_3d)


def test_dimensions_of_size_one_do_not_matter() -> None:
    for shape in ((2, 1, 4, 5), (2, 3, 1, 1), (1, 1, 1, 1)):
        x = wg.zeros(shape)
        assert x.is_contiguous(memory_format=wg.channels_last)
        assert x.contiguous(memory_format=wg.channels_last) is x


def test_formats_are_differentiated() -> None:
    x = wg.ones(1, 2, 2, 2, requires_grad=True)
    for y in (
        x.contiguous(memory_format=wg.channels_last),
        x.clone(memory_format=wg.channels_last),
        x.to(wg.float64, memory_format=wg.channels_last),
    ):
        x.grad = None
        (y * 3).sum().backward()
        assert x.grad.tolist() == (wg.ones(1, 2, 2, 2) * 3).tolist()


def test_format_errors() -> None:
    x = wg.zeros(2, 3)
    for ask in (x.contiguous, x.clone, x.to):
        with pytest.raises(
            RuntimeError, match="required rank 4 tensor to use channels_last format"
        ):
            ask(memory_format=wg.channels_last)
    with pytest.raises(RuntimeError, match="required rank 5 tensor to use channels_last_3d"):
        x.contiguous(memory_format=wg.channels_last_3d)
    with pytest.raises(RuntimeError, match="preserve memory format is unsupported"):
        x.t().contiguous(memory_format=wg.preserve_format)
    with pytest.raises(TypeError, match="must be wengert.memory_format, not int"):
        x.contiguous(memory_format=3)
    assert not x.is_contiguous(memory_format=wg.channels_last)


# --- storage ---


def test_untyped_storage() -> None:
    x = wg.tensor([1, 2], dtype=wg.int16)
    storage = x.untyped_storage()
    assert storage is x[1:].untyped_storage()
    assert storage is not x.clone().untyped_storage()
    assert (len(storage), storage.size(), storage.nbytes(), storage.element_size()) == (4, 4, 4, 1)
    assert storage.data_ptr() == x.data_ptr() == x[1:].data_ptr() - 2
    assert storage.tolist() == list(storage) == [1, 0, 2, 0]
    storage[0] = 7
    assert (x[0].item(), storage[0]) == (7, 7)
    assert repr(storage) == "[wengert.UntypedStorage(device=cpu) of size 4]"
    copied = storage.clone()
    storage[0] = 1
    assert copied.tolist() == [7, 0, 2, 0]
    assert storage.copy_(copied).tolist() == [7, 0, 2, 0]


# --- protocols ---


def test_format() -> None:
    assert f"{wg.tensor(3.14159):.2f}" == "3.14"
    assert f"{wg.tensor(3):4d}" == "   3"
    assert f"{wg.tensor([1.0])}" == "tensor([1.])"
    with pytest.raises(TypeError, match=r"unsupported format string passed to .*Tensor.__format__"):
        f"{wg.tensor([1.0]):.2f}"


def test_contains() -> None:
    x = wg.arange(3)
    assert 2 in x
    assert 3 not in x
    assert wg.tensor(1) in x
    with pytest.raises(RuntimeError, match="only supports Tensor or scalar, but you passed in a"):
        "a" in x  # noqa: B015


def test_iteration_and_reversal() -> None:
    x = wg.arange(4).reshape(2, 2)
    assert [row.tolist() for row in x] == [[0, 1], [2, 3]]
    assert reversed(x).tolist() == [[2, 3], [0, 1]]
    assert reversed(wg.tensor(1)).item() == 1
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        iter(wg.tensor(1))


# --- limits of dtypes ---


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_finfo(name: str) -> None:
    np = pytest.importorskip("numpy")
    ours, theirs = wg.finfo(getattr(wg, name)), np.finfo(name)
    for field in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution"):
        assert getattr(ours, field) == pytest.approx(float(getattr(theirs, field)), rel=1e-3)
    assert ours.eps == float(theirs.eps)
    assert ours.max == float(theirs.max)
    assert ours.dtype == name


def test_finfo_of_other_dtypes() -> None:
    assert wg.finfo(wg.bfloat16).eps == 0.0078125
    assert wg.finfo(wg.complex128) == wg.finfo(wg.float64)
    assert wg.finfo() == wg.finfo(wg.float32)
    assert repr(wg.finfo(wg.float16)) == (
        "finfo(resolution=0.001, min=-65504, max=65504, eps=0.000976562, "
        "smallest_normal=6.10352e-05, tiny=6.10352e-05, dtype=float16)"
    )
    with pytest.raises(TypeError, match=r"requires a floating point input type"):
        wg.finfo(wg.int8)


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64"])
def test_iinfo(name: str) -> None:
    np = pytest.importorskip("numpy")
    ours, theirs = wg.iinfo(getattr(wg, name)), np.iinfo(name)
    assert (ours.bits, ours.min, ours.max) == (theirs.bits, theirs.min, theirs.max)
    assert repr(ours) == f"iinfo(min={ours.min}, max={ours.max}, dtype={name})"


def test_iinfo_errors() -> None:
    with pytest.raises(TypeError, match="requires an integer input type"):
        wg.iinfo(wg.float32)
    with pytest.raises(TypeError, match=r"wengert.bool is not supported by wengert.iinfo"):
        wg.iinfo(wg.bool)
