"""The state of a loader: a resumed run gets the very next batch."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)


class Augmented(Dataset):
    def __init__(self, size: int = 11) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Any:
        return index, wg.rand(1) + random.random() + np.random.rand()


class Stream(IterableDataset):
    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Any:
        info = get_worker_info()
        first, step = (info.id, info.num_workers) if info else (0, 1)
        order = list(range(first, self.size, step))
        random.shuffle(order)
        for number in order:
            yield number, wg.rand(1)


class Wandering(Sampler[int]):
    """Draws one index after the other, from Python's generator."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Any:
        for _ in range(self.size):
            yield random.randrange(self.size)

    def __len__(self) -> int:
        return self.size


def plain(batch: Any) -> Any:
    return [part.tolist() if isinstance(part, wg.Tensor) else part for part in batch]


def in_order() -> Any:
    return DataLoader(Augmented(), 3)


def shuffled(**options: Any) -> Any:
    return DataLoader(Augmented(), 3, shuffle=True, timeout=60 * bool(options), **options)


def with_generator() -> Any:
    return DataLoader(Augmented(), 3, shuffle=True, generator=wg.Generator().manual_seed(4))


def many_draws() -> Any:
    generator = wg.Generator().manual_seed(9)
    sampler = RandomSampler(range(11), num_samples=40, generator=generator)
    return DataLoader(Augmented(), batch_sampler=BatchSampler(sampler, 7, False))


def weighted() -> Any:
    return DataLoader(Augmented(3), 2, sampler=WeightedRandomSampler([1, 2, 3.0], 9))


def wandering() -> Any:
    return DataLoader(Augmented(), 2, sampler=Wandering(11))


def tensors() -> Any:
    return DataLoader(TensorDataset(wg.arange(11), wg.arange(11.0).sin()), 3, shuffle=True)


def some_tensors() -> Any:
    data = TensorDataset(wg.arange(11), wg.arange(11.0))
    return DataLoader(data, 3, sampler=SubsetRandomSampler(range(2, 11)), drop_last=True)


def one_by_one() -> Any:
    return DataLoader(Augmented(), None, sampler=DistributedSampler(range(11), 2, 1))


def stream() -> Any:
    return DataLoader(Stream(11), 2)


LOADERS = [in_order, shuffled, with_generator, many_draws, weighted, wandering, tensors,
           some_tensors, one_by_one, stream]  # fmt: skip


def run(make: Any, stop_at: tuple[int, int] | None, path: Path) -> list[Any]:
    """Three epochs with draws of the program in between, or until a place, saving the state."""
    wg.manual_seed(7)
    loader = make()
    seen = []
    for epoch in range(3):
        for step, batch in enumerate(loader):
            seen.append((plain(batch), wg.rand(1).item()))
            if stop_at == (epoch, step):
                wg.save({"loader": loader.state_dict(), "rng": wg.get_rng_state()}, path)
                return seen
        seen.append("end")
    return seen


def resume(make: Any, epoch: int, path: Path) -> list[Any]:
    wg.manual_seed(12345)
    loader = make()
    state = wg.load(path)
    loader.load_state_dict(state["loader"])
    wg.set_rng_state(state["rng"])
    seen = []
    for _ in range(epoch, 3):
        for batch in loader:
            seen.append((plain(batch), wg.rand(1).item()))
        seen.append("end")
    return seen


@pytest.mark.parametrize("make", LOADERS)
def test_resumed_runs_go_on_where_they_were(make: Any, tmp_path: Path) -> None:
    whole = run(make, None, tmp_path / "x")
    length = whole.index("end")
    assert length > 2
    for place in [(0, 0), (0, length - 1), (1, 1)]:
        first = run(make, place, tmp_path / "x")
        assert first + resume(make, place[0], tmp_path / "x") == whole


@pytest.mark.parametrize(("before", "after"), [(2, 2), (2, 0), (0, 3), (1, 4)])
def test_workers_may_change(before: int, after: int, tmp_path: Path) -> None:
    def make(workers: int, **options: Any) -> Any:
        return lambda: shuffled(num_workers=workers, **options) if workers else shuffled()

    whole = run(make(0), None, tmp_path / "x")
    first = run(make(before), (1, 1), tmp_path / "x")
    assert first + resume(make(after), 1, tmp_path / "x") == whole
    if after == 4:
        again = resume(make(4, persistent_workers=True, prefetch_factor=3), 1, tmp_path / "x")
        assert first + again == whole


def test_streams_of_workers(tmp_path: Path) -> None:
    def make() -> Any:
        return DataLoader(Stream(13), 2, num_workers=3, timeout=60)

    whole = run(make, None, tmp_path / "x")
    for place in [(0, 0), (0, 3), (0, 6), (2, 2)]:  # the last batches come from one worker
        first = run(make, place, tmp_path / "x")
        assert first + resume(make, place[0], tmp_path / "x") == whole
    other = DataLoader(Stream(13), 2, num_workers=2)
    with pytest.raises(ValueError, match="num_workers: 3 there, 2 here"):
        other.load_state_dict(wg.load(tmp_path / "x")["loader"])


def test_between_epochs(tmp_path: Path) -> None:
    loader = with_generator()
    list(loader)
    state = loader.state_dict()
    assert (state["epoch"], state["in_epoch"]) == (1, False)
    expected = [plain(batch) for batch in loader]
    other = with_generator()
    other.load_state_dict(state)
    assert [plain(batch) for batch in other] == expected
    assert other.state_dict()["epoch"] == 2
    fresh = with_generator().state_dict()
    other.load_state_dict(fresh)
    assert other.state_dict()["epoch"] == 0


def test_a_state_that_was_loaded_is_the_state() -> None:
    loader = shuffled()
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    other = shuffled()
    other.load_state_dict(state)
    assert other.state_dict() == state
    next(batches)
    assert loader.state_dict()["position"] == 2
    assert state["position"] == 1


def test_states_that_do_not_fit() -> None:
    loader = shuffled()
    next(iter(loader))
    state = loader.state_dict()
    other = DataLoader(Augmented(), 4, shuffle=True, generator=wg.Generator())
    with pytest.raises(ValueError) as caught:
        other.load_state_dict(state)
    assert str(caught.value) == (
        "load_state_dict(): the state is of a DataLoader that differs\n"
        "  batch_size: 3 there, 4 here\n"
        "  generators: 0 there, 1 here"
    )
    with pytest.raises(ValueError, match="by index there, iterable here"):
        DataLoader(Stream(4), 3).load_state_dict(state)
    with pytest.raises(ValueError, match="no state of a DataLoader"):
        loader.load_state_dict({})


def test_out_of_order_positions() -> None:
    loader = shuffled(num_workers=2, in_order=False)
    batches = iter(loader)
    seen = [plain(next(batches)) for _ in range(2)]
    state = loader.state_dict()
    del batches
    other = shuffled(num_workers=1)
    other.load_state_dict(state)
    rest = [plain(batch) for batch in other]
    again = shuffled()
    again.load_state_dict({**state, "position": 0, "ahead": []})
    assert sorted(seen + rest) == sorted(plain(batch) for batch in again)
