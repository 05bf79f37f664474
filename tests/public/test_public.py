"""Packages from PyPI, written for PyTorch, train on wengert as they do on PyTorch."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from tests.public import page, runner

# The data files beside this one.
FAMILIES = {
    name: importlib.import_module(f"tests.public.{name}").PACKAGES for name in page.FAMILIES
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "package", "case"),
    [
        pytest.param(family, package, case, id=f"{package.name}-{case}")
        for family, packages in FAMILIES.items()
        for package in packages
        for case in runner.active(package)
    ],
)
def test_case(family: str, package: runner.Package, case: str) -> None:
    runner.check(family, FAMILIES[family], package, case)


def test_page_is_up_to_date(root: Path, update_golden: bool) -> None:
    """docs/compatibility.md says what the tables say. WENGERT_UPDATE_GOLDEN=1 writes it."""
    path = root / "docs" / "compatibility.md"
    text = page.text(FAMILIES)
    if update_golden:
        path.write_text(text)
    assert path.read_text() == text


def test_every_skip_is_of_a_case() -> None:
    for packages in FAMILIES.values():
        for package in packages:
            assert not set(package.skips) - set(package.cases)


def test_numbers_that_differ_are_found() -> None:
    import numpy as np

    good = np.array([1.0, -2.0, 3.0], dtype=np.float32)
    runner.compare("output", good + 2e-4, good, 1e-4)
    with pytest.raises(AssertionError):
        runner.compare("output", good + 4e-4, good, 1e-4)
    with pytest.raises(AssertionError):
        runner.compare("output", good.astype(np.float64), good, 1e-4)
    with pytest.raises(AssertionError):
        runner.compare("output", good[:2], good, 1e-4)
    with pytest.raises(AssertionError):
        runner.compare("indices", np.array([1, 2]), np.array([1, 3]), 1e-4)
