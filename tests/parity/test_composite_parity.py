"""Composite operators against PyTorch's: values, types, shapes, gradients and error classes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import wengert  # noqa: E402
from wengert import _composite  # noqa: E402

OURS = {
    name: getattr(wengert._ops, name)
    for name in (*wengert.__all__, *vars(wengert.Tensor))
    if hasattr(wengert._ops, name)
}
OURS |= {
    name: getattr(module, name)
    for module in _composite.MODULES
    for name in (*module.__all__, *module.METHODS, *module.PROPERTIES, *module.FUNCTIONAL)
}
OURS["multi_dot"] = _composite.linalg.multi_dot
OURS["gelu"] = wengert.nn.functional.gelu


def ours_named(name: str) -> Any:
    """A composite, or the native operator that took its place."""
    return OURS.get(name) or getattr(wengert, name, None) or getattr(wengert.Tensor, name)


def to_ours(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        dtype = getattr(wengert, str(value.dtype).rpartition(".")[2])
        flat = wengert.tensor(value.detach().reshape(-1).tolist(), dtype=dtype)
        ours = flat.reshape(tuple(value.shape)).clone()
        return ours.requires_grad_() if value.requires_grad else ours
    if isinstance(value, torch.dtype):
        return getattr(wengert, str(value).rpartition(".")[2])
    if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        return type(value)(to_ours(item) for item in value)
    return value


def leaves(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def is_tensor(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, wengert.Tensor))


def same(ours: Any, theirs: Any, tolerance: float = 1e-10) -> None:
    first, second = leaves(ours), leaves(theirs)
    assert len(first) == len(second)
    for mine, other in zip(first, second, strict=True):
        if not is_tensor(other):
            assert mine == other
            continue
        assert str(mine.dtype).rpartition(".")[2] == str(other.dtype).rpartition(".")[2]
        assert tuple(mine.shape) == tuple(other.shape)
        back = torch.tensor(mine.detach().tolist(), dtype=other.dtype).reshape(other.shape)
        tolerance = (
            max(tolerance, 10 * torch.finfo(other.dtype).eps)
            if (other.dtype.is_floating_point or other.dtype.is_complex)
            else 0
        )
        torch.testing.assert_close(
            back, other.detach(), rtol=tolerance, atol=tolerance, equal_nan=True
        )


def gradients(results: Any, inputs: list[Any]) -> list[Any]:
    outputs = [leaf for leaf in leaves(results) if is_tensor(leaf) and leaf.requires_grad]
    if not outputs:
        return [None] * len(inputs)
    total: Any = 0
    for place, output in enumerate(outputs):
        flat = output.reshape(-1)
        steps = [math.sin(1.0 + 0.7 * i + place) for i in range(flat.numel())]
        make = torch.tensor if isinstance(output, torch.Tensor) else wengert.tensor
        total = total + (flat * make(steps, dtype=output.dtype)).sum()
    total = total.real if total.dtype.is_complex else total
    total.backward()
    return [item.grad for item in inputs]


def check(name: str, reference: Callable[..., Any], args: Any, kwargs: Any) -> None:
    ours = to_ours(list(args))
    ours_kwargs = {key: to_ours(value) for key, value in kwargs.items()}
    mine = ours_named(name)(*ours, **ours_kwargs)
    other = reference(*args, **kwargs)
    same(mine, other)
    if name.endswith("_"):
        assert mine is ours[0]
    inputs = [leaf for leaf in leaves(list(args)) if is_tensor(leaf) and leaf.requires_grad]
    if inputs and any(is_tensor(leaf) and leaf.requires_grad for leaf in leaves(other)):
        our_inputs = [leaf for leaf in leaves(ours) if is_tensor(leaf) and leaf.requires_grad]
        found = gradients(mine, our_inputs)
        wanted = gradients(other, inputs)
        for one, two, source in zip(found, wanted, inputs, strict=True):
            one = torch.zeros_like(source).tolist() if one is None else one.tolist()
            two = torch.zeros_like(source) if two is None else two
            one = torch.tensor(one, dtype=source.dtype).reshape(source.shape)
            # Strong zeros, on purpose: 0 where PyTorch multiplies zero by infinity.
            two = torch.where(two.isnan() & (one == 0), torch.zeros_like(two), two)
            same(one, two, 1e-8)
        for item in inputs:
            item.grad = None


def f(*shape: int, dtype: Any = torch.float64, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=generator, dtype=dtype).requires_grad_()


def i(*shape: int, high: int = 5, low: int = 0, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed + 17)
    return torch.randint(low, high, shape, generator=generator)


def t(values: Any, dtype: Any = torch.float64) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype)


def c(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.complex(f(*shape, seed=seed).detach(), f(*shape, seed=seed + 1).detach())


nan, inf = math.nan, math.inf
SPOILED = t([[1.0, nan, 3.0, 2.0], [4.0, 0.5, inf, -1.0], [nan, nan, nan, nan]])

CASES: list[tuple[Any, ...]] = []


def case(name: str, *args: Any, reference: Callable[..., Any] | None = None, **kwargs: Any) -> None:
    if reference is None:
        reference = getattr(torch, name, None) or getattr(torch.Tensor, name, None)
    CASES.append((name, reference, args, kwargs))


# --- shape
for dims in ((), (0,), (1,), (0, 1), (1, 2), (-2,), (0, -1)):
    case("flatten", f(2, 3, 4), *dims)
case("flatten", f())
case("flatten", f(0, 3))
case("ravel", f(2, 3).detach().T)
case("unflatten", f(2, 12), 1, (3, 4))
case("unflatten", f(2, 12), -1, (3, -1))
case("movedim", f(2, 3, 4), 0, 2)
case("movedim", f(2, 3, 4), (0, 1), (-1, -2))
case("moveaxis", f(2, 3, 4), (2, 0), (0, 1))
case("swapaxes", f(2, 3, 4), 0, 2)
case("swapdims", f(2, 3, 4), 0, -2)
case("t", f(2, 3))
case("t", f(3))
for name in ("T", "mT", "H", "mH"):
    case(name, f(2, 3), reference=lambda x, name=name: getattr(x, name))
    case(name, c(2, 3), reference=lambda x, name=name: getattr(x, name).resolve_conj())
case("adjoint", f(2, 3, 4))
for counts in ((2,), (3, 2), (2, 1, 2), (0, 2)):
    case("repeat", f(3) if len(counts) == 1 else f(2, 3), *counts)
    case("repeat", f(3) if len(counts) == 1 else f(2, 3), counts)
    case("tile", f(2, 3), counts)
case("repeat", f(1), 4)
case("repeat", f(), 4, 2)
case("repeat_interleave", f(2, 3), 2)
case("repeat_interleave", f(2, 3), 2, 0)
case("repeat_interleave", f(2, 3), 3, dim=-1)
case("repeat_interleave", f(2, 3), t([1, 0, 2], torch.int64), dim=1)
case("repeat_interleave", f(2, 3), t([2], torch.int64), dim=1)
case("repeat_interleave", t([1, 0, 2], torch.int64))
for args in ((3,), (2, 1), (5, -1), (1,), (4, 0)):
    case("chunk", f(7, 5), *args)
case("chunk", f(0, 2), 3)
for args in ((2,), (3, 1), (10,), ([1, 2, 4],), ([2, 3], 1), ([7],)):
    case("split", f(7, 5), *args)
case("split", f(0, 2), 3)
for args in ((3,), (2, 1), ((1, 3),), ((2, 9, 4),), ((-2, 1), 1), (9,), (t([1, 4], torch.int64),)):
    case("tensor_split", f(7, 5), *args)
case("hsplit", f(4, 6), 3)
case("hsplit", f(6), [1, 4])
case("vsplit", f(4, 6), 2)
case("dsplit", f(2, 3, 4), [1])
for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    for shape in ((), (3,), (2, 3), (2, 3, 4), (2, 1, 3, 4)):
        case(name, f(*shape))
    case(name, (f(), f(2)))
for name in ("hstack", "vstack", "dstack", "column_stack", "row_stack"):
    case(name, (f(3), f(3, seed=1)))
    case(name, (f(2, 3), f(2, 3, seed=1)))
    case(name, (f(), f(seed=1)))
case("broadcast_shapes", (2, 1), (3,), (1, 1, 1))
case("broadcast_shapes", (0,), (1,), 1)
case("broadcast_tensors", f(2, 1), f(3))
case("broadcast_to", f(2, 1), (4, 2, 3))
case("expand_as", f(2, 1), f(2, 3))
for size in ((3, 4), (1, 4), (3, 1), (4,), (1,), (), (2, 3, 4)):
    case("sum_to_size", f(2, 3, 4), size)
case("view_as", f(2, 6), f(3, 4))
case("reshape_as", f(2, 6), f(3, 4))
for indexing in ("ij", "xy"):
    case("meshgrid", f(2), f(3), f(4), indexing=indexing)
    case("meshgrid", [f(2), f(), f(4)], indexing=indexing)
    case("meshgrid", f(2), indexing=indexing)
for k in range(-1, 5):
    case("rot90", f(2, 3, 4), k, (0, 2))
    case("rot90", f(2, 3), k, [1, 0])
case("fliplr", f(2, 3))
case("flipud", f(2, 3))
for offset in (-2, -1, 0, 1, 2):
    case("diag", f(3), offset)
    case("diag", f(3, 4), offset)
    case("diag_embed", f(2, 3), offset)
    case("diag_embed", f(2, 3), offset, 0, 2)
    case("diagflat", f(2, 2), offset)
case("diag_embed", f(2, 3), 0, 2, 0)
case("diag", i(4))
case("diag", t([1, 0, 1], torch.bool))
case("diag", t([inf, nan, 1.0]))
case("diagonal_scatter", f(3, 4), f(3), 1)
case("diagonal_scatter", f(2, 3, 3), f(2, 2), -1, 1, 2)
case("select_scatter", f(3, 4), f(3), 1, -1)
case("slice_scatter", f(5, 4), f(2, 4), 0, 1, 5, 2)
case("slice_scatter", f(5, 4), f(5, 2), 1, start=-2)
case("block_diag", f(2, 3), f(2), f(), f(1, 2))
case("block_diag", f(2, 2), i(1, 2))
case("cartesian_prod", f(2), f(3))
case("cartesian_prod", f(2))
for r in (0, 1, 2, 3):
    case("combinations", f(4), r)
    case("combinations", f(4), r, with_replacement=True)
for mode in ("reflect", "replicate", "circular"):
    for shape, margins in (
        ((2, 3, 5), (2, 1)), ((3, 5), (0, 2)), ((2, 3, 4, 5), (1, 2, 3, 1)),
        ((2, 4, 5), (-1, 2, 1, -2)), ((1, 2, 3, 4, 5), (1, 1, 2, 2, 1, 0)),
    ):  # fmt: skip
        case("pad", f(*shape), margins, mode, reference=torch.nn.functional.pad)
case("pad", f(2, 3), (1, 2, -1, 0), value=2.5, reference=torch.nn.functional.pad)

# --- creation
case("logspace", 0, 2, 5)
case("logspace", -1.0, 3.0, 7, 2.0, dtype=torch.float64)
for shape in ((3, 4), (4, 2), (0, 3)):
    for offset in (-1, 0, 2):
        case("tril_indices", *shape, offset)
        case("triu_indices", *shape, offset, dtype=torch.int32)
case("vander", f(4).detach())
case("vander", i(4), 3, True)

# --- indexing
case("take_along_dim", f(3, 4), i(3, 2, high=4), 1)
case("take_along_dim", f(3, 4), i(1, 4, high=3), 0)
case("take_along_dim", f(3, 4), i(5, high=12))
case("one_hot", i(2, 3), reference=torch.nn.functional.one_hot)
case("one_hot", i(4), 8, reference=torch.nn.functional.one_hot)
case("one_hot", i(0), 8, reference=torch.nn.functional.one_hot)
case("argwhere", i(3, 4, high=2))
case("nonzero", i(3, 4, high=2))
case("nonzero", i(3, 4, high=2), as_tuple=True)
case("nonzero", t(3.0), as_tuple=True)
case("where", i(3, 4, high=2) > 0)
case("where", i(3, 4, high=2) > 0, f(3, 4), f(4))
case("where", i(3, 4, high=2) > 0, f(3, 4), 0.0)
case("scatter", f(3, 4).detach(), 1, i(3, 2, high=4), 2.0, reduce="add")
case("scatter", f(3, 4).detach(), 1, i(3, 2, high=4), f(3, 4).detach(), reduce="multiply")
case("scatter", f(3, 4), 0, i(2, 4, high=1), f(2, 4))
case("scatter", f(3, 4), 0, i(2, 4, high=3), value=5.0)
for accumulate in (False, True):
    case("index_put", f(3, 4), (t([0, 2], torch.int64), t([1, 3], torch.int64)), f(2), accumulate)
    case("index_put", f(3, 4), (t([0, -1], torch.int64),), f(4), accumulate)
    case("index_put", f(3, 4), (i(3, 4, high=2) > 0,), f(), accumulate)
    case("index_put", f(3, 4, 5), (t([0, 2], torch.int64), t([[1], [3]], torch.int64)), f(2, 2, 5),
         accumulate)  # fmt: skip
case("index_put", f(3), (t([0, 0, 1], torch.int64),), f(3), True)
case("index_put_", f(3).detach(), (t([0, 0, 1], torch.int64),), f(3).detach(), True,
     reference=torch.Tensor.index_put_)  # fmt: skip


def put_second(x: torch.Tensor, indices: Any, values: torch.Tensor, accumulate: bool) -> Any:
    index = tuple(slice(None) if one is None else one for one in indices)
    result = torch.zeros_like(x)
    rows = torch.arange(x.numel()).reshape(x.shape)[index]
    return (result.reshape(-1).index_add(0, rows.reshape(-1), values.expand(rows.shape).reshape(-1))
            .reshape(x.shape) + x)  # fmt: skip


case("index_put", f(3, 4), (None, t([0, 0, 1], torch.int64)), f(3, 3), True, reference=put_second)
case("index_put", f(2, 3, 4), (t([0, 1, 0], torch.int64), None, t([0, 0, 1], torch.int64)), f(3, 3),
     True, reference=put_second)  # fmt: skip
case("index_put", f(2, 3, 4), (None, t([0, 1, 0], torch.int64)), f(4), True, reference=put_second)

# --- pointwise
for a, b in ((f(3, 4), f(4) + 3), (i(6, low=-9, high=9), 4), (i(6, low=-9, high=9), -2.5)):
    for rounding_mode in (None, "trunc", "floor"):
        b = b.detach() if is_tensor(b) else b
        case("div", a.detach(), b, rounding_mode=rounding_mode)
    case("true_divide", a, b)
    case("floor_divide", a.detach(), b)
case("clamp", f(3, 4), -0.5, 0.5)
case("clamp", f(3, 4), min=0.1)
case("clamp", f(3, 4), max=0.1)
case("clamp", f(3, 4), max=f(4), min=f(3, 1))
case("clamp", t([nan, 1.0, -2.0]), 2.0, 0.0)
case("clamp", i(5), 1, 3)
case("clip", i(5), 1.5)
case("float_power", i(5), 2)
case("float_power", f(5, dtype=torch.float32), 3)
case("float_power", 2, i(5))
case("float_power", c(5), 2.0)
for equal_nan in (False, True):
    case("isclose", SPOILED, SPOILED + 1e-9, equal_nan=equal_nan)
    case("isclose", SPOILED, SPOILED * 1.1, 0.2, 0.0, equal_nan)
case("isclose", i(5), i(5, seed=1), 0.0, 1.0)
for n in (0, 2, 3):
    case("polygamma", n, (f(5).detach().abs() + 0.2).requires_grad_())
case("mvlgamma", (f(5).detach().abs() + 2).requires_grad_(), 3)
case("mvlgamma", i(5, low=4, high=9), 2)
for approximate in ("none", "tanh"):
    case("gelu", f(5), approximate=approximate, reference=torch.nn.functional.gelu)

# --- reduction
for name in ("max", "min"):
    case(name, f(3, 4))
    case(name, i(3, 4))
    case(name, t([2.0, 2.0, 1.0]).requires_grad_())
    case(name, f(3, 4), 1)
    case(name, f(3, 4), dim=0, keepdim=True)
    case(name, f(3, 4), f(4))
    case(name, SPOILED, 1)
case("aminmax", f(3, 4))
case("aminmax", f(3, 4), dim=1, keepdim=True)
for name in ("var", "std", "var_mean", "std_mean"):
    case(name, f(3, 4))
    case(name, f(3, 4), False)
    case(name, f(3, 4), 1)
    case(name, f(3, 4), (0, 1), False, True)
    case(name, f(3, 4), dim=0, correction=2, keepdim=True)
    case(name, f(3, 4), unbiased=False)
    case(name, torch.ones(3, 4, dtype=torch.float64).requires_grad_(), 1)
    case(name, f(3, 4), correction=0, keepdim=True)
for name in ("median", "nanmedian"):
    case(name, f(3, 4))
    case(name, f(5))
    case(name, f(3, 5), 1)
    case(name, f(3, 4), 0, True)
    case(name, SPOILED)
    case(name, i(7))
for name in ("quantile", "nanquantile"):
    for interpolation in ("linear", "lower", "higher", "midpoint", "nearest"):
        case(name, f(3, 4, 5), 0.3, 1, interpolation=interpolation)
        case(name, f(3, 4), t([0.0, 0.25, 0.5, 1.0]), interpolation=interpolation)
        case(name, SPOILED, t([0.1, 0.6]), 1, interpolation=interpolation)
        case(name, f(3, 4, 5), t([0.1, 0.6]), -2, True, interpolation=interpolation)
    case(name, f(3, 4, 5), 0.3, keepdim=True)
    case(name, f(3, 4), t([0.3, 0.4]), keepdim=True)
    case(name, f(), 0.3, 0)
    case(name, f(), t([0.3, 0.4]), 0, True)
    case(name, f(3, 4), t(0.3), 0)
case("mode", i(4, 9, high=3))
case("mode", i(4, 9, high=3), 0, True)
case("mode", i(4, 9, high=3).double().requires_grad_(), 1)
case("mode", f())
case("nanmean", SPOILED.clone().requires_grad_(), 1)
case("nanmean", SPOILED)
case("nanmean", f(3, 4), (0, 1), True, dtype=torch.float64)
for p in ("fro", 1, 2, 3.5, 0, inf, -inf):
    case("norm", f(3, 4), p)
    if p != "fro":
        case("norm", f(3, 4), p, 1)
        case("norm", f(3, 4), p, dim=0, keepdim=True)
case("norm", f(3, 4), "fro", (0, 1), True)
case("norm", f(3, 4).detach(), "nuc")
case("norm", f(2, 3, 4).detach(), "nuc", (0, 2), True)
case("norm", torch.zeros(3, dtype=torch.float64).requires_grad_())
for p in (2, 1, 0.5 + 2, inf):
    case("dist", f(3, 4), f(4), p)
    case("renorm", f(3, 4), p, 0, 1.5)
    case("cdist", f(2, 3, 4), f(5, 4), p)
case("cdist", f(30, 4), f(5, 4))
case("cdist", f(3, 4), f(5, 4), compute_mode="use_mm_for_euclid_dist")
case("cov", f(3, 5))
case("cov", f(5), correction=0)
case("cov", f(3, 5), fweights=i(5) + 1)
case("cov", f(3, 5), aweights=f(5).detach().abs())
case("cov", f(3, 5), fweights=i(5) + 1, aweights=f(5).detach().abs(), correction=2)
case("cov", c(3, 5))
case("cov", i(3, 5))
case("corrcoef", f(3, 5))
case("corrcoef", f(5).detach())
case("equal", f(3), f(3))
case("equal", f(3), f(1))
case("allclose", SPOILED, SPOILED)
case("allclose", SPOILED, SPOILED, equal_nan=True)

# --- sequence
for dim in (0, 1):
    case("argsort", f(3, 5).detach(), dim=dim)
    case("argsort", i(3, 5), dim=dim, stable=True, descending=True)
case("msort", f(3, 5))
case("diff", f(3, 5))
case("diff", f(3, 5), 2, 0)
case("diff", f(3, 5), 9)
case("diff", f(3, 5), prepend=f(3, 2), append=f(3, 1))
case("diff", i(6, high=2) > 0)
for name in ("trapezoid", "cumulative_trapezoid"):
    case(name, f(3, 5))
    case(name, f(3, 5), dx=0.5)
    case(name, f(3, 5), f(5))
    case(name, f(3, 5), f(3), dim=0)
    case(name, f(3, 5), f(3, 5, seed=3), dim=0)
case("bucketize", f(3, 4).detach(), t([-0.5, 0.0, 1.0]))
case("bucketize", i(5), t([1, 2, 2, 4], torch.int64), right=True, out_int32=True)
case("isin", i(3, 4), t([1, 3], torch.int64))
case("isin", i(3, 4), i(100, low=3, high=9), invert=True)
case("isin", i(3, 4), 2)
case("isin", 2, i(3, 4))
case("isin", i(3, 4), i(0))
case("cross", f(3, 4), f(3, 4, seed=1))
case("cross", f(4, 3), f(1, 3), 1)
case("cross", c(4, 3), c(4, 3, seed=2), dim=-1)
for value in (i(3, 4), i(7), i(0), SPOILED, i(7) > 2, i(3, 4).to(torch.float32)):
    for dim in (None, 0, -1):
        if value.dtype != torch.int64 and dim is not None:
            continue
        case("unique", value, dim=dim)
        case("unique", value, return_inverse=True, return_counts=True, dim=dim)
        case("unique_consecutive", value, dim=dim)
        case("unique_consecutive", value, return_inverse=True, return_counts=True, dim=dim)
case("unique", i(9, 2, high=2), return_inverse=True, return_counts=True, dim=0)
case("unique_consecutive", i(9, 1, high=2), return_inverse=True, return_counts=True, dim=0)

# --- linalg
for equation, shapes in {
    "ij,jk->ik": ((2, 3), (3, 4)),
    "ij,jk": ((2, 3), (3, 4)),
    "ba,ca": ((2, 3), (4, 3)),
    "bij,bjk->bik": ((2, 3, 4), (2, 4, 5)),
    "i,i": ((3,), (3,)),
    "i,j": ((3,), (4,)),
    "ii": ((3, 3),),
    "ii->i": ((3, 3),),
    "iij->ji": ((3, 3, 2),),
    "iijj->ij": ((3, 3, 2, 2),),
    "iii": ((2, 2, 2),),
    "ij->": ((2, 3),),
    "ij->ji": ((2, 3),),
    "...ij->...ji": ((2, 3, 4),),
    "...ij,...jk->...ik": ((5, 1, 2, 3), (4, 3, 2)),
    "i...,j...->...": ((2, 3), (4, 3)),
    "b...,b->...": ((2, 3, 4), (2,)),
    "...,...": ((2, 1, 3), (4, 1)),
    "...->": ((2, 3),),
    "a...->a": ((2, 3, 4),),
    "bn,anm,bm->ba": ((2, 5), (3, 5, 4), (2, 4)),
    "ij,jk,kl,lm->im": ((2, 3), (3, 4), (4, 5), (5, 2)),
    "ij,ij->ij": ((2, 3), (2, 3)),
    "ij,ij,ij->i": ((2, 3), (2, 3), (2, 3)),
    "ij,kj->": ((2, 3), (4, 3)),
    "ij,jk->k": ((2, 3), (3, 4)),
    "ij,j->ij": ((2, 3), (1,)),
    "ij,j->i": ((2, 3), (1,)),
    "ij,kj->ik": ((2, 1), (4, 3)),
    "ab,cd->dbca": ((2, 3), (4, 5)),
    "bhqd,bhkd->bhqk": ((2, 2, 3, 4), (2, 2, 5, 4)),
    "bhqk,bkhd->bqhd": ((2, 2, 3, 4), (2, 4, 2, 5)),
    " i j , j k -> k i ": ((2, 3), (3, 4)),
    "aB,Bc": ((2, 3), (3, 4)),
    ",ij->ij": ((), (2, 3)),
    "ij,jk->ki": ((0, 3), (3, 4)),
    "iij,jk->ik": ((2, 2, 3), (3, 4)),
    "i,i,i->": ((3,), (1,), (3,)),
}.items():
    operands = [f(*shape, seed=place) for place, shape in enumerate(shapes)]
    case("einsum", equation, *operands)
case("einsum", f(2, 3), [0, 1], f(3, 4), [1, 2], [0, 2])
case("einsum", f(2, 3), [0, 1], f(3, 4), [1, 2])
case("einsum", f(5, 2, 3), [..., 0, 1], f(3, 4), [1, 2], [..., 2, 0])
case("einsum", f(2, 3), [27, 1], f(3, 4), [1, 2])
case("einsum", "ij,jk", [f(2, 3), f(3, 4)])
case("einsum", "ij,jk->ik", c(2, 3), c(3, 4))
case("tensordot", f(2, 3, 4), f(3, 4, 5))
case("tensordot", f(2, 3, 4), f(4, 5), 1)
case("tensordot", f(2, 3), f(4), 0)
case("tensordot", f(2, 3, 4), f(5, 4, 2), ([0, 2], [2, 1]))
case("tensordot", f(2, 3, 4), f(5, 4, 2), dims=([-1], [1]))
case("kron", f(2, 3), f(4, 2))
case("kron", f(3), f(4, 2))
case("kron", f(2, 1, 2), f(2, 2))
for name in ("outer", "ger"):
    case(name, f(2), f(3))
case("dot", f(3), f(3, seed=1))
case("vdot", c(3), c(3, seed=1))
case("mv", f(2, 3), f(3))
case("inner", f(2, 3), f(4, 3))
case("inner", f(3), f(3, seed=1))
case("inner", f(3), f())
case("trace", f(3, 4))
for n in (0, 1, 2, 3, 7, -2):
    case("matrix_power", f(2, 3, 3), n)
for shapes in (
    ((2, 3), (3, 4)),
    ((2, 3), (3, 9), (9, 1), (1, 5)),
    ((3,), (3, 4), (4,)),
    ((3,), (3, 2)),
):
    operands = [f(*shape) for shape in shapes]
    case("multi_dot", operands, reference=torch.linalg.multi_dot)
for weights in ({}, {"beta": 0.5, "alpha": 2.0}, {"beta": 0}):
    case("addmv", f(2), f(2, 3), f(3), **weights)
    case("addr", f(2, 3), f(2), f(3), **weights)
    case("addbmm", f(2, 4), f(5, 2, 3), f(5, 3, 4), **weights)
    case("baddbmm", f(5, 2, 4), f(5, 2, 3), f(5, 3, 4), **weights)
case("bilinear", f(2, 3), f(2, 4), f(5, 3, 4), f(5), reference=torch.nn.functional.bilinear)
case("bilinear", f(2, 2, 3), f(2, 2, 4), f(5, 3, 4), reference=torch.nn.functional.bilinear)

# --- in place: the results, and the argument itself, which the method returns
for name, args, kwargs in (
    ("div_", (f(3, 4), 2.0), {}),
    ("div_", (f(3, 4), 0.3), {"rounding_mode": "floor"}),
    ("div_", (f(3, 4), 0.3), {"rounding_mode": "trunc"}),
    ("true_divide_", (f(3, 4), 2.0), {}),
    ("floor_divide_", (f(3, 4), 0.3), {}),
    ("clamp_", (f(3, 4), -0.5, 0.5), {}),
    ("clamp_", (f(3, 4),), {"max": 0.1}),
    ("clip_", (f(3, 4),), {"min": 0.1}),
    ("float_power_", (f(3, 4), 2), {}),
    ("scatter_", (f(3, 4), 1, i(3, 2, high=4), 2.0), {}),
    ("scatter_", (f(3, 4), 1, i(3, 2, high=4), 2.0), {"reduce": "add"}),
    ("scatter_", (f(3, 4), 1, i(3, 2, high=4), f(3, 2)), {"reduce": "multiply"}),
    ("renorm_", (f(3, 4), 2, 0, 1.0), {}),
    ("addmv_", (f(2), f(2, 3), f(3)), {"beta": 0.5}),
    ("addr_", (f(2, 3), f(2), f(3)), {}),
    ("addbmm_", (f(2, 4), f(5, 2, 3), f(5, 3, 4)), {"alpha": 2.0}),
    ("baddbmm_", (f(5, 2, 4), f(5, 2, 3), f(5, 3, 4)), {}),
):
    plain = tuple(arg.detach() if is_tensor(arg) else arg for arg in args)
    case(name, *(arg.clone() if is_tensor(arg) else arg for arg in plain), **kwargs)


@pytest.mark.parametrize(
    ("name", "reference", "args", "kwargs"),
    CASES,
    ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)],
)
@pytest.mark.filterwarnings("ignore")
def test_same_as_pytorch(name: str, reference: Callable[..., Any], args: Any, kwargs: Any) -> None:
    check(name, reference, args, kwargs)


ERRORS: list[tuple[Any, ...]] = [
    ("flatten", (f(2, 3, 4), 2, 1), {}, None),
    ("flatten", (f(2, 3, 4), 3), {}, None),
    ("unflatten", (f(2, 12), 1, (5, 2)), {}, None),
    ("movedim", (f(2, 3), (0, 1), (0,)), {}, None),
    ("movedim", (f(2, 3), (0, 0), (0, 1)), {}, None),
    ("t", (f(2, 3, 4),), {}, None),
    ("repeat", (f(2, 3), 2), {}, None),
    ("repeat_interleave", (f(2, 3), t([1, 2], torch.int64), 1), {}, None),
    ("chunk", (f(3), 0), {}, None),
    ("split", (f(3), 0), {}, None),
    ("hsplit", (f(3, 4), 3), {}, None),
    ("vsplit", (f(3), 3), {}, None),
    ("broadcast_shapes", ((2, 3), (4,)), {}, None),
    ("meshgrid", (f(2, 2), f(2)), {"indexing": "ij"}, None),
    ("rot90", (f(2, 3), 1, (0, 0)), {}, None),
    ("diag", (f(2, 2, 2),), {}, None),
    ("diag_embed", (f(2), 0, 1, 1), {}, None),
    ("select_scatter", (f(2, 3), f(3), 1, 0), {}, None),
    ("pad", (f(2, 3), (1,)), {}, torch.nn.functional.pad),
    ("pad", (f(2, 3), (3, 0), "reflect"), {}, torch.nn.functional.pad),
    ("pad", (f(2, 3), (4, 0), "circular"), {}, torch.nn.functional.pad),
    ("pad", (f(2, 3), (4, 0), "mirror"), {}, torch.nn.functional.pad),
    ("take_along_dim", (f(3), t([1.0]), 0), {}, None),
    ("one_hot", (i(3), 1), {}, torch.nn.functional.one_hot),
    ("scatter", (f(3), 0, i(3, high=3), 1.0), {"reduce": "mean"}, None),
    ("div", (f(3), 2), {"rounding_mode": "up"}, None),
    ("clamp", (f(3),), {}, None),
    ("isclose", (f(3), f(3).float()), {}, None),
    ("gelu", (f(3),), {"approximate": "erf"}, torch.nn.functional.gelu),
    ("max", (f(0),), {}, None),
    ("max", (f(3), 1), {}, None),
    ("quantile", (f(3), 1.5), {}, None),
    ("quantile", (i(3), 0.5), {}, None),
    ("norm", (i(3),), {}, None),
    ("renorm", (f(3), 2, 0, 1), {}, None),
    ("cdist", (f(3, 4), f(3, 5)), {}, None),
    ("cov", (f(2, 2, 2),), {}, None),
    ("cross", (f(4), f(4)), {}, None),
    ("diff", (f(),), {}, None),
    ("bucketize", (f(3), f(2, 2)), {}, None),
    ("einsum", ("ij,jk->ik", f(2, 3), f(4, 5)), {}, None),
    ("einsum", ("ij->ik", f(2, 3)), {}, None),
    ("einsum", ("ij", f(2, 3, 4)), {}, None),
    ("einsum", ("ij,jk", f(2, 3)), {}, None),
    ("einsum", ("i?", f(2, 3)), {}, None),
    ("einsum", ("ii", f(2, 3)), {}, None),
    ("tensordot", (f(2, 3), f(4, 5)), {"dims": 1}, None),
    ("outer", (f(2, 3), f(4)), {}, None),
    ("dot", (f(2), f(3)), {}, None),
    ("mv", (f(2, 3), f(2)), {}, None),
    ("inner", (f(2, 3), f(2)), {}, None),
    ("trace", (f(2),), {}, None),
    ("matrix_power", (f(2, 3), 2), {}, None),
    ("multi_dot", ([f(2, 3)],), {}, torch.linalg.multi_dot),
    ("baddbmm", (f(2, 2, 2), f(2, 2, 2), f(2, 3, 2)), {}, None),
]


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "reference"),
    ERRORS,
    ids=[f"{case[0]}-{n}" for n, case in enumerate(ERRORS)],
)
def test_error_classes(name: str, args: Any, kwargs: Any, reference: Any) -> None:
    reference = reference or getattr(torch, name, None) or getattr(torch.Tensor, name)
    with pytest.raises(Exception) as theirs:
        reference(*args, **kwargs)
    with pytest.raises(Exception) as ours:
        ours_named(name)(*to_ours(list(args)), **kwargs)
    assert type(ours.value) is type(theirs.value), str(theirs.value)
