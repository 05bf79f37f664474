"""lint(): one training step is watched; parameters without a gradient get a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

import wengert as wg
from wengert import autograd, nn

F = nn.functional


class Net(nn.Module):
    """Every parameter but one loses its gradient, each in a way of its own."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("good", "rounded", "dead", "cut", "chosen", "unused", "frozen"):
            setattr(self, name, nn.Parameter(wg.ones(3)))
        self.frozen.requires_grad_(False)

    def forward(self, x: wg.Tensor) -> wg.Tensor:
        total = (x * self.good).sum()
        total = total + (x * self.rounded).round().sum()
        total = total + F.relu(x * self.dead - 100).sum()
        total = total + (x * self.cut).detach().sum()
        total = total + (x * self.chosen).argmax()
        return total + (x * self.frozen).sum()


def line(text: str) -> int:
    lines = Path(__file__).read_text().split("\n")
    return next(i for i, code in enumerate(lines, 1) if text in code)


def test_each_way_has_its_verdict() -> None:
    net = Net()
    with autograd.lint(net) as report:
        net(wg.ones(3)).backward()
    found = {finding.name: (finding.verdict, finding.op) for finding in report}
    assert found == {
        "rounded": ("zero", "round"),
        "dead": ("zero", "relu"),
        "cut": ("cut", "detach"),
        "chosen": ("cut", "argmax"),
        "unused": ("unused", ""),
        "frozen": ("frozen", ""),
    }
    assert len(report) == 6
    assert "good" not in report
    for name in ("rounded", "dead", "cut", "chosen"):
        site = report[name].site
        assert site is not None
        assert site.endswith(f"test_lint.py:{line(f'x * self.{name}')}")
    text = str(report)
    assert text.startswith("6 of 7 parameters have no gradient:")
    assert "dead: no element that it reads lies where it has a slope" in text


def test_nothing_to_complain_about() -> None:
    net = nn.Linear(2, 1)
    with autograd.lint(net) as report:
        net(wg.ones(1, 2)).sum().backward()
    assert len(report) == 0
    assert str(report) == "all 2 parameters have a gradient"


def test_gradients_of_several_calls_count_together() -> None:
    net = nn.ModuleList([nn.Linear(2, 1), nn.Linear(2, 1)])
    with autograd.lint(net) as report:
        for layer in net:
            layer(wg.ones(1, 2)).sum().backward()
    assert len(report) == 0


def test_no_backward() -> None:
    net = nn.Linear(2, 1)
    with autograd.lint(net) as report:
        net(wg.ones(1, 2))
    assert {finding.verdict for finding in report} == {"no backward"}


def test_what_may_be_given() -> None:
    layer = nn.Linear(2, 1)
    for what in [(layer,), (layer.weight, layer.bias), (layer.parameters(),),
                 (layer.named_parameters(),), ([layer],)]:  # fmt: skip
        with autograd.lint(*what) as report:
            pass
        assert len(report) == 2
    with autograd.lint() as everything:
        pass
    assert "layer.weight" in everything
    with pytest.raises(TypeError, match="expected modules or parameters, got int"):
        autograd.lint(3)


def test_the_report_comes_after_the_block() -> None:
    report = autograd.lint(nn.Linear(2, 1))
    with pytest.raises(RuntimeError, match="the report is there after the with block"):
        len(report)
    with report:
        pass
    assert len(report) == 2


def test_an_error_inside_ends_the_watch() -> None:
    net = nn.Linear(2, 1)
    report = autograd.lint(net)
    with pytest.raises(KeyError), report:
        raise KeyError
    net(wg.ones(1, 2)).sum().backward()  # nobody looks on
    with report:
        net(wg.ones(1, 2)).sum().backward()
    assert len(report) == 0
