"""`view(dtype)` of strided tensors takes, refuses and gives what PyTorch's does."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

import wengert

torch = pytest.importorskip("torch")

DTYPES = (
    "uint8",
    "int16",
    "int32",
    "float64",
    "float32",
    "float16",
    "bool",
    "complex64",
    "complex128",
)
LAYOUTS = [
    ((), ()), ((4,), (1,)), ((4,), (2,)), ((4,), (0,)), ((0,), (2,)), ((1,), (3,)), ((8,), (1,)),
    ((2, 3), (3, 1)), ((2, 3), (1, 2)), ((2, 4), (4, 1)), ((2, 4), (5, 1)), ((2, 4), (1, 2)),
    ((2, 4), (0, 1)), ((4, 2), (3, 1)), ((2, 1), (1, 1)), ((2, 1), (3, 5)), ((2, 1), (2, 4)),
    ((0, 4), (4, 1)), ((4, 0), (1, 1)), ((1, 4), (3, 1)), ((1, 1), (1, 1)), ((1, 8), (1, 1)),
    ((8, 1), (1, 8)), ((3, 2, 2), (4, 2, 1)), ((3, 2, 2), (6, 3, 1)),
]  # fmt: skip


def outcome(module: Any, dtype: str, offset: int, layout: Any, wanted: str) -> Any:
    base = module.zeros(64, dtype=getattr(module, dtype))
    tensor = base.as_strided(*layout, offset)
    try:
        result = tensor.view(getattr(module, wanted))
    except RuntimeError as error:
        text = str(error).partition("\n")[0].removeprefix("view(): ")
        return text.partition(" to view ")[0]
    return tuple(result.shape), tuple(result.stride()), result.storage_offset()


@pytest.mark.parametrize("dtype", DTYPES)
def test_same(dtype: str) -> None:
    for offset, layout, wanted in product((0, 1, 2, 4), LAYOUTS, DTYPES):
        arguments = (dtype, offset, layout, wanted)
        assert outcome(wengert, *arguments) == outcome(torch, *arguments), arguments
