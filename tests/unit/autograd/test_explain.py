"""explain(loss, parameter): each way to lose a gradient is recognised, with its line."""

from __future__ import annotations

import gc
import re
import weakref

import pytest
from tests.errors.scripts import Runner

import wengert as wg
from wengert import autograd

HEAD = """
import numpy
import wengert as wg
from wengert import nn
F = nn.functional
wg.manual_seed(0)
w = wg.tensor([1.0, -2.0, 3.0], requires_grad=True)
"""

# Name: (program, operator, words of the reason). The line with '# here' has to be named.
CUTS = {
    "detach": ("""
        h = (w * 2).detach()  # here
        loss = (h * w.new_ones(3, requires_grad=True)).sum()
    """, "detach", "detach() ends the history"),
    "detach of the parameter": ("""
        h = w.detach()  # here
        loss = (h * 2).sum()
    """, "detach", "detach() ends the history"),
    "detach_": ("""
        h = w * 2
        h.detach_()  # here
        loss = h.sum()
    """, "detach_", "detach() ends the history"),
    ".data": ("""
        h = (w * 2).data  # here
        loss = h.sum()
    """, "data", ".data has no history"),
    "no_grad": ("""
        with wg.no_grad():
            h = w.exp()  # here
        loss = (h + 1).sum()
    """, "exp", "made under no_grad()"),
    "inference_mode": ("""
        with wg.inference_mode():
            h = w.exp()  # here
        loss = (h + 1).sum()
    """, "exp", "made under inference_mode()"),
    "argmax": ("""
        best = (w * 2).argmax()  # here
        loss = best.float()
    """, "argmax", "integer or bool result"),
    "a comparison": ("""
        hits = w > 0  # here
        loss = hits.float().mean()
    """, "gt", "integer or bool result"),
    "a conversion to integers": ("""
        steps = (w * 4).long()  # here
        loss = steps.sum().float()
    """, "to", "integer or bool result"),
    "item": ("""
        value = w[2].item()  # here
        loss = wg.tensor(value) * 2
    """, "item", "the value left for Python here"),
    "tolist": ("""
        values = w.tolist()  # here
        loss = wg.tensor(values).sum()
    """, "tolist", "the value left for Python here"),
    "NumPy": ("""
        h = w * 2
        array = numpy.exp(h.detach().numpy())  # here
        loss = wg.from_numpy(array).sum()
    """, "detach", "detach() ends the history"),
    "zeros_like": ("""
        h = wg.zeros_like(w)  # here
        loss = h.sum()
    """, "zeros_like", "takes only the shape of its input"),
    "grad() without create_graph": ("""
        (g,) = wg.autograd.grad((w ** 3).sum(), w)  # here
        loss = g.sum()
    """, "autograd.grad", "computed without create_graph=True"),
    "mark_non_differentiable": ("""
        class Half(wg.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                y = x * 0.5
                ctx.mark_non_differentiable(y)
                return y

            @staticmethod
            def backward(ctx, g):
                return g

        h = Half.apply(w)  # here
        loss = h.sum()
    """, "Half", "the custom function marks this output as not differentiable"),
    "requires_grad_() after a cut": ("""
        h = (w * 2).detach()  # here
        h.requires_grad_()
        loss = (h * h).sum()
    """, "detach", "detach() ends the history"),
    "deep inside, behind live operations": ("""
        enc = w * 2
        gate = enc.detach()  # here
        other = wg.ones(3, requires_grad=True)
        loss = ((other * gate).exp() + other).sum()
    """, "detach", "detach() ends the history"),
}  # fmt: skip

ZEROS = {
    "round": ("loss = w.mul(2).round().sum()  # here", "round", "zero everywhere"),
    "a dead relu": ("loss = (w - 10).relu().sum()  # here", "relu", "dead"),
    "times zero": ("loss = ((w * 2) * 0).sum()  # here", "mul", "multiplied by zero"),
    "zero weights": ("""
        head = nn.Linear(3, 1)
        with wg.no_grad():
            head.weight.fill_(0.0)
        loss = head(w * 2).sum()  # here
    """, "linear", "multiplied by zero"),
    "masked out": ("""
        mask = wg.zeros(3, dtype=wg.bool)
        loss = wg.where(mask, w * 2, 1.0).sum()  # here
    """, "where", "none of its elements was selected"),
    "clamped": ("loss = (w * 100).clamp(-10, 10).sum()  # here", "clamp_min", "outside of the limits"),
    "a slice that leaves it out": ("""
        both = wg.cat([w, w.new_ones(3, requires_grad=True)])  # here
        loss = both[3:].sum()
    """, "cat", "no gradient reaches the part that it contributes"),
    "the maximum is elsewhere": ("""
        best = wg.maximum(w, wg.full((3,), 10.0))  # here
        loss = best.sum()
    """, "maximum", "none of its elements was selected"),
    "a saturated sigmoid": ("loss = (w * 1000).sigmoid().sum()  # here", "sigmoid", "saturated"),
    "written over": ("""
        h = w * 2
        h[:] = 1.0  # here
        loss = (h * w.new_ones(3, requires_grad=True)).sum()
    """, "copy_", "written over"),
    "everything was dropped": ("loss = F.dropout(w * 2, 1.0).sum()  # here", "dropout", "dropped"),
    "uses that cancel": ("""
        h = w * 2  # here
        loss = (h - h).sum()
    """, "sub", "cancel"),
}  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch) -> Runner:
    return Runner(tmp_path, monkeypatch)


def explained(run: Runner, program: str) -> tuple[autograd.Explanation, int]:
    text = HEAD + re.sub("^        ", "", program.strip("\n"), flags=re.M)
    text += "\nresult = wg.autograd.explain(loss, w)\n"
    outcome = run(text)
    assert outcome.error is None, outcome.message
    lines = text.lstrip("\n").split("\n")
    return outcome.names["result"], next(i for i, s in enumerate(lines, 1) if "# here" in s)


@pytest.mark.parametrize("name", CUTS)
def test_cause_of_a_cut(run: Runner, name: str) -> None:
    program, op, reason = CUTS[name]
    found, line = explained(run, program)
    assert (found.verdict, found.op) == ("cut", op), str(found)
    assert reason in found.reason
    assert found.site is not None
    assert found.site.endswith(f"script.py:{line}")
    assert f"the history is cut by {op}" in str(found)
    assert found.path[-1] == (op, found.site)


@pytest.mark.parametrize("name", ZEROS)
def test_cause_of_a_zero(run: Runner, name: str) -> None:
    program, op, reason = ZEROS[name]
    found, line = explained(run, program)
    assert (found.verdict, found.op) == ("zero", op), str(found)
    assert reason in found.reason
    if name != "uses that cancel":
        assert found.site is not None
        assert found.site.endswith(f"script.py:{line}")


def test_gradient() -> None:
    w = wg.ones(2, requires_grad=True)
    loss = (w.exp() * 2).sum()
    found = autograd.explain(loss, w)
    assert found.verdict == "gradient"
    assert [op for op, _ in found.path] == ["sum", "mul", "exp"]
    assert str(found).startswith("loss depends on tensor 'w'")
    assert w.grad is None
    loss.backward()  # the graph is whole


def test_freed() -> None:
    w = wg.ones(2, requires_grad=True)
    loss = (w.exp() * 2).sum()
    loss.backward()
    assert autograd.explain(loss, w).verdict == "freed"


def test_unused() -> None:
    w, other = wg.ones(2, requires_grad=True), wg.ones(2, requires_grad=True)
    found = autograd.explain(other.sum(), w)
    assert found.verdict == "unused"
    assert "does not depend on tensor 'w'" in str(found)


def test_frozen() -> None:
    w, other = wg.ones(2, requires_grad=True), wg.ones(2, requires_grad=True)
    w.requires_grad_(False)
    found = autograd.explain((other * w).sum(), w)
    assert (found.verdict, found.op) == ("frozen", "requires_grad_")


def test_of_a_vector_and_of_a_result() -> None:
    w = wg.ones(2, requires_grad=True)
    h = w * 2
    assert autograd.explain(h.exp(), w).verdict == "gradient"
    assert autograd.explain(h.exp(), h).verdict == "gradient"
    assert autograd.explain(h.detach().exp(), h).verdict == "cut"


def test_of_a_loss_alone() -> None:
    w = wg.ones(2, requires_grad=True)
    found = autograd.explain((w.detach() * 2).sum())
    assert (found.verdict, found.op) == ("cut", "detach")
    assert [op for op, _ in found.path] == ["sum", "mul", "detach"]
    assert autograd.explain(w.sum()).verdict == "gradient"


def test_a_parameter_is_called_by_its_name() -> None:
    net = wg.nn.Sequential(wg.nn.Linear(2, 2), wg.nn.Linear(2, 1))
    loss = net[1](net[0](wg.ones(1, 2)).detach()).sum()
    found = autograd.explain(loss, net[0].weight)
    assert found.verdict == "cut"
    assert "no gradient reaches parameter 'net.0.weight'" in str(found)
    # The graph in front of the cut is gone; its leaves are remembered.
    assert autograd.explain(loss, net[0].bias).verdict == "cut"
    assert autograd.explain(loss, net[1].weight).verdict == "gradient"
    assert autograd.explain(loss, wg.ones(2, requires_grad=True)).verdict == "unused"


def test_nothing_is_kept_alive() -> None:
    """A tensor that lost its history keeps neither the graph nor its leaves."""
    gc.collect()
    _, before = wg._C._live_objects()
    w = wg.ones(1000, requires_grad=True)
    gone = weakref.ref(w)
    h = w.exp().detach()
    assert autograd.explain(h.sum(), w).verdict == "cut"
    del w
    gc.collect()
    assert gone() is None
    assert wg._C._live_objects()[1] == before
    assert autograd.explain(h).verdict == "cut"
