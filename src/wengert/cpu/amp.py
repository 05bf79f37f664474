"""Mixed precision under its older names, which leave out the kind of device."""

from __future__ import annotations

from typing import Any

import wengert as wg
from wengert import amp

__all__ = ["GradScaler", "autocast"]


class autocast(amp.autocast):
    """``wengert.amp.autocast("cpu", dtype, enabled, cache_enabled)``."""

    def __init__(
        self, enabled: bool = True, dtype: Any = wg.bfloat16, cache_enabled: bool = True
    ) -> None:
        super().__init__("cpu", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """``wengert.amp.GradScaler("cpu", ...)``."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__("cpu", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
