"""Registration, iteration, hooks, copying and printing of modules."""

import copy
import pickle

import pytest

import wengert as wg
from wengert import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.second = nn.Linear(3, 2, bias=False)
        self.scale = nn.Parameter(wg.ones(1))
        self.register_buffer("seen", wg.zeros(1))
        self.register_buffer("scratch", wg.zeros(1), persistent=False)

    def forward(self, x, factor=1.0):
        return self.second(self.first(x)) * self.scale * factor


def test_names_are_in_order_of_registration():
    net = Net()
    names = [name for name, _ in net.named_parameters()]
    assert names == ["scale", "first.weight", "first.bias", "second.weight"]
    assert [name for name, _ in net.named_parameters(prefix="net", recurse=False)] == ["net.scale"]
    assert [name for name, _ in net.named_buffers()] == ["seen", "scratch"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "second"]
    assert [name for name, _ in net.named_children()] == ["first", "second"]
    assert list(net.state_dict()) == [
        "scale",
        "seen",
        "first.weight",
        "first.bias",
        "second.weight",
    ]


def test_shared_parameters_are_given_once():
    net = Net()
    net.third = net.second
    assert len(list(net.parameters())) == 4
    names = [name for name, _ in net.named_parameters(remove_duplicate=False)]
    assert names.count("third.weight") == 1
    assert len(names) == 5
    assert len(list(net.modules())) == 3
    assert len(list(net.named_modules(remove_duplicate=False))) == 4


def test_assignment_moves_between_registries():
    module = nn.Module()
    module.x = 3
    module.x = nn.Parameter(wg.ones(2))
    assert "x" in module._parameters
    with pytest.raises(TypeError, match="cannot assign '.*Identity' as parameter 'x'"):
        module.x = nn.Identity()
    del module.x
    module.x = nn.Identity()
    assert "x" not in module._parameters
    assert list(module._modules) == ["x"]
    module.x = None
    assert list(module._modules) == ["x"]
    assert list(module.named_modules()) == [("", module)]
    del module.x
    assert not hasattr(module, "x")
    assert len(module._modules) == 0


def test_assignment_errors():
    net = Net()
    with pytest.raises(TypeError, match=r"cannot assign '.*Tensor' as parameter 'scale'"):
        net.scale = wg.ones(1)
    with pytest.raises(TypeError, match="cannot assign 'int' as child module 'first'"):
        net.first = 3
    with pytest.raises(TypeError, match="cannot assign 'str' as buffer 'seen'"):
        net.seen = "no"
    net.scale = None
    assert dict(net.named_parameters(recurse=False)) == {}

    class Early(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(wg.ones(1))

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        Early()


@pytest.mark.parametrize("register", ["register_parameter", "register_buffer", "add_module"])
def test_registration_errors(register):
    net = Net()
    with pytest.raises(KeyError, match=r'contain "\."'):
        getattr(net, register)("a.b", None)
    with pytest.raises(KeyError, match=r"be empty string"):
        getattr(net, register)("", None)
    with pytest.raises(KeyError, match="attribute 'forward' already exists"):
        getattr(net, register)("forward", None)
    with pytest.raises(TypeError):
        getattr(net, register)("fresh", 3)
    with pytest.raises(TypeError):
        getattr(net, register)(3, None)


def test_only_parameters_are_registered_as_parameters():
    with pytest.raises(TypeError, match=r"cannot assign .* object to parameter 'x'"):
        nn.Module().register_parameter("x", wg.ones(1))


def test_registries_write_through():
    net = Net()
    replacement = nn.Parameter(wg.zeros(1))
    net._parameters["scale"] = replacement
    assert net.scale is replacement
    assert net._buffers.pop("seen") is not None
    assert not hasattr(net, "seen")


def test_lookups():
    net = nn.Sequential(Net(), nn.Identity())
    assert net.get_submodule("0.first") is net[0].first
    assert net.get_submodule("") is net
    assert net.get_parameter("0.first.bias") is net[0].first.bias
    assert net.get_buffer("0.seen") is net[0].seen
    with pytest.raises(AttributeError, match=r"has no attribute `third`"):
        net.get_submodule("0.third")
    with pytest.raises(AttributeError, match=r"is not an nn\.Module"):
        net.get_submodule("0.scale")
    with pytest.raises(AttributeError, match=r"is not an nn\.Parameter"):
        net.get_parameter("0.seen")
    with pytest.raises(AttributeError, match="is not a buffer"):
        net.get_buffer("0.scale")
    net.set_submodule("0.first", nn.Identity())
    assert isinstance(net[0].first, nn.Identity)


def test_modes_and_grads():
    net = Net()
    assert net.eval() is net
    assert not net.first.training
    assert net.train().second.training
    with pytest.raises(ValueError, match="expected to be boolean"):
        net.train(1)
    net(wg.ones(1, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.first.bias.grad.tolist() == [0.0, 0.0, 0.0]
    net.zero_grad()
    assert net.first.bias.grad is None
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())


def test_casts_keep_identity_and_integers():
    net = Net()
    net.register_buffer("count", wg.tensor(3))
    weight = net.first.weight
    net(wg.ones(1, 2)).sum().backward()
    assert net.double() is net
    assert net.first.weight is weight
    assert weight.dtype == wg.float64
    assert weight.grad.dtype == wg.float64
    assert net.seen.dtype == wg.float64
    assert net.count.dtype == wg.int64
    assert net.to(wg.float32).scale.dtype == wg.float32
    assert net.to("cpu").count.dtype == wg.int64
    assert net.half().scale.dtype == wg.float16
    assert net.to(wg.ones(1, dtype=wg.float64)).scale.dtype == wg.float64
    with pytest.raises(TypeError, match="only accepts floating point or complex"):
        net.to(wg.int64)


def test_forward_hooks():
    net = Net()
    calls = []
    x = wg.ones(1, 2)
    plain = net(x)
    first = net.register_forward_hook(lambda m, args, out: calls.append("after"))
    net.register_forward_hook(
        lambda m, args, kwargs, out: out * kwargs["factor"], with_kwargs=True, prepend=True
    )
    net.register_forward_pre_hook(lambda m, args: calls.append("before"))
    handle = net.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"factor": 3.0}), with_kwargs=True
    )
    assert wg.allclose(net(x, factor=2.0), plain * 9)
    assert calls == ["before", "after"]
    handle.remove()
    first.remove()
    with handle:
        pass
    calls.clear()
    net(x, factor=1.0)
    assert calls == ["before"]


def test_pre_hook_replaces_arguments():
    net = Net()
    net.register_forward_pre_hook(lambda m, args: args[0] * 0)
    assert wg.allclose(net(wg.ones(1, 2)), net.second(net.first(wg.zeros(1, 2))))
    net.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple"):
        net(wg.ones(1, 2))


def test_always_called_hook_sees_the_failure():
    net = Net()
    seen = []
    net.register_forward_hook(lambda m, a, out: seen.append("usual"))
    net.register_forward_hook(lambda m, a, out: seen.append(out), always_call=True)
    with pytest.raises(TypeError):
        net("no tensor")
    assert seen == [None]


def test_global_hooks():
    seen = []
    with nn.modules.module.register_module_forward_hook(lambda m, a, out: seen.append(type(m))):
        nn.Sequential(nn.Identity())(wg.ones(1))
    assert seen == [nn.Identity, nn.Sequential]


def test_missing_forward():
    with pytest.raises(NotImplementedError, match='missing the required "forward"'):
        nn.Module()()


def test_copies():
    net = Net()
    net.tied = net.first
    deep = copy.deepcopy(net)
    assert deep.tied is deep.first
    assert deep.first.weight is not net.first.weight
    assert wg.allclose(deep.first.weight.detach(), net.first.weight.detach())
    shallow = copy.copy(net)
    shallow.extra = nn.Parameter(wg.ones(1))
    assert shallow.first is net.first
    assert "extra" not in net._parameters
    again = pickle.loads(pickle.dumps(net))
    assert list(again.state_dict()) == list(net.state_dict())
    assert isinstance(again.scale, nn.Parameter)
    assert again.scale.requires_grad


def test_apply_goes_inside_out():
    order = []
    nn.Sequential(nn.Identity(), nn.Sequential(nn.ReLU())).apply(lambda m: order.append(type(m)))
    assert order == [nn.Identity, nn.ReLU, nn.Sequential, nn.Sequential]


def test_repr():
    assert repr(nn.Sequential()) == "Sequential()"
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(inplace=True)))
    assert repr(net) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): ReLU(inplace=True)\n"
        "  )\n"
        ")"
    )
    assert repr(nn.Parameter(wg.ones(1))).startswith("Parameter containing:\n")


def test_buffer_class():
    module = nn.Module()
    module.kept = nn.Buffer(wg.ones(1))
    module.lost = nn.Buffer(wg.ones(1), persistent=False)
    assert list(module.state_dict()) == ["kept"]
    assert len(list(module.buffers())) == 2
