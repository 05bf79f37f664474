"""Seeds of samples: all different, the same everywhere, and the program's generators untouched."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    _fetch,
)
from wengert.utils.data._seeds import Isolated, index_key, mix, sample_seed, seed_all


def test_seeds_differ_in_all_bits() -> None:
    seeds = {
        sample_seed(epoch, index, seen, 0)
        for epoch in (0, 1, 2**63 - 1)
        for index in range(-50, 2000)
        for seen in range(3)
    }
    assert len(seeds) == 3 * 2050 * 3
    assert len({seed & 0xFFFFFFFF for seed in seeds}) > 0.999 * len(seeds)  # what NumPy gets
    ones = [sum(seed >> bit & 1 for seed in seeds) / len(seeds) for bit in range(64)]
    assert all(0.47 < share < 0.53 for share in ones)
    assert all(0 <= seed < 2**64 for seed in seeds)


def test_seeds_stay_what_they_are() -> None:
    """A change here changes the data of every run that is resumed."""
    assert mix(0) == 0
    assert mix(7, 4, 5) == 13945522643183583072
    assert mix(1, 2, 3) == mix(1, 2, 3) != mix(1, 3, 2)
    assert sample_seed(7, 5, 0, 99) == sample_seed(7, np.int64(5), 0, 1) == mix(7, 1, 5, 0)
    assert sample_seed(7, wg.tensor(5), 0, 99) == mix(7, 1, 5, 0)
    assert sample_seed(7, 1.5, 0, 99) == sample_seed(7, ("a", None), 0, 99) == mix(7, 2, 99)


def test_keys_of_indices() -> None:
    keys = [
        0,
        1,
        -1,
        "1",
        "name",
        "name\udc80",
        b"other",
        (),
        (1,),
        (1, 2),
        (2, 1),
        ("a", (1, "b")),
    ]
    found = [index_key(key) for key in keys]
    assert found[:3] == [0, 1, -1]
    assert None not in found
    assert len(set(found)) == len(keys)
    assert index_key("name") == index_key(b"name") == 15739679558528647255
    assert index_key([1, 2]) == index_key((np.int64(1), wg.tensor(2))) == index_key((1, 2))
    assert index_key(1.5) is index_key((1, None)) is index_key(object()) is None


class Draws(Dataset):
    """A sample is what each of the three generators gives first."""

    def __init__(self, size: int = 12) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return index, wg.rand(1).item(), random.random(), np.random.rand()


class DrawsTogether(Draws):
    def __getitems__(self, indices: list[Any]) -> list[Any]:
        return [self[index] for index in indices]


class DrawsAsStream(IterableDataset):
    def __iter__(self) -> Any:
        for number in range(12):
            yield number, random.random(), np.random.rand()


def samples(dataset: Any, batch_size: int | None = 4, **options: Any) -> list[Any]:
    """All samples of one pass, sorted: numbers that are drawn, with their indices."""
    wg.manual_seed(11)
    batches = DataLoader(dataset, batch_size, collate_fn=list, **options)
    if batch_size is None and "batch_sampler" not in options:
        return sorted(map(tuple, batches))
    return sorted(tuple(sample) for batch in batches for sample in batch)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 1},
        {"batch_size": 5},
        {"batch_size": None},
        {"shuffle": True},
        {"sampler": range(11, -1, -1)},
        {"batch_sampler": [[0, 11], [5], [1, 2, 3, 4], [10, 9, 8, 7, 6]], "batch_size": 1},
        {"num_workers": 2, "timeout": 60},
        {"num_workers": 3, "batch_size": 5, "shuffle": True, "in_order": False, "timeout": 60},
    ],
)
def test_a_sample_does_not_depend_on_its_batch(options: dict[str, Any]) -> None:
    alone = samples(Draws())
    assert len({number for sample in alone for number in sample[1:]}) == 36
    assert samples(Draws(), **options) == alone


@pytest.mark.parametrize(
    "wrapped",
    [
        Subset(Draws(), range(12)),
        ConcatDataset([Draws(5), Draws(7)]),
        StackDataset(Draws(), Draws()),
        Subset(StackDataset(range(12), Subset(Draws(), range(12))), range(12)),
    ],
)
def test_our_own_data_sets_pass_it_on(wrapped: Any) -> None:
    alone = samples(wrapped, 1)
    assert samples(wrapped, 5, shuffle=True) == samples(wrapped, 4, num_workers=2) == alone
    if isinstance(wrapped, Subset) and isinstance(wrapped.dataset, Draws):
        assert alone == samples(Draws())


def test_a_data_set_that_fetches_batches_is_seeded_once_for_each() -> None:
    for dataset in (DrawsTogether(), Subset(DrawsTogether(), range(12))):
        alone = samples(dataset, 4)
        assert len(set(alone)) == 12
        assert samples(dataset, 4, num_workers=2) == alone
        # The first sample of a batch is drawn from the seed of the batch.
        assert samples(dataset, 6)[0] == alone[0]
        assert samples(dataset, 6)[4] != alone[4]


def test_a_stream_is_seeded_for_each_sample() -> None:
    alone = samples(DrawsAsStream())
    assert len({number for sample in alone for number in sample[1:]}) == 24
    assert samples(DrawsAsStream(), 5) == samples(DrawsAsStream(), None) == alone


def test_collation_draws_from_the_seed_of_the_batch() -> None:
    def collate(batch: list[Any]) -> Any:
        return len(batch), random.random(), np.random.rand(), wg.rand(1).item()

    def drawn(dataset: Any, **options: Any) -> list[Any]:
        wg.manual_seed(11)
        return list(DataLoader(dataset, 4, collate_fn=collate, **options))

    plain = drawn(range(12))
    assert len(set(plain)) == 3
    assert drawn(range(12), num_workers=2) == drawn(Draws(), shuffle=True) == plain
    assert drawn(TensorDataset(wg.arange(12)), num_workers=1) == plain


@pytest.mark.parametrize("batched", [True, False])
def test_occurrences_are_counted_through_the_epoch(batched: bool) -> None:
    names = ["a", "b", "a", "a", "c", "b", ("a", 1), ("a", 1)]
    options: Any = {"batch_size": None, "sampler": names}
    if batched:
        options = {"batch_size": 1, "batch_sampler": BatchSampler(names, 3, False)}
    alone = samples_of(options)
    assert len(set(alone)) == len(names)
    assert samples_of({**options, "num_workers": 2}) == alone
    # The first "a" is what it is in any order.
    other = samples_of({"batch_size": None, "sampler": names[3:]})
    assert alone[0] == other[0]
    assert alone[4] == other[1]


def samples_of(options: Any) -> list[Any]:
    wg.manual_seed(11)
    found = list(DataLoader(Draws(), collate_fn=lambda batch: batch, **options))
    return found if options["batch_size"] is None else [s for batch in found for s in batch]


@pytest.mark.parametrize(
    ("dataset", "collate", "count"),
    [
        (Draws(20), None, 20),
        (Draws(20), list, 24),
        (DrawsTogether(20), None, 4),
        (range(20), list, 4),
        (range(20), None, 0),
        ([1.0] * 20, None, 0),
        (dict.fromkeys(range(20), 1), None, 0),
        (wg.zeros(20, 2), None, 0),
        (np.zeros((20, 2)), None, 0),
        (Subset(ConcatDataset([range(20), TensorDataset(wg.zeros(20))]), range(20)), None, 0),
        (StackDataset(x=range(20), y=wg.zeros(20)), None, 0),
        (StackDataset(x=range(20), y=Draws(20)), None, 20),
    ],
    ids=str,
)
def test_who_draws_nothing_pays_nothing(
    dataset: Any, collate: Any, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(_fetch, "seed_all", calls.append)
    assert len(list(DataLoader(dataset, 5, collate_fn=collate))) == 4
    assert len(calls) == len(set(calls)) == count


def test_numpy_may_be_used_for_the_first_time_by_a_sample(root: Path) -> None:
    """NumPy loads its generators when they are asked for."""
    program = """
import sys
import numpy
import wengert as wg

class Late(wg.utils.data.Dataset):
    def __len__(self):
        return 3
    def __getitem__(self, index):
        return numpy.random.rand()

wg.manual_seed(1)
print([x.item() for x in wg.utils.data.DataLoader(Late(), 1, num_workers=int(sys.argv[1]))])
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program, workers],
            capture_output=True,
            check=True,
            env={"PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"},
        ).stdout
        for workers in ("0", "0", "2")
    }
    assert len(outputs) == 1


def draws() -> tuple[float, ...]:
    """Among them one of a pair of normal numbers, for Python and for NumPy."""
    normal = random.gauss(0, 1), np.random.randn()
    return wg.rand(1).item(), random.random(), np.random.rand(), *normal


def test_isolation() -> None:
    def program(use: bool) -> list[tuple[float, ...]]:
        seed_all(3)
        inside = Isolated(4)
        result = [draws()]
        for _ in range(2):
            if use:
                with inside:
                    draws()
            result.append(draws())
        return result

    assert program(True) == program(False)
    seed_all(4)
    expected = [draws(), draws()]
    inside = Isolated(4)
    found = []
    for _ in range(2):
        draws()
        with inside:
            found.append(draws()[:4])  # a waiting normal number of NumPy does not stay
    assert found[0] == expected[0][:4]
    assert found[1][:2] == expected[1][:2]


def test_isolation_of_our_generator_alone() -> None:
    seed_all(3)
    expected = draws()
    seed_all(3)
    with Isolated(4, everything=False):
        wg.rand(5)
    assert draws() == expected
