"""Weight normalisation by a hook, the older way; see `parametrizations.weight_norm`."""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

import wengert as wg

from ..modules.module import Module
from ..parameter import Parameter
from .parametrizations import norm_except_dim

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]

Some = TypeVar("Some", bound=Module)


class WeightNorm:
    """The hook: before each call it computes the weight from length and direction."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Any:
        """``g * v / |v|``."""
        length, direction = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return direction * (length / norm_except_dim(direction, self.dim))

    def remove(self, module: Module) -> None:
        """Makes the weight a parameter again."""
        weight = self.compute_weight(module)
        delattr(module, self.name)
        del module._parameters[self.name + "_g"]
        del module._parameters[self.name + "_v"]
        setattr(module, self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def _hooks(module: Module) -> list[tuple[int, WeightNorm]]:
    found = [(key, hook) for key, (hook, *_) in module._forward_pre_hooks.items()]
    return [(key, hook) for key, hook in found if isinstance(hook, WeightNorm)]


def weight_norm(module: Some, name: str = "weight", dim: int | None = 0) -> Some:
    """Computes ``module.<name>`` before each call as ``<name>_g * <name>_v / |<name>_v|``.

    The norm is over all dimensions but ``dim``. Deprecated, as in PyTorch, in favour of
    `parametrizations.weight_norm`.

    Raises:
        RuntimeError: it is normalised already.
    """
    warnings.warn(
        "`nn.utils.weight_norm` is deprecated in favor of `nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    if any(hook.name == name for _, hook in _hooks(module)):
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    with wg.no_grad():
        length, direction = norm_except_dim(weight, hook.dim), weight.detach()
    del module._parameters[name]
    module.register_parameter(name + "_g", Parameter(length))
    module.register_parameter(name + "_v", Parameter(direction))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Some, name: str = "weight") -> Some:
    """Undoes `weight_norm`; the weight keeps its value. ValueError if there is none."""
    for key, hook in _hooks(module):
        if hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
