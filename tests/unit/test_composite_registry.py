"""The lists by which the package finds the composite operators."""

from __future__ import annotations

import inspect

import pytest

import wengert
from wengert._composite import MODULES, method_body


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_lists_name_documented_functions(module: object) -> None:
    for name in (*module.__all__, *module.PROPERTIES, *module.FUNCTIONAL):
        assert getattr(module, name).__doc__, name
    for name in module.METHODS:
        assert next(iter(inspect.signature(method_body(module, name)).parameters)) in (
            "input",
            "tensor",
        )


def test_no_name_has_two_homes() -> None:
    for kind in ("__all__", "METHODS"):
        names = [name for module in MODULES for name in getattr(module, kind)]
        assert len(names) == len(set(names))


def test_no_name_is_offered_twice() -> None:
    """A native operator that a composite of the same name wraps is private in the table."""
    native = set(wengert._C.__all__)
    for module in MODULES:
        assert not native & set(module.__all__), module.__name__
