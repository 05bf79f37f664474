"""Modules that learn their shapes from the first input."""

import copy
import pickle

import pytest

import wengert as wg
from wengert import nn
from wengert.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy


def _net():
    return nn.Sequential(
        nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2)
    )


def test_shapes_come_from_the_first_input():
    net = _net()
    assert all(is_lazy(p) for p in net.parameters())
    optimizer = wg.optim.SGD(net.parameters(), lr=0.1)
    x = wg.rand(3, 2, 5, 5)
    assert net(x).shape == (3, 2)
    assert [type(m).__name__ for m in net] == ["Conv2d", "BatchNorm2d", "ReLU", "Flatten", "Linear"]
    assert not any(is_lazy(t) for t in [*net.parameters(), *net.buffers()])
    # The optimizer has the same objects, which now have values.
    before = net[4].weight.detach().clone()
    net(x).square().sum().backward()
    optimizer.step()
    assert not bool((net[4].weight == before).all())
    assert not net[0]._forward_pre_hooks
    assert not net[0]._load_state_dict_pre_hooks


def test_values_start_as_in_the_eager_module():
    layer = nn.LazyLinear(400)
    layer(wg.zeros(1, 25))
    assert layer.weight.abs().max().item() == pytest.approx(0.2, abs=0.01)
    assert layer.bias.abs().max().item() <= 0.2


def test_uninitialized_tensors_say_so():
    parameter = UninitializedParameter(dtype=wg.float64)
    for use in (
        lambda: parameter.shape,
        lambda: parameter.size(),
        lambda: parameter.numel(),
        lambda: len(parameter),
    ):
        with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized"):
            use()
    for use in (lambda: parameter + 1, lambda: parameter * 2, lambda: parameter @ wg.ones(2)):
        with pytest.raises(RuntimeError, match="Attempted to use an uninitialized parameter"):
            use()
    assert repr(parameter) == "<UninitializedParameter>"
    parameter.materialize((2, 3))
    assert type(parameter) is nn.Parameter
    assert parameter.shape == (2, 3)
    assert parameter.dtype == wg.float64
    assert parameter.requires_grad
    buffer = UninitializedBuffer()
    buffer.materialize(4, dtype=wg.float64)
    assert type(buffer) is nn.Buffer
    assert buffer.dtype == wg.float64
    assert not buffer.requires_grad


def test_dtype_can_be_changed_before():
    net = _net().double()
    out = net(wg.rand(3, 2, 5, 5, dtype=wg.float64))
    assert out.dtype == wg.float64
    assert net[1].running_mean.dtype == wg.float64


def test_state_of_an_eager_module_gives_the_shapes():
    eager = _net()
    eager(wg.rand(3, 2, 5, 5))
    lazy = _net()
    lazy.load_state_dict(eager.state_dict())
    assert lazy[4].weight.shape == eager[4].weight.shape
    x = wg.rand(3, 2, 5, 5)
    eager.eval(), lazy.eval()
    assert lazy(x).tolist() == eager(x).tolist()
    assert type(lazy[4]) is nn.Linear


def test_lazy_state_can_be_saved_and_loaded():
    state = _net().state_dict()
    assert is_lazy(state["0.weight"])
    other = _net()
    other.load_state_dict(state)
    assert is_lazy(other[0].weight)
    eager = nn.Linear(3, 2)
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized"):
        eager.load_state_dict(nn.LazyLinear(2).state_dict())


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_lazy_on_their_own(duplicate):
    net = _net()
    other = duplicate(net)
    other(wg.rand(3, 2, 5, 5))
    assert not is_lazy(other[0].weight)
    assert is_lazy(net[0].weight)
    net(wg.rand(2, 3, 6, 6))
    assert net[0].weight.shape == (4, 3, 3, 3)
    assert other[0].weight.shape == (4, 2, 3, 3)


def test_user_defined():
    class LazyScale(nn.modules.lazy.LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = UninitializedParameter()

        def initialize_parameters(self, x):
            if self.has_uninitialized_params():
                self.factor.materialize(x.shape[-1:])
                nn.init.constant_(self.factor, 3.0)

        def forward(self, x):
            return x * self.factor

    assert LazyScale()(wg.ones(2)).tolist() == [3.0, 3.0]

    class Forgetful(LazyScale):
        def initialize_parameters(self, x):
            pass

    with pytest.raises(RuntimeError, match="has not been fully initialized"):
        Forgetful()(wg.ones(2))
