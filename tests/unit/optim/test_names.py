"""Where parameters have names, states follow them, and the first step says what is wrong."""

import pytest

import wengert as wg
from wengert import nn, optim


class _Model(nn.Module):
    def __init__(self, order):
        super().__init__()
        for name in order:
            setattr(self, name, nn.Linear(3, 3, bias=False))

    def forward(self, x):
        return self.first(x).tanh() + self.second(x)


def _train(model, optimizer, steps):
    for step in steps:
        wg.manual_seed(step)
        optimizer.zero_grad()
        model(wg.randn(4, 3)).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("named", [lambda m: m, lambda m: m.named_parameters()])
def test_resuming_with_layers_in_another_order(named):
    whole = _Model(["first", "second"])
    optimizer = optim.Adam(named(whole), 0.1)
    _train(whole, optimizer, range(3))
    weights = {name: p.clone() for name, p in whole.state_dict().items()}
    saved = optimizer.state_dict()
    resumed = _Model(["second", "first"])
    resumed.load_state_dict(weights)
    again = optim.Adam(named(resumed), 0.5)
    again.load_state_dict(saved)
    assert again.param_groups[0]["lr"] == 0.1
    assert again.param_groups[0]["param_names"] == ["second.weight", "first.weight"]
    _train(whole, optimizer, range(3, 6))
    _train(resumed, again, range(3, 6))
    for name, p in whole.named_parameters():
        assert p.tolist() == resumed.get_parameter(name).tolist()


def test_unnamed_states_are_matched_by_order():
    whole = _Model(["first", "second"])
    optimizer = optim.Adam(whole.parameters(), 0.1)
    _train(whole, optimizer, range(2))
    again = optim.Adam(whole, 0.5)
    again.load_state_dict(optimizer.state_dict())
    p = whole.second.weight
    assert again.state[p]["exp_avg"].tolist() == optimizer.state[p]["exp_avg"].tolist()
    assert again.param_groups[0]["param_names"] == ["first.weight", "second.weight"]


def test_what_does_not_match_is_told():
    saved = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    optimizer = optim.Adam(saved)
    saved(wg.ones(1, 2)).sum().backward()
    optimizer.step()
    other = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 1), nn.Linear(1, 1))
    again = optim.Adam(other)
    with pytest.raises(ValueError, match="doesn't match") as error:
        again.load_state_dict(optimizer.state_dict())
    for line in (
        "  added: 2.weight\n",
        "  reshaped: 0.weight is [4, 2] here, its exp_avg is [3, 2]\n",
        "  reshaped: 1.weight is [1, 4] here, its exp_avg is [1, 3]\n",
        "load_state_dict(..., strict=False) loads the others.",
    ):
        assert line in str(error.value)
    with pytest.warns(UserWarning, match="reshaped: 0.weight"):
        again.load_state_dict(optimizer.state_dict(), strict=False)
    assert set(again.state) == {other[1].bias}
    smaller = optim.Adam(nn.Sequential(nn.Linear(2, 3)))
    with pytest.raises(ValueError, match="  missing: 1.weight\n"):
        smaller.load_state_dict(optimizer.state_dict())


def test_options_follow_the_groups_names():
    model = _Model(["first", "second"])
    first = {"params": [("first.weight", model.first.weight)], "lr": 0.1}
    second = {"params": [("second.weight", model.second.weight)], "lr": 0.2}
    saved = optim.SGD([first, second]).state_dict()
    again = optim.SGD(
        [
            {"params": [("second.weight", model.second.weight)]},
            {"params": [("first.weight", model.first.weight)]},
        ]
    )
    again.load_state_dict(saved)
    assert [group["lr"] for group in again.param_groups] == [0.2, 0.1]


def test_replaced_layers_are_an_error_once():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    optimizer = optim.SGD(model)
    model[1] = nn.Linear(2, 2, bias=False)
    model(wg.ones(1, 2)).sum().backward()
    before = model[0].weight.tolist()
    with pytest.raises(RuntimeError) as error:
        optimizer.step()
    assert str(error.value) == (
        "SGD.step(): the parameters of Sequential changed after the optimizer was made\n"
        "  1.weight: the optimizer has it, the module no longer does\n"
        "  1.bias: the optimizer has it, the module no longer does\n"
        "  1.weight: the module trains it, the optimizer does not have it\n"
        "Make the optimizer after the last change of the module, or call add_param_group()."
    )
    assert model[0].weight.tolist() == before
    optimizer.step()
    assert model[0].weight.tolist() != before


def test_parameters_without_a_gradient_are_named_once():
    model = nn.ModuleDict({"used": nn.Linear(2, 1), "unused": nn.Linear(2, 1)})
    for parameters in (model, model.named_parameters()):
        optimizer = optim.Adam(parameters)
        optimizer.zero_grad()
        model["used"](wg.ones(1, 2)).sum().backward()
        with pytest.warns(UserWarning, match="2 parameter.*: unused.weight, unused.bias"):
            optimizer.step()
        optimizer.step()  # silent
    frozen = optim.Adam([*model.named_parameters()])
    model["unused"].requires_grad_(False)
    frozen.step()  # silent: nothing is missing


def test_optimizers_do_not_keep_the_module_alive():
    import gc
    import weakref

    model = nn.Linear(2, 2)
    optimizer = optim.SGD(model)
    watcher = weakref.ref(model)
    del model
    gc.collect()
    assert watcher() is None
    assert len(optimizer.param_groups[0]["params"]) == 2
