"""Memory: which tensors share it, in which order it holds the elements, who may write to it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg


def counted(*shape: int) -> Any:
    return wg.arange(float(np.prod(shape))).reshape(shape).clone()


def image() -> Any:
    return counted(2, 3, 4, 5).contiguous(memory_format=wg.channels_last)


# --- views ---

VIEWS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...], int]] = {
    "x[1]": (lambda x: x[1], (4, 1), 12),
    "x[:, 1:]": (lambda x: x[:, 1:], (12, 4, 1), 4),
    "x[..., ::2]": (lambda x: x[..., ::2], (12, 4, 2), 0),
    "transpose": (lambda x: x.transpose(0, 2), (1, 4, 12), 0),
    "permute": (lambda x: x.permute(2, 0, 1), (1, 12, 4), 0),
    "view": (lambda x: x.view(6, 4), (4, 1), 0),
    "reshape": (lambda x: x.reshape(4, 6), (6, 1), 0),
    "flatten": (lambda x: x.flatten(), (1,), 0),
    "unsqueeze": (lambda x: x.unsqueeze(1), (12, 12, 4, 1), 0),
    "expand": (lambda x: x[:, :1].expand(2, 3, 4), (12, 0, 1), 0),
    "narrow": (lambda x: x.narrow(2, 1, 2), (12, 4, 1), 1),
    "select": (lambda x: x.select(1, 2), (12, 1), 8),
    "diagonal": (lambda x: x.diagonal(0, 0, 1), (1, 16), 0),
    "unfold": (lambda x: x.unfold(2, 2, 1), (12, 4, 1, 1), 0),
    "split": (lambda x: x.split(2, 2)[1], (12, 4, 1), 2),
    "as_strided": (lambda x: x.as_strided((2, 2), (3, 5), 4), (3, 5), 4),
    "detach": (lambda x: x.detach(), (12, 4, 1), 0),
    "data": (lambda x: x.data, (12, 4, 1), 0),
    "T": (lambda x: x[0].T, (1, 4), 0),
    "view_as": (lambda x: x.view_as(wg.zeros(24)), (1,), 0),
    "view of other dtype": (lambda x: x.view(wg.int32), (12, 4, 1), 0),
    "movedim": (lambda x: x.movedim(0, -1), (4, 1, 12), 0),
    "squeeze": (lambda x: x[:1].squeeze(0), (4, 1), 0),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_the_storage(name: str) -> None:
    view, strides, offset = VIEWS[name]
    x = counted(2, 3, 4)
    y = view(x)
    assert y.stride() == strides
    assert y.storage_offset() == offset
    assert y.data_ptr() == x.data_ptr() + offset * x.element_size()
    assert y.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    assert not y.is_set_to(x) or (y.stride() == x.stride() and y.shape == x.shape)
    before = x._version
    x.zero_()
    assert not y.any()
    assert y._version == x._version == before + 1
    if name not in ("detach", "data", "view of other dtype"):
        assert y._base is not None


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.clone(),
        lambda x: x + 0,
        lambda x: x.repeat(1, 1, 1),
        lambda x: x[[0, 1]],
        lambda x: x.transpose(0, 1).contiguous(),
        lambda x: x.transpose(0, 1).reshape(-1),
        lambda x: x.to(wg.float32, copy=True),
        lambda x: x.double(),
        lambda x: wg.tensor(x.tolist()),
        copy.deepcopy,
        lambda x: pickle.loads(pickle.dumps(x)),
    ],
)
def test_copies_do_not(make: Callable[[Any], Any]) -> None:
    x = counted(2, 3, 4)
    y = make(x)
    assert y.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    expected = y.tolist()
    x.zero_()
    assert y.tolist() == expected


def test_is_set_to() -> None:
    x = counted(2, 3)
    assert x.is_set_to(x.view(6).view(2, 3))
    assert x.is_set_to(x.detach())
    for other in (x.t(), x[:1], x.clone(), x.view(6), x.view(3, 2)):
        assert not x.is_set_to(other)


def test_what_needs_no_copy_is_the_tensor_itself() -> None:
    x = counted(2, 3)
    for same in (
        x.contiguous(), x.to(wg.float32), x.float(), x.cpu(), x.to("cpu"), x.to(x), x.type_as(x),
        x.requires_grad_(False),
    ):  # fmt: skip
        assert same is x
    assert x.to(wg.float32, copy=True) is not x
    assert x.reshape(2, 3) is not x
    assert x.reshape(2, 3).data_ptr() == x.data_ptr()


def test_as_strided() -> None:
    x = counted(12)
    assert x.as_strided((2, 3), (4, 1)).tolist() == [[0, 1, 2], [4, 5, 6]]
    assert x[2:].as_strided((2,), (1,)).tolist() == [2, 3]
    assert x[2:].as_strided((2,), (1,), 0).tolist() == [0, 1]
    assert x.as_strided((3, 2), (0, 1)).tolist() == [[0, 1]] * 3
    assert x.as_strided((), ()).item() == 0
    assert x.as_strided((0, 3), (1, 1), 100).shape == (0, 3)
    windows = x.as_strided((5, 3), (2, 1))
    assert windows.tolist() == [[i, i + 1, i + 2] for i in range(0, 10, 2)]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: x.as_strided((13,), (1,)), "out of bounds for storage of size 48"),
        (lambda x: x.as_strided((2,), (-1,)), "Negative strides are not supported"),
        (lambda x: x.as_strided((2,), (1, 2)), "mismatch in length of strides and shape"),
        (lambda x: x.view(5, -1), "shape '[5, -1]' is invalid for input of size 12"),
        (lambda x: x.view(-1, -1), "only one dimension can be inferred"),
        (lambda x: x.view(3, 4).t().view(12), "view size is not compatible with input tensor's size and stride"),
        (lambda x: x.view(3, 4).expand(2, 4), "must match the existing size (3)"),
        (lambda x: x.expand(2, -1, 3), "must match the existing size (12)"),
        (lambda x: x.view(3, 4).transpose(0, 2), "Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
        (lambda x: x.permute(0, 0), "permute"),
        (lambda x: x.view(wg.complex128).view(5), "is invalid for input of size"),
    ],
)  # fmt: skip
def test_geometry_that_is_refused(call: Callable[[Any], Any], text: str) -> None:
    with pytest.raises((RuntimeError, IndexError)) as caught:
        call(counted(12))
    assert text in str(caught.value)


# --- writes ---


@pytest.mark.parametrize(
    "write",
    [
        lambda y: y.add_(1), lambda y: y.mul_(y),
        lambda y: y.copy_(wg.ones(3)), lambda y: y.exp_(), lambda y: y.clamp_(0, 1),
        lambda y: y.masked_fill_(y > 0, 1), lambda y: y.uniform_(), lambda y: y.relu_(),
        lambda y: y.index_fill_(0, wg.tensor([0]), 1.0), lambda y: y.addcmul_(y, y),
        lambda y: wg.add(wg.ones(3), 1, out=y), lambda y: y.__setitem__(slice(None), 1.0),
        lambda y: y.index_put_((wg.tensor([0]),), wg.tensor(1.0)),
        lambda y: y.scatter_(0, wg.tensor([0]), 1.0), lambda y: y.cumsum_(0), lambda y: y.normal_(),
    ],
)  # fmt: skip
def test_elements_that_share_memory_are_not_written_to(write: Callable[[Any], Any]) -> None:
    x = wg.ones(1)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        write(x.expand(3))
    assert x.tolist() == [1]
    assert x._version == 0


def test_one_value_for_all_may_be_written_to_shared_elements() -> None:
    """As in PyTorch: which element is written last does not matter."""
    x = wg.ones(1)
    x.expand(3).fill_(4)
    assert x.tolist() == [4]
    assert x.expand(3).zero_().tolist() == [0, 0, 0]
    assert x.tolist() == [0]


def test_partial_overlap_is_read_before_it_is_written() -> None:
    x = wg.arange(6.0)
    x[1:].copy_(x[:-1])
    assert x.tolist() == [0, 0, 1, 2, 3, 4]
    y = wg.arange(4.0).view(2, 2)
    y.copy_(y.t())
    assert y.tolist() == [[0, 2], [1, 3]]


def test_the_data_attribute() -> None:
    x = counted(2, 2).requires_grad_()
    y = x.data
    assert not y.requires_grad
    assert y.data_ptr() == x.data_ptr()
    y.mul_(2)
    assert x.tolist() == [[0, 2], [4, 6]]
    old = x[0]
    x.data = wg.zeros(3)
    assert (x.shape, x.requires_grad, x.is_leaf) == ((3,), True, True)
    assert old.tolist() == [0, 2]
    x.data = wg.zeros(2, dtype=wg.float64)
    assert x.dtype == wg.float64
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got int"):
        x.data = 3
    with pytest.raises(RuntimeError, match="must be floating point or complex"):
        x.data = wg.zeros(2, dtype=wg.int64)


# --- the order of elements ---


def test_strides_of_new_tensors() -> None:
    assert wg.zeros(2, 3, 4).stride() == (12, 4, 1)
    assert wg.zeros(2, 0, 4).stride() == (4, 4, 1)
    assert wg.zeros(()).stride() == ()
    assert wg.empty(2, 3, 4, 5, memory_format=wg.channels_last).stride() == (60, 1, 15, 3)
    assert wg.empty(2, 3, 4, 5, 6, memory_format=wg.channels_last_3d).stride()[1] == 1
    assert wg.empty(2, memory_format=wg.contiguous_format).stride() == (1,)
    assert wg.empty(1, 1, 1, 1, memory_format=wg.channels_last, requires_grad=True).requires_grad
    with pytest.raises(RuntimeError, match="required rank 4 tensor to use channels_last format"):
        wg.empty(2, 3, memory_format=wg.channels_last)
    with pytest.raises(RuntimeError, match="unsupported memory format option"):
        wg.empty(2, 3, memory_format=wg.preserve_format)


@pytest.mark.parametrize(
    "make", [wg.empty_like, wg.zeros_like, wg.ones_like, lambda x, **k: wg.full_like(x, 2, **k)]
)
def test_like(make: Callable[..., Any]) -> None:
    x, c = counted(2, 3).t(), image()
    assert make(x).stride() == x.stride()
    assert make(c).stride() == c.stride()
    assert make(c, memory_format=wg.preserve_format).stride() == c.stride()
    assert make(c, memory_format=wg.contiguous_format).is_contiguous()
    dense = counted(2, 3, 4, 5)
    assert make(dense, memory_format=wg.channels_last).stride() == c.stride()
    assert make(x[::2]).is_contiguous()
    assert (
        make(x, dtype=wg.int64, device="cpu", layout=wg.strided, pin_memory=False).dtype == wg.int64
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda c: c + 1, lambda c: c * c, lambda c: -c, lambda c: c.relu(), lambda c: c.exp(),
        lambda c: c > 3, lambda c: c.double(), lambda c: c.to(wg.int64), lambda c: c.clone(),
        lambda c: wg.where(c > 3, c, 0.0), lambda c: c.clamp(0, 5), lambda c: c.pow(2),
        lambda c: c * wg.ones(3, 1, 1), lambda c: c + wg.ones(5), lambda c: c.sigmoid().tanh(),
        lambda c: copy.deepcopy(c), lambda c: pickle.loads(pickle.dumps(c)),
        lambda c: c.masked_fill(c > 3, 0.0), lambda c: c.detach(), lambda c: c.contiguous(memory_format=wg.channels_last),
    ],
)  # fmt: skip
def test_channels_stay_last(function: Callable[[Any], Any]) -> None:
    c = image()
    result = function(c)
    assert result.is_contiguous(memory_format=wg.channels_last)
    assert not result.is_contiguous()
    assert result.tolist() == function(c.contiguous()).tolist()


@pytest.mark.parametrize("shape", [(2, 3), (3, 4, 2), (2, 2, 3, 2)])
def test_operators_see_values_not_memory(shape: tuple[int, ...]) -> None:
    """The same results for dense, permuted, sliced, expanded and offset operands."""
    dense = counted(*shape) / 7 - 1
    order = tuple(range(len(shape)))[::-1]
    wide = wg.zeros(*(2 * n + 1 for n in shape))
    inner = wide[tuple(slice(1, None, 2) for _ in shape)]
    inner.copy_(dense)
    layouts = [dense.permute(order).contiguous().permute(order), inner]
    for function in (
        wg.exp, wg.sum, lambda t: t.sum(-1), lambda t: t.sum(0), lambda t: t * t.flip(0),
        lambda t: t.sort(-1)[0], lambda t: t.cumsum(0), lambda t: t.argmax(-1), lambda t: t.softmax(0),
        lambda t: t @ t.transpose(-1, -2), lambda t: t.reshape(-1), lambda t: wg.cat([t, t], 1),
        lambda t: t.mean((0, 1)), lambda t: t.var(-1), lambda t: t.max(0)[1], lambda t: t.unique(),
        lambda t: t[t > 0], lambda t: t.index_select(1, wg.tensor([1, 0])), lambda t: t.tril(),
        lambda t: t.roll(1, 0), lambda t: t.to(wg.bfloat16), lambda t: t.numpy().tolist(),
    ):  # fmt: skip
        expected = function(dense)
        for other in layouts:
            result = function(other)
            if isinstance(expected, list):
                assert result == expected
            else:
                assert result.shape == expected.shape
                assert wg.allclose(result.double(), expected.double(), rtol=1e-5, atol=1e-6)


# --- NumPy on the left, and the buffer that both see ---


def test_numpy_on_the_left() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    a = np.array([10.0, 20.0], dtype=np.float32)
    for result in (a + x, a - x, a * x, a / x, a**x):
        assert isinstance(result, wg.Tensor)
        assert result.requires_grad
    (a * x).sum().backward()
    assert x.grad.tolist() == [10, 20]
    assert isinstance(np.float32(3) * x.detach(), wg.Tensor)
    assert (a @ x).item() == 50
    assert (a == x.detach()).tolist() == [False, False]


def test_arrays_of_views() -> None:
    x = counted(3, 4)
    for view in (x.t(), x[1:, ::2], x[0], x[:, 1], x.expand(2, 3, 4)):
        array = view.numpy()
        assert array.tolist() == view.tolist()
        assert array.strides == tuple(4 * s for s in view.stride())
    x.t().numpy()[0, 1] = -1
    assert x[1, 0].item() == -1
    assert np.asarray(x).base is not None
    assert np.array(x, dtype=np.float64).dtype == np.float64


# --- few elements ---


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3)])
def test_nothing(shape: tuple[int, ...]) -> None:
    x = wg.zeros(shape)
    assert x.numel() == 0
    assert x.is_contiguous()
    for same in (
        x.exp(),
        x + 1,
        x.clone(),
        x.flip(0),
        x.sort(0)[0],
        x.cumsum(0),
        x.double(),
        x.relu(),
    ):
        assert same.shape == shape
    assert x.sum().item() == 0
    assert x.prod().item() == 1
    assert x.mean().isnan()
    assert (x.all().item(), x.any().item()) == (True, False)
    assert x.tolist() == np.zeros(shape).tolist()
    assert x.nonzero().shape == (0, len(shape))
    assert wg.cat([x, x]).shape == (2 * shape[0], *shape[1:])
    for function in (x.max, x.argmax, x.amin, x.min):
        with pytest.raises((RuntimeError, IndexError), match=r"numel\(\) == 0"):
            function()
    assert x.numpy().shape == shape
    assert copy.deepcopy(x).shape == pickle.loads(pickle.dumps(x)).shape == shape


def test_single_numbers() -> None:
    x = wg.tensor(2.5)
    for dim in (0, -1):
        assert x.sum(dim).item() == x.max(dim)[0].item() == x.softmax(dim).item() * 2.5 == 2.5
        assert x.sort(dim)[1].item() == x.argmax(dim).item() == 0
    with pytest.raises(IndexError, match=r"expected to be in range of \[-1, 0\], but got 1"):
        x.sum(1)
    assert x.expand(2, 3).shape == (2, 3)
    assert x.reshape(1, 1).shape == (1, 1)
    assert x.view(()).shape == ()
    assert (x * wg.ones(3)).shape == (3,)
    assert float(x) == 2.5
    assert int(x) == 2
    assert bool(x)
    assert x.item() == 2.5
    with pytest.raises(RuntimeError, match="Tensor with 2 elements cannot be converted to Scalar"):
        wg.ones(2).item()
    with pytest.raises(
        RuntimeError, match="Boolean value of Tensor with more than one value is ambiguous"
    ):
        bool(wg.ones(2))
