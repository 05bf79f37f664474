"""First, second and third derivatives of every layer and every loss, against differences.

Derivatives are taken in the input and in the parameters. The values are far from kinks.
"""

import inspect

import numpy as np
import pytest
from tests.parity import module_cases

import wengert as wg
from wengert import nn
from wengert.autograd import gradcheck, gradgradcheck

# Modules that compute nothing of their own.
# Modules that compute nothing of their own, and the older name and base classes.
CONTAINERS = {
    "DataParallel",
    "NLLLoss2d",
    "RNNBase",
    "RNNCellBase",
    "SyncBatchNorm",
    "Module",
    "ModuleDict",
    "ModuleList",
    "ParameterDict",
    "ParameterList",
    "Sequential",
}


def _values(*shape, low=-2.0, high=2.0):
    """Distinct values in random order, none near an integer or a half."""
    count = 1
    for size in shape:
        count *= size
    grid = (wg.randperm(count).double() + 0.5) / max(count, 1)
    values = low + (high - low) * grid
    near = (values * 2 - (values * 2).round()).abs() < 0.05
    return (values + 0.04 * near).reshape(shape)


def _probabilities(*shape):
    return wg.softmax(wg.randn(*shape, dtype=wg.float64), -1)


def _vector():
    return (_values(2, 4),)


def _sequence():
    return (_values(2, 2, 6),)


def _image():
    return (_values(2, 2, 5, 4),)


def _pair():
    # Differences are neither 0 nor 1, where losses have kinks.
    target = wg.randn(3, 4, dtype=wg.float64)
    return target + _values(3, 4), target


def _scores():
    return wg.randn(4, 3, dtype=wg.float64), wg.tensor([2, 0, 1, 2])


def _bits():
    return wg.rand(3, 4, dtype=wg.float64) * 0.8 + 0.1, wg.rand(3, 4, dtype=wg.float64)


def _logs():
    return _probabilities(3, 4).log(), _probabilities(3, 4)


def _weight(count=3):
    return wg.rand(count, dtype=wg.float64) + 0.5


# Name of the class, then one case per way of use: how to make the module, and its arguments.
CASES = {
    "CELU": [(lambda: nn.CELU(0.7), _vector)],
    "ELU": [(lambda: nn.ELU(0.7), _vector)],
    "GELU": [(nn.GELU, _vector), (lambda: nn.GELU(approximate="tanh"), _vector)],
    "GLU": [(nn.GLU, _vector), (lambda: nn.GLU(0), _vector)],
    "SELU": [(nn.SELU, _vector)],
    "AdaptiveAvgPool1d": [(lambda: nn.AdaptiveAvgPool1d(4), _sequence)],
    "AdaptiveAvgPool2d": [(lambda: nn.AdaptiveAvgPool2d((2, 3)), _image)],
    "AvgPool1d": [(lambda: nn.AvgPool1d(2, 1, 1), _sequence)],
    "AvgPool2d": [
        (lambda: nn.AvgPool2d(2), _image),
        (lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), _image),
    ],
    "BCELoss": [(nn.BCELoss, _bits), (lambda: nn.BCELoss(_weight(4), reduction="none"), _bits)],
    "BCEWithLogitsLoss": [
        (nn.BCEWithLogitsLoss, _bits),
        (
            lambda: nn.BCEWithLogitsLoss(_weight(4), pos_weight=_weight(4), reduction="sum"),
            lambda: (wg.randn(3, 4, dtype=wg.float64), wg.rand(3, 4, dtype=wg.float64)),
        ),
    ],
    "BatchNorm1d": [
        (lambda: nn.BatchNorm1d(4), lambda: (_values(3, 4),)),
        (lambda: nn.BatchNorm1d(2, affine=False), _sequence),
        (lambda: nn.BatchNorm1d(2, track_running_stats=False), _sequence),
        (lambda: nn.BatchNorm1d(4).eval(), lambda: (_values(3, 4),)),
    ],
    "BatchNorm2d": [(lambda: nn.BatchNorm2d(2), lambda: (_values(2, 2, 2, 3),))],
    "Bilinear": [
        (lambda: nn.Bilinear(2, 3, 2), lambda: (_values(2, 2), _values(2, 3))),
    ],
    "Conv1d": [
        (lambda: nn.Conv1d(2, 3, 3, padding=1, stride=2), _sequence),
        (lambda: nn.Conv1d(2, 2, 2, groups=2, dilation=2, bias=False), _sequence),
        (lambda: nn.Conv1d(2, 1, 3, padding="same", padding_mode="circular"), _sequence),
        (lambda: nn.Conv1d(2, 1, 3, padding=1, padding_mode="reflect"), _sequence),
        (lambda: nn.Conv1d(2, 1, 3, padding=1, padding_mode="replicate"), _sequence),
    ],
    "Conv2d": [
        (lambda: nn.Conv2d(2, 2, (2, 3), padding=(0, 1)), lambda: (_values(1, 2, 3, 3),)),
        (lambda: nn.Conv2d(2, 2, 2, groups=2, stride=2), lambda: (_values(1, 2, 4, 3),)),
    ],
    "CrossEntropyLoss": [
        (nn.CrossEntropyLoss, _scores),
        (lambda: nn.CrossEntropyLoss(_weight(), label_smoothing=0.2), _scores),
        (lambda: nn.CrossEntropyLoss(ignore_index=0, reduction="none"), _scores),
        (lambda: nn.CrossEntropyLoss(_weight(), reduction="sum"),
         lambda: (wg.randn(4, 3, dtype=wg.float64), _probabilities(4, 3))),
        (nn.CrossEntropyLoss, lambda: (wg.randn(2, 3, 2, dtype=wg.float64),
                                       wg.tensor([[0, 2], [1, 1]]))),
    ],
    "Dropout": [(lambda: nn.Dropout(0.4), _vector), (lambda: nn.Dropout().eval(), _vector)],
    "Dropout1d": [(lambda: nn.Dropout1d(0.4), _sequence)],
    "Dropout2d": [(lambda: nn.Dropout2d(0.4), _image)],
    "Embedding": [
        (lambda: nn.Embedding(5, 3), lambda: (wg.tensor([[0, 2], [2, 4]]),)),
        (lambda: nn.Embedding(5, 3, padding_idx=2), lambda: (wg.tensor([0, 3, 3, 1]),)),
    ],
    "Flatten": [(nn.Flatten, _sequence)],
    "Hardshrink": [(lambda: nn.Hardshrink(0.5), _vector)],
    "Hardsigmoid": [(nn.Hardsigmoid, lambda: (_values(2, 4, low=-4.0, high=4.0),))],
    "Hardswish": [(nn.Hardswish, lambda: (_values(2, 4, low=-4.0, high=4.0),))],
    "Hardtanh": [(nn.Hardtanh, _vector)],
    "HuberLoss": [(lambda: nn.HuberLoss(delta=0.75), _pair), (lambda: nn.HuberLoss("none"), _pair)],
    "Identity": [(nn.Identity, _vector)],
    "KLDivLoss": [
        (lambda: nn.KLDivLoss(reduction="batchmean"), _logs),
        (lambda: nn.KLDivLoss(reduction="sum", log_target=True),
         lambda: (_probabilities(3, 4).log(), _probabilities(3, 4).log())),
    ],
    "L1Loss": [(nn.L1Loss, _pair), (lambda: nn.L1Loss(reduction="sum"), _pair)],
    "LayerNorm": [
        (lambda: nn.LayerNorm(4), _vector),
        (lambda: nn.LayerNorm((2, 3), elementwise_affine=False), lambda: (_values(2, 2, 3),)),
    ],
    "LeakyReLU": [(lambda: nn.LeakyReLU(0.2), _vector)],
    "Linear": [(lambda: nn.Linear(4, 3), _vector), (lambda: nn.Linear(4, 3, bias=False), _vector)],
    "LogSigmoid": [(nn.LogSigmoid, _vector)],
    "LogSoftmax": [(lambda: nn.LogSoftmax(1), _vector)],
    "MSELoss": [(nn.MSELoss, _pair), (lambda: nn.MSELoss(reduction="none"), _pair)],
    "MaxPool1d": [
        (lambda: nn.MaxPool1d(2, 1, 1), _sequence),
        (lambda: nn.MaxPool1d(2, dilation=2), _sequence),
    ],
    "MaxPool2d": [(lambda: nn.MaxPool2d(2, ceil_mode=True), _image)],
    "Mish": [(nn.Mish, _vector)],
    "NLLLoss": [
        (nn.NLLLoss, _scores),
        (lambda: nn.NLLLoss(_weight(), ignore_index=1, reduction="sum"), _scores),
        (lambda: nn.NLLLoss(reduction="none"), _scores),
    ],
    "PReLU": [(nn.PReLU, _vector), (lambda: nn.PReLU(2), _sequence)],
    "ReLU": [(nn.ReLU, _vector)],
    "ReLU6": [(nn.ReLU6, lambda: (_values(2, 4, low=-1.0, high=8.0),))],
    "SiLU": [(nn.SiLU, _vector)],
    "Sigmoid": [(nn.Sigmoid, _vector)],
    "SmoothL1Loss": [
        (lambda: nn.SmoothL1Loss(beta=0.75), _pair),
        (lambda: nn.SmoothL1Loss(reduction="none"), _pair),
    ],
    "Softmax": [(lambda: nn.Softmax(0), _vector)],
    "Softmin": [(lambda: nn.Softmin(1), _vector)],
    "Softplus": [(lambda: nn.Softplus(2.0, 3.0), _vector)],
    "Softshrink": [(lambda: nn.Softshrink(0.5), _vector)],
    "Softsign": [(nn.Softsign, _vector)],
    "Tanh": [(nn.Tanh, _vector)],
    "Tanhshrink": [(nn.Tanhshrink, _vector)],
    "Threshold": [(lambda: nn.Threshold(0.2, -1.0), _vector)],
    "Unflatten": [(lambda: nn.Unflatten(1, (2, 2)), _vector)],
}  # fmt: skip

EVERY = [
    pytest.param(make, arguments, id=f"{name}-{i}")
    for name, cases in CASES.items()
    for i, (make, arguments) in enumerate(cases)
]


def _function(make, arguments):
    """The module as a function of what has a derivative, and where to take it."""
    module = make().double()
    generator_state = wg.get_rng_state()
    given = arguments()
    inputs = [x.requires_grad_() if x.is_floating_point() else x for x in given]
    parameters = dict(module.named_parameters())
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}

    def function(*values):
        wg.set_rng_state(generator_state)  # the same elements are dropped each time
        state = dict(zip(parameters, values[len(inputs) :], strict=True))
        state.update((name, buffer.clone()) for name, buffer in buffers.items())
        return wg.func.functional_call(module, state, tuple(values[: len(inputs)]))

    return function, (*inputs, *parameters.values())


def _gradient(function):
    """The gradient of a weighted sum of the outputs, as a function of the same arguments."""

    def gradient(*values):
        output = function(*values)
        weights = wg.linspace(0.5, 1.5, output.numel(), dtype=wg.float64)
        targets = [v for v in values if v.requires_grad]
        found = wg.autograd.grad(
            (output * weights.reshape(output.shape)).sum(),
            targets,
            create_graph=True,
            allow_unused=True,
        )
        return tuple(g for g in found if g is not None)

    return gradient


@pytest.mark.parametrize(("make", "arguments"), EVERY)
def test_first_derivative(make, arguments):
    function, values = _function(make, arguments)
    assert gradcheck(function, values)


@pytest.mark.parametrize(("make", "arguments"), EVERY)
def test_second_derivative(make, arguments):
    function, values = _function(make, arguments)
    assert gradgradcheck(function, values)


@pytest.mark.parametrize(("make", "arguments"), EVERY)
def test_third_derivative(make, arguments):
    function, values = _function(make, arguments)
    assert gradgradcheck(_gradient(function), values, fast_mode=True, atol=1e-4)


# ---- the modules that only the common table has ----

TABLE = [
    case for case in module_cases.CASES if case.name not in CASES and case.check and not case.random
]  # fmt: skip


def _of_table(case):
    """As `_function`, for a case of the table; whole-numbered outputs are left out."""
    module = module_cases.build(case, wg)
    given = module_cases.to_kit(case.inputs(np.random.default_rng(0)), wg)
    call = module_cases.to_kit(case.call, wg)
    if case.name.startswith("Lazy"):
        module(*given)
    places = [i for i, x in enumerate(given) if _inexact(x) and i not in case.constants]
    parameters = {
        name: parameter
        for name, parameter in module.named_parameters()
        if parameter.numel() and parameter.requires_grad
    }
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}

    def function(*values):
        inputs = list(given)
        for place, value in zip(places, values, strict=False):
            inputs[place] = value
        state = dict(zip(parameters, values[len(places) :], strict=True))
        state.update((name, buffer.clone()) for name, buffer in buffers.items())
        output = wg.func.functional_call(module, state, tuple(inputs), call)
        return tuple(x for x in _flat(output) if x.requires_grad)

    return function, (*(given[i].requires_grad_() for i in places), *parameters.values())


def _inexact(value):
    return isinstance(value, wg.Tensor) and value.is_floating_point()


def _flat(value):
    if isinstance(value, wg.Tensor):
        return [value]
    if isinstance(value, tuple | list):
        return [x for item in value for x in _flat(item)]
    return []


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.label)
def test_derivatives_of_the_table(case):
    function, values = _of_table(case)
    assert gradcheck(function, values, fast_mode=True)
    assert gradgradcheck(function, values, fast_mode=True)


def test_every_module_is_here():
    modules = {
        name
        for name in nn.__all__
        if inspect.isclass(getattr(nn, name)) and issubclass(getattr(nn, name), nn.Module)
    }
    checked = {case.name for case in TABLE} | set(CASES)
    in_evaluation = {case.name for case in module_cases.CASES if case.random}
    assert modules - CONTAINERS - in_evaluation == checked - in_evaluation
