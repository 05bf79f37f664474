"""Closeness of tensors, numbers and containers of them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import wengert as wg

__all__ = ["assert_close"]

Message = str | Callable[[str], str] | None
_Path = tuple[Any, ...]

# Relative and absolute tolerance; dtypes that are not listed are compared exactly.
_TOLERANCES = {
    wg.float16: (1e-3, 1e-5),
    wg.bfloat16: (1.6e-2, 1e-5),
    wg.float32: (1.3e-6, 1e-5),
    wg.float64: (1e-7, 1e-7),
    wg.complex64: (1.3e-6, 1e-5),
    wg.complex128: (1e-7, 1e-7),
}
_NUMBER_DTYPES = {int: wg.int64, float: wg.float64, complex: wg.complex128}


class _Mismatch(Exception):
    """An error to be, with the place in the containers where it was found."""

    def __init__(self, kind: type[Exception], text: str, path: _Path) -> None:
        super().__init__(text)
        self.kind, self.path = kind, path

    def finished(self, msg: Message) -> Exception:
        if isinstance(msg, str):
            return self.kind(msg)
        text = str(self)
        if self.path:
            place = "".join(str([step]) for step in self.path)
            text += f"\n\nThe failure occurred for item {place}"
        return self.kind(text if msg is None else msg(text))


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Message = None,
) -> None:
    """Raises AssertionError unless ``|actual - expected| <= atol + rtol * |expected|`` everywhere.

    Both may be tensors of any shape, NumPy arrays, Python or NumPy numbers, None, or (nested)
    sequences and mappings of these. Infinities are close to themselves, NaN to nothing unless
    ``equal_nan``. Integers and booleans are compared exactly.

    Args:
        actual, expected: what is compared; related types are needed at each place.
        allow_subclasses: whether a tensor and one of a subclass may be compared.
        rtol, atol: tolerances, both or none. By default they depend on the dtype (the wider of the
            two tensors'): float64 1e-7 and 1e-7, float32 1.3e-6 and 1e-5, float16 1e-3 and 1e-5,
            bfloat16 1.6e-2 and 1e-5; complex as their real dtype; others 0 and 0.
        equal_nan: whether two NaNs are close.
        check_device, check_dtype, check_layout, check_stride: whether these must be equal, too.
            Without ``check_dtype`` tensors are promoted before they are compared.
        msg: replaces the message; a function makes one from the message.

    Raises:
        AssertionError: the values, or what else is checked, differ. The message counts the
            elements and shows the greatest differences and where they are.
        TypeError: the types cannot be compared.
        ValueError: only one of ``rtol`` and ``atol`` is given.

    >>> from wengert.testing import assert_close
    >>> assert_close(wg.tensor([1.0, 2.0]), wg.tensor([1.0, 2.0000001]))
    >>> assert_close(wg.tensor([1.0, 2.0]), wg.tensor([1.0, 2.1]))
    Traceback (most recent call last):
        ...
    AssertionError: Tensor-likes are not close!
    <BLANKLINE>
    Mismatched elements: 1 / 2 (50.0%)
    Greatest absolute difference: 0.09999990463256836 at index (1,) (up to 1e-05 allowed)
    Greatest relative difference: 0.04761900380253792 at index (1,) (up to 1.3e-06 allowed)
    """
    __tracebackhide__ = True
    if (rtol is None) != (atol is None):
        raise ValueError(
            "Both 'rtol' and 'atol' must be either specified or omitted, "
            f"but got no {'rtol' if rtol is None else 'atol'}."
        )
    given = None if rtol is None or atol is None else (rtol, atol)
    checked = [
        name
        for name, wanted in (
            ("layout", check_layout),
            ("device", check_device),
            ("dtype", check_dtype),
            ("stride()", check_stride),
        )
        if wanted
    ]
    failure: Exception | None = None
    try:
        # The structure first: a missing key says more than the first number that is off.
        for a, e, path in list(_pairs(actual, expected, allow_subclasses, ())):
            _compare(a, e, path, given, equal_nan, checked)
    except _Mismatch as mismatch:
        failure = mismatch.finished(msg)
    if failure is not None:
        raise failure


def _pairs(
    actual: Any, expected: Any, subclasses: bool, path: _Path
) -> Iterator[tuple[Any, Any, _Path]]:
    """What is to be compared at each place of the containers."""
    if _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            text = f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
            raise _Mismatch(AssertionError, text, path)
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            yield from _pairs(a, e, subclasses, (*path, i))
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            missing = _ordered(expected.keys() - actual.keys())
            additional = _ordered(actual.keys() - expected.keys())
            text = (
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {missing}\n"
                f"Additional keys in the actual mapping: {additional}"
            )
            raise _Mismatch(AssertionError, text, path)
        for key in _ordered(actual.keys()):
            yield from _pairs(actual[key], expected[key], subclasses, (*path, key))
    elif actual is None or expected is None:
        if actual is not expected:
            text = f"None mismatch: {actual} is not {expected}"
            raise _Mismatch(AssertionError, text, path)
    elif _is_number(actual) and _is_number(expected):
        yield _plain(actual), _plain(expected), path
    else:
        related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
        if not subclasses:
            related = type(actual) is type(expected)
        a, e = (_as_tensor(value) if related else None for value in (actual, expected))
        if a is None or e is None:
            text = (
                "No comparison pair was able to handle inputs of type "
                f"{type(actual)} and {type(expected)}."
            )
            raise _Mismatch(TypeError, text, path)
        yield a, e, path


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _ordered(keys: Any) -> list[Any]:
    try:
        return sorted(keys)
    except TypeError:
        return list(keys)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool | int | float | complex):
        return True
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.bool_ | numpy.number)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | complex) else value.item()


def _as_tensor(value: Any) -> wg.Tensor | None:
    if isinstance(value, wg.Tensor):
        return value.detach()
    if not hasattr(value, "__array__"):
        return None
    return wg.as_tensor(value)


def _compare(
    actual: Any,
    expected: Any,
    path: _Path,
    given: tuple[float, float] | None,
    equal_nan: bool,
    checked: list[str],
) -> None:
    if isinstance(actual, wg.Tensor):
        text = _compare_tensors(actual, expected, given, equal_nan, checked)
    elif isinstance(actual, bool) and isinstance(expected, bool):
        text = None if actual is expected else f"Booleans mismatch: {actual} is not {expected}"
    else:
        text = _compare_numbers(actual, expected, given, equal_nan, "dtype" in checked)
    if text is not None:
        raise _Mismatch(AssertionError, text, path)


def _tolerances(given: tuple[float, float] | None, *dtypes: wg.dtype | None) -> tuple[float, float]:
    if given is not None:
        return given
    defaults = [_TOLERANCES.get(dtype, (0.0, 0.0)) if dtype else (0.0, 0.0) for dtype in dtypes]
    return max(rtol for rtol, _ in defaults), max(atol for _, atol in defaults)


def _compare_numbers(
    actual: Any,
    expected: Any,
    given: tuple[float, float] | None,
    equal_nan: bool,
    same_type: bool,
) -> str | None:
    if same_type and type(actual) is not type(expected):
        return f"The (d)types do not match: {type(actual)} != {type(expected)}."
    dtypes = [_NUMBER_DTYPES.get(type(value)) for value in (actual, expected)]
    rtol, atol = _tolerances(given, *dtypes)
    if actual == expected or (equal_nan and actual != actual and expected != expected):
        return None
    difference = abs(actual - expected)
    if math.isfinite(difference) and difference <= atol + rtol * abs(expected):
        return None
    return _scalar_text(actual, expected, rtol, atol)


def _compare_tensors(
    actual: wg.Tensor,
    expected: wg.Tensor,
    given: tuple[float, float] | None,
    equal_nan: bool,
    checked: list[str],
) -> str | None:
    for name in ("shape", *checked):
        a, e = (
            tensor.stride() if name == "stride()" else getattr(tensor, name)
            for tensor in (actual, expected)
        )
        if a != e:
            return f"The values for attribute '{name}' do not match: {a} != {e}."
    rtol, atol = _tolerances(given, actual.dtype, expected.dtype)
    common = wg.promote_types(actual.dtype, expected.dtype)
    actual, expected = actual.to(common), expected.to(common)
    close = wg.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan)
    if close.all():
        return None
    if actual.ndim == 0:
        return _scalar_text(actual.item(), expected.item(), rtol, atol)
    if not (common.is_floating_point or common.is_complex):
        actual, expected = actual.to(wg.int64), expected.to(wg.int64)  # no wrap-around, no bool
    total = actual.numel()
    wrong = total - int(close.sum())
    absolute = (actual - expected).abs()
    lines = [
        f"Tensor-likes are not {_relation(rtol, atol)}!\n",
        f"Mismatched elements: {wrong} / {total} ({wrong / total:.1%})",
    ]
    differences = (("absolute", absolute, atol), ("relative", absolute / expected.abs(), rtol))
    for name, difference, tolerance in differences:
        # Only what does not match competes: a NaN that is equal to a NaN would win.
        flat = difference.masked_fill(close, 0).flatten()
        worst = int(flat.argmax())
        lines.append(
            f"Greatest {name} difference: {flat[worst].item()} at index "
            f"{_unravel(worst, actual.shape)}{_allowance(rtol, atol, tolerance)}"
        )
    return "\n".join(lines)


def _scalar_text(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    absolute = abs(actual - expected)
    relative = math.inf if expected == 0 else absolute / abs(expected)
    return (
        f"Scalars are not {_relation(rtol, atol)}!\n\n"
        f"Expected {expected} but got {actual}.\n"
        f"Absolute difference: {absolute}{_allowance(rtol, atol, atol)}\n"
        f"Relative difference: {relative}{_allowance(rtol, atol, rtol)}"
    )


def _relation(rtol: float, atol: float) -> str:
    return "equal" if rtol == 0 and atol == 0 else "close"


def _allowance(rtol: float, atol: float, tolerance: float) -> str:
    return "" if rtol == 0 and atol == 0 else f" (up to {tolerance} allowed)"


def _unravel(position: int, shape: Sequence[int]) -> tuple[int, ...]:
    index: list[int] = []
    for size in reversed(shape):
        position, rest = divmod(position, size)
        index.insert(0, rest)
    return tuple(index)
