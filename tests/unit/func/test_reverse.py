"""grad, grad_and_value, vjp: values, trees, nesting, closures, modes, what results remember."""

import gc
import weakref
from collections import namedtuple

import pytest

import wengert as wg
from wengert.func import grad, grad_and_value, linearize, vjp
from wengert.testing import assert_close

t = wg.tensor
Pair = namedtuple("Pair", ["a", "b"])


def _random(*shape, **options):
    return wg.randn(*shape, dtype=wg.float64, **options)


# ---- values and structure ----


def test_grad_of_a_tensor():
    x = _random(3)
    assert_close(grad(lambda x: x.sin().sum())(x), x.cos())


def test_argnums():
    x, y, z = _random(2), _random(2), _random(2)

    def f(x, y, z):
        return (x * y * y * z).sum()

    assert_close(grad(f, argnums=1)(x, y, z), 2 * x * y * z)
    assert_close(grad(f, argnums=-1)(x, y, z), x * y * y)
    assert_close(grad(f, argnums=(2, 0))(x, y, z), (x * y * y, y * y * z))


def test_trees_of_inputs():
    x, y, z = _random(2), _random(3), _random(())
    tree = {"a": [x, (y,)], "p": Pair(z, x)}

    def f(tree, scale):
        return scale * (
            (tree["a"][0] ** 2).sum()
            + tree["a"][1][0].exp().sum()
            + tree["p"].a * tree["p"].b.sum()
        )

    found = grad(f)(tree, 3.0)
    assert isinstance(found["p"], Pair)
    assert_close(found, {"a": [6 * x, (3 * y.exp(),)], "p": Pair(3 * x.sum(), (3 * z).expand(2))})


def test_value_and_aux():
    x = _random(3)

    def f(x, *, power):
        return (x**power).sum(), {"twice": 2 * x, "name": "f"}

    gradient, aux = grad(f, has_aux=True)(x, power=2)
    assert_close(gradient, 2 * x)
    assert_close(aux["twice"], 2 * x)
    assert aux["name"] == "f"
    assert not aux["twice"].requires_grad
    gradient, (value, aux) = grad_and_value(f, has_aux=True)(x, power=3)
    assert_close((gradient, value), (3 * x**2, (x**3).sum()))


def test_unused_inputs_and_constant_outputs_give_zeros():
    x, y = _random(2), _random(3)
    assert_close(grad(lambda x, y: y.sum(), argnums=(0, 1))(x, y), (wg.zeros_like(x), y * 0 + 1))
    assert_close(grad(lambda x: t(1.0))(x), wg.zeros_like(x))
    assert_close(grad(lambda x: x.long().sum())(x), wg.zeros_like(x))


def test_complex_input():
    z = t([1 + 2j, 3 - 1j])
    assert_close(grad(lambda z: z.abs().square().sum())(z), 2 * z)


def test_the_functions_name_is_kept():
    def f(x):
        """What f does."""
        return x.sum()

    assert grad(f).__name__ == "f"
    assert grad(f).__doc__ == "What f does."


def test_vjp():
    x, y = _random(2), _random(2)
    output, pull = vjp(lambda x, d: {"s": x * d["y"], "t": (x.sin(),)}, x, {"y": y})
    assert_close(output, {"s": x * y, "t": (x.sin(),)})
    g, h = _random(2), _random(2)
    expected = (g * y + h * x.cos(), {"y": g * x})
    for _ in range(2):
        assert_close(pull({"s": g, "t": (h,)}), expected)
    assert not pull({"s": g, "t": (h,)})[0].requires_grad


def test_vjp_aux():
    output, pull, aux = vjp(lambda x: (x * 2, x * 3), t([1.0]), has_aux=True)
    assert_close((output, aux, pull(t([1.0]))), (t([2.0]), t([3.0]), (t([2.0]),)))


# ---- nesting ----


def test_third_derivative():
    x = t(0.5, dtype=wg.float64)
    assert_close(grad(grad(grad(wg.sin)))(x), -x.cos())


@pytest.mark.parametrize("inner", [grad, lambda f: lambda x: vjp(f, x)[1](t(1.0))[0]])
def test_no_perturbation_confusion(inner):
    # d/dx (x * d/dy (x + y)) is 1, not 2.
    assert grad(lambda x: x * inner(lambda y: x + y)(t(1.0)))(t(1.0)).item() == 1
    # d/dx (x * d/dy (x * y)) is 2x.
    assert grad(lambda x: x * inner(lambda y: x * y)(t(1.0)))(t(3.0)).item() == 6
    # The inner function is given the outer variable itself.
    assert grad(lambda x: x * inner(lambda y: x * y)(x))(t(3.0)).item() == 6


def test_inner_function_ignores_its_argument():
    assert grad(lambda x: x * grad(lambda y: x * x)(t(1.0)))(t(3.0)).item() == 0


def test_vjp_is_differentiable_in_primal_and_cotangent():
    x, g = _random(3), _random(3)

    def f(x, g):
        return (vjp(wg.sin, x)[1](g)[0]).sum()

    assert_close(grad(f, argnums=(0, 1))(x, g), (-x.sin() * g, x.cos()))


def test_vjp_function_used_inside_an_outer_transform():
    x = _random(3)
    _, pull = vjp(wg.sin, x)
    g = _random(3)
    assert_close(grad(lambda g: (pull(g)[0] ** 2).sum())(g), 2 * g * x.cos() ** 2)
    assert not pull(g)[0].requires_grad


def test_outer_vjp_of_inner_grad():
    x = _random(3)
    output, pull = vjp(grad(lambda x: (x**3).sum()), x)
    assert_close((output, pull(wg.ones_like(x))[0]), (3 * x**2, 6 * x))


# ---- what is outside ----


def test_results_have_no_history():
    x = _random(3)
    gradient, value = grad_and_value(lambda x: (x**2).sum())(x)
    assert not gradient.requires_grad
    assert not value.requires_grad
    assert not x.requires_grad
    assert x.grad is None


def test_input_that_requires_grad():
    x = _random(3, requires_grad=True)
    gradient, value = grad_and_value(lambda x: (x**3).sum())(x)
    assert x.grad is None
    (gradient.sum() + 10 * value).backward()
    assert_close(x.grad, 6 * x.detach() + 30 * x.detach() ** 2)


def test_closure_that_requires_grad():
    w = _random(3, requires_grad=True)
    x = _random(3)
    gradient, (value, aux) = grad_and_value(
        lambda x: ((w * x * x).sum(), (w, x, x * 2)), has_aux=True
    )(x)
    assert aux[0] is w
    assert not aux[1].requires_grad
    assert not aux[2].requires_grad
    (gradient.sum() + value).backward()
    assert_close(w.grad, 2 * x + x * x)


def test_closure_and_nesting():
    w = t(2.0, requires_grad=True)
    second = grad(grad(lambda x: w**2 * x**3))(t(5.0))
    assert second.item() == 4 * 6 * 5
    second.backward()
    assert w.grad.item() == 2 * 2 * 6 * 5


def test_no_grad_outside():
    w = _random(3, requires_grad=True)
    with wg.no_grad():
        gradient, value = grad_and_value(lambda x: (w * x * x).sum())(w)
        assert not wg.is_grad_enabled()
    assert_close(gradient, 2 * w.detach() ** 2)
    assert not gradient.requires_grad
    assert not value.requires_grad


def test_no_grad_inside():
    x = _random(3)

    def f(x):
        with wg.no_grad():
            constant = x * x
        return (constant * x).sum()

    assert_close(grad(f)(x), x * x)


def test_no_grad_around_a_nested_transform():
    def f(x):
        with wg.no_grad():
            inner = grad(lambda y: y**3)(x)
        return inner * x

    assert grad(f)(t(2.0)).item() == 12


def test_detach_inside():
    assert grad(lambda x: x.detach() * x)(t(3.0)).item() == 3


def test_the_mode_is_restored_after_an_error():
    def fail(x):
        raise ValueError("no")

    with wg.no_grad():
        with pytest.raises(ValueError, match="no"):
            grad(fail)(t(1.0))
        assert not wg.is_grad_enabled()


def test_nothing_is_kept_alive():
    seen = []

    def f(x):
        y = x.sin()
        seen.append(weakref.ref(y))
        return y.sum()

    kept = grad(f)(_random(3))
    gc.collect()
    assert seen[0]() is None
    assert kept is not None


# ---- writes in place ----


def test_writes_inside_the_function():
    x = _random(4)

    def f(x):
        y = x.clone()
        y[:2] *= 3
        y.sin_()
        z = wg.zeros_like(x)
        z.add_(y)
        return (z * x).sum()

    scale = t([3.0, 3.0, 1.0, 1.0], dtype=wg.float64)
    expected = (scale * x).sin() + x * scale * (scale * x).cos()
    assert_close(grad(f)(x), expected)
    assert_close(
        grad(lambda x: grad(f)(x).sum())(x),
        2 * scale * (scale * x).cos() - x * scale**2 * (scale * x).sin(),
    )


@pytest.mark.parametrize("inner", [lambda x: x, lambda x: x.cos()])
def test_writing_to_the_input_is_refused(inner):
    def f(x):
        return grad(lambda y: y.sin_().sum())(inner(x)).sum()

    message = "a leaf Variable that requires grad is being used in an in-place operation|a view of"
    with pytest.raises(RuntimeError, match=message):
        grad(lambda y: y.sin_().sum())(_random(2))
    with pytest.raises(RuntimeError, match=message):
        grad(f)(_random(2))


# ---- linearize ----


def test_linearize():
    x, y = _random(3), _random(3)
    calls = []

    def f(x, d):
        calls.append(1)
        return {"a": x.sin() * d["y"], "b": d["y"] ** 2, "c": t(1.0)}

    output, push = linearize(f, x, {"y": y})
    assert_close(output, {"a": x.sin() * y, "b": y**2, "c": t(1.0)})
    for _ in range(2):
        v, w = _random(3), _random(3)
        expected = {"a": x.cos() * y * v + x.sin() * w, "b": 2 * y * w, "c": t(0.0)}
        assert_close(push(v, {"y": w}), expected)
    assert len(calls) == 1
    assert not push(v, {"y": w})["a"].requires_grad


def test_linearize_is_differentiable():
    x, v = _random(3), _random(3)

    def f(x, v):
        return linearize(wg.sin, x)[1](v).sum()

    assert_close(grad(f, argnums=(0, 1))(x, v), (-x.sin() * v, x.cos()))


def test_linearize_checks_tangents():
    _, push = linearize(wg.sin, t([1.0, 2.0, 3.0]))
    with pytest.raises(RuntimeError, match="doesn't match the shape"):
        push(wg.ones(2))
    with pytest.raises(RuntimeError, match="doesn't match the dtype"):
        push(wg.ones(3, dtype=wg.float64))
    with pytest.raises(RuntimeError, match="same argspec as the primals"):
        push(wg.ones(3), wg.ones(3))
