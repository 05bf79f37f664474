"""Anomaly mode: seeded faults are found at their line, healthy programs are left alone."""

from __future__ import annotations

import re

import pytest
from tests.errors.scripts import Runner

import wengert as wg
from wengert import autograd


@pytest.fixture
def run(tmp_path, monkeypatch) -> Runner:
    return Runner(tmp_path, monkeypatch)


HEAD = """
import math
import wengert as wg
from wengert import nn, optim
from wengert.autograd import detect_anomaly
F = nn.functional
wg.manual_seed(0)
"""

# The line with '# fault' is the one that has to be named.
FAULTS = {
    "log of 0, times 0": """
        x = wg.tensor([0.5, 0.0], requires_grad=True)
        with detect_anomaly():
            logs = x.log()  # fault
            loss = -(x * logs).sum()
            loss.backward()
    """,
    "log of a negative number": """
        x = wg.tensor([0.5, -1.0], requires_grad=True)
        with detect_anomaly():
            y = x * 2
            z = y.log()  # fault
            z.mean().backward()
    """,
    "0 / 0": """
        x = wg.zeros(3, requires_grad=True)
        with detect_anomaly():
            total = x.sum()
            share = x / total  # fault
            share.max().backward()
    """,
    "a vector divided by its norm": """
        x = wg.zeros(1, 3, requires_grad=True)
        with detect_anomaly():
            unit = x / x.norm(dim=1, keepdim=True)  # fault
            (unit - 1).square().sum().backward()
    """,
    "the derivative of sqrt at 0": """
        x = wg.tensor([0.0, 3.0], requires_grad=True)
        with detect_anomaly():
            squares = x * x
            roots = squares.sqrt()  # fault
            roots.sum().backward()
    """,
    "sqrt of a negative number": """
        x = wg.tensor([-1e-7, 3.0], requires_grad=True)
        with detect_anomaly():
            y = x.sqrt()  # fault
            y.sum().backward()
    """,
    "exp overflows in a softmax by hand": """
        x = wg.tensor([100.0, 1.0], requires_grad=True)
        with detect_anomaly():
            e = x.exp()  # fault
            p = e / e.sum()
            p[0].backward()
    """,
    "infinity times 0 in a loss scale": """
        x = wg.tensor([0.0, 1.0], requires_grad=True)
        scale = wg.tensor(2.0)
        with detect_anomaly():
            scale = scale.pow(1000)  # fault
            loss = (x * scale).sum()
            loss.backward()
    """,
    "nan in the data": """
        data = wg.tensor([[1.0, math.nan], [0.0, 1.0]])
        net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        with detect_anomaly():
            out = net(data)  # fault
            out.sum().backward()
    """,
    "nan born in Adam": """
        net = nn.Linear(2, 1, bias=False)
        optimizer = optim.Adam(net.parameters(), eps=0.0)
        with detect_anomaly():
            net(wg.zeros(1, 2)).sum().backward()
            optimizer.step()  # fault
    """,
    "a parameter updated by hand": """
        w = wg.zeros(2, requires_grad=True)
        with detect_anomaly():
            (w * 0).sum().backward()
            with wg.no_grad():
                w -= w.grad / w.grad.norm()  # fault
    """,
    "softmax of nothing but -inf": """
        x = wg.zeros(2, 2, requires_grad=True)
        with detect_anomaly():
            masked = x.masked_fill(wg.tensor([[True, True], [False, True]]), -math.inf)
            p = masked.softmax(1)  # fault
            p.sum().backward()
    """,
    "infinity minus infinity": """
        x = wg.tensor([90.0, 1.0], requires_grad=True)
        with detect_anomaly():
            up = x.exp()  # fault
            y = up - x.exp()
            y.sum().backward()
    """,
    "acos outside of its domain": """
        x = wg.tensor([1.0000001, 0.5], requires_grad=True)
        with detect_anomaly():
            y = x.acos()  # fault
            y.sum().backward()
    """,
    "a power of a negative number": """
        x = wg.tensor([-0.5, 0.5], requires_grad=True)
        with detect_anomaly():
            y = x ** 1.5  # fault
            y.sum().backward()
    """,
    "mean of nothing": """
        x = wg.tensor([-0.5, -0.5], requires_grad=True)
        with detect_anomaly():
            y = x[x > 0].mean()  # fault
            y.backward()
    """,
    "cross-entropy without a target": """
        x = wg.randn(2, 3, requires_grad=True)
        target = wg.tensor([-100, -100])
        with detect_anomaly():
            loss = F.cross_entropy(x, target)  # fault
            (loss + x.sum()).backward()
    """,
    "a division in place": """
        x = wg.tensor([0.0, 1.0], requires_grad=True)
        with detect_anomaly():
            y = x * 1
            y /= x.detach()  # fault
            y.sum().backward()
    """,
    "half precision overflows": """
        x = wg.full((2,), 300.0, dtype=wg.float16, requires_grad=True)
        with detect_anomaly(check_inf=True):
            y = x * 2
            z = y * y  # fault
            z.sum().backward()
    """,
    "an activation overflows in a module": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(2, 2)

            def forward(self, x):
                h = self.fc(x)
                return (h * 1e30) * 1e30  # fault

        net = Net()
        with detect_anomaly(check_inf=True):
            net(wg.ones(1, 2)).sum().backward()
    """,
    "the second derivative": """
        x = wg.tensor([0.0, 1.0], requires_grad=True)
        with detect_anomaly():
            y = x ** 2
            z = y.sqrt() * 2  # fault
            (g,) = wg.autograd.grad(z.sum() * 0 + (x ** 3).sum(), x, create_graph=True)
            (g.sum() + z.sum()).backward()
    """,
    "a step that is too long": """
        w = nn.Parameter(wg.ones(2))
        optimizer = optim.SGD([w], lr=1e30)
        with detect_anomaly(check_inf=True):
            (w * 1e10).sum().backward()
            optimizer.step()  # fault
    """,
    "nan that nothing reads": """
        with detect_anomaly():
            metric = wg.tensor(0.0) / 0  # fault
    """,
    "log of a probability that underflows": """
        x = wg.tensor([[0.0, 200.0]], requires_grad=True)
        with detect_anomaly(check_inf=True):
            p = x.softmax(1)
            loss = -p.log()[0, 0]  # fault
            loss.backward()
    """,
}


def named_line(message: str) -> int:
    """The line that the message puts first: who made infinity out of finite values, or else NaN."""
    made = re.search(r"inf made by.*?script\.py:(\d+)", message)
    found = made or re.search(r"script\.py:(\d+)", message)
    assert found, message
    return int(found.group(1))


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_found_at_its_line(run: Runner, name: str) -> None:
    program = HEAD + re.sub("^        ", "", FAULTS[name], flags=re.M)
    lines = program.lstrip("\n").split("\n")
    seeded = next(i for i, line in enumerate(lines, 1) if "# fault" in line)
    outcome = run(program)
    assert isinstance(outcome.error, RuntimeError), outcome.error
    assert named_line(outcome.message) == seeded, outcome.message


HEALTHY = {
    "attention with a mask": """
        q, k, v = (wg.randn(1, 2, 4, 8, requires_grad=True) for _ in range(3))
        mask = wg.ones(4, 4, dtype=wg.bool).tril()
        scores = (q @ k.transpose(-2, -1)).masked_fill(~mask, -math.inf)
        (scores.softmax(-1) @ v).sum().backward()
    """,
    "a guarded logarithm": """
        x = wg.tensor([0.0, 2.0], requires_grad=True)
        wg.where(x > 0, x.log(), 0.0).sum().backward()
    """,
    "a guarded logarithm of negative numbers": """
        x = wg.tensor([-1.0, 2.0], requires_grad=True)
        wg.where(x > 0, x.log(), 0.0).sum().backward()
    """,
    "a guarded square root": """
        x = wg.tensor([0.0, 2.0], requires_grad=True)
        wg.where(x > 0, x.sqrt(), 0.0).sum().backward()
    """,
    "entropy by xlogy": """
        p = wg.tensor([0.0, 1.0], requires_grad=True)
        (-wg.xlogy(p, p)).nansum().mul(1.0)
        wg.where(p > 0, p * p.log(), 0.0).sum().backward()
    """,
    "log-sum-exp with excluded terms": """
        x = wg.randn(3, 4, requires_grad=True)
        x.masked_fill(wg.eye(3, 4, dtype=wg.bool), -math.inf).logsumexp(1).sum().backward()
    """,
    "cross-entropy with impossible classes": """
        x = wg.randn(2, 3, requires_grad=True)
        mask = wg.tensor([0.0, 0.0, -math.inf])
        F.cross_entropy(x + mask, wg.tensor([0, 1])).backward()
    """,
    "max pooling with padding": """
        x = wg.randn(1, 1, 4, 4, requires_grad=True)
        F.max_pool2d(x, 3, 2, padding=1).sum().backward()
    """,
    "data with nan is cleaned": """
        data = wg.tensor([1.0, math.nan, 3.0])
        w = wg.ones(3, requires_grad=True)
        clean = wg.where(data.isnan(), 0.0, data)
        (w * clean).sum().backward()
        (w * wg.nan_to_num(data)).sum().backward()
    """,
    "the best of all steps": """
        best = wg.tensor(math.inf)
        w = nn.Parameter(wg.ones(2))
        optimizer = optim.Adam([w])
        for _ in range(3):
            optimizer.zero_grad()
            loss = (w * w).sum()
            loss.backward()
            optimizer.step()
            best = wg.minimum(best, loss.detach())
        assert best.isfinite()
    """,
    "sampling from the most likely": """
        logits = wg.randn(2, 8)
        with wg.no_grad():
            least = logits.topk(3)[0][:, -1:]
            p = logits.masked_fill(logits < least, -math.inf).softmax(-1)
            wg.multinomial(p, 1)
    """,
    "a network with everything": """
        net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
                            nn.MaxPool2d(2), nn.Dropout(0.5), nn.Flatten(), nn.Linear(16, 3))
        optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(wg.randn(8, 1, 4, 4)), wg.randint(0, 3, (8,))).backward()
            optimizer.step()
    """,
    "second derivatives": """
        x = wg.randn(4, requires_grad=True)
        (g,) = wg.autograd.grad((x.tanh() ** 2).sum(), x, create_graph=True)
        (g ** 2).sum().backward()
    """,
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_programs_are_left_alone(run: Runner, name: str) -> None:
    program = HEAD + "with detect_anomaly():\n" + re.sub("^    ", "", HEALTHY[name], flags=re.M)
    outcome = run(program)
    assert outcome.error is None, outcome.message


def test_healthy_means_watched() -> None:
    """The programs above would pass too if nothing were looked at."""
    x = wg.tensor([-1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="is nan"), autograd.detect_anomaly():
        x.log().sum().backward()


# --- PyTorch's meaning ---


def test_sentence_of_the_backward_pass() -> None:
    x = wg.tensor([0.0], requires_grad=True)
    with pytest.raises(RuntimeError) as caught, autograd.detect_anomaly():
        (x * x).sqrt().sum().backward()
    assert "Function 'MulBackward0' returned nan values in its 0th output." in str(caught.value)


def test_switch_and_state() -> None:
    assert not autograd.anomaly_mode.is_anomaly_enabled()
    with autograd.set_detect_anomaly(True):
        assert autograd.anomaly_mode.is_anomaly_enabled()
        assert autograd.anomaly_mode.is_anomaly_check_nan_enabled()
        with autograd.set_detect_anomaly(False):
            assert not autograd.anomaly_mode.is_anomaly_enabled()
        assert autograd.anomaly_mode.is_anomaly_enabled()
        with autograd.detect_anomaly(check_nan=False):
            assert autograd.anomaly_mode.is_anomaly_enabled()
            assert not autograd.anomaly_mode.is_anomaly_check_nan_enabled()
            wg.tensor([-1.0], requires_grad=True).log().sum().backward()
    assert not autograd.anomaly_mode.is_anomaly_enabled()


def test_an_error_inside_switches_it_off() -> None:
    with pytest.raises(KeyError), autograd.detect_anomaly():
        raise KeyError
    assert not autograd.anomaly_mode.is_anomaly_enabled()


def test_decorated() -> None:
    @autograd.set_detect_anomaly(True)
    def loss(x: wg.Tensor) -> None:
        x.log().sum().backward()

    assert not autograd.anomaly_mode.is_anomaly_enabled()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="is nan"):
            loss(wg.tensor([-1.0], requires_grad=True))
        loss(wg.tensor([1.0], requires_grad=True))
        assert not autograd.anomaly_mode.is_anomaly_enabled()


def test_a_given_gradient() -> None:
    x = wg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="the gradient that was given for output 0"), \
            autograd.detect_anomaly():  # fmt: skip
        (x * 2).backward(wg.tensor([1.0, float("nan")]))


@pytest.mark.parametrize(
    "dtype", [wg.float16, wg.bfloat16, wg.float32, wg.float64, wg.complex64, wg.complex128]
)
@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("size", [1, 7, 64, 1000, 200_000])
def test_every_place_is_seen(dtype: wg.dtype, bad: str, size: int) -> None:
    """In each dtype, alone or at the end of many: NaN and infinity are told apart."""
    greatest = wg.finfo(dtype).max
    for at in {0, size // 2, size - 1}:
        x = wg.ones(size, dtype=dtype, requires_grad=True)
        scale = wg.ones(size, dtype=dtype)
        scale[at] = 0 if bad == "nan" else greatest

        def run(x: wg.Tensor = x, scale: wg.Tensor = scale) -> None:
            y = x * scale
            y = y / scale if bad == "nan" else y * (10 if bad == "inf" else -10)
            total = (y.real if y.is_complex() else y).sum()
            total.backward(wg.zeros_like(total))

        with autograd.set_detect_anomaly(True, bad != "nan", bad == "nan"):
            run()
        with pytest.raises(RuntimeError, match=rf"the first at \({at},\)"), \
                autograd.set_detect_anomaly(True, bad == "nan", bad != "nan"):  # fmt: skip
            run()


def test_harmless_infinities_are_forgotten() -> None:
    """Each step makes infinities that are masked out: nothing piles up."""
    x = wg.tensor([0.0, 2.0], requires_grad=True)
    with autograd.detect_anomaly():
        for _ in range(300):
            wg.where(x > 0, x.log(), 0.0).sum().backward()


@pytest.mark.parametrize("name", ["Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RMSprop"])
def test_each_optimizer_is_watched(name: str) -> None:
    """Without eps these divide a gradient of zero by zero."""
    w = wg.nn.Parameter(wg.ones(2))
    optimizer = getattr(wg.optim, name)([w], eps=0.0)
    (w * 0).sum().backward()
    with pytest.raises(RuntimeError) as caught, autograd.detect_anomaly():
        optimizer.step()
    lines = str(caught.value).split("\n")
    assert lines[0] == "a parameter became nan."
    kind = "Adam" if name == "AdamW" else name
    assert re.search(rf"nan made by   {kind}\.step   .*test_anomaly_mode\.py:\d+", lines[2])
