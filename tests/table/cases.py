"""The entries of the operator table, and inputs for each of them."""

from __future__ import annotations

import ast
import math
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from tests.table import samples as more

import wengert
from opgen.model import Entry, Parameter, Table, load
from wengert import _C

ROOT = Path(__file__).resolve().parents[2]
TENSORS = ("Tensor", "Tensor | Number", "Tensor | None")
KINDS = {
    "float": ("float16", "bfloat16", "float32", "float64"),
    "complex": ("complex64", "complex128"),
    "int": ("uint8", "int8", "int16", "int32", "int64"),
    "bool": ("bool",),
}


@cache
def table() -> Table:
    return load(ROOT / "ops")


def entries(keep: Callable[[Entry], bool]) -> list[Any]:
    """pytest parameters: the native entries that `keep` accepts."""
    import pytest

    chosen = [e for e in table().entries if e.kind != "composite" and keep(e)]
    return [pytest.param(e, id=e.name) for e in chosen]


def elementwise(entry: Entry) -> bool:
    return entry.kind == "elementwise"


def has_derivative(entry: Entry) -> bool:
    return bool(entry.derivatives or entry.rules)


def not_implemented(entry: Entry) -> set[str]:
    """The inputs of which the derivative is an error that says so."""
    return {key for key, rule in entry.rules.items() if rule.startswith("_not_implemented(")}


def skip_reason(entry: Entry, check: str) -> str | None:
    """Why the table, or the list beside the tests, leaves a check of the entry out."""
    own = entry.get("skip") or {}
    for place in (entry.name, entry.family):
        if reason := own.get(check) or more.SKIPS.get((place, check)):
            return reason
    return None


def seed(entry: Entry, salt: str = "") -> int:
    return zlib.crc32(f"{entry.name} {salt}".encode())


def function(entry: Entry) -> Any:
    return getattr(_C, entry.name)


def groups(entry: Entry) -> list[str]:
    return str(entry.get("dtypes", "float")).split()


def dtypes(entry: Entry) -> list[str]:
    return [d for group in groups(entry) for d in KINDS[group]]


# ---- elementwise entries ------------------------------------------------------------------------


def domain(entry: Entry, name: str) -> tuple[float, float]:
    given = entry.get("domain")
    if isinstance(given, dict):
        given = given.get(name)
    return tuple(given) if given else (-3.0, 3.0)


def kinks(entry: Entry, name: str) -> list[float]:
    given = entry.get("kinks")
    if isinstance(given, dict):
        given = given.get(name)
    return list(given or [])


def fixed_dtype(entry: Entry, name: str) -> str | None:
    return (entry.get("operand_dtypes") or {}).get(name)


def parameters(entry: Entry) -> dict[str, Any]:
    """Values of what is no tensor and has no default."""
    values = more.PARAMETERS.get(entry.name, {})
    return {p.name: values.get(p.name, 1) for p in entry.others if p.default is None}


def call(entry: Entry, tensors: dict[str, Any], **others: Any) -> Any:
    """The operator, by keyword: what is said of one parameter cannot reach another."""
    chosen = partial(function(entry), **parameters(entry), **others)
    if entry.name not in more.ONE_BY_ONE:
        return chosen(**tensors)
    shape = next(iter(tensors.values())).shape
    flat = {name: tensor.reshape(-1).unbind() for name, tensor in tensors.items()}
    rows = [chosen(**dict(zip(flat, row, strict=True))) for row in zip(*flat.values(), strict=True)]
    return wengert.stack(rows).reshape(shape)


def points(
    entry: Entry, name: str, shape: tuple[int, ...], dtype: str, salt: str = ""
) -> np.ndarray:
    """Random elements of the parameter's domain, small ones included."""
    generator = np.random.default_rng(seed(entry, name + salt))
    low, high = domain(entry, name)
    if fixed_dtype(entry, name) == "bool" or dtype == "bool":
        return generator.random(shape) < 0.5
    if dtype in KINDS["int"]:
        limits = np.iinfo(dtype)
        first, last = max(int(np.ceil(low)), limits.min), min(int(np.floor(high)), limits.max)
        if name in ("exponent",):
            first = 0
        if first > last:  # no whole number in the domain: the ones around it
            first, last = last, first
        return generator.integers(first, last, shape, endpoint=True).astype(dtype)
    if dtype in KINDS["complex"]:
        real, imaginary = generator.uniform(low, high, (2, *shape))
        return real + 1j * np.where(generator.random(shape) < 0.1, 0.0, imaginary)
    values = generator.uniform(low, high, shape)
    small = np.clip(generator.uniform(-1, 1, shape), low, high)
    values = np.where(generator.random(shape) < 0.3, small, values)
    if dtype in ("float16", "bfloat16"):
        # Rounding must not leave the domain, nor the numbers that float16 has.
        edge = min(high, 3e4)
        values = np.clip(values, low + 1e-2 * (edge - low), edge - 1e-2 * (edge - low))
    return values


def inputs(
    entry: Entry, shape: tuple[int, ...], dtype: str, salt: str = ""
) -> dict[str, np.ndarray]:
    return {p.name: points(entry, p.name, shape, dtype, salt) for p in entry.inputs}


def tensor_dtype(entry: Entry, name: str, dtype: str) -> str:
    return "bool" if fixed_dtype(entry, name) == "bool" else dtype


def smooth_points(
    entry: Entry, name: str, count: int, dtype: str, salt: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Points for differences, and how far each may be moved: away from kinks and edges."""
    generator = np.random.default_rng(seed(entry, name + salt + "smooth"))
    low, high = domain(entry, name)
    inner_low, inner_high = max(low, -4.0), min(high, 4.0)
    if inner_high - inner_low < 0.5:
        inner_low, inner_high = low, high
    values: list[complex] = []
    room: list[float] = []
    bends = kinks(entry, name)
    integral = more.JUMPS.get(entry.name)
    width = inner_high - inner_low
    while len(values) < count:
        wide = len(values) % 3 == 2
        x = generator.uniform(max(low, -40), min(high, 40)) if wide else generator.uniform(
            inner_low, inner_high)  # fmt: skip
        distance = min([abs(x - bend) for bend in (*bends, low, high)])
        if integral is not None:
            distance = min(distance, integral(x))
        if distance < 0.02 * min(width, 1.0):
            continue
        z: complex = x
        if dtype.startswith("complex"):
            z = complex(x, generator.uniform(0.1, 1) * generator.choice([-1, 1]))
        values.append(z)
        room.append(min(1.0, distance))
    kind = np.complex128 if dtype.startswith("complex") else np.float64
    return np.array(values, dtype=kind), 1e-3 * np.array(room)


def smooth_inputs(
    entry: Entry, count: int, dtype: str, salt: str = ""
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Operands of equal length for differences, and the steps that they allow."""
    pairs = {p.name: smooth_points(entry, p.name, 3 * count, dtype, salt) for p in entry.inputs}
    arrays = {name: values for name, (values, _) in pairs.items()}
    for name in arrays:
        if fixed_dtype(entry, name) == "bool":
            arrays[name] = points(entry, name, (3 * count,), "bool", salt)
    keep = np.ones(3 * count, dtype=bool)
    if entry.name in more.SMOOTH:
        keep = more.SMOOTH[entry.name](*arrays.values())
    assert keep.sum() >= count, f"{entry.name}: too few smooth points"
    return (
        {name: values[keep][:count] for name, values in arrays.items()},
        {name: steps[keep][:count] for name, (_, steps) in pairs.items()},
    )


@cache
def reference(entry_name: str) -> Callable[..., Any] | None:
    text = table()[entry_name].get("ref")
    if not text:
        return None
    import scipy
    import scipy.special

    scope = {"np": np, "numpy": np, "scipy": scipy, "math": math}
    return eval(text, scope)


def reference_value(entry: Entry, arrays: dict[str, Any], **others: Any) -> np.ndarray:
    """The reference over the parameters in the order of the signature."""
    found = reference(entry.name)
    assert found is not None
    values: list[Any] = []
    given = parameters(entry)
    for p in entry.parameters:
        if p.name in arrays:
            values.append(arrays[p.name])
        elif p.name in given:
            values.append(given[p.name])
    with np.errstate(all="ignore"):
        return np.asarray(found(*values, **others))


# ---- other entries: samples ---------------------------------------------------------------------


def helpers(generator: np.random.Generator) -> dict[str, Any]:
    """What the expressions of samples may say."""

    def sizes(args: tuple[Any, ...]) -> tuple[int, ...]:
        return tuple(args[0]) if len(args) == 1 and not isinstance(args[0], int) else args

    def spd(*args: Any) -> np.ndarray:
        x = generator.standard_normal(sizes(args))
        return x @ np.swapaxes(x, -1, -2) + x.shape[-1] * np.eye(x.shape[-1])

    def randint(low: int, high: int, size: Any = ()) -> np.ndarray:
        return generator.integers(low, high, tuple(size))

    def crandn(*args: Any) -> np.ndarray:
        return generator.standard_normal(sizes(args)) + 1j * generator.standard_normal(sizes(args))

    return {
        "randn": lambda *a: generator.standard_normal(sizes(a)),
        "rand": lambda *a: generator.random(sizes(a)),
        "crandn": crandn,
        "randint": randint,
        "randperm": lambda n: generator.permutation(n),
        "zeros": lambda *a: np.zeros(sizes(a)),
        "ones": lambda *a: np.ones(sizes(a)),
        "full": lambda size, value: np.full(tuple(size), value),
        "eye": lambda *a: np.eye(*a),
        "arange": lambda *a: np.arange(*a),
        "linspace": lambda *a: np.linspace(*a),
        "tensor": lambda data: np.array(data),
        "distinct": lambda *a: _distinct(generator, sizes(a)),
        "spd": spd,
        "tril": np.tril,
        "triu": np.triu,
        "np": np,
        "inf": np.inf,
        "nan": np.nan,
        "True": True,
        "False": False,
        "None": None,
    }


def _distinct(generator: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    """Values that are at least 0.05 apart: no ties for maxima and sorting."""
    count = int(np.prod(size))
    return ((generator.permutation(count) - count / 2) * 0.1 + 0.03).reshape(size)


def sample_values(entry: Entry, sample: dict[str, Any], number: int) -> dict[str, Any]:
    """Parameter -> NumPy array, list of arrays, or plain value."""
    scope = helpers(np.random.default_rng(seed(entry, str(number))))
    values = {}
    for name, given in sample.items():
        parameter = next((p for p in entry.parameters if p.name == name), None)
        assert parameter is not None, f"{entry.name}: sample for unknown parameter '{name}'"
        values[name] = _sample_value(parameter, given, scope)
    return values


def _sample_value(parameter: Parameter, given: Any, scope: dict[str, Any]) -> Any:
    if parameter.is_tensor_list and isinstance(given, list | tuple):
        return [eval(g, scope) if isinstance(g, str) else g for g in given]
    if not isinstance(given, str):
        return given
    if parameter.type in ("str", "str | None"):
        return ast.literal_eval(given) if given[:1] == "'" else given
    if parameter.type in ("dtype", "dtype | None"):
        return None if given == "None" else getattr(_C, given.rpartition(".")[2])
    value = eval(given, scope)
    if parameter.is_tensor and isinstance(value, np.generic | float | int):
        return np.asarray(value) if parameter.type != "Tensor | Number" else value
    return value


def all_samples(entry: Entry) -> list[dict[str, Any]]:
    return list(entry.get("samples") or more.SAMPLES.get(entry.name, []))


def sampled() -> Iterator[tuple[Entry, int]]:
    for entry in table().entries:
        if entry.kind in ("elementwise", "composite"):
            continue
        for number in range(len(all_samples(entry))):
            yield entry, number


def literal_defaults(entry: Entry) -> dict[str, Any]:
    values = {}
    for p in entry.parameters:
        if p.default is not None:
            try:
                values[p.name] = ast.literal_eval(p.default)
            except ValueError:
                continue
    return values
