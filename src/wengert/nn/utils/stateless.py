"""`functional_call` under its older name."""

from __future__ import annotations

import warnings
from typing import Any

import wengert as wg

from ..modules.module import Module

__all__ = ["functional_call"]


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
