"""The profiler under its older name."""

from __future__ import annotations

from typing import Any

from wengert.profiler import EventList, FunctionEvent, profile, record_function

__all__ = ["EventList", "FunctionEvent", "emit_nvtx", "profile", "record_function"]


class emit_nvtx:
    """Raises RuntimeError: there is no GPU whose profiler could be told of operators."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        if enabled:
            raise RuntimeError("emit_nvtx(): this build has the device cpu only")

    def __enter__(self) -> emit_nvtx:
        return self

    def __exit__(self, *error: Any) -> None:
        pass
