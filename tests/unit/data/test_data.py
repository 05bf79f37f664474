"""Data sets, samplers, collation and the loader."""

import os
import warnings
from collections import namedtuple

import numpy as np
import pytest

import wengert as wg
from wengert.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    random_split,
)


class Squares(Dataset):
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if index >= self.size:
            raise IndexError
        return index * index


class Stream(IterableDataset):
    def __init__(self, *values):
        self.values = values

    def __iter__(self):
        return iter(self.values)


def test_datasets():
    both = Squares(3) + Squares(2)
    assert isinstance(both, ConcatDataset)
    assert [both[i] for i in range(5)] == [0, 1, 4, 0, 1]
    assert both[-1] == 1
    assert [Subset(both, [4, 2])[i] for i in range(2)] == [1, 4]
    assert list(Stream(1, 2) + Stream(3)) == [1, 2, 3]
    assert isinstance(Stream() + Stream(), ChainDataset)
    rows = TensorDataset(wg.arange(3), wg.arange(6).reshape(3, 2))
    assert [part.tolist() for part in rows[1]] == [1, [2, 3]]
    with pytest.raises(AssertionError, match="Size mismatch"):
        TensorDataset(wg.ones(2), wg.ones(3))


def test_random_split():
    parts = random_split(Squares(10), [0.5, 0.25, 0.25])
    assert [len(part) for part in parts] == [6, 2, 2]
    assert sorted(i for part in parts for i in part.indices) == list(range(10))
    one = random_split(Squares(9), [4, 5], generator=wg.Generator().manual_seed(1))
    two = random_split(Squares(9), [4, 5], generator=wg.Generator().manual_seed(1))
    assert one[0].indices == two[0].indices
    with pytest.raises(ValueError, match="does not equal the length"):
        random_split(Squares(3), [1, 1])


def test_samplers():
    data = Squares(5)
    assert list(SequentialSampler(data)) == [0, 1, 2, 3, 4]
    assert sorted(RandomSampler(data)) == [0, 1, 2, 3, 4]
    assert len(list(RandomSampler(data, num_samples=12))) == 12
    assert set(RandomSampler(data, replacement=True, num_samples=20)) <= set(range(5))
    assert sorted(SubsetRandomSampler([7, 9])) == [7, 9]
    assert set(WeightedRandomSampler([0.0, 1.0, 0.0], 6)) == {1}
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, False)) == 3
    with pytest.raises(ValueError, match="batch_size should be a positive integer"):
        BatchSampler(range(5), 0, False)
    with pytest.raises(TypeError, match="replacement should be a boolean"):
        RandomSampler(data, replacement=1)


def test_collate():
    Point = namedtuple("Point", "x y")
    assert default_collate([1, 2]).dtype == wg.int64
    assert default_collate([1.0, 2.0]).dtype == wg.float64
    assert default_collate([wg.ones(2), wg.zeros(2)]).shape == (2, 2)
    assert default_collate([np.ones(2), np.zeros(2)]).dtype == wg.float64
    assert default_collate([np.float32(1), np.float32(2)]).dtype == wg.float32
    assert default_collate(["a", "b"]) == ["a", "b"]
    batch = default_collate([{"p": Point(1, [2])}, {"p": Point(3, [4])}])
    assert batch["p"].x.tolist() == [1, 3]
    assert batch["p"].y[0].tolist() == [2, 4]
    with pytest.raises(RuntimeError, match="should be of equal size"):
        default_collate([[1], [1, 2]])
    with pytest.raises(TypeError, match="must contain tensors"):
        default_collate([object()])
    converted = default_convert({"a": np.ones(2), "b": "text"})
    assert isinstance(converted["a"], wg.Tensor)
    assert converted["b"] == "text"


def test_loader_makes_batches():
    loader = DataLoader(Squares(5), 2)
    assert [batch.tolist() for batch in loader] == [[0, 1], [4, 9], [16]]
    assert len(loader) == 3
    assert len(DataLoader(Squares(5), 2, drop_last=True)) == 2
    assert list(DataLoader(Squares(3), None)) == [0, 1, 4]
    assert list(DataLoader(Squares(3), 3, collate_fn=sum)) == [5]
    batches = DataLoader(Squares(5), batch_sampler=[[3, 0], [1]])
    assert [batch.tolist() for batch in batches] == [[9, 0], [1]]


def test_loader_of_tensors_gives_what_collation_gives():
    x, y = wg.randn(7, 3), wg.arange(7)
    data = TensorDataset(x, y)
    slow = DataLoader(data, 3, collate_fn=lambda samples: default_collate(samples))
    for fast_batch, slow_batch in zip(DataLoader(data, 3), slow, strict=True):
        assert type(fast_batch) is type(slow_batch) is list
        for a, b in zip(fast_batch, slow_batch, strict=True):
            assert a.tolist() == b.tolist()
    # A batch is a copy.
    for batch, _ in DataLoader(data, 7):
        batch.zero_()
    assert float(x.abs().sum()) > 0
    shuffled = [y for _, batch in DataLoader(data, 2, shuffle=True) for y in batch.tolist()]
    assert sorted(shuffled) == list(range(7))
    assert len(list(DataLoader(data, 2, shuffle=True, drop_last=True))) == 3
    picked = DataLoader(data, batch_sampler=[[0, -1]])
    assert next(iter(picked))[1].tolist() == [0, 6]
    with pytest.raises(IndexError):
        list(DataLoader(data, sampler=[7]))


def test_shuffling_follows_the_generator():
    def order(seed):
        generator = wg.Generator().manual_seed(seed)
        loader = DataLoader(Squares(50), 50, shuffle=True, generator=generator)
        return [next(iter(loader)).tolist() for _ in range(2)]

    assert order(3) == order(3)
    assert order(3) != order(4)
    first, second = order(3)
    assert first != second


def test_streams():
    loader = DataLoader(Stream(1, 2, 3), 2)
    assert [batch.tolist() for batch in loader] == [[1, 2], [3]]
    assert [batch.tolist() for batch in DataLoader(Stream(1, 2, 3), 2, drop_last=True)] == [[1, 2]]
    assert list(DataLoader(Stream(1, 2), None)) == [1, 2]
    with pytest.raises(ValueError, match="expected unspecified shuffle option"):
        DataLoader(Stream(1), shuffle=True)


def test_loader_errors():
    data = Squares(3)
    with pytest.raises(ValueError, match="sampler option is mutually exclusive with shuffle"):
        DataLoader(data, sampler=[0], shuffle=True)
    with pytest.raises(ValueError, match="batch_sampler option is mutually exclusive"):
        DataLoader(data, batch_sampler=[[0]], batch_size=2)
    with pytest.raises(ValueError, match="disables auto-batching"):
        DataLoader(data, batch_size=None, drop_last=True)
    with pytest.raises(ValueError, match="batch_size should be a positive integer"):
        DataLoader(data, batch_size=0)


def test_collation_by_type():
    from wengert.utils.data._utils.collate import collate, default_collate_fn_map

    class Text(str):
        pass

    def joined(batch, *, collate_fn_map=None):
        return "".join(batch)

    functions = {**default_collate_fn_map, Text: joined}
    batch = collate([(Text("a"), "b", 1), (Text("c"), "d", 2)], collate_fn_map=functions)
    assert batch[:2] == ["ac", ("b", "d")]
    assert batch[2].tolist() == [1, 2]
    with pytest.raises(TypeError, match="found <class 'str'>"):
        collate(["a"])

    class Celsius:
        def __init__(self, degrees):
            self.degrees = degrees

    def warm(batch, *, collate_fn_map=None):
        return collate([t.degrees for t in batch], collate_fn_map=collate_fn_map)

    default_collate_fn_map[Celsius] = warm
    try:
        loader = DataLoader([{"t": Celsius(1.5)}, {"t": Celsius(2.5)}], 2)
        assert next(iter(loader))["t"].tolist() == [1.5, 2.5]
    finally:
        del default_collate_fn_map[Celsius]


def test_samples_are_positive():
    with pytest.raises(ValueError, match="num_samples should be a positive integer value"):
        wg.utils.data.RandomSampler([1, 2], num_samples=0)
    expected = (
        "num_samples should be a positive integer value, but got num_samples=0\n"
        "  data_source: empty"
    )
    for replacement in (False, True):
        with pytest.raises(ValueError) as caught:
            wg.utils.data.RandomSampler([], replacement)
        assert str(caught.value) == expected
    with pytest.raises(ValueError) as caught:
        DataLoader(wg.utils.data.TensorDataset(wg.zeros(0, 2)), shuffle=True)
    assert str(caught.value) == expected
    assert list(DataLoader([])) == []


@pytest.mark.parametrize("dataset", [[1], wg.utils.data.TensorDataset(wg.zeros(1)), Stream(1)])
def test_nothing_can_interrupt_this_process(dataset):
    loader = DataLoader(dataset, timeout=3)
    with pytest.raises(AssertionError) as caught:
        iter(loader)
    assert str(caught.value) == (
        "_SingleProcessDataLoaderIter requires timeout == 0\n"
        "  timeout: 3\n"
        "  num_workers: 0   nothing can interrupt the loading in this process"
    )
    loader.timeout = 0
    assert len(list(loader)) == 1


def test_too_many_workers_are_a_warning(monkeypatch):
    processors = len(os.sched_getaffinity(0))
    with pytest.warns(UserWarning, match=f"will create {processors + 1} worker") as caught:
        DataLoader([1], num_workers=processors + 1)
    assert caught[0].filename == __file__
    assert f"current system is {processors}, which" in str(caught[0].message)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 5})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DataLoader([1], num_workers=3)
        with pytest.raises(UserWarning, match="will create 4 worker"):
            DataLoader([1], num_workers=4)
