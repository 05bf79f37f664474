"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import wengert as wg

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[wg.Tensor]) -> wg.Tensor:
    """The elements of all parameters, one after the other."""
    return wg.cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: wg.Tensor, parameters: Iterable[wg.Tensor]) -> None:
    """Makes views of ``vec`` the parameters' data."""
    if not isinstance(vec, wg.Tensor):
        raise TypeError(f"expected wengert.Tensor, but got: {type(vec).__qualname__}")
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel()
        parameter.data = vec[start:stop].view(parameter.shape).data
        start = stop
