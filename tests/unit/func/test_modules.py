"""functional_call and stack_module_state: what is used, what is put back, what is written."""

import pytest

import wengert as wg
from wengert import nn
from wengert.func import functional_call, grad, stack_module_state
from wengert.testing import assert_close


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(wg.ones(2))
        self.register_buffer("calls", wg.zeros(()))
        self.register_buffer("last", wg.zeros(2))
        self.register_buffer("maybe", None)
        self.plain = wg.ones(2)

    def forward(self, x, scale=1.0):
        self.calls += 1
        self.last = x
        return self.weight * x * scale + self.plain


def test_values_are_swapped_and_put_back():
    module = Counter()
    weight, calls = module.weight, module.calls
    x = wg.tensor([1.0, 2.0])
    values = {"weight": wg.tensor([3.0, 4.0]), "calls": wg.tensor(5.0), "last": wg.zeros(2)}
    given = dict(values)
    assert_close(functional_call(module, values, x, {"scale": 2.0}), wg.tensor([7.0, 17.0]))
    assert module.weight is weight
    assert module.calls is calls
    assert calls.item() == 0
    # The buffers that changed are in the dictionary: one was written to, one replaced.
    assert given["calls"] is values["calls"]
    assert values["calls"].item() == 6
    assert values["last"] is x
    assert module.last.tolist() == [0, 0]


def test_values_are_put_back_after_an_error():
    module = Counter()
    weight = module.weight
    with pytest.raises(RuntimeError):
        functional_call(module, {"weight": wg.ones(2)}, wg.ones(3))
    assert module.weight is weight


def test_a_bad_name_changes_nothing():
    module = nn.Sequential(nn.Linear(1, 1))
    before = dict(module.named_parameters())
    with pytest.raises(AttributeError, match="Sequential has no attribute `7`"):
        functional_call(module, {"0.weight": wg.ones(1, 1), "7.weight": wg.ones(1)}, wg.ones(1))
    with pytest.raises(TypeError, match="is not an instance of wengert.Tensor"):
        functional_call(module, {"0.weight": wg.ones(1, 1), "0.bias": 3}, wg.ones(1))
    assert dict(module.named_parameters()) == before


def test_attributes_that_are_no_parameters():
    module = Counter()
    assert_close(functional_call(module, {"plain": wg.zeros(2)}, wg.ones(2)), wg.ones(2))
    assert module.plain.tolist() == [1, 1]
    functional_call(module, {"new": wg.zeros(2)}, wg.ones(2))
    assert not hasattr(module, "new")


def test_gradients_flow_into_the_given_values_alone():
    module = nn.Linear(2, 1)
    weight = wg.ones(1, 2, requires_grad=True)
    functional_call(module, {"weight": weight}, wg.tensor([[1.0, 2.0]])).sum().backward()
    assert weight.grad.tolist() == [[1, 2]]
    assert module.weight.grad is None
    assert module.bias.grad.tolist() == [1]


def test_strict():
    module = nn.Linear(2, 1)
    with pytest.raises(RuntimeError) as caught:
        functional_call(module, {"weight": wg.ones(1, 2), "x": wg.ones(1)}, wg.ones(2), strict=True)
    assert str(caught.value) == (
        "Error(s) in reparametrizing for Linear:\n"
        "\tUnexpected key(s): 'x'.\n\tMissing key(s): 'bias'."
    )


def test_tied_weights():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(2, 2, bias=False)
            self.b = nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.b(self.a(x))

    module = Tied().double()
    x = wg.randn(3, 2, dtype=wg.float64)
    w = wg.randn(2, 2, dtype=wg.float64)
    expected = x @ w.t() @ w.t()
    for name in ("a.weight", "b.weight"):
        assert_close(functional_call(module, {name: w}, x), expected)
        assert_close(functional_call(module, {name: w}, x, strict=True), expected)
    found = grad(lambda w: functional_call(module, {"a.weight": w}, x).sum())(w)
    assert_close(found, grad(lambda w: (x @ w.t() @ w.t()).sum())(w))
    other = functional_call(module, {"a.weight": w}, x, tie_weights=False)
    assert_close(other, x @ w.t() @ module.b.weight.detach().t(), msg=None)
    with pytest.raises(ValueError, match="which are tied. Consider using tie_weights=False"):
        functional_call(module, {"a.weight": w, "b.weight": w.clone()}, x)


def test_stacked_state_is_new():
    models = [nn.BatchNorm1d(3) for _ in range(2)]
    models[1].running_mean.fill_(2)
    parameters, buffers = stack_module_state(nn.ModuleList(models))
    assert list(parameters) == ["weight", "bias"]
    assert buffers["running_mean"].tolist() == [[0, 0, 0], [2, 2, 2]]
    assert not buffers["running_mean"].requires_grad
    with wg.no_grad():
        parameters["weight"].zero_()
    assert models[0].weight.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("models", "text"),
    [
        (list, "Expected at least one model, got 0."),
        (lambda: [nn.Tanh(), nn.Tanh().eval()], "to have the same training/eval mode."),
        (lambda: [nn.Tanh(), nn.ReLU()], "to be of the same class."),
        (
            lambda: [nn.Linear(1, 1), nn.Linear(1, 1).requires_grad_(False)],
            "Expected weight from each model to have the same .requires_grad",
        ),
    ],
)
def test_models_that_do_not_stack(models, text):
    with pytest.raises(RuntimeError, match=text):
        stack_module_state(models())
