"""The benchmarks of what is always on, or may be left on: their programs run, and are told apart."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from benchmarks import anomaly, sites, switched

import wengert as wg
from wengert import autograd


@pytest.mark.parametrize("setup", [switched.MLP_SMALL, switched.MLP, switched.RESNET])
def test_programs_run_in_either_mode(setup: str) -> None:
    step = switched.program("wengert", setup)
    for mode in (False, True):
        with autograd.set_detect_anomaly(mode):
            step()


def test_programs_run_in_pytorch() -> None:
    pytest.importorskip("torch")
    for setup in (switched.MLP, switched.RESNET):
        switched.program("torch", setup)()


def test_cost_is_that_of_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"on": False, "steps": 0, "now": 0.0}
    monkeypatch.setattr(switched, "time", SimpleNamespace(perf_counter=lambda: state["now"]))

    def step() -> None:
        state["steps"] += 1
        state["now"] += 0.003 if state["on"] else 0.002
        if state["steps"] == 10:  # something else takes the processor
            state["now"] += 1

    found = switched.cost(step, lambda on: state.update(on=on), 5.0)
    assert found.ratio == pytest.approx(1.5)
    assert found.seconds == pytest.approx(0.002)
    assert state["on"] is False
    assert state["steps"] > 1000


def test_sites_are_switched_off_and_on_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def cost(step: object, switch: object, seconds: float) -> switched.Cost:
        for on in (False, True):
            switch(on)  # type: ignore[operator]
            seen.append(wg.ones(1, requires_grad=True).exp().grad_fn.site)
        switch(False)  # type: ignore[operator]
        return switched.Cost(1e-5, 1.01)

    monkeypatch.setattr(sites, "cost", cost)
    assert sites.main(["--seconds", "0"]) == 0
    assert seen[0] == "<unknown>"
    assert __file__ in seen[1]
    assert __file__ in wg.ones(1, requires_grad=True).exp().grad_fn.site


def test_verdict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(anomaly, "machine", lambda: "a machine")
    monkeypatch.setattr(anomaly, "frameworks", lambda: ["wengert", "torch"])
    for ratio, verdict in [(1.1, "PASS"), (1.2, "FAIL")]:
        ratios = {"wengert": f'{{"net": [1e-4, {ratio}]}}', "torch": '{"net": [2e-4, 2.5]}'}
        monkeypatch.setattr(anomaly, "python", lambda *a, known=ratios: known[a[3]])
        assert anomaly.main([]) == (verdict == "FAIL")
        out = capsys.readouterr().out
        assert f"| net | wengert | 100 us | {ratio:.2f} times |" in out
        assert f"{verdict}  anomaly mode: {ratio:.2f} times a step (at most 1.15)" in out
