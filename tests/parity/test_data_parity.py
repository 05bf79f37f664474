"""Collation, data sets and samplers against PyTorch's."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.utils import data as ours

torch = pytest.importorskip("torch", reason="compares with PyTorch")
theirs = torch.utils.data

Point = collections.namedtuple("Point", "x y")


class Named(dict):
    """A mapping with an attribute."""

    name = "none"


class Frozen(collections.abc.Sequence):
    """A sequence that nothing can be written to."""

    def __init__(self, items: Any) -> None:
        self.items = tuple(items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]


def form(value: Any) -> Any:
    """Type and content, without the library's name."""
    if isinstance(value, (wg.Tensor, torch.Tensor)):
        return "tensor", str(value.dtype).split(".")[1], tuple(value.shape), value.tolist()
    if isinstance(value, np.ndarray):
        return "array", value.dtype.str, value.tolist()
    if isinstance(value, collections.abc.Mapping):
        return type(value), [(key, form(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple, Frozen, collections.deque)):
        return type(value), [form(item) for item in value]
    return value


default = collections.defaultdict(list, a=1)
SAMPLES: list[list[Any]] = [
    [1, 2], [1.5, 2], [True, False], ["a", "b"], [b"a", b"b"], [(1, "a"), (2, "b")],
    [[1, 2.0], [3, 4.0]], [{"a": 1, "b": [2]}, {"b": [3], "a": 4}], [Point(1, (2,)), Point(3, (4,))],
    [np.arange(3), np.ones(3, int)], [np.float32(1), np.float32(2)], [np.int8(1), np.int8(2)],
    [np.array(1.0), np.array(2.0)], [np.str_("a"), np.str_("b")], [default, default],
    [collections.OrderedDict(a=1), collections.OrderedDict(a=2)], [Named(a=1), Named(a=2)],
    [Frozen([1, 2]), Frozen([3, 4])], [np.bool_(True), np.bool_(False)],
    [collections.deque([1, 2]), collections.deque([3, 4])], [[], []], [{}, {}],
    [np.float64(1), np.float64(2)], [np.zeros((0, 2)), np.zeros((0, 2))],
]  # fmt: skip


@pytest.mark.parametrize("batch", SAMPLES, ids=lambda batch: repr(batch)[:40])
def test_collation(batch: list[Any]) -> None:
    assert form(ours.default_collate(batch)) == form(theirs.default_collate(batch))


@pytest.mark.parametrize("batch", SAMPLES, ids=lambda batch: repr(batch)[:40])
def test_conversion(batch: list[Any]) -> None:
    assert form(ours.default_convert(batch)) == form(theirs.default_convert(batch))


def test_tensors_and_attributes() -> None:
    for wrap in (lambda t: t, lambda t: (t, 1), lambda t: {"x": [t]}):
        ours_batch = [wrap(wg.arange(3)), wrap(wg.ones(3, dtype=wg.int64))]
        their_batch = [wrap(torch.arange(3)), wrap(torch.ones(3, dtype=torch.int64))]
        assert form(ours.default_collate(ours_batch)) == form(theirs.default_collate(their_batch))
    named = Named(a=1)
    named.name = "kept"
    assert ours.default_collate([named, named]).name == "kept"


@pytest.mark.parametrize(
    "batch",
    [[None, None], [object(), object()], [[1], [1, 2]], [np.array(["a"]), np.array(["b"])],
     [{1, 2}, {3, 4}]],
)  # fmt: skip
def test_refusals(batch: list[Any]) -> None:
    with pytest.raises((TypeError, RuntimeError)) as expected:
        theirs.default_collate(batch)
    with pytest.raises(type(expected.value)) as found:
        ours.default_collate(batch)
    assert str(found.value).split(" of equal size")[0] == str(expected.value).split(
        " of equal size"
    )[0].replace("torch", "wengert")


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("length", "replicas"), [(10, 3), (9, 3), (2, 5), (7, 1), (11, 4)])
def test_distributed_sampler(length: int, replicas: int, drop_last: bool) -> None:
    for rank in range(replicas):
        options = {"num_replicas": replicas, "rank": rank, "drop_last": drop_last}
        a = ours.DistributedSampler(range(length), shuffle=False, **options)
        b = theirs.DistributedSampler(range(length), shuffle=False, **options)
        assert (list(a), len(a)) == (list(b), len(b))
    parts = []
    for rank in range(replicas):
        sampler = ours.DistributedSampler(range(length), num_replicas=replicas, rank=rank, seed=3)
        sampler.set_epoch(2)
        parts += list(sampler)
    assert set(parts) == set(range(length))


def test_stacked_and_joined_data() -> None:
    def describe(data: Any) -> Any:
        one, two = range(4), ["a", "b", "c", "d"]
        both = data.StackDataset(one, two)
        named = data.StackDataset(x=one, y=two)
        subset = data.Subset(named, [3, 1])
        joined = data.ConcatDataset([one, two])
        return (
            [both[i] for i in range(len(both))], named[2], named.__getitems__([0, 3]),
            both.__getitems__([1]), subset[0], subset.__getitems__([1, 0]), len(subset),
            joined[5], joined[-1], joined.cumulative_sizes,
        )  # fmt: skip

    assert describe(ours) == describe(theirs)
    for arguments in ((), (range(2), range(3))):
        with pytest.raises(ValueError) as expected:
            theirs.StackDataset(*arguments)
        with pytest.raises(ValueError) as found:
            ours.StackDataset(*arguments)
        assert str(found.value) == str(expected.value)


def test_random_split_sizes() -> None:
    for length, parts in ((10, [0.5, 0.3, 0.2]), (11, [0.9, 0.1]), (7, [3, 4]), (10, [1 / 3] * 3)):
        a = ours.random_split(range(length), parts)
        b = theirs.random_split(range(length), parts)
        assert [len(part) for part in a] == [len(part) for part in b]
        assert sorted(i for part in a for i in part) == list(range(length))


def batches(data: Any, dataset: Any, **options: Any) -> Any:
    return [form(batch) for batch in data.DataLoader(dataset, **options)]


@pytest.mark.parametrize(
    "options",
    [{}, {"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": None},
     {"sampler": [4, 0, 2], "batch_size": 2}, {"batch_sampler": [[1], [2, 3]]},
     {"batch_size": 4, "collate_fn": list}, {"batch_size": 2, "num_workers": 1}],
)  # fmt: skip
def test_loaders(options: dict[str, Any]) -> None:
    dataset = [{"x": i, "y": (float(i), "s")} for i in range(7)]
    assert batches(ours, dataset, **options) == batches(theirs, dataset, **options)
