"""Programs that transforms are made for."""

import pytest

import wengert as wg
from wengert import nn
from wengert.func import (
    functional_call,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)
from wengert.nn import functional as F
from wengert.testing import assert_close


class Digits(nn.Module):
    """A small network for images, with most kinds of layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.conv2 = nn.Conv2d(4, 6, 3, stride=2)
        self.norm = nn.LayerNorm(24)
        self.fc = nn.Linear(24, 3)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(x, 2) if x.shape[-1] > 16 else x
        x = F.relu(self.conv2(x))
        x = wg.flatten(x, 1)
        return F.log_softmax(self.fc(self.norm(F.dropout(x, 0.0))), dim=1)


def _digits(count=5):
    model = Digits().double()
    images = wg.randn(count, 1, 7, 7, dtype=wg.float64)
    return model, images, wg.randint(0, 3, (count,))


def _detached(model):
    return {name: p.detach() for name, p in model.named_parameters()}


# ---- per-sample gradients ----


def test_per_sample_gradients():
    model, images, targets = _digits()
    parameters = _detached(model)

    def loss(parameters, image, target):
        output = functional_call(model, parameters, (image.unsqueeze(0),))
        return F.nll_loss(output, target.unsqueeze(0))

    found = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, images, targets)
    for i in range(len(images)):
        one = F.nll_loss(model(images[i : i + 1]), targets[i : i + 1])
        expected = wg.autograd.grad(one, list(model.parameters()))
        assert_close([gradient[i] for gradient in found.values()], list(expected))
    chunked = vmap(grad(loss), in_dims=(None, 0, 0), chunk_size=2)(parameters, images, targets)
    assert_close(chunked, found)


def test_gradient_norm_penalty():
    """Differentiating through per-sample gradients."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    x = wg.randn(6, 3, dtype=wg.float64)
    parameters = _detached(model)

    def output(parameters, x):
        return functional_call(model, parameters, (x,)).squeeze()

    def penalty(parameters):
        slopes = vmap(grad(output, argnums=1), in_dims=(None, 0))(parameters, x)
        return ((slopes.norm(dim=1) - 1) ** 2).mean()

    found = grad(penalty)(parameters)
    inputs = x.clone().requires_grad_()
    (slopes,) = wg.autograd.grad(model(inputs).sum(), inputs, create_graph=True)
    ((slopes.norm(dim=1) - 1) ** 2).mean().backward()
    assert_close(found["0.weight"], model[0].weight.grad)
    assert_close(found["2.weight"], model[2].weight.grad)


# ---- ensembles ----


def test_ensemble():
    models = [Digits().double() for _ in range(3)]
    images = wg.randn(3, 5, 1, 7, 7, dtype=wg.float64)
    parameters, buffers = stack_module_state(models)
    assert all(p.requires_grad and p.is_leaf for p in parameters.values())

    def run(parameters, buffers, batch):
        return functional_call(models[0], (parameters, buffers), (batch,))

    expected = wg.stack([model(batch) for model, batch in zip(models, images, strict=True)])
    assert_close(vmap(run)(parameters, buffers, images), expected)
    shared = vmap(run, in_dims=(0, 0, None))(parameters, buffers, images[0])
    assert_close(shared, wg.stack([model(images[0]) for model in models]))
    (shared**2).sum().backward()
    for i, model in enumerate(models):
        (model(images[0]) ** 2).sum().backward()
        for name, parameter in model.named_parameters():
            assert_close(parameters[name].grad[i], parameter.grad)


def test_ensemble_is_trained_by_an_optimizer():
    models = [nn.Linear(2, 1) for _ in range(4)]
    parameters, buffers = stack_module_state(models)
    x = wg.randn(32, 2)
    y = x @ wg.tensor([[1.0], [-2.0]]) + 0.5
    optimizer = wg.optim.SGD(parameters.values(), lr=0.3)

    def loss(parameters, buffers):
        return F.mse_loss(functional_call(models[0], (parameters, buffers), (x,)), y)

    for _ in range(60):
        optimizer.zero_grad()
        losses = vmap(loss)(parameters, buffers)
        losses.sum().backward()
        optimizer.step()
    assert losses.max().item() < 1e-3


def test_batch_norm_in_an_ensemble():
    models = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double().eval() for _ in range(2)]
    for model in models:
        model[1].running_mean.normal_()
    x = wg.randn(5, 3, dtype=wg.float64)
    parameters, buffers = stack_module_state(models)
    found = vmap(lambda p, b: functional_call(models[0], (p, b), (x,)))(parameters, buffers)
    assert_close(found, wg.stack([model(x) for model in models]))


# ---- Jacobians and Hessians ----


def _predict(weight, bias, x):
    return F.linear(x, weight, bias).tanh()


def test_jacobians_agree():
    weight, bias, x = (wg.randn(*shape, dtype=wg.float64) for shape in [(4, 3), (4,), (3,)])
    rows = []
    leaf = x.clone().requires_grad_()
    for element in _predict(weight, bias, leaf):
        rows += wg.autograd.grad(element, leaf, retain_graph=True)
    expected = wg.stack(rows)
    for jacobian in (jacrev, jacfwd):
        assert_close(jacobian(_predict, argnums=2)(weight, bias, x), expected)
    both = jacrev(_predict, argnums=(0, 2))(weight, bias, x)
    assert [tuple(j.shape) for j in both] == [(4, 4, 3), (4, 3)]
    assert_close(jacfwd(_predict, argnums=(0, 2))(weight, bias, x), both)
    assert_close(jacrev(_predict, argnums=2, chunk_size=3)(weight, bias, x), expected)
    assert_close(jacrev(_predict, argnums=2, chunk_size=1)(weight, bias, x), expected)


@pytest.mark.parametrize("outer", [jacfwd, jacrev])
@pytest.mark.parametrize("inner", [jacfwd, jacrev])
def test_second_derivatives_agree(outer, inner):
    weight, bias, x = (wg.randn(*shape, dtype=wg.float64) for shape in [(2, 3), (2,), (3,)])
    found = outer(inner(_predict, argnums=2), argnums=2)(weight, bias, x)
    assert tuple(found.shape) == (2, 3, 3)
    y = _predict(weight, bias, x)
    factor = -2 * y * (1 - y * y)
    assert_close(found, factor[:, None, None] * weight[:, :, None] * weight[:, None, :])


def test_batches_of_jacobians_and_hessians():
    weight, bias = (wg.randn(*shape, dtype=wg.float64) for shape in [(2, 3), (2,)])
    x = wg.randn(5, 3, dtype=wg.float64)
    for transform in (jacrev, jacfwd, lambda f, argnums: jacfwd(jacrev(f, argnums), argnums)):
        one = transform(_predict, argnums=2)
        found = vmap(one, in_dims=(None, None, 0))(weight, bias, x)
        assert_close(found, wg.stack([one(weight, bias, row) for row in x]))


def test_hessian_of_a_loss():
    x, y = wg.randn(6, 2, dtype=wg.float64), wg.randn(6, dtype=wg.float64)

    def loss(parameters):
        return ((x @ parameters["w"] + parameters["b"] - y) ** 2).sum()

    found = hessian(loss)({"w": wg.zeros(2).double(), "b": wg.zeros(()).double()})
    assert_close(found["w"]["w"], 2 * x.t() @ x)
    assert_close(found["w"]["b"], 2 * x.sum(0))
    assert_close(found["b"]["w"], 2 * x.sum(0))
    assert_close(found["b"]["b"], wg.tensor(12.0, dtype=wg.float64))


@pytest.mark.parametrize("way", ["forward over reverse", "reverse over reverse", "linearize"])
def test_hessian_vector_products(way):
    x, v = wg.randn(4, dtype=wg.float64), wg.randn(4, dtype=wg.float64)

    def f(x):
        return x.sin().prod() + (x**3).sum()

    if way == "forward over reverse":
        product = jvp(grad(f), (x,), (v,))[1]
    elif way == "reverse over reverse":
        product = vjp(grad(f), x)[1](v)[0]
    else:
        product = linearize(grad(f), x)[1](v)
    assert_close(product, hessian(f)(x) @ v)


def test_laplacian():
    x = wg.randn(3, dtype=wg.float64)

    def f(x):
        return (x**4).sum() + x.prod()

    unit = wg.eye(3, dtype=wg.float64)
    second = vmap(lambda v: jvp(lambda x: jvp(f, (x,), (v,))[1], (x,), (v,))[1])(unit)
    assert_close(second, 12 * x**2)


# ---- neural tangent kernels ----


def _kernel_by_jacobians(function, parameters, x, y):
    left, right = (
        vmap(jacrev(function), in_dims=(None, 0))(parameters, points) for points in (x, y)
    )
    return sum(
        wg.einsum("naf,mbf->nmab", a.flatten(2), b.flatten(2))
        for a, b in zip(left.values(), right.values(), strict=True)
    )


def _kernel_by_products(function, parameters, x, y):
    def entry(x, y):
        def at_x(parameters):
            return function(parameters, x)

        output, pull = vjp(lambda parameters: function(parameters, y), parameters)

        def row(cotangent):
            return jvp(at_x, (parameters,), pull(cotangent))[1]

        return vmap(row)(wg.eye(output.numel(), dtype=output.dtype)).t()

    return vmap(vmap(entry, (None, 0)), (0, None))(x, y)


def test_neural_tangent_kernel():
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    parameters = _detached(model)
    x, y = wg.randn(3, 3, dtype=wg.float64), wg.randn(2, 3, dtype=wg.float64)

    def function(parameters, x):
        return functional_call(model, parameters, (x.unsqueeze(0),)).squeeze(0)

    kernel = _kernel_by_jacobians(function, parameters, x, y)
    assert tuple(kernel.shape) == (3, 2, 2, 2)
    assert_close(_kernel_by_products(function, parameters, x, y), kernel)
    rows = [
        [
            wg.autograd.grad(output, list(model.parameters()), retain_graph=True)
            for output in model(p)
        ]
        for p in (x[0], y[1])
    ]
    expected = [
        [sum((a * b).sum() for a, b in zip(left, right, strict=True)).item() for right in rows[1]]
        for left in rows[0]
    ]
    assert_close(kernel[0, 1], wg.tensor(expected, dtype=wg.float64))


# ---- maps over maps ----


def test_model_agnostic_meta_learning():
    """The gradient of a loss after a step along a gradient, for many tasks at once."""
    slope = wg.tensor(0.5, dtype=wg.float64)
    tasks = wg.tensor([1.0, 2.0, -1.0], dtype=wg.float64)
    x = wg.linspace(-1, 1, 7, dtype=wg.float64)

    def loss(slope, task):
        return ((slope * x - task * x) ** 2).mean()

    def after_step(slope, task):
        return loss(slope - 0.1 * grad(loss)(slope, task), task)

    def meta(slope):
        return vmap(after_step, in_dims=(None, 0))(slope, tasks).mean()

    m = (x**2).mean()
    shrink = 1 - 0.2 * m
    assert_close(meta(slope), (m * (shrink * (slope - tasks)) ** 2).mean())
    assert_close(grad(meta)(slope), (2 * m * shrink**2 * (slope - tasks)).mean())
    assert_close(jvp(meta, (slope,), (wg.ones_like(slope),))[1], grad(meta)(slope))


def test_user_tape_through_transforms():
    """backward() of the user's own graph reaches through vmap, grad and jvp."""
    w = wg.randn(3, dtype=wg.float64, requires_grad=True)
    x = wg.randn(4, 3, dtype=wg.float64)

    def f(x):
        return (w * x).sin().sum()

    vmap(grad(f))(x).sum().backward()
    expected = ((w * x).cos() - w * x * (w * x).sin()).sum(0)
    assert_close(w.grad, expected.detach())
    w.grad = None
    slopes = vmap(lambda x: jvp(f, (x,), (wg.ones_like(x),))[1])(x)
    slopes.sum().backward()
    assert_close(w.grad, expected.detach())
