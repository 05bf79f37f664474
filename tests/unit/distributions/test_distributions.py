"""Shapes, composed distributions, transforms, constraints, divergences, errors."""

import math

import pytest

import wengert as wg
from wengert import distributions as d
from wengert.distributions import constraints, transforms


def _t(values):
    return wg.tensor(values, dtype=wg.float64)


def test_shapes():
    p = d.Normal(wg.zeros(2, 1), wg.ones(3))
    assert (p.batch_shape, p.event_shape) == ((2, 3), ())
    assert p.sample().shape == (2, 3)
    assert p.sample((4, 5)).shape == (4, 5, 2, 3)
    assert p.log_prob(wg.zeros(4, 1, 1)).shape == (4, 2, 3)
    q = d.Independent(p, 1)
    assert (q.batch_shape, q.event_shape) == ((2,), (3,))
    assert q.log_prob(wg.zeros(5, 2, 3)).shape == (5, 2)
    assert q.entropy().shape == (2,)
    assert q.expand((7, 2)).sample().shape == (7, 2, 3)


def test_numbers_take_the_dtype_of_tensors():
    assert d.Normal(0, _t(1.0)).loc.dtype == wg.float64
    assert d.Normal(0, 1).sample().dtype == wg.float32
    assert d.Gamma(2, 1).sample((2,)).dtype == wg.float32
    with pytest.raises(ValueError, match="must all be instances of Number or Tensor, but got str"):
        d.Normal("a", 1.0)


def test_gradients_reach_the_parameters():
    logits = wg.zeros(3, requires_grad=True)
    policy = d.Categorical(logits=logits)
    (policy.log_prob(wg.tensor(1)) * 3).backward()
    assert logits.grad.tolist() == pytest.approx([-1.0, 2.0, -1.0])
    loc = wg.zeros((), requires_grad=True)
    assert not d.Normal(loc, 1.0).sample().requires_grad
    assert d.Normal(loc, 1.0).rsample().requires_grad
    assert not d.Gamma(loc.exp(), 1.0).sample().requires_grad


def test_straight_through():
    probs = wg.tensor([0.2, 0.8], requires_grad=True)
    drawn = d.OneHotCategoricalStraightThrough(probs).rsample()
    assert sorted(drawn.tolist()) == pytest.approx([0.0, 1.0], abs=1e-6)
    (drawn * wg.tensor([1.0, 0.0])).sum().backward()
    assert probs.grad.tolist() == pytest.approx([0.8, -0.2])


def test_relaxations():
    p = d.RelaxedBernoulli(wg.tensor(0.5), wg.tensor([0.2, 0.9]))
    drawn = p.rsample((4000,))
    assert bool(((drawn > 0) & (drawn < 1)).all())
    assert (drawn > 0.5).float().mean(0).tolist() == pytest.approx([0.2, 0.9], abs=0.03)
    q = d.RelaxedOneHotCategorical(wg.tensor(0.5), wg.tensor([0.2, 0.3, 0.5]))
    drawn = q.rsample((4000,))
    assert drawn.sum(-1).tolist() == pytest.approx([1.0] * 4000, abs=1e-5)
    shares = d.OneHotCategorical(probs=wg.tensor([0.2, 0.3, 0.5])).mean
    hot = wg.nn.functional.one_hot(drawn.argmax(-1), 3).float().mean(0)
    assert hot.tolist() == pytest.approx(shares.tolist(), abs=0.03)
    # A density: its integral over a grid is one.
    grid = wg.linspace(1e-3, 1 - 1e-3, 20001, dtype=wg.float64)
    density = d.RelaxedBernoulli(_t(0.7), _t(0.4)).log_prob(grid).exp()
    assert (density.mean() * (1 - 2e-3)).item() == pytest.approx(1.0, abs=0.02)


def test_transformed():
    log_normal = d.TransformedDistribution(d.Normal(_t(0.5), _t(2.0)), transforms.ExpTransform())
    other = d.LogNormal(_t(0.5), _t(2.0))
    x = _t([0.1, 1.0, 5.0])
    assert log_normal.log_prob(x).tolist() == pytest.approx(other.log_prob(x).tolist())
    assert log_normal.cdf(x).tolist() == pytest.approx(other.cdf(x).tolist())
    falling = d.TransformedDistribution(
        d.Normal(_t(0.0), _t(1.0)), transforms.AffineTransform(1.0, -2.0)
    )
    plain = d.Normal(_t(1.0), _t(2.0))
    assert falling.cdf(x).tolist() == pytest.approx(plain.cdf(x).tolist())
    levels = _t([0.1, 0.5, 0.9])
    assert falling.icdf(levels).tolist() == pytest.approx(plain.icdf(levels).tolist())
    vector = d.TransformedDistribution(
        d.Normal(wg.zeros(4), wg.ones(4)), transforms.StickBreakingTransform()
    )
    assert (vector.batch_shape, vector.event_shape) == ((), (5,))
    assert vector.sample((3,)).shape == (3, 5)
    assert vector.expand((2,)).sample().shape == (2, 5)
    with pytest.raises(ValueError, match="must be a Transform or list of Transforms"):
        d.TransformedDistribution(d.Normal(0.0, 1.0), [1])
    with pytest.raises(ValueError, match="needs to have shape with size at least 1"):
        d.TransformedDistribution(d.Normal(0.0, 1.0), transforms.StickBreakingTransform())


def test_mixtures():
    p = d.MixtureSameFamily(
        d.Categorical(_t([0.25, 0.75])), d.Normal(_t([-1.0, 2.0]), _t([0.5, 1.0]))
    )
    parts = d.Normal(_t([-1.0, 2.0]), _t([0.5, 1.0]))
    x = _t([0.0, 1.0])
    density = (parts.log_prob(x[:, None]).exp() * _t([0.25, 0.75])).sum(-1)
    assert p.log_prob(x).exp().tolist() == pytest.approx(density.tolist())
    assert p.mean.item() == pytest.approx(1.25)
    assert p.variance.item() == pytest.approx(0.25 * 0.25 + 0.75 + 0.1875 * 9)
    drawn = p.sample((20000,))
    assert drawn.mean().item() == pytest.approx(1.25, abs=0.05)
    assert drawn.var().item() == pytest.approx(p.variance.item(), rel=0.05)
    vectors = d.MixtureSameFamily(
        d.Categorical(wg.ones(3)), d.Independent(d.Normal(wg.zeros(3, 2), wg.ones(3, 2)), 1)
    )
    assert vectors.sample((5,)).shape == (5, 2)
    assert vectors.expand((4,)).log_prob(wg.zeros(2)).shape == (4,)
    with pytest.raises(ValueError, match=r"component.* \(2\) does not equal .* \(3\)"):
        d.MixtureSameFamily(d.Categorical(wg.ones(2)), d.Normal(wg.zeros(3), 1.0))
    with pytest.raises(ValueError, match="needs to be an instance of"):
        d.MixtureSameFamily(d.Normal(0.0, 1.0), d.Normal(wg.zeros(3), 1.0))


TRANSFORMS = [
    transforms.ExpTransform(),
    transforms.AffineTransform(1.0, -2.0),
    transforms.SigmoidTransform(),
    transforms.TanhTransform(),
    transforms.SoftplusTransform(),
    transforms.ComposeTransform([transforms.AffineTransform(0, 0.5), transforms.ExpTransform()]),
    transforms.ExpTransform().inv,
    transforms.PowerTransform(_t(1.7)),
]


@pytest.mark.parametrize("f", TRANSFORMS, ids=repr)
def test_transforms_of_numbers(f):
    x = _t([0.3, 0.7, 1.2]).requires_grad_()
    y = f(x)
    assert f.inv(y).tolist() == pytest.approx(x.tolist())
    assert f.inv.inv is f
    (slope,) = wg.autograd.grad(y.sum(), x)
    assert f.log_abs_det_jacobian(x, y).tolist() == pytest.approx(slope.abs().log().tolist())
    assert int(f.sign) == int(slope[0].sign())
    assert bool(f.codomain.check(y).all())
    assert f == f
    assert f != transforms.AbsTransform()


def test_transforms_of_vectors():
    f = transforms.StickBreakingTransform()
    x = _t([0.3, -0.7, 1.2])
    y = f(x)
    assert y.sum().item() == pytest.approx(1.0)
    assert f.inv(y).tolist() == pytest.approx(x.tolist())
    jacobian = wg.autograd.functional.jacobian(lambda v: f(v)[:-1], x)
    assert f.log_abs_det_jacobian(x, y).item() == pytest.approx(
        wg.linalg.det(jacobian).abs().log().item()
    )
    g = transforms.LowerCholeskyTransform()
    m = _t([[0.1, 9.0], [0.5, -0.2]])
    assert bool(constraints.lower_cholesky.check(g(m)))
    assert g.inv(g(m)).flatten().tolist() == pytest.approx(m.tril().flatten().tolist())
    shape = transforms.ReshapeTransform((2, 3), (6,))
    assert shape(wg.zeros(4, 2, 3)).shape == (4, 6)
    with pytest.raises(ValueError, match="different numbers of elements"):
        transforms.ReshapeTransform((2,), (3,))


def test_a_cache_makes_inverses_exact():
    f = transforms.TanhTransform(cache_size=1)
    x = wg.tensor([9.5, 12.0])
    assert f.inv(f(x)) is x
    assert not bool(transforms.TanhTransform().inv(f(x)).isfinite().all())


def test_constraints():
    c = constraints
    x = _t([-1.0, 0.0, 0.5, 1.0, 2.0, math.nan])
    for constraint, expected in [
        (c.real, [1, 1, 1, 1, 1, 0]),
        (c.positive, [0, 0, 1, 1, 1, 0]),
        (c.nonnegative, [0, 1, 1, 1, 1, 0]),
        (c.unit_interval, [0, 1, 1, 1, 0, 0]),
        (c.interval(-1.0, 0.5), [1, 1, 1, 0, 0, 0]),
        (c.half_open_interval(-1.0, 0.5), [1, 1, 0, 0, 0, 0]),
        (c.less_than(0.5), [1, 1, 0, 0, 0, 0]),
        (c.greater_than(0.5), [0, 0, 0, 1, 1, 0]),
        (c.boolean, [0, 1, 0, 1, 0, 0]),
        (c.nonnegative_integer, [0, 1, 0, 1, 1, 0]),
        (c.positive_integer, [0, 0, 0, 1, 1, 0]),
        (c.integer_interval(0, 1), [0, 1, 0, 1, 0, 0]),
    ]:
        assert constraint.check(x).tolist() == [bool(e) for e in expected], constraint
    assert c.simplex.check(_t([[0.5, 0.5], [0.5, 0.6], [1.5, -0.5]])).tolist() == [
        True, False, False,
    ]  # fmt: skip
    assert c.one_hot.check(_t([[0.0, 1.0], [1.0, 1.0]])).tolist() == [True, False]
    assert c.multinomial(3).check(_t([[1.0, 2.0], [3.0, 1.0]])).tolist() == [True, False]
    eye = wg.eye(2, dtype=wg.float64)
    assert bool(c.positive_definite.check(eye))
    assert not bool(c.positive_definite.check(-eye))
    assert not bool(c.positive_definite.check(_t([[1.0, 0.5], [0.0, 1.0]])))
    assert bool(c.positive_semidefinite.check(eye * 0))
    assert bool(c.lower_cholesky.check(eye))
    assert not bool(c.lower_cholesky.check(-eye))
    assert bool(c.corr_cholesky.check(eye))
    assert not bool(c.corr_cholesky.check(2 * eye))
    assert not bool(c.square.check(wg.zeros(2, 3)))
    assert c.independent(c.positive, 1).check(_t([[1.0, 2.0], [1.0, -1.0]])).tolist() == [
        True, False,
    ]  # fmt: skip
    both = c.stack([c.positive, c.real])
    assert both.check(_t([-1.0, -1.0])).tolist() == [False, True]
    assert repr(c.greater_than(1.0)) == "GreaterThan(lower_bound=1.0)"
    assert repr(c.interval(0, 2)) == "Interval(lower_bound=0, upper_bound=2)"
    with pytest.raises(ValueError, match="dependent constraint"):
        c.dependent.check(x)


@pytest.mark.parametrize(
    "constraint",
    [
        constraints.real,
        constraints.positive,
        constraints.greater_than(2.0),
        constraints.less_than(-1.0),
        constraints.unit_interval,
        constraints.interval(-2.0, 5.0),
        constraints.simplex,
        constraints.lower_cholesky,
        constraints.independent(constraints.positive, 1),
    ],
    ids=repr,
)
def test_unconstrained_parameters(constraint):
    x = wg.randn(3, 3, dtype=wg.float64)
    assert bool(constraint.check(d.transform_to(constraint)(x)).all())
    if constraint is not constraints.lower_cholesky:
        y = d.biject_to(constraint)(x)
        assert bool(constraint.check(y).all())
        assert d.biject_to(constraint).inv(y).reshape(-1).tolist() == pytest.approx(
            x.reshape(-1).tolist()
        )


def test_no_transform_leads_there():
    with pytest.raises(NotImplementedError, match="Cannot transform _Boolean constraints"):
        d.transform_to(constraints.boolean)


PAIRS = [
    (d.Normal(_t(0.5), _t(1.5)), d.Normal(_t(-0.3), _t(0.8))),
    (d.Laplace(_t(0.5), _t(1.5)), d.Laplace(_t(-0.3), _t(0.8))),
    (d.Gumbel(_t(0.5), _t(0.6)), d.Gumbel(_t(-0.3), _t(0.9))),
    (d.Cauchy(_t(0.5), _t(1.5)), d.Cauchy(_t(-0.3), _t(0.8))),
    (d.Gamma(_t(2.0), _t(1.5)), d.Gamma(_t(1.2), _t(0.8))),
    (d.Exponential(_t(2.0)), d.Exponential(_t(0.7))),
    (d.Beta(_t(2.0), _t(3.0)), d.Beta(_t(1.0), _t(1.5))),
    (d.Uniform(_t(0.2), _t(0.8)), d.Uniform(_t(0.0), _t(1.0))),
    (d.HalfNormal(_t(0.7)), d.HalfNormal(_t(1.2))),
    (d.LogNormal(_t(0.5), _t(0.5)), d.LogNormal(_t(0.1), _t(0.8))),
    (d.Bernoulli(_t(0.3)), d.Bernoulli(_t(0.6))),
    (d.Binomial(4, _t(0.3)), d.Binomial(4, _t(0.6))),
    (d.Geometric(_t(0.3)), d.Geometric(_t(0.6))),
    (d.Poisson(_t(2.0)), d.Poisson(_t(3.0))),
    (d.Categorical(_t([0.2, 0.8])), d.Categorical(_t([0.6, 0.4]))),
    (d.Dirichlet(_t([2.0, 3.0])), d.Dirichlet(_t([1.0, 1.5]))),
    (d.Exponential(_t(2.0)), d.Gamma(_t(1.2), _t(0.8))),
    (d.Exponential(_t(2.0)), d.Gumbel(_t(0.3), _t(0.8))),
    (d.Exponential(_t(2.0)), d.Normal(_t(0.3), _t(0.8))),
    (d.Gamma(_t(2.0), _t(1.5)), d.Exponential(_t(0.8))),
    (d.Gamma(_t(2.0), _t(1.5)), d.Gumbel(_t(0.3), _t(0.8))),
    (d.Gamma(_t(2.0), _t(1.5)), d.Normal(_t(0.3), _t(0.8))),
    (d.Beta(_t(2.0), _t(3.0)), d.Gamma(_t(1.2), _t(0.8))),
    (d.Beta(_t(2.0), _t(3.0)), d.Exponential(_t(0.8))),
    (d.Beta(_t(2.0), _t(3.0)), d.Normal(_t(0.3), _t(0.8))),
    (d.Laplace(_t(0.5), _t(0.6)), d.Normal(_t(0.3), _t(0.8))),
    (d.Gumbel(_t(0.5), _t(0.6)), d.Normal(_t(0.3), _t(0.8))),
    (d.Normal(_t(0.5), _t(0.6)), d.Gumbel(_t(0.3), _t(0.8))),
    (d.Normal(_t(0.5), _t(0.6)), d.Laplace(_t(0.3), _t(0.8))),
    (d.Uniform(_t(0.2), _t(0.8)), d.Normal(_t(0.3), _t(0.8))),
    (d.Uniform(_t(0.2), _t(0.8)), d.Gumbel(_t(0.3), _t(0.8))),
    (d.Uniform(_t(0.2), _t(0.8)), d.Exponential(_t(0.8))),
    (d.Uniform(_t(0.2), _t(0.8)), d.Gamma(_t(1.2), _t(0.8))),
    (d.Uniform(_t(0.2), _t(0.8)), d.Beta(_t(1.2), _t(0.8))),
    (
        d.MultivariateNormal(_t([0.5, 0.1]), _t([[1.0, 0.3], [0.3, 0.5]])),
        d.MultivariateNormal(_t([0.0, 0.3]), _t([[0.8, -0.1], [-0.1, 0.9]])),
    ),
]


@pytest.mark.parametrize(
    ("p", "q"), PAIRS, ids=[f"{type(p).__name__}-{type(q).__name__}" for p, q in PAIRS]
)
def test_divergences_are_means_of_the_difference_of_densities(p, q):
    x = p.sample((60000,))
    terms = p.log_prob(x) - q.log_prob(x)
    error = 5 * float(terms.std()) / math.sqrt(len(terms)) + 1e-9
    assert d.kl_divergence(p, q).item() == pytest.approx(terms.mean().item(), abs=error)
    if type(p) is type(q):
        assert d.kl_divergence(p, p).item() == pytest.approx(0.0, abs=1e-9)


def test_infinite_divergences():
    assert d.kl_divergence(d.Normal(0.0, 1.0), d.Exponential(1.0)).item() == math.inf
    assert d.kl_divergence(d.Uniform(0.0, 2.0), d.Uniform(0.0, 1.0)).item() == math.inf
    assert d.kl_divergence(d.Bernoulli(_t(0.5)), d.Bernoulli(_t(0.0))).item() == math.inf
    assert d.kl_divergence(d.Poisson(_t(2.0)), d.Bernoulli(_t(0.5))).item() == math.inf


def test_registering_divergences():
    class Mine(d.Normal):
        pass

    assert d.kl_divergence(Mine(0.0, 1.0), d.Normal(1.0, 1.0)).item() == 0.5

    @d.register_kl(Mine, d.Normal)
    def _rule(p, q):
        return wg.tensor(7.0)

    assert d.kl_divergence(Mine(0.0, 1.0), d.Normal(1.0, 1.0)).item() == 7.0
    assert d.kl_divergence(d.Normal(0.0, 1.0), Mine(1.0, 1.0)).item() == 0.5
    with pytest.raises(NotImplementedError, match="for p type Normal and q type Categorical"):
        d.kl_divergence(d.Normal(0.0, 1.0), d.Categorical(wg.ones(2)))
    with pytest.raises(TypeError, match="Expected type_p to be a Distribution subclass"):
        d.register_kl(3, d.Normal)  # any class will do, but nothing else


def test_errors():
    with pytest.raises(ValueError) as error:
        d.Normal(_t([0.0, 1.0]), _t([1.0, -1.0]))
    assert str(error.value) == (
        "Expected parameter scale (Tensor of shape (2,)) of distribution "
        "Normal(loc: wengert.Size([2]), scale: wengert.Size([2])) to satisfy the constraint "
        "GreaterThan(lower_bound=0.0), but found invalid values:\n"
        "tensor([ 1., -1.], dtype=wengert.float64)"
    )
    with pytest.raises(ValueError, match=r"within the support \(IntegerGreaterThan"):
        d.Poisson(1.0).log_prob(wg.tensor(0.5))
    with pytest.raises(ValueError, match="not broadcastable with batch_shape"):
        d.Normal(wg.zeros(2), 1.0).log_prob(wg.zeros(3))
    with pytest.raises(ValueError, match="right-most size of value must match event_shape"):
        d.Dirichlet(wg.ones(2)).log_prob(wg.ones(3) / 3)
    with pytest.raises(ValueError, match="must be a Tensor"):
        d.Normal(0.0, 1.0).log_prob(1.0)
    with pytest.raises(ValueError, match="Either `probs` or `logits` must be specified"):
        d.Bernoulli(0.5, 0.5)
    with pytest.raises(ValueError, match="Either `probs` or `logits` must be specified"):
        d.Categorical()
    with pytest.raises(ValueError, match="not defined when low>= high"):
        d.Uniform(1.0, 1.0)
    with pytest.raises(ValueError, match="at least one-dimensional"):
        d.Categorical(wg.tensor(1.0))
    with pytest.raises(ValueError, match="Exactly one of covariance_matrix"):
        d.MultivariateNormal(wg.zeros(2))
    with pytest.raises(ValueError, match="reinterpreted_batch_ndims <= "):
        d.Independent(d.Normal(0.0, 1.0), 1)
    with pytest.raises(NotImplementedError, match="Inhomogeneous total count"):
        d.Binomial(_t([1.0, 2.0]), _t(0.5)).entropy()
    with pytest.raises(NotImplementedError):
        d.Bernoulli(0.5).rsample()


def test_checks_can_be_left_out():
    p = d.Normal(_t(0.0), _t(-1.0), validate_args=False)
    assert p.scale.item() == -1.0
    assert not p.expand((2,))._validate_args
    d.Distribution.set_default_validate_args(False)
    try:
        d.Normal(_t(0.0), _t(-1.0))
    finally:
        d.Distribution.set_default_validate_args(True)


def test_modules_of_one_distribution():
    from wengert.distributions.categorical import Categorical
    from wengert.distributions.kl import kl_divergence
    from wengert.distributions.normal import Normal

    assert Normal is d.Normal
    assert Categorical is d.Categorical
    assert kl_divergence is d.kl_divergence
    assert d.log_normal.LogNormal is d.LogNormal


def test_older_habits():
    with pytest.warns(UserWarning, match="sample_n"):
        assert d.Normal(0.0, 1.0).sample_n(3).shape == (3,)
    assert repr(d.Normal(0.5, 1.0)) == "Normal(loc: 0.5, scale: 1.0)"


def test_draws_of_tiny_shapes_are_positive():
    drawn = d.Gamma(wg.full((2000,), 1e-3), 1.0).sample()
    assert bool((drawn > 0).all())
    shares = d.Dirichlet(wg.full((50, 4), 1e-3)).sample()
    assert bool(shares.isfinite().all())


@pytest.mark.parametrize("name", ["Gamma", "Beta", "Dirichlet", "StudentT", "Chi2"])
def test_draws_have_no_second_derivative_in_a_shape(name: str) -> None:
    """PyTorch has none either: it raises, or drops the term. Here it always raises."""
    wg.manual_seed(0)
    shape = wg.tensor([1.5, 3.0], requires_grad=True)
    kind = getattr(d, name)
    law = kind(shape, wg.ones(2)) if name in ("Gamma", "Beta") else kind(shape)
    (first,) = wg.autograd.grad(law.rsample().pow(2).sum(), shape, create_graph=True)
    assert first.isfinite().all()
    sentence = "the derivative for '_standard_gamma_grad' is not implemented."
    with pytest.raises(NotImplementedError, match=sentence):
        wg.autograd.grad(first.sum(), shape)


def test_a_draw_has_second_derivatives_in_its_scale() -> None:
    wg.manual_seed(0)
    rate = wg.tensor([1.0, 2.0], dtype=wg.float64, requires_grad=True)
    draw = d.Gamma(wg.ones(2, dtype=wg.float64), rate).rsample()
    (first,) = wg.autograd.grad(draw.sum(), rate, create_graph=True)
    (second,) = wg.autograd.grad(first.sum(), rate)
    assert wg.allclose(first, -draw / rate)
    assert wg.allclose(second, 2 * draw / rate**2)
