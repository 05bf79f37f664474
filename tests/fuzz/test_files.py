"""Damaged and hostile checkpoints raise a clear error: many of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.fuzz import files

SEEDS = range(int(os.environ.get("WENGERT_FUZZ_SEEDS", "2")))


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", list(files.MAKERS))
def test_damaged_files(name: str, seed: int, tmp_path: Path) -> None:
    loaded = files.run(name, 1000 + seed, 1000, tmp_path / "x")
    assert loaded < 1000


@pytest.mark.parametrize("name", list(files.MAKERS))
def test_some_damaged_files(name: str, tmp_path: Path) -> None:
    loaded = files.run(name, 1, 200, tmp_path / "x")
    assert 0 < loaded < 190
