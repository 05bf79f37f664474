"""Einstein summation: the notation, and its contraction by matrix products."""

from __future__ import annotations

import functools
import math
import string
from typing import TYPE_CHECKING, Any

from wengert import _ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wengert import Tensor

    Shape = tuple[int, ...]
    Labels = tuple[str, ...]

__all__ = ("einsum",)

METHODS = ()

PROPERTIES = ()

FUNCTIONAL = ()

# In the order in which implicit output puts them.
_LETTERS = string.ascii_uppercase + string.ascii_lowercase


def einsum(*args: Any) -> Tensor:
    """Products of elements, summed over the subscripts that the output does not have.

    Forms: `einsum("ij,jk->ik", a, b)`, `einsum("ij,jk", [a, b])`, and with lists of numbers
    `einsum(a, [0, 1], b, [1, 2], [0, 2])`. A subscript twice in one operand takes the diagonal,
    `...` stands for dimensions that broadcast, and without `->` the output has the subscripts that
    occur once, in alphabetical order. Operands are contracted from left to right."""
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, "
            "or at least one operand and its subscripts list"
        )
    if isinstance(args[0], str):
        equation, operands = args[0], list(args[1:])
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = list(operands[0])
    else:
        equation, operands = _from_lists(args)
    plan = _plan(equation, tuple(tuple(operand.shape) for operand in operands))
    prepared = [_apply(operand, steps) for operand, steps in zip(operands, plan[0], strict=True)]
    result = prepared[0]
    for other, step in zip(prepared[1:], plan[1], strict=True):
        result = _contract(result, other, *step)
    return _apply(result, plan[2])


def _from_lists(args: Sequence[Any]) -> tuple[str, list[Tensor]]:
    def text(subscripts: Sequence[Any]) -> str:
        letters = []
        for item in subscripts:
            if item is Ellipsis:
                letters.append("...")
            elif 0 <= item < 52:
                letters.append(_LETTERS[item])
            else:
                raise ValueError(
                    "einsum(): subscripts in list form must be within the valid range [0, 52)"
                )
        return "".join(letters)

    pairs = len(args) // 2
    equation = ",".join(text(args[2 * i + 1]) for i in range(pairs))
    if len(args) % 2:
        equation += "->" + text(args[-1])
    return equation, [args[2 * i] for i in range(pairs)]


def _parse(term: str, what: str) -> Labels:
    """The subscripts of one term; an ellipsis is one of them, written `.`."""
    labels = []
    place = 0
    while place < len(term):
        letter = term[place]
        if letter == " ":
            pass
        elif letter == ".":
            if term[place : place + 3] != "..." or "." in labels:
                raise RuntimeError(
                    f"einsum(): found '.' for {what} that is not part of any ellipsis"
                )
            labels.append(".")
            place += 2
        elif letter in _LETTERS:
            labels.append(letter)
        else:
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {place} in the equation string, "
                "subscripts must be in [a-zA-Z]"
            )
        place += 1
    return tuple(labels)


def _labels(equation: str, shapes: Sequence[Shape]) -> tuple[list[Labels], Labels]:
    """Every dimension's subscript, for the operands and the output. The dimensions that an
    ellipsis stands for are called `.1`, `.2`, ... from the last to the first."""
    left, arrow, right = equation.partition("->")
    parsed = [_parse(term, f"operand {i}") for i, term in enumerate(left.split(","))]
    if len(parsed) != len(shapes):
        more = len(shapes) > len(parsed)
        raise RuntimeError(
            f"einsum(): {'more' if more else 'fewer'} operands were provided than specified in "
            "the equation"
        )
    inputs = []
    dots = 0
    for i, (term, shape) in enumerate(zip(parsed, shapes, strict=True)):
        named = len(term) - ("." in term)
        spare = len(shape) - named
        if spare < 0 or (spare and "." not in term):
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) "
                f"{'is more than' if spare < 0 and '.' in term else 'does not match'} the number "
                f"of dimensions ({len(shape)}) for operand {i}"
                + ("" if "." in term else " and no ellipsis was given")
            )
        inputs.append(_spread(term, spare))
        if "." in term:
            dots = max(dots, spare)
    if not arrow:
        flat = [label for term in parsed for label in term]
        once = [label for label in _LETTERS if flat.count(label) == 1]
        return inputs, _spread((".", *once), dots)
    wanted = _parse(right, "the output")
    known = {label for term in inputs for label in term}
    output = _spread(wanted, dots)
    for label in wanted:
        if label == ".":
            continue
        if label not in known:
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any "
                "input operand"
            )
        if wanted.count(label) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {label} appears more than once in the output"
            )
    return inputs, output


def _spread(term: Labels, dots: int) -> Labels:
    if "." not in term:
        return term
    place = term.index(".")
    named = tuple(f".{i}" for i in range(dots, 0, -1))
    return term[:place] + named + term[place + 1 :]


@functools.lru_cache(maxsize=1024)
def _plan(equation: str, shapes: tuple[Shape, ...]) -> tuple[Any, Any, Any]:
    """All decisions, which depend on nothing but the equation and the shapes: what to do to each
    operand first, each contraction, and what to do to the result."""
    inputs, output = _labels(equation, shapes)
    sizes: dict[str, int] = {}
    for i, (term, shape) in enumerate(zip(inputs, shapes, strict=True)):
        own: dict[str, int] = {}
        for label, size in zip(term, shape, strict=True):
            if own.setdefault(label, size) != size:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {i} but the sizes "
                    f"don't match, {size} != {own[label]}"
                )
            seen = sizes.setdefault(label, size)
            if seen == 1:
                sizes[label] = size
            elif size not in (1, seen):
                raise RuntimeError(
                    f"einsum(): subscript {label} has size {size} for operand {i} which does not "
                    f"broadcast with previously seen size {seen}"
                )
    last = {label: i for i, term in enumerate(inputs) for label in term}
    kept = set(output)
    first = {label: i for i, term in reversed(list(enumerate(inputs))) for label in term}
    prepared = []
    terms: list[dict[str, int]] = []
    for i, (term, shape) in enumerate(zip(inputs, shapes, strict=True)):
        own = dict(zip(term, shape, strict=True))
        alone = {label for label in own if label not in kept and first[label] == last[label] == i}
        # A size of 1 that others stretch is no dimension of this operand at all.
        unit = {label for label in own if own[label] == 1 and sizes[label] != 1}
        labels, steps = _reduce_steps(term, alone, unit)
        prepared.append(tuple(steps))
        terms.append({label: own[label] for label in labels})
    contractions = []
    current = terms[0]
    for i, other in enumerate(terms[1:], 1):
        summed = {label for label in (*current, *other) if label not in kept and last[label] <= i}
        step, current = _contraction(current, other, summed)
        contractions.append(step)
    return prepared, contractions, _final_steps(tuple(current), output, kept)


def _reduce_steps(
    term: Labels, summed: set[str], dropped: set[str]
) -> tuple[list[str], list[tuple[str, Any]]]:
    """Diagonals of repeated subscripts, sums and removals, with the subscripts that are left."""
    labels = list(term)
    steps: list[tuple[str, Any]] = []
    for label in term:
        while labels.count(label) > 1:
            a = labels.index(label)
            b = labels.index(label, a + 1)
            steps.append(("diagonal", (0, a, b)))
            labels = [*list(labels[:a] + labels[a + 1 : b] + labels[b + 1 :]), label]
    gone = [place for place, label in enumerate(labels) if label in dropped]
    for place in reversed(gone):
        steps.append(("select", (place, 0)))
    labels = [label for label in labels if label not in dropped]
    places = [place for place, label in enumerate(labels) if label in summed]
    if places:
        steps.append(("sum", (tuple(places),)))
        labels = [label for label in labels if label not in summed]
    return labels, steps


def _permuted(labels: Sequence[str], order: Sequence[str]) -> tuple[int, ...] | None:
    places = tuple(list(labels).index(label) for label in order)
    return None if places == tuple(range(len(places))) else places


def _contraction(
    left: dict[str, int], right: dict[str, int], summed: set[str]
) -> tuple[Any, dict[str, int]]:
    """How to multiply two operands and sum over `summed`, and what the result is."""
    both = [label for label in left if label in right]
    middle = [label for label in both if label in summed]
    batch = [label for label in both if label not in summed]
    left_only = [label for label in left if label not in right and label not in summed]
    right_only = [label for label in right if label not in left and label not in summed]
    # What only one operand has and nobody needs any more is summed before the product.
    left_sum = tuple(
        place for place, label in enumerate(left) if label in summed and label not in right
    )
    right_sum = tuple(
        place for place, label in enumerate(right) if label in summed and label not in left
    )
    left_labels = [label for place, label in enumerate(left) if place not in left_sum]
    right_labels = [label for place, label in enumerate(right) if place not in right_sum]
    sizes = {**left, **right}
    result = {label: sizes[label] for label in batch + left_only + right_only}

    def count(labels: list[str]) -> int:
        return math.prod(sizes[label] for label in labels)

    def shape(labels: list[str]) -> Shape:
        return tuple(sizes[label] for label in labels)

    if not middle:
        left_order, right_order = batch + left_only, batch + right_only
        left_shape = shape(left_order) + (1,) * len(right_only)
        right_shape = shape(batch) + (1,) * len(left_only) + shape(right_only)
        kind = "mul"
    else:
        left_order, right_order = batch + left_only + middle, batch + middle + right_only
        head = (count(batch),) if batch else ()
        left_shape = (*head, count(left_only), count(middle))
        right_shape = (*head, count(middle), count(right_only))
        kind = "bmm" if batch else "mm"

    def steps(
        labels: list[str], places: tuple[int, ...], order: list[str], new_shape: Shape
    ) -> tuple[Any, ...]:
        found: list[tuple[str, Any]] = []
        if places:
            found.append(("sum", (places,)))
        permutation = _permuted(labels, order)
        if permutation:
            found.append(("permute", (permutation,)))
        if new_shape != shape(order):
            found.append(("reshape", (new_shape,)))
        return tuple(found)

    out_shape = tuple(result.values())
    flat_shape = out_shape if kind == "mul" else (*left_shape[:-1], right_shape[-1])
    step = (
        steps(left_labels, left_sum, left_order, left_shape),
        steps(right_labels, right_sum, right_order, right_shape),
        kind,
        (("reshape", (out_shape,)),) if flat_shape != out_shape else (),
    )
    return step, result


def _final_steps(labels: Labels, output: Labels, kept: set[str]) -> tuple[tuple[str, Any], ...]:
    found: list[tuple[str, Any]] = []
    left_over = tuple(place for place, label in enumerate(labels) if label not in kept)
    if left_over:
        found.append(("sum", (left_over,)))
        labels = tuple(label for label in labels if label in kept)
    present = [label for label in output if label in labels]
    permutation = _permuted(labels, present)
    if permutation:
        found.append(("permute", (permutation,)))
    return tuple(found)


def _apply(tensor: Tensor, steps: Sequence[tuple[str, Any]]) -> Tensor:
    for name, arguments in steps:
        tensor = getattr(_ops, name)(tensor, *arguments)
    return tensor


def _contract(
    left: Tensor, right: Tensor, before: Any, other: Any, kind: str, after: Any
) -> Tensor:
    result = getattr(_ops, kind)(_apply(left, before), _apply(right, other))
    return _apply(result, after)
