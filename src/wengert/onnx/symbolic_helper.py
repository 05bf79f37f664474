"""What programs register operators for an export to ONNX with; nothing calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["parse_args"]


def parse_args(*arg_descriptors: str) -> Callable[[Any], Any]:
    """A decorator that returns the function itself."""
    return lambda function: function
