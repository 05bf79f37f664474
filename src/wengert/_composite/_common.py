"""What the composite operators share: argument checks and shapes, no mathematics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import wengert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


def write_out(result: Tensor, out: Tensor | None, operator: str) -> Tensor:
    """`result`, or `out` holding it, as `out=` of a native operator does."""
    if out is None:
        return result
    if wengert.is_grad_enabled() and (result.requires_grad or out.requires_grad):
        raise RuntimeError(
            f"{operator}(): functions with out=... arguments don't support automatic "
            "differentiation, but one of the arguments requires grad." + describe(out=out)
        )
    if out.shape != result.shape:
        out.resize_(result.shape)
    return out.copy_(result)
