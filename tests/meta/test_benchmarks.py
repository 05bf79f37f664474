"""The benchmark program's pieces run, and it judges and writes what it should."""

from pathlib import Path

import pytest
from benchmarks import __main__ as program
from benchmarks import overhead, worker


@pytest.mark.parametrize("group", overhead.GROUPS)
def test_every_workload_runs(group: str) -> None:
    answer = worker.run("wengert", group, 0.0)
    assert answer["missing"] == {}
    assert list(answer["times"]) == [workload.name for workload in overhead.GROUPS[group]]
    assert all(0 < seconds < 10 for seconds in answer["times"].values())
    assert answer["peak_bytes"] > 1_000_000


def test_every_workload_runs_in_pytorch() -> None:
    pytest.importorskip("torch")
    for group in overhead.GROUPS:
        assert worker.run("torch", group, 0.0)["missing"] == {}


def test_worker_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "frameworks", lambda: ["wengert"])
    results = program.measure(1, 0.0, ["chains on 4 floats"])
    assert overhead.CHAIN_BOTH in results
    assert results[program.IMPORT].middle("wengert") > 0
    assert results["installed size, without dependencies"].middle("wengert") > 1e5
    assert "| chain of 100 multiplications, forward |" in program.table(results)
    assert [goal.line().split()[0] for goal in program.targets(results)][1:3] == ["SKIP", "SKIP"]


def result(unit: str, ours: list[float], theirs: list[float]) -> program.Series:
    return program.Series(unit, {"wengert": ours, "torch": theirs})


def test_targets() -> None:
    results = {
        "x * y, recorded": result("ns", [250e-9, 200e-9, 900e-9], [1e-6, 1e-6, 4e-6]),
        overhead.CHAIN_FORWARD: result("us", [3e-5, 2e-5, 4e-5], [1e-4, 1e-4, 1e-4]),
        overhead.CHAIN_BOTH: result("us", [1e-5], [1e-4]),
    }
    goals = program.targets(results)
    assert [goal.line().split()[0] for goal in goals] == ["PASS", "FAIL", "PASS", "SKIP"]
    assert goals[0].line() == "PASS  an operation on 4 floats, recorded: 250 ns (at most 300)"
    assert [goal.missed() for goal in goals] == [False, True, False, False]
    row = program.table(results).splitlines()[2]
    assert row == "| x * y, recorded | 250 ns | 1000 ns | 0.23 |"


def test_order_alternates() -> None:
    assert list(program.in_turn(3, ["a", "b"])) == ["a", "b", "b", "a", "a", "b"]


def test_write(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(program.README.read_text())
    program.write("first", file)
    once = file.read_text()
    program.write("second", file)
    assert file.read_text() == once.replace("first", "second")
    assert once.count(program.BEGIN) == once.count(program.END) == 1
