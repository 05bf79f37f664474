"""Python's multiprocessing under the name that programs import it by.

Tensors that are sent to another process are copied; memory that processes share is not supported.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing import *  # noqa: F403
from typing import Any

__all__ = [
    *multiprocessing.__all__, "ProcessContext", "ProcessExitedException", "ProcessRaisedException",
    "get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy", "spawn",
    "start_processes",
]  # fmt: skip

_STRATEGIES = {"file_descriptor", "file_system"}
_strategy = "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """The names that `set_sharing_strategy` takes."""
    return set(_STRATEGIES)


def get_sharing_strategy() -> str:
    """What `set_sharing_strategy` was told last."""
    return _strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Remembers how memory should be shared: it is copied in any case."""
    global _strategy
    if new_strategy not in _STRATEGIES:
        raise AssertionError(f"unknown sharing strategy {new_strategy!r}")
    _strategy = new_strategy


class ProcessExitedException(Exception):
    """A process ended with another exit status than 0."""

    def __init__(self, msg: str, error_index: int, error_pid: int | None, exit_code: int) -> None:
        super().__init__(msg)
        self.error_index, self.error_pid, self.exit_code = error_index, error_pid, exit_code


class ProcessRaisedException(Exception):
    """A function raised in its process; the message has the traceback."""

    def __init__(self, msg: str, error_index: int, error_pid: int | None) -> None:
        super().__init__(msg)
        self.error_index, self.error_pid = error_index, error_pid


def _call(function: Callable[..., Any], index: int, args: tuple[Any, ...], failures: Any) -> None:
    try:
        function(index, *args)
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
    except Exception:
        import traceback

        failures.put(traceback.format_exc())
        raise SystemExit(1) from None


class ProcessContext:
    """Processes that `spawn` has started."""

    def __init__(self, processes: list[Any], failures: list[Any]) -> None:
        self.processes, self._failures = processes, failures

    def pids(self) -> list[int | None]:
        """Their numbers."""
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None) -> bool:
        """Waits for all; True if all have ended.

        At the first that fails the others are ended, and ProcessRaisedException (the function
        raised) or ProcessExitedException says which it was.
        """
        from multiprocessing.connection import wait

        running = {process.sentinel: i for i, process in enumerate(self.processes)}
        running = {s: i for s, i in running.items() if self.processes[i].is_alive()}
        if running:
            wait(list(running), timeout=timeout)
        failed = [i for i, p in enumerate(self.processes) if p.exitcode not in (None, 0)]
        if not failed:
            return all(process.exitcode == 0 for process in self.processes)
        for process in self.processes:
            if process.is_alive():
                process.terminate()
            process.join()
        index = failed[0]
        process, failures = self.processes[index], self._failures[index]
        if not failures.empty():
            raise ProcessRaisedException(
                f"\n\n-- Process {index} terminated with the following error:\n{failures.get()}",
                index,
                process.pid,
            )
        raise ProcessExitedException(
            f"process {index} terminated with exit code {process.exitcode}",
            index,
            process.pid,
            process.exitcode,
        )


def start_processes(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Calls ``fn(i, *args)`` in processes i = 0 to nprocs - 1. See `spawn`."""
    context: Any = multiprocessing.get_context(start_method)
    processes, failures = [], []
    for index in range(nprocs):
        queue = context.SimpleQueue()
        process = context.Process(target=_call, args=(fn, index, args, queue), daemon=daemon)
        process.start()
        processes.append(process)
        failures.append(queue)
    result = ProcessContext(processes, failures)
    if not join:
        return result
    while not result.join():
        pass
    return None


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Calls ``fn(i, *args)`` in fresh processes i = 0 to nprocs - 1, and waits for them to end.

    join: with False the `ProcessContext` is returned at once. If one fails, the others are ended,
    and ProcessRaisedException or ProcessExitedException is raised here.
    """
    return start_processes(fn, args, nprocs, join, daemon, start_method)
