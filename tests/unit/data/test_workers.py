"""Worker processes: the same batches, shared memory, deaths that are reported, nothing left."""

from __future__ import annotations

import ctypes
import gc
import mmap
import multiprocessing
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)

# A worker that hangs fails the test instead of the whole run.
LIMIT = 60
Pair = namedtuple("Pair", "x y")


class Augmented(Dataset):
    """Samples with random numbers of all three kinds in them."""

    def __init__(self, size: int = 23) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Any:
        noise = wg.randn(2) + random.random() + np.random.rand()
        return {"index": index, "x": noise, "pair": Pair(wg.rand(1), np.random.rand(2)), "s": "t"}


class Big(Dataset):
    """Samples too large for a socket."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        return wg.full((100, 1000), index, dtype=wg.float32), np.full(3, index), "x" * 50_000


class Acting(Dataset):
    """Does something at index 5, in a worker."""

    def __init__(self, action: Any) -> None:
        self.action = action

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> int:
        if index == 5 and get_worker_info() is not None:
            self.action()
        return index


class Stream(IterableDataset):
    """Counts to a number; with `share`, every worker gives a part."""

    def __init__(self, size: int, share: bool = True) -> None:
        self.size = size
        self.share = share

    def __iter__(self) -> Any:
        info = get_worker_info()
        first, step = (info.id, info.num_workers) if info and self.share else (0, 1)
        for number in range(first, self.size, step):
            yield number, wg.rand(1)


def plain(value: Any) -> Any:
    if isinstance(value, wg.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def epochs(count: int, dataset: Any, **options: Any) -> Any:
    wg.manual_seed(5)
    loader = DataLoader(dataset, timeout=LIMIT if options.get("num_workers") else 0, **options)
    return [plain(list(loader)) for _ in range(count)]


def children() -> list[Any]:
    return multiprocessing.active_children()


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Any:
    before = len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()  # what an exception refers to
    deadline = time.monotonic() + 5
    while children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not children()
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # the fork server has a pipe of its own


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("persistent", [False, True])
def test_batches_do_not_depend_on_workers(workers: int, persistent: bool) -> None:
    alone = epochs(2, Augmented(), batch_size=4, shuffle=True)
    assert alone[0] != alone[1]
    together = epochs(2, Augmented(), batch_size=4, shuffle=True, num_workers=workers,
                      persistent_workers=persistent)  # fmt: skip
    assert together == alone


def test_batches_do_not_depend_on_what_was_drawn_before() -> None:
    alone = epochs(1, Augmented(), batch_size=4)
    random.seed(99)
    np.random.seed(98)
    assert epochs(1, Augmented(), batch_size=4) == alone


def test_the_main_process_draws_its_own_numbers() -> None:
    def draws(use: bool) -> Any:
        wg.manual_seed(1)
        random.seed(2)
        np.random.seed(3)
        batches = iter(DataLoader(Augmented(), 4, generator=wg.Generator()))
        if use:
            next(batches)
            next(batches)
        return wg.rand(2).tolist(), random.random(), np.random.rand()

    assert draws(True) == draws(False)


def test_repeated_indices_are_augmented_differently() -> None:
    sampler = WeightedRandomSampler([1.0, 0.0], 6)
    for workers in (0, 2):
        (batches,) = epochs(1, Augmented(2), batch_size=2, sampler=sampler, num_workers=workers)
        noise = {tuple(row) for batch in batches for row in batch["x"]}
        assert len(noise) == 6


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_ways_to_start(method: str) -> None:
    alone = epochs(1, Augmented(9), batch_size=4, shuffle=True)
    context = multiprocessing.get_context(method)
    options = {
        "num_workers": 1,
        "multiprocessing_context": method if method == "spawn" else context,
    }
    assert epochs(1, Augmented(9), batch_size=4, shuffle=True, **options) == alone
    with pytest.raises((AttributeError, TypeError)) as caught:
        list(DataLoader(Acting(lambda: 0), num_workers=1, multiprocessing_context=method))
    assert "must be picklable" in caught.value.__notes__[0]


def test_large_batches_lie_in_shared_memory() -> None:
    loader = DataLoader(Big(), 3, num_workers=2, timeout=LIMIT)
    batches = list(loader)
    for number, (image, array, text) in enumerate(batches):
        assert image.shape == (3, 100, 1000)
        assert image[:, 5, 7].tolist() == [3 * number + i for i in range(3)]
        assert array[:, 0].tolist() == image[:, 0, 0].tolist()
        assert len(text[2]) == 50_000
        image += 1  # the memory is ours
        assert image.data_ptr() % 64 == 0
    assert batches[0][0][2, 0, 0].item() == 3


def test_of_a_large_tensor_only_the_sample_is_sent() -> None:
    rows = wg.arange(4000.0).reshape(1000, 4).requires_grad_()
    loader = DataLoader(TensorDataset(rows), None, num_workers=1, timeout=LIMIT)
    for index, (row,) in enumerate(loader):
        assert row.tolist() == [4 * index + i for i in range(4)]
        assert row.untyped_storage().nbytes() == 16
        if index == 20:
            break


def test_threads_of_the_main_process_do_not_matter() -> None:
    """The pools of OpenMP and of the libraries are gone in a forked process."""
    program = """
import wengert as wg
from wengert.utils.data import DataLoader

class Computes:
    def __len__(self):
        return 4
    def __getitem__(self, index):
        x = wg.randn(300, 300)
        image = wg.randn(1, 3, 32, 32)
        kernel = wg.randn(4, 3, 3, 3)
        parts = [(x @ x).sum(), x.exp().sum(), x.double().matmul(x.double()).sum().float(),
                 wg.nn.functional.conv2d(image, kernel).sum(), x.flatten().sort()[0][0]]
        return wg.stack(parts), wg.get_num_threads()

if __name__ == "__main__":
    wg.set_num_threads(2)
    expected = [Computes()[0] for _ in range(3)]
    loader = DataLoader(Computes(), 2, num_workers=2, timeout=50, multiprocessing_context="fork",
                        worker_init_fn=lambda number: wg.set_num_threads(2))
    for values, threads in loader:
        assert values.isfinite().all() and threads.tolist() == [1, 1]
    assert wg.get_num_threads() == 2
    Computes()[0]
    print("done")
"""
    assert run_program(program).stdout == b"done\n"


def run_program(text: str, expect: int = 0, path: Path | None = None) -> Any:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "2"}
    arguments = ["-c", text] if path is None else [str(path)]
    result = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, timeout=LIMIT
    )
    assert result.returncode == expect, result.stderr.decode()
    return result


# --- errors ---


def fail() -> None:
    raise KeyError("the reason")


def test_an_exception_comes_with_its_traceback() -> None:
    loader = iter(DataLoader(Acting(fail), 3, num_workers=2, timeout=LIMIT))
    assert next(loader).tolist() == [0, 1, 2]
    with pytest.raises(KeyError) as caught:
        next(loader)
    text = str(caught.value)
    assert text.startswith(
        "Caught KeyError in DataLoader worker process 1.\n"
        "  it was loading index 5 (sample 2) of batch 1 with indices [3, 4, 5]\n"
        "Original Traceback (most recent call last):\n"
    )
    assert 'raise KeyError("the reason")' in text
    assert next(loader).tolist() == [6, 7, 8]  # the others are still there


def test_an_exception_in_this_process_names_the_sample() -> None:
    class Broken(Acting):
        def __getitem__(self, index: int) -> int:
            return 1 // (index - 5)

    loader = iter(DataLoader(Broken(None), 3))
    next(loader)
    with pytest.raises(ZeroDivisionError) as caught:
        next(loader)
    assert caught.value.__notes__ == [
        "raised while DataLoader was loading index 5 (sample 2) of batch 1 with indices [3, 4, 5]"
    ]


class OddError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(one, two)


def odd() -> None:
    raise OddError(1, 2)


def stop() -> None:
    raise StopIteration


def local() -> None:
    class HereError(Exception):
        pass

    raise HereError("somewhere")


@pytest.mark.parametrize(("action", "name"), [(odd, "OddError"), (stop, "RuntimeError"),
                                              (local, "RuntimeError")])  # fmt: skip
def test_exceptions_that_cannot_be_made_again(action: Any, name: str) -> None:
    with pytest.raises(RuntimeError, match=f"Caught {name} in DataLoader worker process 0"):
        list(DataLoader(Acting(action), 4, num_workers=1, timeout=LIMIT))


def test_a_batch_that_cannot_be_sent() -> None:
    class Functions(Acting):
        def __getitem__(self, index: int) -> Any:
            return lambda: index

    loader = DataLoader(Functions(None), None, num_workers=1, timeout=LIMIT)
    with pytest.raises(Exception, match="Can't pickle local object"):
        list(loader)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fault() -> None:
    ctypes.string_at(8)


class Clock:
    """The time at which a worker did what it did, which all processes see."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 8)

    def note(self) -> None:
        struct.pack_into("d", self.memory, 0, time.monotonic())

    def passed(self) -> float:
        return time.monotonic() - struct.unpack_from("d", self.memory)[0]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crowd() -> Any:
    """A machine with other things to do."""
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=_spin, daemon=True) for _ in range(6)]
    for other in others:
        other.start()
    yield
    for other in others:
        other.kill()
        other.join()
        other.close()


def _spin() -> None:
    while True:
        pass


class Late(Dataset):
    """At index 3 the worker does something; whoever has another batch is busy for long."""

    def __init__(self, action: Any, clock: Any, busy: float = LIMIT) -> None:
        self.action, self.clock, self.busy = action, clock, busy

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> int:
        if index == 3:
            time.sleep(0.2)  # the others are at theirs
            self.clock.note()
            self.action()
        elif index > 5:
            time.sleep(self.busy)
        return index


@pytest.mark.parametrize(
    ("action", "how"),
    [
        (kill, "killed by signal 9 (SIGKILL), which is also what happens when memory runs out"),
        (lambda: os._exit(3), "ended with exit status 3"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), "killed by signal 15 (SIGTERM)"),
        (lambda: sys.exit(4), "ended with exit status 4"),
        (fault, "killed by signal 11 (SIGSEGV)"),
        (os.abort, "killed by signal 6 (SIGABRT)"),
    ],
)
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.usefixtures("crowd")
def test_a_death_is_reported_within_a_second(
    action: Any, how: str, persistent: bool, clock: Any
) -> None:
    loader = iter(DataLoader(Late(action, clock), 3, num_workers=3, persistent_workers=persistent))
    pid = loader._pool.workers[1].process.pid
    with pytest.raises(RuntimeError) as caught:
        list(loader)
    assert clock.passed() < 1
    head, _, traceback = str(caught.value).partition("\nFatal Python error: ")
    assert head == (
        f"DataLoader worker (pid(s) {pid}) exited unexpectedly\n"
        f"  worker 1 of 3: {how}\n"
        "  it was loading index 3 (sample 0) of batch 1 with indices [3, 4, 5]"
    )
    if action in (fault, os.abort):  # the line that did it
        assert re.match(r"(Segmentation fault|Aborted)\n\n", traceback)
        assert re.search(r'File ".*test_workers.py", line \d+ in __getitem__', traceback)
    else:
        assert not traceback
    assert not [child for child in children() if child.name.startswith("DataLoader")]


class Falling(IterableDataset):
    """A stream that fails: at its start, or at its third sample."""

    def __init__(self, at_start: bool, clock: Any) -> None:
        self.at_start, self.clock = at_start, clock

    def __iter__(self) -> Any:
        if self.at_start:
            self._fail()
        return self._samples()

    def _fail(self) -> None:
        self.clock.note()
        raise LookupError("the reason")

    def _samples(self) -> Any:
        yield from range(2)
        self._fail()


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("__getitem__", "it was loading index 3 (sample 0) of batch 1 with indices [3, 4, 5]"),
        ("collate", "it was collating batch 1 with indices [3, 4, 5]"),
        ("init", "it was starting"),
        ("iter", "it was starting"),
        ("stream", "it was loading sample 2 of batch 0"),
    ],
)
@pytest.mark.usefixtures("crowd")
def test_an_exception_is_reported_within_a_second(place: str, line: str, clock: Any) -> None:
    def failing(*_: Any) -> None:
        clock.note()
        raise LookupError("the reason")

    options: dict[str, Any] = {}
    dataset: Any = Late(failing if place == "__getitem__" else lambda: None, clock, 0.1)
    if place == "collate":
        options["collate_fn"] = lambda batch: failing() if batch[0] == 3 else batch
    elif place == "init":
        options["worker_init_fn"] = failing
    elif place in ("iter", "stream"):
        dataset = Falling(place == "iter", clock)
    loader = iter(DataLoader(dataset, 3, num_workers=2, timeout=LIMIT, **options))
    with pytest.raises(LookupError) as caught:
        list(loader)
    assert clock.passed() < 1
    text = str(caught.value)
    assert text.startswith("Caught LookupError in DataLoader worker process ")
    assert f"\n  {line}\nOriginal Traceback (most recent call last):\n" in text
    assert text.endswith("LookupError: the reason")
    caught.value.__traceback__ = None
    del loader


def test_a_loader_starts_anew_after_a_death() -> None:
    loader = DataLoader(Acting(kill), 3, num_workers=1, persistent_workers=True)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="exited unexpectedly"):
            list(loader)
    del loader


def test_timeout() -> None:
    loader = DataLoader(Acting(lambda: time.sleep(30)), 3, num_workers=2, timeout=0.5)
    with pytest.raises(RuntimeError) as caught:
        list(loader)
    text = str(caught.value)
    assert text.startswith("DataLoader timed out after 0.5 seconds\n  worker ")
    assert "loading" in text


def test_init_functions(tmp_path: Path) -> None:
    def init(number: int) -> None:
        info = get_worker_info()
        assert info is not None
        info.dataset.action = lambda: (tmp_path / f"{number}").touch()
        (tmp_path / f"init{number}").write_text(f"{info.id} {info.num_workers} {info.seed}")

    dataset = Acting(None)
    list(DataLoader(dataset, 3, num_workers=2, worker_init_fn=init, timeout=LIMIT))
    assert dataset.action is None  # the workers have copies
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "init0", "init1"]
    words = [(tmp_path / f"init{i}").read_text().split() for i in range(2)]
    assert [w[:2] for w in words] == [["0", "2"], ["1", "2"]]
    assert words[0][2] != words[1][2]

    def bad(number: int) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match=r"Caught ValueError in DataLoader worker process 0.\n"):
        list(DataLoader(dataset, 3, num_workers=1, worker_init_fn=bad, timeout=LIMIT))


# --- streams ---


def numbers(batches: Any) -> list[Any]:
    return [batch[0] for batch in batches]


def test_streams() -> None:
    (batches,) = epochs(1, Stream(10), batch_size=2, num_workers=2)
    assert numbers(batches) == [[0, 2], [1, 3], [4, 6], [5, 7], [8], [9]]
    (batches,) = epochs(1, Stream(10), batch_size=2, num_workers=2, drop_last=True)
    assert numbers(batches) == [[0, 2], [1, 3], [4, 6], [5, 7]]
    (batches,) = epochs(1, Stream(3), batch_size=1, num_workers=4)
    assert sorted(numbers(batches)) == [[0], [1], [2]]
    (batches,) = epochs(1, Stream(3, share=False), batch_size=None, num_workers=2)
    assert numbers(batches) == [0, 0, 1, 1, 2, 2]
    first = epochs(2, Stream(10), batch_size=2, num_workers=2, persistent_workers=True)
    assert first[0] != first[1]
    assert first == epochs(2, Stream(10), batch_size=2, num_workers=2, prefetch_factor=5)


def test_a_stream_that_is_longer_than_it_says() -> None:
    class Sized(Stream):
        def __len__(self) -> int:
            return self.size

    loader = DataLoader(Sized(4, share=False), 2, num_workers=2, timeout=LIMIT)
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="was reported to be 2"):
        assert len(list(loader)) == 4


# --- order, ends ---


class Waiting(Acting):
    """The first batch is not ready before it is allowed to be."""

    def __init__(self) -> None:
        super().__init__(None)
        self.allowed = multiprocessing.get_context("fork").Event()

    def __getitem__(self, index: int) -> int:
        if index == 0:
            assert self.allowed.wait(LIMIT)
        return index


def test_out_of_order() -> None:
    data = Waiting()
    batches = iter(DataLoader(data, 3, num_workers=2, in_order=False, timeout=LIMIT))
    assert next(batches).tolist() == [3, 4, 5]
    data.allowed.set()
    assert sorted(batch[0].item() for batch in batches) == [0, 6, 9]
    loader = DataLoader(data, 3, num_workers=2, timeout=LIMIT)
    assert [batch[0].item() for batch in loader] == [0, 3, 6, 9]


@pytest.mark.parametrize("persistent", [False, True])
def test_breaking_off(persistent: bool) -> None:
    loader = DataLoader(Augmented(), 2, num_workers=2, persistent_workers=persistent, timeout=LIMIT)
    for _ in range(3):
        for batch in loader:
            assert batch["index"].tolist() == [0, 1]
            break
    assert [b["index"][0].item() for b in loader] == list(range(0, 23, 2))
    assert len(children()) == (2 if persistent else 0)


def test_two_passes_at_once() -> None:
    loader = DataLoader(Augmented(), 2, num_workers=1, timeout=LIMIT)
    pairs = [(a["index"], b["index"]) for a, b in zip(loader, loader, strict=True)]
    assert all(a.equal(b) for a, b in pairs)
    loader = DataLoader(Augmented(), 2, num_workers=1, timeout=LIMIT, persistent_workers=True)
    first, second = iter(loader), iter(loader)
    assert next(second)["index"].tolist() == [0, 1]
    with pytest.raises(RuntimeError, match="taken over the persistent workers"):
        next(first)
    assert len(list(second)) == 11


def test_workers_that_will_not_stop_are_ended() -> None:
    loader = DataLoader(Acting(lambda: time.sleep(60)), 5, num_workers=2)
    batches = iter(loader)
    next(batches)
    before = time.monotonic()
    del batches
    assert time.monotonic() - before < 30
    assert not children()


PROGRAM = """
import os, sys, time, wengert as wg
from wengert.utils.data import DataLoader

class Slow:
    def __len__(self):
        return 1000
    def __getitem__(self, index):
        time.sleep(0.01)
        return index

if __name__ == "__main__":
    loader = DataLoader(Slow(), 2, num_workers=2, persistent_workers=True)
    batches = iter(loader)
    next(batches)
    print(*[w.process.pid for w in batches._pool.workers], flush=True)
    {}
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for_end(pids: list[int]) -> None:
    deadline = time.monotonic() + 20
    while any(map(is_running, pids)):
        assert time.monotonic() < deadline, "a worker outlives the program"
        time.sleep(0.02)


@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(0)", "sys.exit()"])
def test_the_program_ends_while_workers_are_busy(ending: str) -> None:
    result = run_program(PROGRAM.format(ending))
    assert result.stderr == b""
    wait_for_end([int(pid) for pid in result.stdout.split()])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_signals_to_the_program(number: int) -> None:
    program = PROGRAM.format("for batch in batches: pass")
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as the terminal does
    else:
        process.send_signal(number)
    _, errors = process.communicate(timeout=LIMIT)
    wait_for_end(pids)
    if number == signal.SIGINT:
        assert errors.count(b"Traceback") == 1, errors.decode()  # of the program alone
        assert errors.rstrip().endswith(b"KeyboardInterrupt")


# --- options ---


def test_options_are_checked() -> None:
    data = Augmented()
    for options, error, text in (
        ({"num_workers": -1}, ValueError, "num_workers option should be non-negative"),
        ({"prefetch_factor": 2}, ValueError, "could only be specified in multiprocessing"),
        ({"num_workers": 1, "prefetch_factor": 0}, ValueError, "should be positive"),
        ({"persistent_workers": True}, ValueError, "needs num_workers > 0"),
        ({"timeout": -1}, ValueError, "timeout option should be non-negative"),
        ({"multiprocessing_context": "fork"}, ValueError, "can only be used with multi-process"),
        ({"num_workers": 1, "multiprocessing_context": "x"}, ValueError, "valid start method"),
        ({"num_workers": 1, "multiprocessing_context": 3}, TypeError, "valid context object"),
    ):
        with pytest.raises(error, match=text):
            DataLoader(data, **options)
    loader = DataLoader(data, num_workers=1)
    assert (loader.prefetch_factor, len(loader)) == (2, 23)
    for name in ("batch_size", "dataset", "sampler"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set"):
            setattr(loader, name, 1)
    assert get_worker_info() is None
