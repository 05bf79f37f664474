"""Mixed precision under its older names, which leave out the kind of device."""

from __future__ import annotations

from typing import Any

import wengert as wg
from wengert import amp

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


class autocast(amp.autocast):
    """``wengert.amp.autocast("cuda", dtype, enabled, cache_enabled)``."""

    def __init__(
        self, enabled: bool = True, dtype: Any = wg.float16, cache_enabled: bool = True
    ) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """``wengert.amp.GradScaler("cuda", ...)``."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__(
            "cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled
        )


def custom_fwd(fwd: Any = None, *, cast_inputs: Any = None) -> Any:
    """``wengert.amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)``."""
    return amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd: Any) -> Any:
    """``wengert.amp.custom_bwd(bwd, device_type="cuda")``."""
    return amp.custom_bwd(bwd, device_type="cuda")
