"""Operators written in Python out of other operators, one file per family.

Every module lists what it offers: FUNCTIONS of the package, METHODS and PROPERTIES of tensors (the
tensor is the first argument), and FUNCTIONAL for `nn.functional`. Derivatives, forward mode and
batching come from the operators used. Names here go before native operators of the same name.
"""

from __future__ import annotations

from . import creation, einsum, indexing, linalg, pointwise, reduction, sequence, shape

MODULES = (creation, einsum, indexing, linalg, pointwise, reduction, sequence, shape)
