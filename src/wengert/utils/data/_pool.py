"""The worker processes as the main process sees them."""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import signal
import socket
import time
import warnings
import weakref
from collections import deque
from typing import Any

from ._fetch import Task
from ._transport import channel, dumps, loads, memory_file, receive
from ._worker import Progress, Setup, run

__all__ = ["Pool"]

# How long workers may go on with the sample that they are at when nobody wants it any more.
_GRACE_SECONDS = 2.0


class _Worker:
    """One process, the channel to it, and what it has been asked for."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: Any = None
        self.end: Any = None
        self.progress: Any = None
        self.outbox: deque[tuple[bytes, int | None]] = deque()
        self.asked: dict[int, Task] = {}

    def flush(self) -> None:
        """Sends what can be sent without waiting."""
        while self.outbox:
            message, descriptor = self.outbox[0]
            try:
                if descriptor is None:
                    self.end.send(message)
                else:
                    socket.send_fds(self.end, [message], [descriptor])
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):
                return  # the death of the worker is noticed elsewhere
            self.outbox.popleft()
            if descriptor is not None:
                os.close(descriptor)


class Pool:
    """Worker processes.

    Args:
        context: what starts processes, of :mod:`multiprocessing`.
        setups: one per worker.
    """

    def __init__(self, context: Any, setups: list[Setup]) -> None:
        self.workers: list[_Worker] = []
        self.epoch = 0
        self._grace = [_GRACE_SECONDS]
        self._selector = selectors.DefaultSelector()
        # Also runs when the program ends.
        self.close = weakref.finalize(
            self, _stop, self.workers, self._selector, os.getpid(), self._grace
        )
        try:
            for setup in setups:
                self._start(context, setup)
        except BaseException as error:
            self.close()
            if isinstance(error, (pickle.PicklingError, AttributeError, TypeError)):
                error.add_note(
                    f"DataLoader: with the start method {context.get_start_method()!r} the data "
                    "set, collate_fn and worker_init_fn must be picklable, that is, defined at the "
                    "top of a module"
                )
            raise

    @property
    def broken(self) -> bool:
        """Is it of no more use? Then nobody waits for what its workers are at."""
        return not self._grace[0]

    def give_up(self) -> None:
        """Makes it broken."""
        self._grace[0] = 0.0

    def _start(self, context: Any, setup: Setup) -> None:
        worker = _Worker(setup.number)
        worker.end, theirs = channel()
        self.workers.append(worker)
        forks = context.get_start_method() == "fork"
        others = [other.end for other in self.workers] if forks else []
        worker.process = context.Process(
            target=run, args=(theirs, others, setup), daemon=True, name=f"DataLoader-{setup.number}"
        )
        try:
            with warnings.catch_warnings():
                # The child uses none of the threads that the fork leaves behind.
                warnings.filterwarnings("ignore", ".*use of fork.*", DeprecationWarning)
                worker.process.start()
        finally:
            theirs.close()
        descriptor = memory_file()
        os.ftruncate(descriptor, os.sysconf("SC_PAGESIZE"))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(worker.end, [b"progress"], [descriptor])
        worker.progress = Progress(descriptor)
        worker.end.setblocking(False)
        self._selector.register(worker.end, selectors.EVENT_READ, worker)
        self._selector.register(worker.process.sentinel, selectors.EVENT_READ, worker)

    def begin(self, seed: int, skips: list[int]) -> None:
        """Starts an epoch; what is left of the one before is not wanted any more.

        ``skips`` has the number of batches that each worker leaves out of its stream.
        """
        self.epoch += 1
        for worker, skip in zip(self.workers, skips, strict=True):
            worker.progress.epoch = self.epoch
            worker.asked.clear()
            worker.outbox.append(dumps(("epoch", (self.epoch, seed, skip))))
            worker.flush()

    def ask(self, number: int, task: Task) -> None:
        """Gives a task to worker ``number``."""
        worker = self.workers[number]
        worker.asked[task.number] = task
        worker.outbox.append(dumps(("task", task)))
        worker.flush()

    def wait(self, seconds: float | None) -> list[tuple[int, int, str, Any]]:
        """Waits for answers: worker, number of the task, kind and content.

        Raises RuntimeError when a worker is dead.
        """
        answers: list[tuple[int, int, str, Any]] = []
        dead: list[_Worker] = []
        self._watch_writing()
        for key, events in self._selector.select(seconds):
            worker = key.data
            if events & selectors.EVENT_WRITE:
                worker.flush()
            if key.fileobj is worker.end:
                if events & selectors.EVENT_READ and not self._read(worker, answers):
                    dead.append(worker)
            else:
                dead.append(worker)
        if dead:
            self.give_up()
            raise RuntimeError(self._obituary(dead[0]))
        return answers

    def _watch_writing(self) -> None:
        for worker in self.workers:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.outbox else 0)
            if self._selector.get_key(worker.end).events != events:
                self._selector.modify(worker.end, events, worker)

    def _read(self, worker: _Worker, answers: list[Any]) -> bool:
        """Reads all that is there; False when the channel is closed."""
        while True:
            try:
                message, descriptor = receive(worker.end)
            except BlockingIOError:
                return True
            except ConnectionResetError:
                return False
            if not message:
                return False
            epoch, number, kind, content = loads(message, descriptor)
            if epoch == self.epoch and worker.asked.pop(number, None) is not None:
                answers.append((worker.number, number, kind, content))

    def _obituary(self, worker: _Worker) -> str:
        worker.process.join(_GRACE_SECONDS)
        code = worker.process.exitcode
        if code is not None and code < 0:
            try:
                name = f" ({signal.Signals(-code).name})"
            except ValueError:
                name = ""
            how = f"killed by signal {-code}{name}"
            if -code == signal.SIGKILL:
                how += ", which is also what happens when memory runs out"
        else:
            how = f"ended with exit status {code}"
        return (
            f"DataLoader worker (pid(s) {worker.process.pid}) exited unexpectedly\n"
            f"  worker {worker.number} of {len(self.workers)}: {how}\n"
            f"  {self.whereabouts(worker)}{worker.progress.last_words()}"
        )

    def whereabouts(self, worker: _Worker) -> str:
        """What a worker is or was at."""
        number, position = worker.progress.place
        task = worker.asked.get(number)
        if task is None:
            if not worker.asked:
                return "it had nothing to do"
            task, position = next(iter(worker.asked.values())), 0
        return "it was " + task.place(position)


def _stop(workers: list[_Worker], selector: Any, owner: int, grace: list[float]) -> None:
    """Ends all workers: asks them, waits a little, and then does not ask any more."""
    if os.getpid() != owner:
        return  # a forked process has copies of all this, but the workers are not its own
    started = [worker for worker in workers if worker.process is not None and worker.process.pid]
    try:
        for worker in workers:
            if worker.progress is not None:
                worker.progress.stop()
            worker.end.close()
        deadline = time.monotonic() + grace[0]
        for worker in started:
            worker.process.join(max(0.0, deadline - time.monotonic()))
        for worker in started:
            if worker.process.is_alive():
                worker.process.terminate()
        for worker in started:
            worker.process.join(_GRACE_SECONDS / 2)
    finally:
        for worker in started:
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()
        for worker in workers:
            for _, descriptor in worker.outbox:
                if descriptor is not None:
                    os.close(descriptor)
            worker.outbox.clear()
            if worker.progress is not None:
                worker.progress.close()
        selector.close()
        workers.clear()
