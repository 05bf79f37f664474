"""See :mod:`wengert.fx`."""

from typing import Any

from wengert.fx import Node

__all__ = ["Argument", "Node", "Target"]

Argument = Target = Any
