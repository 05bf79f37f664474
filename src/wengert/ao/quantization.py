"""Quantization is not supported. Its marks in models change nothing, as before a conversion.

Models that are not quantised contain the two stubs; functions that quantise raise
NotImplementedError.
"""

from __future__ import annotations

from typing import Any, NoReturn

import wengert as wg

__all__ = ["DeQuantStub", "QuantStub", "convert", "fuse_modules", "fuse_modules_qat", "prepare",
           "prepare_qat", "quantize", "quantize_dynamic"]  # fmt: skip


class QuantStub(wg.nn.Identity):
    """Where a model's input would be quantised: returns it as it is."""

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()


class DeQuantStub(wg.nn.Identity):
    """Where a model's output would become a floating-point tensor again: returns it as it is."""

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()


def _refusing(name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"ao.quantization.{name}(): quantization is not supported")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Raises NotImplementedError."
    return function


convert = _refusing("convert")
fuse_modules = _refusing("fuse_modules")
fuse_modules_qat = _refusing("fuse_modules_qat")
prepare = _refusing("prepare")
prepare_qat = _refusing("prepare_qat")
quantize = _refusing("quantize")
quantize_dynamic = _refusing("quantize_dynamic")
