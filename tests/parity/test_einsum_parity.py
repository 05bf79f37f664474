"""Random Einstein sums against PyTorch's: which are refused, values and gradients."""

from __future__ import annotations

import random
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import wengert  # noqa: E402
from wengert._composite.einsum import einsum  # noqa: E402

LETTERS = "abcdeF"


def random_sum(choice: random.Random) -> tuple[str, list[list[int]]]:
    sizes = {letter: choice.choice([1, 2, 3]) for letter in LETTERS}
    dotted = choice.random() < 0.3
    dot_sizes = [choice.choice([1, 2]) for _ in range(2)]
    terms, shapes = [], []
    for _ in range(choice.randint(1, 3)):
        letters = [choice.choice(LETTERS) for _ in range(choice.randint(0, 4))]
        own = {one: 1 if choice.random() < 0.15 else sizes[one] for one in letters}
        shape = [own[one] for one in letters]
        if dotted and choice.random() < 0.7:
            place, count = choice.randint(0, len(letters)), choice.randint(0, 2)
            letters.insert(place, "...")
            shape[place:place] = [choice.choice([1, size]) for size in dot_sizes[2 - count :]]
        terms.append("".join(letters))
        shapes.append(shape)
    equation = ",".join(terms)
    if choice.random() < 0.7:
        used = sorted(set(equation) & set(LETTERS))
        output = choice.sample(used, choice.randint(0, len(used)))
        if "..." in equation and choice.random() < 0.8:
            output.insert(choice.randint(0, len(output)), "...")
        equation += "->" + "".join(output)
    return equation, shapes


def attempt(function: Any, equation: str, operands: list[Any]) -> Any:
    try:
        return function(equation, *operands)
    except RuntimeError as error:
        return error


@pytest.mark.parametrize("seed", range(10))
def test_random_sums(seed: int) -> None:
    choice = random.Random(seed)
    for _ in range(40):
        equation, shapes = random_sum(choice)
        where = f"{equation} of {shapes}"
        theirs = [torch.randn(shape, dtype=torch.float64).requires_grad_() for shape in shapes]
        ours = [
            wengert.tensor(one.reshape(-1).tolist(), dtype=wengert.float64)
            .reshape(tuple(one.shape))
            .detach()
            .requires_grad_()
            for one in theirs
        ]
        wanted = attempt(torch.einsum, equation, theirs)
        found = attempt(einsum, equation, ours)
        assert isinstance(wanted, Exception) == isinstance(found, Exception), where
        if isinstance(wanted, Exception):
            continue
        assert tuple(found.shape) == tuple(wanted.shape), where
        close(found, wanted, where)
        (found * found).sum().backward()
        (wanted * wanted).sum().backward()
        for mine, other in zip(ours, theirs, strict=True):
            close(mine.grad, other.grad, where)


def close(ours: Any, theirs: torch.Tensor, where: str) -> None:
    back = torch.tensor(ours.detach().tolist(), dtype=theirs.dtype).reshape(theirs.shape)
    assert torch.allclose(back, theirs.detach()), where
