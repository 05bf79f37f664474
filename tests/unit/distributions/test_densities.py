"""Densities, moments and quantiles against SciPy."""

import numpy as np
import pytest
from scipy import stats

import wengert as wg
from wengert import distributions as d

A, B = [0.5, 1.5, 3.0], [2.0, 0.7, 1.2]
P, R = [0.1, 0.5, 0.8], [-1.0, 0.3, 2.0]
COV = [[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 1.5]]


def _t(values):
    return wg.tensor(values, dtype=wg.float64)


def _n(values):
    return np.array(values)


CONTINUOUS = {
    "Normal": (d.Normal(_t(R), _t(A)), stats.norm(R, A)),
    "LogNormal": (d.LogNormal(_t(R), _t(A)), stats.lognorm(A, scale=np.exp(R))),
    "Uniform": (d.Uniform(_t(R), _t(R) + _t(A)), stats.uniform(R, A)),
    "Laplace": (d.Laplace(_t(R), _t(A)), stats.laplace(R, A)),
    "Cauchy": (d.Cauchy(_t(R), _t(A)), stats.cauchy(R, A)),
    "HalfNormal": (d.HalfNormal(_t(A)), stats.halfnorm(scale=A)),
    "HalfCauchy": (d.HalfCauchy(_t(A)), stats.halfcauchy(scale=A)),
    "Gumbel": (d.Gumbel(_t(R), _t(A)), stats.gumbel_r(R, A)),
    "StudentT": (d.StudentT(_t([0.7, 1.7, 5.0]), _t(R), _t(A)), stats.t([0.7, 1.7, 5.0], R, A)),
    "Gamma": (d.Gamma(_t(A), _t(B)), stats.gamma(A, scale=1 / _n(B))),
    "Chi2": (d.Chi2(_t(A)), stats.chi2(A)),
    "Exponential": (d.Exponential(_t(A)), stats.expon(scale=1 / _n(A))),
    "Beta": (d.Beta(_t(A), _t(B)), stats.beta(A, B)),
}
CONTINUOUS |= {
    "Weibull": (d.Weibull(_t(A), _t([1.5, 0.7, 1.2])), stats.weibull_min([1.5, 0.7, 1.2], scale=A)),
    "Pareto": (d.Pareto(_t(A), _t([2.5, 5.0, 4.2])), stats.pareto([2.5, 5.0, 4.2], scale=A)),
    "InverseGamma": (
        d.InverseGamma(_t([2.5, 5.0, 4.2]), _t(B)),
        stats.invgamma([2.5, 5.0, 4.2], scale=B),
    ),
    "FisherSnedecor": (
        d.FisherSnedecor(_t([0.5, 3.0, 5.0]), _t([5.0, 6.0, 12.0])),
        stats.f([0.5, 3.0, 5.0], [5.0, 6.0, 12.0]),
    ),
}
DISCRETE = {
    "NegativeBinomial": (d.NegativeBinomial(_t(A), _t(P)), stats.nbinom(A, 1 - _n(P))),
    "Bernoulli": (d.Bernoulli(_t(P)), stats.bernoulli(P)),
    "Bernoulli logits": (d.Bernoulli(logits=_t(R)), stats.bernoulli(1 / (1 + np.exp(-_n(R))))),
    "Binomial": (d.Binomial(5, _t(P)), stats.binom(5, P)),
    "Geometric": (d.Geometric(_t(P)), stats.geom(P, loc=-1)),
    "Poisson": (d.Poisson(_t(A)), stats.poisson(A)),
}
ALL = {**CONTINUOUS, **DISCRETE}
LEVELS = np.array([[0.03], [0.4], [0.5], [0.9]])


@pytest.mark.parametrize("name", CONTINUOUS)
def test_densities(name):
    ours, reference = CONTINUOUS[name]
    values = reference.ppf(LEVELS)
    np.testing.assert_allclose(
        ours.log_prob(wg.tensor(values)).numpy(), reference.logpdf(values), rtol=1e-9
    )


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities(name):
    ours, reference = DISCRETE[name]
    values = reference.ppf(LEVELS)
    np.testing.assert_allclose(
        ours.log_prob(wg.tensor(values)).numpy(), reference.logpmf(values), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("name", CONTINUOUS)
def test_distribution_functions(name):
    ours, reference = CONTINUOUS[name]
    values = reference.ppf(LEVELS)
    if name in ("StudentT", "Beta", "FisherSnedecor"):
        with pytest.raises(NotImplementedError):
            ours.cdf(wg.tensor(values))
        return
    np.testing.assert_allclose(
        ours.cdf(wg.tensor(values)).numpy(), np.broadcast_to(LEVELS, values.shape), rtol=1e-9
    )
    if name in ("Gamma", "Chi2", "InverseGamma"):
        return
    levels = wg.tensor(LEVELS).expand(values.shape)
    np.testing.assert_allclose(ours.icdf(levels).numpy(), values, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", ALL)
def test_moments(name):
    ours, reference = ALL[name]
    if "Cauchy" in name:
        assert not bool(ours.mean.isfinite().any())
        assert bool((ours.variance == np.inf).all())
        return
    if name == "StudentT":  # SciPy's infinities are others
        assert ours.mean.isnan().tolist() == [True, False, False]
        assert ours.variance.tolist()[1] == np.inf
        assert ours.variance[2].item() == pytest.approx(stats.t(5, 2.0, 3.0).var())
        return
    np.testing.assert_allclose(ours.mean.numpy(), reference.mean(), rtol=1e-9)
    np.testing.assert_allclose(ours.variance.numpy(), reference.var(), rtol=1e-9)
    np.testing.assert_allclose(ours.stddev.numpy(), reference.std(), rtol=1e-9)


@pytest.mark.parametrize(
    "name",
    [n for n in ALL if n not in ("Geometric", "Poisson", "FisherSnedecor", "NegativeBinomial")],
)
def test_entropy(name):
    ours, reference = ALL[name]
    np.testing.assert_allclose(ours.entropy().numpy(), reference.entropy(), rtol=1e-6)
    np.testing.assert_allclose(ours.perplexity().numpy(), np.exp(reference.entropy()), rtol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_draws(name):
    """The empirical distribution of 20000 draws."""
    ours, reference = ALL[name]
    drawn = ours.sample((20000,)).numpy()
    assert drawn.shape == (20000, 3)
    for i in range(3):
        grid = np.unique(reference.ppf([[0.1], [0.3], [0.5], [0.7], [0.9]])[:, i])
        below = (drawn[:, i, None] <= grid + 1e-9).mean(0)
        expected = np.array([reference.cdf(x + 1e-9)[i] for x in grid])
        assert np.abs(below - expected).max() < 0.017


@pytest.mark.parametrize("name", ALL)
def test_draws_repeat_with_a_seed_and_differ_without(name):
    ours, _ = ALL[name]
    wg.manual_seed(5)
    first, second = ours.sample((7,)), ours.sample((7,))
    wg.manual_seed(5)
    assert ours.sample((7,)).tolist() == first.tolist()
    assert second.tolist() != first.tolist()


@pytest.mark.parametrize("name", [n for n in ALL if ALL[n][0].has_rsample])
def test_draws_are_differentiable(name):
    """The mean of the gradients of draws is the gradient of the mean."""
    if "Cauchy" in name or name in ("StudentT", "LogNormal", "InverseGamma", "FisherSnedecor"):
        pytest.skip("no mean, or a tail too long for a mean of draws")
    leaves = [wg.tensor(v, dtype=wg.float64, requires_grad=True) for v in (R, A, B)]
    loc, scale, other = leaves
    ours = {
        "Normal": lambda: d.Normal(loc, scale),
        "Uniform": lambda: d.Uniform(loc, loc + scale),
        "Laplace": lambda: d.Laplace(loc, scale),
        "HalfNormal": lambda: d.HalfNormal(scale),
        "Gumbel": lambda: d.Gumbel(loc, scale),
        "Gamma": lambda: d.Gamma(scale, other),
        "Chi2": lambda: d.Chi2(scale),
        "Exponential": lambda: d.Exponential(scale),
        "Beta": lambda: d.Beta(scale, other),
        "Weibull": lambda: d.Weibull(scale, other + 1),
        "Pareto": lambda: d.Pareto(scale, other + 3),
    }[name]()
    ours.mean.sum().backward()
    wanted = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    ours.rsample((20000,)).mean(0).sum().backward()
    for leaf, gradient in zip(leaves, wanted, strict=True):
        expected = 0.0 if gradient is None else gradient.numpy()
        found = np.zeros(3) if leaf.grad is None else leaf.grad.numpy()
        np.testing.assert_allclose(found, np.broadcast_to(expected, 3), atol=0.06)


def test_gradient_of_gamma_draws():
    """dx/da at a fixed quantile, for all ways in which it is computed."""
    from scipy.special import gammainc, gammaincinv

    shapes = np.array([0.05, 0.3, 1.0, 2.5, 30.0, 2000.0])
    rng = np.random.default_rng(1)
    levels = rng.uniform(0.02, 0.98, (20, len(shapes)))
    x = gammaincinv(shapes, levels)
    step = 1e-5 * shapes
    levels = gammainc(shapes, x)
    up, down = gammaincinv(shapes + step, levels), gammaincinv(shapes - step, levels)
    found = wg._ops._standard_gamma_grad(
        wg.tensor(np.broadcast_to(shapes, x.shape).copy()), wg.tensor(x)
    )
    np.testing.assert_allclose(found.numpy(), (up - down) / (2 * step), rtol=2e-5, atol=1e-300)
    # The normal approximation for huge shapes meets the other two at its border.
    edge = 1e5
    for z in (-6.0, -0.1, 0.0, 2.0, 7.0):
        at = edge + z * np.sqrt(edge)
        low, high = (
            wg._ops._standard_gamma_grad(wg.tensor(a, dtype=wg.float64), _t(at)).item()
            for a in (edge, np.nextafter(edge, np.inf))
        )
        assert low == pytest.approx(high, rel=1e-8)


def test_vectors():
    concentration = _t(A)
    p, q = d.Dirichlet(concentration), stats.dirichlet(A)
    x = [0.2, 0.5, 0.3]
    assert p.log_prob(_t(x)).item() == pytest.approx(q.logpdf(x))
    np.testing.assert_allclose(p.mean.numpy(), q.mean())
    np.testing.assert_allclose(p.variance.numpy(), q.var())
    assert p.entropy().item() == pytest.approx(q.entropy())
    drawn = p.sample((5000,))
    assert bool(d.constraints.simplex.check(drawn).all())
    np.testing.assert_allclose(drawn.numpy().mean(0), q.mean(), atol=0.02)


@pytest.mark.parametrize("how", ["covariance_matrix", "precision_matrix", "scale_tril"])
def test_multivariate_normal(how):
    cov = np.array(COV)
    matrix = {
        "covariance_matrix": cov,
        "precision_matrix": np.linalg.inv(cov),
        "scale_tril": np.linalg.cholesky(cov),
    }[how]
    p = d.MultivariateNormal(_t(R), **{how: wg.tensor(matrix)})
    q = stats.multivariate_normal(R, cov)
    x = np.array([[0.5, -1.0, 2.0], R])
    np.testing.assert_allclose(p.log_prob(wg.tensor(x)).numpy(), q.logpdf(x), rtol=1e-9)
    assert p.entropy().item() == pytest.approx(q.entropy())
    np.testing.assert_allclose(p.covariance_matrix.numpy(), cov, rtol=1e-9)
    np.testing.assert_allclose(p.precision_matrix.numpy(), np.linalg.inv(cov), rtol=1e-9)
    np.testing.assert_allclose(p.scale_tril.numpy(), np.linalg.cholesky(cov), atol=1e-12)
    np.testing.assert_allclose(p.variance.numpy(), cov.diagonal(), rtol=1e-9)
    np.testing.assert_allclose(np.cov(p.sample((20000,)).numpy().T), cov, atol=0.08)
    batch = p.expand((2, 4))
    assert tuple(batch.sample((5,)).shape) == (5, 2, 4, 3)
    assert tuple(batch.log_prob(wg.tensor(x[0])).shape) == (2, 4)


def test_choices():
    probs = [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]
    for p in (d.Categorical(_t(probs) * 7), d.Categorical(logits=_t(probs).log() + 3)):
        np.testing.assert_allclose(p.probs.numpy(), probs)
        np.testing.assert_allclose(
            p.log_prob(wg.tensor([2, 0])).exp().numpy(), [0.5, 0.6], rtol=1e-9
        )
        assert tuple(p.log_prob(wg.tensor([[0], [1], [2]])).shape) == (3, 2)
        np.testing.assert_allclose(p.entropy().numpy(), stats.entropy(probs, axis=1))
        assert p.mode.tolist() == [2, 0]
        drawn = p.sample((20000,))
        for i in range(3):
            share = (drawn == i).double().mean(0).numpy()
            np.testing.assert_allclose(share, np.array(probs)[:, i], atol=0.015)
        assert p.enumerate_support().tolist() == [[0, 0], [1, 1], [2, 2]]
    hot = d.OneHotCategorical(_t(probs))
    assert hot.log_prob(_t([0.0, 0.0, 1.0])).exp().tolist() == pytest.approx([0.5, 0.1])
    assert hot.sample((4,)).sum(-1).tolist() == [[1.0, 1.0]] * 4
    assert hot.enumerate_support(False).tolist() == [
        [row] for row in wg.eye(3, dtype=wg.float64).tolist()
    ]
    counts = d.Multinomial(5, _t(probs[0]))
    reference = stats.multinomial(5, probs[0])
    assert counts.log_prob(_t([1.0, 2.0, 2.0])).item() == pytest.approx(reference.logpmf([1, 2, 2]))
    assert counts.entropy().item() == pytest.approx(float(reference.entropy()))
    drawn = counts.sample((3000,))
    assert bool((drawn.sum(-1) == 5).all())
    np.testing.assert_allclose(drawn.numpy().mean(0), 5 * np.array(probs[0]), atol=0.1)


def test_probabilities_of_zero_and_one():
    assert d.Bernoulli(_t([0.0, 1.0])).log_prob(_t([0.0, 1.0])).exp().tolist() == pytest.approx(
        [1.0, 1.0]
    )
    assert d.Geometric(_t(1.0)).log_prob(_t(0.0)).item() == pytest.approx(0.0, abs=1e-9)
    assert d.Poisson(_t(0.0)).log_prob(_t(0.0)).item() == 0.0
    assert d.Binomial(3, _t(1.0)).log_prob(_t(3.0)).item() == pytest.approx(0.0, abs=1e-9)
    assert d.Multinomial(2, _t([1.0, 0.0])).log_prob(_t([2.0, 0.0])).item() == pytest.approx(0.0)
    assert d.Categorical(_t([1.0, 0.0])).entropy().item() == pytest.approx(0.0, abs=1e-12)
