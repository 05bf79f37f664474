"""Exchange of tensors with other libraries, without copies: https://dmlc.github.io/dlpack."""

from __future__ import annotations

import enum
from typing import Any

import wengert as wg
from wengert import from_dlpack

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]


class DLDeviceType(enum.IntEnum):
    """DLPack's numbers for kinds of devices."""

    kDLCPU = 1  # noqa: N815
    kDLCUDA = 2  # noqa: N815
    kDLCUDAHost = 3  # noqa: N815
    kDLCUDAManaged = 13  # noqa: N815


def to_dlpack(tensor: wg.Tensor) -> Any:
    """A capsule that shares the memory of ``tensor``. Newer code passes the tensor itself to the
    other library's ``from_dlpack``."""
    return tensor.__dlpack__()
