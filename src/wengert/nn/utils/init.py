"""Constructing modules without drawing starting values."""

from __future__ import annotations

import inspect
from typing import Any

import wengert as wg

from ..modules.module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """``module_cls(*args, **kwargs)`` whose parameters and buffers have arbitrary values.

    The random numbers that the constructor would take are not taken: the generator's state is as
    before.

    Raises:
        RuntimeError: ``module_cls`` is no module, or its constructor has no argument ``device``.

    >>> import wengert as wg
    >>> wg.nn.utils.skip_init(wg.nn.Linear, 5, 1).weight.shape
    wengert.Size([1, 5])
    """
    if not (inspect.isclass(module_cls) and issubclass(module_cls, Module)):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    parameters = inspect.signature(module_cls).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if "device" not in parameters and not anything:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    device = kwargs.pop("device", "cpu")
    state = wg.get_rng_state()
    try:
        module = module_cls(*args, **kwargs)
    finally:
        wg.set_rng_state(state)
    return module.to_empty(device=device)
