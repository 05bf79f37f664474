"""Who a worker process is. In a file of its own, so that asking needs no worker's imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["WorkerInfo", "get_worker_info"]


@dataclass(frozen=True)
class WorkerInfo:
    """What :func:`get_worker_info` tells: who this worker is, and its copy of the data set.

    ``id`` counts from 0; ``num_workers`` is the number of all; ``seed`` is what the worker's
    generators started from.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


current: WorkerInfo | None = None  # set in workers


def get_worker_info() -> WorkerInfo | None:
    """Who this worker process is; ``None`` in the main process.

    An iterable data set uses it to give each worker a part of the samples.

    >>> wg.utils.data.get_worker_info() is None
    True
    """
    return current
