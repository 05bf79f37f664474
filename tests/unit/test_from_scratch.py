"""The explanation in docs/from_scratch.py computes what the engine computes."""

import importlib.util
from pathlib import Path

import pytest

import wengert as wg

_PATH = Path(__file__).parents[2] / "docs" / "from_scratch.py"


@pytest.fixture(scope="module")
def scratch():
    spec = importlib.util.spec_from_file_location("from_scratch", _PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _formula(x, y, z):
    a = (x * y + z).tanh()
    b = (x - z) ** 2 / (1.0 + (-y).exp())
    c = (a + b + 3.0).log().relu() - 2.0 / y
    return c * a + b * c.sigmoid()


def test_gradients_agree_with_the_engine(scratch):
    numbers = (0.7, -1.3, 0.4)
    values = [scratch.Value(number) for number in numbers]
    result = _formula(*values)
    result.backward()
    tensors = [wg.tensor(number, dtype=wg.float64, requires_grad=True) for number in numbers]
    expected = _formula(*tensors)
    expected.backward()
    assert result.data == pytest.approx(expected.item(), rel=1e-14)
    for value, tensor in zip(values, tensors, strict=True):
        assert value.grad == pytest.approx(tensor.grad.item(), rel=1e-13)


def test_network_gradients_agree_with_the_engine(scratch):
    network = scratch.Network([2, 3, 1], seed=1)
    inputs = [[0.5, -1.0], [2.0, 0.25]]
    rows = [[scratch.Value(x) for x in row] for row in inputs]
    scratch.mean_squared_error(network(rows), [[1.0], [-1.0]]).backward()

    x = wg.tensor(inputs, dtype=wg.float64)
    parameters = []
    for layer in network.layers:
        weights = wg.tensor([[w.data for w in row] for row in layer.weights], dtype=wg.float64)
        biases = wg.tensor([b.data for b in layer.biases], dtype=wg.float64)
        parameters += [weights.requires_grad_(), biases.requires_grad_()]
        x = (x @ weights + biases).tanh()
    ((x - wg.tensor([[1.0], [-1.0]], dtype=wg.float64)) ** 2).mean().backward()
    engine = [g for p in parameters for g in p.grad.reshape(-1).tolist()]
    assert [p.grad for p in network.parameters()] == pytest.approx(engine, rel=1e-12)


def test_values_used_twice_and_repeated_backward_accumulate(scratch):
    x = scratch.Value(3.0)
    y = x * x + x
    y.backward()
    assert x.grad == 7.0
    y.backward()
    assert x.grad == 14.0


def test_long_chains_need_no_deep_calls(scratch):
    x = scratch.Value(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.backward()
    assert x.grad == 1.0


def test_it_learns_the_exclusive_or(scratch, capsys):
    inputs, targets = [[-1, -1], [-1, 1], [1, -1], [1, 1]], [[-1], [1], [1], [-1]]
    assert scratch.train(scratch.Network([2, 4, 1]), inputs, targets) < 0.01
    assert "step  499" in capsys.readouterr().out
