"""What the table itself does not say: samples, jumps, checks left out and the reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# (entry, check) -> why the check is left out.
SKIPS: dict[tuple[str, str], str] = {
    ("_binary_cross_entropy", "zeros"): "raises for inputs outside [0, 1]",
}

# Values for parameters that are no tensors and have no default (else 1).
PARAMETERS: dict[str, dict[str, Any]] = {
    "threshold": {"threshold": 0.1, "value": 20.0},
    "polygamma": {"n": 1},
    "_smooth_l1": {"beta": 0.7},
    "_huber": {"delta": 0.7},
    "_poisson_nll": {"eps": 1e-8},
    "_nan_to_num": {"nan": 0.0, "posinf": 3.0, "neginf": -3.0},
}


def _to_integer(x: float) -> float:
    return abs(x - round(x))


# Piecewise operators whose jumps repeat: how far a point is from the nearest.
JUMPS: dict[str, Callable[[float], float]] = {
    "floor": _to_integer,
    "ceil": _to_integer,
    "trunc": _to_integer,
    "frac": _to_integer,
    "round": lambda x: abs(x - round(x - 0.5) - 0.5),
    "threshold": lambda x: abs(x - 0.1),
}


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a - b) > 0.05


def _no_whole_quotient(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a / b - np.round(a / b)) > 0.05


def _off_corner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(np.abs(a - b) - 0.7) > 0.05


# Operators that bend where operands meet: which elements are far from that.
SMOOTH: dict[str, Callable[..., np.ndarray]] = {
    "maximum": _apart, "minimum": _apart, "fmax": _apart, "fmin": _apart,
    "clamp_min": _apart, "clamp_max": _apart,
    "_clamp": lambda x, low, high: _apart(x, low) & _apart(x, high),
    "_div_trunc": _no_whole_quotient, "floor_divide": _no_whole_quotient,
    "remainder": _no_whole_quotient, "fmod": _no_whole_quotient,
    "_smooth_l1": _off_corner, "_huber": _off_corner,
}  # fmt: skip

# Samples of entries that carry none of their own.
SAMPLES: dict[str, list[dict[str, Any]]] = {}
