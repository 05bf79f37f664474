"""vmap: a function of single samples as a function of whole batches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import wengert as wg
from wengert import _C
from wengert.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

__all__ = ["vmap"]

InDims = int | tuple[Any, ...] | list[Any] | dict[Any, Any] | None
OutDims = int | tuple[Any, ...] | list[Any] | dict[Any, Any] | None
_RANDOMNESS = ("error", "same", "different")


def vmap(
    func: Callable[..., Any],
    in_dims: InDims = 0,
    out_dims: OutDims = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that maps ``func`` over a dimension of its inputs, all samples at once.

    Inside, tensors have the shape of one sample; each operation runs once for the whole batch.

    Args:
        func: takes tensors, or trees of them, and gives a tensor or a tree of tensors.
        in_dims: which dimension of each input is mapped: one number for all, or a tuple with one
            per positional argument, whose elements may be trees like the argument. None leaves an
            input as it is. Negative numbers count from the end.
        out_dims: where the dimension appears in each output: one number for all, or a tree.
            None stands for an output that does not depend on the mapped inputs.
        randomness: "error" refuses random operations, "same" draws one number for all samples,
            "different" draws for every sample.
        chunk_size: how many samples are computed at a time; None means all.

    Keyword arguments are mapped over dimension 0.

    Raises:
        ValueError: ``in_dims`` or ``out_dims`` do not fit; the sizes of the mapped dimensions
            differ; an output is no tensor.
        RuntimeError: ``func`` asks for a value (``.item()``, ``if``), has results whose size
            depends on values, or writes in place to a tensor that is the same for all samples.

    >>> from wengert.func import vmap
    >>> x, y = wg.tensor([[1.0, 2.0], [3.0, 4.0]]), wg.tensor([1.0, 10.0])
    >>> vmap(wg.dot)(x, x)
    tensor([ 5., 25.])
    >>> vmap(wg.dot, in_dims=(1, None))(x, y)
    tensor([31., 42.])
    """
    if randomness not in _RANDOMNESS:
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}"
        )
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        flat, spec, dims, size = _flat_inputs(func, in_dims, args)
        named, named_spec = tree_flatten(kwargs)
        if chunk_size is None or size <= chunk_size:
            return _run(func, flat, spec, dims, named, named_spec, size, out_dims, randomness)
        sizes = [min(chunk_size, size - start) for start in range(0, size, chunk_size)]
        parts = [
            leaf.split(sizes, dim) if dim is not None else [leaf] * len(sizes)
            for leaf, dim in zip(flat, dims, strict=True)
        ]
        named_parts = [
            leaf.split(sizes) if isinstance(leaf, wg.Tensor) else [leaf] * len(sizes)
            for leaf in named
        ]
        chunks = []
        for n, count in enumerate(sizes):
            chunk = [part[n] for part in parts]
            named_chunk = [part[n] for part in named_parts]
            chunks.append(
                _run(func, chunk, spec, dims, named_chunk, named_spec, count, out_dims, randomness)
            )
        return _joined(chunks, out_dims)

    return mapped


@contextmanager
def batched_level(size: int, randomness: str) -> Iterator[int]:
    """While it lasts, tensors of its level stand for ``size`` samples each."""
    level = _C._enter_batched(size, _RANDOMNESS.index(randomness))
    try:
        yield level
    finally:
        _C._exit_level(level)


def _name(func: Callable[..., Any]) -> str:
    if isinstance(func, functools.partial):
        return f"functools.partial({_name(func.func)}, ...)"
    return getattr(func, "__name__", repr(func))


def _broadcast(dims: Any, tree: Any, leaves: bool = False) -> list[Any] | None:
    """One entry of ``dims`` per leaf of ``tree``, where an entry may stand for a subtree.

    None if the two do not fit. ``leaves``: an entry of a wrong type fits, too.
    """
    wrong = leaves and not isinstance(dims, list | tuple | dict)
    if dims is None or isinstance(dims, int) or wrong:
        return [dims] * len(tree_flatten(tree)[0])
    if isinstance(dims, list | tuple) and isinstance(tree, list | tuple):
        if type(dims) is not type(tree) and not (type(dims) is tuple and isinstance(tree, tuple)):
            return None
        if len(dims) != len(tree):
            return None
        parts = [_broadcast(d, t, leaves) for d, t in zip(dims, tree, strict=True)]
    elif isinstance(dims, dict) and isinstance(tree, dict):
        if dims.keys() != tree.keys():
            return None
        parts = [_broadcast(dims[key], value, leaves) for key, value in tree.items()]
    else:
        return None
    result: list[Any] = []
    for part in parts:
        if part is None:
            return None
        result += part
    return result


def _flat_inputs(
    func: Callable[..., Any], in_dims: InDims, args: tuple[Any, ...]
) -> tuple[list[Any], TreeSpec, list[int | None], int]:
    call = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, int | tuple):
        if not isinstance(in_dims, list):
            raise ValueError(
                f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching "
                f"the structure of inputs, got: {type(in_dims)}."
            )
        in_dims = tuple(in_dims)
    if not args:
        raise ValueError(
            f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you "
            "are trying to vmap over a function with no inputs. The latter is unsupported."
        )
    flat, spec = tree_flatten(args)
    dims = _broadcast(in_dims, args, leaves=True)
    if dims is None:
        raise ValueError(
            f"{call}: in_dims is not compatible with the structure of `inputs`. in_dims has "
            f"structure {tree_flatten(in_dims)[1]} but inputs has structure {spec}."
        )
    result: list[int | None] = []
    for leaf, dim in zip(flat, dims, strict=True):
        if dim is None:
            result.append(None)
            continue
        if not isinstance(dim, int):
            raise ValueError(
                f"{call}: Got in_dim={dim} for an input but in_dim must be either an integer "
                "dimension or None."
            )
        if not isinstance(leaf, wg.Tensor):
            raise ValueError(
                f"{call}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We "
                "cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -leaf.dim() <= dim < leaf.dim():
            raise ValueError(
                f"{call}: Got in_dim={dim} for some input, but that input is a Tensor of "
                f"dimensionality {leaf.dim()} so expected in_dim to satisfy "
                f"-{leaf.dim()} <= in_dim < {leaf.dim()}."
            )
        result.append(dim % leaf.dim())
    sizes = {leaf.shape[dim] for leaf, dim in zip(flat, result, strict=True) if dim is not None}
    if not sizes:
        raise ValueError("vmap: at least one Tensor must be mapped over: all in_dims are None")
    if len(sizes) > 1:
        every = [leaf.shape[dim] for leaf, dim in zip(flat, result, strict=True) if dim is not None]
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{every} for the mapped dimension"
        )
    return flat, spec, result, sizes.pop()


def _run(
    func: Callable[..., Any],
    flat: list[Any],
    spec: TreeSpec,
    dims: list[int | None],
    named: list[Any],
    named_spec: TreeSpec,
    size: int,
    out_dims: OutDims,
    randomness: str,
) -> Any:
    with batched_level(size, randomness) as level:
        samples = [
            leaf if dim is None else _C._add_batch(leaf, dim, level)
            for leaf, dim in zip(flat, dims, strict=True)
        ]
        named_samples = [
            _C._add_batch(leaf, 0, level) if isinstance(leaf, wg.Tensor) else leaf for leaf in named
        ]
        args = tree_unflatten(samples, spec)
        result = func(*args, **tree_unflatten(named_samples, named_spec))
        leaves, result_spec = tree_flatten(result)
        for leaf in leaves:
            if not isinstance(leaf, wg.Tensor):
                raise ValueError(
                    f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type "
                    f"{type(leaf)}. Did you mean to set out_dims= to None for output?"
                )
        places = _out_places(func, out_dims, result)
        for leaf, place in zip(leaves, places, strict=True):
            found = _C._wrapper_of(leaf) if place is None and _C._at_top(leaf) else None
            if found is not None and found[2] is not None:
                raise ValueError(
                    f"vmap({_name(func)}, ...): `{_name(func)}` can not return a BatchedTensor "
                    "when out_dim is None"
                )
        outputs = [
            _C._remove_batch(leaf, level, _place(leaf, place))
            for leaf, place in zip(leaves, places, strict=True)
        ]
    return tree_unflatten(outputs, result_spec)


def _place(leaf: wg.Tensor, dim: int | None) -> int | None:
    if dim is None or -leaf.dim() - 1 <= dim <= leaf.dim():
        return dim
    raise IndexError(
        f"vmap: Dimension out of range (expected to be in range of [{-leaf.dim() - 1}, "
        f"{leaf.dim()}], but got {dim})"
    )


def _out_places(func: Callable[..., Any], out_dims: OutDims, result: Any) -> list[int | None]:
    if not (out_dims is None or isinstance(out_dims, int | tuple | list | dict)):
        raise ValueError(
            f"vmap({_name(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a "
            "python collection of ints representing where in the outputs the vmapped dimension "
            "should appear."
        )
    if isinstance(result, wg.Tensor) and isinstance(out_dims, tuple) and len(out_dims) == 1:
        out_dims = out_dims[0]
    places = _broadcast(out_dims, result)
    if places is None or not all(place is None or isinstance(place, int) for place in places):
        raise ValueError(
            f"vmap({_name(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible "
            f"with the structure of `outputs`. out_dims has structure {tree_flatten(out_dims)[1]} "
            f"but outputs has structure {tree_flatten(result)[1]}."
        )
    return places


def _joined(chunks: list[Any], out_dims: OutDims) -> Any:
    """The results of the chunks, one after another."""
    _, spec = tree_flatten(chunks[0])
    places = _out_places(_joined, out_dims, chunks[0])
    columns = zip(*(tree_flatten(chunk)[0] for chunk in chunks), strict=True)
    joined = [
        wg.cat(list(column), place) if place is not None else column[0]
        for column, place in zip(columns, places, strict=True)
    ]
    return tree_unflatten(joined, spec)
