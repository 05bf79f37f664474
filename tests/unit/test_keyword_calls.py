"""Calls with PyTorch's keywords: keyword_calls.txt, whose every line PyTorch takes, too.

What the calls give is compared in tests/parity/test_signatures_parity.py.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert

CALLS = Path(__file__).with_name("keyword_calls.txt").read_text().splitlines()


def names(m: Any) -> dict[str, Any]:
    """What the lines may use, of wengert or of PyTorch."""
    return {
        "m": m, "np": np, "F": m.nn.functional, "x": m.arange(6.0).reshape(2, 3),
        "v": m.arange(3.0), "i": m.tensor([0, 2]), "i2": m.tensor([[0, 2], [1, 1]]),
        "i3": m.tensor([0, 1, 2]), "s": m.tensor([[2.0, 0, 0], [0, 3, 0], [0, 0, 4]]),
        "w": m.ones(3, requires_grad=True),
    }  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_call(call: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = eval(call, names(wengert))
    first = result[0] if isinstance(result, tuple) and result else result
    known = (wengert.Tensor, wengert.dtype, bool, int, type(None), list)
    assert isinstance(first, known), type(result)


def test_there_are_many() -> None:
    assert len(CALLS) == len(set(CALLS)) > 340


def test_words_that_are_none_are_named() -> None:
    x = wengert.ones(2)
    for call in (
        lambda: wengert.add(x, x, beta=1),
        lambda: x.sum(dims=0),
        lambda: wengert.zeros(2, sparse=True),
        lambda: wengert.cat([x], dimension=0),
    ):
        with pytest.raises(TypeError, match="got an unexpected keyword argument"):
            call()
