"""How long operators take: their calls are timed while a profile is recorded.

A profile is a mode of `overrides`: it sees the calls that a program makes, with what they call
themselves counted in, and the blocks of `record_function`. What ``backward()`` runs is one call.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from wengert import _missing
from wengert._C import Tensor
from wengert.overrides import TorchFunctionMode

__all__ = [
    "EventList", "FunctionEvent", "ProfilerAction", "ProfilerActivity", "kineto_available",
    "profile", "record_function", "schedule", "supported_activities", "tensorboard_trace_handler",
]  # fmt: skip

_active: list[profile] = []


class ProfilerActivity(enum.Enum):
    """What can be recorded; here only what the CPU does."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    PrivateUse1 = 4


class ProfilerAction(enum.Enum):
    """What is done in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities() -> set[ProfilerActivity]:
    """The activities that can be recorded."""
    return {ProfilerActivity.CPU}


def kineto_available() -> bool:
    """Whether PyTorch's library for tracing is there: no."""
    return False


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0
) -> Callable[[int], ProfilerAction]:
    """Which steps are recorded: after ``skip_first``, cycles of waiting, warming up and recording.

    Args:
        wait, warmup, active: steps of each kind in a cycle.
        repeat: how many cycles; 0 goes on for ever.
        skip_first: steps before the first cycle.

    >>> plan = wg.profiler.schedule(wait=1, warmup=1, active=2)
    >>> [plan(step).name for step in range(4)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise ValueError("schedule(): steps must not be negative, and active must be positive")

    def action(step: int) -> ProfilerAction:
        step -= skip_first
        cycle, place = divmod(step, wait + warmup + active)
        if step < 0 or (repeat > 0 and cycle >= repeat) or place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        last = place == wait + warmup + active - 1
        return ProfilerAction.RECORD_AND_SAVE if last else ProfilerAction.RECORD

    return action


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """For ``on_trace_ready``: writes a trace for Chrome and TensorBoard into a directory."""

    def handler(recorded: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{os.uname().nodename}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json" + (".gz" if use_gzip else "")
        recorded.export_chrome_trace(os.path.join(dir_name, name))

    return handler


@dataclass
class FunctionEvent:
    """A call, or the sum of several of one name. Times are microseconds."""

    name: str
    start: float
    cpu_time_total: float
    self_cpu_time_total: float
    input_shapes: list[list[int]] = field(default_factory=list)
    count: int = 1
    thread: int = 0

    @property
    def key(self) -> str:
        """The name."""
        return self.name

    @property
    def cpu_time(self) -> float:
        """The mean of a call."""
        return self.cpu_time_total / self.count


_SORTS = {"self_cpu_time_total": "self_cpu_time_total", "cpu_time": "cpu_time", "count": "count"}


class EventList(list[FunctionEvent]):
    """Calls, in the order of their ends."""

    def key_averages(self, group_by_input_shape: bool = False, **others: Any) -> EventList:
        """One event for each name (and the shapes), with the sums."""
        groups: dict[Any, FunctionEvent] = {}
        for event in self:
            key = (event.name, str(event.input_shapes) if group_by_input_shape else "")
            total = groups.setdefault(
                key, FunctionEvent(event.name, event.start, 0.0, 0.0, event.input_shapes, 0)
            )
            total.count += event.count
            total.cpu_time_total += event.cpu_time_total
            total.self_cpu_time_total += event.self_cpu_time_total
        return EventList(groups.values())

    def total_average(self) -> FunctionEvent:
        """The sum of all."""
        total = FunctionEvent("Total", 0.0, 0.0, 0.0, count=0)
        for event in self:
            total.count += event.count
            total.cpu_time_total += event.cpu_time_total
            total.self_cpu_time_total += event.self_cpu_time_total
        return total

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all calls together."""
        return sum(event.self_cpu_time_total for event in self)

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The events as text, the largest first."""
        key = _SORTS.get((sort_by or "").replace("cuda", "cpu"), "cpu_time_total")
        events = sorted(self, key=lambda each: getattr(each, key), reverse=True)
        if sort_by is None:
            events = list(self)
        total = self.self_cpu_time_total or 1.0
        rows = [("Name", "Self CPU %", "Self CPU", "CPU total", "CPU time avg", "# of Calls")]
        for event in events if row_limit < 0 else events[:row_limit]:
            rows.append(
                (
                    event.name[:max_name_column_width],
                    f"{100 * event.self_cpu_time_total / total:.2f}%",
                    _shown(event.self_cpu_time_total),
                    _shown(event.cpu_time_total),
                    _shown(event.cpu_time),
                    str(event.count),
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        line = "  ".join("-" * width for width in widths)
        texts = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        head = [header] if header else []
        tail = f"Self CPU time total: {_shown(self.self_cpu_time_total)}"
        return "\n".join([*head, line, texts[0], line, *texts[1:], line, tail, ""])

    def export_chrome_trace(self, path: str) -> None:
        """Writes a file that Chrome (chrome://tracing) and Perfetto show."""
        events = [
            {
                "ph": "X", "cat": "cpu_op", "name": event.name, "pid": os.getpid(),
                "tid": event.thread, "ts": event.start, "dur": event.cpu_time_total,
                "args": {"Input Dims": event.input_shapes},
            }
            for event in self
        ]  # fmt: skip
        text = json.dumps({"traceEvents": events})
        if path.endswith(".gz"):
            import gzip

            with gzip.open(path, "wt") as file:
                file.write(text)
        else:
            with open(path, "w") as file:
                file.write(text)


def _shown(microseconds: float) -> str:
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:.3f}{unit}"
    return f"{microseconds:.3f}us"


def _shapes(arguments: Iterable[Any]) -> list[list[int]]:
    return [list(each.shape) if isinstance(each, Tensor) else [] for each in arguments]


class _Watch(TorchFunctionMode):
    def __init__(self, owner: profile) -> None:
        self.owner = owner

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with self.owner._timed(getattr(func, "__name__", str(func)), args):
            return func(*args, **(kwargs or {}))


class profile:
    """A block whose calls are timed.

    Args:
        activities: accepted; the CPU's are recorded.
        schedule: a function of the step that says what is recorded; see `schedule`.
        on_trace_ready: called with this object when a recording ends.
        record_shapes: keep the shapes of arguments.
        with_stack, with_flops, with_modules, profile_memory, use_cuda: accepted without effect.

    >>> with wg.profiler.profile() as recorded:
    ...     y = wg.ones(3).sum()
    >>> [(event.key, event.count) for event in recorded.key_averages()]
    [('ones', 1), ('sum', 1)]
    """

    def __init__(
        self,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        use_cuda: bool | None = None,
        enabled: bool = True,
        **others: Any,
    ) -> None:
        self.schedule = schedule
        self.on_trace_ready = on_trace_ready
        self.record_shapes = record_shapes
        self.enabled = enabled
        self.step_num = 0
        self._events = EventList()
        self._within: list[float] = []  # of the open calls: the time of what they contain
        self._watch: _Watch | None = None
        self._blocks: contextlib.ExitStack | None = None

    @contextlib.contextmanager
    def _timed(self, name: str, arguments: Iterable[Any]) -> Any:
        self._within.append(0.0)
        start = time.perf_counter_ns()
        try:
            yield
        finally:
            length = (time.perf_counter_ns() - start) / 1e3
            inner = self._within.pop()
            if self._within:
                self._within[-1] += length
            shapes = _shapes(arguments) if self.record_shapes else []
            thread = threading.get_ident()
            event = FunctionEvent(name, start / 1e3, length, length - inner, shapes, 1, thread)
            self._events.append(event)

    # ---- recording ----

    def _action(self) -> ProfilerAction:
        return ProfilerAction.RECORD if self.schedule is None else self.schedule(self.step_num)

    def _record(self, on: bool) -> None:
        if on and self._blocks is None:
            self._events = EventList()
            self._blocks = contextlib.ExitStack()
            self._blocks.enter_context(_Watch(self))
            _active.append(self)
        elif not on and self._blocks is not None:
            _active.remove(self)
            self._blocks.close()
            self._blocks = None

    def start(self) -> None:
        """Begins; the same as entering the block."""
        recording = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        self._record(self.enabled and self._action() in recording)

    def stop(self) -> None:
        """Ends; the same as leaving the block."""
        was = self._blocks is not None
        self._record(False)
        if was and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def step(self) -> None:
        """The next step of the schedule begins."""
        ended = self._action() is ProfilerAction.RECORD_AND_SAVE
        if ended:
            self.stop()
        self.step_num += 1
        self.start()

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    # ---- what was recorded ----

    def events(self) -> EventList:
        """All calls."""
        return self._events

    def key_averages(self, group_by_input_shape: bool = False, **others: Any) -> EventList:
        """One event for each name, with the sums."""
        return self._events.key_averages(group_by_input_shape)

    def table(self, **options: Any) -> str:
        """The calls as text; see :meth:`EventList.table`."""
        return self._events.table(**options)

    def total_average(self) -> FunctionEvent:
        """The sum of all calls."""
        return self._events.total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all calls together."""
        return self._events.self_cpu_time_total

    def export_chrome_trace(self, path: str) -> None:
        """Writes a file that Chrome (chrome://tracing) and Perfetto show."""
        self._events.export_chrome_trace(path)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Raises RuntimeError: stacks are not recorded."""
        raise RuntimeError("export_stacks(): stacks are not recorded; use cProfile for functions")


class record_function:
    """A block, or a decorated function, that a profile shows under a name.

    >>> with wg.profiler.profile() as recorded, wg.profiler.record_function("step"):
    ...     y = wg.ones(3)
    >>> [event.key for event in recorded.events()]
    ['ones', 'step']
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self._blocks = contextlib.ExitStack()

    def __enter__(self) -> record_function:
        for each in _active:
            self._blocks.enter_context(each._timed(self.name, ()))
        return self

    def __exit__(self, *error: object) -> None:
        self._blocks.close()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return function(*args, **kwargs)

        return call


def __getattr__(name: str) -> Any:
    _missing.raise_missing(sys.modules[__name__], name)
