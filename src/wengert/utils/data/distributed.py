"""The part of a data set that one of several processes sees."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import wengert as wg

from .sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th index, beginning with number ``rank``.

    All processes get equally many indices: with ``drop_last`` the last ones are left out, otherwise
    the first ones are given again. With ``shuffle``, the order is the same in all processes and
    follows from ``seed`` and the epoch of :meth:`set_epoch`.

    Args:
        dataset: anything with a length.
        num_replicas: how many processes there are.
        rank: the number of this process.
        shuffle: a random order.
        seed: of the random order; the same in all processes.
        drop_last: leave out what does not divide evenly.

    >>> sampler = wg.utils.data.DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False)
    >>> list(sampler)
    [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            raise RuntimeError(
                "Requires distributed package to be available: give num_replicas and rank\n"
                f"  num_replicas: {num_replicas}\n"
                f"  rank: {rank}"
            )
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]"
            )
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        length = len(dataset)
        if drop_last:
            self.num_samples = length // num_replicas
        else:
            self.num_samples = math.ceil(length / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        length = len(self.dataset)
        if self.shuffle:
            generator = wg.Generator().manual_seed(self.seed + self.epoch)
            indices = wg.randperm(length, generator=generator).tolist()
        else:
            indices = list(range(length))
        if length:
            repeats = math.ceil(self.total_size / length)
            indices = (indices * repeats)[: self.total_size]
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Chooses the random order; call it with a new number before every epoch."""
        self.epoch = epoch
