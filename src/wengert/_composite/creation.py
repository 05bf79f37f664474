"""Tensors made from numbers alone."""

from __future__ import annotations

import builtins
import math
import warnings
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from ._common import with_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wengert import Tensor

__all__ = (
    "empty_permuted", "logspace", "range", "scalar_tensor", "tril_indices", "triu_indices",
    "vander",
)  # fmt: skip

METHODS = ("new_empty_strided",)

PROPERTIES = ()

FUNCTIONAL = ()


@with_out
def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` powers of `base`, whose exponents go evenly from `start` to `end`."""
    dtype = dtype or wengert.get_default_dtype()
    wide = dtype if dtype.is_complex else wengert.float64
    exponents = _ops.linspace(start, end, steps, dtype=wide, device=device)
    result = _ops.pow(base, exponents).to(dtype)
    return result.requires_grad_() if requires_grad else result


def _triangle(ones: Tensor, dtype: Any) -> Tensor:
    places = _ops.transpose(_ops.nonzero(ones), 0, 1)
    return _ops.contiguous(places).to(dtype or wengert.int64)


def _full_matrix(row: int, col: int, device: Any) -> Tensor:
    if row < 0:
        raise RuntimeError(f"row must be non-negative, got{row}")
    if col < 0:
        raise RuntimeError(f"col must be non-negative, got{col}")
    return _ops.ones((row, col), dtype=wengert.bool, device=device)


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """Row and column numbers of the lower triangle of a matrix, as two rows."""
    return _triangle(_ops.tril(_full_matrix(row, col, device), offset), dtype)


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """Row and column numbers of the upper triangle of a matrix, as two rows."""
    return _triangle(_ops.triu(_full_matrix(row, col, device), offset), dtype)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """A matrix whose columns are the powers of the vector `x`, the highest first."""
    if x.dim() != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    if N is None:
        N = x.numel()
    if N < 0:
        raise RuntimeError("N must be non-negative.")
    powers = _ops.arange(0, N, device=x.device)
    if not increasing:
        powers = _ops.flip(powers, (0,))
    return _ops.pow(_ops.unsqueeze(x, 1), powers)


def new_empty_strided(
    input: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor with these strides whose memory is not initialised, by default with the dtype of
    `input`."""
    return _ops.empty_strided(
        size, stride, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad
    )


def empty_permuted(
    size: Sequence[int],
    physical_layout: Sequence[int],
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor whose memory, not initialised, holds the dimensions in the order `physical_layout`.

    >>> wg.empty_permuted((2, 3), (1, 0)).stride()
    (1, 2)
    """
    if sorted(physical_layout) != list(builtins.range(len(size))):
        raise RuntimeError(
            "Number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {len(size)} is not equal to "
            f"{list(physical_layout)}"
        )
    strides, step = [0] * len(size), 1
    for place in reversed(physical_layout):
        strides[place] = step
        step *= max(size[place], 1)
    return _ops.empty_strided(
        size, strides, dtype=dtype, device=device, requires_grad=requires_grad
    )


def scalar_tensor(
    s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A 0-d tensor of the default dtype (or `dtype`).

    >>> wg.scalar_tensor(2)
    tensor(2.)
    """
    dtype = dtype or (wengert.complex64 if isinstance(s, complex) else wengert.get_default_dtype())
    return _ops.full((), s, dtype=dtype, device=device, requires_grad=requires_grad)


def range(
    start: float,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from `start` to `end`, the end included. Deprecated: use `arange`."""
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior "
        "is inconsistent with Python's range builtin. Instead, use torch.arange, which produces "
        "values in [start, end).",
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) / step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    count = math.floor((end - start) / step) + 1
    places = _ops.arange(count, dtype=wengert.float64)
    values = _ops.add(_ops.mul(places, step), start)
    result = values.to(dtype or wengert.get_default_dtype())
    return result.requires_grad_() if requires_grad else result
