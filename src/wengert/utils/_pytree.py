"""Trees of Python containers: what a function takes and gives, beside plain tensors.

A tree is a leaf, or a tuple, named tuple, list, deque, dict, OrderedDict or defaultdict of trees.
Everything else is a leaf, None included (as in PyTorch). Dictionaries keep their order. Further
containers are made known with ``register_pytree_node``.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = [
    "TreeSpec",
    "register_pytree_node",
    "tree_all",
    "tree_any",
    "tree_broadcast",
    "tree_flatten",
    "tree_leaves",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_structure",
    "tree_unflatten",
]


class _Container(NamedTuple):
    take: Callable[[Any], tuple[list[Any], Any]]  # the children, and what else rebuilds it
    build: Callable[[list[Any], Any], Any]

    @property
    def flatten_fn(self) -> Callable[[Any], tuple[list[Any], Any]]:
        return self.take

    @property
    def unflatten_fn(self) -> Callable[[list[Any], Any], Any]:
        return self.build


def _take_keyed(tree: Any) -> tuple[list[Any], Any]:
    return list(tree.values()), list(tree)


def _take_default(tree: Any) -> tuple[list[Any], Any]:
    return list(tree.values()), (tree.default_factory, list(tree))


_CONTAINERS: dict[type, _Container] = {
    tuple: _Container(lambda tree: (list(tree), None), lambda children, _: tuple(children)),
    list: _Container(lambda tree: (list(tree), None), lambda children, _: list(children)),
    dict: _Container(_take_keyed, lambda children, keys: dict(zip(keys, children, strict=True))),
    OrderedDict: _Container(
        _take_keyed, lambda children, keys: OrderedDict(zip(keys, children, strict=True))
    ),
    defaultdict: _Container(
        _take_default,
        lambda children, more: defaultdict(more[0], zip(more[1], children, strict=True)),
    ),
    deque: _Container(
        lambda tree: (list(tree), tree.maxlen), lambda children, most: deque(children, most)
    ),
}
# The context is the class itself, so that two classes of equal fields stay apart.
_NAMED_TUPLE = _Container(
    lambda tree: (list(tree), type(tree)), lambda children, kind: kind(*children)
)


def register_pytree_node(
    cls: type,
    flatten_fn: Callable[[Any], tuple[list[Any], Any]],
    unflatten_fn: Callable[[list[Any], Any], Any],
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: Callable[[Any], Any] | None = None,
    from_dumpable_context: Callable[[Any], Any] | None = None,
    flatten_with_keys_fn: Callable[[Any], Any] | None = None,
) -> None:
    """Makes instances of ``cls`` inner nodes instead of leaves.

    ``flatten_fn(tree)`` gives the children and a context that is comparable with ``==``;
    ``unflatten_fn(children, context)`` rebuilds the container. The other arguments are for saving
    specs, and not used. Raises ValueError if the class is
    known already.
    """
    if cls in _CONTAINERS:
        raise ValueError(f"{cls} is already registered as pytree node.")
    _CONTAINERS[cls] = _Container(flatten_fn, unflatten_fn)


def _container(tree: Any) -> tuple[type | None, _Container | None]:
    kind = type(tree)
    known = _CONTAINERS.get(kind)
    if known is not None:
        return kind, known
    if isinstance(tree, tuple) and hasattr(kind, "_fields"):
        return kind, _NAMED_TUPLE
    return None, None


@dataclass(frozen=True, init=False)
class TreeSpec:
    """The shape of a tree: ``kind`` is the container's class, or None for a leaf."""

    kind: type | None
    context: Any
    children: tuple[TreeSpec, ...]
    num_leaves: int

    def __init__(
        self,
        kind: type | None,
        context: Any = None,
        children: Iterable[TreeSpec] = (),
        num_leaves: int | None = None,
    ) -> None:
        children = tuple(children)
        if num_leaves is None:
            num_leaves = 1 if kind is None else sum(each.num_leaves for each in children)
        for name, value in (
            ("kind", kind), ("context", context), ("children", children), ("num_leaves", num_leaves)
        ):  # fmt: skip
            object.__setattr__(self, name, value)  # it is frozen

    @property
    def type(self) -> Any:
        """The container's class under PyTorch's name."""
        return self.kind

    @property
    def children_specs(self) -> list[TreeSpec]:
        """The children under PyTorch's name."""
        return list(self.children)

    def is_leaf(self) -> bool:
        return self.kind is None

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        inner = [repr(child) for child in self.children]
        if self.kind is dict:
            inner = [f"{key!r}: {child}" for key, child in zip(self.context, inner, strict=True)]
        if self.kind not in _BRACKETS:
            return f"{self.kind.__name__}({', '.join(inner)})"
        opening, closing = _BRACKETS[self.kind]
        if self.kind is tuple and len(inner) == 1:
            inner[0] += ","
        return opening + ", ".join(inner) + closing


_BRACKETS = {tuple: ("(", ")"), list: ("[", "]"), dict: ("{", "}")}
_LEAF = TreeSpec(None, None, (), 1)


# Under these names packages flatten by rules of their own.
_register_pytree_node = register_pytree_node
PyTree = Any
Context = Any
SUPPORTED_NODES = _CONTAINERS


def LeafSpec() -> TreeSpec:
    """The spec of a leaf."""
    return _LEAF


def _dict_flatten(tree: dict[Any, Any]) -> tuple[list[Any], list[Any]]:
    return list(tree.values()), list(tree)


def _dict_flatten_with_keys(tree: dict[Any, Any]) -> tuple[list[tuple[MappingKey, Any]], list[Any]]:
    return [(MappingKey(key), value) for key, value in tree.items()], list(tree)


def _dict_unflatten(values: Iterable[Any], context: list[Any]) -> dict[Any, Any]:
    return dict(zip(context, values, strict=True))


@dataclass(frozen=True)
class MappingKey:
    """A key on the way to a leaf."""

    key: Any


def _get_node_type(tree: Any) -> Any:
    return _container(tree)[0]


def tree_flatten(
    tree: Any, is_leaf: Callable[[Any], bool] | None = None
) -> tuple[list[Any], TreeSpec]:
    """The leaves from left to right, and the spec that ``tree_unflatten`` rebuilds the tree from.

    >>> from wengert.utils._pytree import tree_flatten
    >>> tree_flatten({"a": 1, "b": [2, (3, None)]})[0]
    [1, 2, 3, None]
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves, is_leaf)


def _flatten(tree: Any, leaves: list[Any], is_leaf: Callable[[Any], bool] | None) -> TreeSpec:
    kind, container = _container(tree)
    if container is None or (is_leaf is not None and is_leaf(tree)):
        leaves.append(tree)
        return _LEAF
    children, context = container.take(tree)
    start = len(leaves)
    specs = tuple(_flatten(child, leaves, is_leaf) for child in children)
    return TreeSpec(kind, context, specs, len(leaves) - start)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of this spec with these leaves. Raises ValueError if their number does not fit.

    >>> from wengert.utils._pytree import tree_flatten, tree_unflatten
    >>> leaves, spec = tree_flatten({"a": 1, "b": [2, 3]})
    >>> tree_unflatten([10 * leaf for leaf in leaves], spec)
    {'a': 10, 'b': [20, 30]}
    """
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(leaves)} but the spec "
            f"refers to a pytree that holds {treespec.num_leaves} items ({treespec})."
        )
    return _build(iter(leaves), treespec)


def _build(leaves: Any, spec: TreeSpec) -> Any:
    if spec.kind is None:
        return next(leaves)
    container = _CONTAINERS.get(spec.kind, _NAMED_TUPLE)
    return container.build([_build(leaves, child) for child in spec.children], spec.context)


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """The leaves from left to right."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> TreeSpec:
    """The spec alone."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(
    func: Callable[..., Any],
    tree: Any,
    *rests: Any,
    is_leaf: Callable[[Any], bool] | None = None,
) -> Any:
    """``func`` of each leaf, in a tree of the same shape; ``rests`` are further trees of it.

    Raises ValueError if a further tree has another shape.

    >>> from wengert.utils._pytree import tree_map
    >>> tree_map(lambda a, b: a + b, (1, [2]), (10, [20]))
    (11, [22])
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [leaves]
    for other in rests:
        more, other_spec = tree_flatten(other, is_leaf)
        if other_spec != spec:
            raise ValueError(f"tree_map(): the trees differ: {spec} and {other_spec}")
        columns.append(more)
    return tree_unflatten([func(*row) for row in zip(*columns, strict=True)], spec)


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any) -> Any:
    """Like ``tree_map`` for the side effects; returns ``tree``."""
    tree_map(func, tree, *rests)
    return tree


def tree_map_only(kind: type | tuple[type, ...], func: Callable[[Any], Any], tree: Any) -> Any:
    """``func`` of the leaves of this class; the others stay."""
    return tree_map(lambda leaf: func(leaf) if isinstance(leaf, kind) else leaf, tree)


def tree_all(predicate: Callable[[Any], bool], tree: Any) -> bool:
    """Does ``predicate`` hold for all leaves?"""
    return all(map(predicate, tree_leaves(tree)))


def tree_any(predicate: Callable[[Any], bool], tree: Any) -> bool:
    """Does ``predicate`` hold for one leaf at least?"""
    return any(map(predicate, tree_leaves(tree)))


def tree_broadcast(prefix: Any, treespec: TreeSpec) -> list[Any] | None:
    """One value per leaf of ``treespec``, from a tree that ends where it likes.

    A leaf of ``prefix`` stands for all leaves below that place. None if the shapes disagree.

    >>> from wengert.utils._pytree import tree_broadcast, tree_structure
    >>> tree_broadcast((0, None), tree_structure((1, {"a": 2, "b": 3})))
    [0, None, None]
    """
    kind, container = _container(prefix)
    if container is None:
        return [prefix] * treespec.num_leaves
    if kind is not treespec.kind:
        return None
    children, context = container.take(prefix)
    if context != treespec.context or len(children) != len(treespec.children):
        return None
    result: list[Any] = []
    for child, spec in zip(children, treespec.children, strict=True):
        part = tree_broadcast(child, spec)
        if part is None:
            return None
        result += part
    return result
