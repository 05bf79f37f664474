"""The transforms that run a recorded function backwards: grad, vjp, jacrev."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import wengert as wg
from wengert.autograd._basis import standard_basis
from wengert.utils._pytree import tree_flatten, tree_unflatten

from ._inputs import (
    Argnums,
    Function,
    Recording,
    derivative,
    flat_outputs,
    pick,
    put,
    refuse_complex,
    split_aux,
)
from ._vmap import vmap

__all__ = ["grad", "grad_and_value", "jacrev", "vjp"]


def grad_and_value(
    func: Function, argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that gives ``(gradient, value)`` of ``func``, or ``(gradient, (value, aux))``.

    Args:
        func: takes any arguments and gives a tensor of one element (with ``has_aux``, a tuple of it
            and something else).
        argnums: which positional argument is differentiated, or a tuple of numbers. An argument may
            be a tree (tuples, lists, dictionaries) of floating or complex tensors; the gradient is
            the same tree.
        has_aux: see ``func``.

    Raises:
        RuntimeError: the output is no tensor or has more than zero dimensions; ``argnums`` does not
            fit.

    >>> from wengert.func import grad_and_value
    >>> grad_and_value(lambda x: (x**2).sum())(wg.tensor([1.0, 2.0]))
    (tensor([2., 4.]), tensor(5.))
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        where = "grad_and_value(f)(*args)"
        level = Recording()
        with level.inside():
            tree, aliases, spec = level.fresh_tree(pick(args, argnums))
            result = func(*put(args, argnums, tree), **kwargs)
            level.check_inputs()
            output, aux = split_aux(result, has_aux, where)
            if not isinstance(output, wg.Tensor):
                raise RuntimeError(
                    f"{where}: Expected f(*args) to return a Tensor, got {type(output)}"
                )
            if output.ndim != 0:
                raise RuntimeError(
                    f"{where}: Expected f(*args) to return a scalar Tensor, got tensor with "
                    f"{output.ndim} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            connected = level.connected(output)
            found = derivative([output], aliases, [None], retain_graph=True, create_graph=connected)
            gradient, value, aux = (
                level.leave(tree) for tree in (tree_unflatten(found, spec), output, aux)
            )
        return (gradient, (value, aux)) if has_aux else (gradient, value)

    return wrapper


def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives the gradient of ``func``; with ``has_aux``, ``(gradient, aux)``.

    Arguments and errors are those of :func:`grad_and_value`. Transforms nest: the gradient is a
    function like any other. Inside, operations are recorded whatever the grad mode of the caller;
    within ``no_grad`` the result is a constant to everything outside.

    >>> from wengert.func import grad
    >>> grad(wg.sin)(wg.tensor(0.0))
    tensor(1.)
    >>> grad(grad(lambda x: x**3))(wg.tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> Any:
    """The value of ``func`` at ``primals``, and its vector-Jacobian product as a function.

    Args:
        func: takes the primals, gives a tree of tensors (with ``has_aux``, a tuple of it and
            something else).
        primals: trees of tensors.

    Returns:
        ``(output, vjp_fn)`` or ``(output, vjp_fn, aux)``. ``vjp_fn`` takes the cotangents in the
        structure of the output and gives a tuple with one tree per primal. It may be called
        repeatedly.

    Raises:
        RuntimeError: an output is no tensor of floating or complex dtype; the cotangents have
            another structure.

    >>> from wengert.func import vjp
    >>> output, vjp_fn = vjp(lambda x: x * x, wg.tensor([1.0, 2.0]))
    >>> output, vjp_fn(wg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), (tensor([ 2., 40.]),))
    """
    where = "vjp(f, *primals)"
    level = Recording()
    with level.inside():
        trees, aliases, spec = level.fresh_tree(primals)
        result = func(*trees)
        level.check_inputs()
        output, aux = split_aux(result, has_aux, where)
        flat, output_spec = flat_outputs(output, where)
    for tensor in flat:
        if not (tensor.is_floating_point() or tensor.is_complex()):
            raise RuntimeError(
                "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got "
                f"Tensor with dtype {tensor.dtype}"
            )
    connected = any(map(level.connected, flat))

    def vjp_fn(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        given, given_spec = tree_flatten(cotangents)
        if given_spec != output_spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {given_spec}, primal output: {output_spec}"
            )
        if create_graph is None:
            create_graph = wg.is_grad_enabled() and (
                connected or any(cotangent.requires_grad for cotangent in given)
            )
        found = derivative(
            flat, aliases, given, retain_graph=retain_graph, create_graph=create_graph
        )
        return tree_unflatten(found, spec)

    value = level.leave(output)
    return (value, vjp_fn, level.leave(aux)) if has_aux else (value, vjp_fn)


def jacrev(
    func: Function,
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that gives the Jacobian of ``func``, by running it backwards once per output.

    All rows are computed at once, as one batch; ``chunk_size`` limits their number and so the
    memory. It is cheaper than :func:`jacfwd` where there are fewer outputs than inputs.

    Args:
        func: takes trees of real tensors, gives a tree of real tensors (with ``has_aux``, a tuple
            of it and something else).
        argnums: which positional argument is differentiated, or a tuple of numbers.

    Returns:
        in the structure of the output, for each of its tensors: the structure of the argument (with
        a tuple ``argnums``, a tuple of these), with tensors of shape ``output.shape +
        input.shape``. With ``has_aux``, the pair of that and the aux.

    Raises:
        ValueError: ``chunk_size`` is not positive.
        RuntimeError: an input or output is complex; see also :func:`vjp`.

    >>> from wengert.func import jacrev
    >>> jacrev(wg.sin)(wg.zeros(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        chosen = pick(args, argnums)
        flat_inputs, input_spec = tree_flatten(chosen)

        def of_chosen(values: Any) -> Any:
            return func(*put(args, argnums, values), **kwargs)

        refuse_complex("jacrev", [x for x in flat_inputs if isinstance(x, wg.Tensor)], "inputs")
        output, vjp_fn, *aux = vjp(of_chosen, chosen, has_aux=has_aux)
        flat, output_spec = tree_flatten(output)
        refuse_complex("jacrev", flat, "outputs")

        def rows(*cotangents: wg.Tensor) -> tuple[wg.Tensor, ...]:
            (gradients,) = vjp_fn(tree_unflatten(cotangents, output_spec))
            return tuple(tree_flatten(gradients)[0])

        total = sum(y.numel() for y in flat)
        step = total if chunk_size is None else chunk_size
        parts = []
        for start in range(0, total, max(step, 1)):
            stop = min(start + step, total)
            basis = standard_basis(flat, start, stop)
            if chunk_size == 1:  # a batch of one needs no batching
                parts.append([part.unsqueeze(0) for part in rows(*(g[0] for g in basis))])
            else:
                parts.append(list(vmap(rows)(*basis)))
        blocks = [
            wg.cat(column) if len(column) > 1 else column[0] for column in zip(*parts, strict=True)
        ]
        trees = []
        for y, of_y in _split_rows(flat, flat_inputs, blocks):
            jacobians = [
                rows.reshape((*y.shape, *x.shape))
                for rows, x in zip(of_y, flat_inputs, strict=True)
            ]
            trees.append(tree_unflatten(jacobians, input_spec))
        result = tree_unflatten(trees, output_spec)
        return (result, *aux) if has_aux else result

    return wrapper


def _split_rows(
    outputs: list[wg.Tensor], inputs: list[wg.Tensor], blocks: list[wg.Tensor]
) -> Iterator[tuple[wg.Tensor, list[wg.Tensor]]]:
    """Each output, and its rows of the Jacobian with respect to each input."""
    start = 0
    for y in outputs:
        size = y.numel()
        if blocks:
            yield y, [block.narrow(0, start, size) for block in blocks]
        else:  # there is not one row
            yield y, [wg.zeros(0, *x.shape, dtype=x.dtype) for x in inputs]
        start += size
