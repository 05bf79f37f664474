"""The warning about loops that keep the graph of every step, and programs that it leaves alone."""

from __future__ import annotations

import re

import pytest
from tests.errors.scripts import Runner

HEAD = """
import wengert as wg
from wengert import nn, optim
F = nn.functional
wg.manual_seed(0)
"""


@pytest.fixture
def run(tmp_path, monkeypatch) -> Runner:
    return Runner(tmp_path, monkeypatch)


def program(text: str) -> str:
    return HEAD + re.sub("^        ", "", text, flags=re.M)


LEAKS = {
    "total += loss": ("total", """
        w = wg.ones(3, requires_grad=True)
        total = 0
        for step in range(25):
            loss = (w * step).exp().sum()
            loss.backward()
            total += loss  # here
    """),
    "losses.append(loss)": ("losses", """
        net = nn.Linear(3, 1)
        losses = []
        for step in range(25):
            loss = net(wg.randn(2, 3)).sum()  # here
            loss.backward()
            losses.append(loss)
    """),
    "an attribute": ("self.total", """
        class Trainer:
            def __init__(self):
                self.net = nn.Linear(3, 1)
                self.total = wg.zeros(())

            def run(self):
                for step in range(25):
                    loss = self.net(wg.randn(2, 3)).sum()
                    loss.backward()
                    self.total = self.total + loss  # here

        Trainer().run()
    """),
    "a moving average": ("average", """
        w = wg.ones(3, requires_grad=True)
        average = 0.0
        for step in range(25):
            loss = (w * step).exp().sum()
            loss.backward()
            average = 0.9 * average + 0.1 * loss  # here
    """),
    "a history of outputs in a dictionary": ("history", """
        net = nn.Linear(3, 1)
        history = {}
        for step in range(25):
            history[step] = net(wg.randn(2, 3))  # here
            history[step].sum().backward()
    """),
}  # fmt: skip


@pytest.mark.parametrize("name", LEAKS)
def test_leak_is_named_once(run: Runner, name: str) -> None:
    variable, text = LEAKS[name]
    outcome = run(program(text))
    assert outcome.error is None
    assert len(outcome.warnings) == 1
    lines = program(text).lstrip("\n").split("\n")
    here = next(i for i, line in enumerate(lines, 1) if "# here" in line)
    call = next(i for i, line in enumerate(lines, 1) if ".backward()" in line)
    found = re.fullmatch(
        r"script\.py:(\d+): the graph grew 20 steps in a row: '(.*)' \((\w+), script\.py:(\d+)\) "
        r"holds (\d+) operations of (\d+) steps, (.*) of saved values, and these steps cannot be "
        r"differentiated again\. Use \.item\(\) or \.detach\(\) where losses are added up or "
        r"collected\.",
        outcome.warnings[0],
    )
    assert found, outcome.warnings[0]
    assert (found[1], found[2], found[4]) == (str(call), variable, str(here))
    assert 15 <= int(found[6]) <= 25
    assert int(found[5]) >= int(found[6])


HEALTHY = {
    "item()": """
        w = wg.ones(3, requires_grad=True)
        total = 0
        for step in range(50):
            loss = (w * step).exp().sum()
            loss.backward()
            total += loss.item()
    """,
    "detach()": """
        w = wg.ones(3, requires_grad=True)
        total, losses = 0, []
        for step in range(50):
            loss = (w * step).exp().sum()
            loss.backward()
            total += loss.detach()
            losses.append(loss.detach())
    """,
    "an epoch's losses, which are let go": """
        net = nn.Linear(3, 1)
        for epoch in range(10):
            losses = []
            for step in range(10):
                loss = net(wg.randn(2, 3)).sum()
                loss.backward()
                losses.append(loss)
    """,
    "sequences that grow": """
        cell = nn.Linear(3, 3)
        for length in range(1, 50):
            h = wg.zeros(1, 3)
            for _ in range(length):
                h = cell(h).tanh()
            h.sum().backward()
    """,
    "log-probabilities of a whole episode, while the critic learns": """
        actor, critic = nn.Linear(3, 2), nn.Linear(3, 1)
        log_probabilities = []
        for step in range(50):
            state = wg.randn(3)
            log_probabilities.append(actor(state).log_softmax(0)[0])
            critic(state).square().sum().backward()
        sum(log_probabilities).backward()
    """,
    "steps that are differentiated": """
        w = wg.ones(3, requires_grad=True)
        fast = w * 1
        for step in range(50):
            (g,) = wg.autograd.grad((fast ** 2).sum(), fast, create_graph=True)
            fast = fast - 0.01 * g
        fast.sum().backward()
    """,
    "truncated backpropagation": """
        cell = nn.Linear(3, 3)
        optimizer = optim.Adam(cell.parameters())
        h = wg.zeros(1, 3)
        for step in range(50):
            h = cell(h.detach()).tanh()
            optimizer.zero_grad()
            h.sum().backward()
            optimizer.step()
    """,
    "a graph that is kept": """
        w = wg.ones(3, requires_grad=True)
        trunk, heads = w.exp(), []
        for step in range(50):
            heads.append((trunk * step).sum())
            heads[-1].backward(retain_graph=True)
    """,
    "two networks against each other": """
        G, D = nn.Linear(2, 2), nn.Linear(2, 1)
        opt_G, opt_D = optim.Adam(G.parameters()), optim.Adam(D.parameters())
        for step in range(50):
            fake = G(wg.randn(4, 2))
            opt_D.zero_grad()
            (D(fake.detach()).mean() - D(wg.ones(4, 2)).mean()).backward()
            opt_D.step()
            opt_G.zero_grad()
            (-D(fake).mean()).backward()
            opt_G.step()
    """,
    "gradients that are added up": """
        net = nn.Linear(3, 1)
        optimizer = optim.SGD(net.parameters(), lr=0.1)
        for step in range(50):
            F.mse_loss(net(wg.randn(4, 3)), wg.zeros(4, 1)).backward()
            if step % 25 == 24:
                optimizer.step()
                optimizer.zero_grad()
    """,
    "models that are made one by one": """
        models = []
        for i in range(50):
            model = nn.Linear(3, 1)
            model(wg.randn(4, 3)).sum().backward()
            models.append(model)
    """,
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_programs_are_left_alone(run: Runner, name: str) -> None:
    text = program(re.sub("^", "", HEALTHY[name]))
    outcome = run(text)
    assert outcome.error is None, outcome.message
    assert outcome.warnings == []
