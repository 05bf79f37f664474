"""Mixed precision chooses PyTorch's dtypes, and scales as it does."""

import math
import random

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch")


def _calls(t):
    F = t.nn.functional
    v, m = t.full((4, 5), 0.5), t.eye(5) * 2
    image, volume = t.full((2, 3, 8, 8), 0.5), t.full((2, 3, 6, 6, 6), 0.5)
    low = t.bfloat16
    h, k = v.to(low), m.to(low)
    classes = t.tensor([0, 1, 2, 3])
    ones = t.ones
    return {
        "matmul": lambda: v @ m,
        "bmm": lambda: t.bmm(v[None], m[None]),
        "mv": lambda: t.mv(m, m[0]),
        "dot": lambda: t.dot(m[0], m[1]),
        "addmm": lambda: t.addmm(m, m, m),
        "addmv": lambda: t.addmv(m[0], m, m[0]),
        "addr": lambda: t.addr(m, m[0], m[0]),
        "addbmm": lambda: t.addbmm(m, m[None], m[None]),
        "baddbmm": lambda: t.baddbmm(m[None], m[None], m[None]),
        "outer": lambda: t.outer(m[0], m[0]),
        "inner": lambda: t.inner(v, m),
        "tensordot": lambda: t.tensordot(v, m, 1),
        "einsum": lambda: t.einsum("ij,jk", v, m),
        "vecdot": lambda: t.linalg.vecdot(m, m),
        "multi_dot": lambda: t.linalg.multi_dot([m, m, m]),
        "linear": lambda: F.linear(v, m),
        "conv2d": lambda: F.conv2d(image, ones(4, 3, 3, 3)),
        "conv_transpose2d": lambda: F.conv_transpose2d(image, ones(3, 4, 3, 3)),
        "prelu": lambda: F.prelu(image, ones(1)),
        "attention": lambda: F.scaled_dot_product_attention(v[None], v[None], v[None]),
        "float16": lambda: v.half() @ m.half(),
        "float64": lambda: v.double() @ m.double(),
        "softmax": lambda: h.softmax(-1),
        "log_softmax": lambda: h.log_softmax(-1),
        "layer_norm": lambda: F.layer_norm(h, (5,), ones(5), ones(5)),
        "batch_norm": lambda: F.batch_norm(image.to(low), ones(3), ones(3), ones(3), ones(3)),
        "exp": lambda: h.exp(),
        "log": lambda: h.log(),
        "pow": lambda: h**2,
        "sum": lambda: h.sum(),
        "mean": lambda: h.mean(),
        "prod": lambda: h.prod(),
        "cumsum": lambda: h.cumsum(0),
        "logsumexp": lambda: h.logsumexp(0),
        "mse_loss": lambda: F.mse_loss(h, h),
        "l1_loss": lambda: F.l1_loss(h, h),
        "smooth_l1_loss": lambda: F.smooth_l1_loss(h, h),
        "huber_loss": lambda: F.huber_loss(h, h),
        "cross_entropy": lambda: F.cross_entropy(h, classes),
        "nll_loss": lambda: F.nll_loss(h, classes),
        "binary_cross_entropy": lambda: F.binary_cross_entropy(h, h),
        "with_logits": lambda: F.binary_cross_entropy_with_logits(h, h),
        "kl_div": lambda: F.kl_div(h, h, reduction="sum"),
        "poisson": lambda: F.poisson_nll_loss(h, h),
        "hinge": lambda: F.hinge_embedding_loss(h, h.sign()),
        "cosine_embedding": lambda: F.cosine_embedding_loss(h, h, ones(4)),
        "margin_ranking": lambda: F.margin_ranking_loss(h, h, h),
        "soft_margin": lambda: F.soft_margin_loss(h, h),
        "triplet": lambda: F.triplet_margin_loss(h, h, h),
        "multi_margin": lambda: F.multi_margin_loss(h, classes),
        "avg_pool2d": lambda: F.avg_pool2d(image.to(low), 2),
        "avg_pool3d": lambda: F.avg_pool3d(volume.to(low), 2),
        "max_pool3d": lambda: F.max_pool3d(volume.to(low), 2),
        "adaptive_avg_pool3d": lambda: F.adaptive_avg_pool3d(volume.to(low), 2),
        "local_response_norm": lambda: F.local_response_norm(image.to(low), 2),
        "trace": lambda: k.trace(),
        "inv": lambda: t.linalg.inv(k),
        "solve": lambda: t.linalg.solve(k, k),
        "cholesky": lambda: t.linalg.cholesky(k),
        "qr": lambda: t.linalg.qr(k)[0],
        "svd": lambda: t.linalg.svd(k)[0],
        "quantile": lambda: t.quantile(h, 0.5),
        "cdist": lambda: t.cdist(h, h),
        "cat": lambda: t.cat([h, v]),
        "where": lambda: t.where(h > 0, h, v),
        "gelu": lambda: F.gelu(h),
        "add": lambda: h + v,
    }


OURS, THEIRS = _calls(wg), _calls(torch)


@pytest.mark.parametrize("name", OURS)
def test_dtypes(name):
    with wg.autocast("cpu"):
        mine = OURS[name]()
    with torch.autocast("cpu"):
        other = THEIRS[name]()
    assert str(mine.dtype) == str(other.dtype).replace("torch", "wengert")
    assert mine.float().reshape(-1).tolist() == pytest.approx(
        other.float().reshape(-1).tolist(), rel=0.02, abs=0.02, nan_ok=True
    )


@pytest.mark.parametrize("seed", range(4))
def test_scaler_sequences(seed):
    generator = random.Random(seed)
    options = {
        "init_scale": 2.0 ** generator.choice([3, 10, 126]),
        "growth_factor": generator.choice([2.0, 1.1]),
        "backoff_factor": generator.choice([0.5, 0.7]),
        "growth_interval": generator.choice([1, 3]),
    }
    p, q = wg.nn.Parameter(wg.ones(2)), torch.nn.Parameter(torch.ones(2))
    a, b = wg.optim.SGD([p], lr=0.1), torch.optim.SGD([q], lr=0.1)
    s, t = wg.amp.GradScaler("cpu", **options), torch.amp.GradScaler("cpu", **options)
    for step in range(40):
        factor = generator.choice([1.0, 0.5, 2.0, math.inf, 1.0, 1e-3])
        for x, optimizer, scaler in ((p, a, s), (q, b, t)):
            optimizer.zero_grad()
            scaler.scale((x * factor).sum()).backward()
            if step % 3 == 0:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
        assert s.get_scale() == t.get_scale()
        assert s.state_dict() == t.state_dict()
        assert p.tolist() == pytest.approx(q.tolist(), rel=1e-6, abs=1e-6)
        if step == 20:
            s.load_state_dict(t.state_dict())


RECURRENT = [
    ("LSTM", {}),
    ("LSTM", {"num_layers": 2, "bidirectional": True, "bias": False, "batch_first": True}),
    ("LSTM", {"proj_size": 2}),
    ("GRU", {"num_layers": 2}),
    ("RNN", {"bidirectional": True}),
]


@pytest.mark.parametrize(("name", "options"), RECURRENT)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_recurrent_layers(name, options, packed):
    """The dtypes of outputs, states and gradients are PyTorch's; values agree to its precision."""
    theirs = getattr(torch.nn, name)(3, 4, **options)
    ours = getattr(wg.nn, name)(3, 4, **options)
    with torch.no_grad(), wg.no_grad():
        for number, (p, q) in enumerate(zip(theirs.parameters(), ours.parameters(), strict=True)):
            values = np.random.default_rng(number).uniform(-0.5, 0.5, tuple(p.shape))
            p.copy_(torch.from_numpy(values))
            q.copy_(wg.from_numpy(values))
    values = np.random.default_rng(9).standard_normal((2, 5, 3)).astype("float32")
    results = []
    for lib, model in ((torch, theirs), (wg, ours)):
        x = lib.from_numpy(values.copy()).requires_grad_()
        given = x
        if packed:
            given = lib.nn.utils.rnn.pack_padded_sequence(x, [5, 3], batch_first=True)
        with lib.autocast("cpu"):
            try:
                output, states = model(given)
            except RuntimeError as error:
                if "primitive descriptor for the LSTM" not in str(error):
                    raise
                pytest.skip("PyTorch has no LSTM in bfloat16 on a machine without AVX-512")
            if packed:
                output = output.data
            again = model(given, states)[0]
        states = states if isinstance(states, tuple) else (states,)
        again = again.data if packed else again
        sum(t.float().sum() for t in (output, again, *states)).backward()
        grads = (x.grad, *(p.grad for p in model.parameters()))
        results.append(
            [
                (str(t.dtype).split(".")[1], t.detach().float().numpy())
                for t in (output, again, *states, *grads)
            ]
        )
    for (dtype, value), (wanted, expected) in zip(results[1], results[0], strict=True):
        assert dtype == wanted
        np.testing.assert_allclose(value, expected, atol=0.03 * max(1, np.abs(expected).max()))
