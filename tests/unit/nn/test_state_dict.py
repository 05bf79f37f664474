"""Saving and loading module state."""

import pytest

import wengert as wg
from wengert import nn


def test_round_trip_and_identity():
    a, b = nn.Linear(2, 3), nn.Linear(2, 3)
    weight = b.weight
    result = b.load_state_dict(a.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    assert b.weight is weight
    assert b.weight.tolist() == a.weight.tolist()
    assert not a.state_dict()["weight"].requires_grad
    assert a.state_dict(keep_vars=True)["weight"] is a.weight
    assert list(a.state_dict(prefix="x.")) == ["x.weight", "x.bias"]


def test_nothing_is_half_loaded():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    before = {name: value.tolist() for name, value in net.state_dict().items()}
    state = {
        "0.weight": wg.zeros(3, 2),
        "0.bias": wg.zeros(4),
        "1.weight": wg.zeros(4, 3),
        "1.other": wg.zeros(1),
        "2.weight": wg.zeros(1),
    }
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    assert str(error.value) == (
        "Error(s) in loading state_dict for Sequential:\n"
        '\tMissing key(s) in state_dict: "1.bias". \n'
        '\tUnexpected key(s) in state_dict: "2.weight", "1.other". \n'
        "\tsize mismatch for 0.bias: copying a param with shape wengert.Size([4]) from checkpoint, "
        "the shape in current model is wengert.Size([3])."
    )
    assert {name: value.tolist() for name, value in net.state_dict().items()} == before


def test_not_strict():
    net = nn.Linear(2, 3)
    result = net.load_state_dict({"bias": wg.ones(3), "more": wg.ones(1)}, strict=False)
    assert result.missing_keys == ["weight"]
    assert result.unexpected_keys == ["more"]
    assert net.bias.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(RuntimeError, match="size mismatch for bias"):
        net.load_state_dict({"bias": wg.ones(2)}, strict=False)


def test_wrong_types():
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like"):
        nn.Linear(2, 3).load_state_dict([1])
    with pytest.raises(RuntimeError, match="Tensor-like object from checkpoint but received"):
        nn.Linear(1, 1).load_state_dict({"weight": [[1.0]], "bias": wg.ones(1)})


def test_assign_takes_the_tensors():
    net = nn.BatchNorm1d(2)
    net.weight.requires_grad_(False)
    state = {name: value.to(wg.float64) for name, value in net.state_dict().items()}
    net.load_state_dict(state, assign=True)
    assert net.weight.dtype == wg.float64
    assert isinstance(net.weight, nn.Parameter)
    assert not net.weight.requires_grad
    assert net.bias.requires_grad
    assert net.running_mean is state["running_mean"]


def test_batch_norm_from_before_batches_were_counted():
    net = nn.BatchNorm1d(2)
    state = dict(net.state_dict())
    del state["num_batches_tracked"]
    assert net.load_state_dict(state).missing_keys == []


def test_extra_state():
    class Extra(nn.Linear):
        note = "old"

        def get_extra_state(self):
            return {"note": self.note}

        def set_extra_state(self, state):
            self.note = state["note"]

    a, b = Extra(1, 1), Extra(1, 1)
    a.note = "new"
    assert a.state_dict()["_extra_state"] == {"note": "new"}
    b.load_state_dict(a.state_dict())
    assert b.note == "new"
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "_extra_state"'):
        b.load_state_dict(nn.Linear(1, 1).state_dict())
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "_extra_state"'):
        nn.Linear(1, 1).load_state_dict(a.state_dict())


def test_hooks():
    net = nn.Sequential(nn.Linear(1, 1))
    net.register_state_dict_pre_hook(lambda module, prefix, keep_vars: module.eval())
    net.register_state_dict_post_hook(
        lambda module, state, prefix, meta: state.update(version=wg.ones(1))
    )
    state = net.state_dict()
    assert "version" in state
    assert not net.training

    def rename(module, state, prefix, meta, strict, missing, unexpected, errors):
        state[prefix + "weight"] = state.pop(prefix + "kernel")

    net[0].register_load_state_dict_pre_hook(rename)
    net.register_load_state_dict_post_hook(lambda module, keys: keys.unexpected_keys.clear())
    net.load_state_dict({"0.kernel": wg.ones(1, 1), "0.bias": wg.ones(1), "more": wg.ones(1)})
    assert net[0].weight.item() == 1.0


def test_metadata_and_destination():
    state = nn.Sequential(nn.BatchNorm1d(1)).state_dict()
    assert state._metadata["0"] == {"version": 2}
    destination = {}
    assert nn.Linear(1, 1).state_dict(destination=destination) is destination
