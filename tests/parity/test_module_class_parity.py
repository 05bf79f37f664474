"""`nn.Module` and the containers do, and refuse, what PyTorch's do, with the same words."""

import copy
import pickle
import re
import warnings

import pytest

import wengert as wg

torch = pytest.importorskip("torch")


def _net(kit):
    nn = kit.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(2, 3)
            self.again = self.first
            self.body = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2))
            self.scale = nn.Parameter(kit.ones(2))
            self.register_buffer("kept", kit.zeros(1))
            self.register_buffer("lost", kit.zeros(1), persistent=False)
            self.register_parameter("nothing", None)
            self.number = 3

    return Net()


def _own_state(kit):
    nn = kit.nn

    class Extra(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(kit.zeros(2))
            self.value = 1

        def get_extra_state(self):
            return {"value": self.value}

        def set_extra_state(self, state):
            self.value = state["value"]

    return Extra()


def _set(name, make):
    def do(kit):
        net = _net(kit)
        setattr(net, name, make(kit))
        return (
            [n for n, _ in net.named_parameters()], [n for n, _ in net.named_buffers()],
            [n for n, _ in net.named_modules()],
        )  # fmt: skip

    return do


def _call(method, *args, **kwargs):
    def do(kit):
        net = _net(kit)
        given = [x(kit) if callable(x) else x for x in args]
        result = getattr(net, method)(*given, **kwargs)
        return repr(result) if isinstance(result, kit.nn.Module) else result

    return do


def _uninitialized(name, make):
    def do(kit):
        class Early(kit.nn.Module):
            def __init__(self):
                setattr(self, name, make(kit))

        return Early()

    return do


def _hooks(kit):
    seen = []
    net = _net(kit)
    net.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append(("pre", prefix, keep)))
    net.body.register_state_dict_post_hook(
        lambda m, state, prefix, meta: seen.append((prefix, sorted(meta), len(state)))
    )
    net.body[0].register_load_state_dict_pre_hook(
        lambda m, state, prefix, *rest: seen.append((prefix, len(state)))
    )
    net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    state = net.state_dict(prefix="x.")
    state = {key.removeprefix("x."): value for key, value in state.items() if "bias" not in key}
    seen.append(net.load_state_dict(state))
    return seen


def _forward_hooks(kit):
    seen = []
    layer = kit.nn.Linear(1, 1, bias=False)
    with kit.no_grad():
        layer.weight.fill_(2.0)
    layer.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    layer.register_forward_pre_hook(lambda m, args: seen.append(args[0].item()), prepend=True)
    handle = layer.register_forward_hook(lambda m, args, out: out * 10)
    layer.register_forward_hook(
        lambda m, args, kwargs, out: seen.append((sorted(kwargs), out.item())), with_kwargs=True
    )
    seen.append(layer(kit.ones(1, 1)).item())
    handle.remove()
    seen.append(layer(kit.ones(1, 1)).item())
    return seen


def _load(kit, change, **options):
    net = _net(kit)
    state = net.state_dict()
    change(kit, state)
    return str(net.load_state_dict(state, **options))


def _assigned(kit):
    net = _net(kit)
    state = {k: v.clone() + 1 for k, v in net.state_dict().items()}
    net.load_state_dict(state, assign=True)
    return [
        net.scale.data_ptr() == state["scale"].data_ptr(), type(net.scale).__name__,
        net.scale.requires_grad, net.kept.data_ptr() == state["kept"].data_ptr(),
    ]  # fmt: skip


def _converted(kit):
    net = _net(kit)
    net.scale.grad = kit.ones(2)
    before = net.scale
    net.double()
    return [
        net.scale is before, str(net.scale.grad.dtype), str(net.kept.dtype),
        str(net.body[1].num_batches_tracked.dtype), str(net.half().scale.dtype),
        str(net.to(kit.bfloat16).scale.dtype), str(net.to(kit.ones(1)).scale.dtype),
        str(net.float().scale.dtype), str(net.type(kit.float64).scale.dtype),
    ]  # fmt: skip


def _copied(kit):
    layer = kit.nn.Sequential(kit.nn.Linear(2, 2), kit.nn.ReLU())
    results = []
    for other in (copy.deepcopy(layer), copy.copy(layer), pickle.loads(pickle.dumps(layer))):
        results.append([repr(other), other[0].weight is layer[0].weight, other.training])
        results[-1].append(bool((other[0].weight == layer[0].weight).all()))
    return results


def _zeroed(kit):
    net = kit.nn.Linear(1, 1)
    net(kit.ones(1, 1)).sum().backward()
    net.zero_grad(set_to_none=False)
    values = [net.weight.grad.tolist()]
    net.zero_grad()
    return [*values, net.weight.grad]


def _trained(kit):
    net = _net(kit)
    net.eval()
    flags = [m.training for m in net.modules()]
    net.body.train()
    flags += [m.training for m in net.modules()]
    net.requires_grad_(False)
    return flags + [p.requires_grad for p in net.parameters()]


def _sequence(kit):
    nn = kit.nn
    net = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    net.insert(1, nn.ELU())
    net.append(nn.GELU())
    net[0] = nn.Identity()
    del net[2]
    popped = net.pop(-1)
    return [repr(net), repr(popped), repr(net[1:]), repr(net + net), repr(net * 2), len(net),
            repr(3 * net[:1])]  # fmt: skip


def _parameter_dict(kit):
    d = kit.nn.ParameterDict({"a": kit.nn.Parameter(kit.ones(2)), "b": kit.zeros(1)})
    d |= {"c": kit.ones(1)}
    e = d | {"a": kit.zeros(3)}
    return [
        repr(d), list(e), list(reversed(d)), d.popitem()[0], sorted(n for n, _ in d.items()),
        repr(d.fromkeys(["x", "y"], 1.0)), e["a"].shape == (3,), d.get("zz", 5),
    ]  # fmt: skip


CASES = {
    "names": lambda kit: [
        [n for n, _ in _net(kit).named_parameters("p")],
        [n for n, _ in _net(kit).named_parameters(remove_duplicate=False)],
        [n for n, _ in _net(kit).named_parameters(recurse=False)],
        [n for n, _ in _net(kit).named_buffers()],
        [n for n, _ in _net(kit).named_modules(remove_duplicate=False)],
        [n for n, _ in _net(kit).named_children()],
        len(list(_net(kit).modules(remove_duplicate=False))),
        list(_net(kit).state_dict()),
        list(_net(kit).state_dict(prefix="a.", keep_vars=True)),
    ],
    "print": lambda kit: repr(_net(kit)),
    "directory": lambda kit: [
        name in dir(_net(kit)) for name in ("first", "kept", "scale", "number", "forward")
    ] + ["0" in dir(kit.nn.Sequential(kit.nn.ReLU()))],
    "missing attribute": lambda kit: _net(kit).nowhere,
    "tensor for parameter": _set("scale", lambda kit: kit.ones(2)),
    "number for parameter": _set("scale", lambda kit: 1.0),
    "none for parameter": _set("scale", lambda kit: None),
    "number for buffer": _set("kept", lambda kit: 1.0),
    "tensor for buffer": _set("kept", lambda kit: kit.ones(3)),
    "parameter for buffer": _set("kept", lambda kit: kit.nn.Parameter(kit.ones(3))),
    "number for module": _set("body", lambda kit: 1.0),
    "none for module": _set("body", lambda kit: None),
    "module for parameter": _set("scale", lambda kit: kit.nn.ReLU()),
    "parameter for number": _set("number", lambda kit: kit.nn.Parameter(kit.ones(3))),
    "buffer object": _set("other", lambda kit: kit.nn.Buffer(kit.ones(3), persistent=False)),
    "buffer object for parameter": _set("scale", lambda kit: kit.nn.Buffer(kit.ones(3))),
    "buffer object for module": _set("body", lambda kit: kit.nn.Buffer(kit.ones(3))),
    "non-leaf parameter": _call("register_parameter", "p", lambda kit: kit.ones(1)),
    "early parameter": _uninitialized("p", lambda kit: kit.nn.Parameter(kit.ones(1))),
    "early module": _uninitialized("p", lambda kit: kit.nn.ReLU()),
    "dotted parameter": _call("register_parameter", "a.b", None),
    "empty parameter": _call("register_parameter", "", None),
    "taken parameter": _call("register_parameter", "number", None),
    "numbered parameter": _call("register_parameter", 3, None),
    "dotted buffer": _call("register_buffer", "a.b", None),
    "empty buffer": _call("register_buffer", "", None),
    "taken buffer": _call("register_buffer", "forward", None),
    "number as buffer": _call("register_buffer", "x", 3),
    "dotted module": _call("add_module", "a.b", None),
    "empty module": _call("add_module", "", None),
    "taken module": _call("add_module", "scale", None),
    "number as module": _call("add_module", "x", 3),
    "submodule": _call("get_submodule", "body.1"),
    "no submodule": _call("get_submodule", "body.2"),
    "submodule of a tensor": _call("get_submodule", "scale.x"),
    "set submodule": _call("set_submodule", "body.1", lambda kit: kit.nn.Tanh()),
    "set submodule anew": _call("set_submodule", "body.7", lambda kit: kit.nn.Tanh(), strict=True),
    "set no submodule": _call("set_submodule", "", lambda kit: kit.nn.Tanh()),
    "set a parameter": _call("set_submodule", "scale", lambda kit: kit.nn.Tanh()),
    "set a number": _call("set_submodule", "body", 3),
    "no parameter": _call("get_parameter", "body.0.w"),
    "buffer as parameter": _call("get_parameter", "kept"),
    "parameter as buffer": _call("get_buffer", "scale"),
    "integer dtype": _call("to", lambda kit: kit.int64),
    "training as a number": _call("train", 1),
    "state hooks": _hooks,
    "forward hooks": _forward_hooks,
    "load": lambda kit: _load(kit, lambda kit, s: None),
    "load less": lambda kit: _load(kit, lambda kit, s: s.pop("scale")),
    "load less, not strict": lambda kit: _load(kit, lambda kit, s: s.pop("scale"), strict=False),
    "load more": lambda kit: _load(kit, lambda kit, s: s.update({"body.0.x": kit.ones(1)})),
    "load another shape": lambda kit: _load(kit, lambda kit, s: s.update(scale=kit.ones(5))),
    "load text": lambda kit: _load(kit, lambda kit, s: s.update(scale="text")),
    "load a list": lambda kit: _net(kit).load_state_dict([1]),
    "load by assignment": _assigned,
    "extra state": lambda kit: str(_own_state(kit).state_dict()).replace("torch", "wengert"),
    "no extra state": lambda kit: _own_state(kit).load_state_dict({"weight": kit.zeros(2)}),
    "conversions": _converted,
    "copies": _copied,
    "zero_grad": _zeroed,
    "modes": _trained,
    "sequential": _sequence,
    "parameter dict": _parameter_dict,
    "sequential index": lambda kit: kit.nn.Sequential(kit.nn.ReLU())[1],
    "sequential sum": lambda kit: kit.nn.Sequential() + 1,
    "sequential product": lambda kit: kit.nn.Sequential() * 0,
    "module list": lambda kit: repr(kit.nn.ModuleList([kit.nn.ReLU()] * 3 + [kit.nn.Tanh()])),
    "module list of none": lambda kit: kit.nn.ModuleList(3),
    "module dict": lambda kit: repr(kit.nn.ModuleDict({"a": kit.nn.ReLU(), "b": kit.nn.Tanh()})),
    "parameter list": lambda kit: repr(kit.nn.ParameterList([kit.ones(2), 3])),
    "unflatten": lambda kit: kit.nn.Unflatten(1, (2, 2.0)),
    "initial conv": lambda kit: kit.nn.init.kaiming_uniform_(kit.ones(2, 2), mode="fan"),
    "initial vector": lambda kit: kit.nn.init.xavier_uniform_(kit.ones(2)),
    "gain": lambda kit: kit.nn.init.calculate_gain("nothing"),
}  # fmt: skip


def _plain(text):
    text = text.replace(", got: a.b", "")  # which PyTorch says of modules only
    text = re.sub(r"test_module_class_parity\.\S*?<locals>\.", "", text)
    return text.replace("torch.nn.parameter.", "nn.").replace("torch.nn.Parameter", "nn.Parameter")\
        .replace("wengert.nn.parameter.", "nn.").replace("wengert.nn.Parameter", "nn.Parameter")\
        .replace("torch.FloatTensor", "wengert.Tensor").replace("torch ", "wengert.")\
        .replace("torch.", "wengert.").replace("'nn.Buffer'", "'wengert.Tensor'")\
        .replace("[wengert.float32 of", "[wengert.Tensor of")  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_same(name):
    outcomes = []
    for kit in (wg, torch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                outcome = CASES[name](kit)
            except Exception as error:
                outcome = type(error), _plain(str(error))
        outcomes.append(outcome if isinstance(outcome, tuple) else _plain(str(outcome)))
    assert outcomes[0] == outcomes[1]
