"""rearrange: reshapes and permutations in the notation of einops."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import wengert as wg

__all__ = ["rearrange"]

_TOKEN = re.compile(r"[^\W\d]\w*|\d+|\.\.\.|…|[()]|\S")
_DOTS, _DOTS_IN_BRACKETS = "...", "(...)"

# A side of a pattern: one list of axes for each dimension; that of size 1 has none.
_Side = list[list[str]]


def rearrange(
    tensor: wg.Tensor | Sequence[wg.Tensor], pattern: str, **axes_lengths: int
) -> wg.Tensor:
    """The elements of ``tensor`` in another order and shape, as ``pattern`` says.

    The left side of the pattern names the dimensions of the input, the right side those of the
    result. Axes in parentheses make up one dimension together, the last one running fastest; ``1``
    is a dimension of that size, and ``...`` stands for all dimensions that have no name.

    Args:
        tensor: a tensor, or a list of tensors of one shape, which are stacked in front.
        axes_lengths: sizes of axes that the shape of the input does not tell.

    Raises:
        ValueError: the pattern has an error, or does not fit the shape of the input.

    The notation is that of einops: A. Rogozhnikov (2022), "Einops: clear and reliable tensor
    manipulations with Einstein-like notation".

    >>> from wengert.func import rearrange
    >>> images = wg.arange(12).reshape(2, 2, 3)
    >>> rearrange(images, "batch height width -> height (batch width)")
    tensor([[ 0,  1,  2,  6,  7,  8],
            [ 3,  4,  5,  9, 10, 11]])
    >>> rearrange(images, "b h (w k) -> b w h k", k=3).shape
    wengert.Size([2, 1, 2, 3])
    """
    x = tensor if isinstance(tensor, wg.Tensor) else wg.stack(list(tensor))
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f"Pattern must contain exactly one '->' separator, got {pattern!r}")
    left, right = (_parsed(side, pattern) for side in sides)
    _check(left, right, pattern, axes_lengths)
    left, right = _without_dots(left, right, x, pattern)
    lengths = _lengths(left, x, pattern, axes_lengths)
    order = [axis for group in left for axis in group]
    apart = x.reshape([lengths[axis] for axis in order])
    moved = apart.permute([order.index(axis) for group in right for axis in group])
    return moved.reshape([math.prod(lengths[axis] for axis in group) for group in right])


def _parsed(side: str, pattern: str) -> _Side:
    groups: _Side = []
    inside = False
    for token in _TOKEN.findall(side):
        if token == "(":
            if inside:
                raise ValueError(
                    f"Axis composition is one-level (brackets inside brackets): {pattern!r}"
                )
            inside = True
            groups.append([])
        elif token == ")":
            if not inside:
                raise ValueError(f"Brackets are not balanced: {pattern!r}")
            inside = False
        elif token == "1":
            if not inside:
                groups.append([])
        elif token in (_DOTS, "…") or token.isidentifier():
            if inside:
                groups[-1].append(token if token.isidentifier() else _DOTS_IN_BRACKETS)
            else:
                groups.append([token if token.isidentifier() else _DOTS])
        else:
            raise ValueError(f"Invalid axis identifier {token!r} in {pattern!r}")
    if inside:
        raise ValueError(f"Brackets are not balanced: {pattern!r}")
    return groups


def _check(left: _Side, right: _Side, pattern: str, axes_lengths: dict[str, int]) -> None:
    if any(_DOTS_IN_BRACKETS in group for group in left):
        raise ValueError(f"Ellipsis inside brackets on the left side is not allowed: {pattern!r}")
    names = [
        [_DOTS if axis == _DOTS_IN_BRACKETS else axis for group in side for axis in group]
        for side in (left, right)
    ]
    for side in names:
        twice = sorted({axis for axis in side if side.count(axis) > 1})
        if twice:
            raise ValueError(
                f"Indexing expression contains duplicate dimension {twice}: {pattern!r}"
            )
    one_sided = sorted(set(names[0]) ^ set(names[1]))
    if one_sided:
        raise ValueError(
            f"Identifiers only on one side of expression (should be on both): {one_sided} in "
            f"{pattern!r}"
        )
    unknown = sorted(set(axes_lengths) - set(names[0]))
    if unknown:
        raise ValueError(f"Identifiers {unknown} in axes_lengths are not in {pattern!r}")


def _without_dots(left: _Side, right: _Side, x: wg.Tensor, pattern: str) -> tuple[_Side, _Side]:
    """With a name for each dimension that ``...`` stands for."""
    spare = x.ndim - sum(group != [_DOTS] for group in left)
    if spare < 0 or (spare > 0 and [_DOTS] not in left):
        raise ValueError(
            f"Number of dimensions in pattern ({len(left)}) and in the tensor ({x.ndim}) must be "
            f"equal: {pattern!r}, shape {list(x.shape)}"
        )
    dots = [f".{i}" for i in range(spare)]

    def named(groups: _Side) -> _Side:
        result: _Side = []
        for group in groups:
            if group == [_DOTS]:
                result += [[axis] for axis in dots]
            else:
                result.append(
                    [n for axis in group for n in (dots if axis == _DOTS_IN_BRACKETS else [axis])]
                )
        return result

    return named(left), named(right)


def _lengths(
    left: _Side, x: wg.Tensor, pattern: str, axes_lengths: dict[str, int]
) -> dict[str, int]:
    """The size of every axis."""
    lengths = dict(axes_lengths)
    for group, size in zip(left, x.shape, strict=True):
        open_axes = [axis for axis in group if axis not in lengths]
        known = math.prod(lengths[axis] for axis in group if axis in lengths)
        if len(open_axes) > 1:
            raise ValueError(f"Could not infer sizes for {open_axes} in {pattern!r}")
        if open_axes:
            if known == 0 or size % known:
                raise ValueError(
                    f"Shape mismatch, can't divide axis of length {size} in chunks of {known}: "
                    f"{pattern!r}, shape {list(x.shape)}"
                )
            lengths[open_axes[0]] = size // known
        elif known != size:
            raise ValueError(
                f"Shape mismatch, {size} != {known}: {pattern!r}, shape {list(x.shape)}"
            )
    return lengths
