"""Memory comes back: of tensors, and of graphs of any length."""

from pathlib import Path

import pytest

import wengert as wg
from wengert import memory

MIB = 1 << 20


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def chain(length: int) -> tuple[wg.Tensor, wg.Tensor]:
    x = wg.ones(1, requires_grad=True)
    y = x
    for _ in range(length):
        y = y * 1.0
    return x, y


def test_statistics() -> None:
    memory.empty_cache()
    before = memory.memory_allocated()
    memory.reset_peak_memory_stats()
    x = wg.zeros(MIB, dtype=wg.uint8)
    taken = memory.memory_allocated() - before
    assert MIB <= taken <= 1.25 * MIB  # four sizes of blocks per power of two
    del x
    assert memory.memory_allocated() == before
    assert 0 <= memory.max_memory_allocated() - before - taken < 4096
    assert memory.memory_reserved() - before >= MIB
    memory.empty_cache()
    assert memory.memory_reserved() == memory.memory_allocated()


@pytest.mark.parametrize(
    "length", [1_000_000, pytest.param(10_000_000, marks=pytest.mark.slow)], ids=["1M", "10M"]
)
@pytest.mark.parametrize("differentiated", [True, False])
def test_long_chain(length: int, differentiated: bool) -> None:
    """Differentiated and destroyed without recursion; its memory goes back to the system."""
    before = resident()
    x, y = chain(length)
    grown = resident() - before
    assert grown > 16 * length  # some of it may have been there before
    if differentiated:
        y.backward()
        assert x.grad is not None
        assert x.grad.item() == 1.0
    del x, y
    assert resident() - before < 0.2 * grown + 32 * MIB
