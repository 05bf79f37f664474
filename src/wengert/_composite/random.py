"""Random numbers whose arguments are PyTorch's, which Python's syntax cannot spell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wengert import _ops

if TYPE_CHECKING:
    from wengert import Tensor

__all__ = ()

METHODS = ("random_",)

PROPERTIES = ()

FUNCTIONAL = ()


def random_(input: Tensor, *bounds: int | None, generator: Any = None, **names: Any) -> Tensor:
    """Overwrites `input` with integers; returns it.

    `random_(to)` draws from 0, ..., to - 1; `random_(from, to)` from from, ..., to - 1;
    `random_(from, None)` from `from` up to the largest integer of the dtype; `random_()` from the
    non-negative integers. For a floating dtype these are the integers that it counts one by one.

    Raises RuntimeError for bounds that are not of the dtype or leave nothing between them, and
    NotImplementedError for complex dtypes.

    >>> wg.empty(2).random_(3, 4)
    tensor([3., 3.])
    """
    allowed = ("from", "to") if len(bounds) < 2 else ()
    for name in names:
        if name not in allowed:
            raise TypeError(f"random_() got an unexpected keyword argument '{name}'")
    if len(bounds) > 2:
        raise TypeError(f"random_() takes at most 2 bounds but {len(bounds)} were given")
    if len(bounds) == 1 and not names:
        names = {"to": bounds[0]}
    elif bounds:
        names = {**dict(zip(("from", "to"), bounds, strict=False)), **names}
    low = names.get("from", 0 if names else None)
    return _ops.random_(input, low, names.get("to"), generator=generator)
