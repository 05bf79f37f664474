"""NumPy's arrays and scalars as a tag and bytes. NumPy is imported only where it is needed."""

from __future__ import annotations

import re
from typing import Any

from ._files import need

# Booleans, numbers and fixed-width text; never objects, whose bytes are addresses.
_PLAIN = re.compile(r"[<>|=]?([biufcSU])(\d{1,9})")


def plain_dtype(name: Any) -> Any:
    """The numpy.dtype of this name, if it holds plain data."""
    import numpy

    need(
        isinstance(name, str) and _PLAIN.fullmatch(name),
        f"{name!r} is no NumPy dtype of numbers",
    )
    return numpy.dtype(name)


def encode_numpy(value: Any) -> tuple[dict[str, Any] | None, bytes | None]:
    """A node of the tree and the bytes that belong to it; None for arrays of objects."""
    import numpy

    if _PLAIN.fullmatch(value.dtype.str) is None:
        return None, None
    if isinstance(value, numpy.ndarray):
        if type(value) is not numpy.ndarray:
            return None, None
        node = {"$": "numpy.ndarray", "dtype": value.dtype.str, "shape": list(value.shape)}
        return node, value.tobytes()
    node = {"$": "numpy.scalar", "dtype": value.dtype.str}
    return node, value.tobytes()


def make_array(dtype: Any, shape: tuple[int, ...], data: bytes, fortran: bool = False) -> Any:
    """A new array of plain data."""
    import math

    import numpy

    need(all(type(size) is int and size >= 0 for size in shape), "an array has no valid shape")
    need(
        math.prod(shape) * dtype.itemsize == len(data),
        f"an array of shape {tuple(shape)} has {len(data)} bytes",
    )
    if not data:
        return numpy.empty(shape, dtype)
    flat = numpy.frombuffer(bytearray(data), dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def make_scalar(dtype: Any, data: bytes) -> Any:
    """A scalar of plain data."""
    need(dtype.itemsize == len(data), f"a NumPy scalar has {len(data)} bytes")
    return make_array(dtype, (1,), data)[0] if data else dtype.type()


def decode_numpy(node: dict[str, Any], data: bytes) -> Any:
    """The array or scalar of a node."""
    dtype = plain_dtype(node.get("dtype"))
    if node["$"] == "numpy.scalar":
        return make_scalar(dtype, data)
    shape = node.get("shape")
    need(isinstance(shape, list), "an array has no shape")
    return make_array(dtype, tuple(shape), data)  # type: ignore[arg-type]
