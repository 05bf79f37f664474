"""What the transforms share: which arguments are differentiated, fresh inputs, clean results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import wengert as wg
from wengert import _C
from wengert.autograd.grad_mode import transforming
from wengert.utils._pytree import TreeSpec, tree_flatten, tree_map, tree_unflatten

Argnums = int | tuple[int, ...]
Function = Callable[..., Any]


def pick(args: tuple[Any, ...], argnums: Argnums) -> Any:
    """The arguments with these numbers: one, or a tuple of them."""
    numbers = _numbers(argnums, len(args))
    return args[numbers[0]] if isinstance(argnums, int) else tuple(args[n] for n in numbers)


def put(args: tuple[Any, ...], argnums: Argnums, values: Any) -> tuple[Any, ...]:
    """The arguments with those of these numbers replaced."""
    result = list(args)
    for n, value in zip(
        _numbers(argnums, len(args)),
        (values,) if isinstance(argnums, int) else values,
        strict=True,
    ):
        result[n] = value
    return tuple(result)


def _numbers(argnums: Argnums, count: int) -> list[int]:
    if not isinstance(argnums, int | tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    wanted = (argnums,) if isinstance(argnums, int) else argnums
    if not wanted:
        raise RuntimeError("argnums must be non-empty")
    result = []
    for number in wanted:
        if not isinstance(number, int):
            raise RuntimeError(f"argnum must be int, got: {type(number)}")
        if not -count <= number < count:
            raise RuntimeError(f"Got argnum={number}, but only {count} positional inputs")
        result.append(number % count)
    if len(set(result)) != len(result):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return result


def flat_tensors(tree: Any, where: str, role: str) -> tuple[list[wg.Tensor], TreeSpec]:
    """The leaves of ``tree``, which must be tensors, and one at least."""
    leaves, spec = tree_flatten(tree)
    if not leaves:
        raise RuntimeError(f"{where}: Expected {role} to contain at least one Tensor.")
    for leaf in leaves:
        if not isinstance(leaf, wg.Tensor):
            raise RuntimeError(
                f"{where}: Expected {role} to only contain Tensors, got {type(leaf)}"
            )
    return leaves, spec


def flat_outputs(output: Any, where: str) -> tuple[list[wg.Tensor], TreeSpec]:
    """The leaves of what the function gave, which must be tensors, and one at least."""
    leaves, spec = tree_flatten(output)
    if not leaves:
        raise RuntimeError(
            f"{where}: Expected f to be a function that has non-empty output (got output = "
            f"{output})"
        )
    for leaf in leaves:
        if not isinstance(leaf, wg.Tensor):
            raise RuntimeError(
                f"{where}: expected f(*primals) to return only tensors, got unsupported type "
                f"{type(leaf)}"
            )
    return leaves, spec


def split_aux(result: Any, has_aux: bool, where: str) -> tuple[Any, Any]:
    """What the function gave, as (output, aux)."""
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(
            f"{where}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return result


class Recording:
    """One reverse-mode transform: inputs that no one else has, and the way out of it.

    Nested transforms write on the same graph. What keeps them apart are fresh aliases of the
    inputs: a derivative with respect to an alias counts the paths through it alone. An alias of a
    tensor that requires a gradient is connected to it, so that an outer transform, or the user's
    own ``backward()``, sees through. What depends on nothing outside leaves without history.
    """

    def __init__(self) -> None:
        # Where the caller does not record, results are constants, even of tensors in a closure.
        self.outer = wg.is_grad_enabled()
        self.leaves: list[wg.Tensor] = []
        self.aliases: list[tuple[wg.Tensor, Any]] = []

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Operations are recorded, whatever the caller's mode is."""
        # Inside of another transform this is about its samples or tangents; what lies outside of
        # that transform is recorded only if the caller records.
        before = _C._set_outer_grad(True)
        _C._set_outer_grad(before and self.outer)
        try:
            with transforming():
                yield
        finally:
            _C._set_outer_grad(before)

    def fresh(self, tensor: Any) -> wg.Tensor:
        """An alias of ``tensor`` that requires a gradient."""
        if not isinstance(tensor, wg.Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(tensor)}")
        # The samples of an outer vmap, and tangents, are constants to this transform.
        tensor = _C._lift(tensor)
        if self.outer and _C._tracked_here(tensor):
            alias = tensor.view_as(tensor)
            self.aliases.append((alias, alias.grad_fn))
        else:
            alias = _C._level_detach(tensor).requires_grad_()
            self.leaves.append(alias)
        return alias

    def fresh_tree(self, tree: Any) -> tuple[Any, list[wg.Tensor], TreeSpec]:
        """Aliases in place of the tensors of ``tree``; they, as a list; and the tree's spec."""
        leaves, spec = tree_flatten(tree)
        aliases = [self.fresh(leaf) for leaf in leaves]
        return tree_unflatten(aliases, spec), aliases, spec

    def check_inputs(self) -> None:
        """Raises if the function wrote to an input: the derivative would be that of the new value.

        The core refuses to write to a leaf; this is the same for an alias that is none.
        """
        for alias, node in self.aliases:
            if alias.grad_fn is not None and alias.grad_fn != node:
                raise RuntimeError(
                    "a leaf Variable that requires grad is being used in an in-place operation.\n"
                    f"  an input of the transformed function is written to at {alias.grad_fn.site}"
                )

    def connected(self, tensor: wg.Tensor) -> bool:
        """Does ``tensor`` depend on what requires a gradient outside?"""
        return self.outer and _C._reaches_other_leaf(_C._lift(tensor), self.leaves)

    def leave(self, tree: Any) -> Any:
        """``tree`` for the caller: tensors that depend on nothing outside lose their history."""
        return tree_map(self._clean, tree)

    def _clean(self, leaf: Any) -> Any:
        if not isinstance(leaf, wg.Tensor) or not _C._at_top(leaf):
            return leaf
        if not _C._tracked_here(leaf) or self.connected(leaf):
            return leaf
        return _C._level_detach(leaf)


def derivative(
    outputs: Sequence[wg.Tensor],
    inputs: Sequence[wg.Tensor],
    cotangents: Sequence[wg.Tensor | None],
    *,
    retain_graph: bool,
    create_graph: bool,
) -> list[wg.Tensor]:
    """The vector-Jacobian product; zeros where nothing depends on an input."""
    pairs = [(y, g) for y, g in zip(outputs, cotangents, strict=True) if _C._tracked_here(y)]
    if not pairs or not inputs:
        return [wg.zeros_like(x) for x in inputs]
    return list(
        wg.autograd.grad(
            [y for y, _ in pairs],
            inputs,
            [g for _, g in pairs],
            retain_graph=retain_graph,
            create_graph=create_graph,
            materialize_grads=True,
        )
    )


def refuse_complex(where: str, tensors: Sequence[wg.Tensor], role: str) -> None:
    for i, tensor in enumerate(tensors):
        if tensor.is_complex():
            raise RuntimeError(
                f"{where}: Expected all {role} to be real but received complex tensor at "
                f"flattened input idx: {i}"
            )
