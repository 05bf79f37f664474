"""Tensors that are divided among processes: not supported yet."""

from __future__ import annotations

from typing import Any

from wengert import Tensor

__all__ = ["DTensor"]


class DTensor(Tensor):
    """The class of tensors that are divided among processes: there are none."""

    def __new__(cls, *args: Any, **kwargs: Any) -> DTensor:
        raise RuntimeError("DTensor(): training on several processes is not supported yet")
