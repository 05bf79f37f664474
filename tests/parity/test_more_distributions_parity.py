"""The rarer distributions, transforms, registries and divergences agree with PyTorch's."""

import math
import warnings

import pytest
import scipy.special
import scipy.stats

import wengert as wg
from wengert import distributions as ours

torch = pytest.importorskip("torch")
theirs = torch.distributions

A = [0.5, 1.5, 3.0]
B = [2.0, 0.7, 1.2]
R = [-1.0, 0.3, 2.0]
TRIL = [[1.0, 0.0, 0.0], [0.5, 2.0, 0.0], [-0.3, 0.4, 0.7]]
COV = [[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 1.5]]
W = [[0.5, -1.0], [0.3, 2.0], [1.0, 0.2]]


def _ours(values):
    return wg.tensor(values, dtype=wg.float64)


def _theirs(values):
    return torch.tensor(values, dtype=torch.float64)


def _same(a, b, rel=1e-8):
    assert tuple(a.shape) == tuple(b.shape)
    found, expected = a.reshape(-1).tolist(), b.reshape(-1).tolist()
    assert found == pytest.approx(expected, rel=rel, abs=1e-10, nan_ok=True)


def test_every_name_is_there():
    for module in ("", ".transforms", ".constraints"):
        theirs_, ours_ = theirs, ours
        if module:
            theirs_, ours_ = getattr(theirs, module[1:]), getattr(ours, module[1:])
        assert not [name for name in theirs_.__all__ if not hasattr(ours_, name)]


def test_von_mises():
    """Against SciPy: PyTorch approximates the Bessel functions to eight digits."""
    loc, k = [-1.0, 0.3, 2.0, 1.0], [0.01, 1.5, 30.0, 1e5]
    p = ours.VonMises(_ours(loc), _ours(k))
    q = scipy.stats.vonmises(k, loc)
    x = [[-3.0, 0.2, 1.9, 1.0], [2.5, -2.0, 2.3, 1.001]]
    _same(p.log_prob(_ours(x)), q.logpdf(x), rel=1e-6)
    ratio = scipy.special.ive(1, k) / scipy.special.ive(0, k)
    _same(p.variance, 1 - ratio, rel=1e-7)
    _same(p.mean, _ours(loc))
    wg.manual_seed(0)
    drawn = p.sample((20000,))
    assert float(drawn.abs().max()) <= math.pi
    cosine = (drawn - _ours(loc)).cos().mean(0)
    assert cosine.tolist() == pytest.approx(ratio.tolist(), abs=0.02)
    assert (drawn - _ours(loc)).sin().mean(0).tolist() == pytest.approx([0] * 4, abs=0.02)


def test_gradient_of_von_mises():
    k = wg.tensor([0.5, 4.0], dtype=wg.float64, requires_grad=True)
    ours.VonMises(wg.zeros(2, dtype=wg.float64), k).log_prob(_ours([0.3, -0.2])).sum().backward()
    value = [0.5, 4.0]
    expected = [
        math.cos(x) - scipy.special.ive(1, c) / scipy.special.ive(0, c)
        for x, c in zip([0.3, -0.2], value, strict=True)
    ]
    assert k.grad.tolist() == pytest.approx(expected, rel=1e-9)


def test_generalized_pareto():
    """Against SciPy: PyTorch's does not run in float64."""
    shape = [-0.5, 0.0, 0.3]
    p = ours.GeneralizedPareto(_ours(R), _ours(A), _ours(shape))
    q = scipy.stats.genpareto(shape, R, A)
    x = [[-0.9, 0.4, 3.0], [-0.5, 2.0, 7.0]]
    _same(p.log_prob(_ours(x)), q.logpdf(x))
    _same(p.cdf(_ours(x)), q.cdf(x))
    _same(p.log_cdf(_ours(x)), q.logcdf(x))
    _same(p.log_survival_function(_ours(x)), q.logsf(x))
    _same(p.icdf(_ours([[0.1, 0.5, 0.9]])), q.ppf([[0.1, 0.5, 0.9]]))
    _same(p.mean, q.mean())
    _same(p.variance, q.var())
    _same(p.entropy(), q.entropy())
    assert bool(p.support.check(p.sample((50,))).all())
    with pytest.raises(ValueError, match="within the support"):
        p.log_prob(_ours([1.0, 0.4, 3.0]))  # the first ends at 0
    assert p.expand((4, 3)).log_prob(_ours(x[0])).shape == (4, 3)


def test_wishart_and_its_gradient():
    leaf = wg.tensor(TRIL, dtype=wg.float64, requires_grad=True)
    other = torch.tensor(TRIL, dtype=torch.float64, requires_grad=True)
    ours.Wishart(4.5, scale_tril=leaf).log_prob(_ours(COV)).backward()
    theirs.Wishart(4.5, scale_tril=other).log_prob(_theirs(COV)).backward()
    # PyTorch counts entries above the diagonal that the factor does not have.
    _same(leaf.grad, other.grad.tril())
    wg.manual_seed(1)
    p = ours.Wishart(5.0, _ours(COV))
    drawn = p.rsample((4000,))
    error = (drawn.mean(0) - p.mean).abs() / p.stddev
    assert float(error.max()) < 0.08
    with pytest.warns(UserWarning, match="Low df values"):
        ours.Wishart(2.5, _ours(COV))
    with pytest.raises(ValueError, match="greater than ndim - 1 = 2"):
        ours.Wishart(2.0, _ours(COV))
    with pytest.raises(AssertionError, match="Exactly one of covariance_matrix"):
        ours.Wishart(4.0)
    one = ours.Wishart(wg.tensor([4.0, 5.0]), wg.eye(3))
    assert one.sample((2,)).shape == (2, 2, 3, 3)
    assert one.expand((5, 2)).rsample().shape == (5, 2, 3, 3)


def test_draws_of_correlations():
    """The correlation of 2 x 2 matrices is a beta number, stretched."""
    wg.manual_seed(2)
    factor = ours.LKJCholesky(2, 3.0).sample((20000,))
    correlation = factor[:, 1, 0]
    # (1 + r) / 2 is Beta(eta, eta), of variance 1 / (4 (2 eta + 1))
    assert correlation.mean().item() == pytest.approx(0, abs=0.01)
    assert correlation.var().item() == pytest.approx(1 / 7, rel=0.05)
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        ours.LKJCholesky(1)


def test_low_rank_matrices_and_texts():
    make = PAIRS["low rank"][0]
    p, q = make(ours, _ours), make(theirs, _theirs)
    for name in ("covariance_matrix", "precision_matrix", "scale_tril", "cov_factor", "cov_diag"):
        _same(getattr(p, name), getattr(q, name))
    for arguments in (
        ([1.0, 2.0], W, B), (R, A, B), (R, W, [1.0]), ([R, R], [W, W, W], B), (1.0, W, B)
    ):  # fmt: skip
        with pytest.raises(ValueError) as mine:
            ours.LowRankMultivariateNormal(*map(_ours, arguments))
        with pytest.raises(ValueError) as other:
            theirs.LowRankMultivariateNormal(*map(_theirs, arguments))
        assert str(mine.value) == str(other.value).replace("torch.", "wengert.")


def test_continuous_bernoulli_near_one_half():
    """The series and the closed forms meet."""
    for edge in (0.48, 0.52):
        inside = ours.ContinuousBernoulli(_ours(edge), lims=(0.4, 0.6))
        outside = ours.ContinuousBernoulli(_ours(edge), lims=(0.5, 0.5))
        for what in (lambda p: p.mean, lambda p: p.variance, lambda p: p.entropy()):
            assert what(inside).item() == pytest.approx(what(outside).item(), abs=1e-8)
        assert inside.log_prob(_ours(0.3)).item() == pytest.approx(
            outside.log_prob(_ours(0.3)).item(), abs=1e-9
        )
    with pytest.raises(ValueError, match="The parameter probs has invalid values"):
        ours.ContinuousBernoulli(1.5, validate_args=True)


PAIRS = {
    "Wishart": (
        lambda d, t: d.Wishart(t(4.5), t(COV)),
        lambda d, t: d.Wishart(t(6.0), scale_tril=t(TRIL)),
    ),
    "low rank": (
        lambda d, t: d.LowRankMultivariateNormal(t([R, A]), t(W), t(B)),
        lambda d, t: d.LowRankMultivariateNormal(t(B), t(W) * 0.5, t(A)),
    ),
    "low rank, full": (
        lambda d, t: d.LowRankMultivariateNormal(t([R, A]), t(W), t(B)),
        lambda d, t: d.MultivariateNormal(t(A), t(COV)),
    ),
    "full, low rank": (
        lambda d, t: d.MultivariateNormal(t(A), t(COV)),
        lambda d, t: d.LowRankMultivariateNormal(t([R, A]), t(W), t(B)),
    ),
    "Beta, ContinuousBernoulli": (
        lambda d, t: d.Beta(t(A), t(B)),
        lambda d, t: d.ContinuousBernoulli(t([0.2, 0.5, 0.7])),
    ),
    "ContinuousBernoulli": (
        lambda d, t: d.ContinuousBernoulli(t([0.2, 0.5, 0.7])),
        lambda d, t: d.ContinuousBernoulli(t([0.4, 0.3, 0.9])),
    ),
    "ContinuousBernoulli, Exponential": (
        lambda d, t: d.ContinuousBernoulli(t([0.2, 0.5, 0.7])),
        lambda d, t: d.Exponential(t(A)),
    ),
    "ContinuousBernoulli, Normal": (
        lambda d, t: d.ContinuousBernoulli(t([0.2, 0.5, 0.7])),
        lambda d, t: d.Normal(t(R), t(A)),
    ),
    "Pareto, Exponential": (
        lambda d, t: d.Pareto(t(A), t([0.5, 1.5, 3.0])),
        lambda d, t: d.Exponential(t(B)),
    ),
    "Pareto, Gamma": (
        lambda d, t: d.Pareto(t(A), t([0.5, 1.5, 3.0])),
        lambda d, t: d.Gamma(t(B), t(A)),
    ),
    "Pareto, Normal": (
        lambda d, t: d.Pareto(t(A), t([0.5, 2.5, 3.0])),
        lambda d, t: d.Normal(t(R), t(A)),
    ),
    "Uniform, Pareto": (
        lambda d, t: d.Uniform(t(A), t(A) + t(B)),
        lambda d, t: d.Pareto(t([0.4, 1.6, 2.0]), t(B)),
    ),
    "Uniform, ContinuousBernoulli": (
        lambda d, t: d.Uniform(t([0.1, 0.2, -0.5]), t([0.5, 0.9, 0.9])),
        lambda d, t: d.ContinuousBernoulli(t([0.2, 0.5, 0.7])),
    ),
    "Normal, Pareto": (
        lambda d, t: d.Normal(t(R), t(A)),
        lambda d, t: d.Pareto(t(A), t(B)),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_divergences(name):
    first, second = PAIRS[name]
    mine = ours.kl_divergence(first(ours, _ours), second(ours, _ours))
    _same(mine, theirs.kl_divergence(first(theirs, _theirs), second(theirs, _theirs)))


def test_divergence_from_a_uniform_distribution():
    """PyTorch gives infinity where the uniform distribution covers all of [0, 1] as well."""
    p, q = ours.Beta(_ours(2.0), _ours(3.0)), ours.Uniform(_ours(0.0), _ours(1.0))
    assert ours.kl_divergence(p, q).item() == pytest.approx(-p.entropy().item())
    part = ours.Uniform(_ours(0.1), _ours(1.0))
    assert ours.kl_divergence(p, part).item() == math.inf


def test_every_registered_pair_has_a_rule():
    from torch.distributions import kl as reference

    from wengert.distributions import kl

    names = {(p.__name__, q.__name__) for p, q in kl._rules}
    missing = {(p.__name__, q.__name__) for p, q in reference._KL_REGISTRY} - names
    assert not missing


@pytest.mark.parametrize(
    "make",
    [
        lambda d, t: d.Normal(t(R), t(A)),
        lambda d, t: d.Gamma(t(A), t(B)),
        lambda d, t: d.Exponential(t(A)),
        lambda d, t: d.Beta(t(A), t(B)),
        lambda d, t: d.Dirichlet(t([A, B])),
        lambda d, t: d.Bernoulli(t([0.2, 0.5, 0.9])),
        lambda d, t: d.ContinuousBernoulli(t([0.2, 0.5, 0.9])),
        lambda d, t: d.Wishart(t(4.5), t(COV)),
    ],
)
def test_exponential_families(make):
    """The entropy by differentiation is the closed one, and so is the divergence."""
    p, q = make(ours, _ours), make(theirs, _theirs)
    assert isinstance(p, ours.ExponentialFamily)
    _same(ours.ExponentialFamily.entropy(p), q.entropy(), rel=1e-7)
    rule = ours.kl._rules[ours.ExponentialFamily, ours.ExponentialFamily]
    assert rule(p, p).abs().max().item() < 1e-9
    for mine, other in zip(p._natural_params, q._natural_params, strict=True):
        assert sorted(mine.shape) == sorted(other.shape)
    with pytest.raises(NotImplementedError, match="different exponential families"):
        ours.kl_divergence(ours.Dirichlet(_ours(A)), ours.Wishart(4.5, _ours(COV)))


TRANSFORMS = {
    "corr": (lambda d, t: d.transforms.CorrCholeskyTransform(), [[0.3, -1.2, 0.8], [2.0, 0.1, -3]]),
    "cdf": (lambda d, t: d.transforms.CumulativeDistributionTransform(d.Normal(t(R), t(A))), [R]),
    "cat": (
        lambda d, t: d.transforms.CatTransform(
            [d.transforms.ExpTransform(), d.transforms.AffineTransform(1.0, 2.0)], 1, [1, 2]
        ),
        [R, A],
    ),
    "cat of vectors": (
        lambda d, t: d.transforms.CatTransform(
            [
                d.transforms.IndependentTransform(d.transforms.ExpTransform(), 1),
                d.transforms.IndependentTransform(d.transforms.TanhTransform(), 1),
            ],
            -1,
            [1, 2],
        ),
        [R, A],
    ),
    "stack": (
        lambda d, t: d.transforms.StackTransform(
            [d.transforms.ExpTransform(), d.transforms.TanhTransform()], 0
        ),
        [R, [0.5, 1.5, -0.2]],
    ),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(name):
    make, values = TRANSFORMS[name]
    f, g = make(ours, _ours), make(theirs, _theirs)
    x, z = _ours(values), _theirs(values)
    y, w = f(x), g(z)
    _same(y, w)
    _same(f.inv(y), z, rel=1e-6)
    _same(f.log_abs_det_jacobian(x, y), g.log_abs_det_jacobian(z, w), rel=1e-7)
    assert f.bijective == g.bijective
    assert f.domain.event_dim == g.domain.event_dim
    assert f.codomain.event_dim == g.codomain.event_dim
    assert bool(f.codomain.check(y).all())


def test_positive_definite_transform():
    x = _ours([[0.2, 5.0], [0.7, -0.4]])
    y = ours.transforms.PositiveDefiniteTransform()(x)
    _same(y, theirs.transforms.PositiveDefiniteTransform()(_theirs([[0.2, 5.0], [0.7, -0.4]])))
    back = ours.transforms.PositiveDefiniteTransform().inv(y)
    _same(back, x.tril())


def test_shapes_of_correlations():
    f = ours.transforms.CorrCholeskyTransform()
    assert f.forward_shape((5, 6)) == (5, 4, 4)
    assert f.inverse_shape((5, 4, 4)) == (5, 6)
    with pytest.raises(ValueError, match="not a flattened lower-diagonal number"):
        f.forward_shape((5,))
    with pytest.raises(ValueError, match="not square"):
        f.inverse_shape((3, 4))


def test_parts_must_be_transforms():
    with pytest.raises(AssertionError, match="must be Transform instances"):
        ours.transforms.CatTransform([1.0])
    with pytest.raises(AssertionError, match="same length as transforms"):
        ours.transforms.CatTransform([ours.transforms.ExpTransform()], lengths=[1, 2])
    with pytest.raises(AssertionError, match="must equal 1, got 2"):
        ours.transforms.StackTransform([ours.transforms.ExpTransform()])(_ours([[1.0], [2.0]]))


def test_a_cache_can_be_asked_for_later():
    plain = ours.transforms.TanhTransform()
    cached = plain.with_cache()
    x = _ours(30.0)
    assert cached.inv(cached(x)) is x
    assert plain.with_cache(0) is plain
    assert cached.inv.with_cache(1) is cached.inv


CONSTRAINTS = {
    "real": lambda c, t: c.real,
    "positive": lambda c, t: c.positive,
    "greater_than": lambda c, t: c.greater_than(t(1.5)),
    "greater_than_eq": lambda c, t: c.greater_than_eq(-2.0),
    "less_than": lambda c, t: c.less_than(t(1.5)),
    "interval": lambda c, t: c.interval(-1.0, t(2.0)),
    "unit_interval": lambda c, t: c.unit_interval,
    "half_open_interval": lambda c, t: c.half_open_interval(-3.0, 1.0),
    "real_vector": lambda c, t: c.real_vector,
    "simplex": lambda c, t: c.simplex,
    "corr_cholesky": lambda c, t: c.corr_cholesky,
    "lower_cholesky": lambda c, t: c.lower_cholesky,
    "positive_definite": lambda c, t: c.positive_definite,
    "positive_semidefinite": lambda c, t: c.positive_semidefinite,
    "cat": lambda c, t: c.cat([c.positive, c.real], 1, [1, 2]),
    "stack": lambda c, t: c.stack([c.positive, c.unit_interval, c.real], 0),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_transforms_of_constraints(name):
    make = CONSTRAINTS[name]
    values = [[0.2, 0.5, -0.3], [1.2, -0.4, 0.6], [0.3, 0.9, 1.1]]
    for registry in ("biject_to", "transform_to"):
        mine, other = make(ours.constraints, _ours), make(theirs.constraints, _theirs)
        try:
            reference = getattr(theirs, registry)(other)
        except NotImplementedError:
            with pytest.raises(NotImplementedError, match="Cannot transform"):
                getattr(ours, registry)(mine)
            continue
        found = getattr(ours, registry)(mine)(_ours(values))
        _same(found, reference(_theirs(values)))
        assert bool(mine.check(found).all())


def test_support_of_a_mixture():
    make = lambda d, t: d.MixtureSameFamily(  # noqa: E731
        d.Categorical(t([0.3, 0.7])), d.Uniform(t([0.0, 1.0]), t([2.0, 3.0]))
    )
    p, q = make(ours, _ours), make(theirs, _theirs)
    assert repr(p.support).startswith("MixtureSameFamilyConstraint(Interval")
    x = [0.5, 1.5, 2.5]
    found, expected = p.support.check(_ours(x)), q.support.check(_theirs(x))
    assert found.tolist() == expected.tolist()


def test_draws_have_gradients():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for make in (
            lambda d, t: d.Wishart(t(4.5), t(COV)),
            lambda d, t: d.LowRankMultivariateNormal(t(R), t(W), t(B)),
            lambda d, t: d.Kumaraswamy(t(A), t(B)),
            lambda d, t: d.GeneralizedPareto(t(R), t(A), t([-0.5, 0.0, 0.3])),
            lambda d, t: d.ContinuousBernoulli(t([0.2, 0.5, 0.7])),
        ):
            leaves = []

            def leaf(values, leaves=leaves):
                leaves.append(wg.tensor(values, dtype=wg.float64, requires_grad=True))
                return leaves[-1]

            make(ours, leaf).rsample((3,)).sum().backward()
            for each in leaves:
                assert bool(each.grad.isfinite().all())
                assert bool((each.grad != 0).any())
