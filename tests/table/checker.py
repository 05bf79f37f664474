"""Checks of derivatives and values that the tests of the operator table share.

Everything goes through plain lists and NumPy, so that nothing of the library but the operator
itself is trusted. Derivatives are compared with central differences of fourth order in float64 (or
complex128), along random directions, away from kinks. A cotangent of a complex value follows
PyTorch's convention: the gradient of a real L is dL/dRe + i dL/dIm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import _C

Arrays = list[np.ndarray]
# Tensors in, a tensor or a sequence of tensors out.
Function = Callable[[list[Any]], Any]
# (function, tensors, cotangents, create_graph) -> one gradient or None per tensor.
Gradient = Callable[[Function, list[Any], list[Any], bool], list[Any]]

NUMPY_DTYPES = {
    "bool": np.bool_,
    "uint8": np.uint8,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "float16": np.float16,
    "bfloat16": np.float32,
    "float32": np.float32,
    "float64": np.float64,
    "complex64": np.complex64,
    "complex128": np.complex128,
}
EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
TINY = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149, "float64": 2.0**-1074}
LARGEST = {
    "float16": 65504.0,
    "bfloat16": 3.3895313892515355e38,
    "float32": float(np.finfo(np.float32).max),
    "float64": float(np.finfo(np.float64).max),
}

# The derivative checks accept this relative error, or what rounding in the differences explains.
RELATIVE = 2e-5


def dtype_name(tensor: Any) -> str:
    """'float32' for a tensor of that dtype."""
    return str(tensor.dtype).rpartition(".")[2]


def shape(tensor: Any) -> tuple[int, ...]:
    return tuple(tensor._sizes)


def to_tensor(array: Any, dtype: str | None = None, requires_grad: bool = False) -> Any:
    """A new contiguous tensor of the array's values; its dtype unless one is named."""
    array = np.asarray(array)
    kind = getattr(_C, dtype or str(array.dtype))
    if array.size == 0:
        tensor = _C.empty(list(array.shape), dtype=kind)
    else:
        tensor = _C.tensor(array.tolist(), dtype=kind)
    if requires_grad:
        tensor.requires_grad = True
    return tensor


def to_array(tensor: Any) -> np.ndarray:
    """The values as a NumPy array (bfloat16 as float32)."""
    values = np.array(tensor.tolist(), dtype=NUMPY_DTYPES[dtype_name(tensor)])
    return values.reshape(shape(tensor))


def rounded(array: np.ndarray, dtype: str) -> np.ndarray:
    """The array's values as `dtype` holds them, in double precision."""
    return to_array(to_tensor(array, dtype)).astype(
        np.complex128 if dtype.startswith("complex") else np.float64
    )


def as_list(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal shapes and values; all NaNs are equal, 0.0 and -0.0 are not."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if not np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"):
        return False
    if a.dtype.kind == "c":
        return same_bits(a.real, b.real) and same_bits(a.imag, b.imag)
    if a.dtype.kind == "f":
        return bool(np.all((np.signbit(a) == np.signbit(b)) | np.isnan(a)))
    return True


def spacing(reference: np.ndarray, dtype: str) -> np.ndarray:
    """One unit in the last place of `dtype` at each value."""
    if dtype.startswith("complex"):
        dtype = "float64" if dtype == "complex128" else "float32"
    with np.errstate(all="ignore"):
        exponent = np.floor(np.log2(np.abs(reference)))
        unit = np.exp2(exponent) * EPSILON[dtype]
    return np.where(np.isfinite(unit), np.maximum(unit, TINY[dtype]), TINY[dtype])


def differentiable(tensor: Any) -> bool:
    return dtype_name(tensor).startswith(("float", "bfloat", "complex"))


# ---- derivatives --------------------------------------------------------------------------------


def gradient(
    function: Function, tensors: list[Any], cotangents: list[Any], create_graph: bool
) -> list[Any]:
    """The product of cotangents with the Jacobian, by the library."""
    outputs = [y for y in as_list(function(tensors)) if differentiable(y)]
    pairs = [(y, g) for y, g in zip(outputs, cotangents, strict=True) if y.requires_grad]
    if not pairs:
        return [None] * len(tensors)
    roots, given = [list(column) for column in zip(*pairs, strict=True)]
    return list(_C._run_backward(roots, given, tensors, create_graph, create_graph, False))


def _leaves(arrays: Arrays) -> list[Any]:
    return [to_tensor(a, requires_grad=True) for a in arrays]


def _values(function: Function, arrays: Arrays) -> Arrays:
    tensors = _leaves(arrays)
    return [to_array(y) for y in as_list(function(tensors)) if differentiable(y)]


def _inner(a: np.ndarray, b: np.ndarray, diagonal: bool) -> np.ndarray:
    """<a, b> over the reals: one number, or one per element."""
    products = np.real(np.conj(a) * b)
    return products if diagonal else np.atleast_1d(np.sum(products))


def directions(
    generator: np.random.Generator, array: np.ndarray, count: int, diagonal: bool
) -> Arrays:
    """Tangents of sizes around 1; for complex arrays of all phases."""
    results = []
    for _ in range(count):
        size = generator.uniform(0.5, 1.5, array.shape)
        if array.dtype.kind == "c":
            size = size * np.exp(1j * generator.uniform(0, 2 * np.pi, array.shape))
        elif not diagonal:
            size = size * generator.choice([-1.0, 1.0], array.shape)
        results.append(size)
    return results


def check_gradient(
    function: Function,
    arrays: Arrays,
    *,
    steps: Sequence[np.ndarray | float] | None = None,
    diagonal: bool = False,
    cotangents: Arrays | None = None,
    gradient: Gradient = gradient,
    seed: int = 0,
    count: int = 2,
    what: str = "gradient",
) -> None:
    """Compares the gradient of each input with central differences of the function.

    `diagonal` says that each output element depends on its own input elements alone, so that each
    is compared by itself. `steps` scales the differences per input (elementwise where diagonal).
    Raises AssertionError.
    """
    generator = np.random.default_rng(seed)
    arrays = [np.asarray(a) for a in arrays]
    outputs = _values(function, arrays)
    if cotangents is None:
        cotangents = [directions(generator, y, 1, False)[0] for y in outputs]
    leaves = _leaves(arrays)
    given = [to_tensor(g) for g in cotangents]
    found = gradient(function, leaves, given, False)
    for k, (array, leaf) in enumerate(zip(arrays, found, strict=True)):
        if leaf is not None:
            assert shape(leaf) == array.shape, f"{what} {k}: shape {shape(leaf)} != {array.shape}"
            assert dtype_name(leaf) == str(array.dtype), f"{what} {k}: dtype {dtype_name(leaf)}"
        analytic = np.zeros_like(array) if leaf is None else to_array(leaf)
        step = 1e-4 if steps is None else np.asarray(steps[k])
        for tangent in directions(generator, array, count, diagonal):
            moved: dict[int, Arrays] = {}
            for n in (-2, -1, 1, 2):
                shifted = [*arrays[:k], array + n * step * tangent, *arrays[k + 1 :]]
                moved[n] = _values(function, shifted)
            difference: np.ndarray | float = 0.0
            noise: np.ndarray | float = 0.0
            for i, g in enumerate(cotangents):
                slope = 8 * (moved[1][i] - moved[-1][i]) - (moved[2][i] - moved[-2][i])
                height = np.max([np.abs(moved[n][i]) for n in moved], axis=0)
                scale = step if diagonal else np.min(step)
                difference = difference + _inner(g, slope / (12 * scale), diagonal)
                unit = 2.0**-52 * 40 * height / scale
                noise = noise + _inner(np.abs(g), unit, diagonal)
            expected = np.broadcast_to(np.asarray(difference), np.shape(difference))
            actual = _inner(analytic, tangent, diagonal)
            allowed = RELATIVE * np.abs(expected) + noise + 1e-11
            close = np.abs(actual - expected) <= allowed
            if not np.all(close):
                at = np.unravel_index(int(np.argmin(close)), close.shape)
                where = f" at input {arrays[k][at]!r}" if diagonal else ""
                error = np.broadcast_to(allowed, close.shape)[at]
                raise AssertionError(
                    f"{what} of input {k}{where}: {actual[at]!r}, differences give "
                    f"{expected[at]!r} (allowed error {error:.2g})"
                )


def second_function(function: Function, inputs: int, gradient: Gradient) -> Function:
    """(inputs, cotangents) -> gradients, as a function that can be differentiated again."""

    def first(tensors: list[Any]) -> list[Any]:
        found = gradient(function, tensors[:inputs], tensors[inputs:], True)
        return [_C._zeros(shape(t), t.dtype) if f is None else f
                for f, t in zip(found, tensors, strict=False)]  # fmt: skip

    return first


def check_second(
    function: Function,
    arrays: Arrays,
    *,
    steps: Sequence[np.ndarray | float] | None = None,
    diagonal: bool = False,
    gradient: Gradient = gradient,
    seed: int = 0,
    count: int = 1,
) -> None:
    """Double backward: the gradient itself is differentiated, in inputs and cotangents."""
    generator = np.random.default_rng(seed + 1)
    arrays = [np.asarray(a) for a in arrays]
    cotangents = [directions(generator, y, 1, False)[0] for y in _values(function, arrays)]
    everything = [*arrays, *cotangents]
    all_steps = None
    if steps is not None:
        all_steps = [*steps, *(np.full(g.shape, 1e-2) if diagonal else 1e-2 for g in cotangents)]
    check_gradient(
        second_function(function, len(arrays), gradient),
        everything,
        steps=all_steps,
        diagonal=diagonal,
        gradient=gradient,
        seed=seed + 2,
        count=count,
        what="second derivative: gradient",
    )


def check_adjoint(function: Function, arrays: Arrays, seed: int = 0) -> None:
    """<J t, g> = <t, J^T g>, with J t as the derivative of the linear map g -> J^T g."""
    generator = np.random.default_rng(seed + 3)
    arrays = [np.asarray(a) for a in arrays]
    outputs = _values(function, arrays)
    tangents = [directions(generator, a, 1, False)[0] for a in arrays]
    cotangents = [directions(generator, y, 1, False)[0] for y in outputs]
    leaves, duals = _leaves(arrays), _leaves(cotangents)
    back = gradient(function, leaves, duals, True)
    pairs = [(b, to_tensor(t)) for b, t in zip(back, tangents, strict=True) if b is not None]
    pairs = [(b, t) for b, t in pairs if b.requires_grad]
    if not pairs:
        return
    pushed = _C._run_backward(
        [b for b, _ in pairs], [t for _, t in pairs], duals, True, False, False
    )
    left = sum(
        float(_inner(g, to_array(p), False)[0])
        for g, p in zip(cotangents, pushed, strict=True)
        if p is not None
    )
    terms = [
        _inner(to_array(b), t, True) for b, t in zip(back, tangents, strict=True) if b is not None
    ]
    right = sum(float(np.sum(t)) for t in terms)
    size = sum(float(np.sum(np.abs(t))) for t in terms)
    assert abs(left - right) <= 1e-12 * size + 1e-300, f"<Jt, g> = {left!r}, <t, J^T g> = {right!r}"


def check_fused(function: Function, arrays: Arrays, seed: int = 0, relative: float = 1e-12) -> None:
    """The backward kernel and the formula over tensors give the same numbers."""
    generator = np.random.default_rng(seed + 4)
    arrays = [np.asarray(a) for a in arrays]
    cotangents = [directions(generator, y, 1, False)[0] for y in _values(function, arrays)]
    results = []
    for create_graph in (False, True):
        leaves = _leaves(arrays)
        found = gradient(function, leaves, [to_tensor(g) for g in cotangents], create_graph)
        results.append(found)
    for k, (fused, plain) in enumerate(zip(*results, strict=True)):
        assert (fused is None) == (plain is None), f"input {k}: only one of the two has a gradient"
        if fused is None:
            continue
        a, b = to_array(fused), to_array(plain)
        assert a.shape == b.shape, f"input {k}: shapes {a.shape} and {b.shape}"
        allowed = relative * np.maximum(np.abs(a), np.abs(b)) + 1e-300
        close = (np.abs(a - b) <= allowed) | (np.isnan(a) & np.isnan(b)) | (a == b)
        assert np.all(close), (
            f"input {k}: fused backward {a[~close][0]!r}, over tensors {b[~close][0]!r} "
            f"at {np.broadcast_to(arrays[k], close.shape)[~close][0]!r}"
        )
