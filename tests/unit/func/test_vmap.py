"""vmap itself: dimensions, trees, randomness, writes in place, what it refuses, nesting."""

import pytest

import wengert as wg
from wengert import nn
from wengert.func import grad, jacrev, jvp, vmap
from wengert.testing import assert_close

t = wg.tensor


def _random(*shape, **options):
    return wg.randn(*shape, dtype=wg.float64, **options)


# ---- dimensions and trees ----


def test_samples_have_no_batch():
    seen = []

    def f(x):
        seen.append((tuple(x.shape), x.ndim, x.dtype, x.stride(), x.numel(), len(x)))
        return x * 2

    x = _random(5, 3, 2)
    assert_close(vmap(f)(x), x * 2)
    assert seen == [((3, 2), 2, wg.float64, (2, 1), 6, 3)]


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -3])
def test_in_dims_and_out_dims(dim):
    x = _random(2, 3, 4)
    rows = x.movedim(dim, 0)
    assert_close(vmap(lambda x: x.sum(0), in_dims=dim)(x), rows.sum(1))
    assert_close(vmap(lambda x: x.sin(), in_dims=dim, out_dims=dim)(x), x.sin())
    for out in (0, 1, -1, -2):
        found = vmap(lambda x: x.sum(0), in_dims=dim, out_dims=out)(x)
        assert_close(found, rows.sum(1).movedim(0, out))


def test_none_leaves_an_input_as_it_is():
    x, y = _random(3, 2), _random(2)
    assert_close(vmap(wg.mul, in_dims=(0, None))(x, y), x * y)
    assert_close(vmap(wg.mul, in_dims=(None, 0))(y, x), x * y)
    assert_close(vmap(lambda x, c: x * c, in_dims=(0, None))(x, 3), x * 3)


def test_trees():
    x, y = _random(3, 2), _random(2, 3)

    def f(tree, scale):
        return {"sum": tree["a"][0] + tree["a"][1], "scaled": (scale * tree["a"][0],)}

    found = vmap(f, in_dims=({"a": (0, 1)}, None))({"a": (x, y)}, 2.0)
    assert_close(found, {"sum": x + y.t(), "scaled": (2 * x,)})
    found = vmap(f, in_dims=({"a": (0, 1)}, None), out_dims={"sum": 1, "scaled": (0,)})(
        {"a": (x, y)}, 2.0
    )
    assert_close(found, {"sum": (x + y.t()).t(), "scaled": (2 * x,)})


def test_keywords_are_mapped_over_dimension_0():
    x, y = _random(3, 2), _random(3, 2)
    assert_close(vmap(lambda x, *, y: x * y)(x, y=y), x * y)


def test_results_that_do_not_depend_on_the_batch():
    x, c = _random(3, 2), _random(2)
    assert_close(vmap(lambda x: c)(x), c.expand(3, 2))
    assert_close(vmap(lambda x: (x, c), out_dims=(0, None))(x), (x, c))
    assert_close(vmap(lambda x: c, out_dims=1)(x), c.expand(3, 2).t())


def test_empty_batch():
    x = wg.zeros(0, 3)
    assert tuple(vmap(lambda x: (x * 2).sum())(x).shape) == (0,)
    assert tuple(vmap(lambda x: x @ wg.ones(3, 4))(x).shape) == (0, 4)


def test_samples_without_dimensions_promote_as_alone():
    x = wg.ones(3, dtype=wg.float64)
    y = wg.ones(4, dtype=wg.float32)
    assert vmap(lambda x: x * y)(x).dtype == wg.float32
    assert vmap(lambda x: x * 2.5)(wg.ones(3, dtype=wg.int64)).dtype == wg.float32
    assert vmap(lambda x: y + x)(wg.ones(3, dtype=wg.int64)).dtype == wg.float32


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 7])
def test_chunks(chunk_size):
    x, y = _random(5, 3), _random(3, 5)
    calls = []

    def f(x, y):
        calls.append(1)
        return x * y, (x * y).sum()

    found = vmap(f, in_dims=(0, 1), out_dims=(1, 0), chunk_size=chunk_size)(x, y)
    assert_close(found, ((x * y.t()).t(), (x * y.t()).sum(1)))
    assert len(calls) == -(-5 // chunk_size)


def test_the_functions_name_is_kept():
    def f(x):
        """What f does."""
        return x

    assert vmap(f).__name__ == "f"
    assert vmap(f).__doc__ == "What f does."


def test_nesting():
    x, y = _random(3, 4), _random(5, 4)
    outer = vmap(vmap(wg.dot, in_dims=(None, 0)), in_dims=(0, None))
    assert_close(outer(x, y), x @ y.t())
    z = _random(2, 3, 4)
    assert_close(vmap(vmap(lambda r: r.cumsum(0)))(z), z.cumsum(2))
    assert_close(vmap(vmap(vmap(lambda a: a.exp())))(z), z.exp())
    m = _random(2, 3, 3)
    products = vmap(lambda m: vmap(lambda r: m @ r)(m))(m)
    assert_close(products, wg.stack([wg.stack([a @ row for row in a]) for a in m]))


def test_repr():
    texts = []
    vmap(lambda x: (texts.append(repr(x)), x)[1])(t([1.0, 2.0]))
    assert texts == ["BatchedTensor(lvl=1, bdim=0, value=tensor([1., 2.]))"]


# ---- random numbers ----


def test_random_operations_are_refused_by_default():
    for f in (
        lambda x: x + wg.randn(3),
        lambda x: wg.rand_like(x),
        lambda x: nn.functional.dropout(x, 0.5),
        lambda x: x.clone().normal_(),
        lambda x: wg.bernoulli(x.abs().clamp(0, 1)),
    ):
        with pytest.raises(RuntimeError, match="called random operation while in randomness error"):
            vmap(f)(wg.ones(2, 3))


def test_same_randomness():
    x = wg.zeros(4, 1000)
    rows = vmap(lambda x: x + wg.randn(1000), randomness="same")(x)
    assert (rows == rows[0]).all()
    assert rows.std() > 0.5
    rows = vmap(lambda x: nn.functional.dropout(x + 1, 0.5), randomness="same")(x)
    assert (rows == rows[0]).all()
    assert 400 < (rows[0] == 0).sum() < 600
    rows = vmap(lambda x: x.clone().uniform_(), randomness="same")(x)
    assert (rows == rows[0]).all()


def test_different_randomness():
    x = wg.zeros(4, 1000)
    for f in (
        lambda x: x + wg.randn(1000),
        lambda x: wg.rand_like(x),
        lambda x: nn.functional.dropout(x + 1, 0.5),
        lambda x: x.clone().uniform_(),
        lambda x: x + wg.randperm(1000),
        lambda x: wg.bernoulli(x + 0.5),
    ):
        rows = vmap(f, randomness="different")(x)
        assert tuple(rows.shape) == (4, 1000)
        assert all((rows[i] != rows[j]).any() for i in range(4) for j in range(i))


def test_randomness_of_the_inner_of_two():
    def f(x):
        return vmap(lambda y: y + wg.randn(100), randomness="same")(x)

    rows = vmap(f, randomness="different")(wg.zeros(2, 3, 100))
    assert (rows[:, 0] == rows[:, 1]).all()
    assert (rows[0] != rows[1]).any()
    after = wg.randn(3)
    assert tuple(after.shape) == (3,)


def test_parameters_of_draws_broadcast_as_those_of_a_sample():
    mean, std = wg.zeros(3, 3), wg.tensor([0.0, 0.0, 1.0])
    rows = vmap(lambda m, s: wg.normal(m, s), randomness="different")(mean, std)
    assert tuple(rows.shape) == (3, 3)
    assert (rows[:2] == 0).all()
    assert (rows[2] != 0).all()
    count = wg.tensor([[0.0, 9.0], [9.0, 0.0]])
    ones = wg.ones(2)
    rows = vmap(lambda n, p: wg.binomial(n, p), randomness="different")(count, ones)
    assert (rows == count).all()


def test_bernoulli_with_a_probability_of_each_sample():
    p = wg.tensor([[0.0, 1.0], [1.0, 0.0]])
    rows = vmap(lambda p: wg.full_like(p, 7.0).bernoulli_(p), randomness="different")(p)
    assert (rows == p).all()
    rows = vmap(lambda x, q: wg.zeros_like(x).bernoulli_(q), (0, 0), randomness="different")(
        wg.zeros(2, 5), wg.tensor([0.0, 1.0])
    )
    assert (rows == wg.tensor([[0.0], [1.0]])).all()
    shared = vmap(lambda x: x.clone().bernoulli_(p[0]), randomness="same")(wg.zeros(3, 2))
    assert (shared == p[0]).all()
    value, slope = wg.func.jvp(lambda p: p.clone().bernoulli_(p), (p,), (wg.ones(2, 2),))
    assert (value == p).all()
    assert (slope == 0).all()


def test_an_index_of_each_sample_is_a_number():
    x, i = wg.arange(6.0).reshape(2, 3), wg.tensor([0, 2])
    assert vmap(lambda x, i: x[i])(x, i).tolist() == [0.0, 5.0]
    assert vmap(lambda i: x[:, i])(i).tolist() == [[0.0, 3.0], [2.0, 5.0]]

    def written(x, i):
        y = x.clone()
        y[i] = -1.0
        return y

    assert vmap(written)(x, i).tolist() == [[-1.0, 1.0, 2.0], [3.0, 4.0, -1.0]]


# ---- writes in place ----


def test_writes_to_samples():
    x = _random(3, 4)

    def f(x):
        y = x.clone()
        y[0] = 7
        y[1:3] *= 2
        y.sin_()
        y[3] = x[0]
        return y

    expected = x.clone()
    expected[:, 0] = 7
    expected[:, 1:3] *= 2
    expected.sin_()
    expected[:, 3] = x[:, 0]
    assert_close(vmap(f)(x), expected)


def test_writes_reach_the_input():
    x = _random(3, 4)
    before = x.clone()
    vmap(lambda x: x.mul_(2))(x)
    assert_close(x, before * 2)


def test_writes_to_new_tensors_like_a_sample():
    x = _random(3, 4)

    def f(x):
        y = x.new_zeros(2, 4)
        y[0] = x
        y[1].add_(x * x)
        z = wg.zeros_like(x)
        z.copy_(x)
        return y, z

    assert_close(vmap(f)(x), (wg.stack([x, x * x], 1), x))


def test_writes_to_what_is_not_mapped():
    x, y = _random(3, 4), _random(4)
    for write in (
        lambda x: y.add_(x),
        lambda x: y.copy_(x),
        lambda x: y.__setitem__(0, x[0]),
        lambda x: wg.zeros(4).mul_(x),
    ):
        with pytest.raises(RuntimeError, match="vmap: inplace arithmetic.*is not possible because"):
            vmap(lambda x, write=write: (write(x), x)[1])(x)


def test_a_write_that_is_the_same_for_all():
    x, y = _random(3, 4), wg.zeros(4, dtype=wg.float64)
    assert_close(vmap(lambda x: x + y.add_(1))(x), x + 1)
    assert_close(y, wg.ones(4, dtype=wg.float64))


# ---- what it refuses ----


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda x: x.sum().item(), "calling .item\\(\\) on a Tensor"),
        (lambda x: float(x.sum()), "calling .item\\(\\) on a Tensor"),
        (lambda x: bool(x.sum() > 0), "data-dependent control flow"),
        (lambda x: x.tolist(), "calling .tolist\\(\\)"),
        (lambda x: x.nonzero(), "can output dynamic shape"),
        (lambda x: x[x > 0], "can output dynamic shape"),
        (lambda x: wg.unique(x), "can output dynamic shape"),
        (lambda x: x.masked_select(x > 0), "can output dynamic shape"),
        (lambda x: x.numpy(), "inside of vmap"),
        (lambda x: x.data_ptr(), "inside of vmap"),
    ],
)
def test_what_depends_on_values(ask, text):
    with pytest.raises((RuntimeError, NotImplementedError), match=text):
        vmap(lambda x: (ask(x), x)[1])(wg.ones(2, 3))


def test_escaped_samples():
    kept = []
    vmap(lambda x: (kept.append(x), x)[1])(wg.ones(2, 3))
    for use in (lambda: kept[0] + 1, lambda: kept[0].sum(), lambda: kept[0].tolist()):
        with pytest.raises(RuntimeError, match="outside of the vmap that it belongs to"):
            use()


def test_the_level_ends_with_an_error():
    def fail(x):
        raise KeyError("no")

    with pytest.raises(KeyError):
        vmap(fail)(wg.ones(2))
    assert_close(vmap(lambda x: x + 1)(wg.ones(2)), wg.ones(2) + 1)
    assert wg.randn(2).shape == (2,)


# ---- with derivatives ----


def test_gradients_of_shared_weights_per_sample():
    w, x = _random(4, 3), _random(5, 3)
    found = vmap(grad(lambda w, x: (w @ x).sin().sum()), in_dims=(None, 0))(w, x)
    expected = wg.stack([(w @ row).cos()[:, None] * row for row in x])
    assert_close(found, expected)


def test_a_closure_over_what_requires_grad():
    w = _random(3, requires_grad=True)
    x = _random(4, 3)
    vmap(lambda x: (w * x).sum())(x).sum().backward()
    assert_close(w.grad, x.sum(0))


def test_backward_inside_is_refused_for_what_is_outside():
    w = _random(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"backward\(\) called inside of vmap"):
        vmap(lambda g: (w.backward(g), g)[1])(_random(2, 3))


def test_autograd_inside_of_vmap():
    def f(x):
        x = x.detach().requires_grad_()
        (g,) = wg.autograd.grad((x**3).sum(), x)
        return g

    x = _random(4, 2)
    assert_close(vmap(f)(x), 3 * x**2)


def test_no_grad_around_vmap_of_grad():
    w = _random(3, requires_grad=True)
    x = _random(4, 3)
    with wg.no_grad():
        found = vmap(grad(lambda x: (w * x * x).sum()))(x)
    assert not found.requires_grad
    assert_close(found, 2 * w.detach() * x)


def test_in_place_and_gradients():
    x = _random(3, 4)

    def f(x):
        y = x * 1
        y[0] = y[1] * 2
        y[2:].exp_()
        return (y * y).sum()

    expected = wg.stack([grad(f)(row) for row in x])
    assert_close(vmap(grad(f))(x), expected)
    assert_close(grad(lambda x: vmap(f)(x).sum())(x), expected)


def test_is_grads_batched():
    x = _random(3, requires_grad=True)
    y = x.sin()
    g = _random(5, 3)
    (found,) = wg.autograd.grad(y, x, g, is_grads_batched=True, retain_graph=True)
    assert_close(found, g * x.detach().cos())
    z = _random(2, requires_grad=True)
    one, two = wg.autograd.grad(y, (x, z), g, is_grads_batched=True, allow_unused=True)
    assert two is None
    assert_close(one, found)


def test_jacobian_in_a_batch():
    w = _random(2, 3)
    x = _random(4, 3)
    assert_close(vmap(jacrev(lambda x: w @ x))(x), w.expand(4, 2, 3))


def test_tangents_in_a_batch():
    x, v = _random(4, 3), _random(4, 3)
    value, slope = vmap(lambda x, v: jvp(lambda x: x.sin() * x[0], (x,), (v,)))(x, v)
    assert_close(value, x.sin() * x[:, :1])
    assert_close(slope, x.cos() * v * x[:, :1] + x.sin() * v[:, :1])


def test_modules_in_training():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False)).double()
    x = _random(2, 5, 3)
    assert_close(vmap(model)(x), wg.stack([model(batch) for batch in x]))
    tracked = nn.BatchNorm1d(3).double()
    with pytest.raises(RuntimeError, match="Batch norm got a batched tensor as input while the"):
        vmap(tracked)(x)


def test_vmap_is_in_the_flat_namespace():
    assert wg.vmap is vmap


def test_masks():
    x = _random(4, 3)

    def f(x):
        y = x.clone()
        y[x > 0] = 7
        return wg.where(x > 0.5, x, 0), y, x.masked_fill(x < 0, 1)

    filled = x.clone()
    filled[x > 0] = 7
    assert_close(vmap(f)(x), (wg.where(x > 0.5, x, 0), filled, x.masked_fill(x < 0, 1)))


def test_tensor_of_a_sample_is_a_copy():
    x = _random(3, 2)
    assert_close(vmap(lambda x: wg.stack([x, x]).detach().clone())(x), wg.stack([x, x], 1))
