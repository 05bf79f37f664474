"""Spectral normalisation by a hook, the older way; see `parametrizations.spectral_norm`."""

from __future__ import annotations

from typing import Any, TypeVar

import wengert as wg

from .. import functional as F
from ..modules.module import Module
from ..parameter import Parameter

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]

Some = TypeVar("Some", bound=Module)


class SpectralNorm:
    """The hook: before each call it divides the weight by its largest singular value.

    The module keeps the weight in ``<name>_orig``, and the vectors of power iteration in the
    buffers ``<name>_u`` and ``<name>_v``.
    """

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got n_power_iterations="
                f"{n_power_iterations}"
            )
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def reshape_weight_to_matrix(self, weight: wg.Tensor) -> wg.Tensor:
        """(outputs, everything else)."""
        if self.dim:
            others = [i for i in range(weight.dim()) if i != self.dim]
            weight = weight.permute(self.dim, *others)
        return weight.reshape(weight.shape[0], -1)

    def compute_weight(self, module: Module, do_power_iteration: bool) -> wg.Tensor:
        """The weight divided by ``u @ W @ v``, after steps of power iteration if wanted."""
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            with wg.no_grad():
                for _ in range(self.n_power_iterations):
                    v = F.normalize(matrix.t() @ u, dim=0, eps=self.eps)
                    u = F.normalize(matrix @ v, dim=0, eps=self.eps)
                # New tensors: the old ones may be saved for a backward pass.
                setattr(module, self.name + "_u", u)
                setattr(module, self.name + "_v", v)
        return weight / (u @ (matrix @ v))

    def remove(self, module: Module) -> None:
        """Makes the weight a parameter again."""
        with wg.no_grad():
            weight = self.compute_weight(module, False)
        delattr(module, self.name)
        for suffix in ("_u", "_v", "_orig"):
            delattr(module, self.name + suffix)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def _hooks(module: Module) -> list[tuple[int, SpectralNorm]]:
    found = [(key, hook) for key, (hook, *_) in module._forward_pre_hooks.items()]
    return [(key, hook) for key, hook in found if isinstance(hook, SpectralNorm)]


def spectral_norm(
    module: Some,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Some:
    """Divides ``module.<name>`` by its largest singular value before each call.

    Arguments are those of `parametrizations.spectral_norm`, which replaces it.

    Raises:
        RuntimeError: it is normalised already.

    Source: Miyato et al. (2018), Spectral normalization for generative adversarial networks,
    https://arxiv.org/abs/1802.05957.

    >>> import wengert as wg
    >>> layer = wg.nn.utils.spectral_norm(wg.nn.Linear(20, 40))
    >>> layer.weight_u.shape
    wengert.Size([40])
    """
    if any(hook.name == name for _, hook in _hooks(module)):
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if dim is None:
        dim = 1 if getattr(module, "transposed", False) else 0
    hook = SpectralNorm(name, n_power_iterations, dim, eps)
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    with wg.no_grad():
        rows, columns = hook.reshape_weight_to_matrix(weight).shape
        u = F.normalize(weight.new_empty(rows).normal_(), dim=0, eps=eps)
        v = F.normalize(weight.new_empty(columns).normal_(), dim=0, eps=eps)
    del module._parameters[name]
    module.register_parameter(name + "_orig", weight)
    # An ordinary attribute, so that it is neither saved nor trained.
    setattr(module, name, weight.detach())
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Some, name: str = "weight") -> Some:
    """Undoes `spectral_norm`; the weight keeps its value. ValueError if there is none."""
    for key, hook in _hooks(module):
        if hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
