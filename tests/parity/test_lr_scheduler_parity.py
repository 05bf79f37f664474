"""Schedules set the same learning rates and momenta as PyTorch's."""

import warnings

import pytest

import wengert as wg
from wengert import nn, optim

torch = pytest.importorskip("torch")

ours, theirs = optim.lr_scheduler, torch.optim.lr_scheduler

CASES = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, [lambda e: 0.95**e, lambda e: 1 / (1 + e)]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda e: 1 - 0.01 * e),
    "StepLR": lambda s, o: s.StepLR(o, 7, 0.3),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [30, 5, 5, 17], 0.5),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.5, 9),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.2, 0.7, 12),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 40, 2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 13, 1e-3),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, 2, 1e-3),
    "CyclicLR": lambda s, o: s.CyclicLR(o, [0.01, 0.02], 0.5, 6, 9),
    "CyclicLR triangular2": lambda s, o: s.CyclicLR(o, 0.01, 0.5, 5, mode="triangular2"),
    "CyclicLR exp_range": lambda s, o: s.CyclicLR(o, 0.01, 0.5, 5, mode="exp_range", gamma=0.97),
    "CyclicLR function": lambda s, o: s.CyclicLR(
        o, 0.01, 0.5, 5, scale_fn=lambda x: 1 / x, scale_mode="cycle", cycle_momentum=False
    ),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, [0.5, 1.0], total_steps=62),
    "OneCycleLR linear": lambda s, o: s.OneCycleLR(
        o, 0.5, epochs=8, steps_per_epoch=8, anneal_strategy="linear", three_phase=True
    ),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9), s.StepLR(o, 4)], [8, 30]
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler(
        [s.LinearLR(o, 0.1, total_iters=8), s.ExponentialLR(o, 0.95)]
    ),
    "warm up": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.01, total_iters=10), s.CosineAnnealingLR(o, 50)], [10]
    ),
}
PLATEAUS = {
    "defaults": {"patience": 3},
    "absolute": {"threshold_mode": "abs", "threshold": 0.1, "patience": 1, "cooldown": 2},
    "max": {"mode": "max", "patience": 2, "factor": 0.5, "min_lr": [0.01, 0.3]},
    "max absolute": {"mode": "max", "threshold_mode": "abs", "patience": 2, "eps": 0.01},
}


def _optimizer(package, kind="SGD"):
    if package is ours:
        a, b = nn.Parameter(wg.ones(1)), nn.Parameter(wg.ones(1))
        module = optim
    else:
        a, b = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))
        module = torch.optim
    options = {"momentum": 0.9} if kind == "SGD" else {}
    groups = [{"params": [a]}, {"params": [b], "lr": 0.75}]
    return getattr(module, kind)(groups, lr=0.25, **options)


def _settings(optimizer):
    return [
        (group["lr"], group.get("momentum", 0.0), *group.get("betas", ()))
        for group in optimizer.param_groups
    ]


def _compare(a, b):
    for ours, theirs in zip(_settings(a), _settings(b), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
@pytest.mark.parametrize("name", CASES)
def test_sixty_steps(name, kind):
    a, b = _optimizer(ours, kind), _optimizer(theirs, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's, of its own making
        s, t = CASES[name](ours, a), CASES[name](theirs, b)
        for _ in range(60):
            _compare(a, b)
            assert s.get_last_lr() == pytest.approx(t.get_last_lr(), rel=1e-12, abs=1e-15)
            a.step()
            b.step()
            s.step()
            t.step()


@pytest.mark.parametrize("name", CASES)
def test_state_goes_on(name):
    """After a stop in the middle; and a state of PyTorch's is read."""
    a, b = _optimizer(ours), _optimizer(theirs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        s, t = CASES[name](ours, a), CASES[name](theirs, b)
        for _ in range(11):
            a.step(), s.step(), b.step(), t.step()
        for state in (s.state_dict(), t.state_dict()):
            c = _optimizer(ours)
            again = CASES[name](ours, c)
            c.load_state_dict(a.state_dict())
            again.load_state_dict(state)
            whole = _optimizer(theirs)
            reference = CASES[name](theirs, whole)
            for _ in range(11):
                whole.step(), reference.step()
            for _ in range(20):
                c.step(), again.step(), whole.step(), reference.step()
                _compare(c, whole)


@pytest.mark.parametrize(
    "name",
    ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR",
     "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "LambdaLR"],
)  # fmt: skip
def test_closed_forms(name):
    a, b = _optimizer(ours), _optimizer(theirs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        s, t = CASES[name](ours, a), CASES[name](theirs, b)
        a.step(), b.step()
        for epoch in (3, 14, 1, 39, 5):
            s.step(epoch)
            t.step(epoch)
            _compare(a, b)


def test_fractions_of_an_epoch():
    a, b = _optimizer(ours), _optimizer(theirs)
    s, t = (
        CASES["CosineAnnealingWarmRestarts"](ours, a),
        CASES["CosineAnnealingWarmRestarts"](theirs, b),
    )
    for i in range(40):
        s.step(i / 3)
        t.step(i / 3)
        _compare(a, b)


def test_resuming_at_an_epoch():
    for name, options in (("StepLR", (3,)), ("CosineAnnealingLR", (9,)), ("ExponentialLR", (0.9,))):
        a, b = _optimizer(ours), _optimizer(theirs)
        for optimizer in (a, b):
            for group in optimizer.param_groups:
                group["initial_lr"] = 0.5
        s = getattr(ours, name)(a, *options, last_epoch=4)
        t = getattr(theirs, name)(b, *options, last_epoch=4)
        for _ in range(5):
            a.step(), b.step(), s.step(), t.step()
            _compare(a, b)


@pytest.mark.parametrize("options", PLATEAUS.values(), ids=list(PLATEAUS))
def test_plateaus(options):
    a, b = _optimizer(ours), _optimizer(theirs)
    s, t = ours.ReduceLROnPlateau(a, **options), theirs.ReduceLROnPlateau(b, **options)
    metrics = [3, 2, 2, 2.05, 1.99, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 5, 5, 5, 5, 5, 5, 5, 5, 6]
    for i, metric in enumerate(metrics):
        s.step(metric)
        t.step(metric)
        _compare(a, b)
        assert s.num_bad_epochs == t.num_bad_epochs
        if i == 12:
            s.load_state_dict(t.state_dict())


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 1, 7])
def test_swalr(strategy, epochs):
    a, b = _optimizer(ours), _optimizer(theirs)
    s = optim.swa_utils.SWALR(a, [0.05, 0.9], epochs, strategy)
    t = torch.optim.swa_utils.SWALR(b, [0.05, 0.9], epochs, strategy)
    for _ in range(12):
        _compare(a, b)
        a.step(), b.step(), s.step(), t.step()


def test_tensor_rates_stay_the_same_tensor():
    p = nn.Parameter(wg.ones(1))
    rate = wg.tensor(0.5)
    optimizer = optim.SGD([p], lr=rate)
    scheduler = ours.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.25
    assert scheduler.get_last_lr()[0].item() == 0.25
