"""Containers of modules and parameters."""

from collections import OrderedDict

import pytest

import wengert as wg
from wengert import nn


def test_sequential():
    net = nn.Sequential(nn.Identity(), nn.ReLU(), nn.Tanh())
    assert len(net) == 3
    assert isinstance(net[-1], nn.Tanh)
    assert [type(m) for m in net[1:]] == [nn.ReLU, nn.Tanh]
    assert list(net[1:]._modules) == ["1", "2"]
    with pytest.raises(IndexError, match="index 3 is out of range"):
        net[3]
    net.append(nn.Sigmoid()).insert(0, nn.ELU())
    assert [type(m).__name__ for m in net] == ["ELU", "Identity", "ReLU", "Tanh", "Sigmoid"]
    del net[1]
    assert list(net._modules) == ["0", "1", "2", "3"]
    net[0] = nn.GELU()
    assert isinstance(net.pop(0), nn.GELU)
    assert len(net + nn.Sequential(nn.ReLU())) == 4
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Identity()))
    assert isinstance(named.a, nn.ReLU)
    assert named(wg.tensor([-1.0, 2.0])).tolist() == [0.0, 2.0]


def test_module_list():
    layers = nn.ModuleList([nn.Linear(1, 1) for _ in range(3)])
    layers += [nn.ReLU()]
    assert len(layers) == 4
    assert len(list(layers.parameters())) == 6
    assert len(layers[:2]) == 2
    assert repr(layers) == (
        "ModuleList(\n  (0-2): 3 x Linear(in_features=1, out_features=1, bias=True)\n"
        "  (3): ReLU()\n)"
    )
    del layers[0:2]
    assert [name for name, _ in layers.named_children()] == ["0", "1"]
    with pytest.raises(TypeError, match="should be called with an iterable"):
        layers.extend(3)
    with pytest.raises(NotImplementedError):
        layers(wg.ones(1))


def test_module_dict():
    layers = nn.ModuleDict({"a": nn.ReLU()})
    layers["b"] = nn.Identity()
    layers.update([("c", nn.Tanh())])
    assert list(layers) == ["a", "b", "c"]
    assert "b" in layers
    assert isinstance(layers.pop("a"), nn.ReLU)
    assert [key for key, _ in layers.items()] == ["b", "c"]
    with pytest.raises(KeyError):
        layers["a"]
    layers.clear()
    assert len(layers) == 0


def test_parameter_list():
    values = nn.ParameterList([wg.ones(2), nn.Parameter(wg.zeros(1))])
    values.append(wg.zeros(3))
    assert all(isinstance(value, nn.Parameter) for value in values)
    assert [name for name, _ in values.named_parameters()] == ["0", "1", "2"]
    assert values[-1].shape == (3,)
    assert len(values[:2]) == 2
    with pytest.raises(IndexError):
        values[3]


def test_parameter_dict():
    values = nn.ParameterDict({"a": wg.ones(2)})
    values["b"] = wg.zeros(1)
    assert sorted(dict(values.named_parameters())) == ["a", "b"]
    assert values.pop("a").shape == (2,)
    assert values.get("a") is None
    assert list(values.keys()) == ["b"]
    with pytest.raises(TypeError, match="not a string"):
        values[3] = wg.ones(1)
