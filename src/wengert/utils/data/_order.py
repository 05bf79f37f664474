"""Which samples make which batch, and where in an epoch a loader is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import wengert as wg

from ._fetch import END, Task
from ._seeds import Isolated, index_key, mix
from .distributed import DistributedSampler
from .sampler import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = ["Epoch", "draw_seed", "own_generators", "tasks"]

# They draw from wengert's generators only.
_OURS = (SequentialSampler, RandomSampler, SubsetRandomSampler, WeightedRandomSampler,
         DistributedSampler)  # fmt: skip


@dataclass
class Epoch:
    """One pass over the data, as far as it has come.

    With the seed and the generators' states at its start, the order can be run through again.
    """

    number: int
    seed: int
    generators: list[wg.Tensor]
    done: int = 0  # batches 0 to done - 1 were handed out
    ahead: set[int] = field(default_factory=set)  # and these, where order does not matter
    finished: bool = False
    # Of streams: batches taken from each worker, workers that are through, whose turn it is.
    taken: list[int] = field(default_factory=list)
    exhausted: list[int] = field(default_factory=list)
    turn: int = 0

    def hand_out(self, number: int) -> None:
        """Notes that a batch goes to the user."""
        self.ahead.add(number)
        while self.done in self.ahead:
            self.ahead.remove(self.done)
            self.done += 1


def draw_seed(generator: wg.Generator | None) -> int:
    """A seed for an epoch, from this generator or the default one."""
    return int(wg.randint(0, 2**63 - 1, (1,), generator=generator).item())


def own_generators(loader: Any) -> list[wg.Generator]:
    """The generators that were given to the loader and its samplers, each once."""
    found: list[wg.Generator] = []
    inner = getattr(loader.batch_sampler, "sampler", None)
    for owner in (loader, loader.sampler, loader.batch_sampler, inner):
        generator = getattr(owner, "generator", None)
        if isinstance(generator, wg.Generator) and all(generator is not g for g in found):
            found.append(generator)
    return found


def isolated(loader: Any, epoch: Epoch) -> Isolated:
    """The generators that the samplers of an epoch draw from, where they have none of their own."""
    samplers = [loader.sampler]
    if loader.batch_sampler is not None:
        inner = getattr(loader.batch_sampler, "sampler", None)
        samplers = [inner] if type(loader.batch_sampler) is BatchSampler else [None]
    return Isolated(mix(epoch.seed, 6), any(type(sampler) not in _OURS for sampler in samplers))


def tasks(loader: Any, epoch: Epoch, counted: bool = True) -> Iterator[Task]:
    """The batches of an epoch that have not been handed out yet.

    With ``counted`` they say how often an index came before, which seeds depend on.
    """
    own = isolated(loader, epoch)
    counts: Counter[int] | None = Counter() if counted and not _never_repeats(loader) else None
    batched = loader.batch_sampler is not None
    with own:
        indices = iter(loader.batch_sampler if batched else loader.sampler)
    number = 0
    while True:
        with own:
            chosen: Any = next(indices, END)
        if chosen is END:
            return
        if batched and not isinstance(chosen, list):
            chosen = list(chosen)
        seen = None if counts is None else _count(counts, chosen if batched else [chosen])
        if number >= epoch.done and number not in epoch.ahead:
            yield Task(number, chosen, seen)
        number += 1


def _never_repeats(loader: Any) -> bool:
    """Does every index come at most once in an epoch, for sure?"""
    sampler = loader.sampler
    if loader.batch_sampler is not None:
        if type(loader.batch_sampler) is not BatchSampler:
            return False
        sampler = loader.batch_sampler.sampler
    if type(sampler) is RandomSampler:
        return not sampler.replacement and sampler.num_samples <= len(sampler.data_source)
    return type(sampler) is SequentialSampler


def _count(counts: Counter[int], indices: list[Any]) -> list[int]:
    seen = []
    for index in indices:
        key = index if type(index) is int else index_key(index)
        if key is None:
            seen.append(0)
            continue
        seen.append(counts[key])
        counts[key] += 1
    return seen
