"""From indices to a batch, in whatever process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ._seeds import mix, sample_seed, seed_all
from .dataset import fetches_together

_SHOWN_INDICES = 8

__all__ = ["END", "Fetcher", "Task"]


class _End:
    """What a stream gives when it is over."""


END = _End()


def _silent(position: int) -> None:
    pass


@dataclass(slots=True)
class Task:
    """One batch to be made.

    ``indices`` is a list, or one index where there are no batches; ``seen`` counts for each index
    how often it came before in this epoch, where that can be more than never.
    """

    number: int
    indices: Any = None
    seen: list[int] | None = None

    def place(self, position: int) -> str:
        """What is done at a sample of this batch, -1 for putting the batch together."""
        text = f"batch {self.number}"
        if isinstance(self.indices, list):
            shown = ", ".join(map(str, self.indices[:_SHOWN_INDICES]))
            text += f" with indices [{shown}{', ...' if self.indices[_SHOWN_INDICES:] else ''}]"
        if position < 0:
            return f"collating {text}"
        if self.indices is None:
            return f"loading sample {position} of {text}"
        index = self.indices
        if isinstance(index, list):
            index = index[position] if position < len(index) else "?"
        return f"loading index {index} (sample {position}) of {text}"


class Fetcher:
    """Makes batches of a data set.

    Args:
        dataset: by index, or a stream.
        collate: makes a batch of samples, or converts one sample.
        batch_size: of a stream; ``None`` where samples come one by one.
        drop_last: of a stream.
        draws: seed the generators for every sample.
        collate_draws: seed them for putting a batch together, too.
    """

    def __init__(
        self,
        dataset: Any,
        streams: bool,
        batched: bool,
        batch_size: int | None,
        drop_last: bool,
        collate: Callable[[Any], Any],
        draws: bool = True,
        collate_draws: bool = True,
    ) -> None:
        self.dataset = dataset
        self.streams = streams
        self.batched = batched
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.collate = collate
        self.draws = draws
        self.collate_draws = collate_draws
        # What our own data sets do for a whole batch saves time, but they can go sample by sample.
        self.together = fetches_together(dataset, indirectly=not draws)
        self.worker = 0
        self.seed = 0
        self.stream: Iterator[Any] | None = None
        self.taken = 0
        # Told about every sample before it is loaded; raises to give up.
        self.report: Callable[[int], None] = _silent

    def begin(self, seed: int, skip: int = 0) -> None:
        """Starts an epoch; a stream is run over the batches that were taken already."""
        self.seed = seed
        if self.streams:
            seed_all(mix(seed, 3, self.worker))
            self.stream = iter(self.dataset)
            self.taken = 0
            for _ in range(skip * (self.batch_size or 1)):
                if self._next(0) is END:
                    break

    def fetch(self, task: Task) -> Any:
        """The batch, or END."""
        if self.streams:
            return self._from_stream(task)
        if not self.batched:
            return self._collated(task, self._samples(task, [task.indices])[0])
        if self.together:
            self.report(0)
            if self.draws:
                seed_all(mix(self.seed, 3, task.number))
            samples = self.dataset.__getitems__(task.indices)
        else:
            samples = self._samples(task, task.indices)
        self.report(-1)
        return self._collated(task, samples)

    def _collated(self, task: Task, samples: Any) -> Any:
        if self.collate_draws:
            seed_all(mix(self.seed, 4, task.number))
        return self.collate(samples)

    def _samples(self, task: Task, indices: list[Any]) -> list[Any]:
        report, dataset, draws = self.report, self.dataset, self.draws
        seed, seen = self.seed, task.seen
        # No batch has this many samples, so that positions of an epoch differ.
        first = task.number << 32
        samples, index = [], None
        try:
            for position, index in enumerate(indices):
                report(position)
                if draws:
                    before = 0 if seen is None else seen[position]
                    seed_all(sample_seed(seed, index, before, first + position))
                samples.append(dataset[index])
        except StopIteration as error:  # would end the epoch
            raise RuntimeError(f"the data set raised StopIteration at index {index}") from error
        return samples

    def _next(self, position: int) -> Any:
        self.report(position)
        seed_all(mix(self.seed, 5, self.worker, self.taken))
        self.taken += 1
        assert self.stream is not None
        return next(self.stream, END)

    def _from_stream(self, task: Task) -> Any:
        if self.batch_size is None:
            sample = self._next(0)
            return END if sample is END else self._collated(task, sample)
        batch: list[Any] = []
        while len(batch) < self.batch_size:
            sample = self._next(len(batch))
            if sample is END:
                break
            batch.append(sample)
        if not batch or (self.drop_last and len(batch) < self.batch_size):
            return END
        return self._collated(task, batch)
