"""Reverse-mode differentiation of recorded programs.

`backward` adds gradients to `.grad`; `grad` returns them. The modes decide what is recorded.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from wengert import _C
from wengert._C import Tensor, _run_backward, _zeros

from . import _stories, _trails, forward_ad, function, functional, graph
from ._explain import Explanation, explain
from ._lint import lint
from ._strong_zeros import is_strong_zeros_enabled, set_strong_zeros
from .anomaly_mode import detect_anomaly, set_detect_anomaly
from .function import Function
from .grad_mode import (
    _unsafe_preserve_version_counter as _unsafe_preserve_version_counter,
)
from .grad_mode import (
    enable_grad,
    inference_mode,
    is_multithreading_enabled,
    no_grad,
    set_grad_enabled,
    set_multithreading_enabled,
)
from .gradcheck import gradcheck, gradgradcheck
from .graph import GradientEdge
from .variable import Variable

__all__ = [
    "Explanation",
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "explain",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_multithreading_enabled",
    "is_strong_zeros_enabled",
    "lint",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
    "set_strong_zeros",
]

_C._set_stories(_stories)


def _sequence(value: Any) -> list[Any]:
    single = value is None or isinstance(value, Tensor | GradientEdge)
    return [value] if single else list(value)


def backward(
    tensors: Tensor | GradientEdge | Sequence[Tensor | GradientEdge],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Tensor | Sequence[Tensor | None] | None = None,
    inputs: Tensor | GradientEdge | Sequence[Tensor | GradientEdge] | None = None,
) -> None:
    """Adds the gradients of ``tensors`` to ``.grad`` of the leaves (or of ``inputs`` alone).

    A ``graph.GradientEdge`` may stand for a tensor.

    ``grad_tensors`` holds one cotangent per tensor, of its shape; it may be left out for tensors of
    one element; ``grad_variables`` is its old name. The graph is freed unless ``retain_graph``
    (default: ``create_graph``) is true.
    Raises RuntimeError if a tensor has no history or the graph was freed before.

    >>> x = wg.tensor([3.0], requires_grad=True)
    >>> wg.autograd.backward(x * x)
    >>> x.grad
    tensor([6.])
    """
    if grad_variables is not None:
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.",
            FutureWarning,
            stacklevel=2,
        )
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                "`backward()`. Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    roots = _sequence(tensors)
    gradients = [None] * len(roots) if grad_tensors is None else _sequence(grad_tensors)
    if len(gradients) != len(roots):
        raise RuntimeError(
            f"got {len(roots)} tensors and {len(gradients)} gradients\n  expected one per tensor"
        )
    targets = [] if inputs is None else _sequence(inputs)
    if inputs is not None and not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    _check_targets(targets)
    keep = create_graph if retain_graph is None else retain_graph
    if roots and isinstance(roots[0], Tensor) and roots[0].grad_fn is None:
        _trails.warn_of_lost(roots)
    _run_backward(roots, gradients, targets, keep, create_graph, True)


def grad(
    outputs: Tensor | GradientEdge | Sequence[Tensor | GradientEdge],
    inputs: Tensor | GradientEdge | Sequence[Tensor | GradientEdge],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, as a tuple; ``.grad`` is untouched.

    With ``is_grads_batched`` the first dimension of ``grad_outputs`` counts several cotangents, and
    that of each gradient goes with it. An input that the outputs do not depend on raises
    RuntimeError, or gives None with ``allow_unused``, or zeros with ``materialize_grads``.

    >>> x = wg.tensor(2.0, requires_grad=True)
    >>> wg.autograd.grad(x**3, x)
    (tensor(12.),)
    """
    if not only_inputs:
        raise NotImplementedError("grad(): only_inputs=False is not supported: call backward()")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    if is_grads_batched:
        return _batched_grad(
            outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused,
            materialize_grads,
        )  # fmt: skip
    roots, targets = _sequence(outputs), _sequence(inputs)
    gradients = [None] * len(roots) if grad_outputs is None else _sequence(grad_outputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    _check_targets(targets)
    keep = create_graph if retain_graph is None else retain_graph
    results = list(_run_backward(roots, gradients, targets, keep, create_graph, False))
    for i, (result, target) in enumerate(zip(results, targets, strict=True)):
        if result is not None:
            continue
        if materialize_grads:
            results[i] = _zeros(*_shape_and_dtype(target))
        elif not allow_unused:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph. "
                f"Set allow_unused=True if this is the desired behavior.\n  input {i}: "
                f"{_describe(target)}{_why_unused(roots, target)}"
            )
    return tuple(results)  # type: ignore[arg-type]


def _check_targets(targets: list[Tensor | GradientEdge]) -> None:
    for i, target in enumerate(targets):
        if not isinstance(target, Tensor | GradientEdge):
            raise RuntimeError(
                "all inputs have to be Tensors or GradientEdges, but got "
                f"{type(target).__name__}\n  input {i}: {target!r:.80}"
            )
        if isinstance(target, Tensor) and not target.requires_grad:
            raise RuntimeError(
                f"One of the differentiated Tensors does not require grad\n  input {i}: "
                f"{_describe(target)}{_trails.story(target)}"
            )


def _batched_grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any,
    retain_graph: bool | None,
    create_graph: bool,
    allow_unused: bool | None,
    materialize_grads: bool,
) -> tuple[Tensor, ...]:
    """`grad` for many cotangents, stacked along their first dimension."""
    from wengert.func import vmap

    given = [] if grad_outputs is None else _sequence(grad_outputs)
    cotangents = [g for g in given if g is not None]
    found: list[bool] = []

    def pull(*rows: Tensor) -> list[Tensor]:
        left = iter(rows)
        gradients = grad(
            outputs,
            inputs,
            [None if g is None else next(left) for g in given],
            retain_graph,
            create_graph,
            allow_unused=allow_unused,
            materialize_grads=materialize_grads,
        )
        found[:] = [g is not None for g in gradients]
        return [g for g in gradients if g is not None]

    if not cotangents:
        raise RuntimeError("grad(): is_grads_batched=True needs grad_outputs")
    results = iter(vmap(pull)(*cotangents))
    return tuple(next(results) if here else None for here in found)  # type: ignore[misc]


def _why_unused(roots: list[Tensor | GradientEdge], target: Tensor | GradientEdge) -> str:
    # Looked for among all outputs together; the first one stands for them in the text.
    tensors = [root for root in roots if isinstance(root, Tensor)]
    if not tensors or not isinstance(target, Tensor):
        return ""
    for root in tensors:
        found = explain(root, target)
        if found.verdict not in ("unused", "gradient", "freed"):
            return f"\n    {found}"
    return f"\n    {explain(tensors[0], target)}"


def _shape_and_dtype(target: Tensor | GradientEdge) -> tuple[Any, Any]:
    if isinstance(target, Tensor):
        return target.shape, target.dtype
    dtype, shape = target.node._output_info[target.output_nr]
    return shape, dtype


def _describe(target: Tensor | GradientEdge) -> str:
    shape, dtype = _shape_and_dtype(target)
    return f"{str(dtype).rpartition('.')[2]}{list(shape)} cpu"
