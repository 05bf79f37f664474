"""One pass over a loader: in this process, or with workers."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import time
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import wengert as wg

from ._fetch import END, Fetcher, Task
from ._order import Epoch, isolated, tasks
from ._seeds import Isolated
from .sampler import BatchSampler, RandomSampler, SequentialSampler

if TYPE_CHECKING:
    from ._pool import Pool

__all__ = ["InProcess", "OfTensors", "WithWorkers"]


class LoaderIterator:
    """What ``iter(loader)`` gives."""

    def __init__(self, loader: Any, epoch: Epoch) -> None:
        self._loader = loader
        self._epoch = epoch

    def __iter__(self) -> LoaderIterator:
        return self

    def __len__(self) -> int:
        return len(self._loader)

    def __next__(self) -> Any:
        raise NotImplementedError

    def _finish(self) -> StopIteration:
        self._epoch.finished = True
        return StopIteration()


class OfTensors(LoaderIterator):
    """Batches of a TensorDataset: one copy per tensor instead of one per sample."""

    def __init__(self, loader: Any, epoch: Epoch) -> None:
        super().__init__(loader, epoch)
        self._indices = self._index_tensors()

    def __next__(self) -> list[wg.Tensor]:
        indices = next(self._indices, None)
        if indices is None:
            raise self._finish()
        tensors = self._loader.dataset.tensors
        batch = [tensor.index_select(0, indices.to(tensor.device)) for tensor in tensors]
        self._epoch.hand_out(self._epoch.done)
        return batch

    def _index_tensors(self) -> Iterator[wg.Tensor]:
        loader, length = self._loader, len(self._loader.dataset)
        sampler = loader.sampler
        whole: wg.Tensor | None = None
        if type(loader.batch_sampler) is BatchSampler and loader.batch_sampler.sampler is sampler:
            if type(sampler) is SequentialSampler:
                whole = wg.arange(len(sampler))
            elif (
                type(sampler) is RandomSampler
                and not sampler.replacement
                and sampler.num_samples == len(sampler.data_source)
            ):
                with isolated(loader, self._epoch):
                    whole = sampler._permutation()
        if whole is None:
            for task in tasks(loader, self._epoch, counted=False):
                yield _wrapped(task.indices, length)
            return
        size = loader.batch_size
        for start in range(self._epoch.done * size, len(whole), size):
            batch = whole[start : start + size]
            if len(batch) == size or not loader.drop_last:
                yield batch


def _wrapped(indices: Any, length: int) -> wg.Tensor:
    # index_select takes no negative indices, indexing does.
    indices = [int(index) for index in indices]
    for index in indices:
        if not -length <= index < length:
            raise IndexError(f"index {index} is out of bounds for dimension 0 with size {length}")
    return wg.tensor([index % length for index in indices], dtype=wg.int64)


class InProcess(LoaderIterator):
    """Loads in this process, whose own generators of random numbers do not notice."""

    def __init__(self, loader: Any, epoch: Epoch, fetcher: Fetcher) -> None:
        super().__init__(loader, epoch)
        self._fetcher = fetcher
        # Every sample is seeded on its own.
        draws = fetcher.draws or fetcher.collate_draws
        self._kept: Any = Isolated(None) if draws else contextlib.nullcontext()
        self._position = 0
        with self._kept:
            fetcher.begin(epoch.seed, epoch.done)
        fetcher.report = self._report
        self._tasks: Iterator[Task] = (
            iter(()) if fetcher.streams else tasks(loader, epoch, fetcher.draws)
        )

    def _report(self, position: int) -> None:
        self._position = position

    def __next__(self) -> Any:
        if self._fetcher.streams:
            task = Task(self._epoch.done)
        else:
            found = next(self._tasks, None)
            if found is None:
                raise self._finish()
            task = found
        try:
            with self._kept:
                batch = self._fetcher.fetch(task)
        except Exception as error:
            error.add_note(f"raised while DataLoader was {task.place(self._position)}")
            raise
        if batch is END:
            raise self._finish()
        self._epoch.hand_out(task.number)
        return batch


class WithWorkers(LoaderIterator):
    """Hands tasks to workers and takes batches from them."""

    def __init__(self, loader: Any, epoch: Epoch, fetcher: Fetcher, pool: Pool) -> None:
        super().__init__(loader, epoch)
        self._pool: Pool | None = pool
        self._streams = fetcher.streams
        self._count = loader.num_workers
        self._ahead = loader.num_workers * loader.prefetch_factor
        self._in_order = loader.in_order
        self._answers: dict[int, tuple[int, str, Any]] = {}
        self._asked: dict[int, int] = {}  # tasks that are out, and their workers
        if not epoch.taken:
            epoch.taken = [0] * self._count
        pool.begin(epoch.seed, epoch.taken if self._streams else [0] * self._count)
        self._serial = pool.epoch
        self._through = set(epoch.exhausted)
        # Nothing here may refer back to this object: workers end when it is dropped.
        self._tasks = (
            map(Task, itertools.count(epoch.done))
            if fetcher.streams
            else tasks(loader, epoch, fetcher.draws)
        )
        self._turn = epoch.turn
        self._fill()

    def _fill(self) -> None:
        """Keeps as many tasks out as are to be prefetched."""
        assert self._pool is not None
        while len(self._asked) < self._ahead:
            if len(self._through) == self._count:
                return
            task = next(self._tasks, None)
            if task is None:
                return
            while self._turn in self._through:
                self._turn = (self._turn + 1) % self._count
            self._asked[task.number] = self._turn
            self._pool.ask(self._turn, task)
            self._turn = (self._turn + 1) % self._count

    def __next__(self) -> Any:
        if self._pool is None:
            raise StopIteration
        if self._pool.epoch != self._serial:
            raise RuntimeError(
                "DataLoader: a newer iterator has taken over the persistent workers of this one"
            )
        try:
            return self._take()
        except (RuntimeError, KeyboardInterrupt):
            if self._pool is not None and self._pool.broken:
                self._close()
            raise

    def _take(self) -> Any:
        assert self._pool is not None
        # A dead worker is reported even if its last batches are there.
        self._receive(0)
        while self._asked:
            number = self._ready()
            if number is None:
                self._receive(None)
                continue
            worker, kind, content = self._answers.pop(number)
            del self._asked[number]
            if kind == "end":
                self._note_end(worker)
                continue
            self._note_taken(number, worker)
            self._fill()
            if kind == "error":
                raise _raised_again(worker, content)
            return content
        if not self._loader.persistent_workers:
            self._close()
        self._pool = None
        raise self._finish()

    def _ready(self) -> int | None:
        if not self._in_order:
            return next(iter(self._answers), None)
        first = next(iter(self._asked))
        return first if first in self._answers else None

    def _note_end(self, worker: int) -> None:
        self._through.add(worker)
        self._epoch.exhausted = sorted(self._through)
        self._fill()
        self._note_turn()

    def _note_taken(self, number: int, worker: int) -> None:
        epoch = self._epoch
        if self._streams:
            epoch.taken[worker] += 1
            epoch.done += 1
            self._warn_about_length()
        else:
            epoch.hand_out(number)
        self._note_turn()

    def _note_turn(self) -> None:
        # Of the batch that comes next.
        self._epoch.turn = next(iter(self._asked.values()), self._turn)

    def _warn_about_length(self) -> None:
        expected = self._loader._promised_length
        if expected is not None and self._epoch.done == expected + 1:
            warnings.warn(
                f"Length of IterableDataset {self._loader.dataset} was reported to be {expected} "
                f"(when accessing len(dataloader)), but {expected + 1} samples have been fetched. "
                "Does every worker give all samples? get_worker_info() tells a data set which part "
                "is its own.",
                stacklevel=4,
            )

    def _receive(self, seconds: float | None) -> None:
        assert self._pool is not None
        limit = self._loader.timeout
        deadline = time.monotonic() + limit
        while True:
            if seconds is None and limit > 0:
                left = deadline - time.monotonic()
                if left <= 0:
                    self._pool.give_up()
                    raise RuntimeError(self._late(limit))
                answers = self._pool.wait(left)
            else:
                answers = self._pool.wait(seconds)
            for worker, number, kind, content in answers:
                self._answers[number] = worker, kind, content
            if answers or seconds is not None:
                return

    def _late(self, limit: float) -> str:
        assert self._pool is not None
        number = next(iter(self._asked))
        worker = self._pool.workers[self._asked[number]]
        return (
            f"DataLoader timed out after {limit} seconds\n"
            f"  worker {worker.number} of {self._count} (pid {worker.process.pid}): "
            f"{self._pool.whereabouts(worker)}"
        )

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._loader._forget_pool(self._pool)
            self._pool = None


class _KeyErrorText(str):
    """A message that KeyError shows as it is."""

    def __repr__(self) -> str:
        return str(self)


def _raised_again(worker: int, content: Any) -> Exception:
    """The exception of a worker, with the traceback of the worker in its text."""
    pickled, text, where = content
    kind: Any = RuntimeError
    if pickled is not None:
        try:
            kind = pickle.loads(pickled)
        except Exception:  # a class that only the worker knows
            kind = RuntimeError
    name = kind.__name__
    message = (
        f"Caught {name} in DataLoader worker process {worker}.\n"
        f"  it was {where or 'starting'}\n"
        f"Original {text.rstrip()}"
    )
    if issubclass(kind, StopIteration):
        kind = RuntimeError  # it would end the epoch
    try:
        return kind(_KeyErrorText(message) if issubclass(kind, KeyError) else message)
    except Exception:  # its constructor wants something else
        return RuntimeError(message)
