"""Parameters that are computed from others."""

import pickle

import pytest

import wengert as wg
from wengert import nn
from wengert.nn.utils import parametrize


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).t()

    def right_inverse(self, x):
        return x.triu()


class Double(nn.Module):
    def forward(self, x):
        return 2 * x

    def right_inverse(self, x):
        return x / 2


class Counting(nn.Module):
    calls = 0

    def forward(self, x):
        Counting.calls += 1
        return x.exp()


class Sum(nn.Module):
    def forward(self, a, b):
        return a + b

    def right_inverse(self, x):
        return x * 0.25, x * 0.75


def test_values_gradients_and_names():
    layer = nn.Linear(3, 3)
    original = layer.weight
    before = original.detach().clone()
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert repr(layer).startswith("ParametrizedLinear(\n  in_features=3")
    assert parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    # The very parameter that an optimizer may already have.
    assert layer.parametrizations.weight.original is original
    assert [n for n, _ in layer.named_parameters()] == ["bias", "parametrizations.weight.original"]
    assert layer.weight.tolist() == (before.triu() + before.triu(1).t()).tolist()
    layer(wg.ones(1, 3)).sum().backward()
    assert original.grad.tolist() == [[1.0, 2.0, 2.0], [0.0, 1.0, 2.0], [0.0, 0.0, 1.0]]


def test_chains_apply_in_order_and_invert_backwards():
    layer = nn.Linear(2, 2)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    value = layer.weight.detach().clone()
    parametrize.register_parametrization(layer, "weight", Double())
    assert wg.allclose(layer.weight, value)
    target = wg.tensor([[1.0, 2.0], [2.0, 3.0]])
    layer.weight = target
    assert layer.weight.tolist() == target.tolist()
    assert layer.parametrizations.weight.original.tolist() == [[0.5, 1.0], [0.0, 1.5]]


def test_several_originals():
    layer = nn.Linear(2, 2)
    value = layer.weight.detach().clone()
    parametrize.register_parametrization(layer, "weight", Sum())
    assert wg.allclose(layer.weight, value)
    names = [n for n, _ in layer.named_parameters()]
    assert names == [
        "bias", "parametrizations.weight.original0", "parametrizations.weight.original1",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="Cannot leave unparametrized"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear
    assert isinstance(layer.weight, nn.Parameter)
    assert wg.allclose(layer.weight, value)


@pytest.mark.parametrize("leave", [True, False])
def test_removing(leave):
    layer = nn.Linear(2, 2)
    parametrize.register_parametrization(layer, "weight", Counting())
    parametrize.register_parametrization(layer, "bias", Double())
    original = layer.parametrizations.weight.original
    expected = layer.weight if leave else original
    expected = expected.detach().clone()
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=leave)
    assert layer.weight is original
    assert layer.weight.tolist() == expected.tolist()
    assert parametrize.is_parametrized(layer, "bias")
    parametrize.remove_parametrizations(layer, "bias")
    assert not parametrize.is_parametrized(layer)
    assert "parametrizations" not in dict(layer.named_modules())


def test_cache():
    layer = nn.Linear(2, 2)
    parametrize.register_parametrization(layer, "weight", Counting())
    Counting.calls = 0
    layer(wg.zeros(1, 2)), layer(wg.zeros(1, 2))
    assert Counting.calls == 2
    with parametrize.cached():
        layer(wg.zeros(1, 2)), layer(wg.zeros(1, 2))
        with parametrize.cached():
            layer(wg.zeros(1, 2))
        layer(wg.zeros(1, 2))
    assert Counting.calls == 3
    layer(wg.zeros(1, 2))
    assert Counting.calls == 4


def test_buffers_and_state():
    norm = nn.BatchNorm1d(2)
    parametrize.register_parametrization(norm, "running_mean", Double())
    assert "parametrizations.running_mean.original" in norm.state_dict()
    assert not list(norm.parametrizations.parameters())
    other = nn.BatchNorm1d(2)
    parametrize.register_parametrization(other, "running_mean", Double())
    other.load_state_dict(norm.state_dict())


def test_what_does_not_fit_is_refused():
    class Wrong(nn.Module):
        def forward(self, x):
            return x[0]

    class Text(nn.Module):
        def forward(self, x):
            return "text"

    for parametrization, text in (
        (Wrong(), "may not change the shape"),
        (Text(), "must return a tensor"),
    ):
        layer = nn.Linear(2, 2)
        with pytest.raises(ValueError, match=text):
            parametrize.register_parametrization(layer, "weight", parametrization)
        assert type(layer) is nn.Linear
        assert isinstance(layer.weight, nn.Parameter)
    with pytest.raises(ValueError, match="does not have a parameter, a buffer"):
        parametrize.register_parametrization(nn.Linear(2, 2), "wieght", Double())
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Wrong(), unsafe=True)
    assert layer.weight.shape == (2,)
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Counting())
    with pytest.raises(RuntimeError, match="does not implement right_inverse"):
        layer.weight = wg.zeros(2, 2)
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        pickle.dumps(layer)


def test_transfer():
    source = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    target = nn.Linear(3, 2)
    parametrize.transfer_parametrizations_and_params(source, target)
    assert target.weight.tolist() == source.weight.tolist()
    assert target.parametrizations.weight.original0 is not source.parametrizations.weight.original0


def test_training_mode_follows():
    layer = nn.Linear(4, 4).eval()
    nn.utils.parametrizations.spectral_norm(layer)
    u = layer.parametrizations.weight[0]._u
    layer(wg.zeros(1, 4))
    assert layer.parametrizations.weight[0]._u is u
    layer.train()
    layer(wg.zeros(1, 4))
    assert layer.parametrizations.weight[0]._u is not u
