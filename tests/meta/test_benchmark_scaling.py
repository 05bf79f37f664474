"""The benchmark of growth and threads: its programs run, and what is too slow is told."""

from __future__ import annotations

import pytest
from benchmarks import scaling


@pytest.mark.parametrize("name", scaling.SERIES)
def test_programs_run(name: str) -> None:
    make, sizes = scaling.SERIES[name]
    assert len(sizes) == 4
    assert sizes[-1] == 1000 * sizes[0]
    make(sizes[0])()


def test_kernels_run() -> None:
    for group in scaling.kernels():
        for step in group.values():
            step()


def test_growth_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 8.0, 80.0, 1300.0])
    monkeypatch.setattr(scaling, "seconds_of", lambda step, seconds: next(times))
    points = list(scaling.growth(lambda size: lambda: None, (1, 10, 100, 1000), 0.0))
    assert [p.allowed for p in points] == pytest.approx([None, 15.0, 120.0, 1200.0])
    assert [p.ok for p in points] == [True, True, True, False]


@pytest.mark.parametrize(("gain", "loss", "code"), [(1.8, 1.0, 0), (1.6, 1.0, 1), (1.8, 0.8, 1)])
def test_verdict(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    gain: float,
    loss: float,
    code: int,
) -> None:
    monkeypatch.setattr(scaling, "SERIES", {"things": (lambda size: lambda: None, (1, 10))})
    monkeypatch.setattr(scaling, "kernels", lambda: ({"big": int}, {"little": float}))
    monkeypatch.setattr(scaling, "seconds_of", lambda step, seconds: 1e-6)
    monkeypatch.setattr(scaling, "ratio", lambda step, seconds: gain if step is int else loss)
    assert scaling.main([]) == code
    out = capsys.readouterr().out
    assert "PASS  things: 1: 1000 ns, 10: 100 ns each" in out
    assert f"{'PASS' if gain >= 1.7 else 'FAIL'}  a second thread: big, {gain:.2f}x" in out
    assert f"{'PASS' if loss >= 0.9 else 'FAIL'}  a second thread: little, {loss:.2f}x" in out
