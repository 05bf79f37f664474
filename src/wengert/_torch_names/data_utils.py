"""`torch.utils.data._utils`: how batches are made, in a package of its own there."""

from __future__ import annotations

import sys
from types import ModuleType

from wengert.utils.data import _collate as collate
from wengert.utils.data import _fetch as fetch
from wengert.utils.data import _info as worker

__all__ = ["MP_STATUS_CHECK_INTERVAL", "collate", "fetch", "pin_memory", "worker"]

__path__: list[str] = []  # a package there
MP_STATUS_CHECK_INTERVAL = 5.0


def _as_it_is(data: object, device: object = None) -> object:
    return data


pin_memory = ModuleType(f"{__name__}.pin_memory", "Memory of the CPU is all there is.")
pin_memory.pin_memory = _as_it_is  # type: ignore[attr-defined]
for _module in ("collate", "fetch", "worker", "pin_memory"):
    sys.modules[f"{__name__}.{_module}"] = globals()[_module]
