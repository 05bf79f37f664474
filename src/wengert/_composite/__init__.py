"""Operators written in Python out of other operators, one file per family.

Every module lists what it offers: __all__ for the package, METHODS and PROPERTIES of tensors (the
tensor is the first argument), and FUNCTIONAL for `nn.functional`. `method_body` finds the function
behind a method. Names here go before native operators of the same name. Derivatives, forward mode
and batching come from the operators used.
"""

from __future__ import annotations

import types
from typing import Any

from . import (
    copies,
    creation,
    decompositions,
    einsum,
    histograms,
    images,
    indexing,
    joining,
    linalg,
    low_rank,
    matrix_norms,
    older_linalg,
    pointwise,
    queries,
    random,
    reduction,
    sequence,
    shape,
    sparse,
    spectrogram,
    windows,
)
from ._common import checked

MODULES = (
    copies, creation, decompositions, einsum, histograms, images, indexing, joining, linalg,
    low_rank, matrix_norms, older_linalg, pointwise, queries, random, reduction, sequence, shape,
    sparse, spectrogram, windows,
)  # fmt: skip

for _module in MODULES:
    for _name, _function in list(vars(_module).items()):
        if isinstance(_function, types.FunctionType) and _function.__module__ == _module.__name__:
            setattr(_module, _name, checked(_function))


def method_body(module: Any, name: str) -> Any:
    """What a tensor's method calls; seldom anything but the function of that name."""
    return getattr(module, getattr(module, "METHOD_BODIES", {}).get(name, name))
