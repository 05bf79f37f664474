"""More random programs, compared with PyTorch: see programs.py.

WENGERT_PROGRAMS=100000 in the environment runs that many; WENGERT_PROGRAMS_FROM is the first seed.
"""

import os

import pytest
from tests.fuzz.programs import check

import wengert as wg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.fuzz


def test_random_programs() -> None:
    first = int(os.environ.get("WENGERT_PROGRAMS_FROM", "1000"))
    reports = []
    for seed in range(first, first + int(os.environ.get("WENGERT_PROGRAMS", "2000"))):
        if report := check(seed, wg, torch):
            reports.append(report)
        if len(reports) == 5:
            break
    assert not reports, "\n\n".join(reports)
