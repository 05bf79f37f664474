"""What runs in a worker process."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import mmap
import os
import select
import signal
import socket
import struct
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import wengert as wg

from . import _info
from ._fetch import END, Fetcher, Task
from ._info import WorkerInfo
from ._seeds import seed_all
from ._transport import dumps, loads, receive

__all__ = ["Progress", "Setup", "run"]

_PARENT_CHECK_SECONDS = 2.0
_LONGEST_TRACEBACK = 1 << 16


@dataclass
class Setup:
    """All that a worker needs to know when it starts."""

    fetcher: Fetcher
    number: int
    num_workers: int
    seed: int
    init: Callable[[int], None] | None
    parent: int


class Progress:
    """A few numbers in shared memory: what a worker is doing, and what it need not do any more."""

    _FORM = struct.Struct("<qqqq")

    def __init__(self, descriptor: int) -> None:
        self._file = descriptor
        self._memory = mmap.mmap(descriptor, mmap.PAGESIZE)

    def _get(self, place: int) -> int:
        return self._FORM.unpack_from(self._memory)[place]

    def _set(self, place: int, value: int) -> None:
        struct.pack_into("<q", self._memory, 8 * place, value)

    @property
    def stopped(self) -> bool:
        """Shall the worker end?"""
        return self._get(0) != 0

    def stop(self) -> None:
        """Asks the worker to end after the sample that it is at."""
        self._set(0, 1)

    @property
    def epoch(self) -> int:
        """The epoch that is wanted; those before were broken off."""
        return self._get(1)

    @epoch.setter
    def epoch(self, serial: int) -> None:
        self._set(1, serial)

    @property
    def place(self) -> tuple[int, int]:
        """The number of the batch and the sample in it, -1 where there is none."""
        return self._get(2) - 1, self._get(3) - 1

    @place.setter
    def place(self, place: tuple[int, int]) -> None:
        self._set(2, place[0] + 1)
        self._set(3, place[1] + 1)

    def record_faults(self) -> None:
        """Has the traceback written behind the numbers when this process dies of a fault."""
        os.lseek(self._file, mmap.PAGESIZE, os.SEEK_SET)
        faulthandler.enable(self._file, all_threads=False)

    def last_words(self) -> str:
        """The traceback of a fault, with a line break before it, or nothing."""
        text = os.pread(self._file, _LONGEST_TRACEBACK, mmap.PAGESIZE).decode(errors="replace")
        return f"\n{text.rstrip()}" if text else ""

    def close(self) -> None:
        """Lets go of the memory."""
        self._memory.close()
        os.close(self._file)


class _GivenUp(BaseException):
    """The main process does not want this batch any more."""


def run(end: socket.socket, others: list[socket.socket], setup: Setup) -> None:
    """The life of a worker: makes the batches that it is asked for until the channel closes.

    Args:
        end: the channel to the main process.
        others: ends of other channels that a fork has copied here.
    """
    for other in others:
        other.close()
    # Ctrl-C reaches the whole group; the main process is the one that handles it.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if others:
        gc.freeze()  # collecting what was there before would copy its pages
    wg.set_num_threads(1)
    _, descriptor = receive(end)
    if descriptor is None:
        return
    progress = Progress(descriptor)
    progress.record_faults()
    fetcher = setup.fetcher
    fetcher.worker = setup.number
    _info.current = WorkerInfo(setup.number, setup.num_workers, setup.seed, fetcher.dataset)
    failure: Any = None
    try:
        seed_all(setup.seed)
        if setup.init is not None:
            setup.init(setup.number)
    except Exception as error:
        failure = _described(error, None)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _serve(end, fetcher, progress, failure, setup.parent)


def _serve(
    end: socket.socket, fetcher: Fetcher, progress: Progress, failure: Any, parent: int
) -> None:
    epoch = number = 0

    def report(position: int) -> None:
        if progress.stopped or epoch < progress.epoch:
            raise _GivenUp
        progress.place = number, position

    fetcher.report = report
    while True:
        while not select.select([end], [], [], _PARENT_CHECK_SECONDS)[0]:
            if os.getppid() != parent:
                return
        message, descriptor = receive(end)
        if not message or progress.stopped:
            return
        kind, content = loads(message, descriptor)
        task: Task | None = None
        try:
            if kind == "epoch":
                epoch, seed, skip = content
                if failure is None:
                    fetcher.begin(seed, skip)
                continue
            task = content
            number = task.number
            if epoch < progress.epoch:
                continue
            if failure is None:
                batch = fetcher.fetch(task)
                answer = ("end", None) if batch is END else ("batch", batch)
            else:
                answer = ("error", failure)
            reply = dumps((epoch, number, *answer))
        except _GivenUp:
            if progress.stopped:
                return
            continue
        except Exception as error:
            described = _described(error, None if task is None else task.place(progress.place[1]))
            if task is None:
                failure = described
                continue
            reply = dumps((epoch, number, "error", described))
        progress.place = -1, -1
        _send(end, *reply)


def _send(end: socket.socket, message: bytes, descriptor: int | None) -> None:
    if descriptor is None:
        end.send(message)
        return
    try:
        socket.send_fds(end, [message], [descriptor])
    finally:
        os.close(descriptor)


def _described(error: Exception, place: str | None) -> tuple[bytes | None, str, str | None]:
    import pickle

    try:
        kind = pickle.dumps(type(error))
    except Exception:  # a class that is local to a function
        kind = None
    return kind, "".join(traceback.format_exception(error)), place
