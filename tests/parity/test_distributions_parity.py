"""Distributions have PyTorch's densities, moments and divergences."""

import warnings

import pytest

import wengert as wg
from wengert import distributions as ours

torch = pytest.importorskip("torch")
theirs = torch.distributions

A = [0.5, 1.5, 3.0]
B = [2.0, 0.7, 1.2]
P = [0.1, 0.5, 0.8]
R = [-1.0, 0.3, 2.0]
M = [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]
TRIL = [[1.0, 0.0, 0.0], [0.5, 2.0, 0.0], [-0.3, 0.4, 0.7]]
COV = [[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 1.5]]

# name -> makes a distribution of a package (d) with its tensors (t).
CASES = {
    "Normal": lambda d, t: d.Normal(t(R), t(A)),
    "LogNormal": lambda d, t: d.LogNormal(t(R), t(A)),
    "Uniform": lambda d, t: d.Uniform(t(R), t(R) + t(A)),
    "Laplace": lambda d, t: d.Laplace(t(R), t(A)),
    "Cauchy": lambda d, t: d.Cauchy(t(R), t(A)),
    "HalfNormal": lambda d, t: d.HalfNormal(t(A)),
    "HalfCauchy": lambda d, t: d.HalfCauchy(t(A)),
    "Gumbel": lambda d, t: d.Gumbel(t(R), t(A)),
    "StudentT": lambda d, t: d.StudentT(t([0.7, 1.7, 5.0]), t(R), t(A)),
    "Gamma": lambda d, t: d.Gamma(t(A), t(B)),
    "Chi2": lambda d, t: d.Chi2(t(A)),
    "Exponential": lambda d, t: d.Exponential(t(A)),
    "Beta": lambda d, t: d.Beta(t(A), t(B)),
    "Dirichlet": lambda d, t: d.Dirichlet(t([A, B])),
    "Bernoulli": lambda d, t: d.Bernoulli(t(P)),
    "Bernoulli logits": lambda d, t: d.Bernoulli(logits=t(R)),
    "Binomial": lambda d, t: d.Binomial(5, t(P)),
    "Binomial logits": lambda d, t: d.Binomial(t([3.0, 3.0, 3.0]), logits=t(R)),
    "Geometric": lambda d, t: d.Geometric(t(P)),
    "Poisson": lambda d, t: d.Poisson(t(A)),
    "Categorical": lambda d, t: d.Categorical(t(M)),
    "Categorical logits": lambda d, t: d.Categorical(logits=t([R, A])),
    "OneHotCategorical": lambda d, t: d.OneHotCategorical(t(M)),
    "Multinomial": lambda d, t: d.Multinomial(4, t(M)),
    "MultivariateNormal": lambda d, t: d.MultivariateNormal(t([R, A]), scale_tril=t(TRIL)),
    "MultivariateNormal covariance": lambda d, t: d.MultivariateNormal(t(R), t(COV)),
    "MultivariateNormal precision": lambda d, t: d.MultivariateNormal(
        t(R), precision_matrix=t(COV)
    ),
    "Independent": lambda d, t: d.Independent(d.Normal(t([R, R]), t([A, B])), 1),
    "TransformedDistribution": lambda d, t: d.TransformedDistribution(
        d.Normal(t(R), t(A)),
        [d.transforms.AffineTransform(1.0, t([-2.0, 0.5, 1.0])), d.transforms.SigmoidTransform()],
    ),
    "stick breaking": lambda d, t: d.TransformedDistribution(
        d.Normal(t([R, B]), t(A)), d.transforms.StickBreakingTransform()
    ),
    "MixtureSameFamily": lambda d, t: d.MixtureSameFamily(
        d.Categorical(t(P)), d.Normal(t(R), t(A))
    ),
    "mixture of vectors": lambda d, t: d.MixtureSameFamily(
        d.Categorical(t([0.3, 0.7])), d.Independent(d.Normal(t([R, A]), t([A, B])), 1)
    ),
    "Weibull": lambda d, t: d.Weibull(t(A), t([2.0, 1.7, 1.2])),
    "Pareto": lambda d, t: d.Pareto(t(A), t([2.5, 0.7, 4.2])),
    "InverseGamma": lambda d, t: d.InverseGamma(t([2.5, 0.7, 4.2]), t(B)),
    "LogisticNormal": lambda d, t: d.LogisticNormal(t([R, A]), t(B)),
    "FisherSnedecor": lambda d, t: d.FisherSnedecor(t([0.5, 3.0, 5.0]), t([1.5, 3.0, 12.0])),
    "NegativeBinomial": lambda d, t: d.NegativeBinomial(t(A), t(P)),
    "NegativeBinomial logits": lambda d, t: d.NegativeBinomial(4, logits=t(R)),
    "Wishart": lambda d, t: d.Wishart(t([3.5, 5.0]), t(COV)),
    "Wishart factor": lambda d, t: d.Wishart(t(4.0), scale_tril=t(TRIL)),
    "Wishart precision": lambda d, t: d.Wishart(t(4.0), precision_matrix=t(COV)),
    "LKJCholesky": lambda d, t: d.LKJCholesky(3, t(A)),
    "LowRankMultivariateNormal": lambda d, t: d.LowRankMultivariateNormal(
        t([R, A]), t([[0.5, -1.0], [0.3, 2.0], [1.0, 0.2]]), t(B)
    ),
    "Kumaraswamy": lambda d, t: d.Kumaraswamy(t([1.5, 0.7, 3.0]), t(B)),
    "ContinuousBernoulli": lambda d, t: d.ContinuousBernoulli(t([0.1, 0.5, 0.8])),
    "ContinuousBernoulli logits": lambda d, t: d.ContinuousBernoulli(logits=t(R)),
    "RelaxedBernoulli": lambda d, t: d.RelaxedBernoulli(t(0.7), t(P)),
    "RelaxedOneHotCategorical": lambda d, t: d.RelaxedOneHotCategorical(t(0.7), t(M)),
}


def _ours(values):
    return wg.tensor(values, dtype=wg.float64)


def _theirs(values):
    return torch.tensor(values, dtype=torch.float64)


def _both(name):
    return CASES[name](ours, _ours), CASES[name](theirs, _theirs)


def _flat(tensor):
    return tensor.reshape(-1).tolist()


def _same(a, b):
    assert tuple(a.shape) == tuple(b.shape)
    assert _flat(a) == pytest.approx(_flat(b), rel=1e-8, abs=1e-10, nan_ok=True)


def _values(q, count=4):
    torch.manual_seed(3)
    return q.sample((count,))


def _attempt(function):
    """The value, or None where PyTorch has none."""
    try:
        return function()
    except (NotImplementedError, AttributeError):
        return None


@pytest.mark.parametrize("name", CASES)
def test_densities(name):
    p, q = _both(name)
    assert (tuple(p.batch_shape), tuple(p.event_shape)) == (q.batch_shape, q.event_shape)
    assert (p.has_rsample, p.has_enumerate_support) == (q.has_rsample, q.has_enumerate_support)
    values = _values(q)
    _same(p.log_prob(_ours(values.tolist())), q.log_prob(values))
    if (cdf := _attempt(lambda: q.cdf(values))) is not None:
        _same(p.cdf(_ours(values.tolist())), cdf)
        levels = torch.tensor([0.1, 0.5, 0.93], dtype=torch.float64)
        levels = levels.view(3, *(1,) * len(q.batch_shape)).expand(3, *q.batch_shape)
        if (icdf := _attempt(lambda: q.icdf(levels))) is not None:
            _same(p.icdf(_ours(levels.tolist())), icdf)


@pytest.mark.parametrize("name", CASES)
def test_moments_and_entropy(name):
    p, q = _both(name)
    for what in ("mean", "variance", "stddev", "mode"):
        expected = _attempt(lambda what=what: getattr(q, what))
        if name == "Kumaraswamy" and what == "mode":  # PyTorch's is NaN everywhere
            assert p.mode[0].item() == pytest.approx(0.5 ** (1 / 1.5) / 2.0 ** (1 / 1.5))
        elif expected is not None:
            _same(getattr(p, what), expected)
    expected = _attempt(q.entropy)
    if name == "Multinomial":  # PyTorch computes a part of it in float32
        assert _flat(p.entropy()) == pytest.approx(_flat(expected), rel=1e-6)
    elif expected is not None:
        _same(p.entropy(), expected)
        _same(p.perplexity(), q.perplexity())


@pytest.mark.parametrize("name", CASES)
def test_expand(name):
    p, q = _both(name)
    shape = (2, *q.batch_shape)
    if name in ("RelaxedBernoulli", "RelaxedOneHotCategorical"):
        shape = q.batch_shape
    p, q = p.expand(shape), q.expand(shape)
    assert tuple(p.batch_shape) == tuple(q.batch_shape)
    values = _values(q)
    _same(p.log_prob(_ours(values.tolist())), q.log_prob(values))
    assert tuple(p.sample((3,)).shape) == tuple(q.sample((3,)).shape)


@pytest.mark.parametrize("name", CASES)
def test_shapes_and_support_of_samples(name):
    p, q = _both(name)
    for shape in ((), (5,), (2, 3)):
        drawn = p.sample(shape)
        assert tuple(drawn.shape) == tuple(q.sample(shape).shape)
        assert bool(p.support.check(drawn).all())
    if q.has_enumerate_support:
        for expand in (True, False):
            _same(p.enumerate_support(expand), q.enumerate_support(expand))


@pytest.mark.parametrize("name", CASES)
def test_sample_moments(name):
    p, q = _both(name)
    mean, spread = _attempt(lambda: q.mean), _attempt(lambda: q.stddev)
    if mean is None or spread is None or not bool(spread.isfinite().all()):
        # Half of the draws are below the median.
        if _attempt(lambda: q.icdf(torch.tensor(0.5))) is None:
            pytest.skip("neither moments nor quantiles are known")
        below = p.sample((20000,)) < _ours(q.icdf(torch.tensor(0.5).double()).tolist())
        assert _flat(below.double().mean(0)) == pytest.approx([0.5] * below[0].numel(), abs=0.02)
        return
    drawn = p.sample((20000,)).double()
    error = (drawn.mean(0) - _ours(mean.tolist())).abs() / _ours(spread.tolist())
    assert float(error.max()) < 0.04
    if name != "LogNormal":  # its tail is too long for this
        ratio = drawn.std(0) / _ours(spread.tolist())
        assert float((ratio - 1).abs().max()) < 0.15


@pytest.mark.parametrize(
    "name", ["Normal", "Gamma", "Beta", "StudentT", "Dirichlet", "Poisson", "Categorical logits",
             "Binomial logits", "MultivariateNormal", "RelaxedBernoulli", "MixtureSameFamily"],
)  # fmt: skip
def test_gradients_of_log_prob(name):
    leaves, references = [], []

    def mine(values):
        leaves.append(wg.tensor(values, dtype=wg.float64, requires_grad=True))
        return leaves[-1]

    def other(values):
        references.append(torch.tensor(values, dtype=torch.float64, requires_grad=True))
        return references[-1]

    p, q = CASES[name](ours, mine), CASES[name](theirs, other)
    values = _values(q).detach()
    p.log_prob(_ours(values.tolist())).sum().backward()
    q.log_prob(values).sum().backward()
    for leaf, reference in zip(leaves, references, strict=True):
        if reference.grad is not None:
            _same(leaf.grad, reference.grad)


KL_GROUPS = [
    ["Normal", "Laplace", "Gumbel", "Uniform", "Gamma", "Exponential", "Beta", "Poisson",
     "Bernoulli", "Binomial", "Geometric", "Cauchy", "HalfNormal", "LogNormal", "Chi2", "Pareto"],
    ["Categorical", "Categorical logits"],
]  # fmt: skip


@pytest.mark.parametrize("first", [name for group in KL_GROUPS for name in group])
def test_divergences(first):
    group = next(group for group in KL_GROUPS if first in group)
    found = 0
    for second in group:
        p, q = _both(first)
        r, s = _both(second)
        if second == first and hasattr(s, "loc"):
            r = type(r)(r.loc + 0.5, r.scale * 1.5)
            s = type(s)(s.loc + 0.5, s.scale * 1.5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = _attempt(lambda q=q, s=s: theirs.kl_divergence(q, s))
        if expected is None:
            continue
        value = _attempt(lambda p=p, r=r: ours.kl_divergence(p, r))
        if value is not None:
            _same(value, expected)
            found += 1
        else:
            assert first != second
    assert found


def test_divergences_of_vectors():
    pairs = [
        (lambda d, t: d.MultivariateNormal(t(R), t(COV)),
         lambda d, t: d.MultivariateNormal(t([A, B]), scale_tril=t(TRIL))),
        (lambda d, t: d.Dirichlet(t(A)), lambda d, t: d.Dirichlet(t(B))),
        (lambda d, t: d.OneHotCategorical(t(M)), lambda d, t: d.OneHotCategorical(logits=t(A))),
        (lambda d, t: d.Independent(d.Normal(t([R, A]), t(A)), 1),
         lambda d, t: d.Independent(d.Normal(t(A), t(B)), 1)),
        (lambda d, t: d.Beta(t(A), t(B)), lambda d, t: d.Beta(t(B), t(B))),
        (lambda d, t: d.Gamma(t(A), t(B)), lambda d, t: d.Gamma(t(B), t(A))),
        (lambda d, t: d.Uniform(t(P), 0.9), lambda d, t: d.Uniform(t([0.0, 0.6, 0.7]), 1.0)),
    ]  # fmt: skip
    for first, second in pairs:
        mine = ours.kl_divergence(first(ours, _ours), second(ours, _ours))
        _same(mine, theirs.kl_divergence(first(theirs, _theirs), second(theirs, _theirs)))


def test_gradients_of_gamma_draws():
    """The derivative at given draws, which PyTorch computes to about four digits."""
    shapes = torch.tensor([0.1, 0.5, 1.0, 3.0, 20.0, 300.0], dtype=torch.float64)
    torch.manual_seed(0)
    draws = torch._standard_gamma(shapes.expand(50, 6))
    expected = torch._standard_gamma_grad(shapes.expand(50, 6), draws)
    found = wg._ops._standard_gamma_grad(_ours(shapes.tolist()), _ours(draws.tolist()))
    assert _flat(found) == pytest.approx(_flat(expected), rel=5e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda d, t: d.transforms.ExpTransform(),
        lambda d, t: d.transforms.AffineTransform(t(1.0), t(-2.0)),
        lambda d, t: d.transforms.SigmoidTransform(),
        lambda d, t: d.transforms.TanhTransform(),
        lambda d, t: d.transforms.SoftplusTransform(),
        lambda d, t: d.transforms.ComposeTransform(
            [d.transforms.AffineTransform(1.0, 0.5), d.transforms.ExpTransform()]
        ),
        lambda d, t: d.transforms.ComposeTransform(
            [d.transforms.ExpTransform(), d.transforms.PowerTransform(t(1.5))]
        ),
        lambda d, t: d.transforms.IndependentTransform(d.transforms.ExpTransform(), 1),
        lambda d, t: d.transforms.StickBreakingTransform(),
        lambda d, t: d.transforms.ReshapeTransform((3,), (3, 1)),
    ],
)
def test_transforms(make):
    f, g = make(ours, _ours), make(theirs, _theirs)
    x, z = _ours([R, B]), _theirs([R, B])
    y, w = f(x), g(z)
    _same(y, w)
    _same(f.inv(y), g.inv(w))
    _same(f.log_abs_det_jacobian(x, y), g.log_abs_det_jacobian(z, w))
    assert tuple(f.forward_shape((4, 3))) == tuple(g.forward_shape((4, 3)))
    assert f.domain.event_dim == g.domain.event_dim
    assert f.codomain.event_dim == g.codomain.event_dim


def test_texts():
    for make in (
        lambda d, t: d.Normal(t([0.0, 1.0]), -t([1.0, -1.0])),
        lambda d, t: d.Normal(t(0.5), t(-1.0)),
        lambda d, t: d.Gamma(t(1.0), t([1.0, 0.0])),
        lambda d, t: d.Categorical(t([0.5, -0.5, 1.0])),
        lambda d, t: d.Bernoulli(t(1.5)),
        lambda d, t: d.Bernoulli(),
        lambda d, t: d.Normal("a", 1.0),
        lambda d, t: d.Poisson(t(1.0)).log_prob(t(0.5)),
        lambda d, t: d.Normal(t([0.0, 1.0]), t(1.0)).log_prob(t([1.0, 2.0, 3.0])),
        lambda d, t: d.Dirichlet(t([1.0, 2.0])).log_prob(t([0.5, 0.4, 0.1])),
        lambda d, t: d.Dirichlet(t(1.0)),
        lambda d, t: d.Normal(0.0, 1.0).log_prob(1.0),
    ):
        with pytest.raises(Exception) as mine:
            make(ours, _ours)
        with pytest.raises(Exception) as other:
            make(theirs, _theirs)
        assert type(mine.value) is type(other.value)
        expected = str(other.value).replace("torch.Size", "wengert.Size")
        expected = expected.replace("torch.float64", "wengert.float64")
        if "Input arguments" in expected:
            assert str(mine.value).startswith("Input arguments must all be instances of Number")
        else:
            assert str(mine.value) == expected
    assert repr(ours.Normal(0.5, 1.0)) == repr(theirs.Normal(0.5, 1.0))
    assert (
        repr(ours.Normal(_ours(A), 1.0))
        == "Normal(loc: wengert.Size([3]), scale: wengert.Size([3]))"
    )
