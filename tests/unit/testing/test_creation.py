"""make_tensor: bounds, dtypes, layouts, errors."""

import pytest

import wengert as wg
from wengert.testing import make_tensor

DTYPES = [wg.bool, wg.uint8, wg.int8, wg.int64, wg.float16, wg.bfloat16, wg.float32, wg.float64,
          wg.complex64, wg.complex128]  # fmt: skip


def _real(tensor):
    return wg.view_as_real(tensor) if tensor.dtype.is_complex else tensor


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_defaults(dtype):
    tensor = make_tensor(50, 4, dtype=dtype)
    assert (tuple(tensor.shape), tensor.dtype, tensor.requires_grad) == ((50, 4), dtype, False)
    values = _real(tensor).to(wg.float64)
    low, high = {wg.bool: (0, 1), wg.uint8: (0, 9), wg.int8: (-9, 9), wg.int64: (-9, 9)}.get(
        dtype, (-9, 9)
    )
    assert low <= values.min().item()
    assert values.max().item() <= high
    assert values.std().item() > (high - low) / 8


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_bounds_and_zeros(dtype):
    tensor = make_tensor((100,), dtype=dtype, low=0, high=2, exclude_zero=True)
    values = _real(tensor).to(wg.float64)
    assert values.min().item() > 0 or dtype.is_complex
    assert (tensor != 0).all()
    assert values.max().item() <= 2


def test_extreme_bounds():
    limits = wg.finfo(wg.float32)
    tensor = make_tensor(100, dtype=wg.float32, low=-float("inf"), high=float("inf"))
    assert tensor.isfinite().all()
    assert tensor.abs().max().item() > limits.max / 10


def test_noncontiguous_and_memory_format():
    tensor = make_tensor(3, 4, dtype=wg.float32, noncontiguous=True, requires_grad=True)
    assert not tensor.is_contiguous()
    assert (tensor.is_leaf, tensor.requires_grad, tuple(tensor.shape)) == (True, True, (3, 4))
    assert make_tensor(1, dtype=wg.float32, noncontiguous=True).is_contiguous()
    image = make_tensor(2, 3, 4, 4, dtype=wg.float32, memory_format=wg.channels_last)
    assert image.is_contiguous(memory_format=wg.channels_last)


@pytest.mark.parametrize(
    ("dtype", "options", "text"),
    [
        (wg.float32, {"low": 2, "high": 1}, "`low` must be less than `high`, but got 2 >= 1"),
        (wg.int32, {"low": 2, "high": 2}, "`low` must be less than `high`, but got 2 >= 2"),
        (
            wg.float32,
            {"low": float("nan")},
            "`low` and `high` cannot be NaN, but got low=nan and high=9",
        ),
        (
            wg.int8,
            {"low": 200, "high": 300},
            "The value interval specified by `low` and `high` is [200, 300), but wengert.int8 "
            "only supports [-128, 128)",
        ),
        (
            wg.int32,
            {"requires_grad": True},
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            "dtype=wengert.int32",
        ),
        (
            wg.float32,
            {"noncontiguous": True, "memory_format": wg.channels_last},
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            "noncontiguous=True and memory_format=wengert.channels_last",
        ),
    ],
)
def test_errors(dtype, options, text):
    with pytest.raises(ValueError) as caught:
        make_tensor(3, 4, dtype=dtype, **options)
    assert str(caught.value) == text


def test_equal_bounds_warn():
    with pytest.warns(FutureWarning, match="low==high"):
        tensor = make_tensor(3, dtype=wg.float32, low=1, high=1)
    assert tensor.tolist() == [1, 1, 1]
