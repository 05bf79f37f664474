"""What is random, or not PyTorch's, in the layers that the comparison leaves out."""

import copy

import pytest

import wengert as wg
from wengert import nn
from wengert.nn import functional as F


def test_sync_batch_norm_is_batch_norm_of_one_process():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Sequential(nn.BatchNorm2d(2)))
    net(wg.randn(3, 1, 5, 5))
    other = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(net))
    assert [type(m).__name__ for m in other.modules()].count("SyncBatchNorm") == 2
    assert list(other.state_dict()) == list(net.state_dict())
    x = wg.randn(3, 1, 5, 5)
    assert other(x).tolist() == net(x).tolist()
    assert wg.equal(other[1].running_var, net[1].running_var)
    assert nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm1d(3))(wg.randn(4, 3)).shape == (
        4,
        3,
    )
    with pytest.raises(ValueError, match="at least 2D"):
        nn.SyncBatchNorm(3)(wg.randn(3))
    with pytest.raises(NotImplementedError, match="process groups"):
        nn.SyncBatchNorm(3, process_group=object())


def test_cross_map_normalisation_is_centred():
    x = wg.randn(2, 7, 3, 3)
    layer = nn.CrossMapLRN2d(3, 0.4, 0.75, 2.0)
    assert wg.allclose(layer(x), F.local_response_norm(x, 3, 0.4, 0.75, 2.0))
    even = nn.CrossMapLRN2d(4, 0.4)(x)
    assert wg.allclose(even, F.local_response_norm(x, 3, 0.3))


@pytest.mark.parametrize("kind", ["AlphaDropout", "FeatureAlphaDropout"])
def test_alpha_dropout_keeps_mean_and_variance(kind):
    layer = getattr(nn, kind)(0.3)
    x = wg.randn(400, 300)
    out = layer(x)
    assert abs(out.mean().item()) < 0.02
    assert out.std().item() == pytest.approx(1, abs=0.02)
    assert (out != x).float().mean().item() > 0.9
    assert layer.eval()(x) is x


@pytest.mark.parametrize(
    ("kind", "shape"), [("Dropout1d", (20, 9, 7)), ("Dropout3d", (20, 9, 2, 2, 2))]
)
def test_channels_are_dropped_as_a_whole(kind, shape):
    out = getattr(nn, kind)(0.5)(wg.ones(*shape)).flatten(2)
    values = out[:, :, :1]
    assert bool((out == values).all())
    assert set(values.reshape(-1).tolist()) == {0.0, 2.0}


def test_random_slopes():
    layer = nn.RReLU(0.2, 0.4)
    out = layer(-wg.ones(1000))
    assert -0.4 <= out.min().item() < -0.39
    assert -0.21 < out.max().item() <= -0.2
    assert layer.eval()(-wg.ones(2)).tolist() == pytest.approx([-0.3, -0.3])


def test_random_windows_cover_the_input():
    x = wg.arange(64.0).reshape(1, 1, 8, 8)
    layer = nn.FractionalMaxPool2d(2, output_size=5, return_indices=True)
    values, places = layer(x)
    assert values.shape == (1, 1, 5, 5)
    assert wg.equal(values, places.float())
    assert values.max().item() == 63
    assert len({tuple(layer(x)[0].flatten().tolist()) for _ in range(20)}) > 1
    assert nn.FractionalMaxPool3d(2, output_ratio=0.5)(wg.rand(2, 3, 6, 6, 6)).shape == (
        2,
        3,
        3,
        3,
        3,
    )
    with pytest.raises(RuntimeError, match="too large relative to input"):
        F.fractional_max_pool2d(x, 4, output_size=8)


def test_pretrained_tables():
    table = wg.randn(4, 3)
    fixed = nn.Embedding.from_pretrained(table, padding_idx=1)
    assert not fixed.weight.requires_grad
    assert fixed.weight.data_ptr() == table.data_ptr()
    bag = nn.EmbeddingBag.from_pretrained(table, freeze=False, mode="sum")
    assert bag.weight.requires_grad
    assert wg.allclose(bag(wg.tensor([[0, 3]])), (table[0] + table[3]).unsqueeze(0))
    with pytest.raises(AssertionError, match="2-dimensional"):
        nn.EmbeddingBag.from_pretrained(wg.zeros(3))


def test_nan_stays_where_it_is():
    """Interpolation does not spread NaN beyond the elements that are computed from it."""
    x = wg.zeros(1, 1, 6, 6)
    x[0, 0, 2, 2] = float("nan")
    for mode, most in (("nearest", 4), ("bilinear", 16), ("bicubic", 64)):
        out = F.interpolate(x, scale_factor=2, mode=mode)
        assert 0 < int(out.isnan().sum()) <= most
    grid = F.affine_grid(wg.eye(2, 3).unsqueeze(0), [1, 1, 6, 6], align_corners=False)
    assert int(F.grid_sample(x, grid, align_corners=False).isnan().sum()) <= 4


def test_nan_in_a_grid_does_not_crash():
    x = wg.ones(1, 1, 3, 3)
    grid = wg.full((1, 2, 2, 2), float("nan"))
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            assert F.grid_sample(x, grid, mode, padding, False).shape == (1, 1, 2, 2)
    grid.fill_(1e30)
    assert (
        F.grid_sample(x, grid, "nearest", "border", False).tolist() == wg.ones(1, 1, 2, 2).tolist()
    )


def test_interpolation_kept_from_inference_can_be_differentiated():
    with wg.inference_mode():
        F.interpolate(wg.ones(1, 1, 5), scale_factor=1.7, mode="linear")
    x = wg.ones(1, 1, 5, requires_grad=True)
    F.interpolate(x, scale_factor=1.7, mode="linear").sum().backward()
    assert x.grad.sum().item() == pytest.approx(8)


def test_unpooling_checks_its_places():
    x = wg.ones(1, 1, 2)
    with pytest.raises(
        RuntimeError, match="Found an invalid max index: 9 .output volumes are of size 4"
    ):
        F.max_unpool1d(x, wg.tensor([[[0, 9]]]), 2)
    with pytest.raises(RuntimeError, match="Found an invalid max index: -1"):
        F.max_unpool1d(x, wg.tensor([[[0, -1]]]), 2)
    with pytest.raises(RuntimeError, match="shape of indices to be same"):
        F.max_unpool1d(x, wg.tensor([[[0]]]), 2)
    # Windows that overlap found the same element twice.
    y = wg.tensor([[[1.0, 5.0, 2.0]]])
    values, places = F.max_pool1d(y, 2, 1, return_indices=True)
    assert F.max_unpool1d(values, places, 2, 1).tolist() == [[[0.0, 5.0, 0.0]]]


def test_skipping_the_start_takes_no_random_numbers():
    wg.manual_seed(3)
    expected = wg.rand(1).item()
    wg.manual_seed(3)
    layer = nn.utils.skip_init(nn.Linear, 3, 2, dtype=wg.float64)
    assert layer.weight.dtype == wg.float64
    assert wg.rand(1).item() == expected
    with pytest.raises(RuntimeError, match="Expected a Module"):
        nn.utils.skip_init(int)
    with pytest.raises(RuntimeError, match="must support a 'device' arg"):
        nn.utils.skip_init(nn.ReLU)


def test_memory_formats():
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Linear(2, 2))
    net.to(memory_format=wg.channels_last)
    assert net[0].weight.is_contiguous(memory_format=wg.channels_last)
    net = nn.utils.convert_conv2d_weight_memory_format(nn.Conv2d(2, 3, 3), wg.channels_last)
    assert net.weight.stride() == (18, 1, 6, 2)


def test_older_names_warn():
    with pytest.warns(FutureWarning, match="in favor of `nn.init.zeros_`|`nn.init.normal_`"):
        nn.init.normal(wg.empty(2))
    with pytest.warns(UserWarning, match="interpolate"):
        F.upsample(wg.ones(1, 1, 2), scale_factor=2)
    with pytest.warns(FutureWarning, match="NLLLoss2d has been deprecated"):
        nn.NLLLoss2d()
    with pytest.warns(FutureWarning, match="clip_grad_norm_"):
        nn.utils.clip_grad_norm([], 1.0)
    with pytest.warns(FutureWarning, match="func.functional_call"):
        nn.utils.stateless.functional_call(nn.ReLU(), {}, wg.ones(1))
