"""Functions of `nn.functional` that no module has in full, against PyTorch."""

import itertools

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch")

from tests.parity.module_cases import to_kit  # noqa: E402

KITS = (wg, torch)


def _both(function, *arrays, tolerance=1e-9):
    """``function(kit, *tensors)`` in both, with gradients of the floats."""
    results = []
    for kit in KITS:
        tensors = [to_kit(array, kit) for array in arrays]
        watched = [t for t in tensors if t.is_floating_point()]
        for tensor in watched:
            tensor.requires_grad_()
        output = function(kit, *tensors)
        weights = to_kit(np.linspace(0.5, 1.5, output.numel()), kit).reshape(output.shape)
        (output * weights).sum().backward()
        found = [output, *(kit.zeros_like(t) if t.grad is None else t.grad for t in watched)]
        results.append([np.array(t.tolist()) for t in found])
    for ours, theirs in zip(*results, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=1e-11)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize(
    ("mode", "spatial"),
    [("bilinear", 2), ("nearest", 2), ("bicubic", 2), ("bilinear", 3), ("nearest", 3)],
)
def test_grid_sample(mode, spatial, padding_mode, align_corners):
    rng = np.random.default_rng(0)
    image = rng.standard_normal((2, 3, *(4, 5, 3)[:spatial]))
    grid = rng.uniform(-2.5, 2.5, (2, *(3, 4, 2)[:spatial], spatial))
    grid[0, 0, 0] = 1.0  # the border itself
    grid[0, 0, 1] = -1.0

    def sample(kit, image, grid):
        return kit.nn.functional.grid_sample(image, grid, mode, padding_mode, align_corners)

    _both(sample, image, grid)


@pytest.mark.filterwarnings("ignore:Since version 1.3.0, affine_grid behavior has changed")
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 1, 1, 3), (2, 1, 2, 3, 4)])
def test_affine_grid(size, align_corners):
    spatial = len(size) - 2
    theta = np.random.default_rng(0).standard_normal((2, spatial, spatial + 1))

    def make(kit, theta):
        return kit.nn.functional.affine_grid(theta, size, align_corners)

    _both(make, theta)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(3, 4), (9, 20), (1, 5), (7, 11)])
def test_antialias(size, mode, align_corners):
    image = np.random.default_rng(0).standard_normal((1, 2, 7, 11))

    def resize(kit, image):
        return kit.nn.functional.interpolate(
            image, size, mode=mode, antialias=True, align_corners=align_corners
        )

    _both(resize, image)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
@pytest.mark.parametrize("size", range(1, 24))
def test_nearest_takes_the_same_elements(size, mode):
    # Values only: where rounding decides, PyTorch's backward takes another element than its forward.
    line = np.arange(13.0)[None, None]
    for dtype in ("float64", "float32"):
        for options in ({"size": size}, {"scale_factor": size / 7}):
            ours, theirs = (
                kit.nn.functional.interpolate(
                    to_kit(line, kit).to(getattr(kit, dtype)), mode=mode, **options
                ).tolist()
                for kit in KITS
            )
            assert ours == theirs


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_interpolate_dtypes(dtype):
    image = np.arange(48).reshape(1, 3, 4, 4).tolist()
    results = []
    for kit in KITS:
        x = kit.tensor(image, dtype=getattr(kit, dtype))
        out = kit.nn.functional.interpolate(x, (7, 3), mode="bilinear")
        assert str(out.dtype).endswith(dtype)
        results.append(np.array(out.tolist()))
    np.testing.assert_allclose(*results, rtol=1e-6, atol=1 if dtype == "uint8" else 1e-6)


@pytest.mark.parametrize("gqa", [False, True])
@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("kind", ["none", "causal", "bool", "float", "blind"])
def test_scaled_dot_product_attention(kind, scale, gqa):
    rng = np.random.default_rng(0)
    q = rng.standard_normal((2, 4, 3, 5))
    k = rng.standard_normal((2, 2 if gqa else 4, 6, 5))
    v = rng.standard_normal((2, 2 if gqa else 4, 6, 7))
    allowed = rng.random((2, 1, 3, 6)) < 0.7
    allowed[..., 0] = True
    if kind == "blind":
        allowed[:, :, 1] = False  # a query that sees nothing
    masks = {"none": None, "causal": None, "float": rng.standard_normal((3, 6))}

    def attend(kit, q, k, v):
        mask = masks.get(kind, allowed)
        return kit.nn.functional.scaled_dot_product_attention(
            q, k, v, None if mask is None else to_kit(mask, kit), 0.0, kind == "causal",
            scale=scale, enable_gqa=gqa,
        )  # fmt: skip

    _both(attend, q, k, v)


def test_attention_dropout_keeps_the_mean():
    q = wg.zeros(1, 200, 4, dtype=wg.float64)
    v = wg.ones(1, 200, 4, dtype=wg.float64)
    out = wg.nn.functional.scaled_dot_product_attention(q, q, v, dropout_p=0.5)
    assert 0.95 < out.mean().item() < 1.05
    assert out.std().item() > 0.01


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_ctc_loss_without_an_alignment(zero_infinity, reduction):
    scores = np.random.default_rng(0).standard_normal((3, 2, 4))
    losses = []
    for kit in KITS:
        loss = kit.nn.functional.ctc_loss(
            to_kit(scores, kit).log_softmax(2), kit.tensor([[1, 1, 2], [1, 2, 3]]), [3, 3],
            [3, 3], reduction=reduction, zero_infinity=zero_infinity,
        )  # fmt: skip
        losses.append(np.array(loss.tolist()))
    np.testing.assert_allclose(*losses)


def test_ctc_gradient_is_zero_where_no_alignment_exists():
    x = wg.randn(3, 1, 4, dtype=wg.float64, requires_grad=True)
    loss = wg.nn.functional.ctc_loss(x.log_softmax(2), wg.tensor([[1, 1, 2]]), [3], [3])
    assert loss.item() == float("inf")
    loss.backward()
    assert x.grad.tolist() == wg.zeros(3, 1, 4).tolist()


def test_conv_tbc():
    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((7, 2, 3)), rng.standard_normal((3, 3, 4)), np.arange(4.0)
    _both(lambda kit, *a: kit.nn.functional.conv_tbc(*a, pad=1), *arrays)


def test_embedding_bag_options():
    table = np.random.default_rng(0).standard_normal((6, 3))
    for mode, pad, last in itertools.product(("sum", "mean", "max"), (None, 1), (False, True)):
        offsets = [0, 2, 2, 5] if not last else [0, 2, 2, 6]

        def bag(kit, table, mode=mode, pad=pad, last=last, offsets=offsets):
            return kit.nn.functional.embedding_bag(
                kit.tensor([0, 1, 1, 1, 5, 3]), table, kit.tensor(offsets), mode=mode,
                padding_idx=pad, include_last_offset=last,
            )  # fmt: skip

        _both(bag, table)


def test_normalize_into_out():
    x = wg.tensor([[3.0, 4.0]])
    out = wg.empty(1, 2)
    assert wg.nn.functional.normalize(x, out=out) is out
    assert out.tolist()[0] == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_gradients_of_convolutions(spatial):
    rng = np.random.default_rng(0)
    sizes = (6, 5, 7)[:spatial]
    x = rng.standard_normal((2, 4, *sizes))
    w = rng.standard_normal((6, 2, *(2, 3, 2)[:spatial]))
    options = {"stride": 2, "padding": 1, "groups": 2}
    shape = getattr(torch.nn.functional, f"conv{spatial}d")(
        torch.tensor(x), torch.tensor(w), **options
    ).shape
    g = rng.standard_normal(tuple(shape))
    for which, arrays in (
        ("input", (x.shape, w, g)),
        ("weight", (x, w.shape, g)),
    ):
        kept = [a for a in arrays if isinstance(a, np.ndarray)]
        size = next(a for a in arrays if not isinstance(a, np.ndarray))

        def pull(kit, *tensors, which=which, size=size):
            function = getattr(kit.nn.grad, f"conv{spatial}d_{which}")
            given = list(tensors)
            given.insert(0 if which == "input" else 1, size)
            return function(*given, **options)

        _both(pull, *kept)
