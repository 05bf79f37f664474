"""Batches from data sets."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import wengert as wg

from ._collate import default_collate, default_convert
from ._fetch import Fetcher
from ._iterators import InProcess, LoaderIterator, OfTensors, WithWorkers
from ._order import Epoch, draw_seed, own_generators
from ._seeds import mix
from .dataset import IterableDataset, TensorDataset, is_plain
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

if TYPE_CHECKING:
    from ._pool import Pool

__all__ = ["DataLoader"]

_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


# Under these names packages derive from what iterates over a loader, or ask for its kind.
_BaseDataLoaderIter = LoaderIterator
_SingleProcessDataLoaderIter, _MultiProcessingDataLoaderIter = InProcess, WithWorkers


_collate_fn_t = Callable[[list[Any]], Any]
_worker_init_fn_t = Callable[[int], None]


class _DatasetKind:
    """How samples are had from a data set: by index, or one after the other."""

    Map, Iterable = 0, 1


class DataLoader:
    """Iterates over a data set in batches.

    Random numbers that are drawn while a sample is loaded, from wengert's default generator,
    Python's ``random`` or NumPy's global generator, depend on the epoch's seed and the sample's
    index only (and on how often that came before, where a sampler repeats it): batches are the same
    with any number of workers, a sample is the same in whatever batch, and the generators of the
    main process are left alone. What ``collate_fn``, or a data set's ``__getitems__``, draws
    depends on the batch's number. Every pass draws its seed from ``generator``, or from the default
    generator, which :func:`wengert.manual_seed` seeds.

    Args:
        dataset: a data set, or anything with ``__getitem__`` and ``__len__``.
        batch_size: samples per batch; ``None`` gives the samples themselves.
        shuffle: a new random order in every pass.
        sampler: gives the order instead of ``shuffle``.
        batch_sampler: gives lists of indices instead of all of these.
        num_workers: processes that load samples; 0 loads them in this process. A worker computes
            with one thread.
        collate_fn: makes a batch of a list of samples.
        pin_memory: accepted without effect.
        drop_last: leave out the last batch if it is not full.
        timeout: seconds to wait for a batch of the workers; 0 waits for ever, and is the only value
            without workers. A dead worker is noticed at once in any case.
        worker_init_fn: called in each worker with its number, once.
        multiprocessing_context: how workers are started: "fork", "spawn", "forkserver" or a
            context of :mod:`multiprocessing`. Left out, it is what was chosen by
            ``multiprocessing.set_start_method``, or else "fork". With the others, whatever a
            worker needs must be picklable.
        generator: the source of randomness of ``shuffle`` and of the epoch's seed.
        prefetch_factor: batches that each worker prepares ahead; 2 if left out.
        persistent_workers: keep the workers for the next pass.
        pin_memory_device: accepted without effect.
        in_order: give batches in the order of the sampler; otherwise as they get ready.

    Tensors come from workers in shared memory. :meth:`state_dict` says where in the data the
    loader is, for a run that is resumed later.

    Raises:
        ValueError: options that do not go together, or ``shuffle`` of data that is empty.
        AssertionError: while iterating, a ``timeout`` without workers.
        RuntimeError: while iterating, a worker died or was too slow. An exception in a worker is
            raised again here, with the same class where that is possible.

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
        if num_workers > 0 and prefetch_factor is None:
            prefetch_factor = 2
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
        self._promised_length: int | None = None
        self._epoch: Epoch | None = None
        self._resuming = False
        self._pool: Pool | None = None
        self._initialized = True
        self.check_worker_number_rationality()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and self.__dict__.get("_initialized", False):
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    def check_worker_number_rationality(self) -> None:
        """Warns where there are more workers than processors for them."""
        processors = len(os.sched_getaffinity(0))
        if self.num_workers > processors:
            warnings.warn(
                f"This DataLoader will create {self.num_workers} worker processes in total. Our "
                f"suggested max number of worker in current system is {processors}, which is "
                "smaller than what this DataLoader is going to create. More workers than "
                "processors take turns, and each takes its memory.",
                stacklevel=3,
            )

    @property
    def multiprocessing_context(self) -> Any:
        """How workers are started."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        self._context = _checked_context(context, self.num_workers)

    # ---- iteration ----

    def __iter__(self) -> Iterator[Any]:
        if self.num_workers == 0 and self.timeout != 0:
            raise AssertionError(
                "_SingleProcessDataLoaderIter requires timeout == 0\n"
                f"  timeout: {self.timeout}\n"
                "  num_workers: 0   nothing can interrupt the loading in this process"
            )
        streams = isinstance(self.dataset, IterableDataset)
        epoch = self._next_epoch()
        rows = type(self.dataset) is TensorDataset and self.collate_fn is default_collate
        if rows and self.num_workers == 0 and self.batch_sampler is not None:
            return OfTensors(self, epoch)
        fetcher = Fetcher(
            self.dataset,
            streams,
            self.batch_sampler is not None,
            self.batch_size,
            self.drop_last,
            self.collate_fn,
            draws=not is_plain(self.dataset),
            collate_draws=self.collate_fn not in (default_collate, default_convert),
        )
        if self.num_workers == 0:
            return InProcess(self, epoch, fetcher)
        pool = self._pool
        if pool is None or pool.broken:
            pool = self._start_pool(fetcher, epoch.seed)
            if self.persistent_workers:
                self._pool = pool
        return WithWorkers(self, epoch, fetcher, pool)

    def _next_epoch(self) -> Epoch:
        generators = own_generators(self)
        last = self._epoch
        if self._resuming and last is not None:
            self._resuming = False
            for generator, state in zip(generators, last.generators, strict=True):
                generator.set_state(state)
            return last
        number = 0 if last is None else last.number + 1
        seed = draw_seed(self.generator)
        self._epoch = Epoch(number, seed, [generator.get_state() for generator in generators])
        return self._epoch

    def _start_pool(self, fetcher: Fetcher, seed: int) -> Pool:
        import multiprocessing  # with sockets and more: too much for `import wengert`

        from ._pool import Pool
        from ._worker import Setup

        context = self._context
        if context is None:
            chosen = multiprocessing.get_start_method(allow_none=True)
            context = multiprocessing.get_context(chosen or "fork")
        seeds = [mix(seed, 7, number) & (2**63 - 1) for number in range(self.num_workers)]
        setups = [
            Setup(fetcher, number, self.num_workers, own, self.worker_init_fn, os.getpid())
            for number, own in enumerate(seeds)
        ]
        return Pool(context, setups)

    def _forget_pool(self, pool: Pool) -> None:
        if self._pool is pool:
            self._pool = None

    # ---- state ----

    def state_dict(self) -> dict[str, Any]:
        """Where in the data the loader is: plain data and tensors, for :func:`wengert.save`.

        In a pass, the next batch is the one after the last that was given out, however many the
        workers have prepared. Before and between passes, the next pass is a new one; its seed and
        order then come from ``generator``, whose state is here too, or from the default generator,
        whose state is the program's to save (:func:`wengert.get_rng_state`).

        >>> loader = wg.utils.data.DataLoader(range(6), batch_size=2, shuffle=True)
        >>> batches = iter(loader)
        >>> first = next(batches)
        >>> state = loader.state_dict()
        >>> again = wg.utils.data.DataLoader(range(6), batch_size=2, shuffle=True)
        >>> again.load_state_dict(state)
        >>> [a.equal(b) for a, b in zip(batches, again)]
        [True, True]
        """
        epoch = self._epoch
        between = epoch is None or epoch.finished
        state: dict[str, Any] = {
            "version": 1,
            "epoch": 0 if epoch is None else epoch.number + int(epoch.finished),
            "in_epoch": not between,
            "batch_size": self.batch_size,
            "num_workers": self.num_workers,
        }
        if epoch is None or epoch.finished:
            state["generators"] = [generator.get_state() for generator in own_generators(self)]
            return state
        state["generators"] = list(epoch.generators)
        state["seed"] = epoch.seed
        state["position"] = epoch.done
        state["ahead"] = sorted(epoch.ahead)
        if isinstance(self.dataset, IterableDataset):
            state["streams"] = {
                "taken": list(epoch.taken),
                "exhausted": list(epoch.exhausted),
                "turn": epoch.turn,
            }
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes to the place of a :meth:`state_dict`: the next pass gives the batches after it.

        The loader must have been made with the same data, batch size and samplers; the number of
        workers may differ, except for iterable data sets. The samplers run through their order
        again, no sample is loaded twice (but an iterable data set is read from its beginning).

        Raises:
            ValueError: the state is of a loader that differs.
        """
        _check_state(self, state_dict)
        if not state_dict["in_epoch"]:
            number = state_dict["epoch"] - 1
            self._epoch = Epoch(number, 0, [], finished=True) if number >= 0 else None
            self._resuming = False
            for generator, state in zip(
                own_generators(self), state_dict["generators"], strict=True
            ):
                generator.set_state(state)
            return
        self._epoch = Epoch(
            state_dict["epoch"],
            state_dict["seed"],
            list(state_dict["generators"]),
            state_dict["position"],
            set(state_dict["ahead"]),
        )
        streams = state_dict.get("streams")
        if streams is not None:
            self._epoch.taken = list(streams["taken"])
            self._epoch.exhausted = list(streams["exhausted"])
            self._epoch.turn = streams["turn"]
        self._resuming = True

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            count = len(self.dataset)  # type: ignore[arg-type]
            if self.batch_size is not None:
                full, rest = divmod(count, self.batch_size)
                count = full + int(rest > 0 and not self.drop_last)
            self._promised_length = count
            return count
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]


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
        if prefetch_factor is not None and prefetch_factor <= 0:
            raise ValueError("prefetch_factor option should be positive")
        return
    if prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing. let num_workers > "
            "0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if persistent_workers:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _checked_context(context: Any, num_workers: int) -> Any:
    if context is None:
        return None
    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > "
            f"0), but got num_workers={num_workers}"
        )
    import multiprocessing

    if isinstance(context, str):
        methods = multiprocessing.get_all_start_methods()
        if context not in methods:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{methods!r}, but got multiprocessing_context={context!r}"
            )
        return multiprocessing.get_context(context)
    if not isinstance(context, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={context}"
        )
    return context


def _check_state(loader: DataLoader, state: dict[str, Any]) -> None:
    if state.get("version") != 1:
        raise ValueError("load_state_dict(): this is no state of a DataLoader")
    differences = []
    if state["batch_size"] != loader.batch_size:
        differences.append(f"batch_size: {state['batch_size']} there, {loader.batch_size} here")
    count = len(own_generators(loader))
    if len(state["generators"]) != count:
        differences.append(f"generators: {len(state['generators'])} there, {count} here")
    streams = isinstance(loader.dataset, IterableDataset)
    if state["in_epoch"] and ("streams" in state) != streams:
        kinds = ("by index", "iterable")
        differences.append(f"data set: {kinds['streams' in state]} there, {kinds[streams]} here")
    elif state["in_epoch"] and streams and state["num_workers"] != loader.num_workers:
        differences.append(f"num_workers: {state['num_workers']} there, {loader.num_workers} here")
    if differences:
        raise ValueError(
            "load_state_dict(): the state is of a DataLoader that differs\n  "
            + "\n  ".join(differences)
        )
