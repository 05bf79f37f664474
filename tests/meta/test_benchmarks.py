"""The benchmark program's pieces run, and it judges and writes what it should."""

from pathlib import Path

import pytest
from benchmarks import __main__ as program
from benchmarks import measure, overhead, worker
from benchmarks.groups import GROUPS, WORKLOADS


@pytest.mark.parametrize("group", GROUPS)
def test_every_workload_runs(group: str) -> None:
    answer = worker.run("wengert", group, 0.0)
    assert answer["missing"] == {}
    assert list(answer["times"]) == [workload.name for workload in GROUPS[group]]
    assert all(0 < seconds < 60 for seconds in answer["times"].values())
    assert answer["peak_bytes"] > 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_every_workload_runs_in_pytorch(group: str) -> None:
    pytest.importorskip("torch")
    assert worker.run("torch", group, 0.0)["missing"] == {}


def test_names_are_unique() -> None:
    assert len(WORKLOADS) == sum(map(len, GROUPS.values()))


def test_worker_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "frameworks", lambda: ["wengert"])
    results = measure.measure(1, 0.0, ["chains on 4 floats"])
    assert overhead.CHAIN_BOTH in results
    assert results[measure.IMPORT].middle("wengert") > 0
    assert results["installed size, without dependencies"].middle("wengert") > 1e5
    assert "| chain of 100 multiplications, forward |" in program.table(results)
    lines = [goal.line() for goal in program.targets(results)]
    assert "SKIP  geometric mean over PyTorch: not measured" in lines


def result(unit: str, ours: list[float], theirs: list[float]) -> measure.Series:
    return measure.Series(unit, {"wengert": ours, "torch": theirs})


@pytest.fixture
def results() -> measure.Results:
    return {
        "x * y, recorded": result("ns", [250e-9, 200e-9, 900e-9], [1e-6, 1e-6, 4e-6]),
        overhead.CHAIN_FORWARD: result("us", [3e-5, 2e-5, 4e-5], [1e-4, 1e-4, 1e-4]),
        overhead.CHAIN_BOTH: result("us", [1e-5], [1e-4]),
    }


def test_verdicts(results: measure.Results) -> None:
    goals = program.targets(results)
    lines = [goal.line() for goal in goals]
    assert lines[0] == "PASS  an operation on 4 floats, recorded: 250 ns (at most 300)"
    assert lines[1] == "SKIP  import time: not measured"
    assert f"FAIL  {overhead.CHAIN_FORWARD}: 3.33 (at least 4)" in lines
    assert f"PASS  {overhead.CHAIN_BOTH}: 10 (at least 4)" in lines
    row = program.table(results).splitlines()[2]
    assert row == "| x * y, recorded | 250 ns | 1000 ns | 4.44 |"


def test_regression_gate(results: measure.Results) -> None:
    assert program.regressions(results, {"x * y, recorded": 4.44 * 1.14}) == []
    worse = program.regressions(results, {"x * y, recorded": 4.44 * 1.2, "gone": 3.0})
    assert worse == ["WORSE x * y, recorded: 4.44 times as fast as PyTorch, was 5.33"]


def test_order_alternates() -> None:
    assert list(measure.in_turn(3, ["a", "b"])) == ["a", "b", "b", "a", "a", "b"]


def test_write(tmp_path: Path, results: measure.Results) -> None:
    file = tmp_path / "README.md"
    file.write_text(program.README.read_text())
    program.write("first", file)
    once = file.read_text()
    program.write("second", file)
    assert file.read_text() == once.replace("first", "second")
    assert once.count(program.BEGIN) == once.count(program.END) == 1
    program.write_baseline(results, tmp_path / "baseline.json")
    assert '"x * y, recorded": 4.44' in (tmp_path / "baseline.json").read_text()
