"""Custom functions inside of vmap and forward mode.

The innermost level of the arguments decides. A level of forward mode runs the function on the
primals and pushes the tangents with ``jvp``, or with the transpose of ``backward`` where there is
no ``jvp``. A level of vmap asks the static method ``vmap``, or, with ``generate_vmap_rule``, maps
``forward`` and ``backward`` over the samples. In both cases the function then records itself at
this level, for gradients that are asked for inside of the transform.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from wengert import _C
from wengert._C import Tensor, _FunctionCtx

from .grad_mode import no_grad, set_grad_enabled

_RANDOMNESS = ("error", "same", "different")


class VmapInfo(NamedTuple):
    """What the static method ``vmap`` is told."""

    batch_size: int
    randomness: str


class _ForwardContext(_FunctionCtx):
    """The context of ``jvp``, and of a ``backward`` that is run for one sample."""

    _kept: tuple[Any, ...] = ()

    def save_for_forward(self, *tensors: Any) -> None:
        super().save_for_forward(*tensors)
        self._kept = tensors

    def save_for_backward(self, *tensors: Any) -> None:
        super().save_for_backward(*tensors)
        if not self._kept:
            self._kept = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:  # type: ignore[override]
        return self._kept


class _Calls(threading.local):
    """What `forward` is to do in the place of the user's: the innermost call last."""

    def __init__(self) -> None:
        self.stack: list[Callable[..., Any]] = []


_calls = _Calls()
_variants: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _variant(function: Any) -> Any:
    """The same function with a ``forward`` that runs it one level further out."""
    if function not in _variants:

        def forward(*args: Any) -> Any:
            return _calls.stack[-1](*args)

        _variants[function] = type(
            function.__name__, (function,), {"forward": staticmethod(forward)}
        )
    return _variants[function]


def apply_in_transform(function: Any, args: tuple[Any, ...]) -> Any:
    """``function.apply(*args)``, where at least one of the arguments belongs to a transform."""
    from .function import Function

    if function.setup_context is Function.setup_context:
        raise RuntimeError(
            "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, "
            "jacrev, ...), it must override the setup_context staticmethod.\n"
            f"  function: {function.__name__}"
        )
    found = _C._highest_level(args)
    assert found is not None
    level, batched, size, randomness = found
    lifted = tuple(_C._lift_to(x, level) if isinstance(x, Tensor) else x for x in args)
    recorded = _C._inner_mode(level)

    def outside(*given: Any) -> Any:
        with set_grad_enabled(recorded):
            if batched:
                info = VmapInfo(size, _RANDOMNESS[randomness])
                return _batched(function, given, level, info)
            return _dual(function, given, level)

    _calls.stack.append(outside)
    try:
        return _C._apply_here(_variant(function), lifted)
    finally:
        _calls.stack.pop()


def _parts(value: Any) -> tuple[int | None, Any, Any]:
    """Batch dimension, tensor within and tangent of a tensor of the level."""
    if not isinstance(value, Tensor):
        return None, value, None
    wrapper = _C._wrapper_of(value)
    assert wrapper is not None
    return wrapper[2], wrapper[3], wrapper[4]


def _as_given(outputs: Any, results: list[Any]) -> Any:
    return tuple(results) if isinstance(outputs, tuple) else results[0]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]


# ---- forward mode ----


def _dual(function: Any, given: tuple[Any, ...], level: int) -> Any:
    from .function import Function

    parts = [_parts(value) for value in given]
    primals = tuple(primal for _, primal, _ in parts)
    tangents = [tangent for _, _, tangent in parts]
    outputs = function.apply(*primals)
    values = _listed(outputs)
    slopes: list[Any] = [None] * len(values)
    if any(tangent is not None for tangent in tangents) and _C._is_fwd_grad_enabled():
        if function.jvp is not Function.jvp:
            slopes = _by_jvp(function, primals, tangents, outputs)
        else:
            slopes = _by_backward(function, primals, tangents)
    results = [
        value
        if not isinstance(value, Tensor)
        else _C._lift_to(value, level)
        if slope is None
        else _C._make_dual(value, slope, level)
        for value, slope in zip(values, slopes, strict=True)
    ]
    return _as_given(outputs, results)


def _by_jvp(
    function: Any, primals: tuple[Any, ...], tangents: list[Any], outputs: Any
) -> list[Any]:
    ctx = _ForwardContext()
    ctx.needs_input_grad = tuple(tangent is not None for tangent in tangents)
    with no_grad():
        function.setup_context(ctx, primals, outputs)
    if ctx.materialize_grads:
        tangents = [
            _C.zeros_like(primal)
            if tangent is None and isinstance(primal, Tensor) and primal.is_floating_point()
            else tangent
            for primal, tangent in zip(primals, tangents, strict=True)
        ]
    slopes = _listed(function.jvp(ctx, *tangents))
    count = len(_listed(outputs))
    if len(slopes) != count:
        raise RuntimeError(
            f"{function.__name__}.jvp returned {len(slopes)} tangents for {count} outputs"
        )
    return slopes


def _by_backward(function: Any, primals: tuple[Any, ...], tangents: list[Any]) -> list[Any]:
    """The transpose of ``backward``, which has to be made of differentiable operations."""
    places = [i for i, primal in enumerate(primals) if isinstance(primal, Tensor)]

    def again(*tensors: Any) -> list[Any]:
        args = list(primals)
        for i, tensor in zip(places, tensors, strict=True):
            args[i] = tensor
        return [y for y in _listed(function.apply(*args)) if isinstance(y, Tensor)]

    return list(
        _C._push_tangents([primals[i] for i in places], [tangents[i] for i in places], again)
    )


# ---- vmap ----


def _batched(function: Any, given: tuple[Any, ...], level: int, info: VmapInfo) -> Any:
    from .function import Function

    parts = [_parts(value) for value in given]
    in_dims = tuple(dim for dim, _, _ in parts)
    args = tuple(value for _, value, _ in parts)
    if all(dim is None for dim in in_dims):
        outputs, out_dims = function.apply(*args), None
    elif function.vmap is not Function.vmap:
        if function.generate_vmap_rule:
            raise RuntimeError(
                f"You tried to vmap over {function.__name__}, but it has both "
                "generate_vmap_rule=True and an overriden vmap staticmethod. Please set "
                "generate_vmap_rule=False or delete the overriden vmap staticmethod to avoid "
                "ambiguity."
            )
        result = function.vmap(info, in_dims, *args)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise RuntimeError(
                f"{function.__name__}.vmap must return a tuple: the outputs, and where their batch "
                f"dimensions are; got {type(result).__name__}"
            )
        outputs, out_dims = result
    elif function.generate_vmap_rule:
        outputs, out_dims = _mapped(function, in_dims, info).apply(*args), 0
    else:
        raise RuntimeError(
            f"You tried to vmap over {function.__name__}, but it does not have vmap support. "
            "Please override and implement the vmap staticmethod or set generate_vmap_rule=True."
        )
    values = _listed(outputs)
    dims = list(out_dims) if isinstance(out_dims, tuple | list) else [out_dims] * len(values)
    results = [
        _C._add_batch(value, dim, level) if isinstance(value, Tensor) else value
        for value, dim in zip(values, dims, strict=True)
    ]
    return _as_given(outputs, results)


def _mapped(function: Any, in_dims: tuple[int | None, ...], info: VmapInfo) -> Any:
    """The function of whole batches: forward and backward, sample by sample, under vmap."""
    from wengert.func import vmap

    from .function import Function

    randomness = info.randomness
    shared = [i for i, dim in enumerate(in_dims) if dim is None]

    class Mapped(Function):
        @staticmethod
        def forward(*args: Any) -> Any:
            return vmap(function.forward, in_dims, 0, randomness)(*args)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            outputs = _listed(output)
            ctx.save_for_backward(
                *(x for x in inputs if isinstance(x, Tensor)),
                *(y for y in outputs if isinstance(y, Tensor)),
            )
            ctx.inputs = [None if isinstance(x, Tensor) else x for x in inputs]
            ctx.is_tensor = [isinstance(x, Tensor) for x in inputs]
            ctx.single = not isinstance(output, tuple)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            saved = iter(ctx.saved_tensors)
            inputs = [
                next(saved) if tensor else value
                for tensor, value in zip(ctx.is_tensor, ctx.inputs, strict=True)
            ]
            outputs = tuple(saved)
            places: list[int] = []

            def one(inputs: list[Any], outputs: tuple[Any, ...], grads: tuple[Any, ...]) -> Any:
                own = _ForwardContext()
                own.needs_input_grad = ctx.needs_input_grad
                function.setup_context(own, tuple(inputs), outputs[0] if ctx.single else outputs)
                rule = function.backward
                if rule is Function.backward:
                    rule = function.vjp
                found = _listed(rule(own, *grads))
                places[:] = [i for i, g in enumerate(found) if isinstance(g, Tensor)]
                return tuple(found[i] for i in places)

            results = vmap(one, (list(in_dims), 0, 0), 0, randomness)(inputs, outputs, grads)
            gradients: list[Any] = [None] * len(inputs)
            for i, gradient in zip(places, results, strict=True):
                if i in shared:
                    gradients[i] = gradient.sum(0)
                else:
                    gradients[i] = gradient.movedim(0, in_dims[i])
            return tuple(gradients)

    Mapped.__name__ = function.__name__
    return Mapped
