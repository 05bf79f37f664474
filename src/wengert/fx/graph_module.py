"""See :mod:`wengert.fx`."""

from __future__ import annotations

from typing import Any, NoReturn

from wengert.fx import GraphModule, _Absent, _refuse

__all__ = ["GraphModule"]

_USER_PRESERVED_ATTRIBUTES_KEY = "_user_preserved_attributes"


class _CodeOnlyModule(_Absent):
    """A module of a captured program before it has code: none can be made."""


def _copy_attr(from_module: Any, to_module: Any, target: str) -> NoReturn:
    _refuse("graph_module._copy_attr")
