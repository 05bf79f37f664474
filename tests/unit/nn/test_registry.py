"""`_parameters`, `_buffers` and `_modules` are dictionaries that programs edit and replace."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections import OrderedDict
from typing import Any

import pytest

import wengert as wg
from wengert import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(wg.ones(2))
        self.shift = nn.Parameter(wg.zeros(2))
        self.none: Any
        self.register_parameter("none", None)
        self.inner = nn.Linear(2, 2)
        self.register_buffer("kept", wg.zeros(1))
        self.register_buffer("scratch", wg.zeros(1), persistent=False)

    def forward(self, x: wg.Tensor) -> wg.Tensor:
        return self.inner(x * self.scale + self.shift)


def names(net: nn.Module) -> list[str]:
    return [name for name, _ in net.named_parameters()]


def test_they_are_dictionaries() -> None:
    net = Net()
    view = net._parameters
    assert isinstance(view, dict)
    assert list(view) == list(view.keys()) == ["scale", "shift", "none"]
    assert list(reversed(view)) == ["none", "shift", "scale"]
    assert (len(view), len(nn.Module()._parameters)) == (3, 0)
    assert view["scale"] is net.scale
    assert view.get("none", 1) is None
    assert view.get("other", 1) == 1
    assert "inner" not in view
    with pytest.raises(KeyError, match="inner"):
        view["inner"]
    for made in (dict(view), {**view}, view.copy(), OrderedDict(view), view | {}, {} | view):
        assert type(made) in (dict, OrderedDict)
        assert [*made.items()] == [*view.items()]
    assert repr(net._modules) == "{'inner': Linear(in_features=2, out_features=2, bias=True)}"
    assert net._buffers == {"kept": net.kept, "scratch": net.scratch}
    assert net._non_persistent_buffers_set == {"scratch"}
    assert net.__dict__["_parameters"] is view
    assert net.__dict__.get("_modules") is net._modules


def test_all_ways_to_edit_write_through() -> None:
    net = Net()
    tensor = wg.ones(2)
    net._parameters["scale"] = tensor  # a plain tensor, as programs that compute their weights do
    assert net.scale is tensor
    assert net._parameters.pop("shift").shape == (2,)
    assert not hasattr(net, "shift")
    net._parameters.update(late=nn.Parameter(wg.ones(1)))
    view = net._parameters
    view |= {"later": None}
    assert net.later is None
    assert net._parameters.setdefault("late", None) is net.late
    del net._parameters["none"]
    assert list(net._parameters) == ["scale", "late", "later"]
    assert net._parameters.popitem()[0] == "scale"
    net._parameters.clear()
    assert names(net) == ["inner.weight", "inner.bias"]
    del net.__dict__["inner"]  # the order in which `higher` takes things away
    del net._modules["inner"]
    assert list(net.modules()) == [net]


def test_assignment_replaces_all() -> None:
    net = Net()
    weight = nn.Parameter(wg.full((2,), 3.0))
    net._parameters = OrderedDict(shift=net.shift, gain=weight)
    assert net.gain is weight
    assert names(net) == ["shift", "gain", "inner.weight", "inner.bias"]
    assert not hasattr(net, "scale")
    assert not hasattr(net, "none")
    net.gain = nn.Parameter(wg.ones(2))
    assert net._parameters["gain"] is net.gain is not weight
    net._buffers = {"scratch": wg.ones(3), "kept": wg.ones(1), "new": wg.ones(1)}
    assert [name for name in net.state_dict() if "." not in name] == [
        "shift", "gain", "kept", "new",
    ]  # fmt: skip
    net._modules = {"a": nn.Identity(), "b": None}
    assert repr(net) == "Net(\n  (a): Identity()\n  (b): None\n)"
    net._parameters = net._parameters  # onto itself
    assert names(net) == ["shift", "gain"]
    with pytest.raises(TypeError):
        net._parameters = None
    assert names(net) == ["shift", "gain"]


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_have_their_own(copied: Any) -> None:
    net = Net()
    other = copied(net)
    assert (other.scale is net.scale) == (copied is copy.copy)
    other._parameters["scale"] = None
    del other._parameters["shift"]
    other._buffers = {}
    other.__dict__["_modules"]["more"] = nn.Identity()
    assert other.more is other._modules["more"]
    assert names(net) == ["scale", "shift", "inner.weight", "inner.bias"]
    assert list(net._buffers) == ["kept", "scratch"]
    assert list(net._modules) == ["inner"]
    assert names(other) == ["inner.weight", "inner.bias"]


@pytest.mark.parametrize("assign", [True, False])
def test_a_replica_made_by_hand(assign: bool) -> None:
    """As torch.nn.parallel.replicate does it: the attributes are copied, then the registries."""
    net = Net()
    other = Net.__new__(Net)
    other.__dict__ = net.__dict__.copy()
    if assign:
        other._parameters = {}
        other._buffers = other._buffers.copy()
        other._modules = other._modules.copy()
        other._parameters["scale"] = net.scale * 2
    else:
        del other._parameters["shift"]
        other.scale = nn.Parameter(net.scale * 2)
    assert other.scale.tolist() == [2, 2]
    assert not hasattr(other, "shift")
    other.extra = nn.Identity()
    del other.kept
    assert net.scale.tolist() == [1, 1]
    assert names(net) == ["scale", "shift", "inner.weight", "inner.bias"]
    assert (list(net._modules), list(net._buffers)) == (["inner"], ["kept", "scratch"])
    assert (list(other._modules), list(other._buffers)) == (["inner", "extra"], ["scratch"])


def test_a_subclass_with_a_state_of_its_own() -> None:
    class Own(Net):
        def __getstate__(self) -> dict[str, Any]:
            return self.__dict__.copy()

        def __setstate__(self, state: dict[str, Any]) -> None:
            self.__dict__.update(state)

    net = Own()
    other = copy.deepcopy(net)
    other.scale = nn.Parameter(wg.zeros(2))
    other.fresh = nn.Parameter(wg.zeros(2))
    assert names(other)[:3] == ["scale", "shift", "fresh"]
    assert names(net)[:2] == ["scale", "shift"]
    assert net.scale.tolist() == [1, 1]


def test_a_module_is_freed_when_it_is_dropped() -> None:
    net = Net()
    view, gone = net._parameters, weakref.ref(net)
    gc.disable()
    try:
        del net
        assert gone() is None
    finally:
        gc.enable()
    with pytest.raises(ReferenceError, match="is gone"):
        view["scale"]


def test_before_init() -> None:
    class Early(nn.Module):
        def __init__(self, value: Any) -> None:
            self.plain = 1
            assert "_parameters" not in self.__dict__
            self.value = value

    for value, kind in [(nn.Parameter(wg.ones(1)), "parameters"), (nn.Identity(), "module"),
                        (nn.Buffer(wg.ones(1)), "buffer")]:  # fmt: skip
        with pytest.raises(AttributeError, match=f"cannot assign {kind} before"):
            Early(value)
    early = Early(2)
    assert (early.plain, early.value) == (1, 2)
    assert not hasattr(early, "_parameters")
    with pytest.raises(AttributeError, match=r"'Early' object has no attribute '_buffers': Module"):
        early._buffers  # noqa: B018


def patched(module: nn.Module) -> nn.Module:
    """A copy that computes with whatever tensors it is given, in the way of the package higher."""

    class Patched(type(module)):  # type: ignore[misc]
        def __init__(self) -> None:
            nn.Module.__init__(self)
            self._parameters = OrderedDict((name, object()) for name in module._parameters)
            self._modules = OrderedDict()

        def __setattr__(self, name: str, value: Any) -> None:
            params, modules = self.__dict__.get("_parameters"), self.__dict__.get("_modules")
            if params is not None and name in params:
                params[name] = value
            elif isinstance(value, nn.Module):
                for found in (self.__dict__, self._parameters, self._buffers):
                    if name in found:
                        del found[name]
                modules[name] = value
            else:
                object.__setattr__(self, name, value)

    result = Patched()
    for name, value in module.__dict__.items():
        if name not in ("_parameters", "_buffers", "_modules"):
            setattr(result, name, value)
    for name, child in module._modules.items():
        setattr(result, name, patched(child))
    return result


def test_a_patched_copy_computes_with_tensors() -> None:
    net = Net()
    before = {name: parameter.clone() for name, parameter in net.named_parameters()}
    fast = patched(net)
    gain = nn.Parameter(wg.tensor(2.0))
    fast.scale = gain * net.scale
    fast.inner.weight = gain * net.inner.weight
    x = wg.tensor([[1.0, -2.0]])
    fast(x).sum().backward()
    expected = 2 * gain.item() * (net.inner.weight @ x[0]).sum().item()
    assert gain.grad is not None
    assert gain.grad.item() == pytest.approx(expected)
    assert names(net) == list(before)
    assert all(wg.equal(parameter, before[name]) for name, parameter in net.named_parameters())


def test_weights_of_a_recurrent_network_may_be_computed() -> None:
    rnn = nn.GRU(1, 2)
    x = wg.ones(3, 1, 1)
    expected = rnn(x)[0]
    weights = [parameter.clone() for parameter in rnn.parameters()]
    rnn._flat_weights = weights
    assert all(a is b for a, b in zip(rnn._flat_weights, weights, strict=True))
    output = rnn(x)[0]
    assert wg.equal(output, expected)
    assert wg.autograd.grad(output.sum(), weights[0])[0].abs().sum() > 0
    with pytest.raises(ValueError):
        rnn._flat_weights = weights[1:]
