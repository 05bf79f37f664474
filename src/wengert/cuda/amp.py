"""Mixed precision under its older names, which leave out the kind of device."""

from __future__ import annotations

from typing import Any

import wengert as wg
from wengert import amp
from wengert.amp._older import DeviceScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


class autocast(amp.autocast):
    """``wengert.amp.autocast("cuda", dtype, enabled, cache_enabled)``."""

    def __init__(
        self, enabled: bool = True, dtype: Any = wg.float16, cache_enabled: bool = True
    ) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(DeviceScaler):
    """``wengert.amp.GradScaler("cuda", ...)``."""

    _of_device = "cuda"


def custom_fwd(fwd: Any = None, *, cast_inputs: Any = None) -> Any:
    """``wengert.amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)``."""
    return amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd: Any) -> Any:
    """``wengert.amp.custom_bwd(bwd, device_type="cuda")``."""
    return amp.custom_bwd(bwd, device_type="cuda")
