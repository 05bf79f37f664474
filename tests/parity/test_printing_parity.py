"""repr() against PyTorch's, character by character."""

from __future__ import annotations

import itertools
import re

import pytest

torch = pytest.importorskip("torch")

import wengert  # noqa: E402
from wengert import _tensor_str  # noqa: E402

FLOATS = {
    "whole": [1.0, -2.0, 30.0],
    "fractions": [0.5, -1.25, 3.14159265],
    "zeros": [0.0, -0.0],
    "large_whole": [1e9, 2.0],
    "ratio_1000": [1.0, 1000.0],
    "ratio_1001": [1.0, 1001.0],
    "fraction_ratio": [0.5, 700.0],
    "limit_1e8": [1e8, 1e8],
    "above_1e8": [100000008.0],
    "small": [1e-5, 1e-5],
    "limit_small": [1e-4, 2e-4],
    "below_limit": [0.99e-4, 2e-4],
    "not_finite": [float("nan"), float("inf"), -float("inf")],
    "mixed_not_finite": [float("nan"), 1.0, -float("inf")],
    "mixed_fractions": [float("nan"), 1.5, -float("inf"), 0.0],
    "mixed_scientific": [float("nan"), 1.5e-7, -float("inf"), 0.0],
    "rounded_up": [9.99999, 99.99999],
}

SHAPES = [
    (), (1,), (7,), (30,), (1000,), (1001,), (2, 3), (1, 1), (3, 1, 2), (2, 2, 2, 3), (40, 40),
    (7, 200), (2000, 1), (1, 2000), (11, 11, 11), (2, 3, 400), (4, 5, 6, 10),
]  # fmt: skip
EMPTY = [(0,), (0, 3), (2, 0), (1, 0, 2)]
DTYPES = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool",
          "complex64", "complex128"]  # fmt: skip


def same(value: torch.Tensor) -> None:
    """But for line breaks between suffixes: `wengert.` is two letters longer than `torch.`."""
    texts = (_tensor_str.tensor_repr(_convert(value)).replace("wengert.", "torch."), repr(value))
    ours, theirs = (re.sub(r",\s+(dtype|grad_fn|requires_grad|size)=", r", \1=", t) for t in texts)
    assert ours == theirs


def _convert(value: torch.Tensor) -> wengert.Tensor:
    if isinstance(value, wengert.Tensor):
        return value
    dtype = getattr(wengert, str(value.dtype).rpartition(".")[2])
    ours = wengert.tensor(value.detach().reshape(-1).tolist(), dtype=dtype)
    ours = ours.reshape(tuple(value.shape))
    return ours.requires_grad_() if value.requires_grad else ours


def data(shape: tuple[int, ...], dtype: str, scale: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    value = torch.randn(shape, generator=generator, dtype=torch.float64) * scale
    kind = getattr(torch, dtype)
    if kind.is_complex:
        return torch.complex(value, value.flip(0) if value.dim() else -value).to(kind)
    if kind == torch.bool:
        return value > 0
    if not kind.is_floating_point:
        value = value.abs() if kind == torch.uint8 else value
        return value.clamp(-100, 100).to(kind)
    return value.to(kind)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("name", FLOATS)
def test_float_formats(name: str, dtype: str) -> None:
    value = torch.tensor(FLOATS[name], dtype=getattr(torch, dtype))
    same(value)
    same(value.repeat(2, 3))
    for item in value:
        same(item.clone())


@pytest.mark.parametrize(("left", "right"), list(itertools.product(FLOATS, repeat=2)))
def test_complex_formats(left: str, right: str) -> None:
    real = torch.tensor((FLOATS[left] * 4)[:4])
    imag = torch.tensor((FLOATS[right] * 4)[:4])
    same(torch.complex(real, imag))
    same(torch.complex(real, imag).reshape(2, 2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES + EMPTY, ids=str)
def test_shapes(shape: tuple[int, ...], dtype: str) -> None:
    for scale in (1.0, 60.0, 1e-6):
        same(data(shape, dtype, scale))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_requires_grad(shape: tuple[int, ...], dtype: str) -> None:
    same(data(shape, dtype, 1.0).requires_grad_())


@pytest.mark.parametrize(
    "options",
    [
        {"precision": 2},
        {"precision": 0},
        {"precision": 8, "linewidth": 120},
        {"threshold": 10, "edgeitems": 2},
        {"threshold": 5, "edgeitems": 1, "linewidth": 40},
        {"linewidth": 20},
        {"sci_mode": True},
        {"sci_mode": False},
        {"profile": "short"},
        {"profile": "full"},
        {"profile": "default", "edgeitems": 5},
    ],
    ids=str,
)
def test_options(options: dict[str, object]) -> None:
    try:
        torch.set_printoptions(**options)
        _tensor_str.set_printoptions(**options)
        for shape in ((), (12,), (3, 40), (12, 12), (2, 3, 9)):
            for dtype in ("float32", "int64", "bool", "complex64"):
                for scale in (1.0, 1e-6, 1e4):
                    same(data(shape, dtype, scale))
        for values in FLOATS.values():
            same(torch.tensor(values))
    finally:
        for module in (torch, _tensor_str):
            module.set_printoptions(profile="default", sci_mode=None)


KINDS = {
    "bools": torch.tensor([[True, False], [False, True]]),
    "ints": torch.tensor([[-1, 100000], [7, 0]]),
    "bytes": torch.arange(250, 256, dtype=torch.uint8),
    "extremes": torch.tensor([-(2**63), 2**63 - 1]),
    "tiny": torch.tensor([1e-300, 1.0], dtype=torch.float64),
    "subnormal": torch.tensor([1e-40, 2e-40]),
    "huge": torch.tensor([1e30, -2.5e30]),
    "infinite": torch.tensor([float("inf")] * 2),
    "nan only": torch.tensor([float("nan")]),
    "negative zero": torch.tensor([-0.0, 0.0, 1.5]),
    "complex nan": torch.tensor([complex(float("nan"), 1), complex(2, float("-inf"))]),
    "complex whole": torch.tensor([[1 + 2j, -3 - 4j], [0j, 5j]]),
    "complex mixed": torch.tensor([1e-7 + 1e7j, 1 + 1j], dtype=torch.complex128),
    "halves": torch.tensor([1.0009765625, 65504, 6e-8], dtype=torch.float16),
    "thirds": torch.arange(1, 13).reshape(3, 4) / 3,
    "many": torch.arange(1200.0).reshape(2, 30, 20),
    "deep": torch.arange(64.0).reshape(2, 2, 2, 2, 2, 2),
    "long rows": torch.arange(60.0).reshape(1, 60) * 1234.5,
    "none": torch.zeros(2, 0, 3),
    "none of ints": torch.zeros(0, dtype=torch.int64),
}
OPTIONS: dict[str, dict[str, object]] = {
    "by default": {},
    "scientific": {"sci_mode": True},
    "never scientific": {"sci_mode": False},
    "precise": {"precision": 9},
    "whole": {"precision": 0},
    "narrow": {"linewidth": 30},
    "wide": {"linewidth": 200},
    "short": {"threshold": 4, "edgeitems": 1},
    "edges": {"threshold": 50, "edgeitems": 2, "precision": 1},
    "all": {"threshold": 10_000, "linewidth": 60},
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_kinds_with_options(kind: str, options: str) -> None:
    value = KINDS[kind]
    try:
        for module in (torch, _tensor_str):
            module.set_printoptions(**OPTIONS[options])
        same(value)
        same(value.T if value.dim() == 2 else value.flip(0))
        if value.numel():
            same(value.reshape(-1)[0])
        if value.is_floating_point() or value.is_complex():
            same(value.clone().requires_grad_())
    finally:
        for module in (torch, _tensor_str):
            module.set_printoptions(profile="default", sci_mode=None)


def test_items_and_formats() -> None:
    for value in (0.1, 1e20, -3.0, float("nan")):
        for dtype in ("float32", "float64", "bfloat16"):
            theirs = torch.tensor(value, dtype=getattr(torch, dtype))
            ours = _convert(theirs)
            assert f"{ours:.3f}" == f"{theirs:.3f}"
            assert f"{ours:>12.2e}" == f"{theirs:>12.2e}"
            assert str(ours.item()) == str(theirs.item())


def test_grad_fn() -> None:
    ours = _convert(torch.tensor([1.0, 2.0], requires_grad=True)) * 2
    assert _tensor_str.tensor_repr(ours) == "tensor([2., 4.], grad_fn=<MulBackward0>)"
