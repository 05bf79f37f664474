"""Functions on lists of tensors, as PyTorch has them."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import _foreach

torch = pytest.importorskip("torch")

SHAPES = ((3,), (2, 4), ())


def lists(seed: int) -> tuple[list, list]:
    numbers = np.random.default_rng(seed)
    arrays = [np.asarray(numbers.uniform(0.2, 0.9, shape)) for shape in SHAPES]
    return [wg.tensor(a) for a in arrays], [torch.tensor(a) for a in arrays]


def same(ours, theirs) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def both(name: str, *arguments, **options) -> None:
    """arguments: a seed stands for a list of tensors."""
    results = []
    for world, module in enumerate((wg, torch)):
        given = [lists(a[1])[world] if isinstance(a, tuple) else a for a in arguments]
        result = getattr(module, name)(*given, **options)
        if name.endswith("_"):
            assert all(a is b for a, b in zip(result, given[0], strict=True))
        results.append(result)
    same(*results)


@pytest.mark.parametrize("name", _foreach._UNARY)
def test_one_argument(name: str) -> None:
    both(f"_foreach_{name}", ("list", 0))
    if name != "clone":
        both(f"_foreach_{name}_", ("list", 0))


@pytest.mark.parametrize("suffix", ["", "_"])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "maximum", "minimum",
                                  "clamp_min", "clamp_max"])  # fmt: skip
def test_two_arguments(name: str, suffix: str) -> None:
    both(f"_foreach_{name}{suffix}", ("list", 0), ("list", 1))
    both(f"_foreach_{name}{suffix}", ("list", 0), 0.5)
    both(f"_foreach_{name}{suffix}", ("list", 0), [0.5, 2.0, 3.0])


@pytest.mark.parametrize("suffix", ["", "_"])
def test_three_arguments(suffix: str) -> None:
    for name in ("addcmul", "addcdiv"):
        both(f"_foreach_{name}{suffix}", ("list", 0), ("list", 1), ("list", 2))
        both(f"_foreach_{name}{suffix}", ("list", 0), ("list", 1), ("list", 2), value=0.5)
        both(f"_foreach_{name}{suffix}", ("list", 0), ("list", 1), ("list", 2), [0.5, 1.0, 2.0])
    both(f"_foreach_lerp{suffix}", ("list", 0), ("list", 1), 0.3)
    both(f"_foreach_lerp{suffix}", ("list", 0), ("list", 1), ("list", 2))


def test_the_others() -> None:
    both("_foreach_add_", ("list", 0), ("list", 1), alpha=3.0)
    both("_foreach_norm", ("list", 0))
    both("_foreach_norm", ("list", 0), 1)
    both("_foreach_copy_", ("list", 0), ("list", 1))
    both("_foreach_zero_", ("list", 0))


def test_lists_of_other_lengths() -> None:
    with pytest.raises(RuntimeError, match="must have the same number of tensors, got 3 and 2"):
        wg._foreach_add(lists(0)[0], lists(1)[0][:2])
