"""The profiler under its older name."""

from wengert.profiler import EventList, FunctionEvent, profile, record_function

__all__ = ["EventList", "FunctionEvent", "profile", "record_function"]
