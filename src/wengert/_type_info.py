"""What the numeric dtypes can hold."""

from __future__ import annotations

from typing import Any

from wengert import _C

__all__ = ("finfo", "iinfo")

# bits, mantissa bits, smallest exponent of a normal number, decimal digits
_FLOATS: dict[Any, tuple[int, int, int, int]] = {
    _C.float16: (16, 10, -14, 3),
    _C.bfloat16: (16, 7, -126, 2),
    _C.float32: (32, 23, -126, 6),
    _C.float64: (64, 52, -1022, 15),
}
# Dtypes of no tensors here, which programs ask about: eps, max, min, tiny.
_SMALL_FLOATS: dict[Any, tuple[float, float, float, float]] = {
    _C.float8_e4m3fn: (2.0**-3, 448.0, -448.0, 2.0**-6),
    _C.float8_e4m3fnuz: (2.0**-3, 240.0, -240.0, 2.0**-7),
    _C.float8_e5m2: (2.0**-2, 57344.0, -57344.0, 2.0**-14),
    _C.float8_e5m2fnuz: (2.0**-2, 57344.0, -57344.0, 2.0**-15),
    _C.float8_e8m0fnu: (1.0, 2.0**127, 2.0**-127, 2.0**-127),
}


class finfo:
    """The limits of a floating-point dtype: ``bits``, ``eps`` (the distance from 1 to the next
    number), ``max``, ``min``, ``tiny`` or ``smallest_normal``, ``resolution`` and ``dtype``.

    Complex dtypes have the limits of their parts. Without ``dtype``: the default dtype.

    >>> wg.finfo(wg.float32).eps
    1.1920928955078125e-07
    """

    __slots__ = ("_dtype", "bits", "eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, dtype: _C.dtype | None = None) -> None:
        dtype = _C.get_default_dtype() if dtype is None else dtype
        if not isinstance(dtype, _C.dtype) or not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                "wengert.finfo() requires a floating point input type. Use wengert.iinfo to handle "
                f"'{dtype}'"
            )
        self._dtype = dtype.to_real()
        if self._dtype in _SMALL_FLOATS:
            self.bits, self.resolution = 8, 1.0
            self.eps, self.max, self.min, self.tiny = _SMALL_FLOATS[self._dtype]
            self.smallest_normal = self.tiny
            return
        if self._dtype not in _FLOATS:
            raise NotImplementedError(f"finfo(): there are no tensors of {dtype} here")
        self.bits, mantissa, exponent, digits = _FLOATS[self._dtype]
        self.eps = 2.0**-mantissa
        self.max = (2.0 - self.eps) * 2.0 ** (1 - exponent)
        self.min = -self.max
        self.tiny = self.smallest_normal = 2.0**exponent
        self.resolution = float(f"1e-{digits}")

    @property
    def dtype(self) -> str:
        """The name of the dtype."""
        return str(self._dtype).rpartition(".")[2]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self._dtype is other._dtype

    def __hash__(self) -> int:
        return hash(self._dtype)

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        values = ", ".join(f"{name}={getattr(self, name):g}" for name in names)
        return f"finfo({values}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype: ``bits``, ``max``, ``min`` and ``dtype``.

    >>> wg.iinfo(wg.int8).max
    127
    """

    __slots__ = ("_dtype", "bits", "max", "min")

    def __init__(self, dtype: _C.dtype) -> None:
        if not isinstance(dtype, _C.dtype) or dtype.is_floating_point or dtype.is_complex:
            raise TypeError(
                "wengert.iinfo() requires an integer input type. Use wengert.finfo to handle "
                f"'{dtype}'"
            )
        if dtype is _C.bool:
            raise TypeError("wengert.bool is not supported by wengert.iinfo")
        self._dtype = dtype
        self.bits = 8 * dtype.itemsize
        values = self.bits - dtype.is_signed
        self.max = 2**values - 1
        self.min = -(2**values) if dtype.is_signed else 0

    @property
    def dtype(self) -> str:
        """The name of the dtype."""
        return str(self._dtype).rpartition(".")[2]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self._dtype is other._dtype

    def __hash__(self) -> int:
        return hash(self._dtype)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
