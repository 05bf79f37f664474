"""Forward mode: tensors that carry a tangent, and what it becomes operation by operation.

>>> import wengert.autograd.forward_ad as fwAD
>>> with fwAD.dual_level():
...     x = fwAD.make_dual(wg.tensor([1.0, 2.0]), wg.tensor([1.0, 0.0]))
...     fwAD.unpack_dual(x * x).tangent
tensor([2., 0.])
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import NamedTuple

from wengert._C import (
    Tensor,
    _enter_dual,
    _exit_level,
    _make_dual,
    _set_fwd_grad_enabled,
    _unpack_dual,
)

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "set_fwd_grad_enabled",
    "unpack_dual",
]


class _Levels(threading.local):
    """The levels of `enter_dual_level` in this thread, innermost last."""

    def __init__(self) -> None:
        self.open: list[int] = []


_levels = _Levels()


class UnpackedDualTensor(NamedTuple):
    """What :func:`unpack_dual` gives: a tensor, and its tangent or None."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Begins forward mode; returns the level, for :func:`exit_dual_level`. Levels may nest."""
    level = _enter_dual()
    _levels.open.append(level)
    return level


def exit_dual_level(*, level: int | None = None) -> None:
    """Ends the innermost level; tangents of it are gone, and their tensors are plain ones.

    Raises RuntimeError if there is none, or if ``level`` is not the innermost.
    """
    if not _levels.open:
        raise RuntimeError(
            "Trying to exit a forward AD level that does not exist: no level was entered"
        )
    if level is not None and level != _levels.open[-1]:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is "
            "not supported."
        )
    _exit_level(_levels.open[-1])
    _levels.open.pop()


class dual_level:
    """Forward mode within a ``with`` block."""

    def __enter__(self) -> int:
        self._level = enter_dual_level()
        return self._level

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        exit_dual_level(level=self._level)


class set_fwd_grad_enabled:
    """Says whether tangents are pushed forward, from here on or within a ``with`` block."""

    def __init__(self, mode: bool) -> None:
        self._before = _set_fwd_grad_enabled(mode)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _set_fwd_grad_enabled(self._before)


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A view of ``tensor`` that carries ``tangent``, of the same shape and dtype.

    Raises RuntimeError outside of a level, where the two do not fit, or where ``tensor`` has a
    tangent at this level; ValueError for tensors that
    are neither floating nor complex.
    """
    if level is None:
        level = _levels.open[-1] if _levels.open else -1
    if level < 0:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for name, value in (("primal", tensor), ("tangent", tangent)):
        if not (value.is_floating_point() or value.is_complex()):
            raise ValueError(
                f"Expected {name} to be floating point or complex, but got: {value.dtype}"
            )
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            f"Trying to set a forward gradient that has a different size than that of the original "
            f"Tensor, this is not supported. Tensor is of size {list(tensor.shape)} while the "
            f"given forward gradient is of size {list(tangent.shape)}."
        )
    if tensor.dtype != tangent.dtype:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different dtype than that of the original "
            f"Tensor, this is not supported. Tensor is {tensor.dtype} while the given forward "
            f"gradient is {tangent.dtype}."
        )
    if _unpack_dual(tensor, level)[1] is not None:
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the "
            f"same level {level} is not supported."
        )
    return _make_dual(tensor, tangent, level)


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The tensor without its tangent, and the tangent: None where it is zero, or out of levels."""
    if level is None:
        level = _levels.open[-1] if _levels.open else -1
    if level < 0:
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(*_unpack_dual(tensor, level))
