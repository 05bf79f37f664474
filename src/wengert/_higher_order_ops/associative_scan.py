"""Scans of associative functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wengert as wg
from wengert.utils._pytree import tree_flatten, tree_unflatten

__all__ = ["associative_scan"]


def associative_scan(
    combine_fn: Callable[[Any, Any], Any],
    xs: Any,
    dim: int = 0,
    reverse: bool = False,
    combine_mode: str = "pointwise",
) -> Any:
    """All partial results ``x0, f(x0, x1), f(f(x0, x1), x2), ...`` along a dimension.

    The function is called with whole slices, about ``2 * log2(n)`` times.

    Args:
        combine_fn: an associative function of two trees, of the structure of ``xs``, that treats
            places along ``dim`` one by one.
        xs: a tensor, or a tree of tensors of the same size along ``dim``.
        reverse: begin at the end.
        combine_mode: "pointwise" or "generic"; accepted.

    Raises ValueError if there are no tensors, or if they differ in size along ``dim``.

    Source: Blelloch (1990), Prefix Sums and Their Applications.

    >>> from wengert._higher_order_ops import associative_scan
    >>> associative_scan(lambda a, b: a * b, wg.tensor([1.0, 2.0, 3.0, 4.0]))
    tensor([ 1.,  2.,  6., 24.])
    """
    leaves, spec = tree_flatten(xs)
    if not leaves or not all(isinstance(leaf, wg.Tensor) for leaf in leaves):
        raise ValueError("associative_scan(): xs must be tensors, one at least")
    sizes = {leaf.shape[dim] for leaf in leaves}
    if len(sizes) != 1:
        raise ValueError(f"associative_scan(): xs differ in size along dim {dim}: {sorted(sizes)}")
    moved = [leaf.movedim(dim, 0) for leaf in leaves]
    if reverse:
        moved = [leaf.flip(0) for leaf in moved]

    def combine(a: list[wg.Tensor], b: list[wg.Tensor]) -> list[wg.Tensor]:
        # The function sees the dimension where it was.
        back = [[leaf.movedim(0, dim) for leaf in each] for each in (a, b)]
        result = combine_fn(tree_unflatten(back[0], spec), tree_unflatten(back[1], spec))
        return [leaf.movedim(dim, 0) for leaf in tree_flatten(result)[0]]

    result = _scan(combine, moved)
    if reverse:
        result = [leaf.flip(0) for leaf in result]
    return tree_unflatten([leaf.movedim(0, dim) for leaf in result], spec)


def _scan(combine: Callable[..., list[wg.Tensor]], xs: list[wg.Tensor]) -> list[wg.Tensor]:
    size = xs[0].shape[0]
    if size < 2:
        return xs
    # Neighbours are combined, and the scan of the pairs gives every second result.
    even = size // 2 * 2
    pairs = combine([x[0:even:2] for x in xs], [x[1:even:2] for x in xs])
    odd = _scan(combine, pairs)
    rest = (size - 1) // 2
    if rest == 0:
        between = [x[:0] for x in xs]
    else:
        between = combine([y[:rest] for y in odd], [x[2::2] for x in xs])
    results = []
    for x, y, z in zip(xs, odd, between, strict=True):
        firsts = wg.cat([x[:1], z])
        both = wg.stack([firsts[: y.shape[0]], y], 1).flatten(0, 1)
        results.append(wg.cat([both, firsts[y.shape[0] :]]))
    return results
