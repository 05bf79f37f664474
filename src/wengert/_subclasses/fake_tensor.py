"""Tensors without values, which a compiler calculates shapes with: there are none."""

from __future__ import annotations

from typing import Any

__all__ = ["FakeTensor", "FakeTensorMode", "is_fake"]


class FakeTensor:
    """A tensor without values: none can be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("there are no tensors without values; programs run eagerly")


class FakeTensorMode:
    """Makes tensors without values: it cannot be used."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("there are no tensors without values; programs run eagerly")


def is_fake(x: Any) -> bool:
    """Whether it is a tensor without values: never."""
    return False
