"""What all optimizers share: groups, state, hooks and errors."""

import copy
import pickle

import pytest

import wengert as wg
from wengert import nn, optim


def _parameter(*values):
    return nn.Parameter(wg.tensor(values))


def _step(optimizer, parameters):
    for parameter in parameters:
        parameter.grad = wg.ones_like(parameter.detach())
    optimizer.step()


def test_errors():
    p = _parameter(1.0)
    with pytest.raises(TypeError, match="should be an iterable of Tensors or dicts"):
        optim.SGD(p)
    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        optim.SGD([])
    with pytest.raises(TypeError, match="can only optimize Tensors, but one of the params is int"):
        optim.SGD([3])
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        optim.SGD([p * 2])
    with pytest.raises(TypeError, match="ordered collections"):
        optim.SGD([{"params": {p}}])
    with pytest.raises(ValueError, match="more than one parameter group"):
        optim.SGD([{"params": [p]}, {"params": [p]}])
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        optim.SGD([p], lr=-1)
    with pytest.raises(ValueError, match="Nesterov momentum requires"):
        optim.SGD([p], nesterov=True)
    with pytest.raises(ValueError, match=r"Invalid beta parameter at index 1: 1\.0"):
        optim.Adam([p], betas=(0.9, 1.0))


def test_groups_have_options_of_their_own():
    a, b, c = _parameter(1.0), _parameter(1.0), _parameter(1.0)
    optimizer = optim.SGD([{"params": a}, {"params": [b], "lr": 0.5}], lr=0.25)
    optimizer.add_param_group({"params": [c], "lr": 0.125})
    _step(optimizer, [a, b, c])
    assert [a.item(), b.item(), c.item()] == [0.75, 0.5, 0.875]
    optimizer.param_groups[0]["lr"] = 1.0
    _step(optimizer, [a])
    assert a.item() == -0.25


def test_named_parameters():
    optimizer = optim.SGD(nn.Linear(1, 1).named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="with/without names"):
        optimizer.add_param_group({"params": [_parameter(1.0)]})


def test_parameters_without_gradient_stay():
    a, b = _parameter(1.0), _parameter(1.0)
    optimizer = optim.Adam([a, b])
    _step(optimizer, [a])
    assert b.item() == 1.0
    assert b not in optimizer.state
    optimizer.zero_grad()
    assert a.grad is None
    a.grad = wg.ones(1)
    optimizer.zero_grad(set_to_none=False)
    assert a.grad.tolist() == [0.0]


def test_closure():
    p = _parameter(2.0)
    optimizer = optim.SGD([p], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with wg.no_grad():
        assert optimizer.step(closure).item() == 4.0
    assert p.item() == 1.0


@pytest.mark.parametrize(
    "make",
    [
        lambda ps: optim.SGD(ps, 0.1, momentum=0.9),
        lambda ps: optim.Adam(ps, 0.1, amsgrad=True),
        lambda ps: optim.AdamW(ps, 0.1),
    ],
)
def test_state_dict_continues_exactly(make):
    def grads(p, i):
        p.grad = wg.tensor([0.5 - i, 0.25 * i])

    whole, part = _parameter(1.0, 2.0), _parameter(1.0, 2.0)
    optimizer, first = make([whole]), make([part])
    for i in range(4):
        grads(whole, i)
        optimizer.step()
    for i in range(2):
        grads(part, i)
        first.step()
    saved = pickle.loads(pickle.dumps(first.state_dict()))
    assert saved["param_groups"][0]["params"] == [0]
    second = make([part])
    second.load_state_dict(saved)
    for i in range(2, 4):
        grads(part, i)
        second.step()
    assert part.tolist() == whole.tolist()


def test_loaded_state_is_cast_and_copied():
    p, q = _parameter(1.0), nn.Parameter(wg.ones(1, dtype=wg.float64))
    source, target = optim.Adam([p]), optim.Adam([q])
    _step(source, [p])
    state = source.state_dict()
    state["state"][0]["step"] = wg.tensor(1.0)
    target.load_state_dict(state)
    assert target.state[q]["exp_avg"].dtype == wg.float64
    assert target.state[q]["step"] == 1
    assert target.param_groups[0]["params"][0] is q
    again = optim.Adam([p])
    again.load_state_dict(source.state_dict())
    assert again.state[p]["exp_avg"] is not source.state[p]["exp_avg"]
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optim.Adam([{"params": [p]}, {"params": [q]}]).load_state_dict(state)
    with pytest.raises(ValueError, match="doesn't match the size"):
        optim.Adam([p, q]).load_state_dict(state)


def test_hooks():
    p = _parameter(1.0)
    optimizer = optim.SGD([p], lr=0.5)
    seen = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("before"))
    handle = optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("after"))
    _step(optimizer, [p])
    handle.remove()
    _step(optimizer, [p])
    assert seen == ["before", "after", "before"]
    optimizer.register_state_dict_post_hook(lambda o, state: state.update(more=1))
    assert optimizer.state_dict()["more"] == 1
    optimizer.register_load_state_dict_pre_hook(lambda o, state: {**state, **saved})
    saved = optim.SGD([_parameter(0.0)], lr=0.125).state_dict()
    optimizer.load_state_dict({})
    assert optimizer.param_groups[0]["lr"] == 0.125


def test_hooks_of_all_optimizers():
    from wengert.optim.optimizer import (
        register_optimizer_step_post_hook,
        register_optimizer_step_pre_hook,
    )

    p = _parameter(1.0)
    seen = []
    before = register_optimizer_step_pre_hook(lambda o, args, kwargs: seen.append(type(o)))
    after = register_optimizer_step_post_hook(lambda o, args, kwargs: seen.append("after"))
    _step(optim.Rprop([p]), [p])
    _step(optim.AdamW([p]), [p])
    before.remove()
    after.remove()
    _step(optim.AdamW([p]), [p])
    assert seen == [optim.Rprop, "after", optim.AdamW, "after"]


def test_hooks_may_change_the_arguments():
    p = _parameter(1.0)
    optimizer = optim.SGD([p], lr=1.0)
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((*args, lambda: 7), kwargs))
    p.grad = wg.ones(1)
    assert optimizer.step() == 7
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple of"):
        optimizer.step()


def test_hooks_see_the_arguments():
    p = _parameter(1.0)
    optimizer = optim.SGD([p], lr=1.0)
    seen = []
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append((o, args, kwargs)))

    def closure():
        return None

    optimizer.step(closure)
    optimizer.step(closure=closure)
    assert seen == [
        (optimizer, (optimizer, closure), {}),
        (optimizer, (optimizer,), {"closure": closure}),
    ]


def test_parameters_that_appear_twice():
    p = _parameter(1.0)
    with pytest.warns(UserWarning, match="a parameter group with duplicate parameters"):
        optimizer = optim.SGD([p, p], lr=0.25)
    _step(optimizer, [p])
    assert p.item() == 0.5  # 1 - 2 * 0.25
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        optimizer.add_param_group({"params": [p]})


def test_groups_with_and_without_names():
    a, b = _parameter(1.0), _parameter(2.0)
    named, unnamed = optim.SGD([("a", a)]), optim.SGD([a])
    text = "all optimizer param groups should be with/without names. cannot add param group "
    with pytest.raises(ValueError) as error:
        named.add_param_group({"params": [b]})
    assert str(error.value) == text + "without names to the optimizer"
    with pytest.raises(ValueError) as error:
        unnamed.add_param_group({"params": [("b", b)]})
    assert str(error.value) == text + "with names to the optimizer"


def test_learning_rates_may_be_tensors():
    p = _parameter(1.0)
    rate = wg.tensor(0.5)
    optimizer = optim.SGD([p], lr=rate)
    _step(optimizer, [p])
    assert p.item() == 0.5
    rate.fill_(0.25)
    _step(optimizer, [p])
    assert p.item() == 0.25


def test_states_of_older_programs():
    """Counts that are no tensors, and groups without the newer options."""
    p = _parameter(1.0)
    optimizer = optim.NAdam([p])
    _step(optimizer, [p])
    state = optimizer.state_dict()
    state["state"][0].update(step=1, mu_product=0.5)
    for name in ("maximize", "foreach", "capturable", "differentiable", "decoupled_weight_decay"):
        del state["param_groups"][0][name]
    again = optim.NAdam([p])
    again.load_state_dict(state)
    assert again.state[p]["mu_product"].item() == 0.5
    assert again.param_groups[0]["maximize"] is False
    _step(again, [p])
    assert again.state[p]["step"].item() == 2.0


def test_pickling_and_subclasses():
    class Halving(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {})

        def step(self, closure=None):
            with wg.no_grad():
                for group in self.param_groups:
                    for parameter in group["params"]:
                        self.state[parameter]["step"] = 1
                        parameter.mul_(0.5)

    p = _parameter(2.0)
    mine = Halving([p])
    schedule = optim.lr_scheduler.LambdaLR(optim.Adam([p]), lambda epoch: 1.0)
    assert schedule.optimizer.param_groups[0]["initial_lr"] == 1e-3
    mine.step()
    assert p.item() == 1.0
    mine.load_state_dict(mine.state_dict())
    assert mine.state[p] == {"step": 1}
    optimizer = pickle.loads(pickle.dumps(optim.Adam([p], 0.5)))
    assert optimizer.param_groups[0]["lr"] == 0.5
    _step(optimizer, optimizer.param_groups[0]["params"])


def test_printing_and_copying():
    optimizer = optim.SGD([_parameter(1.0)], lr=0.5)
    assert repr(optimizer).startswith("SGD (\nParameter Group 0\n    dampening: 0\n")
    duplicate = copy.deepcopy(optimizer)
    assert duplicate.param_groups[0]["params"][0] is not optimizer.param_groups[0]["params"][0]
    _step(duplicate, duplicate.param_groups[0]["params"])
