"""What the composite operators share: argument checks and shapes, no mathematics."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeGuard

import wengert
from wengert import _ops
from wengert._C import Tensor as _Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wengert import Tensor


def is_tensor(value: Any) -> TypeGuard[Tensor]:
    return isinstance(value, wengert.Tensor)


def is_inexact(tensor: Tensor) -> bool:
    dtype = tensor.dtype
    return dtype.is_floating_point or dtype.is_complex


def dtype_name(dtype: Any) -> str:
    """`float32` for `wengert.float32`."""
    return str(dtype).rpartition(".")[2]


def describe(**tensors: Tensor) -> str:
    """The lines that follow an error's sentence, one per argument."""
    return "".join(
        f"\n  {name}: {dtype_name(tensor.dtype)}{list(tensor.shape)} {tensor.device}"
        for name, tensor in tensors.items()
    )


def wrap_dim(operator: str, dim: int, ndim: int) -> int:
    """The index of a dimension counted from the front; a 0-d tensor counts as 1-d."""
    bound = ndim or 1
    if -bound <= dim < bound:
        return dim + bound if dim < 0 else dim
    raise IndexError(
        f"{operator}(): Dimension out of range "
        f"(expected to be in range of [{-bound}, {bound - 1}], but got {dim})"
    )


def wrap_dims(operator: str, dims: int | Iterable[int] | None, ndim: int) -> list[int]:
    """All the dimensions named, counted from the front; none named means every one."""
    if dims is None:
        return list(range(ndim))
    if isinstance(dims, int):
        return [wrap_dim(operator, dims, ndim)]
    wrapped = [wrap_dim(operator, dim, ndim) for dim in dims]
    if not wrapped:
        return list(range(ndim))
    if len(set(wrapped)) != len(wrapped):
        twice = next(dim for dim in wrapped if wrapped.count(dim) > 1)
        raise RuntimeError(f"{operator}(): dim {twice} appears multiple times in the list of dims")
    return wrapped


def sizes(arguments: Sequence[Any]) -> tuple[int, ...]:
    """Sizes given either as one sequence or one by one: `f((2, 3))` or `f(2, 3)`."""
    if len(arguments) == 1 and not isinstance(arguments[0], int):
        first = arguments[0]
        return (int(first),) if is_tensor(first) and first.dim() == 0 else tuple(first)
    return tuple(arguments)


def tensor_list(arguments: Sequence[Any]) -> list[Tensor]:
    """Tensors given either as one sequence or one by one."""
    if len(arguments) == 1 and isinstance(arguments[0], (list, tuple)):
        return list(arguments[0])
    return list(arguments)


def takes_part(value: Any) -> bool:
    """Is it no tensor, and of a class that says what functions make of its objects?"""
    return hasattr(type(value), "__torch_function__") and not is_tensor(value)


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Says which argument is no tensor, once the lack of an attribute has shown that one is not.

    Only then is anything looked at: a call that goes well costs as little as the call itself. An
    object whose class has `__torch_function__` comes first as the first argument.
    """
    needed = [name for name, kind in function.__annotations__.items() if kind == "Tensor"]
    if not needed:
        return function

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if args and type(args[0]) is not _Tensor and takes_part(args[0]):
            return _ops._handle_torch_function(call, args, args, kwargs)
        try:
            return function(*args, **kwargs)
        except AttributeError:
            given = inspect.signature(function).bind(*args, **kwargs).arguments
            for position, (name, value) in enumerate(given.items(), 1):
                if name in needed and not is_tensor(value):
                    raise TypeError(
                        f"{function.__name__}(): argument '{name}' (position {position}) must be "
                        f"Tensor, not {type(value).__name__}"
                    ) from None
            raise

    return call


def with_out(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a composite operator the parameter `out`: where its result, or results, are written."""
    signature = inspect.signature(function)
    out = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
    name = function.__name__

    @functools.wraps(function)
    def with_out_parameter(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        return write_out(function(*args, **kwargs), out, name)

    with_out_parameter.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), out]
    )
    return with_out_parameter


def write_out(result: Any, out: Any, operator: str) -> Any:
    """`result`, or `out` holding it, as `out=` of a native operator does. Both may be tuples."""
    if out is None:
        return result
    if is_tensor(result):
        if not is_tensor(out):
            kind = type(out).__name__
            raise TypeError(f"{operator}(): argument 'out' must be Tensor, not {kind}")
        return _ops._write_out(out, result, operator)
    if is_tensor(out) or len(out) != len(result):
        raise TypeError(f"{operator}(): out must be a tuple of {len(result)} tensors")
    for target, value in zip(out, result, strict=True):
        _ops._write_out(target, value, operator)
    return type(result)(*out) if hasattr(result, "_fields") else tuple(out)
