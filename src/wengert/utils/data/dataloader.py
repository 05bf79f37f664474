"""Batches from data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import wengert as wg

from ._collate import default_collate, default_convert
from .dataset import IterableDataset, TensorDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader", "get_worker_info"]


def get_worker_info() -> None:
    """``None``: samples are loaded in the main process."""
    return None


class DataLoader:
    """Iterates over a data set in batches.

    Args:
        dataset: a data set, or anything with ``__getitem__`` and ``__len__``.
        batch_size: samples per batch; ``None`` gives the samples themselves.
        shuffle: a new random order in every pass.
        sampler: gives the order instead of ``shuffle``.
        batch_sampler: gives lists of indices instead of all of these.
        num_workers: must be 0; samples are loaded in this process.
        collate_fn: makes a batch of a list of samples.
        pin_memory: accepted without effect.
        drop_last: leave out the last batch if it is not full.
        generator: the source of randomness of ``shuffle``.

    >>> import wengert as wg
    >>> data = wg.utils.data.TensorDataset(wg.arange(5))
    >>> [batch.tolist() for (batch,) in wg.utils.data.DataLoader(data, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler | Iterable | None = None,
        batch_sampler: Sampler | Iterable | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: wg.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        streams = isinstance(dataset, IterableDataset)
        if streams:
            for name, given in (("shuffle", shuffle), ("sampler", sampler)):
                if given not in (None, False):
                    raise ValueError(
                        "DataLoader with IterableDataset: expected unspecified "
                        f"{name} option, but got {name}={given}"
                    )
            if batch_sampler is not None:
                raise ValueError(
                    "DataLoader with IterableDataset: expected unspecified batch_sampler option, "
                    f"but got batch_sampler={batch_sampler}"
                )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                    "and drop_last"
                )
            batch_size = None
            drop_last = False
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        if sampler is None and not streams:
            if shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            # For a stream the sampler is never asked; the batch sampler checks the options.
            order: Any = () if streams else sampler
            batch_sampler = BatchSampler(order, batch_size, drop_last)
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = prefetch_factor
        self.persistent_workers = persistent_workers
        self.in_order = in_order

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            return self._iterate_stream()
        if self.batch_sampler is None:
            return self._iterate_samples()
        if type(self.dataset) is TensorDataset and self.collate_fn is default_collate:
            return self._iterate_tensors()
        return self._iterate_batches()

    def _iterate_stream(self) -> Iterator[Any]:
        if self.batch_size is None:
            for sample in self.dataset:
                yield self.collate_fn(sample)
            return
        batch = []
        for sample in self.dataset:
            batch.append(sample)
            if len(batch) == self.batch_size:
                yield self.collate_fn(batch)
                batch = []
        if batch and not self.drop_last:
            yield self.collate_fn(batch)

    def _iterate_samples(self) -> Iterator[Any]:
        for index in self.sampler:  # type: ignore[union-attr]
            yield self.collate_fn(self.dataset[index])

    def _iterate_batches(self) -> Iterator[Any]:
        fetch_all = getattr(self.dataset, "__getitems__", None)
        for indices in self.batch_sampler:  # type: ignore[union-attr]
            if fetch_all is not None:
                yield self.collate_fn(fetch_all(indices))
            else:
                yield self.collate_fn([self.dataset[index] for index in indices])

    def _iterate_tensors(self) -> Iterator[list[wg.Tensor]]:
        # What default_collate would give, with one copy per tensor instead of one per sample.
        tensors = self.dataset.tensors
        for indices in self._index_tensors():
            yield [tensor.index_select(0, indices.to(tensor.device)) for tensor in tensors]

    def _index_tensors(self) -> Iterator[wg.Tensor]:
        sampler = self.sampler
        whole: wg.Tensor | None = None
        if type(self.batch_sampler) is BatchSampler and self.batch_sampler.sampler is sampler:
            if type(sampler) is SequentialSampler:
                whole = wg.arange(len(self.dataset))
            elif (
                type(sampler) is RandomSampler
                and not sampler.replacement
                and sampler.num_samples == len(sampler.data_source)
            ):
                whole = sampler._permutation()
        if whole is None:
            for indices in self.batch_sampler:  # type: ignore[union-attr]
                yield _wrapped(indices, len(self.dataset))
            return
        size = self.batch_size
        for start in range(0, len(whole), size):  # type: ignore[arg-type]
            batch = whole[start : start + size]  # type: ignore[operator]
            if len(batch) == size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            count = len(self.dataset)  # type: ignore[arg-type]
            if self.batch_size is None:
                return count
            return count // self.batch_size if self.drop_last else -(-count // self.batch_size)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]


def _wrapped(indices: Any, length: int) -> wg.Tensor:
    # index_select takes no negative indices, indexing does.
    indices = [int(index) for index in indices]
    for index in indices:
        if not -length <= index < length:
            raise IndexError(f"index {index} is out of bounds for dimension 0 with size {length}")
    return wg.tensor([index % length for index in indices], dtype=wg.int64)


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable "
            "multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers > 0:
        raise NotImplementedError(
            f"DataLoader(num_workers={num_workers}): worker processes are not available, because "
            "tensors cannot be passed between processes through shared memory; use num_workers=0, "
            "which loads the samples in this process"
        )
    if prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing. let num_workers > "
            "0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if persistent_workers:
        raise ValueError("persistent_workers option needs num_workers > 0")
