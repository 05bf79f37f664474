"""The scale of losses, and what overflow does to it."""

import math
import pickle

import pytest

import wengert as wg
from wengert import nn, optim
from wengert.amp import GradScaler


def _make(**options):
    p = nn.Parameter(wg.tensor([1.0, 2.0]))
    return p, optim.SGD([p], lr=0.5), GradScaler("cpu", init_scale=4.0, **options)


def test_one_step():
    p, optimizer, scaler = _make()
    loss = (p * wg.tensor([1.0, 3.0])).sum()
    scaled = scaler.scale(loss)
    assert scaled.item() == 28.0
    scaled.backward()
    assert p.grad.tolist() == [4.0, 12.0]
    scaler.step(optimizer)
    scaler.update()
    assert p.grad.tolist() == [1.0, 3.0]
    assert p.tolist() == [0.5, 0.5]


def test_gradients_may_be_clipped_between():
    p, optimizer, scaler = _make()
    scaler.scale((p * 100).sum()).backward()
    scaler.unscale_(optimizer)
    assert p.grad.tolist() == [100.0, 100.0]
    p.grad.clamp_(max=1.0)
    scaler.step(optimizer)
    assert p.tolist() == [0.5, 1.5]


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_steps_that_overflow_are_left_out(bad):
    p, optimizer, scaler = _make(growth_interval=2)
    scales = []
    for factor in (1.0, bad, 1.0, 1.0, 1.0, 1.0):
        optimizer.zero_grad()
        scaler.scale((p * factor).sum()).backward()
        before = p.tolist()
        scaler.step(optimizer)
        assert (p.tolist() == before) == (not math.isfinite(factor))
        scaler.update()
        scales.append(scaler.get_scale())
    assert scales == [4.0, 2.0, 2.0, 4.0, 4.0, 8.0]


def test_several_optimizers():
    p, first, scaler = _make()
    q = nn.Parameter(wg.ones(1))
    second = optim.SGD([q], lr=0.5)
    loss = scaler.scale([(p * math.inf).sum(), q.sum()])
    assert isinstance(loss, list)
    for part in loss:
        part.backward()
    scaler.step(first)
    scaler.step(second)
    assert p.tolist() == [1.0, 2.0]
    assert q.tolist() == [0.5]
    scaler.update()
    assert scaler.get_scale() == 2.0


def test_the_scale_stays_finite():
    p, optimizer, _ = _make()
    scaler = GradScaler("cpu", init_scale=2.0**127, growth_interval=1)
    scaler.scale((p * 0).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0**127
    scaler.scale(p.sum())
    scaler.update(wg.tensor(16.0))
    assert scaler.get_scale() == 16.0


def test_products_of_float16_losses_are_wide():
    scaler = GradScaler("cpu")
    assert scaler.scale(wg.tensor(100.0, dtype=wg.float16)).dtype == wg.float32
    assert scaler.scale(wg.ones(2, dtype=wg.float64)).dtype == wg.float64


def test_states():
    p, optimizer, scaler = _make(growth_interval=5)
    scaler.scale(p.sum()).backward()
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="only be pickled at the beginning"):
        pickle.dumps(scaler)
    scaler.update()
    state = scaler.state_dict()
    assert state == {
        "scale": 4.0,
        "growth_factor": 2.0,
        "backoff_factor": 0.5,
        "growth_interval": 5,
        "_growth_tracker": 1,
    }
    again = GradScaler("cpu")
    again.load_state_dict(state)
    assert again.state_dict() == state
    assert pickle.loads(pickle.dumps(scaler)).state_dict() == state
    with pytest.raises(RuntimeError, match="source state dict is empty"):
        again.load_state_dict({})


def test_disabled():
    p, optimizer, _ = _make()
    scaler = GradScaler("cpu", enabled=False)
    loss = p.sum()
    assert scaler.scale(loss) is loss
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert p.tolist() == [0.5, 1.5]
    assert scaler.get_scale() == 1.0
    assert scaler.state_dict() == {}
    assert not scaler.is_enabled()
    with pytest.warns(UserWarning, match="on the CPU use GradScaler"):
        assert not GradScaler().is_enabled()
    with pytest.warns(UserWarning, match="on the CPU use GradScaler"):
        assert not wg.cuda.amp.GradScaler().is_enabled()


def test_settings():
    scaler = GradScaler("cpu", 8.0, 3.0, 0.25, 7)
    assert scaler.get_scale() == 8.0
    assert scaler.get_growth_factor() == 3.0
    assert scaler.get_backoff_factor() == 0.25
    assert scaler.get_growth_interval() == 7
    scaler.set_growth_factor(4.0)
    scaler.set_backoff_factor(0.5)
    scaler.set_growth_interval(9)
    assert scaler.state_dict()["growth_factor"] == 4.0
    assert scaler.state_dict()["backoff_factor"] == 0.5
    assert scaler.state_dict()["growth_interval"] == 9


def test_errors():
    p, optimizer, scaler = _make()
    for name in ("step", "unscale_"):
        with pytest.raises(AssertionError, match=f"Attempted {name} but _scale is None"):
            getattr(scaler, name)(optimizer)
    with pytest.raises(AssertionError, match="Attempted update but _scale is None"):
        scaler.update()
    scaler.scale(p.sum())
    with pytest.raises(AssertionError, match="No inf checks were recorded for this optimizer"):
        scaler.step(optimizer)
    p, optimizer, scaler = _make()
    scaler.scale(p.sum()).backward()
    with pytest.raises(AssertionError, match="No inf checks were recorded prior to update"):
        scaler.update()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called on this optimizer"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="Closure use is not currently supported"):
        scaler.step(optimizer, closure=lambda: None)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"step\(\) has already been called"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) is being called after step"):
        scaler.unscale_(optimizer)
    scaler.update()
    half = nn.Parameter(wg.ones(1, dtype=wg.float16))
    half.grad = wg.ones(1, dtype=wg.float16)
    scaler.scale(p.sum())
    with pytest.raises(ValueError, match="Attempting to unscale FP16 gradients"):
        scaler.step(optim.SGD([half]))
    with pytest.raises(ValueError, match="outputs must be a Tensor or an iterable"):
        scaler.scale(3)
    with pytest.raises(AssertionError, match="growth factor must be > 1.0"):
        GradScaler("cpu", growth_factor=1.0)
    with pytest.raises(AssertionError, match="backoff factor must be < 1.0"):
        GradScaler("cpu", backoff_factor=1.0)
