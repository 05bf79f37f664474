"""Tensors made from numbers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

if TYPE_CHECKING:
    from wengert import Tensor

__all__ = ("logspace", "tril_indices", "triu_indices", "vander")

METHODS = ()

PROPERTIES = ()

FUNCTIONAL = ()


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
