"""Mixed precision under its older names."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from wengert import _missing


def __getattr__(name: str) -> Any:
    if name in ("GradScaler", "autocast", "custom_bwd", "custom_fwd"):
        return getattr(importlib.import_module("wengert.amp"), name)
    _missing.raise_missing(sys.modules[__name__], name)
