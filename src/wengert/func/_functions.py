"""What looks at transforms, and what PyTorch needs for a compiler."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import wengert as wg
from wengert import _C

__all__ = ["debug_unwrap", "functionalize"]

_REMOVE = ("mutations", "mutations_and_views")


def debug_unwrap(tensor: wg.Tensor, *, recurse: bool = True) -> wg.Tensor:
    """The tensor that one inside of a transform stands for, to look at it.

    Inside of :func:`vmap` that is the whole batch, inside of :func:`jvp` the value without its
    tangent. A tensor that no transform knows is given back as it is. To compute with the result
    is no use: gradients and batches do not see it.

    Args:
        tensor: any tensor.
        recurse: look through all transforms, not only through the innermost.

    >>> from wengert.func import debug_unwrap, vmap
    >>> def f(x):
    ...     print(x.shape, debug_unwrap(x).shape)
    ...     return x
    >>> _ = vmap(f)(wg.zeros(5, 2))
    wengert.Size([2]) wengert.Size([5, 2])
    """
    found = _C._wrapper_of(tensor)
    while found is not None:
        tensor = found[3]
        found = _C._wrapper_of(tensor) if recurse else None
    return tensor


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """``func`` itself, as seen from outside.

    PyTorch's ``functionalize`` rewrites the operations that a compiler or a tracer gets to see, so
    that none of them writes in place (``remove="mutations"``) or makes a view
    (``"mutations_and_views"``); results and effects stay the same. wengert has no tracer: there is
    nothing to rewrite, and every transform takes writes and views as they are.

    Raises RuntimeError for another value of ``remove``.

    >>> from wengert.func import functionalize
    >>> functionalize(lambda x: x.clone().add_(1))(wg.zeros(2))
    tensor([1., 1.])
    """
    if remove not in _REMOVE:
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. "
            f"Valid options are:\n     remove='mutations': all inplace and out= operators will be "
            "removed from the program, and replaced with their out-of-place equivalents.\n     "
            "remove='mutations_and_views': In addition to the above, all aliasing operators (such "
            "as `.view()`) are taken for operators that copy."
        )

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapped
