"""Forward mode: levels, dual tensors, writes in place, with and over reverse mode."""

import pytest

import wengert as wg
import wengert.autograd.forward_ad as fwAD
from wengert import nn
from wengert.func import grad, hessian, jacfwd, jacrev, jvp, vmap
from wengert.testing import assert_close

t = wg.tensor


def _random(*shape, **options):
    return wg.randn(*shape, dtype=wg.float64, **options)


def _push(f, x, v):
    with fwAD.dual_level():
        return fwAD.unpack_dual(f(fwAD.make_dual(x, v)))


# ---- levels ----


def test_a_dual_tensor():
    x, v = _random(3), _random(3)
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, v)
        assert dual.shape == x.shape
        assert dual.dtype == x.dtype
        primal, tangent = fwAD.unpack_dual(dual)
        assert_close((primal, tangent), (x, v))
        assert fwAD.unpack_dual(x).tangent is None
        assert fwAD.unpack_dual(dual > 0).tangent is None
        assert fwAD.unpack_dual(dual.detach()).tangent is None
        assert dual.sum().item() == x.sum().item()
        assert dual.tolist() == x.tolist()
        assert (bool(dual[0] > 0)) == bool(x[0] > 0)
        assert repr(dual).startswith("DualTensor(lvl=1, value=tensor([")


def test_after_its_level_a_dual_tensor_is_plain():
    x, v = _random(3), _random(3)
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, v)
        y = dual.sin()
    assert_close(y + 0, x.sin())
    assert_close(dual * 2, x * 2)
    assert y.tolist() == x.sin().tolist()
    with fwAD.dual_level():
        assert fwAD.unpack_dual(y).tangent is None
        assert_close(fwAD.unpack_dual(y * fwAD.make_dual(x, v)).tangent, x.sin() * v)
    assert fwAD.unpack_dual(y).tangent is None


def test_enter_and_exit():
    level = fwAD.enter_dual_level()
    x = fwAD.make_dual(t(2.0), t(1.0))
    assert fwAD.unpack_dual(x**3, level=level).tangent.item() == 12
    fwAD.exit_dual_level(level=level)
    with pytest.raises(RuntimeError, match="level that does not exist"):
        fwAD.exit_dual_level()
    with pytest.raises(RuntimeError, match="no level exists"):
        fwAD.make_dual(t(1.0), t(1.0))


def test_levels_nest():
    x = t(0.7, dtype=wg.float64)
    one = wg.ones_like(x)
    with fwAD.dual_level() as outer:
        a = fwAD.make_dual(x, one)
        with fwAD.dual_level() as inner:
            b = fwAD.make_dual(a, one)
            first = fwAD.unpack_dual(b.sin() * b, level=inner).tangent
        second = fwAD.unpack_dual(first, level=outer).tangent
    assert_close(second, 2 * x.cos() - x * x.sin())


def test_bad_tangents():
    with fwAD.dual_level():
        with pytest.raises(RuntimeError, match="has a different size than that of the original"):
            fwAD.make_dual(wg.ones(3), wg.ones(2))
        with pytest.raises(RuntimeError, match="has a different dtype than that of the original"):
            fwAD.make_dual(wg.ones(3), wg.ones(3, dtype=wg.float64))
        with pytest.raises(ValueError, match="Expected primal to be floating point or complex"):
            fwAD.make_dual(wg.arange(3), wg.ones(3))


def test_switched_off():
    x, v = _random(3), _random(3)
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, v)
        with fwAD.set_fwd_grad_enabled(False):
            constant = dual * 2
        assert fwAD.unpack_dual(constant).tangent is None
        assert_close(fwAD.unpack_dual(dual * 2).tangent, 2 * v)


def test_no_grad_is_about_reverse_mode_only():
    x, v = _random(3), _random(3)
    with wg.no_grad():
        assert_close(_push(lambda x: x * x, x, v).tangent, 2 * x * v)


# ---- values ----


def test_what_broadcasts_and_converts():
    x, v = _random(3), _random(3)
    assert_close(_push(lambda x: x + wg.ones(2, 1), x, v).tangent, v.expand(2, 3))
    complex_ = _push(lambda x: x + t(1j), x, v)
    assert_close(complex_.tangent, v.to(wg.complex128))
    assert _push(lambda x: x.float(), x, v).tangent.dtype == wg.float32
    assert _push(lambda x: x.long(), x, v).tangent is None


def test_complex_tangents():
    z, v = wg.randn(3, dtype=wg.complex128), wg.randn(3, dtype=wg.complex128)
    assert_close(_push(lambda z: z * z, z, v).tangent, 2 * z * v)
    assert_close(_push(wg.exp, z, v).tangent, z.exp() * v)
    assert_close(_push(wg.conj, z, v).tangent, v.conj())
    assert_close(_push(wg.abs, z, v).tangent, (z.conj() * v).real / z.abs())
    assert_close(_push(lambda z: z.real, z, v).tangent, v.real)


def test_a_network():
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(12, 4), nn.LayerNorm(4), nn.Tanh(),
    ).double()  # fmt: skip
    target = t([0, 3])

    def loss(x):
        return nn.functional.cross_entropy(model(x), target)

    x, v = _random(2, 1, 6, 6), _random(2, 1, 6, 6)
    expected = (grad(loss)(x) * v).sum()
    assert_close(jvp(loss, (x,), (v,))[1], expected)


# ---- writes in place ----


def test_writes_to_a_dual_tensor():
    x, v = _random(4), _random(4)

    def f(x):
        y = x * 1
        y.mul_(y)
        y[1:3].sin_()
        y[0] = 3
        return y

    def parts(x):
        return wg.stack([0 * x[0] + 3, (x[1] ** 2).sin(), (x[2] ** 2).sin(), x[3] ** 2])

    expected = jvp(parts, (x,), (v,))
    assert_close(tuple(_push(f, x, v)), expected)


def test_writes_of_a_tangent_to_plain_tensors():
    x, v = _random(3), _random(3)

    def f(x):
        y = wg.zeros(3, dtype=wg.float64)
        y[0] = x[0] * x[1]
        y[1:].copy_(x[1:])
        z = wg.zeros(3, dtype=wg.float64)
        z.add_(x)
        rows = wg.empty(2, 3, dtype=wg.float64)
        rows[0], rows[1] = y, z
        return rows

    value, slope = _push(f, x, v)
    assert_close(value, wg.stack([wg.stack([x[0] * x[1], x[1], x[2]]), x]))
    product = v[0] * x[1] + x[0] * v[1]
    assert_close(slope, wg.stack([wg.stack([product, v[1], v[2]]), v]))


def test_writes_to_the_primal_are_seen():
    x, v = _random(3), _random(3)
    before = x.clone()
    with fwAD.dual_level():
        fwAD.make_dual(x, v).mul_(2)
    assert_close(x, 2 * before)


# ---- with reverse mode ----


def test_reverse_over_forward():
    x, v = _random(3, requires_grad=True), _random(3, requires_grad=True)
    with fwAD.dual_level():
        y, slope = fwAD.unpack_dual(fwAD.make_dual(x, v).sin().prod())
    a, b = wg.autograd.grad(slope, (x, v), retain_graph=True)
    f = lambda x, v: jvp(lambda x: x.sin().prod(), (x,), (v,))[1]  # noqa: E731
    assert_close((a, b), grad(f, argnums=(0, 1))(x.detach(), v.detach()))
    assert_close(wg.autograd.grad(y, x)[0], grad(lambda x: x.sin().prod())(x.detach()))


def test_a_dual_tensor_may_be_differentiated_backwards():
    x, v = _random(3, requires_grad=True), _random(3)
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, v)
        assert dual.requires_grad
        (dual**3).sum().backward()
    assert_close(x.grad, 3 * x.detach() ** 2)


def test_forward_over_reverse():
    x, v = _random(3), _random(3)
    f = lambda x: (x**3).sum() * x.prod()  # noqa: E731
    assert_close(jvp(grad(f), (x,), (v,))[1], hessian(f)(x) @ v)
    assert_close(jacfwd(grad(f))(x), jacrev(grad(f))(x))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_third_order_in_every_order(name):
    x = _random(4)
    weights = _random(4)

    def f(x):
        return (getattr(wg, name)(x, 0) * weights).sum().sin()

    expected = jacrev(jacrev(grad(f)))(x)
    for outer, middle in ((jacfwd, jacfwd), (jacfwd, jacrev), (jacrev, jacfwd)):
        assert_close(outer(middle(grad(f)))(x), expected)
    assert_close(jacfwd(jacfwd(jacfwd(f)))(x), expected)


def test_no_perturbation_confusion():
    # d/dx (x * d/dy (x + y)) is 1, not 2.
    def derivative(f, x):
        return jvp(f, (x,), (wg.ones_like(x),))[1]

    assert derivative(lambda x: x * derivative(lambda y: x + y, t(1.0)), t(1.0)).item() == 1
    assert derivative(lambda x: x * grad(lambda y: x * y)(t(1.0)), t(3.0)).item() == 6
    assert grad(lambda x: x * derivative(lambda y: x * y, t(1.0)))(t(3.0)).item() == 6


def test_vmap_of_forward_mode_and_forward_mode_of_vmap():
    x, v = _random(4, 3), _random(4, 3)
    f = lambda x: (x.cumsum(0) * x).sum()  # noqa: E731
    inner = vmap(lambda x, v: jvp(f, (x,), (v,))[1])(x, v)
    outer = jvp(vmap(f), (x,), (v,))[1]
    assert_close(inner, outer)
    assert_close(inner, (vmap(grad(f))(x) * v).sum(1))
