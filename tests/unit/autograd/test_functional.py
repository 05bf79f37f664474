"""autograd.functional: values, structure, what results remember."""

import pytest

import wengert as wg
from wengert.autograd import functional as AF
from wengert.testing import assert_close


def _random(*shape):
    return wg.randn(*shape, dtype=wg.float64)


def _f(x, y):
    return (x**3).sum() * y.sin().sum() + (x[0] * y).sum()


def test_products_are_rows_and_columns_of_the_jacobian():
    x, y = _random(3), _random(2)

    def f(x, y):
        return wg.outer(x.exp(), y), (x.sum() * y).sin()

    (rows, more_rows) = AF.jacobian(f, (x, y))
    v, w = _random(3, 2), _random(2)
    values, products = AF.vjp(f, (x, y), (v, w))
    assert_close(values, f(x, y))
    for j in (0, 1):
        expected = wg.tensordot(v, rows[j], 2) + wg.tensordot(w, more_rows[j], 1)
        assert_close(products[j], expected)
    s, t = _random(3), _random(2)
    values, products = AF.jvp(f, (x, y), (s, t))
    assert_close(values, f(x, y))
    assert_close(products[0], wg.tensordot(rows[0], s, 1) + wg.tensordot(rows[1], t, 1))
    assert_close(products[1], more_rows[0] @ s + more_rows[1] @ t)


@pytest.mark.parametrize("vectorize", [False, True])
def test_hessian_and_its_products(vectorize):
    x, y = _random(3), _random(2)
    blocks = AF.hessian(_f, (x, y), vectorize=vectorize)
    assert_close(blocks[0][0], wg.diag(6 * x * y.sin().sum()))
    assert_close(blocks[0][1], blocks[1][0].t())
    v, w = _random(3), _random(2)
    expected = (blocks[0][0] @ v + blocks[0][1] @ w, blocks[1][0] @ v + blocks[1][1] @ w)
    for product in (AF.hvp, AF.vhp):
        value, found = product(_f, (x, y), (v, w))
        assert_close(value, _f(x, y))
        assert_close(found, expected)


@pytest.mark.parametrize("vectorize", [False, True])
def test_jacobian_shapes(vectorize):
    x, y = _random(2, 3), _random(())
    single = AF.jacobian(lambda x: x.sum(1), x, vectorize=vectorize)
    assert tuple(single.shape) == (2, 2, 3)
    several = AF.jacobian(lambda x, y: (x * y, y, x.sum()), (x, y), vectorize=vectorize)
    assert [[tuple(j.shape) for j in row] for row in several] == [
        [(2, 3, 2, 3), (2, 3)],
        [(2, 3), ()],
        [(2, 3), ()],
    ]
    empty = AF.jacobian(lambda x: x[:0], x, vectorize=vectorize)
    assert tuple(empty.shape) == (0, 3, 2, 3)


def test_forward_mode_jacobian():
    x, y = _random(2, 3), _random(3)

    def f(x, y):
        return (x * y).sin(), y.sum()

    found = AF.jacobian(f, (x, y), vectorize=True, strategy="forward-mode")
    assert_close(found, AF.jacobian(f, (x, y)))
    hessian = AF.hessian(
        lambda x, y: (x * y).sin().sum(),
        (x, y),
        vectorize=True,
        outer_jacobian_strategy="forward-mode",
    )
    assert_close(hessian, AF.hessian(lambda x, y: (x * y).sin().sum(), (x, y)))


def test_results_have_no_history():
    w, x = _random(3).requires_grad_(), _random(3)

    def f(x):
        return (w * x**2).sum()

    for result in (
        AF.vjp(f, x), AF.jvp(f, x, x), AF.hvp(f, x, x), AF.vhp(f, x, x), (AF.jacobian(f, x),),
        (AF.hessian(f, x),),
    ):  # fmt: skip
        assert not any(r.requires_grad for r in result)


@pytest.mark.parametrize("vectorize", [False, True])
def test_create_graph(vectorize):
    x = _random(3).requires_grad_()
    AF.jacobian(lambda x: x**3, x, create_graph=True, vectorize=vectorize).sum().backward()
    assert_close(x.grad, 6 * x.detach())
    x.grad = None
    hessian = AF.hessian(lambda x: (x**3).sum(), x, create_graph=True, vectorize=vectorize)
    hessian.sum().backward()
    assert_close(x.grad, wg.full_like(x.detach(), 6))
    for product in (AF.hvp, AF.vhp):
        x.grad = None
        product(lambda x: (x**4).sum(), x, x, create_graph=True)[1].sum().backward()
        assert_close(x.grad, 36 * x.detach() ** 2)
    x.grad = None
    AF.vjp(lambda x: x**3, x, x, create_graph=True)[1].sum().backward()
    assert_close(x.grad, 9 * x.detach() ** 2)
    x.grad = None
    AF.jvp(lambda x: x**3, x, x, create_graph=True)[1].sum().backward()
    assert_close(x.grad, 9 * x.detach() ** 2)


def test_what_the_function_uses_besides_its_arguments_is_constant():
    x = _random(3).requires_grad_()
    assert_close(AF.jacobian(lambda y: x * y, x), wg.diag(x.detach()))
    assert_close(AF.vjp(lambda y: (x * y).sum(), x)[1], x.detach())


def test_without_recording_outside():
    x = _random(3)
    with wg.no_grad():
        assert_close(AF.jacobian(wg.sin, x), wg.diag(x.cos()))
        assert_close(AF.hvp(lambda x: (x**3).sum(), x, x)[1], 6 * x * x)
        assert not wg.is_grad_enabled()


def test_grad_of_inputs_is_untouched():
    x = _random(3).requires_grad_()
    AF.hessian(lambda x: (x**3).sum(), x)
    assert x.grad is None
