"""Starting values have the distributions that the formulas promise."""

import math

import pytest

import wengert as wg
from wengert.nn import init


@pytest.mark.parametrize(
    ("fill", "std"),
    [
        (lambda t: init.xavier_uniform_(t, gain=2.0), 2 * math.sqrt(2 / 600)),
        (lambda t: init.xavier_normal_(t), math.sqrt(2 / 600)),
        (lambda t: init.kaiming_uniform_(t, nonlinearity="relu"), math.sqrt(2 / 200)),
        (lambda t: init.kaiming_normal_(t, a=1.0, mode="fan_out"), math.sqrt(1 / 400)),
        (lambda t: init.uniform_(t, -1.0, 1.0), math.sqrt(1 / 3)),
        (lambda t: init.normal_(t, 0.0, 3.0), 3.0),
        (lambda t: init.trunc_normal_(t), 0.8796),
    ],
)
def test_deviation(fill, std):
    wg.manual_seed(0)
    tensor = wg.empty(400, 200)
    assert fill(tensor) is tensor
    assert float(tensor.std()) == pytest.approx(std, rel=0.02)
    assert float(tensor.mean()) == pytest.approx(0.0, abs=0.03 * std)


def test_trunc_normal_limits():
    tensor = init.trunc_normal_(wg.empty(5000), 0.0, 1.0, -0.5, 1.0)
    assert float(tensor.min()) >= -0.5
    assert float(tensor.max()) <= 1.0


def test_constants():
    assert init.constant_(wg.empty(2), 0.3).tolist() == pytest.approx([0.3, 0.3])
    assert init.eye_(wg.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert init.dirac_(wg.empty(2, 2, 3))[:, :, 1].tolist() == [[1, 0], [0, 1]]
    assert init.dirac_(wg.empty(4, 2, 3), groups=2)[:, :, 1].tolist() == [[1, 0], [0, 1]] * 2


def test_orthogonal():
    for shape in ((4, 6), (6, 4), (3, 2, 2)):
        tensor = init.orthogonal_(wg.empty(shape, dtype=wg.float64), gain=2.0)
        flat = tensor.reshape(shape[0], -1)
        small = flat if flat.shape[0] <= flat.shape[1] else flat.t()
        identity = wg.eye(small.shape[0], dtype=wg.float64)
        assert float((small @ small.t() / 4 - identity).abs().max()) < 1e-12


def test_sparse():
    tensor = init.sparse_(wg.empty(10, 5), 0.25)
    assert (tensor == 0).sum(0).tolist() == [3] * 5


def test_gains_and_errors():
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("leaky_relu", 1) == 1.0
    with pytest.raises(ValueError, match="Unsupported nonlinearity"):
        init.calculate_gain("cos")
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        init.kaiming_uniform_(wg.empty(3))
    with pytest.raises(ValueError, match="Mode fan not supported"):
        init.kaiming_uniform_(wg.empty(3, 3), mode="fan")


def test_initialisation_is_not_recorded():
    parameter = wg.nn.Parameter(wg.empty(3))
    init.ones_(parameter)
    assert parameter.is_leaf
    assert parameter.requires_grad
