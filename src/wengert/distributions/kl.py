"""Kullback-Leibler divergences, in a registry that users can add to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import wengert as wg

from .composed import HalfNormal, Independent, TransformedDistribution
from .continuous_bernoulli import ContinuousBernoulli
from .derived import Pareto
from .discrete import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    OneHotCategorical,
    Poisson,
)
from .distribution import Distribution
from .exp_family import ExponentialFamily, normalizer_and_means
from .location_scale import EULER, Cauchy, Gumbel, Laplace, Normal, Uniform
from .lowrank_multivariate_normal import LowRankMultivariateNormal
from .multivariate_normal import (
    MultivariateNormal,
    half_log_det,
    solve_lower,
    squared_distance,
)
from .positive import Beta, Dirichlet, Exponential, Gamma
from .utils import log1p_exp, sum_rightmost

__all__ = ["kl_divergence", "register_kl"]

_rules: dict[tuple[type, type], Callable[[Any, Any], wg.Tensor]] = {}
_found: dict[tuple[type, type], Callable[[Any, Any], wg.Tensor]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Any], Any]:
    """A decorator: the function gives the divergence of these classes and their subclasses.

    Where several rules fit, the one of the most derived classes counts.
    """
    # Any class will do, as in PyTorch: packages have roots of their own.
    if not isinstance(type_p, type):
        raise TypeError(f"Expected type_p to be a Distribution subclass but got {type_p}")
    if not isinstance(type_q, type):
        raise TypeError(f"Expected type_q to be a Distribution subclass but got {type_q}")

    def decorator(function: Callable[[Any, Any], wg.Tensor]) -> Callable[[Any, Any], wg.Tensor]:
        _rules[type_p, type_q] = function
        _found.clear()
        return function

    return decorator


def _rule(type_p: type, type_q: type) -> Callable[[Any, Any], wg.Tensor] | None:
    if (type_p, type_q) in _found:
        return _found[type_p, type_q]
    ranks = {}
    for p, q in _rules:
        if issubclass(type_p, p) and issubclass(type_q, q):
            rank = type_p.__mro__.index(p), type_q.__mro__.index(q)
            ranks[p, q] = rank
    if not ranks:
        return None
    best = min(ranks, key=lambda pair: ranks[pair])
    _found[type_p, type_q] = _rules[best]
    return _rules[best]


def kl_divergence(p: Distribution, q: Distribution) -> wg.Tensor:
    """``KL(p || q)``, the mean under ``p`` of ``log(p / q)``, of shape ``batch_shape``.

    Raises:
        NotImplementedError: no rule for the two classes is registered.

    >>> import wengert as wg
    >>> d = wg.distributions
    >>> d.kl_divergence(d.Normal(0.0, 1.0), d.Normal(1.0, 1.0))
    tensor(0.5000)
    """
    rule = _rule(type(p), type(q))
    if rule is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type "
            f"{type(q).__name__}"
        )
    return rule(p, q)


def _infinite(like: wg.Tensor) -> wg.Tensor:
    return wg.full_like(like.detach(), math.inf)


def _x_log_x(x: wg.Tensor) -> wg.Tensor:
    return wg.xlogy(x, x)


# ---- one class with itself ----


@register_kl(Normal, Normal)
def _normal_normal(p: Normal, q: Normal) -> wg.Tensor:
    ratio = (p.scale / q.scale).square()
    distance = ((p.loc - q.loc) / q.scale).square()
    return 0.5 * (ratio + distance - 1 - ratio.log())


@register_kl(Laplace, Laplace)
def _laplace_laplace(p: Laplace, q: Laplace) -> wg.Tensor:
    ratio = p.scale / q.scale
    distance = (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * (-distance / p.scale).exp() - 1


@register_kl(Cauchy, Cauchy)
def _cauchy_cauchy(p: Cauchy, q: Cauchy) -> wg.Tensor:
    both = (p.scale + q.scale).square() + (p.loc - q.loc).square()
    return both.log() - (4 * p.scale * q.scale).log()


@register_kl(Gumbel, Gumbel)
def _gumbel_gumbel(p: Gumbel, q: Gumbel) -> wg.Tensor:
    ratio, before, after = p.scale / q.scale, q.loc / q.scale, p.loc / q.scale
    power = (before + wg.lgamma(1 + ratio) - after).exp()
    return ratio * EULER - ratio.log() - before + after + power - (1 + EULER)


@register_kl(Uniform, Uniform)
def _uniform_uniform(p: Uniform, q: Uniform) -> wg.Tensor:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return result.masked_fill((q.low > p.low) | (q.high < p.high), math.inf)


@register_kl(HalfNormal, HalfNormal)
def _halfnormal_halfnormal(p: HalfNormal, q: HalfNormal) -> wg.Tensor:
    return _normal_normal(p.base_dist, q.base_dist)


@register_kl(Exponential, Exponential)
def _exponential_exponential(p: Exponential, q: Exponential) -> wg.Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Pareto, Pareto)
def _pareto_pareto(p: Pareto, q: Pareto) -> wg.Tensor:
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return result.masked_fill(p.scale < q.scale, math.inf)


@register_kl(Gamma, Gamma)
def _gamma_gamma(p: Gamma, q: Gamma) -> wg.Tensor:
    return (
        q.concentration * (p.rate / q.rate).log()
        + wg.lgamma(q.concentration)
        - wg.lgamma(p.concentration)
        + (p.concentration - q.concentration) * wg.digamma(p.concentration)
        + (q.rate - p.rate) * (p.concentration / p.rate)
    )


@register_kl(Beta, Beta)
def _beta_beta(p: Beta, q: Beta) -> wg.Tensor:
    return _dirichlet_dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet_dirichlet(p: Dirichlet, q: Dirichlet) -> wg.Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    change = (a - b) * (wg.digamma(a) - wg.digamma(total).unsqueeze(-1))
    whole = wg.lgamma(total) - wg.lgamma(b.sum(-1))
    return whole - (wg.lgamma(a) - wg.lgamma(b)).sum(-1) + change.sum(-1)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli_bernoulli(p: Bernoulli, q: Bernoulli) -> wg.Tensor:
    one = p.probs * (log1p_exp(-q.logits) - log1p_exp(-p.logits))
    none = (1 - p.probs) * (log1p_exp(q.logits) - log1p_exp(p.logits))
    one = one.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0.0)
    none = none.masked_fill(q.probs == 1, math.inf).masked_fill(p.probs == 1, 0.0)
    return one + none


@register_kl(Binomial, Binomial)
def _binomial_binomial(p: Binomial, q: Binomial) -> wg.Tensor:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    change = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    result = p.total_count * change
    return result.masked_fill(p.total_count > q.total_count, math.inf)


@register_kl(Categorical, Categorical)
def _categorical_categorical(p: Categorical, q: Categorical) -> wg.Tensor:
    change = p.probs * (p.logits - q.logits)
    change = change.masked_fill((q.probs == 0).expand(change.shape), math.inf)
    return change.masked_fill((p.probs == 0).expand(change.shape), 0.0).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _onehot_onehot(p: OneHotCategorical, q: OneHotCategorical) -> wg.Tensor:
    return _categorical_categorical(p._categorical, q._categorical)


@register_kl(Geometric, Geometric)
def _geometric_geometric(p: Geometric, q: Geometric) -> wg.Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson_poisson(p: Poisson, q: Poisson) -> wg.Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


def _same_event(p: Distribution, q: Distribution, what: str) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"KL-divergence between two {what} with different event shapes cannot be computed"
        )


@register_kl(MultivariateNormal, MultivariateNormal)
def _mvn_mvn(p: MultivariateNormal, q: MultivariateNormal) -> wg.Tensor:
    _same_event(p, q, "Multivariate Normals")
    ours, theirs = p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril
    spread = solve_lower(theirs, ours).square().sum((-2, -1))
    distance = squared_distance(theirs, q.loc - p.loc)
    logs = half_log_det(theirs) - half_log_det(ours)
    return logs + 0.5 * (spread + distance - p.event_shape[0])


def _spread(factor: wg.Tensor, q: LowRankMultivariateNormal) -> wg.Tensor:
    """The trace of ``factor @ factor.T`` times the inverse of the covariance of ``q``."""
    whole = (factor.square() / q._unbroadcasted_cov_diag.unsqueeze(-1)).sum((-2, -1))
    return whole - (q._whitener() @ factor).square().sum((-2, -1))


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _mvn_lowrank(p: MultivariateNormal, q: LowRankMultivariateNormal) -> wg.Tensor:
    _same_event(p, q, "(Low Rank) Multivariate Normals")
    spread = _spread(p._unbroadcasted_scale_tril, q)
    distance = q._squared_distance(q.loc - p.loc)
    logs = q._half_log_det() - half_log_det(p._unbroadcasted_scale_tril)
    return logs + 0.5 * (spread + distance - p.event_shape[0])


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _lowrank_mvn(p: LowRankMultivariateNormal, q: MultivariateNormal) -> wg.Tensor:
    _same_event(p, q, "(Low Rank) Multivariate Normals")
    theirs = q._unbroadcasted_scale_tril
    own = p._unbroadcasted_cov_diag.sqrt().diag_embed()
    spread = solve_lower(theirs, p._unbroadcasted_cov_factor).square().sum((-2, -1))
    spread = spread + solve_lower(theirs, own).square().sum((-2, -1))
    distance = squared_distance(theirs, q.loc - p.loc)
    logs = half_log_det(theirs) - p._half_log_det()
    return logs + 0.5 * (spread + distance - p.event_shape[0])


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _lowrank_lowrank(p: LowRankMultivariateNormal, q: LowRankMultivariateNormal) -> wg.Tensor:
    _same_event(p, q, "Low Rank Multivariate Normals")
    spread = _spread(p._unbroadcasted_cov_factor, q)
    spread = spread + _spread(p._unbroadcasted_cov_diag.sqrt().diag_embed(), q)
    distance = q._squared_distance(q.loc - p.loc)
    logs = q._half_log_det() - p._half_log_det()
    return logs + 0.5 * (spread + distance - p.event_shape[0])


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_continuous(p: ContinuousBernoulli, q: ContinuousBernoulli) -> wg.Tensor:
    return -p.entropy() - _mean_log_prob(p, q)


@register_kl(ExponentialFamily, ExponentialFamily)
def _family_family(p: ExponentialFamily, q: ExponentialFamily) -> wg.Tensor:
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed "
            "using Bregman divergences"
        )
    ours, parameters, means = normalizer_and_means(p)
    result = q._log_normalizer(*q._natural_params) - ours
    for before, after, mean in zip(parameters, q._natural_params, means, strict=True):
        change = (after - before) * mean
        batch = len(wg.broadcast_shapes(p.batch_shape, q.batch_shape))
        result = result - sum_rightmost(change, change.dim() - batch)
    return result


@register_kl(Independent, Independent)
def _independent_independent(p: Independent, q: Independent) -> wg.Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed_transformed(p: TransformedDistribution, q: TransformedDistribution) -> wg.Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


# ---- two classes ----


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> wg.Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


def _mean_log_prob(p: Distribution, q: ContinuousBernoulli) -> wg.Tensor:
    """The mean of ``q.log_prob`` over a distribution on [0, 1]: only the mean counts."""
    return p.mean * q.logits + (-q.probs).log1p() + q._cont_bern_log_norm()


@register_kl(Beta, ContinuousBernoulli)
def _beta_continuous(p: Beta, q: ContinuousBernoulli) -> wg.Tensor:
    return -p.entropy() - _mean_log_prob(p, q)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous(p: Uniform, q: ContinuousBernoulli) -> wg.Tensor:
    result = -p.entropy() - _mean_log_prob(p, q)
    return result.masked_fill((p.low < 0) | (p.high > 1), math.inf)


@register_kl(ContinuousBernoulli, Exponential)
def _continuous_exponential(p: ContinuousBernoulli, q: Exponential) -> wg.Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(ContinuousBernoulli, Uniform)
@register_kl(Beta, Uniform)
def _share_uniform(p: Any, q: Uniform) -> wg.Tensor:
    result = -p.entropy() + (q.high - q.low).log()
    return result.masked_fill((q.low > 0) | (q.high < 1), math.inf)


@register_kl(ContinuousBernoulli, Normal)
def _continuous_normal(p: ContinuousBernoulli, q: Normal) -> wg.Tensor:
    return _moments_normal(p, q)


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Pareto, q: Exponential) -> wg.Tensor:
    entropy = (p.scale / p.alpha).log() + 1 + p.alpha.reciprocal()
    return (q.rate * p.mean - q.rate.log() - entropy).masked_fill(p.alpha <= 1, math.inf)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Pareto, q: Gamma) -> wg.Tensor:
    logs = p.scale.log() + p.alpha.reciprocal()
    density = (
        q.concentration * q.rate.log()
        - wg.lgamma(q.concentration)
        + (q.concentration - 1) * logs
        - q.rate * p.mean
    )
    return (-p.entropy() - density).masked_fill(p.alpha <= 1, math.inf)


@register_kl(Pareto, Normal)
def _pareto_normal(p: Pareto, q: Normal) -> wg.Tensor:
    return _moments_normal(p, q).masked_fill(p.alpha <= 2, math.inf)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Uniform, q: Pareto) -> wg.Tensor:
    logs = (_x_log_x(p.high) - _x_log_x(p.low)) / (p.high - p.low) - 1
    density = q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * logs
    return (-p.entropy() - density).masked_fill(p.low < q.scale, math.inf)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Exponential, q: Gamma) -> wg.Tensor:
    ratio = q.rate / p.rate
    return (
        -q.concentration * ratio.log()
        + ratio
        + wg.lgamma(q.concentration)
        + q.concentration * EULER
        - (1 + EULER)
    )


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Exponential, q: Gumbel) -> wg.Tensor:
    product, place = p.rate * q.scale, q.loc / q.scale
    power = place.exp() * (product / (product + 1))
    return product.log() - 1 - place + power + product.reciprocal()


@register_kl(Exponential, Normal)
def _exponential_normal(p: Exponential, q: Normal) -> wg.Tensor:
    variance = q.scale.square()
    mean = p.rate.reciprocal()
    square = mean.square() - mean * q.loc + 0.5 * q.loc.square()
    return p.rate.log() - 1 + 0.5 * (2 * math.pi * variance).log() + square / variance


@register_kl(Gamma, Exponential)
def _gamma_exponential(p: Gamma, q: Exponential) -> wg.Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Gamma, q: Gumbel) -> wg.Tensor:
    product, place = p.rate * q.scale, q.loc / q.scale
    power = (1 + product.reciprocal()).pow(-p.concentration)
    return (
        (p.concentration - 1) * wg.digamma(p.concentration)
        - wg.lgamma(p.concentration)
        - p.concentration
        + product.log()
        + p.concentration / product
        - place
        + place.exp() * power
    )


@register_kl(Gamma, Normal)
def _gamma_normal(p: Gamma, q: Normal) -> wg.Tensor:
    variance = q.scale.square()
    mean = p.concentration / p.rate
    square = 0.5 * (p.variance + mean.square()) - q.loc * mean + 0.5 * q.loc.square()
    return -p.entropy() + 0.5 * (2 * math.pi * variance).log() + square / variance


@register_kl(Beta, Gamma)
def _beta_gamma(p: Beta, q: Gamma) -> wg.Tensor:
    logs = wg.digamma(p.concentration1) - wg.digamma(p.concentration1 + p.concentration0)
    density = (
        q.concentration * q.rate.log()
        - wg.lgamma(q.concentration)
        + (q.concentration - 1) * logs
        - q.rate * p.mean
    )
    return -p.entropy() - density


@register_kl(Beta, Exponential)
def _beta_exponential(p: Beta, q: Exponential) -> wg.Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Beta, Normal)
def _beta_normal(p: Beta, q: Normal) -> wg.Tensor:
    return _moments_normal(p, q)


@register_kl(Uniform, Normal)
def _uniform_normal(p: Uniform, q: Normal) -> wg.Tensor:
    return _moments_normal(p, q)


@register_kl(Laplace, Normal)
def _laplace_normal(p: Laplace, q: Normal) -> wg.Tensor:
    return _moments_normal(p, q)


@register_kl(Gumbel, Normal)
def _gumbel_normal(p: Gumbel, q: Normal) -> wg.Tensor:
    return _moments_normal(p, q)


def _moments_normal(p: Distribution, q: Normal) -> wg.Tensor:
    """Against a normal distribution only entropy, mean and variance count."""
    variance = q.scale.square()
    square = p.variance + (p.mean - q.loc).square()
    return -p.entropy() + 0.5 * (2 * math.pi * variance).log() + 0.5 * square / variance


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Normal, q: Gumbel) -> wg.Tensor:
    place, spread = (p.loc - q.loc) / q.scale, (p.scale / q.scale).square()
    constant = 0.5 * (1 + math.log(2 * math.pi))
    return -(p.scale / q.scale).log() + place + (-place + 0.5 * spread).exp() - constant


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> wg.Tensor:
    distance, ratio = p.loc - q.loc, p.scale / q.scale
    z = distance / p.scale
    spread = math.sqrt(2 / math.pi) * p.scale * (-0.5 * z.square()).exp()
    middle = distance * (z * math.sqrt(0.5)).erf()
    constant = 0.5 + 0.5 * math.log(0.5 * math.pi)
    return -ratio.log() + (spread + middle) / q.scale - constant


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Uniform, q: Gumbel) -> wg.Tensor:
    width = q.scale / (p.high - p.low)
    high, low = (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    return width.log() + 0.5 * (high + low) - width * ((-high).exp() - (-low).exp())


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Uniform, q: Exponential) -> wg.Tensor:
    result = q.rate * p.mean - ((p.high - p.low) * q.rate).log()
    return result.masked_fill(p.low < 0, math.inf)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Uniform, q: Gamma) -> wg.Tensor:
    logs = (_x_log_x(p.high) - _x_log_x(p.low)) / (p.high - p.low) - 1
    density = (
        q.concentration * q.rate.log()
        - wg.lgamma(q.concentration)
        + (q.concentration - 1) * logs
        - q.rate * p.mean
    )
    return (-p.entropy() - density).masked_fill(p.low < 0, math.inf)


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> wg.Tensor:
    width = p.high - p.low
    logs = (_x_log_x(p.high) - _x_log_x(p.low)) / width - 1
    rest = (_x_log_x(1 - p.low) - _x_log_x(1 - p.high)) / width - 1
    a, b = q.concentration1, q.concentration0
    constant = wg.lgamma(a + b) - wg.lgamma(a) - wg.lgamma(b)
    density = constant + (a - 1) * logs + (b - 1) * rest
    return (-p.entropy() - density).masked_fill((p.low < 0) | (p.high > 1), math.inf)


def _beyond(p: Any, q: Any) -> wg.Tensor:
    """``p`` has values that ``q`` cannot have."""
    mean = p.mean + 0 * q.mean
    return _infinite(mean)


for _p, _others in {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}.items():
    for _q in _others:
        register_kl(_p, _q)(_beyond)
