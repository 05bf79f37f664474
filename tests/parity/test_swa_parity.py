"""Averages of weights, as PyTorch computes them."""

import pytest

import wengert as wg
from wengert import nn
from wengert.optim import swa_utils as ours

torch = pytest.importorskip("torch")
theirs = torch.optim.swa_utils

FUNCTIONS = {
    "default": lambda s: {},
    "swa": lambda s: {"avg_fn": s.get_swa_avg_fn()},
    "ema": lambda s: {"avg_fn": s.get_ema_avg_fn(0.7)},
    "multi swa": lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()},
    "multi ema": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.7), "use_buffers": True},
}


def _set(model, other, step):
    generator = torch.Generator().manual_seed(step)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        values = torch.randn(q.shape, generator=generator)
        q.data.copy_(values)
        with wg.no_grad():
            p.copy_(wg.tensor(values.tolist()))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_averages(name):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    other = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    average = ours.AveragedModel(model, **FUNCTIONS[name](ours))
    reference = theirs.AveragedModel(other, **FUNCTIONS[name](theirs))
    for step in range(6):
        _set(model, other, step)
        batch = torch.randn(5, 3, generator=torch.Generator().manual_seed(50 + step))
        model(wg.tensor(batch.tolist()))
        other(batch)
        average.update_parameters(model)
        reference.update_parameters(other)
    ours_state, their_state = average.state_dict(), reference.state_dict()
    assert list(ours_state) == list(their_state)
    for key, value in their_state.items():
        assert ours_state[key].reshape(-1).tolist() == pytest.approx(
            value.reshape(-1).tolist(), rel=1e-4, abs=1e-5
        )


def test_update_bn():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    other = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    _set(model, other, 1)
    generator = torch.Generator().manual_seed(2)
    batches = [torch.randn(6, 3, generator=generator) for _ in range(4)]
    model.eval()
    other.eval()
    ours.update_bn([(wg.tensor(b.tolist()), 0) for b in batches], model)
    theirs.update_bn([(b, 0) for b in batches], other)
    assert model[1].running_mean.tolist() == pytest.approx(other[1].running_mean.tolist(), abs=1e-5)
    assert model[1].running_var.tolist() == pytest.approx(other[1].running_var.tolist(), rel=1e-4)
    assert model[1].momentum == 0.1
    assert not model.training
