"""Checkpointing: a block's intermediate values are computed again in backward, not kept.

T. Chen, B. Xu, C. Zhang, C. Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import wengert as wg

from .. import random
from ..amp.autocast_mode import autocast, get_autocast_dtype, is_autocast_enabled
from ..autograd.function import Function
from ..autograd.graph import queue_callback, running_backward, saved_tensors_hooks
from ._pytree import tree_flatten, tree_unflatten

__all__ = [
    "CheckpointError",
    "checkpoint",
    "checkpoint_sequential",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_early_stop",
    "set_device_states",
]


class CheckpointError(RuntimeError):
    """The second run of a checkpointed function did something else than the first."""


class _Enough(BaseException):
    """Ends the second run, whatever the function catches: all saved values are there."""


_early_stop = True


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Whether second runs inside of the block end once all values are there that backward needs.

    >>> x = wg.ones(2, requires_grad=True)
    >>> with wg.utils.checkpoint.set_checkpoint_early_stop(False):
    ...     wg.utils.checkpoint.checkpoint(lambda x: x.exp().sum(), x).backward()
    """
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


def noop_context_fn() -> tuple[Any, Any]:
    """Two contexts that do nothing: the default of ``context_fn``."""
    return contextlib.nullcontext(), contextlib.nullcontext()


# --- what the second run has to find as the first one did ---


class _Surroundings:
    """Random numbers and autocast; generators are the default one and those among the arguments."""

    def __init__(self, preserve_rng_state: bool, leaves: list[Any]) -> None:
        found = [leaf for leaf in leaves if isinstance(leaf, wg.Generator)]
        distinct = {id(g): g for g in (random.default_generator, *found)}.values()
        self.states = [(g, g.get_state()) for g in distinct] if preserve_rng_state else []
        self.autocast = get_autocast_dtype("cpu"), is_autocast_enabled("cpu")

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """Inside of the block generators give the same numbers again."""
        now = [(generator, generator.get_state()) for generator, _ in self.states]
        try:
            for generator, state in self.states:
                generator.set_state(state)
            with autocast("cpu", *self.autocast):
                yield
        finally:
            for generator, state in now:
                generator.set_state(state)


def get_device_states(*args: Any) -> tuple[list[int], list[wg.Tensor]]:
    """The GPUs that tensors among the arguments are on, and the states of their random numbers.

    There are none; the CPU's state is that of :func:`wengert.get_rng_state`.
    """
    return [], []


def set_device_states(
    devices: list[int], states: list[wg.Tensor], *, device_type: str | None = None
) -> None:
    """Sets the random numbers of these GPUs. Raises RuntimeError if there are any."""
    if devices:
        raise RuntimeError("Torch not compiled with CUDA enabled")


# --- without a second backward call ---


class _KeepInputs(Function):
    """Saves tensors as an operation does: for hooks around it, and with their versions."""

    @staticmethod
    def forward(ctx: Any, anchor: wg.Tensor, *tensors: wg.Tensor) -> wg.Tensor:
        ctx.save_for_backward(*tensors)
        return wg.empty(0)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise AssertionError("nothing leads here")


class _Holder:
    """What the graph keeps in the place of a value: the number of the value in its frame."""

    __slots__ = ("__weakref__", "frame", "index")

    def __init__(self, frame: _Frame, index: int) -> None:
        self.frame = frame
        self.index = index


class _Frame:
    """One call of :func:`checkpoint`."""

    KEPT = 4  # an operation may ask for its values several times

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        preserve_rng_state: bool,
        recompute_context: Any,
        check: Callable[[wg.Tensor], Any],
        early_stop: bool,
    ) -> None:
        self.function = function
        leaves, self.structure = tree_flatten((args, kwargs))
        self.surroundings = _Surroundings(preserve_rng_state, leaves)
        self.where = [i for i, leaf in enumerate(leaves) if isinstance(leaf, wg.Tensor)]
        self.leaves = [None if isinstance(leaf, wg.Tensor) else leaf for leaf in leaves]
        # The inputs may be results of an outer block that is checkpointed, too: they are saved
        # like any value, so that its hooks see them.
        anchor = wg.empty(0, requires_grad=True)
        self.inputs = _KeepInputs.apply(anchor, *(leaves[i] for i in self.where)).grad_fn
        self.recompute_context = recompute_context
        self.check = check
        self.early_stop = early_stop
        self.holders: list[weakref.ref[_Holder]] = []
        self.facts: list[Any] = []
        self.values: dict[int | None, dict[int, wg.Tensor]] = {}  # by backward call
        self.last: list[int] = []  # which were asked for, the latest last

    def pack(self, tensor: wg.Tensor) -> _Holder:
        holder = _Holder(self, len(self.holders))
        self.holders.append(weakref.ref(holder))
        self.facts.append(self.check(tensor))
        return holder

    def unpack(self, holder: _Holder) -> wg.Tensor:
        run = running_backward()
        key = None if run is None else run.id
        values = self.values.get(key)
        if values is None or holder.index not in values:
            self.run_again(key)
            values = self.values[key]
        # Values are asked for by one operation after the other; they go then, to keep memory low.
        if holder.index not in self.last:
            self.last.append(holder.index)
            if len(self.last) > self.KEPT:
                values.pop(self.last.pop(0), None)
        return values[holder.index]

    def run_again(self, key: int | None) -> None:
        leaves = list(self.leaves)
        for i, tensor in zip(self.where, self.inputs.saved_tensors, strict=True):
            leaves[i] = tensor
        args, kwargs = tree_unflatten(leaves, self.structure)
        if key is not None and key not in self.values:
            queue_callback(functools.partial(self.forget, key))
        values: dict[int, wg.Tensor] = {}
        self.values[key] = values
        self.last = []
        facts: list[Any] = []

        def keep(tensor: wg.Tensor) -> wg.Tensor:
            index = len(facts)
            facts.append(self.check(tensor))
            if index < len(self.holders) and self.holders[index]() is not None:
                values[index] = tensor
            if self.early_stop and len(facts) == len(self.holders):
                raise _Enough
            return tensor

        stop, record = contextlib.suppress(_Enough), wg.enable_grad()
        hooks = saved_tensors_hooks(keep, lambda tensor: tensor)
        with self.surroundings.again(), self.recompute_context, record, hooks, stop:
            self.function(*args, **kwargs)
        self.compare(facts)

    def forget(self, key: int) -> None:
        self.values.pop(key, None)

    def compare(self, facts: list[Any]) -> None:
        if len(facts) != len(self.facts):
            raise CheckpointError(
                "wengert.utils.checkpoint: A different number of tensors was saved during the "
                "original forward and recomputation.\n"
                f"Number of tensors saved during forward: {len(self.facts)}\n"
                f"Number of tensors saved during recomputation: {len(facts)}."
            )
        wrong = [i for i, (a, b) in enumerate(zip(self.facts, facts, strict=True)) if a != b]
        if wrong:
            lines = "\n".join(
                f"tensor at position {i}:\nsaved metadata: {self.facts[i]}\n"
                f"recomputed metadata: {facts[i]}"
                for i in wrong
            )
            raise CheckpointError(
                "wengert.utils.checkpoint: Recomputed values for the following tensors have "
                f"different metadata than during the forward pass.\n{lines}"
            )


def _metadata(tensor: wg.Tensor) -> dict[str, Any]:
    return {"shape": tensor.shape, "dtype": tensor.dtype, "device": tensor.device}


def _nothing(tensor: wg.Tensor) -> None:
    return None


_CHECKS = {"default": _metadata, "none": _nothing}


# --- with a backward call inside of backward ---


class _Reentrant(Function):
    @staticmethod
    def forward(ctx: Any, function: Any, surroundings: Any, structure: Any, *leaves: Any) -> Any:
        ctx.function, ctx.surroundings, ctx.structure = function, surroundings, structure
        ctx.where = [i for i, leaf in enumerate(leaves) if isinstance(leaf, wg.Tensor)]
        ctx.leaves = [None if isinstance(leaf, wg.Tensor) else leaf for leaf in leaves]
        ctx.save_for_backward(*(leaves[i] for i in ctx.where))
        return function(*tree_unflatten(leaves, structure))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        run = running_backward()
        if run is None or not run.fills_all_leaves:
            raise RuntimeError(
                "When use_reentrant=True, wengert.utils.checkpoint is incompatible with .grad() or "
                "passing an `inputs` parameter to .backward(). To resolve this error, you can "
                "either set use_reentrant=False, or call .backward() without passing the `inputs` "
                "argument."
            )
        leaves = list(ctx.leaves)
        for i, tensor in zip(ctx.where, ctx.saved_tensors, strict=True):
            leaves[i] = tensor.detach().requires_grad_(tensor.requires_grad)
        with ctx.surroundings.again(), wg.enable_grad():
            outputs = ctx.function(*tree_unflatten(leaves, ctx.structure))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [(output, grad) for output, grad in zip(outputs, grads, strict=True)
                 if isinstance(output, wg.Tensor) and output.requires_grad]  # fmt: skip
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        wg.autograd.backward([output for output, _ in pairs], [grad for _, grad in pairs])
        return (
            None,
            None,
            None,
            *(leaf.grad if isinstance(leaf, wg.Tensor) else None for leaf in leaves),
        )


# --- what users call ---


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Calls ``function(*args, **kwargs)`` without keeping what its backward needs.

    Backward runs the function again instead; gradients are the same to the bit. ``args`` and
    ``kwargs`` may be any containers, and blocks may nest. Random numbers are the same in both runs
    with ``preserve_rng_state``: those of the default generator and of generators among the
    arguments. Both run under the same autocast. ``context_fn()`` returns two contexts, around the
    first and the second run. ``determinism_check`` is ``"default"``, which compares shape, dtype
    and device of what is saved in both runs, or ``"none"``; raises :class:`CheckpointError` where
    they differ. With ``early_stop`` the second run ends once it has computed what is needed. Lines
    of the program are always recorded, so ``debug`` changes nothing.

    ``use_reentrant=True`` (PyTorch's old way; here it is not the default) calls backward inside of
    backward. It works with ``backward()`` alone, not with ``autograd.grad``, and takes tensors as
    positional arguments only.

    >>> x = wg.ones(3, requires_grad=True)
    >>> wg.utils.checkpoint.checkpoint(lambda x: x.exp().log(), x).sum().backward()
    >>> x.grad
    tensor([1., 1., 1.])
    """
    if determinism_check not in _CHECKS:
        raise ValueError(
            f"determinism_check should be one of {list(_CHECKS)} but got {determinism_check}"
        )
    if use_reentrant:
        return _checkpoint_reentrant(
            function, args, kwargs, context_fn, determinism_check, preserve_rng_state
        )
    forward_context, recompute_context = context_fn()
    if not wg.is_grad_enabled():
        return function(*args, **kwargs)
    frame = _Frame(
        function, args, kwargs, preserve_rng_state, recompute_context,
        _CHECKS[determinism_check], early_stop and _early_stop,
    )  # fmt: skip
    with (
        forward_context,
        saved_tensors_hooks(frame.pack, lambda holder: holder.frame.unpack(holder)),
    ):
        return function(*args, **kwargs)


def _checkpoint_reentrant(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    context_fn: Callable[[], tuple[Any, Any]],
    determinism_check: str,
    preserve_rng_state: bool,
) -> Any:
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not noop_context_fn or determinism_check != "default":
        raise ValueError(
            "Passing `context_fn` or `determinism_check` is only supported when "
            "use_reentrant=False."
        )
    leaves, structure = tree_flatten(args)
    if not any(isinstance(leaf, wg.Tensor) and leaf.requires_grad for leaf in leaves):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=3
        )
    surroundings = _Surroundings(preserve_rng_state, leaves)
    return _Reentrant.apply(function, surroundings, structure, *leaves)


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """Runs modules one after the other, in ``segments`` checkpointed parts; the last is kept.

    ``functions`` is a ``Sequential`` or a list. Raises ValueError for fewer functions than
    segments.

    >>> model = wg.nn.Sequential(wg.nn.Linear(2, 3), wg.nn.ReLU(), wg.nn.Linear(3, 1))
    >>> wg.utils.checkpoint.checkpoint_sequential(model, 2, wg.ones(4, 2)).shape
    wengert.Size([4, 1])
    """
    steps = list(functions.children() if hasattr(functions, "children") else functions)
    if not 1 <= segments <= len(steps):
        raise ValueError(
            f"checkpoint_sequential(): segments must be between 1 and the number of functions, "
            f"{len(steps)}, but got {segments}"
        )

    def part(begin: int, end: int) -> Callable[[Any], Any]:
        def run(value: Any) -> Any:
            for step in steps[begin:end]:
                value = step(value)
            return value

        return run

    size = len(steps) // segments
    end = 0
    for begin in range(0, size * (segments - 1), size):
        end = begin + size
        input = checkpoint(
            part(begin, end),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve_rng_state,
        )
    return part(end, len(steps))(input)
