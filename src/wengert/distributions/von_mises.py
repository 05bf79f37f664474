"""The normal distribution of angles."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import wengert as wg
from wengert import _ops

from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["VonMises"]


class VonMises(Distribution):
    """The von Mises distribution of angles, in radians.

    Args:
        loc: the mean direction.
        concentration: how narrow it is, as one over a variance.
        validate_args: see :class:`Distribution`.

    Draws are made by rejection (Best and Fisher, 1979) and lie in [-pi, pi); they have no gradient.

    >>> import wengert as wg
    >>> wg.distributions.VonMises(0.0, 1.0).log_prob(wg.tensor(0.0))
    tensor(-1.0738)
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real,
        "concentration": constraints.positive,
    }
    support = constraints.real
    has_rsample = False
    _tensors: ClassVar[dict[str, int]] = {"loc": 0, "concentration": 0}

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    @property
    def mean(self) -> wg.Tensor:
        """The mean direction."""
        return self.loc

    @property
    def mode(self) -> wg.Tensor:
        return self.loc

    @property
    def variance(self) -> wg.Tensor:
        """The circular variance: one less the mean of the cosine of the distance from the mean."""
        k = self.concentration
        return 1 - _ops.i1e(k) / _ops.i0e(k)

    def log_prob(self, value: wg.Tensor) -> wg.Tensor:
        distance = self._checked(value) - self.loc
        # i0e(k) is exp(-k) * I0(k), which does not overflow.
        normalizer = math.log(2 * math.pi) + _ops.i0e(self.concentration).log()
        return self.concentration * (distance.cos() - 1) - normalizer

    def _proposal(self) -> wg.Tensor:
        """The parameter of the wrapped Cauchy distribution that draws are proposed from.

        For small concentrations the closed form cancels, and its series is taken.
        """
        k = self.concentration.double()
        tau = 1 + (1 + 4 * k.square()).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * k)
        return wg.where(k < 1e-5, 1 / k + k, (1 + rho.square()) / (2 * rho))

    def sample(self, sample_shape: Any = ()) -> wg.Tensor:
        shape = self._extended_shape(sample_shape)
        with wg.no_grad():
            k = self.concentration.double().expand(shape).reshape(-1)
            proposal = self._proposal().expand(shape).reshape(-1)
            angle = wg.zeros_like(k)
            left = wg.arange(k.numel())
            while left.numel():
                concentration, r = k[left], proposal[left]
                u = wg.rand(3, left.numel(), dtype=wg.float64)
                cosine = (math.pi * u[0]).cos()
                drawn = (1 + r * cosine) / (r + cosine)
                score = concentration * (r - drawn)
                tiny = wg.finfo(wg.float64).tiny
                taken = (score * (2 - score) - u[1] > 0) | (
                    (score / u[1].clamp(min=tiny)).log() + 1 - score >= 0
                )
                value = drawn.clamp(min=-1, max=1).acos().copysign(u[2] - 0.5)
                angle[left[taken]] = value[taken]
                left = left[~taken]
            turned = angle.reshape(shape) + math.pi + self.loc.double()
            return (turned % (2 * math.pi) - math.pi).to(self.loc.dtype)
