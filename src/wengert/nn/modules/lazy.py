"""Modules whose shapes are learned from the first input."""

from __future__ import annotations

from typing import Any

import wengert as wg

from ..parameter import is_lazy
from .module import Module

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin(Module):
    """Before the first ``forward``, makes the parameters that the constructor left open.

    A subclass registers `UninitializedParameter` or `UninitializedBuffer` in its constructor and
    defines ``initialize_parameters(*args, **kwargs)``, which gets the arguments of ``forward``
    and materializes them. Afterwards the module becomes one of ``cls_to_become``.

    >>> import wengert as wg
    >>> layer = wg.nn.LazyLinear(3)
    >>> layer
    LazyLinear(in_features=0, out_features=3, bias=True)
    >>> layer(wg.zeros(2, 5)).shape
    wengert.Size([2, 3])
    >>> layer
    Linear(in_features=5, out_features=3, bias=True)
    """

    cls_to_become: type[Module] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(_take_shapes, with_module=True)
        self._initialize_hook = self.register_forward_pre_hook(_infer, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Makes the parameters for these arguments of ``forward``; every subclass defines it."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {self.__class__.__name__}"
        )

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer has no shape yet."""
        values = self.__dict__
        return any(
            is_lazy(values[name])
            for names in (self._parameter_names, self._buffer_names)
            for name in names
        )

    def _materialize(self, name: str, shape: Any) -> None:
        with wg.no_grad():
            self.__dict__[name].materialize(shape)

    def _become_eager(self) -> None:
        self._initialize_hook.remove()
        self._load_hook.remove()
        del self._initialize_hook, self._load_hook
        if self.cls_to_become is not None:
            self.__class__ = self.cls_to_become  # type: ignore[assignment]


def _infer(module: LazyModuleMixin, args: tuple, kwargs: dict[str, Any]) -> None:
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(
            f"module {module._get_name()} has not been fully initialized: "
            "initialize_parameters() left parameters or buffers without a shape"
        )
    module._become_eager()


def _take_shapes(module: LazyModuleMixin, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """A state that is loaded says the shapes, unless it was saved before they were known."""
    values = module.__dict__
    for name in (*module._parameter_names, *module._buffer_names):
        incoming = state_dict.get(prefix + name)
        if is_lazy(values[name]) and isinstance(incoming, wg.Tensor) and not is_lazy(incoming):
            module._materialize(name, incoming.shape)
