"""Modules and functions give PyTorch's values, gradients, texts and names."""

import inspect

import pytest

import wengert as wg
from wengert import nn
from wengert.nn import functional as F

torch = pytest.importorskip("torch")
tnn = torch.nn
tF = torch.nn.functional


def _both(*shape, seed=0, dtype="float64"):
    source = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).tolist()
    ours = wg.tensor(source, dtype=getattr(wg, dtype))
    theirs = torch.tensor(source, dtype=getattr(torch, dtype))
    return ours, theirs


def _assert_same(ours, theirs, rel=1e-9):
    assert tuple(ours.shape) == tuple(theirs.shape)
    a = ours.detach().reshape(-1).tolist()
    b = theirs.detach().reshape(-1).tolist()
    assert a == pytest.approx(b, rel=rel, abs=1e-12, nan_ok=True)


MODULES = [
    ("Linear", (4, 3), {}, (5, 4)),
    ("Linear", (4, 3), {"bias": False}, (2, 5, 4)),
    ("Conv1d", (4, 6, 3), {"padding": 2, "dilation": 2, "groups": 2}, (2, 4, 9)),
    ("Conv1d", (4, 6, 4), {"padding": "same"}, (2, 4, 9)),
    ("Conv1d", (4, 6, 3), {"padding": 1, "padding_mode": "circular"}, (2, 4, 9)),
    ("Conv2d", (2, 4, 3), {"stride": 2, "padding": (1, 2)}, (2, 2, 7, 6)),
    ("Conv2d", (2, 4, (2, 4)), {"padding": "same"}, (2, 2, 7, 6)),
    ("Conv2d", (2, 4, 3), {"padding": 1, "padding_mode": "reflect"}, (2, 2, 7, 6)),
    ("BatchNorm1d", (4,), {}, (5, 4)),
    ("BatchNorm1d", (4,), {"momentum": None}, (5, 4, 3)),
    ("BatchNorm2d", (4,), {"bias": False}, (5, 4, 3, 2)),
    ("BatchNorm2d", (4,), {"affine": False}, (5, 4, 3, 2)),
    ("BatchNorm2d", (4,), {"track_running_stats": False}, (5, 4, 3, 2)),
    ("LayerNorm", ((4, 3),), {}, (5, 4, 3)),
    ("LayerNorm", (3,), {"bias": False}, (5, 4, 3)),
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1}, (2, 4, 9)),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, (2, 4, 8, 9)),
    ("AvgPool1d", (3,), {"padding": 1}, (2, 4, 9)),
    ("AvgPool2d", (3,), {"padding": 1, "count_include_pad": False}, (2, 4, 9, 8)),
    ("AdaptiveAvgPool1d", (4,), {}, (2, 3, 9)),
    ("AdaptiveAvgPool2d", ((3, None),), {}, (2, 3, 7, 5)),
    ("Flatten", (), {}, (2, 3, 4)),
    ("Unflatten", (1, (2, 3)), {}, (2, 6)),
    ("PReLU", (4,), {}, (2, 4, 3)),
    ("GLU", (1,), {}, (2, 4, 3)),
    ("Softmax", (1,), {}, (2, 4, 3)),
    ("LogSoftmax", (-1,), {}, (2, 4, 3)),
    ("Softmin", (0,), {}, (2, 4, 3)),
    ("Hardtanh", (-0.5, 0.75), {}, (30,)),
    ("Threshold", (0.1, 3.0), {}, (30,)),
    ("GELU", (), {"approximate": "tanh"}, (30,)),
    ("Softplus", (2.0, 1.0), {}, (30,)),
    *(
        (name, (), {}, (30,))
        for name in (
            "CELU", "ELU", "GELU", "Hardshrink", "Hardswish", "Identity",
            "LeakyReLU", "LogSigmoid", "Mish", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid",
            "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "options", "shape"), MODULES)
def test_module(name, args, options, shape):
    ours = getattr(nn, name)(*args, **options).double()
    theirs = getattr(tnn, name)(*args, **options).double()
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for i, ((_, p), (_, q)) in enumerate(
        zip(ours.named_parameters(), theirs.named_parameters(), strict=True)
    ):
        a, b = _both(*q.shape, seed=i + 10)
        with wg.no_grad(), torch.no_grad():
            p.copy_(a)
            q.copy_(b)
    for training in (True, False):
        ours.train(training)
        theirs.train(training)
        x, y = _both(*shape)
        x.requires_grad_()
        y.requires_grad_()
        out, expected = ours(x), theirs(y)
        _assert_same(out, expected)
        weight, same_weight = _both(*expected.shape, seed=5)
        (out * weight).sum().backward()
        (expected * same_weight).sum().backward()
        _assert_same(x.grad, y.grad)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            _assert_same(p.grad, q.grad)
        for p, q in zip(ours.buffers(), theirs.buffers(), strict=True):
            _assert_same(p, q)


def test_bilinear_and_embedding():
    ours, theirs = nn.Bilinear(3, 4, 5).double(), tnn.Bilinear(3, 4, 5).double()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        a, b = _both(*q.shape)
        p.data, q.data = a, b
    (a, b), (c, d) = _both(2, 6, 3), _both(2, 6, 4, seed=1)
    _assert_same(ours(a, c), theirs(b, d))
    table, same = _both(5, 3)
    index = [[0, 4], [2, 2]]
    _assert_same(
        F.embedding(wg.tensor(index), table, padding_idx=2),
        tF.embedding(torch.tensor(index), same, padding_idx=2),
    )


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mse_loss", {}),
        ("l1_loss", {}),
        ("smooth_l1_loss", {"beta": 0.5}),
        ("huber_loss", {"delta": 0.5}),
        ("binary_cross_entropy", {}),
        ("binary_cross_entropy_with_logits", {}),
        ("kl_div", {}),
    ],
)
@pytest.mark.filterwarnings("ignore:reduction. .mean. divides:UserWarning")
def test_elementwise_losses(name, options, reduction):
    (a, b), (c, d) = _both(4, 3), _both(4, 3, seed=1)
    c, d = c.sigmoid(), d.sigmoid()
    if name == "binary_cross_entropy":
        a, b = a.sigmoid(), b.sigmoid()
    a.requires_grad_()
    b.requires_grad_()
    ours = getattr(F, name)(a, c, reduction=reduction, **options)
    theirs = getattr(tF, name)(b, d, reduction=reduction, **options)
    _assert_same(ours, theirs)
    ours.sum().backward()
    theirs.sum().backward()
    _assert_same(a.grad, b.grad)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("options", [{}, {"ignore_index": 1}, {"label_smoothing": 0.2}])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy(options, reduction, weighted):
    a, b = _both(4, 3, 2)
    target = [[0, 1], [2, 1], [1, 0], [0, 0]]
    weight = [0.5, 2.0, 1.0]
    ours = nn.CrossEntropyLoss(
        wg.tensor(weight, dtype=wg.float64) if weighted else None, reduction=reduction, **options
    )
    theirs = tnn.CrossEntropyLoss(
        torch.tensor(weight, dtype=torch.float64) if weighted else None,
        reduction=reduction,
        **options,
    )
    a.requires_grad_()
    b.requires_grad_()
    x, y = ours(a, wg.tensor(target)), theirs(b, torch.tensor(target))
    _assert_same(x, y)
    x.sum().backward()
    y.sum().backward()
    _assert_same(a.grad, b.grad)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_weighted_losses(name, reduction):
    (a, b), (c, d), (v, w) = (_both(4, 3, seed=seed) for seed in range(3))
    ours = getattr(F, name)(a, c, reduction=reduction, weight=v.abs())
    _assert_same(ours, getattr(tF, name)(b, d, reduction=reduction, weight=w.abs()))


# PyTorch's take anything and ignore it, or hand it on.
_NO_ARGUMENTS = {
    "LogSigmoid", "Module", "NLLLoss2d", "Sigmoid", "Softmax2d", "Softsign", "Tanh", "Tanhshrink",
}  # fmt: skip
_DEPRECATED = {"min_value", "max_value"}


@pytest.mark.parametrize("name", sorted(set(nn.modules.__all__) - _NO_ARGUMENTS))
def test_constructors_take_the_same_arguments(name):
    def arguments(function):
        parameters = inspect.signature(function).parameters.values()
        return [
            (p.name, getattr(p.default, "__name__", p.default), p.kind)
            for p in parameters
            if p.name not in _DEPRECATED
        ]

    assert arguments(getattr(nn, name)) == arguments(getattr(tnn, name))


def test_functions():
    (a, b), (c, d) = _both(4, 3), _both(4, 3, seed=1)
    _assert_same(F.normalize(a), tF.normalize(b))
    _assert_same(F.cosine_similarity(a, c), tF.cosine_similarity(b, d))
    pos, same_pos = _both(3, seed=2)
    _assert_same(
        F.binary_cross_entropy_with_logits(a, c.sigmoid(), pos_weight=pos.exp()),
        tF.binary_cross_entropy_with_logits(b, d.sigmoid(), pos_weight=same_pos.exp()),
    )
    assert F.one_hot(wg.tensor([2, 0])).tolist() == tF.one_hot(torch.tensor([2, 0])).tolist()


def _networks():
    def make(kit):
        return kit.Sequential(
            kit.Conv2d(1, 2, 3), kit.BatchNorm2d(2), kit.Sequential(kit.ReLU(), kit.Flatten())
        )

    return make(nn), make(tnn)


def test_loading_errors_read_alike():
    ours, theirs = _networks()
    state = {
        "0.weight": (3, 1, 3, 3),
        "1.weight": (2,),
        "1.running_mean": (3,),
        "3.weight": (1,),
        "0.more": (1,),
    }
    with pytest.raises(RuntimeError) as our_error:
        ours.load_state_dict({key: wg.zeros(shape) for key, shape in state.items()})
    with pytest.raises(RuntimeError) as their_error:
        theirs.load_state_dict({key: torch.zeros(shape) for key, shape in state.items()})
    assert str(our_error.value).replace("wengert.", "torch.") == str(their_error.value)


def test_walks_read_alike():
    ours, theirs = _networks()
    assert repr(ours) == repr(theirs)
    for walk in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        our_names = [name for name, _ in getattr(ours, walk)()]
        assert our_names == [name for name, _ in getattr(theirs, walk)()]
    assert ours.state_dict()._metadata == theirs.state_dict()._metadata
