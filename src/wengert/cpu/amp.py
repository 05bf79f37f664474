"""Mixed precision under its older names, which leave out the kind of device."""

from __future__ import annotations

from typing import Any

import wengert as wg
from wengert import amp
from wengert.amp._older import DeviceScaler

__all__ = ["GradScaler", "autocast"]


class autocast(amp.autocast):
    """``wengert.amp.autocast("cpu", dtype, enabled, cache_enabled)``."""

    def __init__(
        self, enabled: bool = True, dtype: Any = wg.bfloat16, cache_enabled: bool = True
    ) -> None:
        super().__init__("cpu", dtype, enabled, cache_enabled)


class GradScaler(DeviceScaler):
    """``wengert.amp.GradScaler("cpu", ...)``."""

    _of_device = "cpu"
