"""Optimizers walk the same way as PyTorch's, and read its states."""

import pytest

import wengert as wg
from wengert import nn, optim

torch = pytest.importorskip("torch")

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "maximize": True}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True}),
]


def _grad(step, size):
    return torch.randn(size, generator=torch.Generator().manual_seed(step)).double().tolist()


def _make(name, options):
    ours = [nn.Parameter(wg.ones(n, dtype=wg.float64)) for n in (5, 3)]
    theirs = [torch.nn.Parameter(torch.ones(n, dtype=torch.float64)) for n in (5, 3)]
    return (
        ours,
        theirs,
        getattr(optim, name)(ours, **options),
        getattr(torch.optim, name)(theirs, **options),
    )


def _run(ours, theirs, our_optimizer, their_optimizer, steps):
    for step in steps:
        for p, q in zip(ours, theirs, strict=True):
            p.grad = wg.tensor(_grad(step, len(p)), dtype=wg.float64)
            q.grad = torch.tensor(_grad(step, len(q)), dtype=torch.float64)
        our_optimizer.step()
        their_optimizer.step()
        for p, q in zip(ours, theirs, strict=True):
            assert p.tolist() == pytest.approx(q.tolist(), rel=1e-10, abs=1e-14)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_steps(name, options):
    _run(*_make(name, options), range(10))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_states_have_the_same_form(name, options):
    ours, theirs, our_optimizer, their_optimizer = _make(name, options)
    _run(ours, theirs, our_optimizer, their_optimizer, range(2))
    mine, other = our_optimizer.state_dict(), their_optimizer.state_dict()
    assert set(mine["param_groups"][0]) == set(other["param_groups"][0])
    assert mine["param_groups"][0]["params"] == other["param_groups"][0]["params"]
    for number, values in other["state"].items():
        wanted = {key for key, value in values.items() if value is not None}
        assert set(mine["state"].get(number, {})) == wanted
