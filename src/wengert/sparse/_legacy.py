"""Constructors with the names of dtypes, which older programs call."""

from __future__ import annotations

from typing import Any

import wengert as wg

from ._coo import SparseTensor, make

__all__ = ["DoubleTensor", "FloatTensor", "IntTensor", "LongTensor"]


def FloatTensor(indices: Any, values: Any, size: Any = None) -> SparseTensor:
    """``sparse_coo_tensor`` of float32; the older way to write it."""
    return make(indices, values, size, dtype=wg.float32)


def DoubleTensor(indices: Any, values: Any, size: Any = None) -> SparseTensor:
    """``sparse_coo_tensor`` of float64; the older way to write it."""
    return make(indices, values, size, dtype=wg.float64)


def IntTensor(indices: Any, values: Any, size: Any = None) -> SparseTensor:
    """``sparse_coo_tensor`` of int32; the older way to write it."""
    return make(indices, values, size, dtype=wg.int32)


def LongTensor(indices: Any, values: Any, size: Any = None) -> SparseTensor:
    """``sparse_coo_tensor`` of int64; the older way to write it."""
    return make(indices, values, size, dtype=wg.int64)
