"""Seeds of batches: all different, the same everywhere, and the program's generators untouched."""

from __future__ import annotations

import random

import numpy as np

import wengert as wg
from wengert.utils.data import _fetch
from wengert.utils.data._seeds import Isolated, mix, seed_all


def test_seeds_differ_in_all_bits() -> None:
    seeds = {
        mix(epoch, kind, number)
        for epoch in (0, 1 << 20, 2**63 - 1)
        for number in range(2050)
        for kind in range(3)
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


def test_seeding_is_paid_per_batch(monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(_fetch, "seed_all", calls.append)
    data = [(wg.tensor(i), i) for i in range(20)]

    class Draws(wg.utils.data.Dataset):
        def __len__(self) -> int:
            return len(data)

        def __getitem__(self, index: int) -> object:
            return data[index]

    list(wg.utils.data.DataLoader(Draws(), 5))
    assert len(calls) == len(set(calls)) == 4


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
