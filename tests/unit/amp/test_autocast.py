"""Which operators run in which precision, and how regions begin and end."""

import threading
import warnings

import pytest

import wengert as wg
from wengert import nn
from wengert.nn import functional as F

V, M = wg.full((4, 5), 0.5), wg.eye(5) * 2
IMAGE, VOLUME = wg.full((2, 3, 8, 8), 0.5), wg.full((2, 3, 6, 6, 6), 0.5)
H = V.bfloat16()

LOW = {
    "matmul": lambda: wg.matmul(V, M),
    "the operator @": lambda: V @ M,
    "the method": lambda: V.mm(M),
    "mm": lambda: wg.mm(V, M),
    "bmm": lambda: wg.bmm(V[None], M[None]),
    "addmm": lambda: wg.addmm(M, M, M),
    "addbmm": lambda: wg.addbmm(M, M[None], M[None]),
    "baddbmm": lambda: wg.baddbmm(M[None], M[None], M[None]),
    "einsum": lambda: wg.einsum("ij,jk", V, M),
    "vecdot": lambda: wg.linalg.vecdot(M, M),
    "linear": lambda: F.linear(V, M),
    "conv1d": lambda: F.conv1d(V[None], wg.ones(2, 4, 3)),
    "conv2d": lambda: F.conv2d(IMAGE, wg.ones(4, 3, 3, 3), wg.ones(4)),
    "conv3d": lambda: F.conv3d(VOLUME, wg.ones(4, 3, 2, 2, 2)),
    "conv_transpose2d": lambda: F.conv_transpose2d(IMAGE, wg.ones(3, 4, 3, 3)),
    "prelu": lambda: F.prelu(IMAGE, wg.ones(1)),
    "nn.Linear": lambda: nn.Linear(5, 2)(V),
    "nn.Conv2d": lambda: nn.Conv2d(3, 2, 3)(IMAGE),
    "float16": lambda: V.half() @ M.half(),
}
HIGH = {
    "prod": lambda: H.prod(),
    "mse_loss": lambda: F.mse_loss(H, H),
    "l1_loss": lambda: F.l1_loss(H, H),
    "smooth_l1_loss": lambda: F.smooth_l1_loss(H, H),
    "huber_loss": lambda: F.huber_loss(H, H),
    "cross_entropy": lambda: F.cross_entropy(H, wg.tensor([0, 1, 2, 3])),
    "nll_loss": lambda: F.nll_loss(H, wg.tensor([0, 1, 2, 3])),
    "binary_cross_entropy": lambda: F.binary_cross_entropy(H, H),
    "with logits": lambda: F.binary_cross_entropy_with_logits(H, H),
    "kl_div": lambda: F.kl_div(H, H, reduction="sum"),
    "poisson_nll_loss": lambda: F.poisson_nll_loss(H, H),
    "hinge_embedding_loss": lambda: F.hinge_embedding_loss(H, H.sign()),
    "cosine_embedding_loss": lambda: F.cosine_embedding_loss(H, H, wg.ones(4)),
    "margin_ranking_loss": lambda: F.margin_ranking_loss(H, H, H),
    "soft_margin_loss": lambda: F.soft_margin_loss(H, H),
    "triplet_margin_loss": lambda: F.triplet_margin_loss(H, H, H),
    "multi_margin_loss": lambda: F.multi_margin_loss(H, wg.tensor([0, 1, 2, 3])),
    "avg_pool3d": lambda: F.avg_pool3d(VOLUME.bfloat16(), 2),
    "max_pool3d": lambda: F.max_pool3d(VOLUME.bfloat16(), 2),
    "inv": lambda: wg.linalg.inv(M.bfloat16()),
    "solve": lambda: wg.linalg.solve(M.bfloat16(), M.bfloat16()),
    "cholesky": lambda: wg.linalg.cholesky(M.bfloat16()),
    "trace": lambda: M.bfloat16().trace(),
    "quantile": lambda: wg.quantile(H, 0.5),
    "cdist": lambda: wg.cdist(H, H),
}
SAME = {
    "softmax": (lambda: H.softmax(-1), "bfloat16"),
    "layer_norm": (lambda: F.layer_norm(H, (5,)), "bfloat16"),
    "layer_norm with weights": (lambda: F.layer_norm(H, (5,), M[0], M[0]), "bfloat16"),
    "batch_norm with weights": (
        lambda: F.batch_norm(
            IMAGE.bfloat16(), wg.zeros(3), wg.ones(3), wg.ones(3), wg.zeros(3), True
        ),
        "bfloat16",
    ),
    "add": (lambda: H + V, "float32"),
    "sum": (lambda: V.sum(), "float32"),
    "mv": (lambda: M.mv(M[0]), "float32"),
    "float64": (lambda: V.double() @ M.double(), "float64"),
    "integers": (lambda: wg.ones(2, 2, dtype=wg.int64) @ wg.ones(2, 2, dtype=wg.int64), "int64"),
    "in place": (lambda: wg.ones(5, 5).addmm_(M, M), "float32"),
}


@pytest.mark.parametrize("name", LOW)
def test_low(name):
    with wg.autocast("cpu"):
        value = LOW[name]()
    assert value.dtype == wg.bfloat16
    if name != "float16":
        assert LOW[name]().dtype == wg.float32


@pytest.mark.parametrize("name", HIGH)
def test_high(name):
    with wg.autocast("cpu"):
        assert HIGH[name]().dtype == wg.float32


@pytest.mark.parametrize("name", SAME)
def test_others_run_in_what_they_are_given(name):
    make, dtype = SAME[name]
    with wg.autocast("cpu"):
        assert make().dtype == getattr(wg, dtype)


def test_values_are_those_of_the_low_precision():
    x, w = wg.randn(4, 6), wg.randn(6, 3)
    with wg.autocast("cpu"):
        y = x @ w
    assert y.tolist() == (x.bfloat16() @ w.bfloat16()).tolist()


def test_gradients_have_the_dtype_of_the_parameters():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
    head = nn.Linear(144, 2)
    with wg.autocast("cpu"):
        output = head(model(IMAGE))
        assert output.dtype == wg.bfloat16
        loss = F.cross_entropy(output, wg.tensor([0, 1]))
    assert loss.dtype == wg.float32
    loss.backward()
    for p in [*model.parameters(), *head.parameters()]:
        assert p.grad.dtype == wg.float32
        assert bool(p.grad.isfinite().all())


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.LSTM(4, 3),
        lambda: nn.GRU(4, 3),
        lambda: nn.RNN(4, 3),
        lambda: nn.TransformerEncoderLayer(4, 2, 8),
        lambda: nn.GroupNorm(2, 2),
        lambda: nn.RMSNorm(4),
        lambda: nn.Sequential(nn.Conv1d(2, 3, 1), nn.InstanceNorm1d(3, affine=True)),
    ],
)
def test_layers_with_parameters_in_single_precision(make):
    model = make()
    with wg.autocast("cpu"):
        output = model(wg.randn(5, 2, 4))
        output = output[0] if isinstance(output, tuple) else output
    output.float().square().sum().backward()
    for p in model.parameters():
        assert p.grad.dtype == wg.float32


def test_float16():
    with wg.autocast("cpu", dtype=wg.float16):
        assert wg.get_autocast_dtype("cpu") == wg.float16
        assert (V @ M).dtype == wg.float16
    assert wg.get_autocast_dtype("cpu") == wg.bfloat16


def test_nesting():
    with wg.autocast("cpu"):
        with wg.autocast("cpu", enabled=False):
            assert not wg.is_autocast_enabled("cpu")
            assert (V @ M).dtype == wg.float32
            with wg.autocast("cpu", dtype=wg.float16):
                assert (V @ M).dtype == wg.float16
        assert wg.is_autocast_enabled("cpu")
        assert (V @ M).dtype == wg.bfloat16
    assert not wg.is_autocast_enabled("cpu")


def test_one_region_object_may_be_entered_again():
    region = wg.autocast("cpu")
    with region:
        with region:
            assert wg.is_autocast_enabled()
        assert wg.is_autocast_enabled()
    assert not wg.is_autocast_enabled()


def test_regions_end_with_exceptions():
    with pytest.raises(RuntimeError, match="cannot be multiplied"), wg.autocast("cpu"):
        V @ V
    assert not wg.is_autocast_enabled()
    with wg.autocast("cpu"):
        with pytest.raises(RuntimeError, match="cannot be multiplied"):
            V @ V
        assert (V @ M).dtype == wg.bfloat16  # an error inside an operator leaves the region on


def test_decorator():
    @wg.autocast("cpu")
    def product(a, b):
        """Doc."""
        return a @ b if a.dim() == 2 else product(a[0], b)

    assert product(V, M).dtype == wg.bfloat16
    assert product(V[None], M).dtype == wg.bfloat16
    assert product.__doc__ == "Doc."
    assert not wg.is_autocast_enabled()


def test_threads_have_regions_of_their_own():
    found = []
    with wg.autocast("cpu"):
        thread = threading.Thread(target=lambda: found.append((V @ M).dtype))
        thread.start()
        thread.join()
    assert found == [wg.float32]


def test_switches():
    wg.set_autocast_enabled("cpu", True)
    wg.set_autocast_dtype("cpu", wg.float16)
    try:
        assert (V @ M).dtype == wg.float16
    finally:
        wg.set_autocast_enabled("cpu", False)
        wg.set_autocast_dtype("cpu", wg.bfloat16)
    assert (V @ M).dtype == wg.float32


def test_other_devices_and_dtypes():
    with pytest.warns(UserWarning, match="device_type of 'cuda', but it is not available"):
        region = wg.autocast("cuda", dtype=wg.float16)
    with region:
        assert (V @ M).dtype == wg.float32
    with pytest.warns(UserWarning, match="target dtype is not supported"):
        wg.autocast("cpu", dtype=wg.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wg.autocast("cuda", enabled=False)
    with pytest.raises(RuntimeError, match="unsupported autocast device_type 'tpu'"):
        wg.autocast("tpu")
    with pytest.raises(ValueError, match="Expected `device_type` of type `str`, got"):
        wg.autocast(None)
    assert wg.amp.is_autocast_available("cpu")
    assert not wg.amp.is_autocast_available("cuda")
    with pytest.warns(UserWarning, match="is not available"):
        wg.cuda.amp.autocast()


def test_custom_functions():
    class Context:
        pass

    @wg.amp.custom_fwd(device_type="cpu", cast_inputs=wg.float32)
    def forward(context, x):
        return x.dtype, wg.is_autocast_enabled()

    @wg.amp.custom_bwd(device_type="cpu")
    def backward(context, g):
        return wg.is_autocast_enabled()

    context = Context()
    assert forward(context, H) == (wg.bfloat16, False)
    with wg.autocast("cpu"):
        assert forward(context, H) == (wg.float32, False)
        assert not backward(context, H)

    @wg.amp.custom_fwd(device_type="cpu")
    def plain(context, x):
        return x.dtype, wg.is_autocast_enabled()

    with wg.autocast("cpu"):
        assert plain(context, H) == (wg.bfloat16, True)
    assert backward(context, H)


def test_training_comes_near_that_in_single_precision():
    def train(enabled):
        wg.manual_seed(1)
        model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
        optimizer = wg.optim.Adam(model, 0.02)
        x = wg.randn(64, 8)
        target = x[:, :1] * x[:, 1:2]
        for _ in range(60):
            optimizer.zero_grad()
            with wg.autocast("cpu", enabled=enabled):
                loss = F.mse_loss(model(x), target)
            loss.backward()
            optimizer.step()
        return loss.item()

    single, mixed = train(False), train(True)
    assert single < 0.3
    assert mixed == pytest.approx(single, abs=0.1)
