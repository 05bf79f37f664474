"""Averages of weights, and batch norms for them."""

import pytest

import wengert as wg
from wengert import nn
from wengert.optim import swa_utils


def _set(model, value):
    with wg.no_grad():
        for p in model.parameters():
            p.fill_(value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [1.0, 2.0, 3.0]),
        ({"avg_fn": swa_utils.get_swa_avg_fn()}, [1.0, 2.0, 3.0]),
        ({"multi_avg_fn": swa_utils.get_swa_multi_avg_fn()}, [1.0, 2.0, 3.0]),
        ({"avg_fn": swa_utils.get_ema_avg_fn(0.5)}, [1.0, 2.0, 3.5]),
        ({"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.5)}, [1.0, 2.0, 3.5]),
        ({"avg_fn": lambda a, v, n: v}, [1.0, 3.0, 5.0]),
    ],
)
def test_averages(options, expected):
    model = nn.Linear(2, 2)
    average = swa_utils.AveragedModel(model, **options)
    for value, wanted in zip((1.0, 3.0, 5.0), expected, strict=True):
        _set(model, value)
        average.update_parameters(model)
        assert average.module.weight.tolist() == [[wanted] * 2] * 2
    assert average.n_averaged.item() == 3
    assert average(wg.ones(1, 2)).tolist() == [[3 * expected[-1]] * 2]
    again = swa_utils.AveragedModel(model)
    again.load_state_dict(average.state_dict())
    assert again.n_averaged.item() == 3


def test_buffers_are_copied_or_averaged():
    model = nn.BatchNorm1d(1)
    copied = swa_utils.AveragedModel(model)
    averaged = swa_utils.AveragedModel(model, use_buffers=True)
    for value in (2.0, 4.0):
        model.running_mean.fill_(value)
        copied.update_parameters(model)
        averaged.update_parameters(model)
    assert copied.module.running_mean.item() == 4.0
    assert averaged.module.running_mean.item() == 3.0


def test_the_model_and_its_copy_are_apart():
    model = nn.Linear(1, 1)
    average = swa_utils.AveragedModel(model)
    average.update_parameters(model)
    _set(model, 9.0)
    assert average.module.weight.item() != 9.0


def test_update_bn():
    model = nn.Sequential(nn.BatchNorm1d(1), nn.Dropout(0.5))
    model.eval()
    model[0].running_mean.fill_(99.0)
    swa_utils.update_bn([wg.tensor([[0.0], [2.0]]), (wg.tensor([[4.0], [6.0]]), "label")], model)
    assert model[0].running_mean.item() == pytest.approx(3.0)
    assert model[0].running_var.item() == pytest.approx(2.0)
    assert model[0].momentum == 0.1
    assert not model.training
    swa_utils.update_bn([1, 2], nn.Linear(1, 1))  # nothing to do, nothing is called


def test_update_bn_puts_momenta_back_after_an_error():
    model = nn.Sequential(nn.BatchNorm1d(1))
    model.eval()
    with pytest.raises(ValueError, match="no more"):
        swa_utils.update_bn(_failing(), model)
    assert model[0].momentum == 0.1
    assert not model.training


def _failing():
    yield wg.tensor([[0.0], [2.0]])
    raise ValueError("no more")


def test_errors():
    with pytest.raises(ValueError, match=r"Invalid decay value 1.5 .* \[0,1\] range"):
        swa_utils.get_ema_avg_fn(1.5)
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        swa_utils.AveragedModel(
            nn.Linear(1, 1),
            avg_fn=swa_utils.get_swa_avg_fn(),
            multi_avg_fn=swa_utils.get_swa_multi_avg_fn(),
        )
