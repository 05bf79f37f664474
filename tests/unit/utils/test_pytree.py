"""Trees of containers are taken apart and put together again."""

from collections import OrderedDict, defaultdict, deque, namedtuple

import pytest

from wengert.utils import _pytree
from wengert.utils._pytree import (
    tree_broadcast,
    tree_flatten,
    tree_leaves,
    tree_map,
    tree_map_only,
    tree_structure,
    tree_unflatten,
)

Point = namedtuple("Point", ["x", "y"])
Other = namedtuple("Other", ["x", "y"])

TREES = [
    5,
    None,
    (),
    [],
    {},
    (1, [2, 3], {"b": 4, "a": (5, None)}),
    Point(1, [2, Point(3, 4)]),
    OrderedDict([("z", 1), ("a", [2])]),
    defaultdict(list, {"k": 1}),
    deque([1, [2]], maxlen=3),
]


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_round_trip(tree):
    leaves, spec = tree_flatten(tree)
    again = tree_unflatten(leaves, spec)
    assert again == tree
    assert type(again) is type(tree)
    assert spec.num_leaves == len(leaves)
    assert spec == tree_structure(again)


def test_order_and_none():
    assert tree_leaves({"b": 1, "a": [None, (2,)]}) == [1, None, 2]


def test_containers_keep_what_they_are():
    doubled = tree_map(lambda leaf: leaf * 2, defaultdict(list, {"k": 1}))
    assert doubled.default_factory is list
    assert tree_map(lambda leaf: leaf, deque([1], maxlen=4)).maxlen == 4
    assert isinstance(tree_map(lambda leaf: leaf, Point(1, 2)), Point)


def test_specs_tell_shapes_apart():
    specs = [
        tree_structure(t)
        for t in [(1, 2), [1, 2], Point(1, 2), Other(1, 2), {"a": 1, "b": 2}, {"a": 1, "c": 2}, 1]
    ]
    assert all(a != b for i, a in enumerate(specs) for b in specs[:i])


def test_specs_are_readable():
    spec = tree_structure(({"a": 1}, [2, (3,)], Point(4, None)))
    assert repr(spec) == "({'a': *}, [*, (*,)], Point(*, *))"


def test_map_over_several_trees():
    assert tree_map(lambda a, b: a - b, {"x": [3, 4]}, {"x": [1, 1]}) == {"x": [2, 3]}
    with pytest.raises(ValueError, match="the trees differ"):
        tree_map(lambda a, b: a, (1, 2), [1, 2])


def test_map_only():
    assert tree_map_only(int, lambda leaf: leaf + 1, [1, "a", (2, 0.5)]) == [2, "a", (3, 0.5)]


def test_is_leaf():
    leaves, spec = tree_flatten([(1, 2), 3], is_leaf=lambda tree: isinstance(tree, tuple))
    assert leaves == [(1, 2), 3]
    assert tree_unflatten("ab", spec) == ["a", "b"]


def test_wrong_number_of_leaves():
    with pytest.raises(ValueError, match="has length 1 but the spec refers to a pytree that holds"):
        tree_unflatten([1], tree_structure((1, 2)))


def test_broadcast():
    spec = tree_structure(({"a": 1, "b": (2, 3)}, 4))
    assert tree_broadcast(7, spec) == [7, 7, 7, 7]
    assert tree_broadcast(({"a": 0, "b": None}, 1), spec) == [0, None, None, 1]
    assert tree_broadcast((0,), spec) is None
    assert tree_broadcast([0, 1], spec) is None
    assert tree_broadcast(({"a": 0}, 1), spec) is None
    assert tree_broadcast((0, (1,)), spec) is None


def test_own_containers(monkeypatch):
    class Pair:
        def __init__(self, first, second):
            self.first, self.second = first, second

    monkeypatch.setattr(_pytree, "_CONTAINERS", dict(_pytree._CONTAINERS))
    assert tree_leaves([Pair(1, 2)])[0].first == 1
    _pytree.register_pytree_node(
        Pair, lambda pair: ([pair.first, pair.second], None), lambda children, _: Pair(*children)
    )
    assert tree_leaves([Pair(1, (2, 3))]) == [1, 2, 3]
    assert tree_map(lambda leaf: -leaf, Pair(1, 2)).second == -2
    with pytest.raises(ValueError, match="already registered"):
        _pytree.register_pytree_node(Pair, lambda pair: ([], None), lambda children, _: None)
