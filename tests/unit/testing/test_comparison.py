"""assert_close: what is close, and what the messages say."""

from collections import OrderedDict

import numpy as np
import pytest

import wengert as wg
from wengert.testing import assert_close

t = wg.tensor
nan, inf = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("actual", "expected", "options"),
    [
        (t([1.0, 2.0]), t([1.0, 2.000001]), {}),
        (t([inf, -inf]), t([inf, -inf]), {}),
        (t([nan]), t([nan]), {"equal_nan": True}),
        (nan, nan, {"equal_nan": True}),
        (inf, inf, {}),
        (t([]), t([]), {}),
        (t(1, dtype=wg.int64), t(1.0), {"check_dtype": False}),
        (1.0, 1, {"check_dtype": False}),
        (t([1.0]), t([20.0]), {"rtol": 1.0, "atol": 0.0}),
        (t([1 + 1j]), t([1 + 1.0000001j]), {}),
        ((1, [2.0, None]), [1, (2.0, None)], {}),
        (OrderedDict(a=t([1.0])), {"a": t([1.0])}, {}),
        (np.array([1.0]), np.array([1.0 + 1e-9]), {}),
        (np.float64(1.0), 1.0, {"check_dtype": False}),
        (None, None, {}),
        (True, np.True_, {}),
        (t([1.0], dtype=wg.bfloat16), t([1.0078125], dtype=wg.bfloat16), {}),
        (wg.ones(2, 3).t(), wg.ones(3, 2), {}),
        (t([1.0], requires_grad=True), t([1.0]), {}),
    ],
)
def test_close(actual, expected, options):
    assert_close(actual, expected, **options)


@pytest.mark.parametrize(
    ("actual", "expected", "options", "error", "text"),
    [
        (
            t([[1.0, 2.0], [3.0, 4.0]]), t([[1.0, 2.5], [5.0, 4.0]]), {}, AssertionError,
            "Tensor-likes are not close!\n\nMismatched elements: 2 / 4 (50.0%)\n"
            "Greatest absolute difference: 2.0 at index (1, 0) (up to 1e-05 allowed)\n"
            "Greatest relative difference: 0.4000000059604645 at index (1, 0) "
            "(up to 1.3e-06 allowed)",
        ),
        (
            t([1, 2]), t([1, 3]), {}, AssertionError,
            "Tensor-likes are not equal!\n\nMismatched elements: 1 / 2 (50.0%)\n"
            "Greatest absolute difference: 1 at index (1,)\n"
            "Greatest relative difference: 0.3333333432674408 at index (1,)",
        ),
        (
            t(1.0), t(2.0), {}, AssertionError,
            "Scalars are not close!\n\nExpected 2.0 but got 1.0.\n"
            "Absolute difference: 1.0 (up to 1e-05 allowed)\n"
            "Relative difference: 0.5 (up to 1.3e-06 allowed)",
        ),
        (
            1, 0, {}, AssertionError,
            "Scalars are not equal!\n\nExpected 0 but got 1.\nAbsolute difference: 1\n"
            "Relative difference: inf",
        ),
        (True, False, {}, AssertionError, "Booleans mismatch: True is not False"),
        (
            t([1.0]), t([1.0, 2.0]), {}, AssertionError,
            "The values for attribute 'shape' do not match: "
            "wengert.Size([1]) != wengert.Size([2]).",
        ),
        (
            t([1.0]), t([1.0], dtype=wg.float64), {}, AssertionError,
            "The values for attribute 'dtype' do not match: wengert.float32 != wengert.float64.",
        ),
        (
            wg.ones(2, 3).t(), wg.ones(3, 2), {"check_stride": True}, AssertionError,
            "The values for attribute 'stride()' do not match: (1, 3) != (2, 1).",
        ),
        (
            1.0, 1, {}, AssertionError,
            "The (d)types do not match: <class 'float'> != <class 'int'>.",
        ),
        (
            t([1.0]), 1.0, {}, TypeError,
            "No comparison pair was able to handle inputs of type <class 'wengert.Tensor'> and "
            "<class 'float'>.",
        ),
        (
            "a", "a", {}, TypeError,
            "No comparison pair was able to handle inputs of type <class 'str'> and <class 'str'>.",
        ),
        (
            {"a": [t(1.0), t(2.0)]}, {"a": [t(1.0), t(3.0)]}, {}, AssertionError,
            "Scalars are not close!\n\nExpected 3.0 but got 2.0.\n"
            "Absolute difference: 1.0 (up to 1e-05 allowed)\n"
            "Relative difference: 0.3333333333333333 (up to 1.3e-06 allowed)\n\n"
            "The failure occurred for item ['a'][1]",
        ),
        (
            [1.0], [1.0, 2.0], {}, AssertionError,
            "The length of the sequences mismatch: 1 != 2",
        ),
        (
            {"a": 1, "c": 2}, {"b": 1, "c": 2}, {}, AssertionError,
            "The keys of the mappings do not match:\nMissing keys in the actual mapping: ['b']\n"
            "Additional keys in the actual mapping: ['a']",
        ),
        (None, 1.0, {}, AssertionError, "None mismatch: None is not 1.0"),
        (
            1.0, 1.0, {"rtol": 0.1}, ValueError,
            "Both 'rtol' and 'atol' must be either specified or omitted, but got no atol.",
        ),
        (1.0, 2.0, {"msg": "instead"}, AssertionError, "instead"),
        (
            False, True, {"msg": lambda text: f"before: {text}"}, AssertionError,
            "before: Booleans mismatch: False is not True",
        ),
        (
            t([inf, 1.0]), t([inf, nan]), {}, AssertionError,
            "Tensor-likes are not close!\n\nMismatched elements: 1 / 2 (50.0%)\n"
            "Greatest absolute difference: nan at index (1,) (up to 1e-05 allowed)\n"
            "Greatest relative difference: nan at index (1,) (up to 1.3e-06 allowed)",
        ),
    ],
)  # fmt: skip
def test_not_close(actual, expected, options, error, text):
    with pytest.raises(error) as caught:
        assert_close(actual, expected, **options)
    assert type(caught.value) is error
    assert str(caught.value) == text


def test_structure_is_judged_before_values():
    with pytest.raises(AssertionError, match="length of the sequences"):
        assert_close([1.0, [1.0]], [2.0, []])


def test_subclasses():
    weight = wg.nn.Parameter(wg.ones(2))
    assert_close(weight, wg.ones(2))
    with pytest.raises(TypeError, match="No comparison pair"):
        assert_close(weight, wg.ones(2), allow_subclasses=False)


def test_uint8_does_not_wrap_around():
    with pytest.raises(AssertionError, match="Greatest absolute difference: 255 at index"):
        assert_close(t([0], dtype=wg.uint8), t([255], dtype=wg.uint8))
