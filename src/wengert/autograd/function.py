"""Functions whose forward and backward are written by the user."""

from __future__ import annotations

import functools
import inspect
import sys
import weakref
from collections.abc import Callable
from typing import Any

from wengert import _C
from wengert._C import _FunctionBase, _refuse_gradient
from wengert._C import _FunctionCtx as FunctionCtx

from ._function_transforms import apply_in_transform as _apply_in_transform  # noqa: F401
from ._names import place
from .grad_mode import no_grad

__all__ = ["Function", "FunctionCtx", "InplaceFunction", "once_differentiable"]


class Function(_FunctionBase):
    """What custom operations inherit from: static methods ``forward`` and ``backward``.

    ``forward(ctx, *args)`` computes the outputs, a tensor or a tuple; nothing in it is recorded.
    ``backward(ctx, *grad_outputs)`` gets one gradient per output and returns one per argument of
    ``forward``: a tensor, or None. ``apply`` runs it. Arguments and outputs that are no tensors
    pass through. What backward needs goes to ``ctx.save_for_backward(*tensors)``, and what is no
    tensor becomes an attribute of ``ctx``. In the second style ``forward(*args)`` has no ``ctx``
    and a static method ``setup_context(ctx, inputs, output)`` fills it.

    Gradients are checked when backward returns them: RuntimeError names the argument of
    ``forward`` whose gradient is missing or has the wrong shape. Gradients of shapes that forward
    broadcast are summed. Values that ``forward`` computed and kept, which are no inputs and no
    outputs, serve for first derivatives; a second derivative through them would be wrong and
    raises RuntimeError.

    >>> class Cube(wg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x**2 * grad
    >>> x = wg.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    # Whether vmap may derive its rule from forward and backward.
    generate_vmap_rule = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself. Instantiating an autograd "
            "function is not supported: call its apply()."
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Computes the outputs; every function defines it."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Any, ...], output: Any) -> Any:
        """Fills ``ctx`` where ``forward`` is written without it."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: FunctionCtx, *grad_outputs: Any) -> Any:
        """The gradients of forward's arguments from those of its outputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @staticmethod
    def vjp(ctx: FunctionCtx, *grad_outputs: Any) -> Any:
        """Another name for :meth:`backward`; a function defines one of the two."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @staticmethod
    def jvp(ctx: FunctionCtx, *grad_inputs: Any) -> Any:
        """The tangents of the outputs from those of the arguments."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        """Computes a batch at once; returns the outputs and where their batch dimensions are."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap static method "
            "or set generate_vmap_rule=True."
        )


class InplaceFunction(Function):
    """A function that may write to its inputs; it has the same interface as ``Function``."""


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a ``backward`` that is not made of differentiable operations.

    It runs under ``no_grad``. Its results can be differentiated no further: doing so raises
    RuntimeError.

    >>> class Negative(wg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return -x
    ...     @staticmethod
    ...     @wg.autograd.function.once_differentiable
    ...     def backward(ctx, grad):
    ...         return -grad
    >>> x = wg.tensor(2.0, requires_grad=True)
    >>> wg.autograd.grad(Negative.apply(x), x)
    (tensor(-1.),)
    """

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            outputs = fn(ctx, *args)
        if not _C.is_grad_enabled():
            return outputs
        # The results depend on the gradients that came in, and on what forward was given.
        node = ctx._node if isinstance(ctx, FunctionCtx) else None
        sources = [arg for arg in args if isinstance(arg, _C.Tensor) and arg.requires_grad]
        if not sources and node is None:
            return outputs
        message = (
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )
        if node is not None:
            name = node.name().removesuffix("Backward")
            message += f"\n  function: {name}, applied at {place(node.site)}"

        def refuse(value: Any) -> Any:
            if (
                not isinstance(value, _C.Tensor)
                or not value.is_floating_point() | value.is_complex()
            ):
                return value
            return _refuse_gradient(value, node, tuple(sources), message)

        if isinstance(outputs, tuple | list):
            return tuple(map(refuse, outputs))
        return refuse(outputs)

    return wrapper


# --- what the core calls ---

_signatures: weakref.WeakKeyDictionary[Any, inspect.Signature] = weakref.WeakKeyDictionary()


def _signature(function: type[Function]) -> tuple[inspect.Signature, bool]:
    """Of ``forward`` without ``ctx``; and whether it is written without."""
    forward = function.forward
    separate = function.setup_context is not Function.setup_context
    found = _signatures.get(forward)
    if found is None:
        found = _signatures[forward] = inspect.signature(forward)
    if separate:
        return found, True
    return found.replace(parameters=list(found.parameters.values())[1:]), False


def _bind(
    function: type[Function], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    """The arguments in order, for ``apply(x, factor=2)``."""
    signature, separate = _signature(function)
    bound = signature.bind(*args, **kwargs)
    if separate:
        bound.apply_defaults()
    if bound.kwargs:
        raise TypeError(
            f"{function.__name__}.apply(): forward takes {', '.join(bound.kwargs)} by keyword "
            "only; gradients belong to positional parameters"
        )
    return bound.args


def _parameter_name(function: type[Function], index: int) -> str:
    """How ``forward`` calls its argument."""
    name = f"argument {index}"
    try:
        parameters = list(_signature(function)[0].parameters.values())
    except (TypeError, ValueError):  # written in C
        return name
    for i, parameter in enumerate(parameters):
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL and index >= i:
            return f"{parameter.name}[{index - i}]"
        if i == index:
            return parameter.name
    return name


_C._set_function_module(sys.modules[__name__])
