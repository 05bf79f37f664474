"""Schedules against their closed forms."""

import math
import pickle
import warnings

import pytest

import wengert as wg
from wengert import nn, optim
from wengert.optim import lr_scheduler as schedules


def _optimizer(lr=1.0, kind=optim.SGD, **options):
    return kind([nn.Parameter(wg.ones(1))], lr=lr, **options)


def _rates(make, steps, **options):
    optimizer = _optimizer(**options)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        assert scheduler.get_last_lr() == [rates[-1]]
        optimizer.step()
        scheduler.step()
    return rates


def _cosine(e, most, least=0.1):
    return least + (1 - least) * (1 + math.cos(math.pi * e / most)) / 2


FORMS = {
    "LambdaLR": (lambda o: schedules.LambdaLR(o, lambda e: 1 / (1 + e)), lambda e: 1 / (1 + e)),
    "MultiplicativeLR": (lambda o: schedules.MultiplicativeLR(o, lambda e: 0.5), lambda e: 0.5**e),
    "StepLR": (lambda o: schedules.StepLR(o, 3, 0.5), lambda e: 0.5 ** (e // 3)),
    "MultiStepLR": (
        lambda o: schedules.MultiStepLR(o, [2, 5, 5], 0.5),
        lambda e: 0.5 ** (sum(e >= m for m in (2, 5, 5))),
    ),
    "ConstantLR": (lambda o: schedules.ConstantLR(o, 0.25, 4), lambda e: 0.25 if e < 4 else 1.0),
    "LinearLR": (
        lambda o: schedules.LinearLR(o, 0.2, 0.8, 6),
        lambda e: 0.2 + 0.6 * min(e, 6) / 6,
    ),
    "ExponentialLR": (lambda o: schedules.ExponentialLR(o, 0.9), lambda e: 0.9**e),
    "PolynomialLR": (
        lambda o: schedules.PolynomialLR(o, 8, 2.0),
        lambda e: (1 - min(e, 8) / 8) ** 2,
    ),
    "CosineAnnealingLR": (
        lambda o: schedules.CosineAnnealingLR(o, 5, 0.1),
        lambda e: _cosine(e, 5),
    ),
    "CosineAnnealingWarmRestarts": (
        lambda o: schedules.CosineAnnealingWarmRestarts(o, 3, 2, 0.1),
        lambda e: _cosine(e, 3) if e < 3 else _cosine(e - 3, 6) if e < 9 else _cosine(e - 9, 12),
    ),
    "CyclicLR": (
        lambda o: schedules.CyclicLR(o, 0.2, 1.0, 4, cycle_momentum=False),
        lambda e: 0.2 + 0.8 * (1 - abs(e % 8 - 4) / 4),
    ),
    "SequentialLR": (
        lambda o: schedules.SequentialLR(
            o, [schedules.ConstantLR(o, 0.5, 99), schedules.ExponentialLR(o, 0.9)], [4]
        ),
        lambda e: 0.5 if e < 4 else 0.9 ** (e - 4),
    ),
    "ChainedScheduler": (
        lambda o: schedules.ChainedScheduler(
            [schedules.ConstantLR(o, 0.5, 3), schedules.ExponentialLR(o, 0.9)]
        ),
        lambda e: (0.5 if e < 3 else 1.0) * 0.9**e,
    ),
    "SWALR": (
        lambda o: optim.swa_utils.SWALR(o, 0.2, 4, "linear"),
        lambda e: 1 - 0.8 * min(e, 4) / 4,
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_closed_form(name):
    make, form = FORMS[name]
    expected = [form(e) for e in range(16)]
    assert _rates(make, 16) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", FORMS)
def test_state_goes_on(name):
    make, form = FORMS[name]
    optimizer = _optimizer()
    scheduler = make(optimizer)
    for _ in range(6):
        optimizer.step()
        scheduler.step()
    saved = pickle.loads(pickle.dumps((optimizer.state_dict(), scheduler.state_dict())))
    optimizer = _optimizer(0.123)
    scheduler = make(optimizer)
    optimizer.load_state_dict(saved[0])
    scheduler.load_state_dict(saved[1])
    for epoch in range(7, 16):
        optimizer.step()
        scheduler.step()
        assert optimizer.param_groups[0]["lr"] == pytest.approx(form(epoch), rel=1e-9, abs=1e-12)


def test_one_cycle():
    optimizer = _optimizer(kind=optim.AdamW)
    scheduler = schedules.OneCycleLR(
        optimizer, 1.0, 11, pct_start=0.5, anneal_strategy="linear", div_factor=10
    )
    rates, momenta = [], []
    for _ in range(11):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["betas"][0])
        optimizer.step()
        scheduler.step() if len(rates) < 11 else None
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(0.95, abs=0.06)
    assert rates[-1] == pytest.approx(0.1 / 1e4)
    assert momenta[0] == momenta[-1] == pytest.approx(0.95)
    assert min(momenta) == pytest.approx(0.85, abs=0.02)
    assert optimizer.param_groups[0]["betas"][1] == 0.999
    scheduler.step()
    with pytest.raises(ValueError, match="Tried to step 12 times. .* total steps is 11"):
        scheduler.step()


def test_momentum_of_cycles():
    optimizer = _optimizer(momentum=0.5)
    scheduler = schedules.CyclicLR(optimizer, 0.1, 1.0, 2, base_momentum=0.6, max_momentum=0.8)
    momenta = []
    for _ in range(5):
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    assert momenta == pytest.approx([0.8, 0.7, 0.6, 0.7, 0.8])
    with pytest.raises(ValueError, match="must support momentum or beta1"):
        schedules.CyclicLR(_optimizer(kind=optim.Adagrad), 0.1, 1.0)


def test_plateau():
    optimizer = _optimizer()
    scheduler = schedules.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=1, cooldown=1, min_lr=0.2
    )
    rates = []
    for metric in [5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]:
        scheduler.step(wg.tensor(float(metric)))
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2]


def test_groups_have_schedules_of_their_own():
    a, b = nn.Parameter(wg.ones(1)), nn.Parameter(wg.ones(1))
    optimizer = optim.SGD([{"params": [a], "lr": 1.0}, {"params": [b], "lr": 0.5}])
    scheduler = schedules.LambdaLR(optimizer, [lambda e: 1.0, lambda e: 0.5**e])
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [1.0, 0.25]
    with pytest.raises(ValueError, match="Expected 2 lr_lambdas, but got 1"):
        schedules.LambdaLR(optimizer, [lambda e: 1.0])


def test_objects_remember_in_the_state():
    class Factor:
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, epoch):
            return self.rate**epoch

    scheduler = schedules.LambdaLR(_optimizer(), Factor(0.5))
    state = scheduler.state_dict()
    assert state["lr_lambdas"] == [{"rate": 0.5}]
    again = schedules.LambdaLR(_optimizer(), Factor(0.1))
    again.load_state_dict(state)
    assert again.lr_lambdas[0].rate == 0.5
    assert schedules.LambdaLR(_optimizer(), lambda e: 1.0).state_dict()["lr_lambdas"] == [None]


def test_warnings():
    optimizer = _optimizer()
    scheduler = schedules.ExponentialLR(optimizer, 0.5)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()  # said once
        optimizer = _optimizer()
        scheduler = schedules.ExponentialLR(optimizer, 0.5)
        optimizer.step()
        scheduler.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(3)
    assert optimizer.param_groups[0]["lr"] == 0.125
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        scheduler.get_lr()


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda o: schedules.StepLR(3, 1), TypeError, "int is not an Optimizer"),
        (lambda o: schedules.StepLR(o, 1, last_epoch=2), KeyError, "'initial_lr' is not specified"),
        (lambda o: schedules.ConstantLR(o, 2.0), ValueError, "expected to be between 0 and 1"),
        (lambda o: schedules.LinearLR(o, 0.0), ValueError, "greater than 0 and less or equal"),
        (lambda o: schedules.LinearLR(o, 0.5, 2.0), ValueError, "Ending multiplicative factor"),
        (
            lambda o: schedules.MultiplicativeLR(o, 3),
            TypeError,
            "should be a function, but got int",
        ),
        (lambda o: schedules.ReduceLROnPlateau(o, factor=1.5), ValueError, "Factor should be < 1"),
        (lambda o: schedules.ReduceLROnPlateau(o, "up"), ValueError, "mode up is unknown"),
        (lambda o: schedules.OneCycleLR(o, 1.0), ValueError, "You must define either total_steps"),
        (lambda o: schedules.OneCycleLR(o, 1.0, 0), ValueError, "positive integer total_steps"),
        (
            lambda o: schedules.CosineAnnealingWarmRestarts(o, 0),
            ValueError,
            "Expected positive integer T_0, but got 0",
        ),
        (lambda o: schedules.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
        (lambda o: schedules.ChainedScheduler([]), ValueError, "at least one scheduler to be"),
        (
            lambda o: schedules.SequentialLR(o, [schedules.StepLR(_optimizer(), 1)], []),
            ValueError,
            "all schedulers to belong to the same optimizer",
        ),
        (
            lambda o: schedules.SequentialLR(o, [schedules.StepLR(o, 1)], [2]),
            ValueError,
            "one more than the number of milestone points",
        ),
        (
            lambda o: schedules.ChainedScheduler([schedules.ReduceLROnPlateau(o)]),
            ValueError,
            "does not support `ReduceLROnPlateau`",
        ),
        (lambda o: optim.swa_utils.SWALR(o, 0.1, -1), ValueError, "equal or greater than 0, got"),
        (lambda o: optim.swa_utils.SWALR(o, [1, 2]), ValueError, "must have the same length"),
    ],
)
def test_errors(make, kind, message):
    with pytest.raises(kind, match=message):
        make(_optimizer())
