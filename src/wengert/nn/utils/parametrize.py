"""Parameters that are computed from others: ``module.weight`` becomes a function's value.

A parametrized module is an instance of a class of its own, in which the name of the tensor is a
property. What the value is computed from lives in ``module.parametrizations``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import wengert as wg

from ..modules.container import ModuleDict, ModuleList
from ..modules.module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization",
    "remove_parametrizations", "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]  # fmt: skip

_cache_depth = 0
_cache: dict[tuple[int, str], Any] = {}


def _dictionary(module: Module) -> Any:
    return module.__dict__["parametrizations"]


@contextmanager
def cached() -> Iterator[None]:
    """Within it, each parametrized tensor is computed once, when it is first read.

    >>> import wengert as wg
    >>> from wengert.nn.utils import parametrize
    >>> layer = wg.nn.utils.parametrizations.weight_norm(wg.nn.Linear(2, 2))
    >>> with parametrize.cached():
    ...     layer.weight is layer.weight
    True
    """
    global _cache_depth
    _cache_depth += 1
    try:
        yield
    finally:
        _cache_depth -= 1
        if not _cache_depth:
            _cache.clear()


def _register(module: Module, name: str, tensor: wg.Tensor, trained: bool) -> None:
    if trained:
        value = tensor if isinstance(tensor, Parameter) else Parameter(tensor.detach())
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, tensor)


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, applied one after the other, and what they start from.

    Attributes:
        original: what the first one gets; ``original0``, ``original1``, ... if it gets several.
        is_tensor: whether it gets one.
    """

    original: wg.Tensor

    def __init__(
        self, modules: Sequence[Module], original: wg.Tensor, unsafe: bool = False
    ) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        before_shape, before_dtype = original.shape, original.dtype
        with wg.no_grad():
            new: Any = original
            for parametrization in reversed(list(self)):
                if hasattr(parametrization, "right_inverse"):
                    # Where there is none after all, it starts from the tensor as it is.
                    with suppress(NotImplementedError):
                        new = parametrization.right_inverse(new)
        if not isinstance(new, wg.Tensor) and not isinstance(new, Sequence):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = not isinstance(new, Sequence)
        self.ntensors = 1 if self.is_tensor else len(new)
        trained = isinstance(original, Parameter)
        if isinstance(new, wg.Tensor):
            if original.dtype != new.dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {original.dtype}\nright_inverse(original).dtype: {new.dtype}"
                )
            if original.device != new.device:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the device.\n"
                    f"original.device: {original.device}\n"
                    f"right_inverse(original).device: {new.device}"
                )
            # The very parameter, so that an optimizer which has it goes on training it.
            if new is not original:
                with wg.no_grad():
                    original.data = new.detach()
            _register(self, "original", original, trained)
        else:
            for i, part in enumerate(new):
                if not isinstance(part, wg.Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                        f"tuple...). Got element {i} of the sequence with type "
                        f"{type(part).__name__}."
                    )
                _register(self, f"original{i}", part, trained)
                self.__dict__[f"original{i}"].requires_grad_(original.requires_grad)
        if not unsafe:
            after = self()
            if not isinstance(after, wg.Tensor):
                raise ValueError(
                    f"A parametrization must return a tensor. Got {type(after).__name__}."
                )
            if after.dtype != before_dtype:
                raise ValueError(
                    "Registering a parametrization may not change the dtype of the tensor, unless "
                    "`unsafe` flag is enabled.\n"
                    f"unparametrized dtype: {before_dtype}\nparametrized dtype: {after.dtype}"
                )
            if after.shape != before_shape:
                raise ValueError(
                    "Registering a parametrization may not change the shape of the tensor, unless "
                    "`unsafe` flag is enabled.\n"
                    f"unparametrized shape: {before_shape}\nparametrized shape: {after.shape}"
                )

    def _originals(self) -> list[wg.Tensor]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: wg.Tensor) -> None:
        """Sets the originals such that the parametrized tensor is ``value``."""
        with wg.no_grad():
            new: Any = value
            for parametrization in reversed(list(self)):
                if not hasattr(parametrization, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(parametrization).__name__} does not implement "
                        "right_inverse."
                    )
                new = parametrization.right_inverse(new)
            parts = [new] if self.is_tensor else list(new)
            if len(parts) != self.ntensors:
                raise ValueError(
                    f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. "
                    f"Got a sequence of length {len(parts)}."
                )
            for original, part in zip(self._originals(), parts, strict=True):
                if not isinstance(part, wg.Tensor):
                    raise ValueError(
                        f"`right_inverse` should return a tensor. Got {type(part).__name__}"
                    )
                if original.dtype != part.dtype:
                    raise ValueError(
                        f"The tensor returned by `right_inverse` has dtype {part.dtype} while "
                        f"`original` has dtype {original.dtype}"
                    )
                original.data = part.detach().clone()

    def forward(self) -> wg.Tensor:
        first, *others = self
        value = first(*self._originals())
        for parametrization in others:
            value = parametrization(value)
        return value


# ---- the class of a parametrized module ----


def _property(name: str) -> property:
    def read(self: Module) -> wg.Tensor:
        parametrization = _dictionary(self)[name]
        if not _cache_depth:
            return parametrization()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = parametrization()
        return _cache[key]

    def write(self: Module, value: wg.Tensor) -> None:
        _dictionary(self)[name].right_inverse(value)

    return property(read, write)


def _no_pickle(self: Module) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict()."
    )


def _deepcopy(self: Module, memo: dict[int, Any]) -> Module:
    result = self.__new__(type(self))
    memo[id(self)] = result
    result.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return result


def _set_class(module: Module, names: Sequence[str]) -> None:
    """A new class for each set of names, so that copies do not lose a property together."""
    base = type_before_parametrizations(module)
    if not names:
        module.__class__ = base
        return
    body: dict[str, Any] = {name: _property(name) for name in names}
    body["_parametrized_names"] = tuple(names)
    body["__getstate__"] = _no_pickle
    body["__module__"] = base.__module__
    if not hasattr(base, "__deepcopy__"):
        body["__deepcopy__"] = _deepcopy
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), body)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """From now on ``module.<tensor_name>`` is ``parametrization(original)``.

    Registered again, the new one is applied to the value of those before. If the parametrization
    has a method ``right_inverse``, assigning to ``module.<tensor_name>`` is possible, and the value
    starts as ``right_inverse`` of the tensor, which may be several tensors.

    Args:
        tensor_name: a parameter or buffer.
        parametrization: a module from tensor(s) to tensor.
        unsafe: shape and dtype may change, and nothing is computed to see whether they do.

    Raises:
        ValueError: no such tensor, or shapes or dtypes that change.

    >>> import wengert as wg
    >>> from wengert.nn.utils import parametrize
    >>> class Symmetric(wg.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).t()
    >>> layer = parametrize.register_parametrization(wg.nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.t()).all()), list(layer.state_dict())
    (True, ['bias', 'parametrizations.weight.original'])
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        each = _dictionary(module)[tensor_name]
        if not unsafe:
            _check_another(module, tensor_name, parametrization)
        each.append(parametrization)
        each.unsafe |= unsafe
        if hasattr(parametrization, "right_inverse"):
            with wg.no_grad():
                start = parametrization.right_inverse(_value_before(each))
                each._modules.pop(str(len(each) - 1))
                each.right_inverse(start)
                each.append(parametrization)
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    original = getattr(module, tensor_name)
    if original is None:
        raise ValueError(f"'{tensor_name}' of module '{module}' is None")
    each = ParametrizationList([parametrization], original, unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.register_module("parametrizations", ModuleDict())
    _dictionary(module)[tensor_name] = each
    _set_class(module, list(_dictionary(module)))
    return module


def _value_before(each: ParametrizationList) -> wg.Tensor:
    *before, _ = each
    value = before[0](*each._originals())
    for parametrization in before[1:]:
        value = parametrization(value)
    return value


def _check_another(module: Module, name: str, parametrization: Module) -> None:
    before = getattr(module, name)
    after = parametrization(before)
    if not isinstance(after, wg.Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(after).__name__}.")
    if after.dtype != before.dtype:
        raise ValueError(
            "Registering a parametrization may not change the dtype of the tensor, unless the "
            f"`unsafe` flag is enabled.\nmodule.{name}.dtype: {before.dtype}\n"
            f"parametrization(module.{name}).dtype: {after.dtype}"
        )
    if after.shape != before.shape:
        raise ValueError(
            "Registering a parametrization may not change the shape of the tensor, unless the "
            f"`unsafe` flag is enabled.\nmodule.{name}.shape: {before.shape}\n"
            f"parametrization(module.{name}).shape: {after.shape}"
        )
    if hasattr(parametrization, "right_inverse"):
        back = parametrization.right_inverse(before)
        if not isinstance(back, wg.Tensor):
            raise ValueError(
                "parametrization.right_inverse must return a tensor if it is not the first "
                f"parametrization. Got {type(back).__name__}"
            )
        if back.shape != before.shape or back.dtype != before.dtype:
            raise ValueError(
                "The tensor returned by parametrization.right_inverse must have the shape and "
                f"dtype of module.{name}"
            )


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether ``module`` is parametrized, or a tensor of it."""
    each = module.__dict__.get("parametrizations")
    if not isinstance(each, ModuleDict):
        return False
    return len(each) > 0 if tensor_name is None else tensor_name in each


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Makes ``module.<tensor_name>`` an ordinary parameter or buffer again.

    Args:
        leave_parametrized: it keeps its value; else it is the original, if that is one tensor.

    Raises:
        ValueError: it is not parametrized, or there are several originals.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    parametrizations: Any = _dictionary(module)
    each = parametrizations[tensor_name]
    originals = each._originals()
    trained = isinstance(originals[0], Parameter)
    if each.is_tensor:
        result = each.original
        if leave_parametrized:
            with wg.no_grad():
                result.data = getattr(module, tensor_name).detach().clone()
    elif leave_parametrized:
        with wg.no_grad():
            value = getattr(module, tensor_name).detach().clone()
        wanted = any(original.requires_grad for original in originals)
        result = Parameter(value, requires_grad=wanted) if trained else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    del parametrizations[tensor_name]
    _set_class(module, list(parametrizations))
    if not len(parametrizations):
        delattr(module, "parametrizations")
    _register(module, tensor_name, result, trained)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class of ``module`` without its parametrizations."""
    kind = type(module)
    return kind.__bases__[0] if "_parametrized_names" in vars(kind) else kind


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Parametrizes ``to_module`` as ``from_module`` is, with copies of its parameters.

    Args:
        tensor_name: only this tensor; all that are parametrized if left out.
    """
    if not is_parametrized(from_module):
        return to_module
    found: Any = _dictionary(from_module)
    for name in [tensor_name] if tensor_name is not None else list(found):
        if not is_parametrized(from_module, name):
            continue
        if not is_parametrized(to_module, name):
            if not hasattr(to_module, name):
                setattr(to_module, name, Parameter(getattr(from_module, name).detach().clone()))
            for parametrization in found[name]:
                register_parametrization(
                    to_module, name, copy.deepcopy(parametrization), unsafe=True
                )
        into: Any = _dictionary(to_module)
        for original, copied in zip(found[name]._originals(), into[name]._originals(), strict=True):
            with wg.no_grad():
                copied.data = original.detach().clone()
    return to_module
