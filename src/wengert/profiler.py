"""The marks that programs set for a profiler. There is no profiler yet: `profile` says so.

Python's cProfile shows where the time goes.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import sys
from collections.abc import Callable
from typing import Any

from wengert import _missing

__all__ = ["ProfilerAction", "ProfilerActivity", "profile", "record_function", "schedule",
           "tensorboard_trace_handler"]  # fmt: skip


class ProfilerActivity(enum.Enum):
    """What is measured."""

    CPU = 0
    XPU = 1
    CUDA = 2
    MTIA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What a profiler does in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


class record_function(contextlib.ContextDecorator):
    """Names a block, or a function as a decorator; nothing is measured.

    >>> with wg.profiler.record_function("forward"):
    ...     y = wg.ones(2) + 1
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args

    def __enter__(self) -> record_function:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class profile:
    """Raises NotImplementedError: there is no profiler yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "profiler.profile(): there is no profiler yet; Python's cProfile shows where the time "
            "goes"
        )


def _action(
    step: int, *, skip_first: int, wait: int, warmup: int, active: int, repeat: int
) -> ProfilerAction:
    if step < skip_first:
        return ProfilerAction.NONE
    cycle = wait + warmup + active
    turn, place = divmod(step - skip_first, cycle)
    if (repeat and turn >= repeat) or place < wait:
        return ProfilerAction.NONE
    if place < wait + warmup:
        return ProfilerAction.WARMUP
    return ProfilerAction.RECORD_AND_SAVE if place == cycle - 1 else ProfilerAction.RECORD


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0
) -> Callable[[int], ProfilerAction]:
    """A function from a step's number to what a profiler does in it.

    >>> plan = wg.profiler.schedule(wait=1, warmup=1, active=1)
    >>> [plan(step).name for step in range(4)]
    ['NONE', 'WARMUP', 'RECORD_AND_SAVE', 'NONE']
    """
    return functools.partial(
        _action, skip_first=skip_first, wait=wait, warmup=warmup, active=active, repeat=repeat
    )


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[Any], None]:
    """What a profiler's results would be given to; nothing calls it."""

    def handler(prof: Any) -> None:
        raise NotImplementedError("profiler: there is no profiler yet, so there is no trace")

    return handler


def __getattr__(name: str) -> Any:
    _missing.raise_missing(sys.modules[__name__], name)
