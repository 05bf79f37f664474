"""Pruning: entries of a parameter are held at zero by a mask.

A pruned parameter ``weight`` becomes the parameter ``weight_orig`` and the buffer ``weight_mask``;
``weight`` is their product, computed before each call.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any, TypeVar

import wengert as wg

from ..modules.module import Module

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured",
    "PruningContainer", "RandomStructured", "RandomUnstructured", "custom_from_mask",
    "global_unstructured", "identity", "is_pruned", "l1_unstructured", "ln_structured",
    "random_structured", "random_unstructured", "remove",
]  # fmt: skip

Some = TypeVar("Some", bound=Module)
Amount = int | float


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if (isinstance(amount, numbers.Integral) and amount < 0) or (
        not isinstance(amount, numbers.Integral) and not 0.0 <= float(amount) <= 1.0
    ):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer"
        )


def _count(amount: Amount, size: int) -> int:
    """How many of ``size`` entries: a number, or a fraction."""
    if isinstance(amount, numbers.Integral):
        if amount > size:
            raise ValueError(
                f"amount={amount} should be smaller than the number of parameters to prune={size}"
            )
        return int(amount)
    return round(amount * size)


def _channel_dim(t: wg.Tensor, dim: int) -> int:
    if t.dim() <= 1:
        raise ValueError(
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of "
            f"shape {t.shape} with {t.dim()} dims"
        )
    if not -t.dim() <= dim < t.dim():
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")
    return dim % t.dim()


class BasePruningMethod:
    """A way to choose entries: subclass it and define ``compute_mask``.

    Attributes:
        PRUNING_TYPE: "unstructured" (any entries), "structured" (whole channels) or "global".
    """

    PRUNING_TYPE = "unstructured"
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def compute_mask(self, t: wg.Tensor, default_mask: wg.Tensor) -> wg.Tensor:
        """``default_mask`` with further zeros, chosen by the values or scores ``t``."""
        raise NotImplementedError(f"{type(self).__name__} does not define compute_mask")

    def apply_mask(self, module: Module) -> wg.Tensor:
        """The parameter times its mask."""
        name = self._tensor_name
        original = getattr(module, name + "_orig")
        return getattr(module, name + "_mask").to(original.dtype) * original

    @classmethod
    def apply(
        cls,
        module: Module,
        name: str,
        *args: Any,
        importance_scores: wg.Tensor | None = None,
        **kwargs: Any,
    ) -> BasePruningMethod:
        """Prunes ``module.<name>``, on top of what is pruned already.

        Args:
            args, kwargs: of the constructor.
            importance_scores: what entries are chosen by, instead of the parameter's values.
        """
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        before = _hook(module, name)
        original = getattr(module, name) if before is None else getattr(module, name + "_orig")
        scores = getattr(module, name) if importance_scores is None else importance_scores
        if scores.shape != original.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}"
            )
        with wg.no_grad():
            if before is None:
                mask = method.compute_mask(scores, wg.ones_like(original))
            else:
                key, earlier = before
                container = PruningContainer()
                container._tensor_name = name
                parts = earlier if isinstance(earlier, PruningContainer) else [earlier]
                for part in parts:
                    container.add_pruning_method(part)
                container.add_pruning_method(method)
                mask = container.compute_mask(scores, getattr(module, name + "_mask"))
                del module._forward_pre_hooks[key]
                method = container
        if before is None:
            module.register_parameter(name + "_orig", original)
            del module._parameters[name]
            module.register_buffer(name + "_mask", mask.to(original.dtype))
        else:
            setattr(module, name + "_mask", mask.to(original.dtype))
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self,
        t: wg.Tensor,
        default_mask: wg.Tensor | None = None,
        importance_scores: wg.Tensor | None = None,
    ) -> wg.Tensor:
        """``t`` with entries set to zero; nothing is registered."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError("importance_scores should have the same shape as tensor t")
        default_mask = wg.ones_like(t) if default_mask is None else default_mask
        with wg.no_grad():
            mask = self.compute_mask(scores, default_mask)
        return t * mask

    def remove(self, module: Module) -> None:
        """Makes the pruned value the parameter, for good."""
        name = self._tensor_name
        with wg.no_grad():
            weight = self.apply_mask(module)
        delattr(module, name)
        original: Any = module._parameters[name + "_orig"]
        original.data = weight
        del module._parameters[name + "_orig"]
        del module._buffers[name + "_mask"]
        setattr(module, name, original)


def _hook(module: Module, name: str) -> tuple[int, BasePruningMethod] | None:
    for key, (hook, *_) in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return key, hook
    return None


class PruningContainer(BasePruningMethod):
    """Several methods after each other, each on what the ones before left."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._methods: list[BasePruningMethod] = []
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Adds a method for the same parameter."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method._tensor_name != self._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._methods.append(method)

    def __len__(self) -> int:
        return len(self._methods)

    def __iter__(self) -> Any:
        return iter(self._methods)

    def __getitem__(self, index: Any) -> BasePruningMethod:
        return self._methods[index]

    def compute_mask(self, t: wg.Tensor, default_mask: wg.Tensor) -> wg.Tensor:
        """The mask after the last method, which chooses among what is left."""
        method = self._methods[-1]
        mask = default_mask.to(t.dtype)
        if method.PRUNING_TYPE == "global":
            place: Any = ...
        elif method.PRUNING_TYPE == "unstructured":
            place = mask == 1
        elif method.PRUNING_TYPE == "structured":
            # Channels that are not zero altogether.
            dim = _channel_dim(t, method.dim)  # type: ignore[attr-defined]
            others = [i for i in range(t.dim()) if i != dim]
            kept = (mask.sum(others) != 0).nonzero().squeeze(1)
            part = method.compute_mask(t.index_select(dim, kept), mask.index_select(dim, kept))
            return mask.index_copy(dim, kept, part.to(mask.dtype))
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        result = mask.clone()
        result[place] = method.compute_mask(t[place], mask[place]).to(mask.dtype)
        return result


class Identity(BasePruningMethod):
    """Prunes nothing, but registers a mask of ones."""

    def compute_mask(self, t: wg.Tensor, default_mask: wg.Tensor) -> wg.Tensor:
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """Prunes entries at random: ``amount`` is a number or a fraction of them."""

    def __init__(self, amount: Amount) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: wg.Tensor, default_mask: wg.Tensor) -> wg.Tensor:
        count = _count(self.amount, t.numel())
        mask = default_mask.clone()
        if count:
            scores = wg.rand(t.numel(), device=t.device)
            mask.view(-1)[scores.topk(count)[1]] = 0
        return mask


class L1Unstructured(BasePruningMethod):
    """Prunes the entries of least magnitude: ``amount`` is a number or a fraction of them."""

    def __init__(self, amount: Amount) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: wg.Tensor, default_mask: wg.Tensor) -> wg.Tensor:
        count = _count(self.amount, t.numel())
        mask = default_mask.clone()
        if count:
            mask.view(-1)[t.abs().reshape(-1).topk(count, largest=False)[1]] = 0
        return mask


class _Structured(BasePruningMethod):
    PRUNING_TYPE = "structured"
    amount: Amount
    dim: int

    def _scores(self, t: wg.Tensor, dim: int) -> wg.Tensor:
        raise NotImplementedError

    def compute_mask(self, t: wg.Tensor, default_mask: wg.Tensor) -> wg.Tensor:
        dim = _channel_dim(t, self.dim)
        channels = t.shape[dim]
        count = _count(self.amount, channels)
        if not count:
            return default_mask
        scores = self._scores(t, dim)
        kept = wg.zeros(channels, dtype=default_mask.dtype, device=t.device)
        if count < channels:
            kept[scores.topk(channels - count)[1]] = 1
        return default_mask * kept.reshape([-1 if i == dim else 1 for i in range(t.dim())])


class RandomStructured(_Structured):
    """Prunes whole channels, along ``dim``, at random."""

    def __init__(self, amount: Amount, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.dim = dim

    def _scores(self, t: wg.Tensor, dim: int) -> wg.Tensor:
        return wg.rand(t.shape[dim], device=t.device)


class LnStructured(_Structured):
    """Prunes the channels, along ``dim``, of the least norm of order ``n``."""

    def __init__(self, amount: Amount, n: Any, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.n = n
        self.dim = dim

    def _scores(self, t: wg.Tensor, dim: int) -> wg.Tensor:
        return t.norm(self.n, [i for i in range(t.dim()) if i != dim])


class CustomFromMask(BasePruningMethod):
    """Prunes where ``mask`` is zero."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: wg.Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: wg.Tensor, default_mask: wg.Tensor) -> wg.Tensor:
        if default_mask.shape != self.mask.shape:
            raise AssertionError("default_mask and mask must have the same shape")
        return default_mask * self.mask.to(default_mask.dtype)


# ---- functions ----


def identity(module: Some, name: str) -> Some:
    """Gives ``module.<name>`` a mask of ones."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Some, name: str, amount: Amount) -> Some:
    """Prunes a number, or a fraction, of entries at random.

    >>> import wengert as wg
    >>> layer = wg.nn.utils.prune.random_unstructured(wg.nn.Linear(2, 3), "weight", amount=1)
    >>> int(layer.weight_mask.sum())
    5
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Some, name: str, amount: Amount, importance_scores: wg.Tensor | None = None
) -> Some:
    """Prunes a number, or a fraction, of entries: those of least magnitude, or score."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Some, name: str, amount: Amount, dim: int) -> Some:
    """Prunes a number, or a fraction, of channels along ``dim`` at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Some,
    name: str,
    amount: Amount,
    n: Any,
    dim: int,
    importance_scores: wg.Tensor | None = None,
) -> Some:
    """Prunes a number, or a fraction, of channels along ``dim``: those of least norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], wg.Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prunes several parameters as if they were one.

    Args:
        parameters: pairs of a module and a parameter's name.
        pruning_method: an unstructured one. kwargs: its arguments.
        importance_scores: per pair, what to choose by instead of the values.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    pairs = list(parameters)
    given = {} if importance_scores is None else importance_scores
    if not isinstance(given, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    with wg.no_grad():
        scores = [given.get((module, name), getattr(module, name)) for module, name in pairs]
        masks = [
            getattr(module, name + "_mask", wg.ones_like(getattr(module, name)))
            for module, name in pairs
        ]
        container = PruningContainer()
        container._tensor_name = method._tensor_name = "temp"
        container.add_pruning_method(method)
        mask = container.compute_mask(
            wg.cat([x.reshape(-1) for x in scores]), wg.cat([x.reshape(-1) for x in masks])
        )
    start = 0
    for module, name in pairs:
        parameter = getattr(module, name)
        stop = start + parameter.numel()
        custom_from_mask(module, name, mask[start:stop].view_as(parameter))
        start = stop


def custom_from_mask(module: Some, name: str, mask: wg.Tensor) -> Some:
    """Prunes where ``mask`` is zero."""
    CustomFromMask.apply(module, name, mask)
    return module


def remove(module: Some, name: str) -> Some:
    """Makes the pruned value of ``module.<name>`` the parameter, for good.

    Raises:
        ValueError: it is not pruned.
    """
    found = _hook(module, name)
    if found is None:
        raise ValueError(
            f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
        )
    key, method = found
    method.remove(module)
    del module._forward_pre_hooks[key]
    return module


def is_pruned(module: Module) -> bool:
    """Whether ``module``, or a module in it, has a pruned parameter."""
    return any(
        isinstance(hook, BasePruningMethod)
        for each in module.modules()
        for hook, *_ in each._forward_pre_hooks.values()
    )
