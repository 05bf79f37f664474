"""`functional_call` under its older name."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import wengert as wg

from ..modules.module import Module

__all__ = ["functional_call"]


@contextlib.contextmanager
def _reparametrize_module(
    module: Module,
    parameters_and_buffers: dict[str, wg.Tensor],
    *,
    tie_weights: bool = False,
    strict: bool = False,
    stack_weights: bool = False,
) -> Iterator[None]:
    """A block in which a module has these parameters and buffers."""
    from wengert.func._modules import _swapped

    with _swapped(module, parameters_and_buffers, tie_weights, strict):
        yield


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, wg.Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`func.functional_call`; deprecated under this name, as in PyTorch."""
    from wengert import func

    warnings.warn(
        "`nn.utils.stateless.functional_call` is deprecated. Please use `func.functional_call` "
        "instead.",
        FutureWarning,
        stacklevel=2,
    )
    return func.functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )
