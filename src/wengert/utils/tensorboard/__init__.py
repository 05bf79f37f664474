"""Writing training curves, pictures and texts for TensorBoard.

Needs the package ``tensorboard``: ``pip install wengert[tensorboard]``. Without it, importing
``SummaryWriter`` raises ImportError.
"""

from __future__ import annotations

import importlib.util
from typing import Any

__all__ = ["SummaryWriter"]


def __getattr__(name: str) -> Any:
    if name != "SummaryWriter":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if importlib.util.find_spec("tensorboard") is None:
        raise ImportError(
            "SummaryWriter needs the package tensorboard, which is not installed: "
            "pip install wengert[tensorboard]"
        )
    from .writer import SummaryWriter

    return SummaryWriter
