"""Custom functions under jvp, vmap and both, with their own rules and with derived ones."""

import pytest

import wengert as wg
from wengert.autograd import Function
from wengert.func import grad, jacfwd, jacrev, jvp, vmap
from wengert.testing import assert_close

CALLS: list[object] = []


class Cube(Function):
    """Everything by hand; what ran is noted."""

    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx, g):
        CALLS.append("backward")
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g

    @staticmethod
    def jvp(ctx, t):
        CALLS.append("jvp")
        (x,) = ctx.saved_tensors
        return 3 * x**2 * t

    @staticmethod
    def vmap(info, in_dims, x):
        CALLS.append(("vmap", info.batch_size, info.randomness, in_dims))
        return Cube.apply(x), in_dims[0]


class Scaled(Function):
    """x * y * factor, with derived rules; two tensors and a number."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, y, factor):
        return x * y * factor, x + y

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, y, ctx.factor = inputs
        ctx.save_for_backward(x, y)

    @staticmethod
    def backward(ctx, g, h):
        x, y = ctx.saved_tensors
        return g * y * ctx.factor + h, g * x * ctx.factor + h, None


@pytest.fixture(autouse=True)
def _forget():
    CALLS.clear()


def _random(*shape):
    return wg.randn(*shape, dtype=wg.float64)


def test_own_jvp():
    x, v = _random(3), _random(3)
    assert_close(jvp(Cube.apply, (x,), (v,)), (x**3, 3 * x**2 * v))
    assert CALLS == ["jvp"]


def test_own_vmap():
    x = _random(3, 4)
    assert_close(vmap(Cube.apply, in_dims=1, out_dims=1)(x), x**3)
    assert CALLS == [("vmap", 4, "error", (1,))]


def test_gradients_inside_and_outside_of_vmap():
    x = _random(3, 4)
    assert_close(vmap(grad(lambda x: Cube.apply(x).sum()))(x), 3 * x**2)
    assert_close(grad(lambda x: vmap(Cube.apply)(x).sum())(x), 3 * x**2)
    assert_close(grad(lambda x: vmap(grad(lambda x: Cube.apply(x).sum()))(x).sum())(x), 6 * x)


def test_derived_jvp():
    x, y, v, w = (_random(3) for _ in range(4))
    value, slope = jvp(lambda x, y: Scaled.apply(x, y, 2.0), (x, y), (v, w))
    assert_close(value, (2 * x * y, x + y))
    assert_close(slope, (2 * (x * w + y * v), v + w))
    assert_close(jvp(lambda x: Scaled.apply(x, y, 2.0)[0], (x,), (v,))[1], 2 * y * v)


@pytest.mark.parametrize("in_dims", [(0, 0), (0, None), (None, 0)])
def test_derived_vmap(in_dims):
    x, y = (_random(5, 3) if dim == 0 else _random(3) for dim in in_dims)

    def f(x, y):
        return Scaled.apply(x, y, 2.0)

    assert_close(vmap(f, in_dims)(x, y), ((2 * x * y), x + y))

    def plain(x, y):
        return (x * y * 2).sin().sum() + (x + y).exp().sum()

    def custom(x, y):
        a, b = f(x, y)
        return a.sin().sum() + b.exp().sum()

    for argnums in (0, 1, (0, 1)):
        inside = vmap(grad(custom, argnums), in_dims)(x, y)
        assert_close(inside, vmap(grad(plain, argnums), in_dims)(x, y))
        outside = grad(lambda x, y: vmap(custom, in_dims)(x, y).sum(), argnums)(x, y)
        assert_close(outside, grad(lambda x, y: vmap(plain, in_dims)(x, y).sum(), argnums)(x, y))


def test_jacobians():
    x = _random(3)
    y = _random(3)
    for jacobian in (jacrev, jacfwd):
        assert_close(jacobian(Cube.apply)(x), wg.diag(3 * x**2))
        assert_close(jacobian(lambda x: Scaled.apply(x, y, 3.0)[0])(x), wg.diag(3 * y))
    assert_close(jacfwd(grad(lambda x: Cube.apply(x).sum()))(x), wg.diag(6 * x))


def test_what_a_function_needs():
    class Old(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    class Bare(Function):
        @staticmethod
        def forward(x):
            return x * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = _random(2, 3)
    with pytest.raises(RuntimeError, match="must override the setup_context staticmethod"):
        vmap(Old.apply)(x)
    with pytest.raises(RuntimeError, match="You tried to vmap over Bare, but it does not have"):
        vmap(Bare.apply)(x)
    assert_close(grad(lambda x: Old.apply(x).sum())(x), wg.full_like(x, 2))
    assert_close(jvp(Bare.apply, (x,), (x,))[1], 2 * x)
