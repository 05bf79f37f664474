"""What the older names for mixed precision, one module per kind of device, have in common."""

from __future__ import annotations

from typing import ClassVar

from .grad_scaler import GradScaler


class DeviceScaler(GradScaler):
    """A ``GradScaler`` of the device that its class names."""

    _of_device: ClassVar[str]

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__(
            self._of_device, init_scale, growth_factor, backoff_factor, growth_interval, enabled
        )
