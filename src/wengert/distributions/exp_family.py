"""Exponential families, whose entropy and divergence follow from one function."""

from __future__ import annotations

from typing import Any

import wengert as wg

from .distribution import Distribution
from .utils import sum_rightmost

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """A density ``exp(<t(x), theta> - F(theta) + k(x))`` with natural parameters ``theta``.

    A subclass that defines ``_natural_params`` (a tuple of tensors), ``_log_normalizer`` (``F`` of
    them) and ``_mean_carrier_measure`` (the mean of ``k``) has an entropy and, against its own
    kind, a divergence: both are Bregman's of ``F``, whose gradient is the mean of ``t`` (Nielsen
    and Nock, 2010, https://www.lix.polytechnique.fr/~nielsen/EntropyEF-ICIP2010.pdf).
    """

    @property
    def _natural_params(self) -> tuple[wg.Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: wg.Tensor) -> wg.Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError

    def entropy(self) -> wg.Tensor:
        """The entropy, by differentiating ``F``."""
        result, parameters, means = normalizer_and_means(self)
        result = result - self._mean_carrier_measure
        for parameter, mean in zip(parameters, means, strict=True):
            product = parameter * mean
            result = result - sum_rightmost(product, product.dim() - len(self._batch_shape))
        return result


def normalizer_and_means(
    p: ExponentialFamily,
) -> tuple[wg.Tensor, list[wg.Tensor], tuple[wg.Tensor, ...]]:
    """``F``, the natural parameters and the means of the statistics; connected to ``p``."""
    with wg.enable_grad():
        parameters = [
            value if value.requires_grad else value.detach().requires_grad_()
            for value in p._natural_params
        ]
        value = p._log_normalizer(*parameters)
        means = wg.autograd.grad(value.sum(), parameters, create_graph=True)
    return value, parameters, means
