"""What is tried out with divided tensors in PyTorch: not supported."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["implicit_replication"]


def implicit_replication() -> NoReturn:
    """Raises RuntimeError: training on several processes is not supported yet."""
    raise RuntimeError("implicit_replication(): training on several processes is not supported yet")
