"""Hooks on modules: functions that are called around ``forward`` and during backward.

Backward hooks sit on edges of the graph (see ``autograd.graph.GradientObserver``), not on views of
the tensors, so modules may write to their inputs and outputs in place.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import wengert as wg

from ...utils.hooks import RemovableHandle

__all__ = [
    "register_module_backward_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]


# Hooks that hold for all modules.
every_forward: OrderedDict = OrderedDict()
every_forward_pre: OrderedDict = OrderedDict()
every_backward: OrderedDict = OrderedDict()
every_backward_pre: OrderedDict = OrderedDict()


def _add(hooks: OrderedDict, value: Any, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = value
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls ``hook(module, args)`` before the ``forward`` of every module there is."""
    return _add(every_forward_pre, (hook, False))


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Calls ``hook(module, args, output)`` after the ``forward`` of every module there is."""
    return _add(every_forward, (hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls ``hook(module, grad_output)`` in backward before the part of every module there is."""
    return _add(every_backward_pre, hook)


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Calls ``hook(module, grad_input, grad_output)`` in backward for every module there is."""
    return _add(every_backward, hook)


def register_module_backward_hook(hook: Callable) -> RemovableHandle:
    """The same as :func:`register_module_full_backward_hook`."""
    return register_module_full_backward_hook(hook)


class HooksMixin:
    """The calling of a module and the hooks around it."""

    _forward_hooks: OrderedDict
    _forward_pre_hooks: OrderedDict
    _backward_hooks: OrderedDict
    _backward_pre_hooks: OrderedDict
    forward: Callable[..., Any]

    def _call_with_hooks(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        pre_hooks = (*every_forward_pre.values(), *self._forward_pre_hooks.values())
        hooks = (*every_forward.values(), *self._forward_hooks.values())
        before = (*every_backward_pre.values(), *self._backward_pre_hooks.values())
        after = (*every_backward.values(), *self._backward_hooks.values())
        backward = _BackwardHooks(self, before, after) if before or after else None
        finished = 0
        result = None
        try:
            for hook, with_kwargs in pre_hooks:
                replaced = hook(self, args, kwargs) if with_kwargs else hook(self, args)
                if replaced is None:
                    continue
                if not with_kwargs:
                    args = replaced if isinstance(replaced, tuple) else (replaced,)
                elif isinstance(replaced, tuple) and len(replaced) == 2:
                    args, kwargs = replaced
                else:
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {replaced}."
                    )
            if backward is None:
                result = self.forward(*args, **kwargs)
            else:
                result = backward.call(self.forward, args, kwargs)
            for hook, with_kwargs, _ in hooks:
                finished += 1
                replaced = _run_hook(hook, with_kwargs, self, args, kwargs, result)
                if replaced is not None:
                    result = replaced
            return result if backward is None else backward.look_at_outputs(result)
        except Exception:
            for hook, with_kwargs, always_call in hooks[finished:]:
                if not always_call:
                    continue
                try:
                    replaced = _run_hook(hook, with_kwargs, self, args, kwargs, result)
                    if replaced is not None:
                        result = replaced
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception that "
                        f"was silenced as another error was raised in forward: {error}",
                        stacklevel=3,
                    )
            raise

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(module, args)`` before ``forward``; what it returns replaces the arguments.

        With ``with_kwargs`` it is ``hook(module, args, kwargs)`` and returns both or ``None``.
        """
        return _add(self._forward_pre_hooks, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Calls ``hook(module, args, output)`` after ``forward``; its result replaces the output.

        Args:
            hook: the function; ``hook(module, args, kwargs, output)`` with ``with_kwargs``.
            prepend: run before the hooks that are registered already.
            with_kwargs: pass the keyword arguments too.
            always_call: run even if ``forward`` or another hook raised.
        """
        return _add(self._forward_hooks, (hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls ``hook(module, grad_input, grad_output)`` when both are known in backward.

        They are tuples: one gradient per positional argument and per output, None for those that
        are no tensors or need no gradient. ``grad_input`` holds what comes from this module alone.
        The tuple that the hook returns takes its place; RuntimeError if its length is wrong. The
        hook comes before others with ``prepend``.

        >>> import wengert as wg
        >>> layer = wg.nn.ReLU(inplace=True)
        >>> handle = layer.register_full_backward_hook(lambda m, given, got: print(given, got))
        >>> x = wg.tensor([-1.0, 2.0], requires_grad=True)
        >>> layer(x * 3).sum().backward()
        (tensor([0., 1.]),) (tensor([1., 1.]),)
        """
        return _add(self._backward_hooks, hook, prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(module, grad_output)`` before the module's part of backward.

        The tuple that it returns takes the place of ``grad_output``.
        """
        return _add(self._backward_pre_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """The same as :meth:`register_full_backward_hook` (PyTorch's older hooks see the gradients
        of the last operation instead of the module's)."""
        return self.register_full_backward_hook(hook)


def _run_hook(
    hook: Callable, with_kwargs: bool, module: Any, args: tuple, kwargs: dict, result: Any
) -> Any:
    if with_kwargs:
        return hook(module, args, kwargs, result)
    return hook(module, args, result)


class _BackwardHooks:
    """The backward hooks of one call of a module."""

    def __init__(self, module: Any, before: Sequence[Callable], after: Sequence[Callable]) -> None:
        self.module = module
        self.before = before
        self.after = after
        self.input_count = 0
        self.input_places: list[int] = []
        self.grad_outputs: tuple | None = None

    def call(self, forward: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
        self.input_count = len(args)
        self.input_places = _needing_gradients(args) if self.after else []
        if not self.input_places:
            return forward(*args, **kwargs)
        given = [args[i] for i in self.input_places]
        observer = wg.autograd.graph.GradientObserver(given, self.with_inputs)
        try:
            result = forward(*_placed(args, self.input_places, observer.tensors), **kwargs)
            # An input that is an output, too, is both: as an output it stays behind the observer.
            outputs = result if isinstance(result, tuple) else (result,)
            same = [i for i in _needing_gradients(outputs) if observer.watches(outputs[i])]
            if not same:
                return result
            views = [outputs[i].view_as(outputs[i]) for i in same]
            return _like(result, _placed(outputs, same, views))
        finally:
            observer.end()

    def look_at_outputs(self, result: Any) -> Any:
        outputs = result if isinstance(result, tuple) else (result,)
        places = _needing_gradients(outputs)
        if not places:
            return result
        count = len(outputs)

        def with_outputs(gradients: tuple) -> tuple:
            grads = _placed((None,) * count, places, gradients)
            for hook in self.before:
                grads = _replacement(hook(self.module, grads), grads, "grad_output")
            self.grad_outputs = grads
            if not self.input_places and self.after:
                self.without_inputs()
            return tuple(grads[i] for i in places)

        observer = wg.autograd.graph.GradientObserver([outputs[i] for i in places], with_outputs)
        return _like(result, _placed(outputs, places, observer.tensors))

    def with_inputs(self, gradients: tuple) -> tuple:
        if self.grad_outputs is None:
            raise RuntimeError(
                "Module backward hook for grad_input is called before the grad_output one. This "
                "happens because the gradient in your nn.Module flows to the Module's input "
                "without passing through the Module's output. Make sure that the output depends on "
                "the input and that the loss is computed based on the output."
            )
        grads = _placed((None,) * self.input_count, self.input_places, gradients)
        for hook in self.after:
            grads = _replacement(hook(self.module, grads, self.grad_outputs), grads, "grad_input")
        self.grad_outputs = None
        return tuple(grads[i] for i in self.input_places)

    def without_inputs(self) -> None:
        nothing = (None,) * self.input_count
        for hook in self.after:
            replaced = hook(self.module, nothing, self.grad_outputs)
            if replaced is not None and any(one is not None for one in _as_tuple(replaced)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )
        self.grad_outputs = None


def _needing_gradients(values: tuple) -> list[int]:
    if not wg.is_grad_enabled():
        return []
    return [i for i, value in enumerate(values)
            if isinstance(value, wg.Tensor) and value.requires_grad]  # fmt: skip


def _placed(values: tuple, places: list[int], tensors: Sequence[Any]) -> tuple:
    result = list(values)
    for i, tensor in zip(places, tensors, strict=True):
        result[i] = tensor
    return tuple(result)


def _like(result: Any, outputs: tuple) -> Any:
    """The outputs in the form of the result: one alone, a tuple, or a named tuple."""
    if not isinstance(result, tuple):
        return outputs[0]
    return type(result)(*outputs) if hasattr(result, "_fields") else type(result)(outputs)


def _as_tuple(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _replacement(returned: Any, before: tuple, name: str) -> tuple:
    if returned is None:
        return before
    returned = _as_tuple(returned)
    if len(returned) != len(before):
        raise RuntimeError(
            f"Backward hook returned an invalid number of {name}, got {len(returned)}, but "
            f"expected {len(before)}"
        )
    return returned
