"""The base class of all neural network modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import wengert as wg

from ..parameter import Buffer, Parameter, is_lazy
from ._blame import name_module
from ._hooks import (
    HooksMixin,
    every_backward,
    every_backward_pre,
    every_forward,
    every_forward_pre,
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from ._registry import Registry
from ._state import _EXTRA_STATE_KEY_SUFFIX, StateMixin, _IncompatibleKeys  # noqa: F401

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]

Self = TypeVar("Self", bound="Module")


class Module(HooksMixin, StateMixin):
    """A piece of a network: parameters, buffers, child modules and a ``forward`` using them.

    Parameters and modules are registered by assigning them as attributes.

    >>> import wengert as wg
    >>> class Scale(wg.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = wg.nn.Parameter(wg.ones(3))
    ...     def forward(self, input):
    ...         return self.factor * input
    >>> [name for name, _ in Scale().named_parameters()]
    ['factor']
    """

    training: bool

    def __init__(self) -> None:
        values = self.__dict__
        values["training"] = True
        # Which attributes are registered, in order.
        values["_parameters"] = Registry(self, {})
        values["_buffers"] = Registry(self, {})
        values["_modules"] = Registry(self, {})
        values["_forward_hooks"] = OrderedDict()
        values["_forward_pre_hooks"] = OrderedDict()
        values["_backward_hooks"] = OrderedDict()
        values["_backward_pre_hooks"] = OrderedDict()
        values["_state_dict_hooks"] = OrderedDict()
        values["_state_dict_pre_hooks"] = OrderedDict()
        values["_load_state_dict_pre_hooks"] = OrderedDict()
        values["_load_state_dict_post_hooks"] = OrderedDict()

    # ---- calling ----

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if (
                self._forward_hooks
                or self._forward_pre_hooks
                or self._backward_hooks
                or self._backward_pre_hooks
                or every_forward
                or every_forward_pre
                or every_backward
                or every_backward_pre
            ):
                return self._call_with_hooks(args, kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            name_module(error, self, args, Module.__call__.__code__)
            raise

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing: programs run eagerly, at full speed."""

    # ---- registering ----

    def _check_new_name(self, kind: str, name: Any, known: dict[str, bool]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in known and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter, or with ``None`` the place for one, under ``name``."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        names = self._parameter_names
        self._check_new_name("parameter", name, names)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{_type_name(param)}' object to parameter '{name}' "
                    "(wengert.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
        self.__dict__[name] = param
        names[name] = True

    def register_buffer(self, name: str, tensor: wg.Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is state but not learned; kept in ``state_dict`` if ``persistent``."""
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_new_name("buffer", name, self._buffer_names)
        if tensor is not None and not isinstance(tensor, wg.Tensor):
            raise TypeError(
                f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' "
                "(wengert.Tensor or None required)"
            )
        self.__dict__[name] = tensor
        self._buffer_names[name] = persistent

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a child module under ``name``."""
        if "_modules" not in self.__dict__:
            raise AttributeError("cannot assign module before Module.__init__() call")
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_new_name("module", name, self._module_names)
        self.__dict__[name] = module
        self._module_names[name] = True

    def register_module(self, name: str, module: Module | None) -> None:
        """The same as :meth:`add_module`."""
        self.add_module(name, module)

    def __setattr__(self, name: str, value: Any) -> None:
        values = self.__dict__
        if "_modules" not in values:
            for kind, plural in _KINDS:
                if isinstance(value, kind):
                    raise AttributeError(f"cannot assign {plural} before Module.__init__() call")
            super().__setattr__(name, value)
        elif isinstance(value, Parameter):
            self._forget(name, "_parameters")
            self.register_parameter(name, value)
        elif name in values["_parameters"].names:
            self._assign_registered(name, value, "parameter", "nn.Parameter", value is None)
        elif isinstance(value, Module):
            self._forget(name, "_modules")
            values[name] = value
            self._module_names[name] = True
        elif name in values["_modules"].names:
            self._assign_registered(name, value, "child module", "nn.Module", value is None)
        elif isinstance(value, Buffer):
            self._forget(name, "_buffers")
            self.register_buffer(name, value, value.persistent)
        elif name in values["_buffers"].names:
            fits = value is None or isinstance(value, wg.Tensor)
            self._assign_registered(name, value, "buffer", "nn.Buffer, wengert.Tensor", fits)
        else:
            super().__setattr__(name, value)

    def _assign_registered(
        self, name: str, value: Any, kind: str, expected: str, fits: bool
    ) -> None:
        if not fits:
            raise TypeError(
                f"cannot assign '{_type_name(value)}' as {kind} '{name}' "
                f"(wengert.{expected} or None expected)"
            )
        self.__dict__[name] = value

    def _forget(self, name: str, keep: str) -> None:
        # The name is about to be registered in `keep`: it must be registered nowhere else, and an
        # ordinary attribute of that name gives way.
        values = self.__dict__
        for view in ("_parameters", "_buffers", "_modules"):
            if view != keep and name in values[view].names:
                del getattr(self, view)[name]
        if name not in values[keep].names:
            values.pop(name, None)

    def __delattr__(self, name: str) -> None:
        for names in (self._parameter_names, self._buffer_names, self._module_names):
            if name in names:
                del names[name]
                del self.__dict__[name]
                return
        super().__delattr__(name)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for hooks in ("_backward_hooks", "_backward_pre_hooks"):  # of modules saved long ago
            self.__dict__.setdefault(hooks, OrderedDict())
        # Of its own, so that a shallow copy does not register names in the original.
        for view in ("_parameters", "_buffers", "_modules"):
            self.__dict__[view] = Registry(self, dict(self.__dict__[view].names))

    # ---- looking up ----

    def get_submodule(self, target: str) -> Module:
        """Returns the module with the qualified name ``target``, such as ``"encoder.0"``."""
        module: Module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Puts ``module`` in the place named ``target``; with ``strict`` there must be one.

        Raises:
            ValueError: no name, or no module. AttributeError: a name on the way leads to none.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """Returns the parameter with the qualified name ``target``."""
        return self._get_member(target, "_parameters", "nn.Parameter")

    def get_buffer(self, target: str) -> wg.Tensor:
        """Returns the buffer with the qualified name ``target``."""
        return self._get_member(target, "_buffers", "a buffer")

    def _get_member(self, target: str, registry: str, expected: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        if name not in getattr(module, registry):
            article = "" if expected.startswith("a ") else "an "
            raise AttributeError(f"`{name}` is not {article}{expected}")
        return getattr(module, name)

    # ---- walking ----

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yields this module and all below it, each once unless ``remove_duplicate`` is false."""
        if memo is None:
            memo = set()
        if self not in memo:
            if remove_duplicate:
                memo.add(self)
            yield prefix, self
            values = self.__dict__
            for name in values["_modules"].names:
                module = values[name]
                if module is not None:
                    path = prefix + ("." if prefix else "") + name
                    yield from module.named_modules(memo, path, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Yields this module and all below it, each once unless ``remove_duplicate`` is false."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yields the names and modules directly below this one, each module once."""
        seen = set()
        for name in self._module_names:
            module = self.__dict__[name]
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yields the modules directly below this one."""
        for _, module in self.named_children():
            yield module

    def _named_tensors(
        self, view: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            values = module.__dict__
            for name in values[view].names:
                tensor = values[name]
                if tensor is None or id(tensor) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(tensor))
                yield (path + "." + name if path else name), tensor

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yields qualified names and parameters, a shared one once unless told otherwise."""
        return self._named_tensors("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yields the parameters, as an optimizer takes them."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, wg.Tensor]]:
        """Yields qualified names and buffers."""
        return self._named_tensors("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[wg.Tensor]:
        """Yields the buffers."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    # ---- changing all of it ----

    def apply(self: Self, fn: Callable[[Module], None]) -> Self:
        """Calls ``fn`` on every module below this one, then on this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self: Self, fn: Callable[[wg.Tensor], wg.Tensor], recurse: bool = True) -> Self:
        values = self.__dict__
        if recurse:
            for module in self.children():
                module._apply(fn)
        for name in self._parameter_names:
            parameter = values[name]
            if parameter is None:
                continue
            grad = parameter.grad
            # Without its gradient for a moment: the two must agree in dtype and device at any time.
            parameter.grad = None
            with wg.no_grad():
                parameter.data = fn(parameter.data)
                if grad is not None:
                    parameter.grad = fn(grad).requires_grad_(grad.requires_grad)
        for name in self._buffer_names:
            buffer = values[name]
            if is_lazy(buffer):
                buffer.data = fn(buffer.data)
            elif buffer is not None:
                values[name] = fn(buffer)
        return self

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Moves all parameters and buffers to a device, a floating-point dtype, or both, in place.

        Takes ``to(device)``, ``to(dtype)``, ``to(device, dtype)`` or ``to(tensor)``. Integer
        buffers keep their dtype. ``memory_format`` lays out what has four or five dimensions.
        """
        device, dtype, non_blocking, memory_format = _parse_to(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )

        def convert(tensor: wg.Tensor) -> wg.Tensor:
            inexact = tensor.is_floating_point() or tensor.is_complex()
            target = dtype if inexact and dtype is not None else tensor.dtype
            moved = tensor.to(device or tensor.device, target, non_blocking)
            if memory_format is not None and tensor.dim() in (4, 5):
                moved = moved.contiguous(memory_format=memory_format)
            return moved

        return self._apply(convert)

    def _cast(self: Self, dtype: wg.dtype) -> Self:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self: Self) -> Self:
        """Casts floating-point parameters and buffers to float32."""
        return self._cast(wg.float32)

    def double(self: Self) -> Self:
        """Casts floating-point parameters and buffers to float64."""
        return self._cast(wg.float64)

    def half(self: Self) -> Self:
        """Casts floating-point parameters and buffers to float16."""
        return self._cast(wg.float16)

    def bfloat16(self: Self) -> Self:
        """Casts floating-point parameters and buffers to bfloat16."""
        return self._cast(wg.bfloat16)

    def type(self: Self, dst_type: wg.dtype) -> Self:
        """Casts all parameters and buffers to ``dst_type``."""
        return self._apply(lambda t: t.to(dst_type))

    def cpu(self: Self) -> Self:
        """Moves parameters and buffers to the CPU."""
        return self._apply(lambda t: t.to("cpu"))

    def cuda(self: Self, device: int | wg.device | None = None) -> Self:
        """Moves parameters and buffers to a GPU."""
        return self._apply(lambda t: t.cuda(device))

    def share_memory(self: Self) -> Self:
        """Asks all parameters and buffers for :meth:`wengert.Tensor.share_memory_`."""
        return self._apply(lambda t: t.share_memory_())

    def to_empty(self: Self, *, device: Any, recurse: bool = True) -> Self:
        """Moves to ``device`` without copying the values, which are then arbitrary."""
        return self._apply(lambda t: wg.empty_like(t, device=device), recurse)

    def train(self: Self, mode: bool = True) -> Self:
        """Sets training mode, which matters to dropout and batch normalisation, on all modules."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: Self) -> Self:
        """Sets evaluation mode; the same as ``train(False)``."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Sets on every parameter whether gradients are recorded."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the parameters' gradients, or fills them with zeros."""
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                if parameter.grad.grad_fn is not None:
                    parameter.grad.detach_()
                else:
                    parameter.grad.requires_grad_(False)
                parameter.grad.zero_()

    def __dir__(self) -> list[str]:
        # Without the names of children such as "0", which cannot be typed.
        return sorted(name for name in super().__dir__() if not name[:1].isdigit())

    # ---- printing ----

    def _get_name(self) -> str:
        return self.__class__.__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses when the module is printed."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        child_lines = [
            f"({name}): {_indent(repr(self.__dict__[name]))}" for name in self._module_names
        ]
        lines = extra_lines + child_lines
        if not lines:
            return self._get_name() + "()"
        if len(extra_lines) == 1 and not child_lines:
            return f"{self._get_name()}({extra_lines[0]})"
        return self._get_name() + "(\n  " + "\n  ".join(lines) + "\n)"


# What a module registers on assignment, and what the error calls it.
_KINDS = ((Parameter, "parameters"), (Module, "module"), (Buffer, "buffer"))


def _parse_to(
    *args: Any,
    device: Any = None,
    dtype: Any = None,
    non_blocking: bool = False,
    memory_format: Any = None,
) -> tuple[Any, Any, bool, Any]:
    for argument in args:
        if isinstance(argument, wg.Tensor):
            device, dtype = argument.device, argument.dtype
        elif isinstance(argument, wg.dtype):
            dtype = argument
        elif isinstance(argument, bool):
            non_blocking = argument
        elif argument is not None:
            device = argument
    return device, dtype, non_blocking, memory_format


def _indent(text: str, by: int = 2) -> str:
    return text.replace("\n", "\n" + " " * by)


def _type_name(value: Any) -> str:
    kind = type(value)
    if kind.__module__ in (None, "builtins"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
