"""Values, starting values and options of the layers."""

import math

import pytest

import wengert as wg
from wengert import nn
from wengert.nn import functional as F


def test_linear_starting_values():
    wg.manual_seed(0)
    layer = nn.Linear(64, 1000)
    bound = 1 / 8
    for tensor in (layer.weight, layer.bias):
        assert tensor.abs().max().item() <= bound
        assert tensor.abs().max().item() > 0.98 * bound
    assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)


def test_conv_starting_values():
    wg.manual_seed(0)
    layer = nn.Conv2d(8, 64, 3)
    bound = 1 / math.sqrt(72)
    assert 0.98 * bound < layer.weight.abs().max().item() <= bound
    assert layer.bias.abs().max().item() <= bound


def test_linear_and_bilinear_values():
    layer = nn.Linear(2, 1)
    layer.load_state_dict({"weight": wg.tensor([[1.0, 2.0]]), "bias": wg.tensor([0.5])})
    assert layer(wg.tensor([[3.0, 4.0]])).tolist() == [[11.5]]
    two = nn.Bilinear(2, 2, 1)
    two.load_state_dict({"weight": wg.tensor([[[1.0, 2.0], [3.0, 4.0]]]), "bias": wg.ones(1)})
    assert two(wg.tensor([[1.0, 2.0]]), wg.tensor([[3.0, 1.0]])).tolist() == [[32.0]]


def test_conv_same_padding():
    x = wg.ones(1, 1, 5, 6)
    for kernel in (2, 3, (4, 1)):
        assert nn.Conv2d(1, 2, kernel, padding="same")(x).shape == (1, 2, 5, 6)
    assert nn.Conv1d(1, 2, 4, padding="same", dilation=3)(wg.ones(1, 1, 9)).shape == (1, 2, 9)
    with pytest.raises(ValueError, match="not supported for strided"):
        nn.Conv2d(1, 1, 3, stride=2, padding="same")
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.Conv2d(3, 4, 1, groups=2)


def test_batch_norm_running_statistics():
    layer = nn.BatchNorm1d(1)
    layer(wg.tensor([[1.0], [3.0]]))
    assert layer.running_mean.tolist() == pytest.approx([0.2])
    assert layer.running_var.tolist() == pytest.approx([0.9 + 0.1 * 2.0])
    assert layer.num_batches_tracked.item() == 1
    mean = nn.BatchNorm1d(1, momentum=None)
    for value in (1.0, 5.0):
        mean(wg.tensor([[value], [value]]))
    assert mean.running_mean.tolist() == pytest.approx([3.0])
    with pytest.raises(ValueError, match="expected 4D input"):
        nn.BatchNorm2d(1)(wg.ones(1, 1))
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        nn.BatchNorm1d(2)(wg.ones(1, 2))


def test_dropout():
    wg.manual_seed(0)
    x = wg.ones(4000)
    y = nn.Dropout(0.25)(x)
    kept = y[y != 0]
    assert float((kept - 4 / 3).abs().max()) < 1e-6
    assert len(kept) == pytest.approx(3000, abs=150)
    assert nn.Dropout(0.25).eval()(x) is x
    assert float(nn.Dropout(1.0)(x).abs().sum()) == 0.0
    planes = nn.Dropout2d()(wg.ones(8, 8, 2, 2)).reshape(64, 4)
    assert {tuple(row) for row in planes.tolist()} == {(0.0,) * 4, (2.0,) * 4}
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        nn.Dropout(1.5)


def test_embedding():
    table = nn.Embedding(4, 2, padding_idx=-1)
    assert table.weight[3].tolist() == [0.0, 0.0]
    out = table(wg.tensor([[0, 3], [0, 1]]))
    assert out.shape == (2, 2, 2)
    out.sum().backward()
    assert table.weight.grad.tolist() == [[2.0, 2.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]
    frozen = nn.Embedding.from_pretrained(wg.tensor([[3.0, 4.0]]), max_norm=1.0)
    assert not frozen.weight.requires_grad
    assert frozen(wg.tensor([0])).tolist()[0] == pytest.approx([0.6, 0.8])


def test_shapes():
    x = wg.zeros(2, 3, 4, 4)
    assert nn.Flatten()(x).shape == (2, 48)
    assert nn.Unflatten(1, (3, 16))(nn.Flatten()(x)).shape == (2, 3, 16)
    assert nn.MaxPool2d(2)(x).shape == (2, 3, 2, 2)
    assert nn.AdaptiveAvgPool2d((1, None))(x).shape == (2, 3, 1, 4)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.LeakyReLU(0.2), "LeakyReLU(negative_slope=0.2)"),
        (nn.ELU(inplace=True), "ELU(alpha=1.0, inplace=True)"),
        (nn.Softmax(dim=1), "Softmax(dim=1)"),
        (nn.Softshrink(), "Softshrink(0.5)"),
        (nn.GELU("tanh"), "GELU(approximate='tanh')"),
        (nn.Conv2d(1, 2, 3, padding=1, bias=False),
         "Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)"),
        (nn.LayerNorm(4), "LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)"),
        (nn.Dropout(), "Dropout(p=0.5, inplace=False)"),
        (nn.Embedding(3, 2), "Embedding(3, 2)"),
    ],
)  # fmt: skip
def test_printing(module, text):
    assert repr(module) == text


def test_activation_arguments_are_checked():
    with pytest.raises(TypeError):
        nn.ReLU(slope=3)
    assert nn.Threshold(0.1, 20.0)(wg.tensor([0.0, 1.0])).tolist() == [20.0, 1.0]


def test_losses():
    x, t = wg.tensor([[0.2, 0.9]]), wg.tensor([[0.0, 1.0]])
    expected = -(math.log(0.8) + math.log(0.9)) / 2
    assert nn.BCELoss()(x, t).item() == pytest.approx(expected, rel=1e-5)
    logits = wg.tensor([[200.0, -200.0]])
    assert nn.BCEWithLogitsLoss(reduction="none")(logits, t).tolist() == [[200.0, 200.0]]
    assert nn.BCELoss()(wg.tensor([0.0]), wg.tensor([1.0])).item() == 100.0
    assert nn.L1Loss(reduction="sum")(x, t).item() == pytest.approx(0.3)
    assert F.mse_loss(x, t, size_average=False).item() == pytest.approx(0.05)
    with pytest.raises(ValueError, match="is not a valid value for reduction"):
        nn.MSELoss(reduction="average")(x, t)
    with pytest.raises(ValueError, match="must be the same as input size"):
        nn.BCEWithLogitsLoss()(x, wg.ones(3))
    with pytest.warns(UserWarning, match="different to the input size"):
        nn.MSELoss()(x, wg.ones(1))


def test_softmax_without_dim_warns():
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        assert F.softmax(wg.zeros(2, 2)).tolist() == [[0.5, 0.5], [0.5, 0.5]]
