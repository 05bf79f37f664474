"""PyTorch's functions on lists of tensors, which optimizers are written with: `_foreach_add` etc.

They are loops. The in-place forms return the tensors; a second operand is a list, or one number or
tensor for all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import wengert as wg
from wengert import _missing

# With one argument.
_UNARY = (
    "abs", "acos", "asin", "atan", "ceil", "clone", "cos", "cosh", "erf", "erfc", "exp", "expm1",
    "floor", "frac", "lgamma", "log", "log10", "log1p", "log2", "neg", "reciprocal", "round",
    "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip
_BINARY = ("add", "clamp_max", "clamp_min", "copy", "div", "maximum", "minimum", "mul", "pow",
           "sub")  # fmt: skip
_TERNARY = ("addcdiv", "addcmul", "lerp")
# These take tensors only and have no in-place form; those of clamp do the same.
_WITH_NUMBERS = {"maximum": "clamp_min", "minimum": "clamp_max"}


def _check(name: str, count: int, other: Any) -> None:
    if len(other) != count:
        raise RuntimeError(
            f"_foreach_{name}: Tensor lists must have the same number of tensors, got {count} and "
            f"{len(other)}"
        )


def _spread(name: str, count: int, other: Any) -> Any:
    """An operand for every tensor."""
    if isinstance(other, wg.Tensor) and other.dim() == 1 and name in _TERNARY:
        other = other.tolist()
    if not isinstance(other, (list, tuple)):
        return [other] * count
    _check(name, count, other)
    return other


def _method(name: str, in_place: bool) -> Callable[..., Any]:
    if name == "copy":
        return wg.Tensor.copy_
    if name in _WITH_NUMBERS:  # takes numbers and tensors
        name = _WITH_NUMBERS[name]
    return getattr(wg.Tensor, name + "_" if in_place else name)


def _make(name: str, in_place: bool) -> Callable[..., Any]:
    if name in _UNARY:

        def unary(self: Any) -> Any:
            method = _method(name, in_place)
            return [method(tensor) for tensor in self]

        function: Callable[..., Any] = unary
    elif name in _BINARY:

        def binary(self: Any, other: Any, *, alpha: Any = None, **options: Any) -> Any:
            method = _method(name, in_place)
            others = _spread(name, len(self), other)
            if alpha is not None:
                options["alpha"] = alpha
            return [method(a, b, **options) for a, b in zip(self, others, strict=True)]

        function = binary
    else:

        def ternary(
            self: Any, tensor1: Any, tensor2: Any = None, value: Any = 1, **options: Any
        ) -> Any:
            method = _method(name, in_place)
            if name == "lerp":
                weights = options.pop("weight", tensor2)
                weights = _spread(name, len(self), weights)
                return [method(*each) for each in zip(self, tensor1, weights, strict=True)]
            values = options.pop("scalars", value)
            values = _spread(name, len(self), values)
            _check(name, len(self), tensor1)
            _check(name, len(self), tensor2)
            parts = zip(self, tensor1, tensor2, values, strict=True)
            return [method(a, b, c, value=value) for a, b, c, value in parts]

        function = ternary
    return function


def _foreach_norm(self: Any, ord: Any = 2, dtype: Any = None) -> list[wg.Tensor]:
    return [wg.linalg.vector_norm(tensor, ord, dtype=dtype) for tensor in self]


def _foreach_max(self: Any) -> list[wg.Tensor]:
    return [tensor.max() for tensor in self]


def _foreach_zero_(self: Any) -> list[wg.Tensor]:
    return [tensor.zero_() for tensor in self]


for _name in (*_UNARY, *_BINARY, *_TERNARY):
    if _name not in ("copy",):
        globals()[f"_foreach_{_name}"] = _make(_name, False)
    if _name not in ("clone",):
        globals()[f"_foreach_{_name}_"] = _make(_name, True)


def __getattr__(name: str) -> Any:
    _missing.raise_missing(sys.modules[__name__], name)
