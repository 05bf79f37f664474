"""Hooks on graphs: gradient edges, hooks on several tensors, on saved values, on a block's edges.

Public under ``wengert.autograd.graph``.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from wengert import _C
from wengert._C import Node, Tensor

__all__ = [
    "GradientEdge",
    "GradientObserver",
    "RunningBackward",
    "SavedTensor",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "queue_callback",
    "register_multi_grad_hook",
    "running_backward",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class GradientEdge(NamedTuple):
    """Where a gradient goes: output ``output_nr`` of the operation that ``node`` recorded.

    ``autograd.grad`` and ``autograd.backward`` take it in the place of a tensor.
    """

    node: Node
    output_nr: int
    ownership_token: Node | None = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge that the gradient of ``tensor`` goes to; it does not keep the tensor.

    Raises RuntimeError if the tensor needs no gradient.

    >>> x = wg.ones(1, requires_grad=True)
    >>> y = x * 2
    >>> edge = wg.autograd.graph.get_gradient_edge(y)
    >>> z = (y * y).sum()
    >>> wg.autograd.grad(z, edge)
    (tensor([4.]),)
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    return GradientEdge(*_C._gradient_edge(tensor))


class RunningBackward(NamedTuple):
    """A backward call that is running: its number, and whether it adds to ``.grad`` of all leaves
    (not so with ``inputs=``, and in ``autograd.grad``)."""

    id: int
    fills_all_leaves: bool


def running_backward() -> RunningBackward | None:
    """The innermost backward call that is running in this thread, or None.

    >>> wg.autograd.graph.running_backward() is None
    True
    """
    number = _C._run_id()
    return None if number < 0 else RunningBackward(number, _C._run_fills_all_leaves())


def queue_callback(callback: Callable[[], None]) -> None:
    """Calls ``callback()`` when the backward call that is running is about to return.

    For hooks and backward rules; raises RuntimeError elsewhere.

    >>> x = wg.ones(1, requires_grad=True)
    >>> def hook(grad):
    ...     wg.autograd.graph.queue_callback(lambda: print("the last word"))
    >>> handle = x.register_hook(hook)
    >>> x.sum().backward()
    the last word
    """
    _C._at_end_of_run(callback)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Notes a write in place that wengert cannot see, such as one by other code through a pointer.

    Values saved before it are then known to be gone.

    >>> x = wg.ones(1)
    >>> wg.autograd.graph.increment_version(x)
    >>> x._version
    1
    """
    if not isinstance(tensor, Tensor | Iterable):
        raise RuntimeError(
            "increment_version expect a Iterable[Tensor] as input\n"
            f"  tensor: {type(tensor).__name__}"
        )
    for one in (tensor,) if isinstance(tensor, Tensor) else tensor:
        _C._increment_version(one)


# --- several tensors at once ---


class _Handles:
    """Removes all hooks of one registration."""

    def __init__(self, handles: Sequence[_C._RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Removes the hooks; a second call does nothing."""
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor],
    fn: Callable[[Sequence[Tensor | None]], None] | Callable[[Tensor], None],
    *,
    mode: str = "all",
) -> _Handles:
    """Calls ``fn`` once per backward call when gradients of ``tensors`` are known.

    With ``mode="all"`` it is ``fn(gradients)``, when those of all tensors that the call reaches are
    known; tensors that it does not reach have None. With ``mode="any"`` it is ``fn(gradient)``,
    with the first one. Returns a handle with ``remove()``.

    >>> x, y = wg.ones(1, requires_grad=True), wg.ones(1, requires_grad=True)
    >>> handle = wg.autograd.graph.register_multi_grad_hook((x, y), print)
    >>> (x * 2 + y).sum().backward()
    [tensor([2.]), tensor([1.])]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    lock = threading.Lock()
    handles: list[_C._RemovableHandle] = []
    running: dict[int, list[Any]] = {}  # by backward call: gradients to come, and those known

    def begin(run: int) -> list[Any]:
        for stale in [key for key in running if key < run - 1000]:  # of calls that failed
            del running[stale]
        nodes = [handle._node for handle in handles]
        count = sum(node is not None and _C._will_reach(node) for node in nodes)
        running[run] = [count, [None] * len(handles)]
        _C._at_end_of_run(lambda: finish(run))
        return running[run]

    def finish(run: int) -> None:
        # Gradients that turn out to be zero never come.
        state = running.pop(run, None)
        if state is not None and mode == "all":
            fn(state[1])

    def hook_of(index: int) -> Callable[[Tensor], None]:
        def hook(gradient: Tensor) -> None:
            run = _C._run_id()
            with lock:
                first = run not in running
                state = begin(run) if first else running[run]
                state[0] -= 1
                state[1][index] = gradient
            if mode == "any":
                if first:
                    fn(gradient)  # type: ignore[arg-type]
            elif state[0] == 0:
                finish(run)

        return hook

    for i, tensor in enumerate(tensors):
        handles.append(_C._add_hook(tensor, hook_of(i)))
    return _Handles(handles)


# --- saved values ---


class SavedTensor:
    """A value that a node keeps for its rule: ``grad_fn._raw_saved_self``, for hooks of its own."""

    def __init__(self, node: Node, role: str, index: int) -> None:
        self._place = (node, role, index)

    def register_hooks(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        """Packs the value at once, and unpacks it when it is used; see `saved_tensors_hooks`.

        Raises RuntimeError if it has hooks already or the graph was freed.

        >>> x = wg.tensor([3.0], requires_grad=True)
        >>> y = x.exp()
        >>> y.grad_fn._raw_saved_result.register_hooks(lambda t: t.tolist(), wg.tensor)
        >>> wg.autograd.grad(y, x)
        (tensor([20.0855]),)
        """
        _C._hook_saved(*self._place, pack_hook, unpack_hook)


def _raw_saved(node: Node, role: str, count: int) -> SavedTensor | tuple[SavedTensor, ...]:
    """What `node._raw_saved_ROLE` gives: one value, or those of a list."""
    values = tuple(SavedTensor(node, role, i) for i in range(count))
    return values[0] if count == 1 else values


class saved_tensors_hooks:
    """Packs what is saved for backward inside of the block, and unpacks it when it is used.

    ``pack_hook(tensor)`` returns anything; ``unpack_hook(packed)`` must return a tensor with the
    same values, shape and dtype. Neither may write to its tensor in place. Raises RuntimeError
    under :func:`disable_saved_tensors_hooks`.

    >>> x = wg.tensor([1.0, 2.0], requires_grad=True)
    >>> with wg.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), wg.tensor):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 4.])
    """

    def __init__(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        _C._push_saved_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _C._pop_saved_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Keeps what is saved inside of the block in the CPU's memory.

    It is brought back to its device when backward needs it. ``pin_memory`` makes the copies from
    and to another device asynchronous. Tensors that are on the CPU stay as they are.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(tensor: Tensor) -> tuple[_C.device, Tensor]:
            return tensor.device, tensor.cpu()

        def unpack(packed: tuple[_C.device, Tensor]) -> Tensor:
            device, tensor = packed
            return tensor.to(device, non_blocking=pin_memory)

        super().__init__(pack, unpack)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Inside of the block :class:`saved_tensors_hooks` raises RuntimeError with that message."""
    before = _C._disable_saved_hooks(error_message)
    try:
        yield
    finally:
        _C._disable_saved_hooks(before)


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """Saves copies inside of the block, so that the originals may be written to in place.

    This costs the memory of the copies.

    >>> x = wg.ones(1, requires_grad=True)
    >>> with wg.autograd.graph.allow_mutation_on_saved_tensors():
    ...     y = x * 2
    ...     z = y.square()
    ...     _ = y.zero_()
    >>> z.sum().backward()
    >>> x.grad
    tensor([8.])
    """
    with saved_tensors_hooks(lambda tensor: tensor.clone(), lambda tensor: tensor):
        yield


# --- the edges of a block ---


class GradientObserver:
    """Looks at the gradients of ``tensors`` as far as they come from operations recorded from now
    on, until :meth:`end`.

    ``hook(gradients)`` is called once per backward call, with a tuple that has None in the place
    of zeros, and returns such a tuple. Use ``observer.tensors`` in the place of ``tensors``: they
    are the same objects, except for leaves. Writes in place to them are recorded as ever. All
    must need a gradient. This is what hooks on modules are made of.

    >>> x = wg.ones(1, requires_grad=True) * 2
    >>> observer = wg.autograd.graph.GradientObserver([x], lambda g: (print(g), g)[1])
    >>> y = observer.tensors[0] * 3
    >>> observer.end()
    >>> (y + x * 10).sum().backward()
    (tensor([3.]),)
    """

    def __init__(
        self,
        tensors: Sequence[Tensor],
        hook: Callable[[tuple[Tensor | None, ...]], tuple[Tensor | None, ...]],
    ) -> None:
        self.tensors, self._node = _C._observe(tuple(tensors), hook)

    def watches(self, tensor: Tensor) -> bool:
        """Whether the tensor is one of those that are observed, and was not written to since."""
        return tensor.grad_fn is self._node

    def end(self) -> None:
        """From now on the tensors are what they were before."""
        _C._stop_observing(self.tensors, self._node)
