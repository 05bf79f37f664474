"""`nn.utils` and `nn.init` against PyTorch."""

import copy
import math

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch")
pytest.importorskip("torch.nn.utils.prune")  # not imported with torch itself

from tests.parity.module_cases import to_kit  # noqa: E402

KITS = (wg, torch)
# PyTorch's own deprecations are not what is tested.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated in favor of:FutureWarning")


def _array(tensor):
    return np.array(tensor.detach().tolist())


def _close(ours, theirs, tolerance=1e-9):
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(_array(ours), _array(theirs), rtol=tolerance, atol=1e-11)


def _linear(kit, *shape, seed=0, kind="Linear", **options):
    layer = getattr(kit.nn, kind)(*shape, **options).double()
    rng = np.random.default_rng(seed)
    with kit.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(to_kit(rng.standard_normal(tuple(parameter.shape)), kit))
    return layer


def _states(ours, theirs):
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in ours.state_dict().items():
        _close(value, theirs.state_dict()[key])


# ---- sequences ----


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [[4, 2, 1], [2, 4, 1]])
def test_packing(lengths, batch_first):
    padded = np.random.default_rng(0).standard_normal((3, 4, 2) if batch_first else (4, 3, 2))
    results = []
    for kit in KITS:
        rnn = kit.nn.utils.rnn
        packed = rnn.pack_padded_sequence(
            to_kit(padded, kit), lengths, batch_first, enforce_sorted=lengths[0] == 4
        )
        back, sizes = rnn.pad_packed_sequence(packed, batch_first, -1.0, total_length=6)
        parts = rnn.unpack_sequence(packed)
        results.append([packed.data, packed.batch_sizes, back, sizes, *parts])
        if packed.sorted_indices is not None:
            results[-1] += [packed.sorted_indices, packed.unsorted_indices]
    for ours, theirs in zip(*results, strict=True):
        _close(ours, theirs)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_padding(batch_first, side):
    results = []
    for kit in KITS:
        rnn = kit.nn.utils.rnn
        parts = [kit.arange(2.0 * n).reshape(n, 2) for n in (1, 3, 2)]
        padded = rnn.pad_sequence(parts, batch_first, 9.0, side)
        results.append(
            [padded, *rnn.unpad_sequence(padded.clone(), kit.tensor([1, 3, 2]), batch_first)]
        )
        results[-1].append(rnn.pack_sequence(parts, enforce_sorted=False).data)
    for ours, theirs in zip(*results, strict=True):
        _close(ours, theirs)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_recurrence_over_packed_sequences(kind, options, ordered, given):
    lengths = [4, 3, 3, 1] if ordered else [3, 1, 4, 3]
    rng = np.random.default_rng(0)
    padded = rng.standard_normal((4, 4, 3))
    rows = options.get("num_layers", 1) * (2 if options else 1)
    start = rng.standard_normal((rows, 4, 2)), rng.standard_normal((rows, 4, 2))
    results = []
    for kit in KITS:
        layer = _linear(kit, 3, 2, kind=kind, **options)
        x = to_kit(padded, kit).requires_grad_()
        states = [s.requires_grad_() for s in to_kit(start, kit)]
        hidden = (tuple(states) if kind == "LSTM" else states[0]) if given else None
        packed = kit.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=ordered)
        output, final = layer(packed, hidden)
        finals = list(final) if kind == "LSTM" else [final]
        everything = [output.data, *finals]
        sum((t * kit.arange(1.0, t.numel() + 1).reshape(t.shape)).sum() for t in everything)\
            .backward()  # fmt: skip
        used = states if kind == "LSTM" else states[:1]
        grads = [x.grad, *(p.grad for p in layer.parameters())]
        grads += [s.grad for s in used] if given else []
        results.append([*everything, output.batch_sizes, *grads])
    for ours, theirs in zip(*results, strict=True):
        _close(ours, theirs)


# ---- parametrizations ----


@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm(dim):
    layers = []
    for kit in KITS:
        layer = kit.nn.utils.parametrizations.weight_norm(_linear(kit, 4, 3), dim=dim)
        layer(kit.ones(2, 4, dtype=kit.float64)).square().sum().backward()
        layers.append(layer)
    ours, theirs = layers
    _states(ours, theirs)
    assert repr(ours) == repr(theirs)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        _close(p.grad, q.grad)


@pytest.mark.parametrize("dim", [0, 1, None])
def test_older_weight_norm(dim):
    layers = []
    for kit in KITS:
        layer = kit.nn.utils.weight_norm(_linear(kit, 4, 3), dim=dim)
        layer(kit.ones(2, 4, dtype=kit.float64)).square().sum().backward()
        layers.append(layer)
    _states(*layers)
    for p, q in zip(*(layer.parameters() for layer in layers), strict=True):
        _close(p.grad, q.grad)
    # The newer one reads what the older one saved.
    newer = wg.nn.utils.parametrizations.weight_norm(_linear(wg, 4, 3, seed=5), dim=dim)
    newer.load_state_dict(layers[0].state_dict())
    _close(newer.weight, layers[1].weight)
    for kit, layer in zip(KITS, layers, strict=True):
        kit.nn.utils.remove_weight_norm(layer)
    _states(*layers)


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize(("kind", "shape"), [("Linear", (4, 3)), ("ConvTranspose2d", (2, 3, 2))])
def test_spectral_norm(kind, shape, older):
    layers = []
    for kit in KITS:
        utils = kit.nn.utils
        wrap = utils.spectral_norm if older else utils.parametrizations.spectral_norm
        layers.append(wrap(_linear(kit, *shape, kind=kind), n_power_iterations=2))
    ours, theirs = layers
    assert list(ours.state_dict()) == list(theirs.state_dict())
    # From the same vectors, which are drawn at random.
    theirs.load_state_dict(
        {key: torch.tensor(value.tolist(), dtype=torch.float64)
         for key, value in ours.state_dict().items()}
    )  # fmt: skip
    for training in (True, False):
        for kit, layer in zip(KITS, layers, strict=True):
            layer.train(training)
            layer.zero_grad()
            x = kit.linspace(0, 1, 8 * shape[0], dtype=kit.float64)
            x = x.reshape(8, -1) if kind == "Linear" else x.reshape(1, shape[0], 2, 4)
            layer(x).square().sum().backward()
        _states(*layers)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            _close(p.grad, q.grad)
    if kind == "Linear":
        matrix = _array(ours.weight)
        assert np.linalg.norm(matrix, 2) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("trivial", [True, False])
@pytest.mark.parametrize("name", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_orthogonal(shape, name, trivial):
    layers = []
    for kit in KITS:
        kit.manual_seed(0)
        layer = _linear(kit, *shape)
        layers.append(
            kit.nn.utils.parametrizations.orthogonal(
                layer, "weight", name, use_trivialization=trivial
            )
        )
    ours, theirs = layers
    assert list(ours.state_dict()) == list(theirs.state_dict())
    start = {
        key: torch.tensor(v.tolist(), dtype=torch.float64) for key, v in ours.state_dict().items()
    }
    theirs.load_state_dict(start)
    noise = np.random.default_rng(3).standard_normal((shape[1], shape[0])) * 0.3
    for kit, layer in zip(KITS, layers, strict=True):
        with kit.no_grad():
            layer.parametrizations.weight.original.add_(
                to_kit(np.tril(noise, -1) + np.triu(noise, 1), kit)
            )
        (layer.weight * to_kit(noise, kit)).sum().backward()
    _close(ours.weight, theirs.weight, 1e-7)
    _close(ours.parametrizations.weight.original.grad,
           theirs.parametrizations.weight.original.grad, 1e-7)  # fmt: skip
    q = _array(ours.weight)
    q = q if q.shape[0] >= q.shape[1] else q.T
    np.testing.assert_allclose(q.T @ q, np.eye(q.shape[1]), atol=1e-10)
    if trivial:
        target = np.linalg.qr(np.random.default_rng(1).standard_normal((5, 5)))[0]
        target = np.ascontiguousarray(target[: shape[1], : shape[0]])
        if shape == (4, 4):
            target = np.linalg.qr(target)[0]
        ours.weight = to_kit(target, wg)
        _close(ours.weight, torch.tensor(target), 1e-9)


# ---- pruning, fusing, clipping ----


def test_pruning():
    layers = []
    for kit in KITS:
        prune = kit.nn.utils.prune
        layer = _linear(kit, 5, 4)
        prune.l1_unstructured(layer, "weight", 0.3)
        prune.ln_structured(layer, "weight", amount=1, n=2, dim=0)
        prune.l1_unstructured(layer, "weight", 2)
        prune.custom_from_mask(layer, "bias", kit.tensor([1, 0, 1, 1]))
        layer(kit.ones(2, 5, dtype=kit.float64)).square().sum().backward()
        assert prune.is_pruned(layer)
        layers.append(layer)
    ours, theirs = layers
    _states(ours, theirs)
    _close(ours.weight, theirs.weight)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        _close(p.grad, q.grad)
    for kit, layer in zip(KITS, layers, strict=True):
        kit.nn.utils.prune.remove(layer, "weight")
        kit.nn.utils.prune.remove(layer, "bias")
        assert not kit.nn.utils.prune.is_pruned(layer)
    _states(ours, theirs)


def test_global_pruning():
    nets = []
    for kit in KITS:
        net = kit.nn.Sequential(_linear(kit, 4, 3), _linear(kit, 3, 2, seed=1))
        prune = kit.nn.utils.prune
        prune.global_unstructured(
            [(net[0], "weight"), (net[1], "weight"), (net[1], "bias")],
            pruning_method=prune.L1Unstructured,
            amount=7,
        )
        nets.append(net)
    _states(*nets)


def test_random_pruning():
    prune = wg.nn.utils.prune
    layer = prune.random_unstructured(wg.nn.Linear(6, 5), "weight", 0.5)
    assert int(layer.weight_mask.sum()) == 15
    layer = prune.random_structured(wg.nn.Linear(6, 5), "weight", 2, dim=1)
    assert sorted(layer.weight_mask.sum(0).tolist()) == [0.0, 0.0, 5.0, 5.0, 5.0, 5.0]
    assert prune.identity(wg.nn.Linear(2, 2), "weight").weight_mask.sum() == 4


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", ["Conv2d", "ConvTranspose2d", "Linear"])
def test_fusing_batch_norm(kind, bias):
    fused = []
    for kit in KITS:
        shape = (3, 4) if kind == "Linear" else (3, 4, 2)
        layer = _linear(kit, *shape, kind=kind, bias=bias)
        norm = _linear(kit, 4, kind="BatchNorm1d" if kind == "Linear" else "BatchNorm2d")
        x = to_kit(np.random.default_rng(2).standard_normal((5, 3, 4, 4)), kit)
        if kind == "Linear":
            x = x[:, :, 0, 0]
        norm(layer(x))
        layer.eval(), norm.eval()
        utils = kit.nn.utils
        if kind == "Linear":
            one = utils.fuse_linear_bn_eval(layer, norm)
        else:
            one = utils.fuse_conv_bn_eval(layer, norm, transpose=kind != "Conv2d")
        _close(one(x), norm(layer(x)), 1e-8)
        fused.append(one)
    _states(*fused)


@pytest.mark.parametrize("norm", [1.0, 2.0, math.inf])
def test_clipping(norm):
    results = []
    for kit in KITS:
        params = [kit.nn.Parameter(kit.zeros(n, dtype=kit.float64)) for n in (2, 3, 1)]
        for i, p in enumerate(params[:2]):
            p.grad = kit.arange(1.0, p.numel() + 1, dtype=kit.float64) * (i + 1)
        utils = kit.nn.utils
        total = utils.clip_grad_norm_(params, 2.5, norm)
        again = utils.get_total_norm([p.grad for p in params[:2]], norm)
        utils.clip_grads_with_norm_(params, 1.0, again)
        utils.clip_grad_value_(params, 0.2)
        results.append([total, again, *(p.grad for p in params[:2])])
    for ours, theirs in zip(*results, strict=True):
        _close(ours, theirs)


# ---- starting values ----


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("xavier_uniform_", (2.0,)), ("xavier_normal_", (0.5,)), ("kaiming_uniform_", (0.3,)),
        ("kaiming_normal_", (0.0, "fan_out", "relu")), ("trunc_normal_", (0.5, 0.7, -0.4, 1.0)),
        ("uniform_", (-1.0, 3.0)), ("normal_", (1.0, 2.0)), ("orthogonal_", (1.5,)),
        ("sparse_", (0.4, 0.5)),
    ],
)  # fmt: skip
def test_starting_distributions(name, args):
    shape = (60, 50) if name == "sparse_" else (60, 10, 5)
    found = []
    for kit in KITS:
        kit.manual_seed(0)
        tensor = kit.empty(shape, dtype=kit.float64)
        getattr(kit.nn.init, name)(tensor, *args)
        found.append(_array(tensor))
    ours, theirs = found
    # Of 3000 numbers the mean is known to std / 55, the deviation to about as much.
    spread = theirs.std()
    assert abs(ours.mean() - theirs.mean()) < 0.11 * spread
    assert ours.std() == pytest.approx(spread, rel=0.1)
    assert ours.min() == pytest.approx(theirs.min(), rel=0.5)
    assert ours.max() == pytest.approx(theirs.max(), rel=0.5)
    if name == "sparse_":
        assert ((ours == 0).sum(0) == 24).all()
    if name == "orthogonal_":
        flat = ours.reshape(60, 50)
        np.testing.assert_allclose(flat.T @ flat, 2.25 * np.eye(50), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("Linear", (40, 50)), ("Conv2d", (20, 16, 3)), ("ConvTranspose2d", (20, 16, 3)),
        ("Bilinear", (10, 12, 20)), ("Embedding", (50, 40)), ("EmbeddingBag", (50, 40)),
        ("LSTM", (20, 25)), ("GRUCell", (20, 25)), ("MultiheadAttention", (32, 4)),
        ("Transformer", (16, 2, 1, 1, 40)), ("LazyLinear", (50,)),
        ("AdaptiveLogSoftmaxWithLoss", (40, 60, [20])), ("PReLU", (5,)), ("GroupNorm", (2, 8)),
    ],
)  # fmt: skip
def test_modules_start_alike(name, args):
    modules = []
    for kit in KITS:
        kit.manual_seed(1)
        module = getattr(kit.nn, name)(*args)
        if name == "LazyLinear":
            module(kit.zeros(1, 40))
        modules.append(module)
    for (label, p), (_, q) in zip(*(m.named_parameters() for m in modules), strict=True):
        a, b = _array(p).ravel(), _array(q).ravel()
        assert p.requires_grad == q.requires_grad
        if b.std() == 0:
            np.testing.assert_array_equal(a, b, err_msg=label)
            continue
        tolerance = 6 / math.sqrt(b.size)
        assert abs(a.mean() - b.mean()) < tolerance * b.std(), label
        assert a.std() == pytest.approx(b.std(), rel=tolerance), label
        assert np.abs(a).max() == pytest.approx(np.abs(b).max(), rel=0.5), label


def test_gains():
    for name in ("linear", "conv2d", "conv_transpose3d", "sigmoid", "tanh", "relu", "selu"):
        assert wg.nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert wg.nn.init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain(
        "leaky_relu", 0.3
    )


def test_copies_of_parametrized_modules_are_apart():
    layer = wg.nn.utils.parametrizations.weight_norm(wg.nn.Linear(2, 2))
    other = copy.deepcopy(layer)
    with wg.no_grad():
        other.parametrizations.weight.original0.mul_(2)
    np.testing.assert_allclose(_array(other.weight), 2 * _array(layer.weight), rtol=1e-6)
    wg.nn.utils.parametrize.remove_parametrizations(other, "weight")
    assert type(other) is wg.nn.Linear
    assert type(layer).__name__ == "ParametrizedLinear"
    layer(wg.zeros(1, 2))
