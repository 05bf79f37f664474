"""Operators that programs define: functions with a name, found again as ``ops.namespace.name``.

A custom operator here is a Python function with a derivative of its own. What only a compiler or
another device needs, fake kernels and schemas, is accepted and not used.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any

from wengert import _C, _missing
from wengert.autograd.function import Function

__all__ = ["CustomOpDef", "Library", "custom_op", "define", "impl", "impl_abstract",
           "register_autocast", "register_autograd", "register_fake", "register_kernel",
           "register_vmap", "triton_op", "wrap_triton"]  # fmt: skip

# By "namespace::name".
_operators: dict[str, CustomOpDef] = {}


def _check_name(name: str) -> None:
    if name.count("::") != 1 or not all(name.split("::")):
        raise ValueError(
            f'Expected the operator name to be of the form "namespace::name", got {name!r}'
        )


def _find(op: Any) -> CustomOpDef:
    if isinstance(op, CustomOpDef):
        return op
    name = str(op).partition(".")[0]
    _check_name(name)
    if name not in _operators:
        raise RuntimeError(f"operator {name} does not exist; define it by library.custom_op")
    return _operators[name]


class CustomOpDef:
    """An operator that :func:`custom_op` made. Calling it runs its function, and records one node.

    Attributes of PyTorch's operators that programs use, ``default`` and ``overloads()``, are there.
    """

    def __init__(self, name: str, function: Callable[..., Any] | None) -> None:
        self._qualname = name
        self._function = function
        self._backward: Callable[..., Any] | None = None
        self._setup_context: Callable[..., Any] | None = None
        self._rule: Any = None
        self._vmap: Callable[..., Any] | None = None
        self.__name__ = name.rpartition("::")[2]
        if function is not None:
            self.__doc__ = function.__doc__

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    @property
    def default(self) -> CustomOpDef:
        """The operator itself, which has no overloads."""
        return self

    def overloads(self) -> list[str]:
        """The names of the overloads."""
        return ["default"]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._function is None:
            raise NotImplementedError(f"{self._qualname}: no function was registered for the CPU")
        if kwargs or len(args) != self._count():
            bound = inspect.signature(self._function).bind(*args, **kwargs)
            bound.apply_defaults()
            args = tuple(bound.arguments.values())
        if self._rule is None:
            self._rule = self._make_rule()
        return self._rule.apply(*args)

    def _count(self) -> int:
        assert self._function is not None
        return len(inspect.signature(self._function).parameters)

    def _make_rule(self) -> type[Function]:
        operator = self
        call: Any = self._function

        class Rule(Function):
            @staticmethod
            def forward(*args: Any) -> Any:
                return call(*args)

            @staticmethod
            def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
                if operator._setup_context is not None:
                    operator._setup_context(ctx, inputs, output)

            @staticmethod
            def backward(ctx: Any, *grads: Any) -> Any:
                if operator._backward is None:
                    raise RuntimeError(
                        f"Trying to backward through {operator._qualname} but no autograd formula "
                        "was registered. Please use register_autograd to add one."
                    )
                return operator._backward(ctx, *grads)

        if self._vmap is not None:
            vars_of_rule: Any = Rule
            vars_of_rule.vmap = staticmethod(self._vmap)
        Rule.__name__ = self.__name__
        return Rule

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """Sets the derivative: ``backward(ctx, *grads)``, one gradient for each argument.

        ``setup_context(ctx, inputs, output)`` keeps what backward needs.
        """
        self._backward, self._setup_context = backward, setup_context

    def register_kernel(
        self, device_types: str | Iterable[str] | None, fn: Callable[..., Any] | None = None, /
    ) -> Any:
        """Sets the function for the CPU, if that is among the devices. Also a decorator."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            devices = [device_types] if isinstance(device_types, str) else device_types
            if devices is None or "cpu" in devices:
                self._function, self._rule = function, None
            return function

        return register if fn is None else register(fn)

    def register_fake(self, fn: Callable[..., Any], /) -> Callable[..., Any]:
        """Takes the function that gives empty results; nothing uses it."""
        return fn

    def register_vmap(self, func: Callable[..., Any] | None = None) -> Any:
        """Sets the rule of vmap: ``func(info, in_dims, *args)``, as autograd.Function has it."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self._vmap, self._rule = function, None
            return function

        return register if func is None else register(func)


def custom_op(
    name: str,
    fn: Callable[..., Any] | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: str | Iterable[str] | None = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """Makes an operator ``"namespace::name"`` of a function on tensors. Also a decorator.

    Nothing inside of the function is recorded; `register_autograd` of the result sets the
    derivative. Raises ValueError for another form of name.

    >>> @wg.library.custom_op("docs::cube", mutates_args=())
    ... def cube(x: wg.Tensor) -> wg.Tensor:
    ...     return x**3
    >>> cube.register_autograd(
    ...     lambda ctx, grad: 3 * ctx.saved_tensors[0] ** 2 * grad,
    ...     setup_context=lambda ctx, inputs, output: ctx.save_for_backward(inputs[0]),
    ... )
    >>> x = wg.tensor(2.0, requires_grad=True)
    >>> wg.ops.docs.cube(x).backward()
    >>> x.grad
    tensor(12.)
    """
    _check_name(name)

    def define(function: Callable[..., Any]) -> CustomOpDef:
        operator = CustomOpDef(name, None)
        operator.__doc__ = function.__doc__
        operator.register_kernel(device_types, function)
        _operators[name] = operator
        return operator

    return define if fn is None else define(fn)


triton_op = custom_op


def wrap_triton(triton_kernel: Any, /) -> Any:
    """Returns the kernel itself."""
    return triton_kernel


def define(qualname: str, schema: str, *, lib: Any = None, tags: Any = ()) -> None:
    """Makes an operator without a function; :func:`impl` gives it one."""
    _check_name(qualname)
    _operators[qualname] = CustomOpDef(qualname, None)


def impl(
    qualname: str,
    types: str | Iterable[str],
    func: Callable[..., Any] | None = None,
    *,
    lib: Any = None,
) -> Any:
    """Sets the function of an operator on these devices. Also a decorator."""
    devices = [types] if isinstance(types, str) else list(types)
    known = {"default", "cpu", "CompositeExplicitAutograd", "CompositeImplicitAutograd", "CPU"}
    here = ["cpu"] if known & set(devices) else devices
    return _find(qualname).register_kernel(here, func)


def register_kernel(
    op: Any, device_types: Any, func: Callable[..., Any] | None = None, /, *, lib: Any = None
) -> Any:
    """Sets the function of an operator on these devices. Also a decorator."""
    return _find(op).register_kernel(device_types, func)


def register_autograd(
    op: Any,
    backward: Callable[..., Any],
    /,
    *,
    setup_context: Callable[..., Any] | None = None,
    lib: Any = None,
) -> None:
    """Sets the derivative of an operator; see :meth:`CustomOpDef.register_autograd`."""
    _find(op).register_autograd(backward, setup_context=setup_context)


def register_vmap(op: Any, func: Callable[..., Any] | None = None, /, *, lib: Any = None) -> Any:
    """Sets the rule of vmap of an operator. Also a decorator."""
    return _find(op).register_vmap(func)


def register_fake(
    op: Any,
    func: Callable[..., Any] | None = None,
    /,
    *,
    lib: Any = None,
    _stacklevel: int = 1,
    allow_override: bool = False,
) -> Any:
    """Takes the function that gives empty results; nothing uses it. The operator need not exist."""
    return func if func is not None else lambda function: function


impl_abstract = register_fake


def register_autocast(op: Any, device_type: str, cast_inputs: Any, /, *, lib: Any = None) -> None:
    """Not supported: raises NotImplementedError. Cast the inputs in the operator's function."""
    raise NotImplementedError(
        f"library.register_autocast(): {_C._shown_package()} does not cast the inputs of custom "
        "operators; do so in the function itself"
    )


class Library:
    """Defines operators of one namespace.

    kind: "DEF", "IMPL" or "FRAGMENT", between which nothing differs here.
    """

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        if kind not in ("DEF", "IMPL", "FRAGMENT"):
            raise ValueError("Unsupported kind: " + kind)
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key

    def __repr__(self) -> str:
        return f"Library(kind={self.kind}, ns={self.ns}, dispatch_key={self.dispatch_key})>"

    def define(self, schema: str, alias_analysis: str = "", *, tags: Any = ()) -> str:
        """Makes the operator of a schema such as ``"double(Tensor x) -> Tensor"``."""
        name = schema.partition("(")[0].strip()
        define(f"{self.ns}::{name}", schema)
        return name

    def impl(
        self, op_name: Any, fn: Callable[..., Any], dispatch_key: str = "", **kwargs: Any
    ) -> None:
        """Sets the function of an operator, if the key is of the CPU or of any device."""
        name = op_name._qualname if isinstance(op_name, CustomOpDef) else f"{self.ns}::{op_name}"
        key = dispatch_key or self.dispatch_key or "default"
        if key not in ("Meta", "CUDA", "AutogradCUDA", "AutocastCUDA", "AutocastXPU"):
            impl(name, key, fn)


def __getattr__(name: str) -> Any:
    _missing.raise_missing(sys.modules[__name__], name)
