"""Random programs of operators, views, writes in place, hooks and backward calls: wengert and
PyTorch agree on values, gradients, flags and on which lines raise. The seeds are fixed; the fuzzer
in tests/fuzz runs others."""

import pytest
from tests.fuzz.programs import check

import wengert as wg

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("block", range(40))
def test_programs(block: int) -> None:
    for seed in range(block * 25, block * 25 + 25):
        report = check(seed, wg, torch)
        assert report is None, report
