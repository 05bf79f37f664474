"""Every entry of the table inside of vmap and forward mode: the proof that no rule is missing.

vmap must give what a loop over the samples gives, whichever inputs are mapped and wherever their
batch is. Forward mode and reverse mode must be each other's adjoint: <J t, g> = <t, J^T g>.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.table import cases, checker, operators
from tests.table import samples as more
from tests.table.operators import CASES, Call
from tests.table.test_derivatives import CASES as ELEMENTWISE
from tests.table.test_derivatives import Case
from tests.table.test_operator_derivatives import DIFFERENTIATED, differentiated, symmetric

import wengert as wg
from opgen import emit_transforms
from opgen.model import Entry
from wengert import _C
from wengert.autograd import forward_ad
from wengert.func import vmap

BATCH = 3

# Why a loop over the samples is no reference.
RANDOM = "random numbers: tests/unit/func/test_vmap.py says what they are"
NO_LOOP: dict[str, str] = {
    **dict.fromkeys(("empty_like", "new_empty", "resize_"), "memory that is not initialised"),
    "set_": "gives a tensor other memory: refused inside of transforms",
    "_view_dtype": "reads bytes, which the samples of this table do not keep",
}


def way(entry: Entry) -> str:
    return emit_transforms.way(entry)


# ---- batches ------------------------------------------------------------------------------------


def varied(array: np.ndarray, number: int) -> np.ndarray:
    """Another sample of the same kind: still positive definite, still an index within bounds."""
    if operators.is_inexact(array):
        return array * (1 - 0.07 * number)
    return np.roll(array, number, -1) if array.ndim else array


def samples_of(array: np.ndarray) -> list[np.ndarray]:
    return [varied(array, number) for number in range(BATCH)]


def mapped(
    function: Callable[..., list[Any]], arrays: list[np.ndarray], chosen: list[int], dim: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Results of vmap, and of a loop, where the arrays with the chosen numbers are mapped."""
    rows = [samples_of(a) if i in chosen else [a] * BATCH for i, a in enumerate(arrays)]
    given = [
        checker.to_tensor(np.stack(row, dim) if i in chosen else row[0])
        for i, row in enumerate(rows)
    ]
    in_dims = tuple(dim if i in chosen else None for i in range(len(arrays)))
    batched = vmap(lambda *xs: tuple(function(*xs)), in_dims=in_dims)(*given)
    loop = [function(*(checker.to_tensor(row[number]) for row in rows)) for number in range(BATCH)]
    return operators.arrays(list(batched)), [
        np.stack(operators.arrays(list(column))) for column in zip(*loop, strict=True)
    ]


def compare(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert len(found) == len(expected)
    for a, e in zip(found, expected, strict=True):
        assert a.dtype == e.dtype
        assert a.shape == e.shape
        np.testing.assert_allclose(a, e, rtol=1e-9, atol=1e-11)


# What they see depends on strides, which samples have others of where the batch is last.
STRIDED = ("view_as_complex", "as_strided", "_as_strided")


def choices(count: int) -> list[tuple[list[int], int]]:
    """Which inputs are mapped, and where their batch is."""
    everything = list(range(count))
    result = [(everything, 0), (everything, -1)]
    if count > 1:
        result += [([i], 0) for i in everything]
        result += [([j for j in everything if j != i], -1) for i in everything if count > 2]
    return result


def unsigned(entry: Entry, results: list[Any]) -> list[Any]:
    """Vectors that are only known up to their sign, without it."""
    if entry.name == "_linalg_eigh":
        return [results[0], results[1] * results[1]]
    if entry.name == "_linalg_svd":
        u, s, vh = results
        return [s, u * u, vh * vh]
    if entry.name == "_linalg_eig":
        return [results[0], (results[1] * results[1].conj()).real]
    return results


@pytest.mark.parametrize(("entry", "number"), CASES)
def test_vmap_is_a_loop(entry: Entry, number: int) -> None:
    operators.skip(entry, "vmap")
    if operators.is_random(entry) or entry.family == "random":
        pytest.skip(NO_LOOP.get(entry.name, RANDOM))
    if entry.name in NO_LOOP:
        pytest.skip(NO_LOOP[entry.name])
    call = Call(entry, number)
    places = list(call.places())
    if not places:
        pytest.skip("makes a tensor of nothing: it is the same for all samples")
    arrays = [call.array(place) for place in places]
    inner = call.of(places)
    inplace = entry.name.endswith("_")

    def function(*tensors: Any) -> list[Any]:
        # What writes to its first argument gets one that is new.
        own = [t.clone() if inplace and i == 0 else t for i, t in enumerate(tensors)]
        return unsigned(entry, checker.as_list(inner(own)))

    if way(entry) in ("dynamic", "refuse"):
        batch = [checker.to_tensor(np.stack(samples_of(a))) for a in arrays]
        kind = RuntimeError if way(entry) == "dynamic" else NotImplementedError
        with pytest.raises(kind, match=entry.name.rstrip("_")):
            vmap(lambda *xs: tuple(function(*xs)))(*batch)
        return
    for chosen, dim in choices(len(arrays)):
        if inplace and 0 not in chosen:
            continue  # refused: see test_writes_to_what_is_not_mapped
        if entry.name in STRIDED and dim != 0:
            continue
        compare(*mapped(function, arrays, chosen, dim))


def nodes_of_batch(entry: Entry, call: Call, chosen: list[int], size: int) -> int:
    """How many operations are recorded where vmap runs the operator on so many samples."""
    places = list(call.places())
    given = []
    for i, place in enumerate(places):
        array = call.array(place)
        moving = operators.is_inexact(array)
        rows = np.stack([varied(array, k % BATCH) for k in range(size)]) if i in chosen else array
        given.append(checker.to_tensor(rows, requires_grad=moving))
    operators.reseed()
    before = _C._node_info((wg.ones(1, requires_grad=True) * 1).grad_fn)["sequence"]
    vmap(
        lambda *xs: tuple(y for y in checker.as_list(call.of(places)(list(xs))) if y is not None),
        in_dims=tuple(0 if i in chosen else None for i in range(len(places))),
        randomness="different",
    )(*given)
    after = _C._node_info((wg.ones(1, requires_grad=True) * 1).grad_fn)["sequence"]
    return after - before


@pytest.mark.parametrize(("entry", "number"), DIFFERENTIATED)
def test_vmap_does_not_loop(entry: Entry, number: int) -> None:
    """What is recorded does not grow with the batch: the operator runs once for all samples."""
    if way(entry) in ("dynamic", "refuse"):
        pytest.skip("no batch")
    call = Call(entry, number)
    count = len(list(call.places()))
    if count == 0:
        pytest.skip("makes a tensor of nothing: it is the same for all samples")
    for chosen in [list(range(count))] + [[i] for i in range(count) if count > 1]:
        if entry.name.endswith("_") and 0 not in chosen:
            continue
        few, many = (nodes_of_batch(entry, call, chosen, size) for size in (3, 7))
        assert few == many


def test_the_count_of_nodes_sees_a_loop() -> None:
    entry = next(e for e in cases.table().entries if e.name == "_linear")

    class Looping(Call):
        def of(self, places: Any) -> Any:
            inner = super().of(places)

            def function(tensors: list[Any]) -> Any:
                rows = [_C._wrapper_of(t)[3].unbind(0) for t in tensors]
                return [wg.stack([inner(list(row))[0] for row in zip(*rows, strict=True)])]

            return function

    call = Looping(entry, 0)
    chosen = list(range(len(list(call.places()))))
    assert nodes_of_batch(entry, call, chosen, 3) != nodes_of_batch(entry, call, chosen, 7)


@pytest.mark.parametrize("dtype", ["float64", "complex128", "int64", "bool"])
@pytest.mark.parametrize("entry", cases.entries(cases.elementwise))
def test_elementwise_vmap_is_a_loop(entry: Entry, dtype: str) -> None:
    operators.skip(entry, "vmap")
    if dtype not in cases.dtypes(entry):
        pytest.skip(f"not for {dtype}")
    names = [p.name for p in entry.inputs]

    def function(*tensors: Any) -> list[Any]:
        given = dict(zip(names, tensors, strict=True))
        return checker.as_list(cases.function(entry)(**given, **cases.parameters(entry)))

    # Samples of unequal numbers of dimensions must broadcast as they do alone.
    shapes = [(2, 1), (3,), ()]
    turns = 1 if entry.name in more.ONE_BY_ONE else min(len(names), 2) + 1
    for turn in range(turns):
        given = [shapes[(i + turn) % 3] for i in range(len(names))]
        rows = [
            np.stack([cases.points(entry, n, shape, dtype, f"sample {k}") for k in range(BATCH)])
            for n, shape in zip(names, given, strict=True)
        ]
        kinds = [cases.tensor_dtype(entry, n, dtype) for n in names]
        for chosen in [list(range(len(names)))] + [[i] for i in range(len(names))]:
            batch = [
                checker.to_tensor(row if i in chosen else row[0], kind)
                for i, (row, kind) in enumerate(zip(rows, kinds, strict=True))
            ]
            in_dims = tuple(0 if i in chosen else None for i in range(len(names)))
            found = vmap(lambda *xs: tuple(function(*xs)), in_dims=in_dims)(*batch)
            loop = [
                function(
                    *(
                        checker.to_tensor(row[k] if i in chosen else row[0], kind)
                        for i, (row, kind) in enumerate(zip(rows, kinds, strict=True))
                    )
                )
                for k in range(BATCH)
            ]
            compare(
                operators.arrays(list(found)),
                [np.stack(operators.arrays(list(column))) for column in zip(*loop, strict=True)],
            )


# ---- in-place forms -----------------------------------------------------------------------------

INPLACE = [c for c in CASES if c.values[0].has_inplace]  # type: ignore[union-attr]


@pytest.mark.parametrize(("entry", "number"), INPLACE)
def test_inplace_forms_in_transforms(entry: Entry, number: int) -> None:
    call = Call(entry, number)
    places = list(call.places())
    arrays = [call.array(place) for place in places]
    plain = call.of(places)

    def written(tensors: list[Any]) -> Any:
        given = dict(zip(places, tensors, strict=True))
        arguments = call.tensors(
            lambda place, a: given[place] if place in given else checker.to_tensor(a)
        )
        first = entry.parameters[0].name
        arguments[first] = arguments[first].clone()
        getattr(_C, entry.name + "_")(**arguments)
        return arguments[first]

    if checker.shape(call.run()[0]) != arrays[0].shape:
        pytest.skip("the result does not fit into the input")
    batch = [checker.to_tensor(np.stack(samples_of(a))) for a in arrays]
    compare(
        operators.arrays(checker.as_list(vmap(lambda *xs: written(list(xs)))(*batch))),
        operators.arrays(checker.as_list(vmap(lambda *xs: plain(list(xs)))(*batch))),
    )
    moving = [i for i, a in enumerate(arrays) if operators.is_inexact(a)]
    if not cases.has_derivative(entry) or not moving:
        return
    tangents = [checker.to_tensor(np.cos(np.arange(a.size)).reshape(a.shape)) for a in arrays]
    results = []
    for function in (written, plain):
        with forward_ad.dual_level():
            tensors = [checker.to_tensor(a) for a in arrays]
            for i in moving:
                tangent = tangents[i].to(tensors[i].dtype)
                tensors[i] = forward_ad.make_dual(tensors[i], tangent)
            value, slope = forward_ad.unpack_dual(checker.as_list(function(tensors))[0])
            results.append(operators.arrays([value, slope]))
    compare(*results)


# ---- tangents -----------------------------------------------------------------------------------


def pushed(
    function: checker.Function, arrays: checker.Arrays, tangents: checker.Arrays
) -> tuple[list[Any], list[Any]]:
    """Values and tangents of the results."""
    with forward_ad.dual_level():
        duals = [
            forward_ad.make_dual(checker.to_tensor(a), checker.to_tensor(t))
            for a, t in zip(arrays, tangents, strict=True)
        ]
        parts = [forward_ad.unpack_dual(y) for y in checker.as_list(function(duals))]
    return [p.primal for p in parts], [p.tangent for p in parts]


def random_like(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    real = generator.standard_normal(array.shape)
    return real + 1j * generator.standard_normal(array.shape) if array.dtype.kind == "c" else real


def inner_product(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sum(np.conj(a) * b).real)


def check_adjoint(function: checker.Function, arrays: checker.Arrays, seed: int) -> None:
    generator = np.random.default_rng(seed)
    everything = [random_like(a, generator) for a in arrays]
    # All inputs move, and each alone.
    directions = [everything]
    if len(arrays) > 1:
        directions += [
            [t if i == moving else np.zeros_like(t) for i, t in enumerate(everything)]
            for moving in range(len(arrays))
        ]
    leaves = [checker.to_tensor(a, requires_grad=True) for a in arrays]
    outputs = [y for y in checker.as_list(function(leaves)) if checker.differentiable(y)]
    cotangents = [random_like(checker.to_array(y), generator) for y in outputs]
    pulled = checker.gradient(
        function, leaves, [checker.to_tensor(g, checker.dtype_name(y)) for g, y in
                           zip(cotangents, outputs, strict=True)], False
    )  # fmt: skip
    for tangents in directions:
        values, slopes = pushed(function, arrays, tangents)
        forward = 0.0
        left = iter(cotangents)
        for value, slope in zip(values, slopes, strict=True):
            if not checker.differentiable(value):
                assert slope is None
                continue
            g = next(left)
            if slope is not None:
                assert checker.shape(slope) == checker.shape(value)
                assert slope.dtype == value.dtype
                forward += inner_product(checker.to_array(slope), g)
        backward = sum(
            inner_product(checker.to_array(p), t)
            for p, t in zip(pulled, tangents, strict=True)
            if p is not None
        )
        assert abs(forward - backward) <= 1e-8 * (1 + abs(forward) + abs(backward))


def skip_adjoint(entry: Entry) -> None:
    for check in ("gradient", "jvp"):
        operators.skip(entry, check)


@pytest.mark.parametrize(("entry", "number"), DIFFERENTIATED)
def test_forward_is_the_adjoint_of_reverse(entry: Entry, number: int) -> None:
    skip_adjoint(entry)
    call = Call(entry, number)
    places = differentiated(call)
    if not places:
        pytest.skip("the sample has no input with a derivative")
    inner = call.of(places)

    def function(tensors: list[Any]) -> Any:
        operators.reseed()
        return symmetric(entry, inner, tensors)

    check_adjoint(function, [call.array(p).copy() for p in places], cases.seed(entry, "adjoint"))


@pytest.mark.parametrize(("entry", "dtype"), ELEMENTWISE)
def test_elementwise_forward_is_the_adjoint_of_reverse(entry: Entry, dtype: str) -> None:
    skip_adjoint(entry)
    case = Case(entry, dtype)
    check_adjoint(case.function, case.arrays, cases.seed(entry, "adjoint"))


@pytest.mark.parametrize(("entry", "number"), DIFFERENTIATED)
def test_batches_of_tangents(entry: Entry, number: int) -> None:
    """vmap over forward mode is a loop over forward mode."""
    skip_adjoint(entry)
    if way(entry) == "dynamic":
        pytest.skip("no batch: the size of the result depends on values")
    if entry.family == "random":
        pytest.skip(RANDOM)
    call = Call(entry, number)
    places = differentiated(call)
    if not places:
        pytest.skip("the sample has no input with a derivative")
    inner = call.of(places)
    arrays = [call.array(p).copy() for p in places]
    generator = np.random.default_rng(cases.seed(entry, "tangents"))
    tangents = [np.stack([random_like(a, generator) for _ in range(BATCH)]) for a in arrays]

    def slopes(*rows: Any) -> tuple[Any, ...]:
        with forward_ad.dual_level():
            duals = [
                forward_ad.make_dual(checker.to_tensor(a), t)
                for a, t in zip(arrays, rows, strict=True)
            ]
            parts = [
                forward_ad.unpack_dual(y) for y in checker.as_list(symmetric(entry, inner, duals))
            ]
        return tuple(p.tangent for p in parts if p.tangent is not None)

    found = vmap(slopes)(*(checker.to_tensor(t) for t in tangents))
    loop = [slopes(*(checker.to_tensor(t[k]) for t in tangents)) for k in range(BATCH)]
    compare(
        operators.arrays(list(found)),
        [np.stack(operators.arrays(list(column))) for column in zip(*loop, strict=True)],
    )


@pytest.mark.parametrize(("entry", "number"), DIFFERENTIATED)
def test_gradients_per_sample(entry: Entry, number: int) -> None:
    """vmap of a gradient, and a gradient through vmap, are loops of gradients."""
    skip_adjoint(entry)
    if way(entry) == "dynamic":
        pytest.skip("no batch: the size of the result depends on values")
    if entry.family == "random":
        pytest.skip(RANDOM)
    call = Call(entry, number)
    places = differentiated(call)
    if not places:
        pytest.skip("the sample has no input with a derivative")
    inner = call.of(places)
    arrays = [call.array(p).copy() for p in places]

    def total(*tensors: Any) -> Any:
        results = checker.as_list(symmetric(entry, inner, list(tensors)))
        terms = [(y.abs() ** 2 + y.real.sin()).sum() if y.is_complex() else (y**2 + y.sin()).sum()
                 for y in results if checker.differentiable(y)]  # fmt: skip
        return sum(terms[1:], terms[0])

    numbers = tuple(range(len(arrays)))
    gradient = wg.func.grad(total, argnums=numbers)
    rows = [samples_of(a) for a in arrays]
    batch = [checker.to_tensor(np.stack(row)) for row in rows]
    expected = [
        np.stack([checker.to_array(g[i]) for g in
                  (gradient(*(checker.to_tensor(row[k]) for row in rows)) for k in range(BATCH))])
        for i in numbers
    ]  # fmt: skip
    compare(operators.arrays(list(vmap(gradient)(*batch))), expected)
    through = wg.func.grad(lambda *xs: vmap(total)(*xs).sum(), argnums=numbers)
    compare(operators.arrays(list(through(*batch))), expected)
